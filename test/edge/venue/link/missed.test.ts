// Orders of sessions whose edge is gone, as the venue counts their grace; spoken to in frames, as an edge speaks.
import { describe, expect, test } from '@jest/globals';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { until } from '../../support/desk.ts';
import { sessionOf } from '../harness.ts';
import { at, clock, crash, linked, logged, rawEdge, start } from './linked.ts';
import { cancels, kinds, rests } from './raw-edge.ts';

describe('an edge that dies', () => {
  const mine = at(1, { cancel_after_ms: 1000 });

  test('takes along, after their grace, the orders of sessions that want it, of no others', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    edge.submit(3, { ...sessionOf('TWO'), epoch: 1 }, rests('b'));
    await edge.told(2);
    edge.ack(2);
    edge.die();
    await until('it is noticed', () => logged.includes('an edge is gone'));
    clock.now += 5001;
    const again = await linked(rawEdge('e1', { boot: 'e1-2', received: 2 }));
    const told = await again.told(1);
    expect([told[0]?.session, ...kinds(told)]).toEqual(['ONE', '4']);
    expect(told[0]?.text).toContain('58=Canceled on disconnect');
  });

  test.each([
    ['its link is back in time', 'e1', 'e1-1', false, false],
    ['the session is back in time by another edge', 'e2', 'e2-1', true, false],
    ['it is the venue that was killed', 'e1', 'e1-1', false, true],
  ])('takes nothing when %s', async (_, edge_id, boot, starts, killed) => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    edge.ack(1);
    if (killed) {
      await crash();
      await start();
    } else {
      edge.die();
      await until('it is noticed', () => logged.includes('an edge is gone'));
    }
    clock.now += 4900;
    const present = starts ? [] : [mine];
    const back = await linked(rawEdge(edge_id, { boot, received: edge_id === 'e1' ? 1 : 0, present }));
    if (starts) back.send(frames.STARTED, 1, { session: { ...mine, epoch: 2 } });
    else back.ack(1);
    await until('it is seen', () => back.acked > 0 || !starts);
    clock.now += 50_000;
    await new Promise((resolve) => setTimeout(resolve, 50)); // some ticks
    const number = starts ? 2 : 3;
    back.submit(number, starts ? { ...mine, epoch: 2 } : mine, cancels('c', 'a'));
    expect((await back.told(1))[0]?.text).toContain('150=4');
    expect(back.reports[0]?.text).not.toContain('on disconnect');
  });

  const noticed = (times: number) =>
    until('it is noticed', () => logged.filter((text) => text === 'an edge is gone').length === times);
  const ticks = () => new Promise((resolve) => setTimeout(resolve, 50));

  test('and whose sessions another claims shortly before their grace is over: that one has time to start them', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    edge.die();
    await noticed(1);
    clock.now += 4900;
    const other = await linked(rawEdge('e2'));
    const later = { ...mine, epoch: 2 };
    other.send(frames.CLAIM, 0, { session: later });
    await other.told(1);
    clock.now += 2000;
    await ticks();
    other.send(frames.STARTED, 1, { session: later });
    other.submit(2, later, cancels('c', 'a'), { msg_seq_num: 9 });
    const texts = (await other.told(3)).map(({ text }) => text);
    expect(texts.join()).not.toContain('on disconnect');
    expect(texts.at(-1)).toContain('150=4');
  });

  test('for the link only: whoever has left it meanwhile has all of its grace', async () => {
    const longer = { ...mine, cancel_after_ms: 3000 };
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: longer });
    edge.submit(2, longer, rests('a'));
    await edge.told(1);
    edge.ack(1);
    edge.die();
    await noticed(1);
    clock.now += 4900;
    const again = await linked(rawEdge('e1', { received: 1, present: [] }));
    clock.now += 2900;
    await ticks();
    again.send(frames.STARTED, 3, { session: longer });
    await until('it is heard', () => again.acked >= 3);
    clock.now += 50_000;
    await ticks();
    expect(again.reports).toEqual([]);
  });

  test('takes along what it has sent only once it was back, when its client stays away', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    await until('it is heard', () => edge.acked >= 1);
    edge.die();
    await noticed(1);
    clock.now += 1000;
    const again = await linked(rawEdge('e1', { boot: 'e1-2', present: [] }));
    again.submit(2, mine, rests('a'), { recovered: true });
    await again.told(1);
    clock.now += 5001;
    expect(kinds(await again.told(2))).toEqual(['0', '4']);
  });

  test('takes along the orders of who was on before it died, though that is heard only once it is back', async () => {
    const again = await linked(rawEdge('e1', { boot: 'e1-2', present: [] }));
    again.send(frames.STARTED, 1, { session: mine, boot: 'e1-1' });
    again.submit(2, mine, rests('a'), { recovered: true });
    await again.told(1);
    clock.now += 5001;
    expect(kinds(await again.told(2))).toEqual(['0', '4']);
  });

  test('takes along the orders of who was on there, though an edge before is linked and has not said yet that it left', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    await until('it is heard', () => edge.acked >= 1);
    const later = { ...mine, epoch: 2 };
    const other = await linked(rawEdge('e2', { boot: 'e2-2', present: [] }));
    other.send(frames.STARTED, 1, { session: later, boot: 'e2-1' });
    other.submit(2, later, rests('a'), { recovered: true });
    await other.told(1);
    clock.now += 5001;
    expect(kinds(await other.told(2))).toEqual(['0', '4']);
  });

  test('takes along the orders of who had claimed them and was on, no later than of anybody', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    const other = await linked(rawEdge('e2'));
    const later = { ...mine, epoch: 2 };
    other.send(frames.CLAIM, 0, { session: later });
    await other.told(1);
    other.die();
    await noticed(1);
    const again = await linked(rawEdge('e2', { boot: 'e2-2', received: 1, present: [] }));
    again.send(frames.STARTED, 1, { session: later, boot: 'e2-1' });
    await again.told(1);
    clock.now += 5001;
    expect(kinds(await again.told(2))).toEqual(['0', '4']);
  });

  test('is missed with who was on there last, not since another edge had died before that', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    edge.ack(1);
    edge.die();
    await noticed(1);
    clock.now += 4900;
    const other = await linked(rawEdge('e2', { boot: 'e2-2', present: [] }));
    const later = { ...mine, epoch: 2 };
    other.send(frames.STARTED, 1, { session: later, boot: 'e2-1' });
    await until('it is heard', () => other.acked >= 1);
    clock.now += 4900;
    await new Promise((resolve) => setTimeout(resolve, 50)); // some ticks
    other.submit(2, later, rests('b'));
    expect(kinds(await other.told(1))).toEqual(['0']);
    clock.now += 200;
    expect(kinds(await other.told(3))).toEqual(['0', '4', '4']);
  });

  test('and again and again gives nobody more than one grace by it', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    edge.ack(1);
    edge.die();
    await noticed(1);
    clock.now += 4900;
    const second = await linked(rawEdge('e1', { boot: 'e1-2', received: 1, present: [] }));
    second.die();
    await noticed(2);
    clock.now += 900;
    const third = await linked(rawEdge('e1', { boot: 'e1-3', received: 1, present: [] }));
    clock.now += 200;
    expect(kinds(await third.told(1))).toEqual(['4']);
  });

  test('while the venue is away is missed from the venue’s start on', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    await crash();
    await start();
    clock.now += 5001;
    const again = await linked(rawEdge('e1', { boot: 'e1-2', received: 1 }));
    expect(kinds(await again.told(1))).toEqual(['4']);
  });
});

test('the grace of an edge counts no more once another has had the session, though that one is away as well', async () => {
  const mine = (epoch: number) => at(epoch, { cancel_after_ms: 1000 });
  const one = await linked(rawEdge('e1'));
  one.send(frames.STARTED, 1, { session: mine(1) });
  one.submit(2, mine(1), rests('a'));
  await one.told(1);
  one.send(frames.ENDED, 3, { session: mine(1) });
  await until('it is heard', () => one.acked >= 3);
  const other = await linked(rawEdge('e2'));
  other.send(frames.STARTED, 1, { session: mine(2) });
  other.send(frames.ENDED, 2, { session: mine(2) });
  await until('both are heard', () => other.acked >= 2);
  one.send(frames.CANCEL_ALL, 4, { session: mine(1) });
  await until('it is refused', () => one.acked >= 4);
  expect(kinds(other.reports)).not.toContain('4');
  other.send(frames.CANCEL_ALL, 3, { session: mine(2) });
  await until('it is done', () => kinds(other.reports).includes('4'));
});
