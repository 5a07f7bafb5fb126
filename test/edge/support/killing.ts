/** Edges in processes of their own that are killed, and what a client holds against what they say. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Commit } from '../../../edge/journal/options.ts';
import { type Field, utcTimestamp } from '../../../local/fix-client.ts';
import { startStore, type TestStore } from '../../support/store.ts';
import type { Account } from './desk.ts';
import type { KillAt } from './killed-edge.ts';
import type { Trader } from './trader.ts';

const directories: string[] = [];
const children: ChildProcess[] = [];
/** Ends what is left of all of them. */
export async function endAll(): Promise<void> {
  for (const child of children) child.kill('SIGKILL');
  await store?.stop();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

export interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  readonly account: Account;
  readonly lines: readonly string[];
}

/** Where the journal is, in files or in the store; when messages leave; and where the venue is. */
export let environment: NodeJS.ProcessEnv = process.env;
let store: TestStore | undefined;

export async function use(kind: 'file' | 'store', commit: Commit, venue?: string): Promise<void> {
  environment = { ...process.env, KILLED_COMMIT: commit };
  if (venue !== undefined) environment.KILLED_VENUE = venue;
  if (kind === 'file') return;
  store ??= await startStore();
  environment.KILLED_STORE = JSON.stringify({ endpoint: store.endpoint, tables: await store.tables() });
}

/** A venue in a process of its own, which goes on when the edge's machine does not. @returns its address */
export async function startVenue(): Promise<string> {
  const directory = newDirectory();
  const address = join(directory, 's');
  const child = fork(join(import.meta.dirname, '../../../edge/venue/main.ts'), {
    env: { ...process.env, FIXGATE_VENUE_ADDRESS: address, FIXGATE_DATA_DIR: directory, FIXGATE_LOG_LEVEL: 'error' },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  await once(child, 'message');
  return address;
}

/** @returns undefined when it died on the way, as it may when it is told to */
export async function launch(directory: string, kill?: KillAt): Promise<Started | undefined> {
  const program = join(import.meta.dirname, 'killed-edge.ts');
  const args = kill === undefined ? [directory] : [directory, JSON.stringify(kill)];
  const child = fork(program, args, { env: environment, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [(Account & Started) | null];
  if (typeof said !== 'object' || said === null) return undefined;
  const { port, lines, ...account } = said;
  return { child, port, lines, account };
}

export async function start(directory: string): Promise<Started> {
  const started = await launch(directory);
  if (started === undefined) throw new Error('the edge did not start');
  return started;
}

export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'killed-'));
  directories.push(directory);
  return directory;
}

let ids = 0;
export const orders: string[] = [];

export function order(side: number, price: number, quantity: number): readonly [string, readonly Field[]] {
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

export const cancel = (id: string): readonly [string, readonly Field[]] => [
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
export const turn = (): (readonly [string, readonly Field[]])[] => {
  const resting = order(1, 1, 10);
  return [order(1, 35, 30), order(2, 35, 20), resting, order(1, -1, 5), cancel(String(resting[1][0]![1]))];
};

/** What the client knows of each order, against what the venue says of it; the market may trade meanwhile. */
export async function reconcile(trader: Trader): Promise<void> {
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
  await trader.until(() => trader.reports.slice(before).filter((one) => one.get(150) === 'I').length >= orders.length);
  for (const id of orders) {
    // Refused ahead of the venue: it knows nothing of it.
    if (trader.refused.includes(id)) {
      const told = trader.reports.filter((report) => report.get(11) === id).map((report) => report.get(150));
      expect([id, told]).toEqual([id, ['I']]);
      continue;
    }
    const reports = trader.reports.filter((report) => report.get(11) === id || report.get(41) === id);
    const answer = reports.findLast((report) => report.get(150) === 'I')!;
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
