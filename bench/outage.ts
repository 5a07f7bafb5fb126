/** An edge with many sessions goes, in order or at once: how long until all of them are back on the others, and at what cost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Arrivals, type Crowd, startCrowd } from './crowd-process.ts';
import { type Aim, type Figure, figure } from './figures.ts';
import type { Sizes } from './sizes.ts';
import { cpuOf, onStage, type Stage } from './stage.ts';
import { now, provisioned } from './storm.ts';

/** As on Fargate: what an edge leaves behind is where the others can read it. */
const EDGES = ['--edges', '3', '--journal', 'store'] as const;
const LOOK_MS = 20;
const UP_LOOK_MS = 200;
/** With so many sessions the aims are stated. */
const AIMED_AT = 5_000;
const MOST_MS = 30_000;
const MOST_LOGONS = 2;

interface Outage {
  /** From the signal to the end of the process, ms. */
  readonly exit: number;
  /** From the signal until the last one was in again, ms. */
  readonly back: number;
  readonly arrivals: Arrivals;
  /** How long it had taken them to log on before, ms. */
  readonly before: number;
  /** Processor time of the edges for that, and for the return, with the start of the process that came in place of the one that went, s. */
  readonly cpu: { readonly before: number; readonly back: number };
}

async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(LOOK_MS);
  }
}

/** As {@link cpuOf}, once the edge is up. */
async function cpuOnceUp(url: string): Promise<number> {
  for (let waited = 0; waited < MOST_MS; waited += UP_LOOK_MS) {
    const cpu = await cpuOf(url).catch(() => undefined);
    if (cpu !== undefined) return cpu;
    await sleep(UP_LOOK_MS);
  }
  throw new Error(`nobody answers at ${url}`);
}

/** All sessions are on the first edge, which gets the signal. */
async function outage({ product }: Stage, crowd: Crowd, sizes: Sizes, signal: NodeJS.Signals): Promise<Outage> {
  const [first, ...others] = product.local.fix_ports ?? [];
  const pid = product.local.edge_pids?.[0];
  if (first === undefined || pid === undefined) throw new Error('local.json does not tell the edges');
  const [url = '', ...urls] = product.local.metrics_urls ?? [];
  const cpu = async (of: readonly string[]): Promise<number> =>
    (await Promise.all(of.map(cpuOnceUp))).reduce((sum, one) => sum + one, 0);
  const idle = await cpu([url]);
  const began = now();
  const before = Math.max(...(await crowd.storm(first)).in_at) - began;
  const firstCpu = (await cpu([url])) - idle;
  await sleep(sizes.settle_s * 1000);
  await crowd.comeBackTo(...others);
  const othersCpu = await cpu(urls);
  const since = now();
  process.kill(pid, signal);
  const exit = ended(pid).then(() => now() - since);
  const arrivals = await crowd.comeback();
  const back = (await cpu([url, ...urls])) - othersCpu;
  return {
    exit: await exit,
    back: Math.max(...arrivals.in_at) - since,
    arrivals,
    before,
    cpu: { before: firstCpu, back },
  };
}

async function measured(sizes: Sizes, signal: NodeJS.Signals): Promise<Outage> {
  return onStage(EDGES, async (stage) => {
    const crowd = await startCrowd(await provisioned(stage, sizes.sessions));
    try {
      return await outage(stage, crowd, sizes, signal);
    } finally {
      await crowd.stop();
    }
  });
}

const most = (sessions: number, bound: number): Aim | undefined =>
  sessions < AIMED_AT ? undefined : { of: 'value', most: bound };

const settingsOf = ({ sessions }: Sizes): string =>
  `${sessions} sessions of one edge of three, embedded store and journal in it; clients come again a second after they were cut`;

function logons(what: string, { arrivals }: Outage, sizes: Sizes): Figure {
  const sum = arrivals.logons.reduce((all, one) => all + one, 0);
  const mean = sum / arrivals.logons.length;
  const bound = most(sizes.sessions, MOST_LOGONS);
  return figure(
    `${what} Logons of one`,
    Math.max(...arrivals.logons),
    '',
    ['of all, mean', mean],
    settingsOf(sizes),
    bound,
  );
}

/** Of one session. */
function work(what: string, { cpu }: Outage, sizes: Sizes): Figure {
  const each = (seconds: number): number => (seconds * 1e6) / sizes.sessions;
  const settings = `${settingsOf(sizes)}; the edges' processor time a session, with a start of one edge`;
  return figure(`${what} CPU`, each(cpu.back), 'µs', ['their first Logons', each(cpu.before)], settings);
}

/** SIGTERM. */
export async function drain(sizes: Sizes): Promise<Figure[]> {
  const found = await measured(sizes, 'SIGTERM');
  const { exit, back, before, arrivals } = found;
  const settings = settingsOf(sizes);
  return [
    figure('drain exit', exit, 'ms', ['their first Logons', before], settings, most(sizes.sessions, MOST_MS)),
    figure('drain told', arrivals.told, 'sessions', ['of', sizes.sessions], `${settings}; those that got a Logout`),
    figure('drain all back', back, 'ms', ['their first Logons', before], settings),
    logons('drain', found, sizes),
    work('drain', found, sizes),
  ];
}

/** SIGKILL. */
export async function death(sizes: Sizes): Promise<Figure[]> {
  const found = await measured(sizes, 'SIGKILL');
  const { back, before } = found;
  return [
    figure(
      'death all back',
      back,
      'ms',
      ['their first Logons', before],
      settingsOf(sizes),
      most(sizes.sessions, MOST_MS),
    ),
    logons('death', found, sizes),
    work('death', found, sizes),
  ];
}
