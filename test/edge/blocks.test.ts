// Numbers that are reserved in the store for sessions whose journal is on one edge's disk, or in its memory.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { raiseNumbers } from '../../core/sessions/numbers.ts';
import type { Edge } from '../../edge/edge.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { ACTOR, type Account, until } from './support/desk.ts';
import { cancel, gone, isReport, last, MovingHouse, numberOf, order } from './support/moving.ts';

/** As edge/limits.ts has it. */
const BLOCK = 1_048_576;
const SMALL = { numbers: 40, renew: 10, spare: 5, fast_ms: 0, most: 40, away_ms: 0 };
/** Given back soon after a Logout. */
const SOON = { numbers: BLOCK, renew: 65_536, spare: 4_096, fast_ms: 0, most: BLOCK, away_ms: 0 };

let house: MovingHouse;
beforeEach(async () => {
  house = new MovingHouse();
  await house.openVenue();
});
afterEach(() => {
  for (const link of links.splice(0)) link.cut = false;
  return house.close();
});

const links: { cut: boolean }[] = [];
const linked = (): { cut: boolean } => {
  const link = { cut: false };
  links.push(link);
  return link;
};

const slotOf = (edge: Edge): string => edge.gate.identity.edge_id;
const reserved = () => [...house.world.holdings.values()][0]?.reserved;

/** As others find an edge that nobody starts again: it cannot be reached, and has been declared dead. */
const declaredDead = async (edge: Edge, link: { cut: boolean }): Promise<void> => {
  link.cut = true;
  const row = (await house.admin.edges.list()).find(({ edge_id }) => edge_id === slotOf(edge));
  await house.admin.edges.declareDead(edge.gate.identity, row!.heartbeat);
};

/** Tries again until it is let in. */
async function comesBack(edge: Edge, account: Account, before: FixClient): Promise<FixClient> {
  for (;;) {
    const client = house.client(edge, account);
    client.nextOut = before.nextOut;
    if ((await client.logon(account.password)).type === 'A') return client;
  }
}

async function filled(client: FixClient): Promise<void> {
  client.send('2', [
    [7, 1],
    [16, 0],
  ]);
  await client.next((message) => message.type === '4' && message.get(123) === 'Y');
}

const busy = async (client: FixClient, from: number, to: number): Promise<void> => {
  for (let n = from; n < to; n++) client.send('1', [[112, `t-${n}`]]);
  await client.next((message) => message.get(112) === `t-${to - 1}`);
};

/** MsgSeqNum and what it was given to, of what was not sent again. */
const contents = (clients: readonly FixClient[]): Map<number, Set<string>> => {
  const found = new Map<number, Set<string>>();
  for (const message of clients.flatMap(({ received }) => received)) {
    if (message.get(43) === 'Y') continue;
    const number = numberOf(message);
    const same = found.get(number) ?? new Set();
    found.set(number, same.add(message.toString()));
  }
  return found;
};

