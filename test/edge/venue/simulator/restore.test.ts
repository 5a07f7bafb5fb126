import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Done } from '../../../../edge/syncs.ts';
import { openVenue } from '../../../../edge/venue/index.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import type { LineBytes, OrderLog } from '../../../../edge/venue/simulator/log.ts';
import { Simulator } from '../../../../edge/venue/simulator/simulator.ts';
import type { Venue } from '../../../../edge/venue/venue.ts';
import { Client, NOON, pick, sessionOf, TestSink, utc } from '../harness.ts';

const TIME = `60=${utc(NOON)}`;
const STATE = [11, 41, 150, 39, 38, 32, 31, 151, 14, 6];
const limit = (id: string, side: number, qty: number, price: string, more = '') =>
  `35=D|11=${id}|55=INTC|54=${side}|38=${qty}|40=2|44=${price}|${TIME}${more}`;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orders-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = () => join(directory, 'orders.jsonl');

/** A run over the directory; `problems` is what it could not read. */
function run(now = NOON) {
  const sink = new TestSink();
  const problems: string[] = [];
  const venue: Venue = openVenue('simulator', { sink, seed: 5, now, directory, warn: (text) => problems.push(text) });
  const client = (id: string, user = id) => new Client(venue, sink, sessionOf(id, 'FIX.4.4', '', user));
  return { sink, venue, problems, client };
}

/** Written to its end, as by an edge that ends. */
function ended({ venue }: { readonly venue: Venue }): Promise<void> {
  venue.flush();
  return venue.close();
}

