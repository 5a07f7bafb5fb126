// A machine that is lost with what was on its way, where sessions send ahead of that: no number has two contents, no report is
// missing, and none comes twice but with 97=Y. The venue is elsewhere and goes on.

import { readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import {
  endAll,
  environment,
  newDirectory,
  orders,
  reconcile,
  start,
  startVenue,
  turn,
  use,
} from '../support/killing.ts';
import { Trader } from '../support/trader.ts';

afterAll(endAll);

/** The machine dies: of the files there is what was on the disk, or of one more write a part; with the store nothing at all. */
function lost(directory: string, kind: 'file' | 'store'): void {
  environment.KILLED_BOOT = `start ${Math.random()}`;
  if (kind === 'store') {
    for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
    return;
  }
  rmSync(join(directory, 'link'), { recursive: true, force: true });
  const onDisk = JSON.parse(readFileSync(join(directory, 'synced'), 'utf8')) as Record<string, number>;
  const home = join(directory, 'journal');
  for (const name of readdirSync(home).filter((one) => one.endsWith('.seg'))) {
    const path = join(home, name);
    const { size } = statSync(path);
    // Those of earlier processes were on the disk when this one began.
    const synced = onDisk[path] ?? size;
    truncateSync(path, Math.min(size, synced + Math.floor(Math.random() * 200)));
  }
}

test.each(['file', 'store'] as const)(
  'reserve, %s: the machine is lost under load; sessions go on above their numbers, and what the venue has said comes with 97=Y',
  async (kind) => {
    const venue = await startVenue();
    await use(kind, 'reserve', venue);
    orders.length = 0;
    const directory = newDirectory();
    let edge = await start(directory);
    const trader = new Trader(edge.account);
    expect(await trader.logon(edge.port)).toBe(true);
    let jumped = 0;
    for (let round = 0; round < 5; round++) {
      const { child } = edge;
      const before = trader.reports.length;
      const gone = trader.gone();
      for (let sent = 0; sent < 60 && trader.reports.length - before < 20 + round * 31; sent++) {
        trader.send(turn());
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.kill('SIGKILL');
      await gone;
      lost(directory, kind);
      edge = await start(directory);
      const { next } = trader;
      expect(await trader.logon(edge.port)).toBe(true);
      await trader.inStep();
      if (trader.next > next + 1000) jumped += 1;
    }
    await reconcile(trader);
    expect(jumped).toBe(5);
    trader.close();
    edge.child.kill('SIGKILL');
  },
  120_000,
);
