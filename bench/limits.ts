/**
 * The limiter over a store, beside those that ask it for every message: one conditional write each, and the DynamoDB limiter of
 * rate-limiter-flexible. All on the same embedded store, one after the other.
 */
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { CreateTableCommand, DynamoDB, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { isFailedCondition } from '../adapters/dynamodb/errors.ts';
import { DynamoTokenLeases } from '../adapters/dynamodb/token-leases.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import { ADMITTED, type UserAdmissions, WAIT } from '../core/limits/admission.ts';
import { ORDER } from '../core/limits/kinds.ts';
import { exchange } from '../core/limits/lease.ts';
import { Limiter } from '../core/limits/limiter.ts';
import type { UserLimits } from '../core/limits/model.ts';
import { prepareDataDir } from '../local/data-dir.ts';
import { startStore } from '../local/store.ts';
import { type Figure, figure, percentile } from './figures.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Sizes } from './sizes.ts';

const TABLE = 'bench-limits';
const FLEXIBLE_TABLE = 'bench-flexible';
/** Of the tier premium: orders a second that the user may send, its burst, and twice the rate that it wants to send. */
const RATE = 100;
const BURST = 200;
const WANTED = 2 * RATE;
/** Edges of the user, between which its messages take turns. */
const EDGES = 2;
/** Messages or exchanges under way at once. */
const AT_ONCE = 16;
const TICK_MS = 5;
/** A second, in steady state, whatever the load. */
const EXCHANGES_AN_EDGE = 10;
const NS_PER_MS = 1_000_000n;

/** One of those that decide. */
interface Decider {
  readonly name: string;
  /** @param edge from 0 */
  admit(edge: number): Promise<boolean>;
  /** Exchanges of tokens so far, however many writes each took; of who makes none: its calls. */
  exchanges?(): number;
  close(): Promise<void>;
}

interface Bench {
  readonly client: DynamoDB;
  /** Calls to the store so far, those in vain because another edge wrote first among them. */
  readonly calls: () => number;
  user(): string;
}

const limitsOf = (rate: number, burst: number): UserLimits => ({
  orders_per_second: rate,
  messages_per_second: rate * 5,
  burst,
  assignment: 1,
  definition: 1,
});

function leases({ client, user }: Bench, rate: number, burst: number): Decider {
  const name = user();
  const limiters = Array.from(
    { length: EDGES },
    (_, edge) =>
      new Limiter({
        leases: new DynamoTokenLeases(client, TABLE),
        clock: systemClock,
        timers: systemTimers,
        edgeKey: `edge-${edge}.1`,
        // A store that is slow shows in the figures; how the limiter takes it is measured elsewhere.
        settings: { callTimeoutMs: 5_000, leaseMs: 10_000, waitMs: 5_000 },
        report: () => {},
      }),
  );
  const users = limiters.map((limiter) => limiter.attach(name, limitsOf(rate, burst)));
  return {
    name: 'leases',
    admit: async (edge) => {
      const admissions = users[edge] as UserAdmissions;
      const decided = admissions.admit(ORDER, systemClock.now());
      if (decided !== WAIT) return decided === ADMITTED;
      return new Promise((resolve) => admissions.onGrant(ORDER, (decision) => resolve(decision === ADMITTED)));
    },
    exchanges: () => limiters.reduce((sum, limiter) => sum + limiter.figures().calls, 0),
    close: async () => {
      await Promise.all(limiters.map((limiter) => limiter.close()));
    },
  };
}

/** A counter of each second, raised under the condition that it is below the rate. */
function naive({ client, user }: Bench, rate: number): Decider {
  const name = user();
  return {
    name: 'a write a message',
    admit: async () => {
      const sk = String(Math.floor(systemClock.now() / 1000));
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: TABLE,
            Key: { pk: { S: name }, sk: { S: sk } },
            UpdateExpression: 'ADD used :one',
            ConditionExpression: 'attribute_not_exists(used) OR used < :most',
            ExpressionAttributeValues: { ':one': { N: '1' }, ':most': { N: String(rate) } },
          }),
        );
        return true;
      } catch (error) {
        if (isFailedCondition(error)) return false;
        throw error;
      }
    },
    close: async () => {},
  };
}

/** Of its interface what is used here. */
interface Flexible {
  consume(key: string): Promise<unknown>;
}
type FlexibleModule = { readonly RateLimiterDynamo: new (options: object, ready: (error?: Error) => void) => Flexible };

