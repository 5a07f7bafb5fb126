/** What each kind of journal costs, and each way to commit to it: messages a second until they may leave, processor time, and the time that one waits. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { createClient } from '../adapters/dynamodb/client.ts';
import { createTables } from '../adapters/dynamodb/create-tables.ts';
import { createDynamoAdapters } from '../adapters/dynamodb/stores.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import { KEEP } from '../edge/fix/session/ports.ts';
import { openJournal } from '../edge/journal/file.ts';
import type { Journal } from '../edge/journal/journal.ts';
import { openKeys, type SegmentKeys, wrappedKeys } from '../edge/journal/keys.ts';
import { RESERVE_NUMBERS } from '../edge/journal/limits.ts';
import { openMemoryJournal } from '../edge/journal/memory.ts';
import type { Commit } from '../edge/journal/options.ts';
import { openStoreJournal } from '../edge/journal/store.ts';
import { Syncing } from '../edge/journal/syncing.ts';
import { STORE_FILE } from '../local/data-dir.ts';
import { encodeFix, type Field, utcTimestamp } from '../local/fix-client.ts';
import { startStore } from '../local/store.ts';
import { type Figure, figure, median, percentile } from './figures.ts';
import { MICRO_NAMES } from './orders.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Sizes } from './sizes.ts';

/** Messages of one read of a busy socket. */
const BATCH = 64;
/** Bytes that may wait for the store before no more is read, as with a few busy connections. */
const WAITING = 2 * 1024 * 1024;
const EDGE = 'bench';

const log = { info() {}, warn() {}, error: (fields: object, what: string) => console.error(what, fields) };
const now = () => systemClock.now();

/** Data keys that need no box far away: blocks are encrypted as ever. */
function keysIn(directory: string): Promise<SegmentKeys> {
  const box = { seal: async (bytes: Uint8Array) => bytes, open: async (bytes: Uint8Array) => bytes };
  const random = () => systemRandom.bytes(32);
  const after = (ms: number, work: () => void) => void systemTimers.after(ms, work);
  return openKeys({ box, edgeId: EDGE, log, random, after }, wrappedKeys(directory), true);
}

interface Mode {
  readonly name: string;
  open(directory: string): Promise<Opened>;
}

interface Opened {
  readonly journal: Journal;
  /** Numbers that the session reserves at a time; left out: none. */
  readonly ahead?: number;
  /** Processor time of another process that works for it, ms. */
  readonly otherCpu?: () => number;
  end(): Promise<void>;
}

/** Clock ticks of the kernel a second, as Linux tells processor times. */
const TICKS = 100;

/** Processor time so far of the process with this text on its command line, but for Node's own, ms; 0 where the system does not tell. */
function cpuOf(text: string): number {
  if (!existsSync('/proc/self/stat')) return 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!words.includes(text) || words.some((word) => word.endsWith('guard.ts'))) continue;
      const times = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return ((Number(times[11]) + Number(times[12])) * 1000) / TICKS;
    } catch {
      // It has ended meanwhile.
    }
  }
  return 0;
}

const inFiles = (name: string, sync: boolean): Mode => ({
  name,
  async open(directory) {
    const journal = openJournal({ directory, now, log, sync, keys: await keysIn(directory), inbound: true });
    return { journal, end: () => journal.close() };
  },
});

const MODES: readonly Mode[] = [
  {
    name: 'memory',
    async open() {
      const journal = openMemoryJournal({ now });
      return { journal, end: () => journal.close() };
    },
  },
  inFiles('file', false),
  inFiles('file_sync', true),
  { name: 'file reserve', open: inFilesAhead },
  { name: 'store', open: (directory) => inStore(directory, 'before-send') },
  { name: 'store reserve', open: (directory) => inStore(directory, 'reserve') },
];

/** Synced beside the work, behind what leaves. */
async function inFilesAhead(directory: string): Promise<Opened> {
  const monotonic = () => systemClock.monotonic();
  const mirror = new Syncing({ directory, log, monotonic, after: systemTimers.after });
  const common = { directory, now, log, mirror, commit: 'reserve', ahead: true, inbound: true } as const;
  const journal = openJournal({ ...common, keys: await keysIn(directory) });
  return { journal, ahead: RESERVE_NUMBERS, end: () => journal.close() };
}

/** Over the embedded store, which runs in a process of its own on the same machine. */
async function inStore(directory: string, commit: Commit): Promise<Opened> {
  mkdirSync(join(directory, 'logs'), { recursive: true });
  const store = await startStore(directory, () => {});
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = createClient({ region: 'us-east-1', endpoint: store.endpoint, credentials });
  const tables = tableNames('bench');
  await createTables(client, tables);
  const { edges, journals } = createDynamoAdapters({ client, tables, random: systemRandom });
  const edge = await edges.register(EDGE, '1', now());
  const copy = join(directory, 'copy');
  const journal = await openStoreJournal({
    directory: copy,
    commit,
    now,
    log,
    inbound: true,
    store: journals,
    edge: () => edge,
    writer: EDGE,
    openKeys: () => keysIn(copy),
    monotonic: () => systemClock.monotonic(),
    after: systemTimers.after,
    every: systemTimers.every,
    soon: (work) => void setImmediate(work),
    onLost: (error) => {
      throw error;
    },
  });
  journal.later?.attend({
    closing: () => journal.flush(),
    written: () => journal.committed(),
    released() {},
    revoked() {},
  });
  const end = async (): Promise<void> => {
    await journal.close();
    client.destroy();
    await store.stop();
  };
  const ahead = commit === 'reserve' ? RESERVE_NUMBERS : 0;
  return { journal, ahead, end, otherCpu: () => cpuOf(join(directory, STORE_FILE)) };
}

