// kill -9 at each write of a commit, one after the other in one life of a session, and at random under load. From the
// client's side: each number has one content, nothing comes twice without PossDupFlag, nothing is missing.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, expect, test } from '@jest/globals';
import type { Disk, KillAt } from '../support/killed-edge.ts';
import {
  cancel,
  endAll,
  launch,
  newDirectory,
  order,
  orders,
  reconcile,
  start,
  turn,
  use,
} from '../support/killing.ts';
import { Trader } from '../support/trader.ts';

afterAll(endAll);

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
  expect(trader.repeated).toBe(0);
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
  expect(trader.repeated).toBe(0);
  trader.close();
  edge.child.kill('SIGKILL');
}

const journalled = ({ file, when }: KillAt): boolean => file === 'journal' && when === 'after';

const COMMITS = ['before-send', 'reserve'] as const;

test.each(COMMITS)(
  '%s: killed at every write of a commit, and once more while it recovers',
  async (commit) => {
    await use('file', commit);
    await everyWrite(pointsOf('journal', 'venue'), (point) => (journalled(point) ? AGAIN : []));
  },
  120_000,
);

test.each(COMMITS)(
  '%s: killed at random under load',
  async (commit) => {
    await use('file', commit);
    await atRandom();
  },
  120_000,
);

test.each(COMMITS)(
  '%s, the journal in the store: killed before, within and after each commit',
  async (commit) => {
    await use('store', commit);
    const answered = ({ file, when }: KillAt): boolean => file === 'store' && when === 'after';
    await everyWrite(pointsOf('store', 'venue', 'journal'), (point) => (answered(point) ? AGAIN_IN_STORE : []));
  },
  240_000,
);

test.each(COMMITS)(
  '%s, the journal in the store: killed at random under load',
  async (commit) => {
    await use('store', commit);
    await atRandom();
  },
  120_000,
);

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

test.each(
  COMMITS.flatMap((commit) => (['goes on', 'dies and starts again'] as const).map((what) => ({ commit, what }))),
)(
  '$commit: a full disk refuses orders, takes cancels and says nothing until there is room; the edge $what',
  async ({ commit, what }) => {
    await use('file', commit);
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

test.each(COMMITS)(
  '%s: a slow disk makes answers late, and nothing else',
  async (commit) => {
    await use('file', commit);
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
  },
  60_000,
);