async function flexible({ client, user }: Bench, rate: number): Promise<Decider> {
  // Typed here: what has the product's dependencies only compiles as well.
  const { RateLimiterDynamo } = createRequire(import.meta.url)('rate-limiter-flexible') as FlexibleModule;
  const name = user();
  let limiter: Flexible | undefined;
  await new Promise<void>((resolve, reject) => {
    const options = {
      storeClient: client,
      tableName: FLEXIBLE_TABLE,
      tableCreated: true,
      ttlSet: true,
      points: rate,
      duration: 1,
    };
    limiter = new RateLimiterDynamo(options, (error) => (error ? reject(error) : resolve()));
  });
  return {
    name: 'rate-limiter-flexible',
    admit: async () => {
      try {
        await limiter?.consume(name);
        return true;
      } catch (refused) {
        // It rejects with what is left; with an Error when the store failed.
        if (refused instanceof Error) throw refused;
        return false;
      }
    },
    close: async () => {},
  };
}

/** Before anything is measured: the burst is used up. */
const WARM_UP_S = 3;

interface Open {
  readonly admitted_per_s: number;
  readonly calls_per_s: number;
  readonly exchanges_per_s: number;
  readonly calls_per_admitted: number;
  readonly p99_ms: number;
}

/** Sends what the user wants, in turns over its edges, whatever the answers: what is admitted of its rate, and at what cost. */
async function offered(bench: Bench, decider: Decider, seconds: number): Promise<Open> {
  const took: number[] = [];
  const under: Promise<void>[] = [];
  const callsBefore = bench.calls();
  const exchangesBefore = decider.exchanges?.() ?? 0;
  const begun = performance.now();
  let sent = 0;
  let admitted = 0;
  const one = async (): Promise<void> => {
    const since = performance.now();
    const ok = await decider.admit(sent++ % EDGES);
    took.push(performance.now() - since);
    if (ok) admitted += 1;
  };
  for (let now = begun; now < begun + seconds * 1000; now = performance.now()) {
    while (sent < ((now - begun) * WANTED) / 1000) under.push(one());
    await pause(TICK_MS);
  }
  const elapsed = (performance.now() - begun) / 1000;
  // What the store has not answered within the time was not admitted within it.
  const inTime = admitted;
  const calls = bench.calls() - callsBefore;
  const exchanges = (decider.exchanges?.() ?? 0) - exchangesBefore;
  await Promise.all(under);
  return {
    admitted_per_s: inTime / elapsed,
    calls_per_s: calls / elapsed,
    exchanges_per_s: exchanges / elapsed,
    calls_per_admitted: calls / Math.max(1, inTime),
    p99_ms: percentile(took, 0.99),
  };
}

/** Decisions a second when nobody is refused, so many asked at once. */
async function closed(decider: Decider, seconds: number): Promise<number> {
  let decided = 0;
  const begun = performance.now();
  const end = begun + seconds * 1000;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => {
      while (performance.now() < end) {
        await decider.admit(worker % EDGES);
        decided += 1;
        // Answers of the store are let in.
        if (decided % 4096 === 0) await pause(0);
      }
    }),
  );
  return decided / ((performance.now() - begun) / 1000);
}

/** Exchanges of tokens a second over many users, and bare conditional puts of an item as small. */
async function roundTrips(
  { client, user }: Bench,
  seconds: number,
): Promise<{ readonly ours: number; readonly bare: number }> {
  const port = new DynamoTokenLeases(client, TABLE);
  const loop = async (work: (worker: number) => () => Promise<unknown>): Promise<number> => {
    let count = 0;
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, worker) => {
        const one = work(worker);
        while (performance.now() < begun + seconds * 1000) {
          await one();
          count += 1;
        }
      }),
    );
    return count / ((performance.now() - begun) / 1000);
  };
  const limits = limitsOf(1e6, 1e6);
  const ours = await loop(() => {
    const name = user();
    let call = 0;
    let known: Parameters<typeof exchange>[0];
    return async () => {
      const request = {
        edge: 'e.1',
        call: ++call,
        now: systemClock.nowNanos(),
        limits,
        spentAt: [0n, 0n, 0n] as const,
        unsure: false,
        held: [0, 0, 0] as const,
        returned: [0, 0, 0] as const,
        wanted: [10, 50, 0] as const,
        unleased: [0, 0, 0] as const,
        leave: false,
        life: 2_000n * NS_PER_MS,
        clockError: 10n * NS_PER_MS,
      };
      const outcome = await port.exchange(name, known, (current) => ({
        next: exchange(current, request).next,
        result: 0,
      }));
      if (outcome.outcome === 'written') known = outcome.buckets;
    };
  });
  const bare = await loop(() => {
    const pk = { S: user() };
    let version = 0;
    return async () => {
      version += 1;
      await client.send(
        new PutItemCommand({
          TableName: TABLE,
          Item: { pk, sk: { S: 'BARE' }, version: { N: String(version) }, content: { S: 'x'.repeat(300) } },
          ConditionExpression: version === 1 ? 'attribute_not_exists(pk)' : 'version = :version',
          ...(version === 1 ? {} : { ExpressionAttributeValues: { ':version': { N: String(version - 1) } } }),
        }),
      );
    };
  });
  return { ours, bare };
}

