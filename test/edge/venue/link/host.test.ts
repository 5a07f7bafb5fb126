// The venue's side of the link, spoken to in frames, as an edge speaks: numbers, fences, edges that go, disks that refuse.
import { describe, expect, test } from '@jest/globals';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { until } from '../../support/desk.ts';
import { sessionOf } from '../harness.ts';
import { at, crash, disk, host, linked, logged, rawEdge, start } from './linked.ts';
import { cancels, kinds, late, numberOf, type RawEdge, rests } from './raw-edge.ts';

describe('frames', () => {
  test('that come again are done once, and told again until they are acknowledged', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: at(1) });
    edge.submit(2, at(1), rests('a'));
    edge.submit(2, at(1), rests('a'));
    edge.submit(3, at(1), rests('b'));
    expect((await edge.told(2)).map(({ number }) => number)).toEqual([1, 2]);
    await until('they are acknowledged', () => edge.acked === 3);
    edge.die();
    const again = await linked(rawEdge('e1', { received: 1 }));
    expect(again.hello?.received).toBe(3);
    expect((await again.told(1)).map(({ number }) => number)).toEqual([2]);
    again.ack(2);
    again.submit(4, at(1), cancels('c', 'a'));
    expect(kinds(await again.told(2))).toEqual(['0', '4']);
  });

  test('survive the venue: nothing is done twice, nothing told is lost', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: at(1) });
    for (let n = 2; n <= 20; n++) edge.submit(n, at(1), rests(`o${n}`));
    await edge.told(19);
    await crash();
    await start();
    const again = await linked(rawEdge('e1', { received: 5 }));
    expect(again.hello?.received).toBe(20);
    for (let n = 15; n <= 22; n++) again.submit(n, at(1), rests(`o${n}`));
    const told = await again.told(16);
    expect(told.map(({ number }) => number)).toEqual(Array.from({ length: 16 }, (_, i) => i + 6));
    expect(new Set(kinds(told))).toEqual(new Set(['0']));
  });

  test('of an edge that has lost its log begin at 1, and what waited for it is numbered anew', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.submit(1, at(1), rests('a'));
    edge.submit(2, at(1), rests('b'));
    await edge.told(2);
    edge.ack(1);
    await until('it is taken', async () => {
      edge.die();
      return true;
    });
    const fresh = await linked(rawEdge('e1', { log: 'another', received: 0 }));
    expect(fresh.hello?.received).toBe(0);
    fresh.submit(1, at(1), cancels('c', 'a'));
    const told = await fresh.told(2);
    expect(told[0]?.number).toBe(1);
    expect(kinds(told).at(-1)).toBe('4');
  });

  test('with a number that was left out, which come late, are refused, and said to be told again', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.submit(1, at(1), rests('a'), { msg_seq_num: 10 });
    edge.submit(2, at(1), rests('b'), { msg_seq_num: 13 });
    edge.submit(3, at(1), late('x'), { msg_seq_num: 12 });
    edge.submit(4, at(1), late('b'), { msg_seq_num: 13 });
    edge.submit(5, at(1), late('c'), { msg_seq_num: 14 });
    expect(kinds(await edge.told(4))).toEqual(['0', '0', '35=j', '0']);
    expect(edge.reports[2]!.text).toContain('|97=Y|45=');
    expect(edge.reports[2]!.text).toMatch(/\|372=D\|379=x\|380=4\|/);
    await crash();
    await start();
    const again = await linked(rawEdge('e1', { received: 4 }));
    again.submit(6, at(1), late('y'), { msg_seq_num: 11, recovered: true });
    expect((await again.told(1))[0]!.text).toContain('|379=y|');
  });

  test.each([
    ['a gap', (edge: RawEdge) => edge.submit(2, at(1), rests('a'))],
    ['an unknown type', (edge: RawEdge) => edge.send(99, 1, {})],
    ['a second HELLO', (edge: RawEdge) => edge.send(frames.HELLO, 1, {})],
  ])('%s ends the connection', async (_, say) => {
    const edge = await linked(rawEdge('e1'));
    say(edge);
    await until('it is closed', () => edge.closed);
  });

  test('that nobody can read are told of and passed over', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.SUBMIT, 1, { session: { id: '' } });
    edge.send(frames.SUBMIT, 2, { session: at(1), generation: 1, msg_seq_num: 1, recovered: false }, Buffer.from('x'));
    edge.submit(3, at(1), rests('a'));
    expect(kinds(await edge.told(1))).toEqual(['0']);
    expect(logged.filter((text) => text === 'the venue failed')).toHaveLength(2);
  });
});

