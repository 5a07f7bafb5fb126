// The limiter's item against one plain bucket a kind, kept by hand, from which every edge draws in turn: leases may hand out
// less than it has, never more; once all of them are over, as much.
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DynamoTokenLeases } from '../../adapters/dynamodb/token-leases.ts';
import { MemoryTokenLeases } from '../../adapters/memory/token-leases.ts';
import { CANCEL, type Kind, MESSAGE, ORDER, type Three } from '../../core/limits/kinds.ts';
import {
  type Buckets,
  capacitiesOf,
  type ExchangeReply,
  exchange,
  ratesOf,
  tokensNow,
} from '../../core/limits/lease.ts';
import type { TokenLeases } from '../../core/limits/leases-port.ts';
import type { UserLimits } from '../../core/limits/model.ts';
import { startStore, type TestStore } from '../support/store.ts';

const MS = 1_000_000n;
const START = 1_700_000_000_000n * MS;
const LIFE_MS = 2000;
const CLOCK_ERROR_MS = 10;
const KINDS: Three<Kind> = [ORDER, MESSAGE, CANCEL];
const NAMES = { [ORDER]: 'order', [MESSAGE]: 'message', [CANCEL]: 'cancel' } as const;
const NO: Three<number> = [0, 0, 0];
/** Charges round up to whole nanoseconds, the plain bucket's do not. */
const ROUNDING = 1e-3;

const limitsOf = (orders: number, burst: number, assignment: number): UserLimits => ({
  orders_per_second: orders,
  messages_per_second: 4 * orders,
  burst,
  assignment,
  definition: 1,
});

/** A plain token bucket. */
class Bucket {
  level: number;
  #rate: number;
  #capacity: number;

  constructor(rate: number, capacity: number) {
    this.#rate = rate;
    this.#capacity = capacity;
    this.level = capacity;
  }