describe('a restart', () => {
  test('resting orders come back with what was filled, and their place in the queue', async () => {
    const first = run();
    const [one, two] = [first.client('ONE'), first.client('TWO')];
    one.ask(limit('A', 1, 100, '35.00'));
    two.ask(limit('B', 1, 100, '35.00'));
    two.ask(limit('S', 2, 30, '35.00'));
    await ended(first);

    const second = run(NOON + 1000);
    expect(second.sink.take()).toEqual([]);
    const three = second.client('THREE');
    expect(three.ask(limit('S', 2, 100, '35.00'), STATE)).toEqual([
      '35=8|11=S|150=0|39=0|38=100|151=100|14=0|6=0',
      '35=8|11=S|150=F|39=1|38=100|32=70|31=35.00|151=30|14=70|6=35.00',
      '35=8|11=A|150=F|39=2|38=100|32=70|31=35.00|151=0|14=100|6=35.00',
      '35=8|11=S|150=F|39=2|38=100|32=30|31=35.00|151=0|14=100|6=35.00',
      '35=8|11=B|150=F|39=1|38=100|32=30|31=35.00|151=70|14=30|6=35.00',
    ]);
    expect(second.client('TWO').ask(`35=F|11=C|41=B|55=INTC|54=1|38=1|${TIME}`, STATE)).toEqual([
      '35=8|11=C|41=B|150=4|39=4|38=100|151=0|14=30|6=35.00',
    ]);
    await second.venue.close();
    expect(second.problems).toEqual([]);
  });

  test('ids used, replaced and canceled are known afterwards; new ids differ from all before', async () => {
    const first = run();
    const one = first.client('ONE');
    const ids = new Set(one.ask(limit('A', 1, 10, '34.00'), [37, 17]));
    one.ask(`35=G|11=A2|41=A|55=INTC|54=1|38=20|40=2|44=33.00|${TIME}`);
    one.ask(limit('B', 1, 10, '34.00'));
    one.ask(`35=F|11=C|41=B|55=INTC|54=1|38=1|${TIME}`);
    one.ask(`35=D|11=M|55=INTC|54=1|38=1|40=1|${TIME}`);
    await ended(first);

    const second = run(NOON); // a clock that stood still
    const again = second.client('ONE');
    for (const id of ['A', 'A2', 'B', 'C', 'M']) {
      expect(again.ask(limit(id, 1, 1, '34.00'), [11, 103])).toEqual([`35=8|11=${id}|103=6`]);
    }
    const status = (id: string) => again.ask(`35=H|11=${id}|55=INTC|54=1`, [39, 38, 44]);
    expect(status('A2')).toEqual(['35=8|39=0|38=20|44=33.00']);
    expect(status('B')).toEqual(['35=8|39=4|38=10|44=34.00']);
    expect(status('M')).toEqual(['35=8|39=2|38=1']);
    const [fresh] = again.ask(limit('N', 1, 10, '34.00'), [37, 17]);
    expect(ids.has(fresh!)).toBe(false);
    await second.venue.close();
  });

  test('stop orders wait on, and orders whose time has come end at the first tick', async () => {
    const first = run();
    const one = first.client('ONE');
    one.ask(`35=D|11=STOP|55=INTC|54=1|38=10|40=3|99=35.50|59=1|${TIME}`);
    one.ask(limit('DAY', 1, 10, '30.00'));
    await ended(first);

    const second = run(NOON + 86_400_000);
    expect(second.sink.take()).toEqual([]);
    second.venue.tick(NOON + 86_400_000);
    expect(second.sink.take().map((heard) => `${heard.to} ${pick(heard, [11, 150])}`)).toEqual([
      'ONE 35=8|11=DAY|150=C',
    ]);
    (second.venue as Simulator).moveMarket('INTC', 3560, NOON + 86_400_000);
    expect(second.sink.take().map((heard) => `${heard.to} ${pick(heard, [11, 39])}`)).toEqual([
      'ONE 35=8|11=STOP|39=2',
    ]);
    await second.venue.close();
  });

  test('an order whose time came while nothing ran trades no more, and is not canceled', async () => {
    const first = run();
    const one = first.client('ONE');
    one.ask(limit('DAY', 1, 10, '30.00'));
    one.ask(limit('MET', 1, 10, '34.90'));
    await ended(first);

    const second = run(NOON + 86_400_000);
    second.sink.now = NOON + 86_400_000;
    const again = second.client('ONE');
    expect(again.ask(`35=F|11=C|41=DAY|55=INTC|54=1|38=10|${TIME}`, [11, 41, 150, 39, 102])).toEqual([
      '35=8|11=DAY|150=C|39=C',
      '35=8|11=MET|150=C|39=C',
      '35=9|11=C|41=DAY|39=C|102=0',
    ]);
    await second.venue.close();
  });

  test('a last line that was cut off counts as not written, wherever it was cut', async () => {
    const first = run();
    const one = first.client('ONE');
    one.ask(limit('A', 1, 10, '34.00'));
    first.venue.flush();
    const whole = statSync(path()).size;
    one.ask(limit('B', 1, 10, '34.00'));
    await ended(first);
    const all = readFileSync(path());
    for (let size = whole; size < all.length; size += 13) {
      writeFileSync(path(), all);
      truncateSync(path(), size);
      const second = run(NOON + size);
      const again = second.client('ONE');
      const cut = size < all.length;
      expect(again.ask('35=H|11=A|55=INTC|54=1', [39])).toEqual(['35=8|39=0']);
      expect(again.ask('35=H|11=B|55=INTC|54=1', [39])).toEqual([cut ? '35=8|39=8' : '35=8|39=0']);
      expect(again.ask(limit('B', 1, 10, '34.00'), [39])).toEqual(['35=8|39=0']);
      await second.venue.close();
      expect(second.problems).toEqual([]);
    }
  });

  test('a line that is no line is named and skipped', async () => {
    const first = run();
    first.client('ONE').ask(limit('A', 1, 10, '34.00'));
    await ended(first);
    appendFileSync(
      path(),
      'garbage\n[["order",{"id":"X","s":"NOBODY","symbol":"INTC","terms":{}}]]\n[["what"]]\n[["mark",9999999999999]]\n',
    );
    const second = run(NOON + 1);
    expect(second.problems).toEqual([
      expect.stringMatching(/^order log, line \d+: .*JSON/),
      expect.stringMatching(/unknown session NOBODY/),
      expect.stringMatching(/unknown change/),
    ]);
    expect(second.client('ONE').ask('35=H|11=A|55=INTC|54=1', [39])).toEqual(['35=8|39=0']);
    await second.venue.close();
  });

  test('the log of the release before is read', async () => {
    const terms =
      '"side":1,"side_code":49,"ord_type":50,"tif":49,"price":3400,"stop_price":0,"qty":10,"account":"AC","expires_at":null';
    const order = `{"id":"OLD-1","s":"ONE","c":"A","symbol":"INTC","terms":{${terms}},"priority":1,"state":"book","cum":0,"notional":0}`;
    const lines = [
      `[["boot",${NOON - 1000}],["mark",7]]`,
      `[["session",${JSON.stringify(sessionOf('ONE'))}],["order",${order}]]`,
      '[["fill","OLD-1","book",4,13600]]',
      '[["taken","ONE",0,2],["mark",8]]',
    ];
    writeFileSync(path(), lines.map((line) => `${line}\n`).join(''));
    const { venue, problems, client } = run();
    expect(problems).toEqual([]);
    expect(venue.mark).toBe(8);
    expect(client('ONE').ask('35=H|11=A|55=INTC|54=1', [37, 1, 39, 38, 44, 151, 14, 6])).toEqual([
      '35=8|37=OLD-1|39=1|1=AC|38=10|44=34.00|151=6|14=4|6=34.00',
    ]);
    await venue.close();
  });

  test('the log is written anew at each start: it does not grow with restarts', async () => {
    const first = run();
    const one = first.client('ONE');
    for (let n = 0; n < 50; n++) one.ask(limit(`${n}`, 1, 10, '34.00'));
    await ended(first);
    const sizes: number[] = [];
    for (let n = 1; n < 4; n++) {
      await run(NOON + n).venue.close();
      sizes.push(statSync(path()).size);
    }
    expect(new Set(sizes).size).toBe(1);
    expect(readdirSync(directory)).toEqual(['orders.jsonl']);
  });
});

