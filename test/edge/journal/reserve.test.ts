// Sessions that send ahead of what is durable: out of a block of numbers that is, and above it after a loss.

import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { markBoot, sameBoot } from '../../../edge/boot.ts';
import { openJournal } from '../../../edge/journal/file.ts';
import { segmentName } from '../../../edge/journal/format.ts';
import type { Journal, JournalSession } from '../../../edge/journal/journal.ts';
import { Syncing } from '../../../edge/journal/syncing.ts';
import { type Done, SYSTEM_SYNCS, type Syncs } from '../../../edge/syncs.ts';
import { plainKeys } from './keys.ts';
import { FaultyStore, forgetRemote, HandTimers, openRemote, type RemoteOptions, shipped } from './remote.ts';
import { append, crashed, type Line, logInto, NOW, newDirectory, sent } from './support.ts';

afterEach(forgetRemote);

const BLOCK = 10;
const SMALL = { segment_bytes: 1500, resend_retention: 12, block_bytes: 300 };

/** A disk whose syncs end when they are told to. */
class HandSyncs implements Syncs {
  readonly dataNow = SYSTEM_SYNCS.dataNow;
  readonly namesNow = SYSTEM_SYNCS.namesNow;
  readonly zeros = SYSTEM_SYNCS.zeros;
  readonly #waiting: (() => void)[] = [];
  fails = false;

  data(_fd: number, done: (error: Error | null) => void): void {
    this.#waiting.push(() => done(this.fails ? new Error('EIO') : null));
  }

  names(_directory: string, done: (error: Error | null) => void): void {
    this.#waiting.push(() => done(null));
  }

  get underWay(): number {
    return this.#waiting.length;
  }

