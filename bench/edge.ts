/** Logons and orders against the whole product, beside the floor: the same client on a server that does next to nothing. */
import { MOST_OPEN_ORDERS_PER_USER } from '../edge/venue/limits.ts';
import { FixClient } from '../local/fix-client.ts';
import type { Credentials } from '../local/product.ts';
import { type Aim, type Figure, figure, median, percentile, timed } from './figures.ts';
import { type Floor, startFloor, type Target } from './floor-process.ts';
import { type LoadClient, type LoadResult, openLoadClient } from './load.ts';
import type { OrderKind } from './orders.ts';
import { PEER_NAMES, startPeer } from './peers.ts';
import type { Sizes } from './sizes.ts';
import { BENCH_TIER, edgeOf, onStage, type Stage } from './stage.ts';

const HOST = '127.0.0.1';
const WARM_UP = 5;

async function besideFloor<T>(work: (floor: Floor) => Promise<T>): Promise<T> {
  const floor = await startFloor();
  try {
    return await work(floor);
  } finally {
    await floor.stop();
  }
}

async function logOnce(port: number, { sender_comp_id, target_comp_id, password }: Credentials): Promise<number> {
  const client = new FixClient({ host: HOST, port, sender: sender_comp_id, target: target_comp_id });
  const since = performance.now();
  const answer = await client.logon(password, [[141, 'Y']]);
  const took = performance.now() - since;
  if (answer.type !== 'A') throw new Error(`the Logon is refused: ${answer}`);
  await client.logout();
  return took;
}

/** From connect() to the Logon's answer, one after the other. */
export const logon = (sizes: Sizes): Promise<Figure[]> =>
  onStage([], ({ product, user }) =>
    besideFloor(async (floor) => {
      const credentials = await user('logon');
      const measure = async (port: number): Promise<number[]> => {
        const took: number[] = [];
        await timed(WARM_UP, async () => void (await logOnce(port, credentials)));
        await timed(sizes.logons, async () => void took.push(await logOnce(port, credentials)));
        return took;
      };
      const took = await measure(product.local.fix_port);
      const least = await measure(floor.port);
      const settings = `${sizes.logons} sessions, one after the other, embedded store`;
      return [0.5, 0.99].map((p) =>
        figure(`logon p${p * 100}`, percentile(took, p), 'ms', ['floor', percentile(least, p)], settings),
      );
    }),
  );

interface Piped extends LoadResult {
  readonly cpu_us: number;
  /** Throughput of each run, the one to warm up first. */
  readonly all_per_s?: readonly number[];
}

interface Run {
  readonly load: LoadClient;
  readonly credentials: Credentials;
  readonly order: OrderKind;
  readonly window: number;
}

async function put(target: Target, count: number, { load, credentials, order, window }: Run): Promise<Piped> {
  const before = await target.cpu();
  const result = await load.run({
    port: target.port,
    sender: credentials.sender_comp_id,
    target: credentials.target_comp_id,
    password: credentials.password,
    order,
    count,
    window,
  });
  return { ...result, cpu_us: (((await target.cpu()) - before) * 1e6) / count };
}

/** The medians of all runs but the first. */
function medians(runs: readonly Piped[]): Piped {
  const counted = runs.slice(1);
  const of = (name: 'per_s' | 'p50_us' | 'p99_us' | 'cpu_us') => median(counted.map((run) => run[name]));
  const { replies } = counted.at(-1) as Piped;
  const all_per_s = runs.map(({ per_s }) => per_s);
  return { per_s: of('per_s'), p50_us: of('p50_us'), p99_us: of('p99_us'), cpu_us: of('cpu_us'), replies, all_per_s };
}

/** Runs against both in turns, after one of each to warm up. */
async function turns(sizes: Sizes, ours: () => Promise<Piped>, theirs: () => Promise<Piped>): Promise<[Piped, Piped]> {
  const all: [Piped[], Piped[]] = [[], []];
  for (let run = 0; run <= sizes.runs; run++) {
    all[0].push(await ours());
    all[1].push(await theirs());
  }
  return [medians(all[0]), medians(all[1])];
}

/** Each run, the one to warm up first, thousands a second. */
const each = ({ all_per_s = [] }: Piped): string => all_per_s.map((per_s) => Math.round(per_s / 1000)).join(' ');

/** What the edge is meant to be of an engine's throughput, at least. */
const TIMES: Readonly<Record<string, number>> = { quickfixcpp: 10, philadelphia: 3 };

/** The same orders on other engines, each in turns with the edge; their throughput and processor time beside its own. */
async function besidePeers(edge: Target, run: Run, sizes: Sizes): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const name of sizes.peers) {
    const peer = await startPeer(name);
    try {
      const theirs: Run = {
        ...run,
        credentials: { sender_comp_id: PEER_NAMES.sender, target_comp_id: PEER_NAMES.target, password: 'none' },
      };
      const [ours, other] = await turns(
        sizes,
        () => put(edge, sizes.peer_orders, run),
        () => put(peer, sizes.peer_orders, theirs),
      );
      const settings = `${run.load.name}, ${sizes.peer_orders} orders, window ${run.window}, median of ${sizes.runs}; ${name} as its runner sets it up`;
      const least = TIMES[name];
      const aim: Aim | undefined = least === undefined ? undefined : { of: 'ratio', least };
      figures.push(
        figure(`echo beside ${name}`, ours.per_s, 'orders/s', [name, other.per_s], settings, aim),
        figure(`echo CPU beside ${name}`, ours.cpu_us, 'µs', [name, Math.max(other.cpu_us, 0.01)], settings),
      );
    } finally {
      await peer.stop();
    }
  }
  return figures;
}

