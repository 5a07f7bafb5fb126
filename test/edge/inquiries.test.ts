// What clients ask the gateway itself, over real sockets: LimitQuery in every version, UserRequest where there is one.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../core/errors.ts';
import type { Edge } from '../../edge/edge.ts';
import { EchoVenue } from '../../edge/venue/echo.ts';
import type { Field, FixClient, FixMessage } from '../../local/fix-client.ts';
import { marketOrder as order } from '../support/orders.ts';
import { TestHouse } from './support/desk.ts';
import { expectValid, VERSIONS } from './support/valid.ts';

let house: TestHouse;
let edge: Edge;

beforeAll(async () => {
  house = new TestHouse();
  edge = await house.open({ venue: (sink) => new EchoVenue(sink) });
});
afterAll(() => house.close());

let users = 0;

async function loggedOn(beginString = 'FIX.4.4', applVerId = '', tier = 'basic'): Promise<FixClient> {
  const account = await house.user(`asker-${users++}`, { rate_limit_tier: tier });
  const client = house.client(edge, account, { begin_string: beginString });
  const answer = await client.logon(account.password, applVerId === '' ? [] : [[1137, applVerId]]);
  expect(answer.type).toBe('A');
  return Object.assign(client, { sender: account.sender_comp_id });
}

/** The limits of an XLR by LimitType, each with its fields. */
function limitsOf(message: FixMessage): Record<string, Record<number, number>> {
  const limits: Record<string, Record<number, number>> = {};
  let entry: Record<number, number> = {};
  for (const [tag, value] of message.fields) {
    if (tag === 25004) {
      entry = {};
      limits[value] = entry;
    } else if (tag >= 25005) entry[tag] = Number(value);
  }
  return limits;
}

describe.each(VERSIONS)('%s %s', (beginString, applVerId) => {
  test('a LimitQuery is answered with rates, what is used, and when there is more', async () => {
    const client = await loggedOn(beginString, applVerId);
    client.send('XLQ', [[6136, 'q1']]);
    const answer = await client.next((m) => m.type === 'XLR');
    expectValid(answer, applVerId);
    expect(answer.fields.filter(([tag]) => tag > 60 && tag !== 10).slice(0, 2)).toEqual([
      [6136, 'q1'],
      [25003, '4'],
    ]);
    expect([0, 1]).toContain(limitsOf(answer)[2]![25005]);
    expect(limitsOf(answer)).toEqual({
      1: { 25005: 0, 25006: 10, 25007: 2, 25008: Number.NaN, 25901: 5, 25902: 0, 25903: 0 },
      // The question itself is one, unless it has come back by now.
      2: {
        25005: expect.any(Number),
        25006: 40,
        25007: 2,
        25008: Number.NaN,
        25901: 20,
        25902: 0,
        25903: expect.any(Number),
      },
      3: { 25005: 0, 25006: 20, 25007: 2, 25008: Number.NaN, 25901: 10, 25902: 0, 25903: 0 },
      4: { 25005: 1, 25006: 1 },
    });
  });
});

test('every other unknown MsgType is still refused, and so is a question without its name', async () => {
  const client = await loggedOn();
  client.send('XLZ', [[6136, 'q1']]);
  expect((await client.next((m) => m.type === '3')).get(373)).toBe('11');
  client.send('XLQ');
  const missing = await client.next((m) => m.type === '3');
  expect([missing.get(373), missing.get(371)]).toEqual(['1', '6136']);
  client.send('XLQ', [[6136, 'x'.repeat(65)]]);
  const long = await client.next((m) => m.type === '3');
  expect([long.get(373), long.get(371), long.get(372)]).toEqual(['5', '6136', 'XLQ']);
});

test('after orders the answer says how many are left, what a burst has used at once', async () => {
  const client = await loggedOn('FIX.4.4', '', 'basic');
  for (let i = 0; i < 12; i++) client.send('D', order(`o${i}`));
  await client.next((m) => m.type === 'j');
  client.send('XLQ', [[6136, 'q2']]);
  const { 1: orders, 2: messages } = limitsOf(await client.next((m) => m.type === 'XLR'));
  // On a busy machine one or two have come back since the refusal.
  expect(orders![25005]).toBeGreaterThanOrEqual(8);
  expect(orders![25902]! > 0).toBe(orders![25005] === 10);
  expect(orders![25902]).toBeLessThanOrEqual(200);
  expect(orders![25903]).toBeGreaterThan(1000);
  expect(orders![25903]).toBeLessThanOrEqual(2000);
  expect(messages![25005]).toBeGreaterThan(0);
});