  end(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
}

function inFiles(directory: string, lines: Line[] = []) {
  const [syncs, timers] = [new HandSyncs(), new HandTimers()];
  const parts = { directory, log: logInto(lines), monotonic: () => timers.now, after: timers.after, syncs };
  const mirror = new Syncing(parts);
  const more = { mirror, commit: 'reserve', ahead: true, whole: sameBoot(directory, 'boot 1') } as const;
  // Not closed after the test: its disk answers no more.
  const journal = openJournal({ directory, now: () => NOW, log: logInto(lines), ...more });
  markBoot(directory, 'boot 1');
  return { journal, syncs, timers, mirror };
}

/** Whether what it has said would leave now. */
function says(journal: Journal, session: JournalSession, text: string): boolean {
  append(session, text);
  journal.flush();
  return session.ahead;
}

describe('in files', () => {
  test('nothing leaves before the first block is on disk, then all that is within it, and the next is there in time', async () => {
    const { journal, syncs, timers } = inFiles(newDirectory());
    const one = journal.session('one');
    one.sendAhead(BLOCK);
    expect(says(journal, one, '1')).toBe(false);
    await timers.pass(10);
    expect([one.ahead, syncs.underWay]).toEqual([false, 2]);
    syncs.end();
    // Numbers 2 to 11 are reserved; the next block is asked for with the sixth of them.
    for (let n = 2; n <= 11; n++) expect([n, says(journal, one, `${n}`)]).toEqual([n, true]);
    expect(says(journal, one, '12')).toBe(false);
    await timers.pass(10);
    syncs.end();
    expect(one.ahead).toBe(true);
    syncs.end();
  });

  test('a session that reserves nothing leaves when it is written, and one whose numbers begin anew waits again', async () => {
    const { journal, syncs, timers } = inFiles(newDirectory());
    expect(says(journal, journal.session('plain'), '1')).toBe(true);
    const one = journal.session('one');
    one.sendAhead(BLOCK);
    says(journal, one, '1');
    for (let i = 0; i < 3; i++) {
      await timers.pass(10);
      syncs.end();
    }
    expect(one.ahead).toBe(true);
    one.reset(5);
    expect(says(journal, one, 'anew')).toBe(false);
    for (let i = 0; i < 3; i++) {
      await timers.pass(10);
      syncs.end();
    }
    expect([one.ahead, one.nextOut]).toEqual([true, 2]);
  });

  test('a batch counts as durable once the disk has what others wrote for it, too', async () => {
    const { journal, syncs, timers, mirror } = inFiles(newDirectory());
    const asked: Done[] = [];
    const attendant = { closing() {}, written() {}, released() {}, revoked() {} };
    mirror.attend({ ...attendant, sync: (done) => void asked.push(done) });
    says(journal, journal.session('one'), '1');
    await timers.pass(10);
    syncs.end();
    expect([asked.length, mirror.released]).toEqual([1, 0]);
    asked[0]!(null);
    expect(mirror.released).toBe(1);
    says(journal, journal.session('one'), '2');
    await timers.pass(10);
    syncs.end();
    asked[1]!(new Error('EIO'));
    expect([mirror.released, mirror.stuck]).toEqual([1, true]);
  });

  test('orders are refused while the disk takes too long for a sync, and not because this process stood still', async () => {
    const { journal, syncs, timers, mirror } = inFiles(newDirectory());
    says(journal, journal.session('one'), '1');
    await timers.pass(10);
    timers.now += 5000;
    await timers.pass(0);
    expect([mirror.stuck, mirror.released]).toEqual([false, 0]);
    await timers.pass(2000);
    expect(mirror.stuck).toBe(true);
    syncs.end();
    expect([mirror.stuck, mirror.released]).toEqual([false, 1]);
  });

  test('killed, all that was written is there; with the machine, it goes on above the block and says what is in doubt', async () => {
    const directory = newDirectory();
    const { journal, syncs, timers } = inFiles(directory);
    const one = journal.session('one');
    one.sendAhead(BLOCK);
    says(journal, one, '1');
    await timers.pass(10);
    syncs.end();
    says(journal, one, '2');
    const killed = inFiles(crashed(directory));
    expect(killed.journal.session('one')).toMatchObject({ nextOut: 3, lostAt: 0 });
    const machine = crashed(directory);
    markBoot(machine, 'boot 0');
    const other = inFiles(machine).journal.session('one');
    expect(other.nextOut).toBe(2 + BLOCK);
    expect(other.lostAt).toBeGreaterThan(0);
    // What is there is resent, what is not is a hole.
    expect(sent(other).map(([n]) => n)).toEqual([1, 2]);
    // It is remembered, and counts once.
    const again = inFiles(crashed(machine)).journal.session('one');
    expect([again.nextOut, again.lostAt]).toEqual([2 + BLOCK, other.lostAt]);
  });

  test('closed in order, numbers go on where they were', async () => {
    const directory = newDirectory();
    const { journal, syncs, timers } = inFiles(directory);
    const one = journal.session('one');
    one.sendAhead(BLOCK);
    says(journal, one, '1');
    const closing = journal.close();
    for (let i = 0; i < 4; i++) {
      await timers.pass(10);
      syncs.end();
    }
    await closing;
    markBoot(directory, 'boot 0');
    expect(inFiles(directory).journal.session('one')).toMatchObject({ nextOut: 2, lostAt: 0 });
  });

  test('a disk that does not keep what it is given: no new block, orders are refused, and it is said', async () => {
    const lines: Line[] = [];
    const { journal, syncs, timers, mirror } = inFiles(newDirectory(), lines);
    const one = journal.session('one');
    one.sendAhead(BLOCK);
    syncs.fails = true;
    says(journal, one, '1');
    await timers.pass(10);
    syncs.end();
    expect([one.ahead, mirror.stuck]).toEqual([false, true]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    syncs.fails = false;
    says(journal, one, '2');
    await timers.pass(100);
    syncs.end();
    expect(one.ahead).toBe(false);
  });
});

const REMOTE = { limits: SMALL, commit: 'reserve', boot: 'boot 1' } as const;

/** What left, by number, of a session that says something at each step. */
class Heard {
  readonly all = new Map<number, string>();
  #said: [number, string][] = [];
  #serial = 0;

  say(journal: Journal, session: JournalSession): void {
    const text = `message ${this.#serial++}`;
    this.#said.push([session.nextOut, text]);
    append(session, text);
    journal.flush();
    this.leave(session);
  }

  leave(session: JournalSession): void {
    if (!session.ahead) return;
    for (const [n, text] of this.#said.splice(0)) {
      if (this.all.has(n)) throw new Error(`${n} was "${this.all.get(n)}" and is "${text}"`);
      this.all.set(n, text);
    }
  }

  /** The machine has died: what has not left never will. */
  forget(): void {
    this.#said = [];
  }
}

type Step = 'say' | 'pass' | 'killed' | 'machine lost';

test('whatever dies when: no number has two contents, and a killed process loses nothing', () => {
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Step>('say') },
    { weight: 3, arbitrary: fc.constant<Step>('pass') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('killed', 'machine lost') },
  );
  const run = async (steps: readonly Step[], encrypted: boolean): Promise<void> => {
    let store = new FaultyStore();
    const heard = new Heard();
    const keys: Partial<RemoteOptions> = encrypted ? { keys: plainKeys() } : {};
    let timers = new HandTimers();
    let directory = newDirectory();
    const open = (): Promise<Journal> => openRemote(store, { ...REMOTE, ...keys, directory, timers });
    let journal = await open();
    let one = journal.session('one');
    one.sendAhead(BLOCK);
    for (const what of steps) {
      if (what === 'say') heard.say(journal, one);
      else if (what === 'pass') {
        await timers.pass(20);
        heard.leave(one);
      } else {
        const before = { nextOut: one.nextOut, lostAt: one.lostAt, kept: sent(one) };
        store = store.copy();
        directory = what === 'killed' ? crashed(directory) : newDirectory();
        timers = new HandTimers();
        heard.forget();
        journal = await open();
        one = journal.session('one');
        if (what === 'killed') {
          expect({ nextOut: one.nextOut, lostAt: one.lostAt, kept: sent(one) }).toEqual(before);
        } else for (const [n, text] of sent(one)) expect([n, heard.all.get(n) ?? text]).toEqual([n, text]);
        expect(one.nextOut).toBeGreaterThan(Math.max(0, ...heard.all.keys()));
        one.sendAhead(BLOCK);
      }
    }
  };
  return fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), fc.boolean(), run), {
    numRuns: Number(process.env.FIXGATE_PROPERTY_RUNS ?? 25),
    interruptAfterTimeLimit: 40_000,
  });
}, 120_000);

