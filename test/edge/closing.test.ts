// The end of an edge whose journal nobody takes any more: it waits for nothing that cannot come, and has heard nothing since.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import { SESSION_LEVEL_NUMBERS } from '../../edge/journal/limits.ts';
import { until } from './support/desk.ts';
import { isReport, MovingHouse, order } from './support/moving.ts';

let house: MovingHouse;

beforeEach(async () => {
  house = new MovingHouse();
  await house.openVenue();
});
afterEach(() => house.close());

/** An edge that cannot register again once it is declared dead; its journal's way to the store is as it was. */
async function begun(): Promise<Edge> {
  let edge: Edge | undefined;
  const link = {
    get cut() {
      return edge?.gate.state === 'fenced';
    },
  };
  edge = await house.begin('e-1', 'store', link, { cut: false });
  return edge;
}

async function declaredDead(edge: Edge): Promise<void> {
  const row = (await house.admin.edges.list()).find(({ edge_id }) => edge_id === 'e-1');
  expect(await house.admin.edges.declareDead(edge.gate.identity, row!.heartbeat)).toBe(true);
}

// Within a third of what a drain may take.
test.each([
  ['before', async (edge: Edge) => until('it knows', () => edge.gate.state === 'fenced')],
  ['while', async () => {}],
])(
  'an edge that was declared dead %s it is drained does not wait for its journal',
  async (_, known) => {
    const edge = await begun();
    const ann = await house.user('ann');
    const a = await house.loggedOn(edge, ann);
    a.send('D', order('x'));
    await a.next(isReport('x'));
    await declaredDead(edge);
    a.send('D', order('y'));
    await known(edge);
    await edge.drain(false);
    expect(edge.gate.state).toBe('stopped');
    // Nobody has heard of what was not committed.
    expect(a.received.some(isReport('y'))).toBe(false);
    // What had been is another's.
    const two = await house.begin('e-2', 'store');
    const b = await house.loggedOn(two, ann, a);
    // Above what it may have said meanwhile.
    expect(b.received[0]!.get(34)).toBe(String(2 + SESSION_LEVEL_NUMBERS));
  },
  8_000,
);

test('what the venue tells an edge whose journal keeps nothing more is told by who has the session next', async () => {
  const journals = { cut: false };
  const edge = await house.begin('e-1', 'store', { cut: false }, journals);
  const ann = await house.user('ann');
  const a = await house.loggedOn(edge, ann);
  a.send('D', order('x'));
  await a.next(isReport('x', '0'));
  journals.cut = true;
  house.moveMarket('INTC', 1_900);
  await edge.drain(true);
  expect(a.received.some(isReport('x', 'F'))).toBe(false);
  const again = await house.begin('e-1', 'store');
  const b = await house.loggedOn(again, ann, a);
  await b.next(isReport('x', 'F'));
}, 8_000);