test('the store is read at most once a second, and answers keep the order of the questions', async () => {
  const client = await loggedOn('FIX.4.4', '', 'unlimited');
  let reads = 0;
  const { read } = house.leases;
  house.leases.read = (userId) => {
    reads++;
    return read.call(house.leases, userId);
  };
  for (let i = 0; i < 200; i++) {
    client.send('XLQ', [[6136, `q${i}`]]);
    if (i % 10 === 9) await client.next((m) => m.get(6136) === `q${i}`);
  }
  house.leases.read = read;
  const answers = client.received.filter((m) => m.type === 'XLR').map((m) => m.get(6136));
  expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => `q${i}`));
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThan(5);
});

test('more questions than may wait are told so', async () => {
  let answer = (): void => {};
  const { read } = house.leases;
  house.leases.read = async (userId) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return read.call(house.leases, userId);
  };
  const client = await loggedOn('FIX.4.4', '', 'unlimited');
  for (let i = 0; i < 20; i++) client.send('XLQ', [[6136, `q${i}`]]);
  const refused = await client.next((m) => m.type === 'j');
  expect([refused.get(45), refused.get(372), refused.get(380)]).toEqual(['18', 'XLQ', '4']);
  answer();
  house.leases.read = read;
  await client.next((m) => m.get(6136) === 'q15');
  client.send('XLQ', [[6136, 'again']]);
  expect((await client.next((m) => m.get(6136) === 'again')).type).toBe('XLR');
});

describe('UserRequest', () => {
  const request = (type: number, username: string): Field[] => [
    [923, 'u1'],
    [924, type],
    [553, username],
  ];

  test.each(VERSIONS.filter(([beginString]) => beginString >= 'FIX.4.4'))(
    '%s %s: the state of the session in words, and as throttles where the version has them',
    async (beginString, applVerId) => {
      const client = await loggedOn(beginString, applVerId);
      const { sender } = client as FixClient & { sender: string };
      client.send('BE', request(4, sender));
      const answer = await client.next((m) => m.type === 'BF');
      expectValid(answer, applVerId);
      expect([answer.get(923), answer.get(553), answer.get(926)]).toEqual(['u1', sender, '1']);
      expect(answer.get(927)).toMatch(
        /^orders 10 of 10 left, 5\/s, full in 0 ms; messages (39|40) of 40 left, 20\/s, full in \d+ ms; cancels 20 of 20 left, 10\/s, full in 0 ms; sessions 1 of 1$/,
      );
      const throttles = answer.fields
        .filter(([tag]) => tag >= 1610 && tag <= 1615)
        .map(([tag, value]) => `${tag}=${value}`);
      const one = (most: number, ms: number) => [`1611=2`, `1612=0`, `1613=${most}`, `1614=${ms}`, `1615=3`];
      const all = ['1610=3', ...one(10, 2000), ...one(40, 2000), ...one(20, 2000)];
      expect(throttles).toEqual(applVerId === '9' ? all : []);
    },
  );

  test('only about oneself, and only the status', async () => {
    const client = await loggedOn();
    client.send('BE', request(4, 'SOMEBODY'));
    const other = await client.next((m) => m.type === 'BF');
    expectValid(other);
    expect([other.get(926), other.get(927)]).toEqual(['3', 'Username is not the SenderCompID']);
    const { sender } = client as FixClient & { sender: string };
    client.send('BE', request(2, sender));
    const off = await client.next((m) => m.type === 'BF');
    expectValid(off);
    expect(off.get(926)).toBe('6');
  });

  test('FIX.4.3 does not know it', async () => {
    const client = await loggedOn('FIX.4.3');
    client.send('BE', request(4, 'X'));
    expect((await client.next((m) => m.type === '3')).get(373)).toBe('11');
  });
});

test('while the store does not say, the answer is what the gateway knows, and tells so', async () => {
  const client = await loggedOn();
  const { read } = house.leases;
  house.leases.read = async () => {
    throw new StoreUnavailable('the test took it away');
  };
  try {
    client.send('XLQ', [[6136, 'q1']]);
    const answer = await client.next((m) => m.type === 'XLR');
    expectValid(answer);
    expect(answer.get(58)).toMatch(/store did not answer/);
    expect(limitsOf(answer)[4]).toEqual({ 25005: 1, 25006: 1 });
  } finally {
    house.leases.read = read;
  }
});