test('an edge that is cut off and goes on talking, and who has the session by then, give no number twice', async () => {
  const link = linked();
  const [one, two] = [await house.begin('e-1', 'file', link), await house.begin('e-2', 'file')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  link.cut = true;
  await until('it is declared dead', async () => (await house.admin.edges.list())[0]?.state === 'dead', 15_000);
  const b = await house.loggedOn(two, ann, a);
  expect(numberOf(b.received[0]!)).toBe(1 + BLOCK);
  // Both talk, the one before to a client that has not let go.
  await busy(a, 0, 5);
  b.send('D', order('y'));
  await b.next(isReport('y'));
  await busy(b, 0, 5);
  expect([...contents([a, b]).values()].filter(({ size }) => size > 1)).toEqual([]);
  expect(last(a)).toBeLessThan(BLOCK);
  await filled(b);
  // Nobody has what it said first, and the order can be had again.
  b.send('H', [
    [11, 'x'],
    [55, 'INTC'],
    [54, 1],
  ]);
  expect((await b.next(isReport('x', 'I'))).get(39)).toBe('0');
  link.cut = false;
  await a.closed(10_000);
  expect(numberOf(await b.next(isReport('y')))).toBeGreaterThan(BLOCK);
}, 40_000);

test('who finds more expected of it sends again what the venue has and what it has not, each is done once', async () => {
  const link = linked();
  const [one, two] = [await house.begin('e-1', 'file', link), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  await busy(a, 0, 5);
  await declaredDead(one, link);
  const b = await house.loggedOn(two, ann, a);
  // The venue has had the order last: the rest is asked for.
  const asked = await b.next(({ type }) => type === '2');
  expect([asked.get(7), asked.get(16)]).toEqual(['3', '0']);
  expect(house.resting).toBe(1);
}, 30_000);

test('numbers that begin anew are told with the slot: the next edge goes on in their generation', async () => {
  const link = linked();
  const [one, two] = [await house.begin('e-1', 'file', link), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  await busy(a, 0, 20);
  await a.logout();
  await gone(one);
  const above = last(a) + 1 + BLOCK;
  const again = house.client(one, ann);
  expect((await again.logon(ann.password, [[141, 'Y']])).get(141)).toBe('Y');
  expect(reserved()).toMatchObject({ generation: 1, next_in: 1, out: above });
  again.send('D', order('x'));
  await again.next(isReport('x'));
  await declaredDead(one, link);
  const b = await house.loggedOn(two, ann, again);
  expect(numberOf(b.received[0]!)).toBe(above);
  // The venue has had the order.
  expect(b.received.filter(({ type }) => type === '2' || type === '5')).toEqual([]);
}, 30_000);

describe('in order, nobody’s numbers jump', () => {
  test('out of the hands of an edge that lives, and from one that has ended', async () => {
    const link = linked();
    const one = await house.begin('e-1', 'file', link, link, { back_within_ms: 3000 });
    const two = await house.begin('e-2');
    const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
    const a = await house.loggedOn(one, ann);
    const b = await house.loggedOn(two, ann, a);
    await a.closed();
    expect(numberOf(b.received[0]!)).toBe(last(a) + 1);
    await b.logout();
    const upTo = last(b);
    await gone(two);
    await two.drain(true);
    expect(reserved()).toMatchObject({ out: upTo + 1, next_in: b.nextOut });
    // Nobody has it come again for longer than a Logon waits.
    const tried = house.client(one, ann);
    tried.nextOut = b.nextOut;
    expect((await tried.logon(ann.password)).get(58)).toContain('another gateway still has this session');
    const c = await comesBack(one, ann, b);
    expect(numberOf(c.received[0]!)).toBe(upTo + 1);
    expect(reserved()).toMatchObject({ out: upTo + 1 + BLOCK });
  }, 40_000);

  test('a while after a Logout, whatever becomes of the edge', async () => {
    const link = linked();
    const one = await house.begin('e-1', 'file', link, link, { blocks: SOON });
    const two = await house.begin('e-2');
    const ann = await house.user('ann');
    const a = await house.loggedOn(one, ann);
    expect(reserved()).toMatchObject({ out: 1 + BLOCK });
    await a.logout();
    await until('it has given them back', () => reserved()?.out === last(a) + 1, 5000);
    // And has some again at once, with the slot.
    const b = await house.loggedOn(one, ann, a);
    expect(reserved()).toMatchObject({ out: last(a) + 1 + BLOCK });
    await b.logout();
    await until('it has given them back', () => reserved()?.out === last(b) + 1, 5000);
    await declaredDead(one, link);
    const c = await house.loggedOn(two, ann, b);
    expect(numberOf(c.received[0]!)).toBe(last(b) + 1);
  }, 30_000);

  test('on its own disk, an edge that died goes on where it was', async () => {
    const one = await house.begin('e-1');
    const ann = await house.user('ann');
    const a = await house.loggedOn(one, ann);
    a.destroy();
    await gone(one);
    // As a process that was killed leaves it: nothing is given back.
    const { slots } = house.admin;
    const { reserve } = slots;
    Object.assign(slots, { reserve: async () => [] });
    await one.drain(true);
    Object.assign(slots, { reserve });
    expect(reserved()?.out).toBe(1 + BLOCK);
    const b = await house.loggedOn(await house.begin('e-1'), ann, a);
    expect(numberOf(b.received[0]!)).toBe(last(a) + 1);
    expect(reserved()?.out).toBe(last(a) + 1 + BLOCK);
  }, 30_000);
});

test('an edge that has lost its journal goes on above what it had reserved', async () => {
  const one = await house.begin('e-1', 'memory');
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.destroy();
  Object.assign(house.admin.slots, { reserve: async () => [] });
  await one.drain(true);
  const two = await house.begin('e-1', 'memory');
  const b = await house.loggedOn(two, ann, a);
  expect(numberOf(b.received[0]!)).toBe(1 + BLOCK);
  await filled(b);
}, 30_000);

test('an edge that has lost its journal begins anew what was of a time before', async () => {
  const one = await house.begin('e-1', 'memory');
  // Its day began two seconds from now.
  const boundary = new Date(Date.now() + 2000).toISOString().slice(11, 19);
  const ann = await house.user('ann', { session_profile: { start_time: boundary, end_time: boundary } });
  const a = await house.loggedOn(one, ann);
  a.destroy();
  const { reserve } = house.admin.slots;
  Object.assign(house.admin.slots, { reserve: async () => [] });
  await one.drain(true);
  Object.assign(house.admin.slots, { reserve });
  const began = reserved()!.began!;
  await until('the next day', async () => new Date().toISOString().slice(11, 19) > boundary, 5000);
  const b = await house.loggedOn(await house.begin('e-1', 'memory'), ann);
  expect(numberOf(b.received[0]!)).toBe(1);
  await until('it is reserved for what began then', () => reserved()!.began! > began, 5000);
}, 30_000);

test('a Logon that is refused reserves nothing for good', async () => {
  const one = await house.begin('e-1', 'file', undefined, undefined, { blocks: SOON });
  const ann = await house.user('ann');
  const a = house.client(one, ann);
  a.nextOut = 1;
  // It expects more than there has been.
  expect((await a.logon(ann.password, [[789, 99]])).type).toBe('5');
  a.destroy();
  await gone(one);
  await until('it has given them back', () => reserved()!.out < 10, 5000);
}, 20_000);

describe('with the store away', () => {
  /** So many numbers are used, and its client hears why no more are. */
  const usedUp = async (edge: Edge, ann: Account, link: { cut: boolean }): Promise<FixClient> => {
    const a = await house.loggedOn(edge, ann);
    a.send('D', order('x'));
    await a.next(isReport('x'));
    link.cut = true;
    const ended = a.next(({ type }) => type === '5');
    let over = false;
    void ended.then(() => {
      over = true;
    });
    for (let n = 0; n < 60 && !over; n++) await Promise.race([ended, busy(a, n, n + 1)]);
    const end = await ended;
    expect(end.get(58)).toBe('No numbers are left until the gateway reaches its store again: log on then');
    await a.closed();
    return a;
  };

  test('a session goes on within its block, ends at its end, and what comes for it waits', async () => {
    const link = linked();
    const one = await house.begin('e-1', 'file', link, link, { blocks: SMALL });
    const ann = await house.user('ann');
    const helper = await house.loggedOn(await house.begin('e-2'), ann, undefined, 'H');
    const a = await usedUp(one, ann, link);
    expect(last(a)).toBeLessThanOrEqual(SMALL.numbers);
    helper.send('F', cancel('cx', 'x'));
    await helper.next(isReport('cx', '4'));
    link.cut = false;
    await until('the store is there', () => one.gate.mayPlaceOrders, 10_000);
    const b = house.client(one, ann);
    b.nextOut = a.nextOut;
    expect((await b.logon(ann.password)).type).toBe('A');
    expect(numberOf(b.received[0]!)).toBe(last(a) + 1);
    await b.next(isReport('x', '4'));
  }, 30_000);
});

test('a block is followed by the next one long before its end, with one call', async () => {
  const { slots } = house.admin;
  let calls = 0;
  const { reserve } = slots;
  Object.assign(slots, {
    reserve: async (...args: Parameters<typeof reserve>) => {
      calls += 1;
      return reserve(...args);
    },
  });
  const one = await house.begin('e-1', 'file', undefined, undefined, { blocks: SMALL });
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  for (let n = 0; n < 200; n += 5) await busy(a, n, n + 5);
  expect(a.received.filter(({ type }) => type === '5')).toEqual([]);
  expect(reserved()!.out).toBeGreaterThan(last(a) + SMALL.numbers - SMALL.renew - 6);
  expect(calls).toBeGreaterThanOrEqual(15);
  expect(calls).toBeLessThanOrEqual(20);
}, 20_000);

test('a block that is used up fast is followed by a larger one, up to a bound, and none by a smaller one', async () => {
  const { slots } = house.admin;
  const ends: number[] = [];
  const { reserve } = slots;
  Object.assign(slots, {
    reserve: async (...[reservations]: Parameters<typeof reserve>) => {
      const done = await reserve(reservations);
      ends.push(...reservations.flatMap((one) => (one.kind === 'extend' ? [one.reserved.out] : [])));
      return done;
    },
  });
  const one = await house.begin('e-1', 'file', undefined, undefined, {
    blocks: { ...SMALL, fast_ms: 60_000, most: 200 },
  });
  const a = await house.loggedOn(one, await house.user('ann'));
  for (let n = 0; n < 300; n += 5) await busy(a, n, n + 5);
  expect(a.received.filter(({ type }) => type === '5')).toEqual([]);
  // Of 80, 160, and then 200 numbers, each asked for when a quarter of the one before was used.
  const sizes = ends.map((end, i) => end - (ends[i - 1] ?? 41));
  expect(sizes.every((more) => more > 0)).toBe(true);
  expect(ends.length).toBeLessThanOrEqual(9);
  expect(reserved()!.out - last(a)).toBeGreaterThan(200 - 50 - 6);
  expect(reserved()!.out - last(a)).toBeLessThanOrEqual(200);
}, 20_000);

test('who is refused the next block has lost the session, and ends it', async () => {
  const link = linked();
  const one = await house.begin('e-1', 'file', link, link, { blocks: SMALL });
  const two = await house.begin('e-2');
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  const [[name, held] = []] = [...house.world.holdings];
  // Another edge has it, and no command has said so.
  house.world.holdings.set(name!, { ...held!, epoch: held!.epoch + 1, edge_id: slotOf(two), home: slotOf(two) });
  for (let n = 0; n < 12; n++) a.send('1', [[112, `t-${n}`]]);
  // A Logout has a number of its own block, which the other is above.
  expect((await a.next(({ type }) => type === '5')).get(58)).toBe('Another Logon took this session over');
  await a.closed();
  expect(last(a)).toBeLessThan(SMALL.numbers);
}, 20_000);

test('a row of a release before says nothing: the session begins with what is here', async () => {
  const link = linked();
  const [one, two] = [await house.begin('e-1', 'file', link), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  await a.logout();
  await gone(one);
  const [[name, held] = []] = [...house.world.holdings];
  const { reserved: _, ...before } = held!;
  house.world.holdings.set(name!, before);
  await declaredDead(one, link);
  const b = house.client(two, ann);
  expect(numberOf(await b.logon(ann.password))).toBe(1);
}, 30_000);

test('after a restore they end later, for an edge that never comes back', async () => {
  const link = linked();
  const [one, two] = [await house.begin('e-1', 'file', link), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  await until('its numbers are told', async () => (await house.admin.edges.numbers(ann.sender_comp_id)).length > 0);
  expect(await raiseNumbers(house.admin, ACTOR, 'ann', 1000)).toBe(1);
  expect(reserved()?.out).toBe(1 + BLOCK + 1000);
  a.destroy();
  await declaredDead(one, link);
  const b = await house.loggedOn(two, ann, a);
  expect(numberOf(b.received[0]!)).toBe(1 + BLOCK + 1000);
}, 30_000);
