// kill -9 at each write of a commit, one after the other in one life of a session, and at random under load. From the
// client's side: each number has one content, nothing comes twice without PossDupFlag, nothing is missing.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { type Field, utcTimestamp } from '../../../local/fix-client.ts';
import { startStore, type TestStore } from '../../support/store.ts';
import type { Account } from '../support/desk.ts';
import type { Disk, KillAt } from '../support/killed-edge.ts';
import { Trader } from '../support/trader.ts';

const directories: string[] = [];
const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await store?.stop();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  readonly account: Account;
  readonly lines: readonly string[];
}

/** Where the journal is: in files, or in the store. */
let environment: NodeJS.ProcessEnv = process.env;
let store: TestStore | undefined;

async function useStore(): Promise<void> {
  store ??= await startStore();
  const given = JSON.stringify({ endpoint: store.endpoint, tables: await store.tables() });
  environment = { ...process.env, KILLED_STORE: given };
}

/** @returns undefined when it died on the way, as it may when it is told to */
async function launch(directory: string, kill?: KillAt): Promise<Started | undefined> {
  const program = join(import.meta.dirname, '..', 'support', 'killed-edge.ts');
  const args = kill === undefined ? [directory] : [directory, JSON.stringify(kill)];
  const child = fork(program, args, { env: environment, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [(Account & Started) | null];
  if (typeof said !== 'object' || said === null) return undefined;
  const { port, lines, ...account } = said;
  return { child, port, lines, account };
}

async function start(directory: string): Promise<Started> {
  const started = await launch(directory);
  if (started === undefined) throw new Error('the edge did not start');
  return started;
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'killed-'));
  directories.push(directory);
  return directory;
}

let ids = 0;
const orders: string[] = [];

function order(side: number, price: number, quantity: number): readonly [string, readonly Field[]] {
  const id = `o${++ids}`;
  orders.push(id);
  return [
    'D',
    [
      [11, id],
      [55, 'INTC'],
      [54, side],
      [60, utcTimestamp(new Date())],
      [38, quantity],
      [40, 2],
      [44, price],
    ],
  ];
}

const cancel = (id: string): readonly [string, readonly Field[]] => [
  'F',
  [
    [11, `c${++ids}`],
    [41, id],
    [55, 'INTC'],
    [54, 1],
    [60, utcTimestamp(new Date())],
    [38, 1],
  ],
];

/** Rests, trades with what rests, is refused, takes away: a turn with something of each. */
const turn = (): (readonly [string, readonly Field[]])[] => {
  const resting = order(1, 1, 10);
  return [order(1, 35, 30), order(2, 35, 20), resting, order(1, -1, 5), cancel(String(resting[1][0]![1]))];
};

/** What the client knows of each order, against what the venue says of it; the market may trade meanwhile. */
async function reconcile(trader: Trader): Promise<void> {
  await trader.inStep();
  const before = trader.reports.length;
  trader.send(
    orders.map(
      (id) =>
        [
          'H',
          [
            [11, id],
            [55, 'INTC'],
            [54, 1],
          ],
        ] as const,
    ),
  );
  await trader.until(() => trader.reports.filter((report) => report.get(150) === 'I').length >= orders.length);
  for (const id of orders) {
    // Refused ahead of the venue: it knows nothing of it.
    if (trader.refused.includes(id)) {
      const told = trader.reports.filter((report) => report.get(11) === id).map((report) => report.get(150));
      expect([id, told]).toEqual([id, ['I']]);
      continue;
    }
    const reports = trader.reports.filter((report) => report.get(11) === id || report.get(41) === id);
    const answer = reports.find((report) => report.get(150) === 'I')!;
    const known = reports.slice(0, reports.indexOf(answer));
    const accepted = known.filter((report) => report.get(150) === '0').length;
    const refused = known.filter((report) => report.get(150) === '8').length;
    expect([id, accepted + refused]).toEqual([id, 1]);
    const filled = known.reduce((sum, report) => sum + (report.get(150) === 'F' ? Number(report.get(32)) : 0), 0);
    // An order that was refused is one that the venue does not know.
    expect([id, filled]).toEqual([id, refused === 1 ? 0 : Number(answer.get(14))]);
  }
  expect(trader.reports.length).toBeGreaterThanOrEqual(before + orders.length);
  expect(trader.faults).toEqual([]);
}

const pointsOf = (...kinds: readonly KillAt['file'][]): readonly KillAt[] =>
  kinds.flatMap((file) =>
    (['before', 'half', 'after'] as const).flatMap((when) => [1, 2].map((nth) => ({ file, when, nth }))),
  );

/** Where a start in the store may die: its first commits, and the venue's writes that follow. */
const AGAIN_IN_STORE: readonly KillAt[] = [
  { file: 'store', when: 'before', nth: 1 },
  { file: 'store', when: 'after', nth: 1 },
  { file: 'store', when: 'half', nth: 2 },
  { file: 'venue', when: 'half', nth: 2 },
];

/** Writes of a start: the next segment with its snapshot, what is carried, what is taken back; the venue's log, anew and flushed. */
const AGAIN: readonly KillAt[] = [
  { file: 'journal', when: 'half', nth: 2 },
  { file: 'journal', when: 'after', nth: 2 },
  { file: 'journal', when: 'after', nth: 3 },
  { file: 'venue', when: 'half', nth: 1 },
  { file: 'venue', when: 'half', nth: 2 },
  { file: 'venue', when: 'after', nth: 2 },
];

