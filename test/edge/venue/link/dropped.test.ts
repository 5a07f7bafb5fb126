// What becomes of a link when so much has waited that the oldest had to go.
import { expect, test } from '@jest/globals';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { until } from '../../support/desk.ts';
import { at, bound, crash, linked, logged, lost, rawEdge, start } from './linked.ts';
import { type RawEdge, rests, type Told } from './raw-edge.ts';

const ORDERS = 40;
const mine = at(1);

async function restart(bytes: number | undefined): Promise<void> {
  await crash();
  bound.bytes = bytes;
  await start();
}

/** An edge that has had so many reports that some were dropped, has acknowledged none, and is gone. */
async function flooded(): Promise<readonly Told[]> {
  await restart(4000);
  const edge = await linked(rawEdge('e1'));
  for (let n = 1; n <= ORDERS; n++) edge.submit(n, mine, rests(`o${n}`));
  const told = await edge.told(ORDERS);
  edge.die();
  await until('it is noticed', () => logged.includes('an edge is gone'));
  return told;
}

const from = (first: number): number[] => Array.from({ length: ORDERS - first + 1 }, (_, i) => first + i);
const numbers = ({ reports }: Pick<RawEdge, 'reports'>): number[] => reports.map(({ number }) => number);
const dropped = ({ reports }: Pick<RawEdge, 'reports'>): Told[] =>
  reports.filter(({ type }) => type === frames.NOTHING);
const lostCount = (): number => lost.reduce((sum, [, count]) => sum + Number(count), 0);

test('an edge that was away while reports were dropped is told of each number once, and the link goes on', async () => {
  await flooded();
  const count = lostCount();
  expect(count).toBeGreaterThan(10);
  for (const [peer, some, sessions] of lost) expect([peer, sessions]).toEqual(['e1', { ONE: some }]);
  const back = await linked(rawEdge('e1', { received: 3 }));
  await back.told(ORDERS - 3);
  expect(numbers(back)).toEqual(from(4));
  expect(numbers({ reports: dropped(back) })).toEqual(from(4).slice(0, count - 3));
  expect(dropped(back).every(({ head }) => (head as { dropped?: boolean }).dropped === true)).toBe(true);
  back.ack(ORDERS);
  back.submit(ORDERS + 1, mine, rests('last'));
  expect((await back.told(ORDERS - 2)).at(-1)).toMatchObject({ number: ORDERS + 1, type: frames.REPORT });
});

test('a venue that is started again knows which were dropped, also once its log has been written anew', async () => {
  await flooded();
  const count = lostCount();
  await restart(undefined);
  await restart(undefined);
  const back = await linked(rawEdge('e1', { received: 3 }));
  await back.told(ORDERS - 3);
  expect(numbers(back)).toEqual(from(4));
  expect(dropped(back)).toHaveLength(count - 3);
});

test('what an edge has acknowledged is not told as dropped to one that says it has nothing', async () => {
  await flooded();
  const back = await linked(rawEdge('e1', { received: 35 }));
  // An acknowledgement is on disk with what comes after it.
  back.submit(ORDERS + 1, mine, rests('last'));
  await back.told(ORDERS - 34);
  back.die();
  await until('it is noticed', () => logged.filter((text) => text === 'an edge is gone').length === 2);
  await restart(undefined);
  await restart(undefined);
  const again = await linked(rawEdge('e1', { received: 0 }));
  await again.told(ORDERS - 34);
  expect(numbers(again)).toEqual([...from(36), ORDERS + 1]);
});

test('an edge that had to drop messages says nothing in their place, and the venue says so and goes on', async () => {
  const edge = await linked(rawEdge('e1'));
  edge.send(frames.NOTHING, 1, { dropped: true });
  edge.submit(2, mine, rests('a'));
  expect((await edge.told(1))[0]?.text).toContain('150=0');
  expect(logged).toContain('an edge has dropped messages for the venue');
});