  pass(ms: number): void {
    this.level = Math.min(this.#capacity, this.level + (this.#rate * ms) / 1000);
  }

  take(count: number): boolean {
    if (this.level + ROUNDING < count) return false;
    this.level -= count;
    return true;
  }

  /** Another rate and capacity: as full as it was. */
  become(rate: number, capacity: number): void {
    this.level *= capacity / this.#capacity;
    this.#rate = rate;
    this.#capacity = capacity;
  }
}

interface Hand {
  readonly buckets: Three<Bucket>;
  limits: UserLimits;
}

/** An edge as it knows itself. */
interface Edge {
  boot: number;
  calls: number;
  limits: UserLimits;
  known: Buckets | undefined;
  held: [number, number, number];
  spentAt: [bigint, bigint, bigint];
  returned: [number, number, number];
  expires: bigint;
  unsure: boolean;
}

interface Real {
  readonly leases: TokenLeases;
  readonly user: string;
  readonly edges: Edge[];
  now: bigint;
}

const freshEdge = (limits: UserLimits, boot = 1): Edge => ({
  boot,
  calls: 0,
  limits,
  known: undefined,
  held: [0, 0, 0],
  spentAt: [0n, 0n, 0n],
  returned: [0, 0, 0],
  expires: 0n,
  unsure: true,
});

const isHeld = (edge: Edge, { now }: Real): boolean => now < edge.expires;

/** What edges hold and the item would grant is never more than the bucket has. */
async function agree(hand: Hand, real: Real): Promise<void> {
  const item = await real.leases.read(real.user);
  const grantable = tokensNow(item, hand.limits, real.now, BigInt(CLOCK_ERROR_MS) * MS);
  for (const kind of KINDS) {
    const held = real.edges.reduce((sum, edge) => {
      const valid = isHeld(edge, real) && edge.limits.assignment === (item?.limits.assignment ?? 0);
      return sum + (valid ? edge.held[kind] : 0);
    }, 0);
    const level = hand.buckets[kind].level + ROUNDING;
    expect({
      kind,
      held,
      grantable: grantable[NAMES[kind]],
      within: held + grantable[NAMES[kind]] <= level,
    }).toMatchObject({
      within: true,
    });
  }
}

type Step = fc.AsyncCommand<Hand, Real>;

const step = (name: string, how: (hand: Hand, real: Real) => Promise<void> | void): Step => ({
  check: () => true,
  run: async (hand, real) => {
    await how(hand, real);
    await agree(hand, real);
  },
  toString: () => name,
});

interface Asking {
  readonly edge: number;
  readonly wanted: Three<number>;
  readonly leave: boolean;
  /** `stale`: by an item that others have written since. */
  readonly fate: 'answered' | 'lost' | 'stale';
}

const ask = ({ edge: at, wanted, leave, fate }: Asking): Step =>
  step(`edge ${at} ${leave ? 'leaves' : `asks ${wanted}`}, ${fate}`, async (hand, real) => {
    const edge = real.edges[at]!;
    if (!isHeld(edge, real)) edge.held = [0, 0, 0];
    edge.calls += 1;
    const { limits, spentAt, unsure } = edge;
    const held = leave ? NO : edge.held;
    const returned: Three<number> = leave
      ? ([0, 1, 2].map((kind) => edge.returned[kind]! + edge.held[kind]!) as unknown as Three<number>)
      : edge.returned;
    const request = {
      edge: `e${at}.${edge.boot}`,
      call: edge.calls,
      now: real.now,
      limits,
      spentAt,
      unsure,
      held,
      returned,
      wanted: leave ? NO : wanted,
      unleased: NO,
      leave,
      life: BigInt(LIFE_MS) * MS,
      clockError: BigInt(CLOCK_ERROR_MS) * MS,
    };
    const outcome = await real.leases.exchange<ExchangeReply>(
      real.user,
      fate === 'stale' ? undefined : edge.known,
      (current) => {
        const { next, reply } = exchange(current, request);
        return { next, result: reply };
      },
    );
    if (outcome.outcome !== 'written') throw new Error(outcome.outcome);
    // The item is of the later limits from now on, and so is the bucket.
    const { limits: inForce } = outcome.buckets;
    if (inForce.assignment > hand.limits.assignment) adopt(hand, inForce);
    edge.returned = [0, 0, 0];
    if (fate === 'lost') {
      edge.unsure = true;
      // It says so again with its next call, as one that does not know.
      edge.returned = [...returned];
      if (leave) edge.held = [0, 0, 0];
      return;
    }
    const { reply } = { reply: outcome.result };
    edge.unsure = false;
    edge.known = outcome.buckets;
    edge.limits = reply.limits;
    edge.held = [0, 1, 2].map((kind) => reply.held[kind]! + reply.granted[kind]!) as [number, number, number];
    edge.spentAt = [0n, 0n, 0n];
    edge.expires = leave ? 0n : reply.expires;
  });

function adopt(hand: Hand, limits: UserLimits): void {
  hand.limits = limits;
  for (const kind of KINDS) hand.buckets[kind].become(ratesOf(limits)[kind], capacitiesOf(limits)[kind]);
}

/** What an edge has in hand it admits without asking: the bucket must have it. */
const spend = (at: number, kind: Kind, count: number): Step =>
  step(`edge ${at} spends ${count} of ${NAMES[kind]}`, async (hand, real) => {
    const edge = real.edges[at]!;
    // An edge that has not heard of later limits goes on by its own; those tokens were charged when they came.
    const current = edge.limits.assignment === hand.limits.assignment;
    if (!isHeld(edge, real) || !current) return;
    const spent = Math.min(count, edge.held[kind]);
    if (spent === 0) return;
    edge.held[kind] -= spent;
    edge.spentAt[kind] = real.now;
    expect(hand.buckets[kind].take(spent)).toBe(true);
  });

const pass = (ms: number): Step =>
  step(`${ms} ms`, (hand, real) => {
    real.now += BigInt(ms) * MS;
    for (const bucket of hand.buckets) bucket.pass(ms);
  });

const crash = (at: number): Step =>
  step(`edge ${at} crashes`, (_hand, real) => {
    const { boot, limits } = real.edges[at]!;
    real.edges[at] = freshEdge(limits, boot + 1);
  });

/** An admin's change, which one edge hears of first. */
const change = (at: number, orders: number, burst: number): Step =>
  step(`edge ${at} hears of ${orders}/s, burst ${burst}`, (hand, real) => {
    const edge = real.edges[at]!;
    const latest = Math.max(hand.limits.assignment, ...real.edges.map(({ limits }) => limits.assignment));
    edge.limits = limitsOf(orders, burst, latest + 1);
    edge.held = [0, 0, 0];
    edge.returned = [0, 0, 0];
  });

/** Longer than any lease, and than any bucket takes to fill: everything is there again, to the last token. */
const rest = (): Step =>
  step('rest', async (hand, real) => {
    const ms = LIFE_MS + 2 * CLOCK_ERROR_MS + 60_000;
    real.now += BigInt(ms) * MS;
    for (const bucket of hand.buckets) bucket.pass(ms);
    const item = await real.leases.read(real.user);
    const grantable = tokensNow(item, hand.limits, real.now, BigInt(CLOCK_ERROR_MS) * MS);
    expect(KINDS.map((kind) => grantable[NAMES[kind]])).toEqual(capacitiesOf(hand.limits));
  });

const EDGES = 3;
const edge = fc.nat(EDGES - 1);
const tokens = fc.integer({ min: 0, max: 15 });
const asks: fc.Arbitrary<Step> = fc
  .record({
    edge,
    wanted: fc.tuple(tokens, fc.nat(60), fc.nat(30)),
    leave: fc.nat(5).map((n) => n === 0),
    fate: fc.constantFrom('answered', 'answered', 'answered', 'lost', 'stale'),
  })
  .map((asking) => ask(asking as Asking));
const spends: fc.Arbitrary<Step> = fc
  .tuple(edge, fc.constantFrom(...KINDS), fc.integer({ min: 1, max: 20 }))
  .map(([at, kind, n]) => spend(at, kind, n));
/** Around the end of a lease, and of its settling, everything turns. */
const passes: fc.Arbitrary<Step> = fc
  .oneof(fc.nat(50), fc.nat(3000), fc.integer({ min: LIFE_MS - 200, max: LIFE_MS + 50 }))
  .map(pass);
/** As often as they stand there. */
const STEPS: fc.Arbitrary<Step>[] = [
  ...[asks, asks, asks, asks, spends, spends, spends, spends, passes, passes, passes],
  edge.map(crash),
  fc
    .tuple(edge, fc.constantFrom(2, 5, 50), fc.constantFrom(4, 10, 100))
    .map(([at, orders, burst]) => change(at, orders, burst)),
  fc.constant(undefined).map(rest),
];

let runs = 0;

function begin(leases: TokenLeases): { model: Hand; real: Real } {
  runs += 1;
  const limits = limitsOf(5, 10, 1);
  const bucket = (kind: Kind) => new Bucket(ratesOf(limits)[kind], capacitiesOf(limits)[kind]);
  return {
    model: { buckets: [bucket(ORDER), bucket(MESSAGE), bucket(CANCEL)], limits },
    real: { leases, user: `u${runs}`, edges: Array.from({ length: EDGES }, () => freshEdge(limits)), now: START },
  };
}

async function holds(leases: TokenLeases, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.commands(STEPS, { maxCommands: 50, size: 'max' }), async (steps) => {
      const begun = begin(leases);
      await fc.asyncModelRun(() => begun, steps);
    }),
    { numRuns },
  );
}

describe('leases hand out what one bucket has, and no more', () => {
  let store: TestStore;

  beforeAll(async () => {
    store = await startStore();
    await store.client.send(
      new CreateTableCommand({
        TableName: 'limits-model',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
  }, 30_000);
  afterAll(() => store?.stop());

  test('in memory', () => holds(new MemoryTokenLeases(), 250), 60_000);
  test('in DynamoDB', () => holds(new DynamoTokenLeases(store.client, 'limits-model'), 20), 120_000);
});
