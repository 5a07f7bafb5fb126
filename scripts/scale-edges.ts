/** Counts what edges together ask of the store, as processes with clients who speak FIX: sessions that move, orders, journals. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CrowdMember } from '../bench/crowd-process.ts';
import { startCrowd } from '../bench/crowd-process.ts';
import { makeScratch, removeScratch } from '../bench/scratch.ts';
import { BENCH_TIER } from '../bench/stage.ts';
import { plus, type StoreMeter, startMeter, type Taken, times } from '../deploy/meter.ts';
import type { Units } from '../deploy/scale.ts';
import { prepareDataDir } from '../local/data-dir.ts';
import { type Field, utcTimestamp } from '../local/fix-client.ts';
import { type Product, startProduct } from '../local/product.ts';
import { startStore } from '../local/store.ts';

const EDGES = 3;
/** Sessions that come one after the other, and that come at once. */
const ALONE = 20;
const AT_ONCE = 200;
/** Orders a second of one session. */
const RATES = [1, 10, 100] as const;
/** Two heartbeats each way. */
const IDLE_MS = 60_000;
/** Orders that come as fast as they go, of a tier that limits nobody. */
const BURST = 2_000;
/** What is left behind by what was counted before has been done by then. */
const SETTLED_MS = 3_000;

/** Of one of whatever was counted, by table; without what edges take at rest. */
export interface Line {
  readonly what: string;
  readonly tables: Readonly<Record<string, Units>>;
  /** Calls whose conditions did not hold, of one. */
  readonly refused: number;
  /** Of the journal: commits of one, and bytes of a commit. */
  readonly commits: number;
  readonly bytes: number;
}

/** Adds up what work takes. */
class Counter {
  readonly #meter: StoreMeter;
  /** Of all edges at rest, a second. */
  rest: Readonly<Record<string, Units>> = {};

  constructor(meter: StoreMeter) {
    this.#meter = meter;
  }

  async of(what: string, count: number, work: () => Promise<unknown>): Promise<Line> {
    const [before, begun] = [this.#meter.taken(), performance.now()];
    await work();
    const seconds = (performance.now() - begun) / 1000;
    const after = this.#meter.taken();
    const less = (of: (taken: Taken) => number): number => of(after) - of(before);
    const tables = Object.fromEntries(
      Object.entries(after.tables).map(([name, units]) => {
        const found = plus(units, times(before.tables[name] ?? { read: 0, write: 0 }, -1));
        return [name, times(plus(found, times(this.rest[name] ?? { read: 0, write: 0 }, -seconds)), 1 / count)];
      }),
    );
    const commits = less((taken) => taken.commits);
    return {
      what,
      tables,
      refused: less((taken) => taken.refused) / count,
      commits: commits / count,
      bytes: less((taken) => taken.bytes) / Math.max(1, commits),
    };
  }
}

interface House {
  readonly product: Product;
  readonly counter: Counter;
  readonly ports: readonly number[];
  readonly members: readonly CrowdMember[];
}

/**
 * @param seconds for how long each thing is watched
 * @param commit of the edges' journals
 */
export async function measureEdges(
  seconds: number,
  commit: string,
  say: (text: string) => void,
): Promise<readonly Line[]> {
  const directory = makeScratch();
  const under = join(directory, 'store');
  mkdirSync(under);
  prepareDataDir(under);
  const store = await startStore(under, () => {});
  const meter = await startMeter(store.endpoint);
  const env = { FIXGATE_DYNAMODB_ENDPOINT: meter.endpoint };
  const args = ['--log-level', 'warn', '--edges', String(EDGES), '--journal', 'store', '--commit', commit];
  try {
    const product = await startProduct(join(directory, 'product'), args, env);
    try {
      const ports = product.local.fix_ports ?? [];
      const put = await product.admin.post('rate-limits/tiers/put', BENCH_TIER);
      if (put.status !== 200) throw new Error(`tiers/put answered ${put.status}`);
      const members: CrowdMember[] = [];
      for (let i = 0; i < AT_ONCE + ALONE + RATES.length + 1; i++) {
        const tier = { rate_limit_tier: i === AT_ONCE + ALONE + RATES.length ? BENCH_TIER.name : 'premium' };
        const { sender_comp_id: sender, target_comp_id: target, password } = await product.provision(`u-${i}`, tier);
        members.push({ sender, target, password });
      }
      const house = { product, counter: new Counter(meter), ports, members };
      const lines: Line[] = [];
      for (const part of [rest, alone, atOnce, orders, burst]) lines.push(...(await part(house, seconds, say)));
      return lines;
    } finally {
      await product.stop();
    }
  } finally {
    await meter.close();
    await store.stop();
    removeScratch(directory);
  }
}

async function rest({ counter }: House, seconds: number, say: (text: string) => void): Promise<readonly Line[]> {
  say(`${EDGES} edges at rest`);
  await pause(SETTLED_MS);
  const begun = performance.now();
  const { tables, ...all } = await counter.of('', 1, () => pause(seconds * 1000));
  const took = (performance.now() - begun) / 1000;
  const each = (by: number) => Object.fromEntries(Object.entries(tables).map(([name, one]) => [name, times(one, by)]));
  counter.rest = each(1 / took);
  return [
    { ...all, what: 'an edge at rest, a second', tables: each(1 / took / EDGES), refused: all.refused / took / EDGES },
  ];
}

/** Sessions one after the other: where they were before, and where they were not. */
async function alone({ product, counter, ports, members }: House, _seconds: number, say: (text: string) => void) {
  const some = members.slice(AT_ONCE, AT_ONCE + ALONE);
  const numbers = new Map<string, number>();
  const lines: Line[] = [];
  const visit = async (what: string, port: number | undefined): Promise<void> => {
    say(what);
    const line = await counter.of(what, some.length, async () => {
      for (const { sender, target, password } of some) {
        const client = product.client({ sender_comp_id: sender, target_comp_id: target }, { port: port ?? 0 });
        client.nextOut = numbers.get(sender) ?? 1;
        const answer = await client.logon(password, [], 20_000);
        if (answer.type !== 'A') throw new Error(`${what}: ${answer}`);
        await client.logout();
        numbers.set(sender, client.nextOut);
      }
      await pause(SETTLED_MS);
    });
    lines.push(line);
  };
  await visit('a session alone, its first', ports[0]);
  await visit('… again on the same edge', ports[0]);
  await visit('… that moves, from an edge that lives', ports[1]);
  return lines;
}

/** All at once, and over the death of their edge. */
async function atOnce(house: House, _seconds: number, say: (text: string) => void) {
  const { product, counter, ports } = house;
  const members = house.members.slice(0, AT_ONCE);
  const crowd = await startCrowd(members);
  const lines: Line[] = [];
  const count = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    say(what);
    lines.push(
      await counter.of(what, members.length, async () => {
        await work();
        await pause(SETTLED_MS);
      }),
    );
  };
  const [first = 0, second = 0, third = 0] = ports;
  try {
    await count(`${AT_ONCE} Logons at once`, () => crowd.storm(first));
    await count('… of whom each does nothing for a minute', () => pause(IDLE_MS));
    await count('… and their ends', () => crowd.leave());
    await count(`${AT_ONCE} Logons at once that move, from an edge that lives`, () => crowd.storm(second));
    await crowd.comeBackTo(first, third);
    const pid = product.local.edge_pids?.[1];
    if (pid === undefined) throw new Error('local.json does not tell the edges');
    await count('… that move, from an edge that was killed', async () => {
      process.kill(pid, 'SIGKILL');
      await crowd.comeback();
    });
    await crowd.leave();
    return lines;
  } finally {
    await crowd.stop();
    await pause(SETTLED_MS);
  }
}