/** Different ones: they are compressed on their way to the store, and equal ones would be told to cost nothing. */
const REPORTS = 8192;
const SYMBOLS = ['INTC', 'AAPL', 'MSFT', 'NVDA', 'AMZN', 'TSLA', 'META', 'GOOG', 'ORCL', 'CSCO'];

/** Reports with ids, prices and quantities at random, one after the other, and where each begins. */
function someReports(): { readonly buf: Buffer; readonly starts: readonly number[] } {
  const starts = [0];
  const all: Buffer[] = [];
  const random = (below: number): number => Buffer.from(systemRandom.bytes(4)).readUInt32LE(0) % below;
  for (let i = 0; i < REPORTS; i++) {
    const at = utcTimestamp(new Date(now() + i));
    const fields: readonly Field[] = [
      [35, '8'],
      [34, 20_000 + i],
      [49, MICRO_NAMES.target],
      [52, at],
      [56, MICRO_NAMES.sender],
      [37, 1_000_000 + random(1e9)],
      [11, Buffer.from(systemRandom.bytes(8)).toString('hex')],
      [17, 1_000_000 + random(1e9)],
      [150, 'F'],
      [39, 1],
      [55, SYMBOLS[random(SYMBOLS.length)]!],
      [54, 1 + random(2)],
      [38, 100 * (1 + random(50))],
      [44, `${20 + random(200)}.${10 + random(90)}`],
      [32, 1 + random(100)],
      [151, random(5000)],
      [14, random(5000)],
      [60, at],
    ];
    all.push(Buffer.from(encodeFix('FIX.4.4', fields), 'latin1'));
    starts.push(starts[i]! + all[i]!.length);
  }
  return { buf: Buffer.concat(all), starts };
}

interface Measured {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly otherCpuUs: number | undefined;
  readonly waits: readonly number[];
}

async function measure({ journal, otherCpu, ahead = 0 }: Opened, sizes: Sizes): Promise<Measured> {
  const store = journal.session('bench');
  store.sendAhead(ahead);
  const { buf, starts } = someReports();
  let next = store.nextOut;
  const put = (count: number): void => {
    const at = now();
    for (let i = 0; i < count; i++) {
      store.setNextIn(next);
      const report = next % REPORTS;
      store.append(next++, buf, starts[report]!, starts[report + 1]!, at, KEEP);
    }
    journal.flush();
    journal.committed();
  };
  const waits: number[] = [];
  const run = async (count: number): Promise<readonly [perSecond: number, cpuUs: number]> => {
    const [since, cpu] = [performance.now(), process.cpuUsage()];
    for (let done = 0; done < count; done += BATCH) {
      put(BATCH);
      while ((journal.later?.waiting ?? 0) > WAITING) await pause(1);
      if ((done / BATCH) % 16 === 0) await nextTurn();
    }
    await journal.later?.drained();
    const { user, system } = process.cpuUsage(cpu);
    return [(count * 1000) / (performance.now() - since), (user + system) / count];
  };
  await run(sizes.journal_messages / 4);
  const otherBefore = otherCpu?.() ?? 0;
  const runs = [];
  for (let i = 0; i < sizes.runs; i++) runs.push(await run(sizes.journal_messages));
  const other = (otherCpu?.() ?? 0) - otherBefore;
  for (let i = 0; i < sizes.pings / 40; i++) {
    const since = performance.now();
    put(1);
    if (!store.ahead) await journal.later?.drained();
    waits.push((performance.now() - since) * 1000);
  }
  const otherCpuUs = other === 0 ? undefined : (other * 1000) / (sizes.journal_messages * sizes.runs);
  return { perSecond: median(runs.map(([rate]) => rate)), cpuUs: median(runs.map(([, us]) => us)), otherCpuUs, waits };
}

/** Every kind of journal, beside the one in memory. */
export async function journalModes(sizes: Sizes): Promise<Figure[]> {
  const found: Figure[] = [];
  let least: Measured | undefined;
  for (const mode of MODES) {
    const directory = makeScratch();
    try {
      const opened = await mode.open(join(directory, 'journal'));
      try {
        const one = await measure(opened, sizes);
        least ??= one;
        found.push(...figuresOf(mode.name, one, least, sizes));
      } finally {
        await opened.end();
      }
    } finally {
      removeScratch(directory);
    }
  }
  return found;
}

function figuresOf(name: string, measured: Measured, least: Measured, sizes: Sizes): Figure[] {
  const { perSecond, cpuUs, otherCpuUs, waits } = measured;
  const how = `in this process, ${sizes.journal_messages} different reports of about 200 bytes, ${BATCH} a flush, encrypted where it is on disk, median of ${sizes.runs}`;
  const aim = name === 'store' ? ({ of: 'value', least: 100_000 } as const) : undefined;
  const one = `one report a flush, until it may leave, ${waits.length} times`;
  return [
    figure(`journal ${name}`, perSecond, 'messages/s', ['memory', least.perSecond], how, aim),
    figure(`journal ${name} CPU`, cpuUs, 'µs', ['memory', least.cpuUs], `${how}; this process, not the store's`),
    ...(otherCpuUs === undefined
      ? []
      : [
          figure(
            `journal ${name} CPU there`,
            otherCpuUs,
            'µs',
            ['here', cpuUs],
            `${how}; the embedded store's process`,
          ),
        ]),
    figure(`journal ${name} p50`, percentile(waits, 0.5), 'µs', ['memory', percentile(least.waits, 0.5)], one),
    figure(`journal ${name} p99`, percentile(waits, 0.99), 'µs', ['memory', percentile(least.waits, 0.99)], one),
  ];
}
