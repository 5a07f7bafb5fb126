import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CANCEL, type Kind, MESSAGE, ORDER, type Three } from '../../../core/limits/kinds.ts';
import {
  type Buckets,
  charge,
  type ExchangeRequest,
  exchange,
  shapesOf,
  tokensNow,
} from '../../../core/limits/lease.ts';
import { limitsOf } from './world.ts';

const MS = 1_000_000n;
const START = 1_700_000_000_000n * MS;
const BASIC = limitsOf(5, 20, 10);
const NO: Three<number> = [0, 0, 0];

function request(of: Partial<ExchangeRequest>): ExchangeRequest {
  return {
    edge: 'a',
    call: 1,
    now: START,
    limits: BASIC,
    spentAt: [0n, 0n, 0n],
    unsure: false,
    held: NO,
    returned: NO,
    wanted: NO,
    unleased: NO,
    leave: false,
    life: 2000n * MS,
    clockError: 10n * MS,
    ...of,
  };
}

describe('exchange', () => {
  test('full buckets grant what is asked, up to capacity; what is left says when to come back', () => {
    const { next, reply } = exchange(undefined, request({ wanted: [12, 40, 3] }));
    expect(reply.granted).toEqual([10, 40, 3]);
    expect(reply.retryAt).toEqual([START + 200n * MS, START + 50n * MS, 0n]);
    expect(next.version).toBe(1);
    expect(next.tats).toEqual([START + 2000n * MS, START + 2000n * MS, START + 300n * MS]);
    expect(next.edges).toEqual({ a: { tokens: [10, 40, 3], expires: START + 2000n * MS, call: 1 } });
  });

  test('a lease ends 2ε after its expiry, as if spent at its end; not before', () => {
    const { next } = exchange(undefined, request({ edge: 'dead', wanted: [10, 0, 0] }));
    const early = exchange(next, request({ now: START + 2019n * MS, wanted: [10, 0, 0] }));
    expect(early.reply).toMatchObject({ granted: [0, 0, 0], edges: 2 });
    const due = exchange(next, request({ now: START + 2020n * MS, wanted: [10, 0, 0] }));
    expect(due.reply).toMatchObject({ granted: [0, 0, 0], edges: 1 });
    const later = exchange(next, request({ now: START + 4000n * MS, wanted: [10, 0, 0] }));
    expect(later.reply.granted).toEqual([10, 0, 0]);
  });

  test('what is given back unspent is not charged; what an unknown reply may have brought is', () => {
    const { next } = exchange(undefined, request({ wanted: [4, 0, 0] }));
    const now = START + 10n * MS;
    const back = exchange(next, request({ now, returned: [4, 0, 0], leave: true }));
    expect(tokensNow(back.next, BASIC, now)).toMatchObject({ order: 10 });
    expect(back.next.edges).toEqual({});
    const unsure = exchange(next, request({ now, returned: [4, 0, 0], unsure: true, leave: true }));
    expect(tokensNow(unsure.next, BASIC, now)).toMatchObject({ order: 6 });
    const twice = exchange(back.next, request({ now, returned: [4, 0, 0], leave: true }));
    expect(twice.next.tats).toEqual(back.next.tats);
  });

  test('later limits void leases and keep the filled fraction; who presents older ones adopts', () => {
    const { next } = exchange(undefined, request({ wanted: [5, 0, 0] }));
    const raised = limitsOf(50, 200, 100, 2);
    const moved = exchange(next, request({ edge: 'b', limits: raised, wanted: [100, 0, 0] }));
    expect(moved.reply.granted).toEqual([50, 0, 0]);
    expect(Object.keys(moved.next.edges)).toEqual(['b']);
    const old = exchange(moved.next, request({ held: [5, 0, 0], wanted: [1, 0, 0] }));
    expect(old.reply).toMatchObject({ limits: raised, held: [0, 0, 0], granted: [0, 0, 0] });
    expect(tokensNow(next, raised, START)).toMatchObject({ order: 50 });
    const redefined = limitsOf(5, 20, 10, 1, 2);
    expect(exchange(next, request({ limits: redefined })).reply.limits).toBe(redefined);
  });

  test.each([1, 3, 7, 999_999_937, 1e9])('rates up to 10⁹ charge ⌈nT⌉: %d', (rate) => {
    const [shape] = shapesOf(limitsOf(rate, rate, 10));
    const charged = charge(10, shape.milliRate);
    expect(charged * BigInt(rate)).toBeGreaterThanOrEqual(10n * 1_000_000_000n);
    expect((charged - 1n) * BigInt(rate)).toBeLessThan(10n * 1_000_000_000n);
  });
});