interface Step {
  readonly what: string;
  readonly side: number;
  readonly price: number;
  readonly qty: number;
  readonly pick: number;
}

/** The reference market, which begins anew with the process, stays out of the way: 20 ticks to either side. */
const QUIET = INSTRUMENTS.filter(({ symbol }) => symbol === 'INTC').map((one) => ({ ...one, half_spread: 20 }));

/** Lines in memory. */
class MemoryLog implements OrderLog {
  lines: string[] = [];
  appended = 0;
  base = 0;
  read(): Iterable<string> {
    return [...this.lines];
  }
  waiting: string[] = [];
  append({ buf, length }: LineBytes): void {
    this.waiting.push(buf.toString('utf8', 0, length));
  }
  get pending(): boolean {
    return this.waiting.length > 0;
  }
  flush(last: LineBytes): void {
    this.append(last);
    this.lines.push(...this.waiting.splice(0));
  }
  sealed: string[] = [];
  seal(last: LineBytes): void {
    this.append(last);
    this.sealed = this.waiting.splice(0);
  }
  sync(done: Done): void {
    done(null);
  }
  flushSealed(): void {
    this.lines.push(...this.sealed.splice(0));
  }
  replace(lines: Iterable<LineBytes>): void {
    this.lines = Array.from(lines, ({ buf, length }) => buf.toString('utf8', 0, length));
    this.sealed = [];
  }
  readonly renewing = false;
  renew(lines: Iterable<LineBytes>): void {
    this.replace(lines);
  }
  close(): void {}
}

test('a log that has grown is written anew while the venue runs, and says the same', () => {
  const log = new MemoryLog();
  const sink = new TestSink();
  const open = () => new Simulator({ sink, seed: 1, now: NOON, log, instruments: QUIET });
  const venue = open();
  const one = new Client(venue, sink, sessionOf('ONE'));
  one.ask(limit('A', 1, 10, '35.00'));
  for (let n = 0; n < 20; n++) one.ask(limit(`S${n}`, 2, 10, n === 0 ? '35.00' : '36.00', '|59=3'));
  one.ask(limit('B', 1, 10, '35.00'));
  const before = log.lines.length;
  log.appended = 1e9;
  venue.flush();
  expect(log.lines.length).not.toBe(before);
  one.ask(limit('C', 2, 4, '35.00'));
  venue.flush();
  const again = new Client(open(), sink, sessionOf('ONE'));
  const status = (id: string) => again.ask(`35=H|11=${id}|55=INTC|54=1`, [39, 14])[0];
  expect(['A', 'S0', 'S1', 'B', 'C'].map(status)).toEqual([
    '35=8|39=2|14=10',
    '35=8|39=2|14=10',
    '35=8|39=4|14=0',
    '35=8|39=1|14=4',
    '35=8|39=2|14=4',
  ]);
});

test('what comes again under its number is not done again, and is told how its order is, a cancel by its own ClOrdID', () => {
  const one = run().client('ONE');
  const told = [11, 41, 150, 39];
  const cancel = (id: string, orig: string) => `35=F|11=${id}|41=${orig}|55=INTC|54=1|38=1|${TIME}`;
  for (const id of ['A', 'B']) one.say(limit(id, 1, 10, '34.00'));
  one.ask(cancel('C', 'A'));
  one.back(3);
  expect(one.ask(limit('A', 1, 10, '34.00'), told)).toEqual(['35=8|11=A|150=I|39=4']);
  expect(one.ask(limit('B', 1, 10, '34.00'), told)).toEqual(['35=8|11=B|150=I|39=0']);
  expect(one.ask(cancel('C', 'A'), told)).toEqual(['35=8|11=C|41=A|150=I|39=4']);
  expect(one.ask(cancel('D', 'A'), [11, 102])).toEqual(['35=9|11=D|102=0']);
});

