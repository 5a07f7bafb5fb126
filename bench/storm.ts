/** Many sessions: how long it takes until all have logged on who come at once, and what they cost while nothing happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Arrivals, type Crowd, type CrowdMember, startCrowd } from './crowd-process.ts';
import { type Figure, figure, percentile } from './figures.ts';
import { type Floor, startFloor, type Target } from './floor-process.ts';
import { startMemoryEdge } from './memory-edge-process.ts';
import type { Sizes } from './sizes.ts';
import { edgeOf, onStage, type Stage } from './stage.ts';

const PROVISIONS_AT_ONCE = 8;
/** With so many sessions the aims are stated. */
const AIMED_AT = 10_000;
/** So many others log on and off before: a storm comes to an edge in service, and what it grew by first is not its sessions'. */
const WARM_UP = 300;
const WARM_UPS = 3;

/** How many users a benchmark of so many sessions needs: its own first, then those that come before. */
const usersFor = (sessions: number): number => sessions + Math.min(WARM_UP, sessions);

async function warmUp(target: Target, members: readonly CrowdMember[], { sessions, settle_s }: Sizes): Promise<void> {
  const few = await startCrowd(members.slice(sessions));
  for (let n = 0; n < WARM_UPS; n++) {
    await few.storm(target.port);
    await few.leave();
  }
  await few.stop();
  await sleep(settle_s * 1000);
}

/** Users who have never logged on. */
export async function provisioned({ user }: Stage, count: number): Promise<CrowdMember[]> {
  const all: CrowdMember[] = [];
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < count) {
      const { sender_comp_id: sender, target_comp_id: target, password } = await user(`crowd-${next++}`);
      all.push({ sender, target, password });
    }
  };
  await Promise.all(Array.from({ length: PROVISIONS_AT_ONCE }, some));
  return all;
}

interface Storm {
  /** From the first connect to each answer, ms. */
  readonly took: readonly number[];
  readonly logons: number;
  /** Of one client. */
  readonly mostLogons: number;
  /** Processor time of the server per session, µs. */
  readonly cpu: number;
}

/** Epoch ms with fractions: comparable between processes. */
export const now = (): number => performance.timeOrigin + performance.now();

async function storm(crowd: Crowd, target: Target, size: number): Promise<Storm> {
  const before = await target.cpu();
  const since = now();
  const { in_at, logons }: Arrivals = await crowd.storm(target.port);
  const cpu = (((await target.cpu()) - before) * 1e6) / size;
  return {
    took: in_at.map((at) => at - since),
    logons: logons.reduce((sum, each) => sum + each, 0),
    mostLogons: Math.max(...logons),
    cpu,
  };
}

/** With a crowd of these, and the floor to compare with. */
async function withCrowd<T>(
  members: readonly CrowdMember[],
  work: (crowd: Crowd, floor: Floor) => Promise<T>,
): Promise<T> {
  const floor = await startFloor();
  try {
    const crowd = await startCrowd(members);
    try {
      return await work(crowd, floor);
    } finally {
      await crowd.stop();
    }
  } finally {
    await floor.stop();
  }
}

/** From the first connect() to the last Logon's answer: once, and once more by those who have been there. */
async function twice(
  what: string,
  edge: Target,
  members: readonly CrowdMember[],
  sizes: Sizes,
  most: number,
): Promise<Figure[]> {
  const size = sizes.sessions;
  return withCrowd(members.slice(0, size), async (crowd, floor) => {
    await warmUp(edge, members, sizes);
    const first = await storm(crowd, edge, size);
    await crowd.leave();
    await sleep(sizes.settle_s * 1000);
    const again = await storm(crowd, edge, size);
    await crowd.leave();
    const least = await storm(crowd, floor, size);
    await crowd.leave();
    const of = (name: string, { took, logons, mostLogons }: Storm, p: number, aim?: number): Figure =>
      figure(
        name,
        percentile(took, p),
        'ms',
        ['floor', percentile(least.took, p)],
        `${size} sessions at once from one client process, after ${members.length - size} others had come and gone; ${logons} Logons, ${mostLogons} of one client at most`,
        aim === undefined || size < AIMED_AT ? undefined : { of: 'value', most: aim },
      );
    const cpu = (name: string, one: Storm): Figure =>
      figure(name, one.cpu, 'µs', ['floor', least.cpu], `processor time of the server, a session; ${size} sessions`);
    return [
      of(`${what} last Logon`, first, 1, most),
      of(`${what} p50`, first, 0.5),
      cpu(`${what} CPU`, first),
      of(`${what} again, last Logon`, again, 1, most),
      cpu(`${what} again, CPU`, again),
    ];
  });
}

/** The product as `npm start` has it: embedded store, file journal. */
export const stormOfLogons = (sizes: Sizes): Promise<Figure[]> =>
  onStage([], async (stage) =>
    twice('storm', edgeOf(stage), await provisioned(stage, usersFor(sizes.sessions)), sizes, 30_000),
  );

/** The same edge over stores in memory, file journal. */
export async function stormInMemory(sizes: Sizes): Promise<Figure[]> {
  const edge = await startMemoryEdge(usersFor(sizes.sessions));
  try {
    return await twice('storm-memory', edge, edge.members, sizes, 5_000);
  } finally {
    await edge.stop();
  }
}

interface Idle {
  /** Resident bytes a session. */
  readonly bytes: number;
  /** Percent of a core. */
  readonly cpu: number;
}

/** What the sessions of a crowd add to a server, and what it does for them meanwhile. */
async function idle(target: Target, members: readonly CrowdMember[], crowd: Crowd, sizes: Sizes): Promise<Idle> {
  await warmUp(target, members, sizes);
  const before = await target.memory();
  await crowd.storm(target.port);
  await sleep(sizes.settle_s * 1000);
  const since = performance.now();
  const used = await target.cpu();
  await sleep(sizes.idle_s * 1000);
  const cpu = ((await target.cpu()) - used) / ((performance.now() - since) / 1000);
  // Five sessions may fit into what is there: then it is a byte, not none.
  const bytes = Math.max(1, ((await target.memory()) - before) / sizes.sessions);
  await crowd.leave();
  return { bytes, cpu: cpu * 100 };
}

/** Memory and processor time of sessions that send and get heartbeats and nothing else. */
export const idleSessions = (sizes: Sizes): Promise<Figure[]> =>
  onStage([], async (stage) => {
    const members = await provisioned(stage, usersFor(sizes.sessions));
    return withCrowd(members.slice(0, sizes.sessions), async (crowd, floor) => {
      const ours = await idle(edgeOf(stage), members, crowd, sizes);
      const theirs = await idle(floor, members, crowd, sizes);
      const settings = `${sizes.sessions} sessions, HeartBtInt 30 both ways, watched for ${sizes.idle_s} s; memory beside what it was after ${members.length - sizes.sessions} others had come and gone`;
      const aim = (most: number) => (sizes.sessions < AIMED_AT ? undefined : ({ of: 'value', most } as const));
      return [
        figure('idle memory a session', ours.bytes / 1024, 'KiB', ['floor', theirs.bytes / 1024], settings, aim(20)),
        figure('idle CPU of a core', ours.cpu, '%', ['floor', theirs.cpu], settings, aim(5)),
      ];
    });
  });