describe('who speaks for a session', () => {
  test('an older epoch is refused, by whichever edge', async () => {
    const [one, two] = [await linked(rawEdge('e1')), await linked(rawEdge('e2'))];
    one.send(frames.STARTED, 1, { session: at(1) });
    one.submit(2, at(1), rests('a'));
    await one.told(1);
    one.ack(1);
    two.send(frames.STARTED, 1, { session: at(2) });
    await until('it is taken', () => two.acked === 1);
    one.submit(3, at(1), rests('b'));
    // It is told that it is fenced, and no client of anything.
    expect((await one.told(2))[1]).toMatchObject({ number: 2, type: frames.FENCED, session: at(1).id, text: '' });
    one.send(frames.STARTED, 4, { session: at(1) });
    two.submit(2, at(2), cancels('c', 'a'));
    // What the first placed can be cancelled by the second, who is told.
    expect(kinds(await two.told(1))).toEqual(['4']);
    expect(one.reports).toHaveLength(2);
  });

  test('a session that is claimed has its reports kept until it is started, those not acknowledged elsewhere among them', async () => {
    const [one, two] = [await linked(rawEdge('e1')), await linked(rawEdge('e2'))];
    one.send(frames.STARTED, 1, { session: at(1) });
    for (const [n, id] of [
      [2, 'a'],
      [3, 'b'],
    ] as const)
      one.submit(n, at(1), rests(id));
    const [, first] = await one.told(2);
    one.ack(1);
    two.send(frames.CLAIM, 0, { session: at(2) });
    const [claimed] = await two.told(1);
    expect(claimed?.type).toBe(frames.CLAIMED);
    expect(claimed?.head).toEqual({ id: at(1).id, epoch: 2, generation: 1, msg_seq_num: 3 });
    // The one before is fenced by it, and what two gives again is known.
    one.submit(4, at(1), rests('c'));
    expect((await one.told(3))[2]?.type).toBe(frames.FENCED);
    two.submit(1, at(2), rests('b'), { msg_seq_num: 3, recovered: true });
    two.submit(2, at(2), rests('c'), { msg_seq_num: 4, recovered: true });
    await until('it is taken', () => two.acked === 2);
    expect(two.reports).toHaveLength(1);
    two.send(frames.STARTED, 3, { session: at(2) });
    const told = (await two.told(3)).slice(1);
    expect(told.map(({ text }) => /11=(\w)/.exec(text)?.[1])).toEqual(['b', 'c']);
    // The same report under the same number, which one may have got, and two would know by it.
    const numbers = [first, ...told].map(numberOf);
    expect(numbers[1]).toBe(numbers[0]);
    expect(numbers[2]).toBe(numbers[1]! + 1);
    // To the first it is nothing any more.
    one.die();
    await until('it is gone', () => logged.includes('an edge is gone'));
    const again = rawEdge('e1', { received: 1 });
    expect((await again.told(2)).map(({ type }) => type)).toEqual([frames.NOTHING, frames.FENCED]);
    // And nobody of a lower epoch claims it back.
    again.send(frames.CLAIM, 0, { session: at(1) });
    expect((await again.told(3))[2]?.type).toBe(frames.FENCED);
  });

  test('a claim outlives the venue’s process, with what waits for it', async () => {
    const [one, two] = [await linked(rawEdge('e1')), await linked(rawEdge('e2'))];
    one.send(frames.STARTED, 1, { session: at(1) });
    one.submit(2, at(1), rests('a'));
    await one.told(1);
    two.send(frames.CLAIM, 0, { session: at(2) });
    await two.told(1);
    await crash();
    await start();
    const [older, newer] = [await linked(rawEdge('e1', { received: 0 })), await linked(rawEdge('e2', { received: 1 }))];
    expect((await older.told(1))[0]?.type).toBe(frames.NOTHING);
    newer.send(frames.STARTED, 1, { session: at(2) });
    expect(kinds(await newer.told(1))).toEqual(['0']);
    expect(numberOf(newer.reports[0])).toBe(numberOf(one.reports[0]));
    // Numbers go on behind those of before.
    newer.submit(2, at(2), cancels('c', 'a'), { msg_seq_num: 9 });
    const [, next] = await newer.told(2);
    expect(numberOf(next)).toBeGreaterThan(numberOf(newer.reports[0]));
  });

  test('of the same epoch both are taken, and reports go to who has the session now', async () => {
    const [one, two] = [await linked(rawEdge('e1')), await linked(rawEdge('e2'))];
    one.send(frames.STARTED, 1, { session: at(1) });
    await until('it is taken', () => one.acked === 1);
    two.send(frames.STARTED, 1, { session: at(1) });
    await until('it is taken', () => two.acked === 1);
    one.submit(2, at(1), rests('late'));
    expect(kinds(await two.told(1))).toEqual(['0']);
    expect(one.reports).toEqual([]);
  });

  test('orders that waited for too long are refused; cancels are done', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.submit(1, at(1), rests('a'));
    await edge.told(1);
    edge.die();
    const again = await linked(rawEdge('e1', { received: 1, stale: 3 }));
    again.submit(2, at(1), rests('b'));
    again.submit(3, at(1), cancels('c', 'a'));
    again.submit(4, at(1), rests('d'));
    const told = await again.told(3);
    expect(kinds(told)).toEqual(['35=j', '4', '0']);
    expect(told[0]?.text).toContain('58=Too late');
  });
});

