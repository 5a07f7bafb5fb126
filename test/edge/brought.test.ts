// A session that comes here: nobody is told so before the journal has it for good, and journal and venue the orders that the venue
// has not had; and then at once. If it cannot come its client hears that in time. The simulator's log is written when the test says
// so, as one is that follows a journal in the store.
import { afterAll, expect, test } from '@jest/globals';
import type { EdgeRow, Holding, LiveSession } from '../../core/sessions/model.ts';
import { Dictionaries } from '../../edge/dictionaries.ts';
import { loadDictionaries } from '../../edge/fix/dictionary/index.ts';
import { SUBMITTED } from '../../edge/fix/session/ports.ts';
import { DEFAULT_PROFILE } from '../../edge/fix/session/profile.ts';
import type { Journal } from '../../edge/journal/journal.ts';
import { RENEW_WITHIN_MS, RESERVE_NUMBERS } from '../../edge/journal/limits.ts';
import { MOVE_RETRY_MS, MOVE_WITHIN_MS } from '../../edge/limits.ts';
import { createLogger } from '../../edge/log.ts';
import { Metrics } from '../../edge/metrics.ts';
import { Sessions } from '../../edge/sessions.ts';
import { Mover } from '../../edge/takeover/mover.ts';
import { Turns } from '../../edge/turn.ts';
import { FileLog } from '../../edge/venue/simulator/file-log.ts';
import { Simulator } from '../../edge/venue/simulator/simulator.ts';
import type { VenueSession } from '../../edge/venue/venue.ts';
import { SimTime, settle } from '../core/sessions/world.ts';
import { framed, viewOf } from './fix/wire.ts';
import { plainKeys } from './journal/keys.ts';
import { FaultyStore, forgetRemote, HandTimers, openRemote } from './journal/remote.ts';
import { cleanUp, newDirectory, openFile } from './journal/support.ts';

afterAll(cleanUp);
afterAll(forgetRemote);

const bundled = await loadDictionaries();

const KEY = { begin_string: 'FIX.4.4', sender_comp_id: 'ANN', sender_sub_id: '', target_comp_id: 'GATEWAY' } as const;
const SESSION: VenueSession = { id: 'FIX.4.4|GATEWAY|ANN|', user_id: 'ann', appl_ver_id: '', ...KEY, epoch: 7 };
const LIVE = { session_id: 'e-1.1.1', user_id: 'ann', key: KEY, edge_id: 'e-1' } as unknown as LiveSession;
/** Another edge had spoken for it, and has not come to take it. */
const HOLDING: Holding = { epoch: 7, home: 'e-1', from: 'e-2', reserved: undefined };

const orderOf = (sender: string): Buffer => {
  const at = '20260105-12:00:00';
  return framed(`35=D|34=2|49=${sender}|56=GATEWAY|52=${at}|11=${sender}|55=INTC|54=1|38=10|40=2|44=1.00|60=${at}|`);
};

const unused = (): never => {
  throw new Error('not asked for');
};

const onDisk = (): Journal => openFile(newDirectory(), {}, [], { keys: plainKeys(), inbound: true });

/** An edge whose journal has an order of the session, 34=2. @param had the last one that the venue has */
async function edge(had = 1, journal = onDisk(), numbers = 0) {
  const time = new SimTime();
  const row = { edge_id: 'e-2', incarnation: 1, state: 'alive', questions: 2 } as EdgeRow;
  const log = createLogger('silent', 'e-1');
  const turns = new Turns(time, { flush: () => journal.flush() }, log);
  const { later } = journal;
  if (later !== undefined) {
    later.attend({ closing() {}, written() {}, released: () => turns.release(), revoked() {} });
    turns.defer(later);
  }
  const metrics = new Metrics();
  const sessions = new Sessions({ journal, turns, profile: DEFAULT_PROFILE, numbers, metrics });
  const simulator = new Simulator({ sink: sessions, seed: 1, now: time.now(), log: new FileLog(newDirectory()) });
  const venue = Object.assign(simulator, { claim: async () => ({ generation: 0, msg_seq_num: had }) });
  const settled: number[] = [];
  const house = {
    turns,
    sessions,
    venue,
    dictionaries: new Dictionaries(bundled, new Map()),
    metrics,
    log,
    ask: async () => ({ ask: '', said: 'silent' }) as const,
  };
  const mover = new Mover({
    house,
    journal,
    numbers: { note() {} },
    blocks: { knows: () => false, settling: () => undefined, settled() {}, gone() {}, clear() {} },
    slots: {
      epoch: unused,
      settle: async (_, epoch) => {
        settled.push(epoch);
        return true;
      },
    },
    edges: { acknowledge: unused },
    store: { collect: unused, discard: unused },
    box: { seal: unused, open: unused },
    standing: { of: async () => row, now: async () => row, beat: () => 'stands', note: async () => {} } as never,
    estates: undefined,
    clock: time,
    timers: time,
  });
  turns.run(() => {
    sessions.renewed(SESSION, DEFAULT_PROFILE);
    const order = orderOf('ANN');
    sessions.storeOf(SESSION.id).received(2, order, 0, order.length, time.now(), SUBMITTED, 0, 0);
  });
  journal.flush();
  /** Somebody else's order, whose batch of the journal is on its way. */
  const submitted = (): void =>
    turns.run(() => {
      const other: VenueSession = { ...SESSION, id: 'FIX.4.4|GATEWAY|BEN|', user_id: 'ben', sender_comp_id: 'BEN' };
      sessions.renewed(other, DEFAULT_PROFILE);
      const { message } = viewOf(orderOf('BEN'));
      const dictionary = bundled.get('FIX.4.4', '')!;
      const context = { session: other, generation: 0, msg_seq_num: 2, dictionary, now: time.now(), recovered: false };
      venue.submit(message, context);
    });
  return { time, mover, turns, venue, submitted, settled, close: () => journal.close() };
}