test('a venue that was restarted at any time goes on as one that was not', () => {
  const step = fc.record({
    what: fc.constantFrom('limit', 'limit', 'limit', 'ioc', 'cancel', 'replace', 'restart'),
    side: fc.constantFrom(1, 2),
    price: fc.integer({ min: 3498, max: 3502 }),
    qty: fc.integer({ min: 1, max: 300 }),
    pick: fc.nat(30),
  });
  const play = (steps: readonly Step[], restarts: boolean) => {
    const log = new MemoryLog();
    const sink = new TestSink();
    const open = () => new Simulator({ sink, seed: 1, now: NOON, log, instruments: QUIET });
    let venue = open();
    let clients = ['ONE', 'TWO'].map((id) => new Client(venue, sink, sessionOf(id)));
    steps.forEach((one, n) => {
      if (one.what !== 'restart') say(clients[n % 2]!, one, n);
      else if (restarts) {
        venue.flush();
        venue = open();
        clients = ['ONE', 'TWO'].map((id) => new Client(venue, sink, sessionOf(id)));
      }
    });
    return sink.take().map((heard) => `${heard.to} ${pick(heard, [...STATE, 434, 102, 103])}`);
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      expect(play(steps, true)).toEqual(play(steps, false));
    }),
  );
});

function say(client: Client, { what, side, price, qty, pick: n }: Step, id: number): void {
  const at = `44=${price / 100}`;
  const body = `55=INTC|54=${side}|38=${qty}|40=2|${at}|${TIME}`;
  if (what === 'limit') client.say(`35=D|11=${id}|${body}`);
  else if (what === 'ioc') client.say(`35=D|11=${id}|${body}|59=3`);
  else if (what === 'cancel') client.say(`35=F|11=${id}|41=${n}|55=INTC|54=1|38=1|${TIME}`);
  else client.say(`35=G|11=${id}|41=${n}|${body}`);
}

test.each([
  ['as it goes on', 0],
  ['when the log is due to be written anew', 1e9],
])('what is sealed is written under its mark, and what happens after it is not, %s', (_when, appended) => {
  const log = new MemoryLog();
  const sink = new TestSink();
  const open = () => new Simulator({ sink, seed: 1, now: NOON, log, instruments: QUIET });
  const venue = open();
  const one = new Client(venue, sink, sessionOf('ONE'));
  venue.flush();
  const before = venue.mark!;
  one.ask(limit('A', 1, 10, '35.00'));
  log.appended = appended;
  venue.seal();
  expect([venue.sealed, venue.pending, venue.mark]).toEqual([true, false, before]);
  log.appended = 0;
  one.ask(limit('B', 2, 10, '35.00'));
  venue.seal(); // one at a time
  expect([venue.sealed, venue.pending]).toEqual([true, true]);
  venue.flush();
  expect([venue.sealed, venue.pending, venue.mark]).toEqual([false, true, before + 1]);
  const dead = new MemoryLog();
  dead.lines = [...log.lines];
  const restored = new Simulator({ sink: new TestSink(), seed: 1, now: NOON, log: dead, instruments: QUIET });
  expect(restored.mark).toBe(before + 1);
  const status = (client: Client, id: string) => client.ask(`35=H|11=${id}|55=INTC|54=1`, [39, 14])[0];
  // B, which met A, has not happened for it.
  const other = new TestSink();
  const after = new Client(
    new Simulator({ sink: other, seed: 1, now: NOON, log: dead, instruments: QUIET }),
    other,
    sessionOf('ONE'),
  );
  expect(status(after, 'A')).toBe('35=8|39=0|14=0');
  venue.flush();
  expect([venue.pending, venue.mark]).toEqual([false, before + 2]);
  const last = new TestSink();
  const whole = new Client(
    new Simulator({ sink: last, seed: 1, now: NOON, log, instruments: QUIET }),
    last,
    sessionOf('ONE'),
  );
  expect(status(whole, 'A')).toBe('35=8|39=2|14=10');
});
