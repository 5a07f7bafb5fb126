// The venue's side of the link, spoken to in frames, as an edge speaks: numbers, fences, edges that go, disks that refuse.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openVenue } from '../../../../edge/venue/index.ts';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { VenueHost } from '../../../../edge/venue/link/host.ts';
import { Mailroom } from '../../../../edge/venue/link/mailroom.ts';
import { type LinkServer, listenForEdges } from '../../../../edge/venue/link/server.ts';
import type { VenueSession } from '../../../../edge/venue/venue.ts';
import { until } from '../../support/desk.ts';
import { dictionaryOf, NOON, sessionOf } from '../harness.ts';
import { cancels, kinds, late, numberOf, RawEdge, rests } from './raw-edge.ts';

let directory: string;
let now = NOON;
let server: LinkServer;
let host: VenueHost;
let ticking: NodeJS.Timeout;
const edges: RawEdge[] = [];
const logged: string[] = [];

const rawEdge = (edge_id: string, more: object = {}): RawEdge => {
  const edge = new RawEdge(join(directory, 's'), edge_id, more);
  edges.push(edge);
  return edge;
};

const disk = { full: false };

async function start(): Promise<void> {
  host = new VenueHost({
    mailroom: (counts) => {
      const mailroom = new Mailroom({ directory, newId: `venue-${now}`, counts, onLost: () => {} });
      const flush = mailroom.flush.bind(mailroom);
      mailroom.flush = (mark) => {
        if (disk.full) throw new Error('no space left');
        flush(mark);
      };
      return mailroom;
    },
    venue: (sink) => openVenue('simulator', { sink, seed: 1, now, directory, warn: (text) => logged.push(text) }),
    dictionaryOf,
    now: () => now,
    log: { info() {}, warn: (_, text) => logged.push(text), error: (_, text) => logged.push(text) },
  });
  rmSync(join(directory, 's'), { force: true });
  server = await listenForEdges(host, join(directory, 's'), (why) => logged.push(why));
  ticking = setInterval(() => host.tick(), 10);
}

/** As by a kill: nothing is finished. */
async function crash(): Promise<void> {
  clearInterval(ticking);
  server.close();
  for (const edge of edges) edge.die();
  await until('all are gone', () => edges.every(({ closed }) => closed));
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  now = NOON;
  disk.full = false;
  await start();
});
afterEach(async () => {
  await crash();
  edges.length = 0;
  logged.length = 0;
  rmSync(directory, { recursive: true, force: true });
});

const linked = async (edge: RawEdge) => {
  await until('it is linked', () => edge.hello !== undefined);
  return edge;
};
const at = (epoch: number, more: Partial<VenueSession> = {}): VenueSession => ({ ...sessionOf('ONE'), epoch, ...more });

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
    now += 5001;
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
    now += 4900;
    const present = starts ? [] : [mine];
    const back = await linked(rawEdge(edge_id, { boot, received: edge_id === 'e1' ? 1 : 0, present }));
    if (starts) back.send(frames.STARTED, 1, { session: { ...mine, epoch: 2 } });
    else back.ack(1);
    await until('it is seen', () => back.acked > 0 || !starts);
    now += 50_000;
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
    now += 4900;
    const other = await linked(rawEdge('e2'));
    const later = { ...mine, epoch: 2 };
    other.send(frames.CLAIM, 0, { session: later });
    await other.told(1);
    now += 2000;
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
    now += 4900;
    const again = await linked(rawEdge('e1', { received: 1, present: [] }));
    now += 2900;
    await ticks();
    again.send(frames.STARTED, 3, { session: longer });
    await until('it is heard', () => again.acked >= 3);
    now += 50_000;
    await ticks();
    expect(again.reports).toEqual([]);
  });

  test('takes along what it has sent only once it was back, when its client stays away', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    await until('it is heard', () => edge.acked >= 1);
    edge.die();
    await noticed(1);
    now += 1000;
    const again = await linked(rawEdge('e1', { boot: 'e1-2', present: [] }));
    again.submit(2, mine, rests('a'), { recovered: true });
    await again.told(1);
    now += 5001;
    expect(kinds(await again.told(2))).toEqual(['0', '4']);
  });

  test('and again and again gives nobody more than one grace by it', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    edge.ack(1);
    edge.die();
    await noticed(1);
    now += 4900;
    const second = await linked(rawEdge('e1', { boot: 'e1-2', received: 1, present: [] }));
    second.die();
    await noticed(2);
    now += 900;
    const third = await linked(rawEdge('e1', { boot: 'e1-3', received: 1, present: [] }));
    now += 200;
    expect(kinds(await third.told(1))).toEqual(['4']);
  });

  test('while the venue is away is missed from the venue’s start on', async () => {
    const edge = await linked(rawEdge('e1'));
    edge.send(frames.STARTED, 1, { session: mine });
    edge.submit(2, mine, rests('a'));
    await edge.told(1);
    await crash();
    await start();
    now += 5001;
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

test('while the disk refuses, nothing is told and nothing acknowledged; then all is', async () => {
  const edge = await linked(rawEdge('e1'));
  disk.full = true;
  edge.submit(1, at(1), rests('a'));
  await until('it has refused', () => host.stuck);
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
  await until('it is taken', () => host.stuck);
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