test('it is here once the venue has its orders on disk, and not before', async () => {
  const { time, mover, venue, settled, close } = await edge();
  const mark = venue.mark!;
  let brought: boolean | undefined;
  void mover
    .bring(SESSION, LIVE, HOLDING, time.monotonic(), () => true)
    .then((is) => {
      brought = is;
    });
  for (let ms = 0; ms < 1_000; ms += 50) await time.advance(50);
  await settle();
  expect([venue.pending, venue.mark, settled, brought]).toEqual([true, mark, [], undefined]);

  venue.flush();
  expect(venue.mark).toBe(mark + 1);
  for (let ms = 0; ms < 100; ms += 10) await time.advance(10);
  await settle();
  expect([settled, brought]).toEqual([[7], true]);
  await close();
});

test('behind what is sealed it waits for the flush after that', async () => {
  const { time, mover, venue, submitted, settled, close } = await edge();
  const mark = venue.mark!;
  submitted();
  venue.seal();
  const { sealed } = venue;
  let brought: boolean | undefined;
  void mover
    .bring(SESSION, LIVE, HOLDING, time.monotonic(), () => true)
    .then((is) => {
      brought = is;
    });
  await time.advance(100);
  venue.flush();
  for (let ms = 0; ms < 200; ms += 20) await time.advance(20);
  await settle();
  expect([sealed, venue.mark, settled, brought]).toEqual([true, mark + 1, [], undefined]);

  venue.flush();
  for (let ms = 0; ms < 100; ms += 10) await time.advance(10);
  await settle();
  expect([venue.mark, settled, brought]).toEqual([mark + 2, [7], true]);
  await close();
});

test('a venue that cannot write has it refused, and it is not said to be here', async () => {
  const { time, mover, settled, close } = await edge();
  let brought: boolean | undefined;
  void mover
    .bring(SESSION, LIVE, HOLDING, time.monotonic(), () => true)
    .then((is) => {
      brought = is;
    });
  for (let ms = 0; ms < MOVE_WITHIN_MS + 200; ms += 100) await time.advance(100);
  await settle();
  expect([settled, brought]).toEqual([[], false]);
  await close();
});

test('behind numbers that nobody waits for, which share a commit with others, it does not wait for that', async () => {
  const timers = new HandTimers();
  const remote = await openRemote(new FaultyStore(), { timers, commit: 'reserve', inbound: true });
  const { time, mover, turns, venue, settled } = await edge(2, remote, RESERVE_NUMBERS);
  await timers.pass(1_000);
  const { released } = remote.later!;
  remote.session(SESSION.id).setNextOut(3);
  turns.run(() => remote.flush());
  await timers.pass(RENEW_WITHIN_MS / 2);
  expect([remote.later!.ticket, remote.later!.released]).toEqual([released + 1, released]);

  let brought: boolean | undefined;
  void mover
    .bring(SESSION, LIVE, HOLDING, time.monotonic(), () => true)
    .then((is) => {
      brought = is;
    });
  for (let ms = 0; ms < 100; ms += 10) {
    await time.advance(10);
    await timers.pass(10);
    venue.flush();
  }
  expect([remote.later!.released, settled, brought]).toEqual([released + 1, [7], true]);
});

test.each([
  [0, 2_000],
  [1_000, 2_000],
  [3_000, 500],
  [4_500, 0],
])('home out of reach, found after %d ms: its client is told after %d ms more', async (decidedMs, moreMs) => {
  const { time, mover, close } = await edge();
  const elsewhere: Holding = { ...HOLDING, home: 'e-2' };
  await time.advance(decidedMs);
  let toldMs = Number.NaN;
  void mover
    .bring(SESSION, LIVE, elsewhere, 0, () => true)
    .then((is) => {
      toldMs = is ? Number.NaN : time.monotonic() - decidedMs;
    });
  for (let ms = 0; ms < 3_000; ms += 10) await time.advance(10);
  expect([toldMs >= moreMs, toldMs <= moreMs + MOVE_RETRY_MS + 20]).toEqual([true, true]);
  await close();
});