test('while the disk refuses, nothing is told and nothing acknowledged; then all is', async () => {
  const edge = await linked(rawEdge('e1'));
  disk.full = true;
  edge.submit(1, at(1), rests('a'));
  await until('it has refused', () => host().stuck);
  edge.submit(2, at(1), rests('b'));
  await new Promise((resolve) => setTimeout(resolve, 50)); // some ticks
  expect([edge.reports, edge.acked]).toEqual([[], 0]);
  disk.full = false;
  expect(kinds(await edge.told(2))).toEqual(['0', '0']);
  await until('it is acknowledged', () => edge.acked === 2);
});

test('a mass cancel is of the users that it names', async () => {
  const edge = await linked(rawEdge('e1'));
  edge.submit(1, at(1), rests('a'));
  edge.submit(2, { ...sessionOf('TWO'), epoch: 1 }, rests('b'));
  edge.send(frames.MASS_CANCEL, 3, { of: 'users', user_ids: ['TWO'] });
  const told = await edge.told(3);
  expect([told[2]?.session, kinds(told)[2]]).toEqual(['TWO', '4']);
  edge.send(frames.MASS_CANCEL, 4, { of: 'everybody' });
  expect((await edge.told(4))[3]?.session).toBe('ONE');
});

test('an edge that comes back while the disk refuses does not hear that its frames are safe', async () => {
  const edge = await linked(rawEdge('e1'));
  edge.send(frames.STARTED, 1, { session: at(1) });
  await until('it is acknowledged', () => edge.acked === 1);
  disk.full = true;
  edge.submit(2, at(1), rests('a'));
  await until('it is taken', () => host().stuck);
  edge.die();
  await until('it is gone', () => edge.closed);
  expect((await linked(rawEdge('e1'))).hello?.received).toBe(1);
  await crash();
  disk.full = false;
  await start();
  const again = await linked(rawEdge('e1'));
  again.submit(2, at(1), rests('a'));
  expect(kinds(await again.told(1))).toEqual(['0']);
});

test('of an edge that knows the venue by a log that is no more, nothing counts as received', async () => {
  const edge = await linked(rawEdge('e1', { knows: 'before', received: 5 }));
  edge.send(frames.STARTED, 1, { session: at(1) });
  edge.submit(2, at(1), rests('a'));
  expect((await edge.told(1)).map(({ number }) => number)).toEqual([1]);
});