interface Holder {
  held: number[];
  spentAt: bigint[];
  expires: bigint;
  call: number;
  unsure: boolean;
}

const step = fc.record({
  edge: fc.constantFrom('a', 'b', 'c'),
  passMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 3000 })),
  spend: fc.integer({ min: 0, max: 12 }),
  giveBack: fc.boolean(),
  wanted: fc.integer({ min: 0, max: 15 }),
  fate: fc.constantFrom('answered', 'answered', 'answered', 'reply lost', 'request lost', 'crash'),
});

describe('A + H ≤ B', () => {
  const shapes = shapesOf(BASIC);
  const capacity = (kind: Kind) => Number(shapes[kind].capacity);

  test('at every step, whatever edges ask, spend, lose and give back; admissions in any window ≤ B + rΔ', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let item: Buckets | undefined;
        let now = START;
        const fresh = (): Holder => ({ held: [0, 0, 0], spentAt: [0n, 0n, 0n], expires: 0n, call: 0, unsure: true });
        const holders: Record<string, Holder> = { a: fresh(), b: fresh(), c: fresh() };
        const spent: [bigint[], bigint[], bigint[]] = [[], [], []];
        for (const { edge, passMs, spend, giveBack, wanted, fate } of steps) {
          now += BigInt(passMs) * MS;
          let holder = holders[edge]!;
          for (const one of Object.values(holders)) if (one.expires <= now) one.held = [0, 0, 0];
          for (const kind of [ORDER, MESSAGE, CANCEL] as const) {
            for (let left = Math.min(spend, holder.held[kind]!); left > 0; left--) {
              holder.held[kind]! -= 1;
              holder.spentAt[kind] = now;
              spent[kind].push(now);
            }
          }
          if (fate === 'crash') {
            holder = holders[edge] = fresh();
            continue;
          }
          const returned = giveBack ? holder.held : [0, 0, 0];
          if (giveBack) holder.held = [0, 0, 0];
          holder.call++;
          const asked = request({
            edge,
            call: holder.call,
            now,
            spentAt: [...holder.spentAt] as unknown as Three<bigint>,
            unsure: holder.unsure,
            held: [...holder.held] as unknown as Three<number>,
            returned: returned as unknown as Three<number>,
            wanted: [wanted, wanted, wanted],
          });
          const { next, reply } = exchange(item, asked);
          if (fate !== 'request lost') item = next;
          holder.unsure = fate !== 'answered';
          if (fate === 'answered') {
            holder.held = reply.held.map((held, kind) => held + reply.granted[kind]!);
            holder.expires = reply.expires;
          }
          const available = tokensNow(item, BASIC, now);
          const names = ['order', 'message', 'cancel'] as const;
          for (const kind of [ORDER, MESSAGE, CANCEL] as const) {
            const hold = Object.values(holders).reduce((sum, one) => sum + one.held[kind]!, 0);
            expect(available[names[kind]] + hold).toBeLessThanOrEqual(capacity(kind));
          }
        }
        for (const kind of [ORDER, MESSAGE, CANCEL] as const) {
          const { milliRate, capacity: most } = shapes[kind];
          spent[kind].forEach((from, first) => {
            for (let last = first; last < spent[kind].length; last++) {
              const count = BigInt(last - first + 1);
              const refilled = (spent[kind][last]! - from) * milliRate;
              expect(count * 1_000_000_000_000n <= most * 1_000_000_000_000n + refilled).toBe(true);
            }
          });
        }
      }),
      { numRuns: 300, seed: 20_240_517 },
    );
  });
});