async function everyWrite(
  points: readonly KillAt[],
  whileStarting: (point: KillAt) => readonly KillAt[],
): Promise<void> {
  orders.length = 0;
  const directory = newDirectory();
  let edge = await start(directory);
  const trader = new Trader(edge.account);
  expect(await trader.logon(edge.port)).toBe(true);
  let taken = 0;
  let died = 0;
  for (const point of points) {
    trader.send(turn());
    await trader.inStep();
    edge.child.send(point);
    await once(edge.child, 'message');
    const exit = once(edge.child, 'exit');
    // Turn after turn until the write comes at which it dies.
    for (let alive = true; alive; ) {
      trader.send(turn());
      const pause = new Promise((resolve) => setTimeout(resolve, 20));
      alive = await Promise.race([pause.then(() => true), exit.then(() => false)]);
    }
    for (const again of whileStarting(point)) {
      const started = await launch(directory, again);
      started?.child.kill('SIGKILL');
      died += started === undefined ? 1 : 0;
    }
    edge = await start(directory);
    taken += edge.lines.filter((line) => line.startsWith('the venue had not written')).length;
    expect(await trader.logon(edge.port)).toBe(true);
  }
  await reconcile(trader);
  // The points between the two logs were really met.
  expect(taken).toBeGreaterThanOrEqual(4);
  expect(died).toBeGreaterThanOrEqual(4);
  trader.close();
  edge.child.kill('SIGKILL');
}

async function atRandom(): Promise<void> {
  orders.length = 0;
  const directory = newDirectory();
  let edge = await start(directory);
  const trader = new Trader(edge.account);
  expect(await trader.logon(edge.port)).toBe(true);
  for (let round = 0; round < 4; round++) {
    const { child } = edge;
    const before = trader.reports.length;
    const most = 40 + round * 37;
    const gone = trader.gone();
    for (let sent = 0; sent < 30; sent++) {
      trader.send(turn());
      await new Promise((resolve) => setImmediate(resolve));
      if (trader.reports.length - before > most) break;
    }
    child.kill('SIGKILL');
    await gone;
    edge = await start(directory);
    expect(await trader.logon(edge.port)).toBe(true);
  }
  await reconcile(trader);
  trader.close();
  edge.child.kill('SIGKILL');
}

const journalled = ({ file, when }: KillAt): boolean => file === 'journal' && when === 'after';

test(
  'killed at every write of a commit, and once more while it recovers',
  () => everyWrite(pointsOf('journal', 'venue'), (point) => (journalled(point) ? AGAIN : [])),
  120_000,
);

test('killed at random under load', atRandom, 120_000);

test('the journal in the store, and nothing of it left on the disk: killed before, within and after each commit', async () => {
  await useStore();
  const answered = ({ file, when }: KillAt): boolean => file === 'store' && when === 'after';
  await everyWrite(pointsOf('store', 'venue', 'journal'), (point) => (answered(point) ? AGAIN_IN_STORE : []));
}, 240_000);

test('the journal in the store: killed at random under load', async () => {
  await useStore();
  await atRandom();
}, 120_000);

async function tell(child: ChildProcess, message: Disk): Promise<void> {
  child.send(message);
  await once(child, 'message');
}

/** Turns, with a pause after each in which the edge reads it. */
async function turns(trader: Trader, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    trader.send(turn());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.each(['goes on', 'dies and starts again'])(
  'a full disk refuses orders, takes cancels and says nothing until there is room; the edge %s',
  async (what) => {
    environment = process.env;
    orders.length = 0;
    const directory = newDirectory();
    let edge = await start(directory);
    const trader = new Trader(edge.account);
    expect(await trader.logon(edge.port)).toBe(true);
    const [type, fields] = order(1, 1, 10);
    trader.send([[type, fields]]);
    await trader.inStep();
    await tell(edge.child, { disk: 'full' });
    await turns(trader, 1);
    const heard = trader.reports.length;
    await turns(trader, 9);
    trader.send([cancel(String(fields[0]![1]))]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Whoever is told of something that no disk holds could be told otherwise after a crash.
    expect(trader.reports.length).toBe(heard);
    expect(trader.refused).toEqual([]);
    if (what === 'goes on') await tell(edge.child, { disk: 'well' });
    else {
      const gone = trader.gone();
      edge.child.kill('SIGKILL');
      await gone;
      edge = await start(directory);
      expect(await trader.logon(edge.port)).toBe(true);
    }
    await trader.inStep();
    if (what === 'goes on') {
      expect(trader.refused.length).toBeGreaterThanOrEqual(9 * 4);
      expect(trader.reports.filter((report) => report.get(150) === '4').map((report) => report.get(41))).toContain(
        fields[0]![1],
      );
    }
    await turns(trader, 2);
    await reconcile(trader);
    trader.close();
    edge.child.kill('SIGKILL');
  },
  60_000,
);

test('a slow disk makes answers late, and nothing else', async () => {
  environment = process.env;
  orders.length = 0;
  const edge = await start(newDirectory());
  const trader = new Trader(edge.account);
  expect(await trader.logon(edge.port)).toBe(true);
  await tell(edge.child, { disk: 'slow', ms: 100 });
  await turns(trader, 20);
  await trader.inStep();
  expect(trader.refused).toEqual([]);
  await tell(edge.child, { disk: 'well' });
  await reconcile(trader);
  trader.close();
  edge.child.kill('SIGKILL');
}, 60_000);