/** What says in {@link LoadResult.replies} that an order was not taken. */
const REFUSALS = ['8/8', '8_rejected', 'j', '3'];

/** @throws when orders were refused: that is quicker than what is to be measured */
function taken(run: Piped): Piped {
  const { replies } = run;
  if (REFUSALS.some((type) => (replies[type] ?? 0) > 0))
    throw new Error(`orders were refused: ${JSON.stringify(replies)}`);
  return run;
}

interface Course {
  /** What its figures are called. */
  readonly name: string;
  readonly venue: 'echo' | 'simulator';
  readonly order: OrderKind;
  /**
   * `each`: a user for each run, for a client whose ClOrdIDs begin anew in each at a venue that refuses those it knows. `one`: all runs are of
   * the same user.
   */
  readonly users: 'one' | 'each';
  readonly throughput?: Aim;
  readonly cpu?: Aim;
}

/** Whose orders the next run sends. */
async function usersOf({ users }: Course, stage: Stage): Promise<() => Promise<Credentials>> {
  let count = 0;
  const next = (): Promise<Credentials> => stage.user(`orders-${++count}`);
  if (users === 'each') return next;
  const one = await next();
  return async () => one;
}

/** Whatever is sent to a simulator is in its books at the end. */
const ALL_REST = { FIXGATE_SIMULATOR_OPEN_ORDERS: String(MOST_OPEN_ORDERS_PER_USER) };

/** Orders to reports by one venue: one at a time, then with a window of them in flight. */
async function orders(course: Course, sizes: Sizes): Promise<Figure[]> {
  const { name, venue, order } = course;
  const load = openLoadClient(sizes.load_client, order);
  const measure = (stage: Stage): Promise<Figure[]> =>
    besideFloor(async (floor) => {
      const users = await usersOf(course, stage);
      const edge = edgeOf(stage);
      const beside = async (count: number, window: number): Promise<[Piped, Piped]> => {
        const run = async (target: Target): Promise<Piped> =>
          taken(await put(target, count, { load, credentials: await users(), order, window }));
        return turns(
          sizes,
          () => run(edge),
          () => run(floor),
        );
      };
      const [ping, floorPing] = await beside(sizes.pings, 1);
      const [piped, floorPiped] = await beside(sizes.orders, sizes.window);
      const how = `${load.name}, an order that ${order}, median of ${sizes.runs}`;
      const one = `${how}, ${sizes.pings} round trips; replies of the last run ${JSON.stringify(ping.replies)}`;
      const full = `${how}, ${sizes.orders} orders, window ${sizes.window}, tier ${BENCH_TIER.orders_per_second}/s, FIX44 validation, file journal; thousands/s run by run, one to warm up first: ${each(piped)}; the floor ${each(floorPiped)}; replies of the last run ${JSON.stringify(piped.replies)}`;
      const near: Aim = { of: 'ratio', most: 1.3 };
      const engines =
        venue === 'echo'
          ? await besidePeers(edge, { load, credentials: await users(), order, window: sizes.window }, sizes)
          : [];
      return [
        figure(`${name} round trip p50`, ping.p50_us, 'µs', ['floor', floorPing.p50_us], one, near),
        figure(`${name} round trip p99`, ping.p99_us, 'µs', ['floor', floorPing.p99_us], one, near),
        figure(`${name} pipelined`, piped.per_s, 'orders/s', ['floor', floorPiped.per_s], full, course.throughput),
        figure(`${name} CPU per order`, piped.cpu_us, 'µs', ['floor', floorPiped.cpu_us], full, course.cpu),
        ...engines,
      ];
    });
  try {
    return await onStage(['--venue', venue], measure, ALL_REST);
  } finally {
    load.close();
  }
}

const atLeast = (share: number): Aim => ({ of: 'ratio', least: share });

/** Each order comes back as it was. */
export const echo = (sizes: Sizes): Promise<Figure[]> =>
  orders(
    {
      name: 'echo',
      venue: 'echo',
      order: 'rests',
      users: 'one',
      throughput: atLeast(0.4),
      cpu: { of: 'value', most: 1.2 },
    },
    sizes,
  );

/** The same orders: each is accepted and stays in the book, with those of the runs before. */
export const simulator = (sizes: Sizes): Promise<Figure[]> =>
  orders({ name: 'simulator', venue: 'simulator', order: 'rests', users: 'each', throughput: atLeast(0.25) }, sizes);

/** Each order is accepted and filled: two reports. */
export const simulatorFills = (sizes: Sizes): Promise<Figure[]> =>
  orders({ name: 'simulator-fills', venue: 'simulator', order: 'fills', users: 'one' }, sizes);
