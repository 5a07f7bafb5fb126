// The machine is lost with what was on its way: of its disk there is what has been synced, or of one more write a part; where the journal is in
// the store there is no disk at all. The venue is elsewhere and goes on. No report is missing; where numbers are reserved no number has
// two contents, and nothing comes twice but with 97=Y; where a message waits until it is durable nothing comes twice at all.

import { readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { afterAll, expect, test } from '@jest/globals';
import { columnsOf } from './cells.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

function lose(world: World): void {
  world.reboot();
  if (world.inStore) {
    for (const name of readdirSync(world.directory)) rmSync(world.path(name), { recursive: true, force: true });
    return;
  }
  rmSync(world.path('link'), { recursive: true, force: true });
  const onDisk = JSON.parse(readFileSync(world.path('synced'), 'utf8')) as Record<string, number>;
  for (const path of world.segments()) {
    const { size } = statSync(path);
    // Those of earlier processes were on the disk when this one began.
    truncateSync(path, Math.min(size, (onDisk[path] ?? size) + Math.floor(Math.random() * 200)));
  }
}

/** The venue is in the edge's process, and its log on the same disk. */
function losePower(world: World): void {
  lose(world);
  const path = world.path('venue', 'orders.jsonl');
  const onDisk = JSON.parse(readFileSync(world.path('synced'), 'utf8')) as Record<string, number>;
  truncateSync(path, Math.min(statSync(path).size, (onDisk[path] ?? 0) + Math.floor(Math.random() * 200)));
}

/** Number of the newest segment of all journals. */
const newest = (world: World): number =>
  Math.max(...world.segments().map((path) => Number(/(\d+)\.seg$/.exec(path)![1])));

test.each(columnsOf('the machine lost'))(
  'the machine lost: %s',
  async (column) => {
    const reserves = column.endsWith('reserve') || column === 'both side by side';
    const world = await World.open(column, { away: true, none: 'beside', archive: false });
    const [{ trader }] = world.clients as [World['clients'][number]];
    let jumped = 0;
    for (let round = 0; round < 3; round++) {
      const before = trader.reports.length;
      for (let sent = 0; sent < 60 && trader.reports.length - before < 20 + round * 31; sent++) {
        world.clients[0]!.turn();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await world.kill();
      lose(world);
      const { next } = trader;
      await world.start();
      await world.inStep();
      if (trader.next > next + 1000) jumped += 1;
    }
    expect(jumped).toBe(reserves ? 3 : 0);
    // What was lost cannot be sent again, and is gap-filled then.
    await world.reconcile(reserves ? () => true : undefined);
    if (!reserves) expect(trader.repeated).toBe(0);
    await world.close();
  },
  120_000,
);

test('the machine lost with the venue in its process, every order of which was told: file_sync', async () => {
  const world = await World.open('file_sync', { archive: false });
  const [{ trader }] = world.clients as [World['clients'][number]];
  for (let round = 0; round < 3; round++) {
    for (let sent = 0; sent < 40; sent++) {
      world.clients[0]!.turn();
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (round === 1) await world.inStep();
    await world.kill();
    losePower(world);
    await world.start();
    await world.inStep();
  }
  await world.reconcile();
  expect(trader.repeated).toBe(0);
  await world.close();
}, 120_000);

test.each(columnsOf('the machine lost'))(
  'the machine lost, and several segments of orders that the venue had not read: %s',
  async (column) => {
    const world = await World.open(column, { away: true, none: 'beside', archive: false });
    const [client] = world.clients as [World['clients'][number]];
    await world.turns(1);
    await world.inStep();
    world.venueHears(false);
    const begun = newest(world);
    // More than a socket holds, and what the venue reads of one that is dead.
    for (let n = 0; n < 250 || newest(world) <= begun + 2; n++) {
      client.turn();
      if (n % 10 === 0) await world.inStep();
    }
    await world.inStep();
    await world.kill();
    lose(world);
    world.venueHears(true);
    await world.start();
    await world.inStep();
    await world.reconcile(() => true);
    await world.close();
  },
  120_000,
);

test.each(columnsOf('the machine lost').filter((column) => column === 'store, reserve' || column.startsWith('both')))(
  'the machine lost with what it had refused, of which a later message got to the venue: %s',
  async (column) => {
    const world = await World.open(column, { away: true, none: 'beside', archive: false });
    const [client] = world.clients as [World['clients'][number]];
    const { trader } = client;
    const [id, resting] = client.order(1, 1, 10);
    trader.send([resting]);
    await world.inStep();
    await world.tell({ store: 'away' });
    client.turn();
    await world.readiness('journal_store_unavailable');
    const [late, refused] = client.order(1, 1, 10);
    trader.send([refused, client.cancel(id)]);
    await trader.until(() => trader.reports.some((report) => report.get(41) === id && report.get(150) === '4'));
    expect(trader.refused).toContain(late);
    await world.kill();
    lose(world);
    await world.start();
    await world.inStep();
    // It is asked for, as nobody knows that it was answered: it is refused once more, and not placed.
    await trader.until(() => trader.refusedAgain.includes(late));
    await world.reconcile(() => true);
    await world.close();
  },
  120_000,
);