async function makeTables(client: DynamoDB): Promise<void> {
  const table = (TableName: string, names: readonly string[]) =>
    client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
      }),
    );
  await table(TABLE, ['pk', 'sk']);
  await table(FLEXIBLE_TABLE, ['key']);
}

async function onStore<T>(work: (bench: Bench) => Promise<T>): Promise<T> {
  const directory = makeScratch();
  prepareDataDir(directory);
  const store = await startStore(directory, (code) => {
    throw new Error(`the store ended with ${code}`);
  });
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDB({ region: 'us-east-1', endpoint: store.endpoint, credentials });
  let calls = 0;
  let users = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      calls += 1;
      return next(args);
    },
    { step: 'initialize' },
  );
  try {
    await makeTables(client);
    return await work({ client, calls: () => calls, user: () => `user-${++users}` });
  } finally {
    client.destroy();
    await store.stop();
    removeScratch(directory);
  }
}

export const limitsOverStore = (sizes: Sizes): Promise<Figure[]> =>
  onStore(async (bench) => {
    const seconds = sizes.limits_s;
    const deciders = [leases(bench, RATE, BURST), naive(bench, RATE), await flexible(bench, RATE)];
    const open: Open[] = [];
    for (const decider of deciders) {
      await offered(bench, decider, Math.min(WARM_UP_S, seconds));
      open.push(await offered(bench, decider, seconds));
    }
    const free = [leases(bench, 1e9, 1e9), naive(bench, 1e9), await flexible(bench, 1e9)];
    const throughput: number[] = [];
    for (const decider of free) throughput.push(await closed(decider, seconds));
    for (const decider of [...deciders, ...free]) await decider.close();
    const { ours, bare } = await roundTrips(bench, seconds);
    const demand = `${WANTED} orders/s wanted, ${RATE}/s allowed, burst ${BURST}, over ${EDGES} edges in turn, ${seconds} s once the burst is used up`;
    const beside = (
      name: string,
      unit: string,
      settings: string,
      of: readonly number[],
      aim?: Figure['aim'],
    ): Figure[] =>
      deciders
        .slice(1)
        .map((decider, i) => figure(name, of[0] ?? 0, unit, [decider.name, of[i + 1] ?? 0], settings, aim));
    const each = (of: (one: Open) => number) => open.map(of);
    // One that admitted nobody within a short run is not infinitely worse.
    const share = each(({ admitted_per_s }) => Math.max(0.01, (100 * admitted_per_s) / RATE));
    return [
      ...beside('limits goodput', '% of rate', demand, share, { of: 'value', least: 90 }),
      figure(
        'limits exchanges an edge',
        (open[0]?.exchanges_per_s ?? 0) / EDGES,
        '/s',
        ['promised', EXCHANGES_AN_EDGE],
        demand,
        // One that begins or ends within the time is counted whole.
        { of: 'value', most: EXCHANGES_AN_EDGE + 1 },
      ),
      // Where edges take turns, an exchange is often written twice: the first finds that another has been there.
      ...beside(
        'limits store calls',
        '/s',
        demand,
        each(({ calls_per_s }) => calls_per_s),
      ),
      ...beside(
        'limits calls an order',
        '',
        demand,
        each(({ calls_per_admitted }) => calls_per_admitted),
      ),
      ...beside(
        'limits decision p99',
        'ms',
        demand,
        each(({ p99_ms }) => p99_ms),
      ),
      ...beside('limits decisions', '/s', `nobody refused, ${AT_ONCE} at once, ${seconds} s`, throughput),
      figure(
        'limits lease exchanges',
        ours,
        '/s',
        ['conditional put', bare],
        `${AT_ONCE} users, one call each at a time, ${seconds} s`,
      ),
    ];
  });