const order = (id: string): readonly Field[] => [
  [11, id],
  [55, 'EURUSD'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 1000],
  [40, 2],
  [44, '0.5'],
];

async function orders({ product, counter, ports, members }: House, seconds: number, say: (text: string) => void) {
  const lines: Line[] = [];
  for (const [i, rate] of RATES.entries()) {
    const what = `an order by FIX, ${rate} a second`;
    say(what);
    const { sender, target, password } = members[AT_ONCE + ALONE + i] as CrowdMember;
    const client = product.client({ sender_comp_id: sender, target_comp_id: target }, { port: ports[0] ?? 0 });
    await client.logon(password, [], 20_000);
    await pause(SETTLED_MS);
    const count = Math.max(10, Math.round(seconds * rate));
    lines.push(
      await counter.of(what, count, async () => {
        const begun = performance.now();
        for (let n = 1; n <= count; n++) {
          client.send('D', order(`${rate}-${n}`));
          await pause(Math.max(0, begun + (n * 1000) / rate - performance.now()));
        }
        await pause(SETTLED_MS);
      }),
    );
    const answers = client.received.filter((message) => message.type === '8').length;
    if (answers < count) throw new Error(`${answers} reports of ${count} orders`);
    await client.logout();
  }
  return lines;
}

/** What a journal takes whose batches are large. */
async function burst({ product, counter, ports, members }: House, _seconds: number, say: (text: string) => void) {
  const what = `an order by FIX, ${BURST} as fast as they go`;
  say(what);
  const { sender, target, password } = members.at(-1) as CrowdMember;
  let answers = 0;
  let done = (): void => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const onMessage = (way: '<' | '>', raw: string): void => {
    if (way === '<' && raw.includes('\u000135=8\u0001') && ++answers === BURST) done();
  };
  const names = { sender_comp_id: sender, target_comp_id: target };
  const client = product.client(names, { port: ports[0] ?? 0, onMessage });
  await client.logon(password, [], 20_000);
  await pause(SETTLED_MS);
  const line = await counter.of(what, BURST, async () => {
    for (let n = 1; n <= BURST; n++) {
      client.send('D', order(`burst-${n}`));
      if (n % 500 === 0) await pause(1);
    }
    await all;
    await pause(SETTLED_MS);
  });
  await client.logout();
  return [line];
}
