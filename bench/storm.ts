/** Many sessions: how long it takes until all have logged on who come at once, and what they cost while nothing happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FixClient } from '../local/fix-client.ts';
import type { Credentials } from '../local/product.ts';
import { type Figure, figure, percentile } from './figures.ts';
import { type Floor, startFloor, type Target } from './floor-process.ts';
import type { Sizes } from './sizes.ts';
import { edgeOf, onStage, type Stage } from './stage.ts';

const HOST = '127.0.0.1';
const PROVISIONS_AT_ONCE = 8;
const HEARTBEAT_S = 30;
const MOST_TRIES = 30;
/** No benchmark keeps its sessions for so long. */
const LONGER_MS = 600_000;
/** Engines come again after a second or more. */
const RETRY_MS = 1_000;
/** Heartbeats of all sessions are spread over their interval in steps of this. */
const STEP_MS = 100;

/** With so many sessions the aims are stated. */
const AIMED_AT = 10_000;

async function provisioned({ user }: Stage, count: number): Promise<Credentials[]> {
  const all: Credentials[] = [];
  for (let i = 0; i < count; i += PROVISIONS_AT_ONCE) {
    const some = Array.from({ length: Math.min(PROVISIONS_AT_ONCE, count - i) }, (_, n) => user(`storm-${i + n}`));
    all.push(...(await Promise.all(some)));
  }
  return all;
}

interface Storm {
  /** Those who got in. */
  readonly clients: readonly FixClient[];
  /** From the first connect to each answer, ms. */
  readonly took: readonly number[];
  /** Logons that were refused, or not answered: a store that is too busy is told to clients so, and they come again. */
  readonly retries: number;
}

/** Tries until it is logged on. @returns undefined when it never was */
async function logOn(port: number, credentials: Credentials, failed: () => void): Promise<FixClient | undefined> {
  const { sender_comp_id, target_comp_id, password } = credentials;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const client = new FixClient({ host: HOST, port, sender: sender_comp_id, target: target_comp_id });
    await client.connect();
    client.send('A', [
      [98, 0],
      [108, HEARTBEAT_S],
      [141, 'Y'],
      [553, sender_comp_id],
      [554, password],
    ]);
    const answered = client.next(({ type }) => type === 'A' || type === '5', LONGER_MS).catch(() => undefined);
    const closed = client.closed(LONGER_MS).catch(() => undefined); // it is open still
    const answer = await Promise.race([answered, closed]);
    if (answer?.type === 'A') return client;
    failed();
    await sleep(RETRY_MS);
  }
  return undefined;
}

/** All at once. */
async function storm(port: number, all: readonly Credentials[]): Promise<Storm> {
  const since = performance.now();
  const took: number[] = [];
  let retries = 0;
  const tried = all.map(async (credentials) => {
    const client = await logOn(port, credentials, () => {
      retries++;
    });
    if (client !== undefined) took.push(performance.now() - since);
    return client;
  });
  const clients = (await Promise.all(tried)).filter((client) => client !== undefined);
  return { clients, took, retries };
}

/** The clients' heartbeats, spread over their interval. @returns what ends them */
function beat(clients: readonly FixClient[]): () => void {
  let next = 0;
  let due = 0;
  const timer = setInterval(() => {
    for (due += (clients.length * STEP_MS) / (HEARTBEAT_S * 1000); due >= 1; due--) {
      clients[next++ % clients.length]?.send('0');
    }
  }, STEP_MS);
  return () => clearInterval(timer);
}

interface Idle {
  /** Resident bytes a session. */
  readonly bytes: number;
  /** Percent of a core. */
  readonly cpu: number;
}

/** What the sessions of a storm add to a server, and what it does for them meanwhile. */
async function idle(target: Target, all: readonly Credentials[], sizes: Sizes): Promise<Idle> {
  // Once to warm up: what a server grows by with its first sessions is not these sessions'.
  for (const client of (await storm(target.port, all)).clients) await client.logout();
  await sleep(sizes.settle_s * 1000);
  const before = await target.memory();
  const { clients } = await storm(target.port, all);
  await sleep(sizes.settle_s * 1000);
  // Five sessions may fit into what is there: then it is a byte, not none.
  const bytes = Math.max(1, ((await target.memory()) - before) / clients.length);
  const end = beat(clients);
  const since = performance.now();
  const used = await target.cpu();
  await sleep(sizes.idle_s * 1000);
  const cpu = ((await target.cpu()) - used) / ((performance.now() - since) / 1000);
  end();
  return { bytes, cpu: cpu * 100 };
}

const beside = <T>(sizes: Sizes, work: (edge: Target, floor: Floor, all: Credentials[]) => Promise<T>): Promise<T> =>
  onStage([], async (stage) => {
    const all = await provisioned(stage, sizes.sessions);
    const floor = await startFloor();
    try {
      return await work(edgeOf(stage), floor, all);
    } finally {
      await floor.stop();
    }
  });

/** From the first connect() to the last Logon's answer. */
export const stormOfLogons = (sizes: Sizes): Promise<Figure[]> =>
  beside(sizes, async (edge, floor, all) => {
    const { took, retries } = await storm(edge.port, all);
    const least = await storm(floor.port, all);
    const settings = `${sizes.sessions} sessions at once, ${took.length} got in, ${retries} Logons were refused or not answered; embedded store, one client process`;
    const of = (name: string, p: number, most?: number): Figure =>
      figure(
        name,
        percentile(took, p),
        'ms',
        ['floor', percentile(least.took, p)],
        settings,
        most === undefined || sizes.sessions < AIMED_AT ? undefined : { of: 'value', most },
      );
    return [of('storm last Logon', 1, 30_000), of('storm p50', 0.5)];
  });

/** Memory and processor time of sessions that send and get heartbeats and nothing else. */
export const idleSessions = (sizes: Sizes): Promise<Figure[]> =>
  beside(sizes, async (edge, floor, all) => {
    const ours = await idle(edge, all, sizes);
    const theirs = await idle(floor, all, sizes);
    const settings = `${sizes.sessions} sessions, HeartBtInt ${HEARTBEAT_S}, watched for ${sizes.idle_s} s`;
    const aim = (most: number) => (sizes.sessions < AIMED_AT ? undefined : ({ of: 'value', most } as const));
    return [
      figure('idle memory a session', ours.bytes / 1024, 'KiB', ['floor', theirs.bytes / 1024], settings, aim(20)),
      figure('idle CPU of a core', ours.cpu, '%', ['floor', theirs.cpu], settings, aim(5)),
    ];
  });
