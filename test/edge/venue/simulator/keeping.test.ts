// The order log in its file, whatever happens while it is written: read by another at any time, it says what is under its last mark.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Done } from '../../../../edge/syncs.ts';
import type { ClientOrder } from '../../../../edge/venue/simulator/client-order.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { FileLog } from '../../../../edge/venue/simulator/file-log.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { Keeping } from '../../../../edge/venue/simulator/keeping.ts';
import { type Restored, restore, snapshot, snapshotBytes } from '../../../../edge/venue/simulator/log.ts';
import { Markets } from '../../../../edge/venue/simulator/markets.ts';
import { CHANGED, CHANGED_STATE, type Changed } from '../../../../edge/venue/simulator/order.ts';
import { Orders } from '../../../../edge/venue/simulator/orders.ts';
import { sessionOf } from '../harness.ts';
import { ONE, orderOf, type Plain } from './some-orders.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orders-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const markets = () => new Markets(INSTRUMENTS, 1, new Orders(), { traded: () => {} });

function read(text: string): Restored & { readonly clients: Clients } {
  const lines = text.split('\n').slice(0, -1);
  const clients = new Clients();
  return { ...restore(lines, clients, markets()), clients };
}

/** What a log says of an order. */
const told = (order: ClientOrder): unknown[] => {
  const { side_code, tif, price, qty, account } = order;
  const asked = [order.instrument.symbol, side_code, tif, price, qty, account];
  const stands = [order.state.at, order.status, order.cum, order.notional];
  return [order.id, order.owner.session.id, order.cl_ord_id, ...asked, order.priority, ...stands];
};

const all = ({ orders }: Clients, rows: Iterable<number>): string =>
  Array.from(rows, (row) => JSON.stringify(told(orders.order(row))))
    .sort()
    .join('\n');

/** A venue's orders, and how its log is kept. */
class House {
  readonly clients = new Clients();
  /** By row. */
  readonly orders: number[] = [];
  readonly syncs: Done[] = [];
  readonly log: FileLog;
  readonly keeping: Keeping;
  readonly path: string;
  refuses = false;
  /** What was there, by mark: what the disk refused may stand in the file all the same. */
  private readonly seen = new Map<number, string[]>();

  constructor(file: string, grows: number) {
    this.path = join(directory, file);
    const syncs = {
      data: (_fd: number, done: Done) => void this.syncs.push(done),
      dataNow: () => {
        if (this.refuses) throw new Error('EIO');
      },
      namesNow: () => {},
    };
    this.log = new FileLog(directory, { file, syncs, synced: 'flushed', warn: () => {} });
    this.keeping = new Keeping(this.log, this.clients, 1, 1, grows);
    this.see(1);
  }

  private see(mark: number): void {
    this.seen.set(mark, [...(this.seen.get(mark) ?? []), all(this.clients, this.orders)]);
  }

  made(plain: Partial<Plain>): ClientOrder {
    const n = this.orders.length + 1;
    const order = orderOf(this.clients, { ...ONE, id: `RUN-${n}`, name: `ORD${n}`, priority: n, ...plain });
    this.orders.push(order.row);
    this.clients.rememberNew(order.owner, order.name, order);
    return order;
  }

  step(orders: readonly ClientOrder[], change: Changed): void {
    for (const order of orders) order.change = change;
    this.keeping.step(orders, orders.length, [], []);
    this.clients.orders.rest();
  }

  fill(row: number): void {
    const order = this.clients.orders.order(row);
    order.cum += 1;
    order.notional += order.price;
    this.step([order], CHANGED_STATE);
  }

  seal(): void {
    if (this.keeping.pending && !this.keeping.sealed) this.see(this.keeping.mark + 1);
    this.keeping.seal();
  }

  flush(): void {
    if (this.keeping.pending && !this.keeping.sealed) this.see(this.keeping.mark + 1);
    try {
      this.keeping.flush();
    } catch {
      expect(this.refuses).toBe(true);
    }
    this.refuses = false;
  }

  /** @param error null: the disk has it */
  answer(error: Error | null): void {
    this.syncs.pop()?.(error);
  }

  check(): void {
    const { mark, orders, problems, clients } = read(readFileSync(this.path, 'utf8'));
    expect(problems).toEqual([]);
    expect(this.seen.get(mark!)).toContain(all(clients, orders.values()));
  }
}

const sessions = [{ session: 'A' }, { session: 'B' }];
const asked = [{}, {}, { side_code: 0x35 }, { price: 200 }, { tif: 0x31, account: 'AC' }];

const STEPS: Readonly<Record<string, (house: House, n: number) => void>> = {
  order: (house, n) => house.step([house.made({ ...sessions[n & 1], ...asked[(n >> 1) % asked.length] })], CHANGED),
  pair: (house, n) => house.step([house.made({ price: 50 }), house.made(asked[n % asked.length]!)], CHANGED),
  /** So often that it pays to write the log anew. */
  fills: (house, n) => {
    const row = house.orders[n % Math.max(1, house.orders.length)];
    for (let i = 0; i < 20 && row !== undefined; i++) house.fill(row);
  },
  flush: (house) => house.flush(),
  refused: (house) => {
    house.refuses = house.syncs.length === 0; // of a log that is written anew the disk has taken what there was
    house.flush();
  },
  seal: (house) => house.seal(),
  taken: (house) => house.answer(null),
  lost: (house) => house.answer(new Error('EIO')),
};