describe('in the store', () => {
  async function dying(): Promise<{ store: FaultyStore; directory: string; timers: HandTimers; journal: Journal }> {
    const store = new FaultyStore();
    const timers = new HandTimers();
    const directory = newDirectory();
    const journal = await openRemote(store, { ...REMOTE, directory, timers, limits: {} });
    const one = journal.session('one');
    one.sendAhead(BLOCK);
    append(one, 'kept');
    await shipped(journal, timers);
    for (let n = 0; n < 3; n++) append(one, `on its way ${n}`);
    journal.flush();
    expect(one.ahead).toBe(true);
    return { store, directory, timers, journal };
  }

  const reopened = async (store: FaultyStore, directory: string, lines: Line[] = [], boot = 'boot 1') =>
    (await openRemote(store, { ...REMOTE, directory, lines, limits: {}, boot })).session('one');

  test('a killed process goes on with what the store has not got; the store has it by then', async () => {
    const { store, directory } = await dying();
    const copy = store.copy();
    const one = await reopened(copy, crashed(directory));
    expect([one.nextOut, one.lostAt, sent(one).length]).toEqual([5, 0, 4]);
    const elsewhere = await reopened(copy.copy(), newDirectory());
    expect([elsewhere.nextOut, sent(elsewhere).length]).toEqual([5, 4]);
  });

  test.each([
    ['the machine was started again', (_: string) => {}, 'boot 2'],
    ['a bit was flipped in what is left', (path: string) => flip(path), 'boot 1'],
    ['the disk is another', (path: string) => truncateSync(path, 0), 'boot 1'],
  ])('%s: above the block, out of the store', async (_, harm, boot) => {
    const { store, directory } = await dying();
    const machine = crashed(directory);
    harm(join(machine, segmentName(1)));
    const lines: Line[] = [];
    const one = await reopened(store.copy(), machine, lines, boot);
    expect([one.nextOut, sent(one).length]).toEqual([2 + BLOCK, 1]);
    expect(one.lostAt).toBeGreaterThan(0);
  });

  test('a last flush that is not whole on the disk is left out, the others are taken, and no number comes twice', async () => {
    const { store, directory } = await dying();
    const machine = crashed(directory);
    const path = join(machine, segmentName(1));
    truncateSync(path, statSync(path).size - 10);
    const one = await reopened(store.copy(), machine);
    expect([one.nextOut, one.lostAt, sent(one).length]).toEqual([12, NOW, 1]);
  });

  test('another process has gone on meanwhile: what is left counts no more', async () => {
    const { store, directory } = await dying();
    const copy = store.copy();
    const elsewhere = await reopened(copy, newDirectory());
    expect(elsewhere.nextOut).toBe(2 + BLOCK);
    const lines: Line[] = [];
    const one = await reopened(copy.copy(), crashed(directory), lines);
    expect([one.nextOut, sent(one).length]).toEqual([2 + BLOCK, 1]);
    expect(lines.some(({ message }) => message.startsWith('what is left of the journal'))).toBe(true);
  });

  test('what nobody waits for waits a little for company: messages for some ms, numbers alone for seconds', async () => {
    const { store, timers, journal } = await dying();
    await timers.pass(200);
    await shipped(journal, timers);
    const one = journal.session('one');
    const before = store.appends;
    for (let n = 0; n < 2; n++) {
      append(one, `said ${n}`);
      journal.flush();
      await timers.pass(10);
    }
    expect([one.ahead, store.appends]).toEqual([true, before]);
    await timers.pass(150);
    expect(store.appends).toBe(before + 1);
    one.noteNextIn(one.nextIn + 1);
    journal.flush();
    await timers.pass(9000);
    expect([one.ahead, store.appends]).toEqual([true, before + 1]);
    await timers.pass(1200);
    expect(store.appends).toBe(before + 2);
    // Whoever waits has it at once, and who leaves.
    one.noteNextIn(one.nextIn + 1);
    journal.flush();
    append(journal.session('two'), 'waits');
    journal.flush();
    await timers.pass(20);
    expect(store.appends).toBe(before + 3);
    one.noteNextIn(one.nextIn + 1);
    journal.flush();
    const drained = journal.later!.drained();
    await timers.pass(20);
    await drained;
    expect(store.appends).toBe(before + 4);
  });

  test('closed in order, numbers go on where they were, on any machine', async () => {
    const { store, timers, journal } = await dying();
    journal.endAhead();
    await shipped(journal, timers);
    const one = await reopened(store.copy(), newDirectory());
    expect([one.nextOut, one.lostAt]).toEqual([5, 0]);
  });
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}