test('whatever is refused, sealed or written anew, the file says what is under its mark', () => {
  const often = ['order', 'order', 'order', 'order', 'order', 'flush', 'flush'];
  const step = fc.tuple(fc.constantFrom(...often, ...Object.keys(STEPS)), fc.nat(99));
  let files = 0;
  let [anew, short] = [0, 0];
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), (steps) => {
      const house = new House(`${files++}`, 200);
      for (const [what, n] of steps) {
        const { renewing } = house.log;
        STEPS[what]!(house, n);
        if (house.log.renewing && !renewing) anew++;
        house.check();
      }
      house.flush();
      house.flush();
      house.check();
      short += readFileSync(house.path, 'utf8').split('["like"').length - 1;
      house.log.close();
    }),
    { numRuns: 150 },
  );
  expect(anew).toBeGreaterThan(20);
  expect(short).toBeGreaterThan(100);
});

test('an order like one that is not there, or cannot be told any more, is named', () => {
  const session = `["session",${JSON.stringify(sessionOf('A'))}]`;
  const whole = (symbol: string, kind: number) =>
    `["whole","R-1","A","ONE","${symbol}",1,49,50,48,100,0,10,"",null,1,"book",0,0,${kind}]`;
  const lines = [
    `[${session}]`,
    '[["like",3,5,"NONE",1]]',
    `[${whole('INTC', 3)}]`,
    '[["like",3,2,"TWO",2]]',
    `[${whole('GONE', 3)}]`,
    '[["like",3,3,"THREE",3]]',
    `[${whole('INTC', 3)}]`,
    `[${whole('INTC', 4).slice(0, -9)}`,
    '[["like",3,4,"FOUR",4]]',
    '[["mark",2]]',
  ];
  const { orders, problems, clients } = read(`${lines.join('\n')}\n`);
  const found = [...orders.values()].map((row) => clients.orders.order(row));
  expect(found.map(({ id, cl_ord_id, price }) => [id, cl_ord_id, price])).toEqual([
    ['R-1', 'ONE', 100],
    ['R-2', 'TWO', 100],
  ]);
  expect(problems).toEqual([
    'line 2: order NONE like one of the kind 3, of which there is none',
    'line 5: order R-1 for the unknown symbol GONE',
    'line 6: order R-3 for the unknown symbol GONE',
    expect.stringMatching(/^line 8: .*JSON/),
    'line 9: order FOUR like one of the kind 3, of which there is none',
  ]);
});

test('a log of orders that all rest is not written anew, one of what is in vain is, and not soon again where it is refused', () => {
  const GROWS = 20_000;
  const house = new House('orders', GROWS);
  const { clients, keeping, log } = house;
  let looks = 0;
  const known = clients.all.bind(clients);
  clients.all = () => {
    looks++;
    return known();
  };
  const size = () => log.base + log.appended;
  /** Flushes until the log is written anew; false: not after so many. */
  const renewed = (times: number, step: (n: number) => void): boolean => {
    for (let n = 0; n < times && !log.renewing; n++) {
      step(n);
      keeping.flush();
    }
    return log.renewing;
  };
  const rests = (n: number) => house.step([house.made({ price: 100 + (n & 1) * 50 })], CHANGED);
  const fills = () => house.fill(house.orders[0]!);

  expect(renewed(1000, rests)).toBe(false);
  expect(size()).toBeGreaterThan(5 * GROWS);
  expect(looks).toBeLessThanOrEqual((2 * size()) / GROWS); // not at each flush
  const before = size();
  expect(renewed(10_000, fills)).toBe(true);
  expect(size()).toBeLessThan(2 * before + 2 * GROWS);
  const at = size();
  house.answer(null);
  expect(log.base).toBeLessThanOrEqual(at / 2);

  expect(renewed(10_000, fills)).toBe(true);
  house.answer(new Error('EIO'));
  const { base } = log;
  expect(renewed(10_000, fills)).toBe(true);
  expect(log.appended).toBeGreaterThan(base);
  house.answer(null);
  fills();
  house.flush();
  house.check();
  log.close();
});

test('what a log written anew would take is estimated by its first lines', () => {
  const house = new House('orders', 1e9);
  const length = (): number => {
    let bytes = 0;
    for (const line of snapshot(house.clients, 0, 0)) bytes += line.length + 1;
    return bytes;
  };
  for (const count of [0, 10, 2000, 4000]) {
    for (let n = 0; n < count; n++) house.made({ ...sessions[n & 1], price: 100 + (n % 3) });
    const ratio = snapshotBytes(house.clients) / length();
    expect(Math.abs(ratio - 1)).toBeLessThan(count > 1000 ? 0.02 : 1e-9);
  }
  house.log.close();
});
