// What the gateway tells clients unasked, over real sockets, in every version: announcements, warnings, recovery.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Announcement, announce } from '../../core/sessions/notices.ts';
import type { ProfileOverrides } from '../../core/sessions/profile.ts';
import type { Edge } from '../../edge/edge.ts';
import type { Field, FixClient, FixMessage } from '../../local/fix-client.ts';
import { marketOrder as order } from '../support/orders.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';
import type { TestEcho } from './support/echo.ts';
import { expectValid, VERSIONS } from './support/valid.ts';

let house: TestHouse;
let edge: Edge;
let venue: TestEcho;

beforeEach(async () => {
  house = new TestHouse();
  ({ edge, venue } = await house.openEcho());
});
afterEach(() => house.close());

const ALL: ProfileOverrides = { news: { maintenance: true, recovery_complete: true }, limit_warning_percent: 80 };

async function loggedOn(
  user: string,
  session_profile: ProfileOverrides = ALL,
  [beginString, applVerId]: readonly [string, string] = ['FIX.4.4', ''],
): Promise<{ client: FixClient; account: Account }> {
  const account = await house.user(user, { rate_limit_tier: 'basic', session_profile });
  return { client: await again(account, [beginString, applVerId]), account };
}

async function again(
  account: Account,
  [beginString, applVerId]: readonly [string, string] = ['FIX.4.4', ''],
  next = 1,
  more: readonly Field[] = [],
): Promise<FixClient> {
  const client = house.client(edge, account, { begin_string: beginString });
  client.nextOut = next;
  const version: Field[] = applVerId === '' ? [] : [[1137, applVerId]];
  expect((await client.logon(account.password, [...version, ...more])).type).toBe('A');
  return client;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const say = (to: Announcement['to'], lines = ['Down at 18:00', 'Back at 18:10']) =>
  announce({ ...house.admin, pause }, ACTOR, { to, lines, headline: 'Upgrade', urgency: 'flash' });

const isNews = (m: FixMessage) => m.type === 'B';
/** The body of a News, without OrigTime, whose form is checked by the dictionary. */
const body = (m: FixMessage) =>
  m.fields
    .filter(([tag]) => ![8, 9, 35, 34, 43, 49, 52, 56, 122, 42, 10].includes(tag))
    .map(([tag, value]) => `${tag}=${value}`);

describe.each(VERSIONS)('%s %s', (beginString, applVerId) => {
  const version = [beginString, applVerId] as const;

  test('an announcement, a warning and the end of a recovery stand in the dictionary', async () => {
    const { client, account } = await loggedOn('alice', ALL, version);
    const { notice, receipts, silent } = await say({ all: true });
    expect([receipts, silent]).toEqual([
      [{ notice_id: notice.notice_id, edge_id: 'test-1', told: 1, not_told: 0 }],
      [],
    ]);
    const announced = await client.next(isNews);
    expectValid(announced, applVerId);
    const lines =
      beginString === 'FIX.4.0'
        ? ['61=1', '33=1', '58=Upgrade: Down at 18:00 Back at 18:10']
        : ['61=1', '148=Upgrade', '33=2', '58=Down at 18:00', '58=Back at 18:10'];
    const named = applVerId === '9' ? [`1472=${notice.notice_id}`, '1473=3'] : [];
    expect(body(announced)).toEqual([...named, ...lines]);

    const orders = beginString < 'FIX.4.2' ? (id: string) => order(id).filter(([tag]) => tag !== 60) : order;
    const fields = (id: string) => orders(id).filter(([tag]) => tag !== 21 || applVerId === '');
    // More than the burst: some come back meanwhile, on a busy machine more than one.
    for (let i = 0; i < 14; i++) client.send('D', fields(`o${i}`));
    const warned = await client.next(isNews);
    expectValid(warned, applVerId);
    expect(body(warned).join('|')).toMatch(
      /Order limit: 80 % used.*(8|9|10) of 10 used, [0-2] left, 5 more each second, all in \d+ ms/,
    );

    client.destroy();
    await until('it is gone', () => [...edge.gate.sessions()].length === 0);
    venue.report([...venue.sessions.keys()][0]!, 'while away');
    const back = await again(account, version, client.nextOut);
    back.send('0');
    expect((await back.next((m) => m.type === '8')).get(58)).toBe('while away');
    const recovered = await back.next(isNews);
    expectValid(recovered, applVerId);
    expect(body(recovered).join('|')).toMatch(
      /Recovery complete.*0 messages sent again, 1 message sent that had waited/,
    );
  });
});

describe('an announcement', () => {
  test('reaches whom it is for, and counts those who do not want it', async () => {
    const one = await loggedOn('one');
    const two = await loggedOn('two');
    const deaf = await loggedOn('deaf', {});
    const counts = async (to: Announcement['to']) => {
      const { receipts } = await say(to);
      return receipts.map(({ told, not_told }) => [told, not_told]);
    };
    expect(await counts({ all: true })).toEqual([[2, 1]]);
    expect(await counts({ tier: 'basic' })).toEqual([[2, 1]]);
    expect(await counts({ tier: 'premium' })).toEqual([[0, 0]]);
    expect(await counts({ user_id: 'one' })).toEqual([[1, 0]]);
    expect(await counts({ sender_comp_id: two.account.sender_comp_id })).toEqual([[1, 0]]);
    expect(await counts({ user_id: 'deaf' })).toEqual([[0, 1]]);
    const heard = async ({ client }: { client: FixClient }) => {
      client.send('1', [[112, 'now']]);
      await client.next((m) => m.get(112) === 'now');
      return client.received.filter(isNews).length;
    };
    expect([await heard(one), await heard(two), await heard(deaf)]).toEqual([3, 3, 0]);
    const [told] = house.records('notice_told');
    expect(told!.details).toMatchObject({ told: 2, not_told: 1 });
    expect(house.records('session_notify')).toHaveLength(6);
  });

  test('is numbered and kept: who lost it with the connection asks for it again', async () => {
    const { client, account } = await loggedOn('alice');
    await say({ all: true });
    const news = await client.next(isNews);
    client.destroy();
    await until('it is gone', () => [...edge.gate.sessions()].length === 0);
    const back = await again(account, ['FIX.4.4', ''], client.nextOut);
    back.send('2', [
      [7, news.get(34)!],
      [16, 0],
    ]);
    const resent = await back.next(isNews);
    expect([resent.get(43), resent.get(34), ...body(resent)]).toEqual(['Y', news.get(34), ...body(news)]);
    expectValid(resent);
  });

  test('is not kept for who is away', async () => {
    const { client, account } = await loggedOn('alice');
    client.destroy();
    await until('it is gone', () => [...edge.gate.sessions()].length === 0);
    expect((await say({ all: true })).receipts).toMatchObject([{ told: 0, not_told: 0 }]);
    const back = await again(account, ['FIX.4.4', ''], client.nextOut);
    back.send('1', [[112, 'now']]);
    await back.next((m) => m.get(112) === 'now');
    expect(back.received.filter(isNews)).toEqual([]);
  });

  test('that an edge finds a minute later is passed over', async () => {
    const { client } = await loggedOn('alice');
    const at = Date.now() - 61_000;
    const notice = { notice_id: 'late', headline: 'h', lines: ['l'], urgency: 'normal', at } as const;
    const command = { id: '0'.repeat(26), at, type: 'announce', notice, to: { all: true } } as const;
    await house.admin.edges.send([{ edge_id: 'test-1', command }]);
    await until('it is taken', async () => (await house.admin.edges.commands('test-1', '')).length === 0);
    await say({ all: true });
    expect((await client.next(isNews)).get(148)).toBe('Upgrade');
    expect(await house.admin.edges.receipts('late')).toEqual([]);
  });

  test('reaches many sessions, a portion at a time', async () => {
    const account = await house.user('many', { session_profile: ALL });
    const clients = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const client = house.client(edge, account, { sender_sub_id: `s${n}` });
        await client.logon(account.password);
        return client;
      }),
    );
    expect((await say({ user_id: 'many' })).receipts).toMatchObject([{ told: 60, not_told: 0 }]);
    for (const client of clients) expect((await client.next(isNews)).get(148)).toBe('Upgrade');
  });
});

test('nothing is said unasked where the profile has not asked for it', async () => {
  const { client, account } = await loggedOn('quiet', {});
  for (let i = 0; i < 12; i++) client.send('D', order(`o${i}`));
  await client.next((m) => m.type === 'j');
  client.destroy();
  await until('it is gone', () => [...edge.gate.sessions()].length === 0);
  venue.report([...venue.sessions.keys()][0]!, 'while away');
  const back = await again(account, ['FIX.4.4', ''], client.nextOut);
  back.send('1', [[112, 'now']]);
  await back.next((m) => m.type === '8');
  await say({ all: true });
  back.send('1', [[112, 'then']]);
  await back.next((m) => m.get(112) === 'then');
  expect([...client.received, ...back.received].filter(isNews)).toEqual([]);
});

test('a client that returns over its mark is warned at once; each session of the user hears of the same buckets', async () => {
  const account = await house.user('pair', { rate_limit_tier: 'standard', session_profile: ALL });
  const one = house.client(edge, account, { sender_sub_id: 'a' });
  await one.logon(account.password);
  const two = house.client(edge, account, { sender_sub_id: 'b' });
  await two.logon(account.password);
  for (let i = 0; i < 60; i++) one.send('D', order(`o${i}`));
  for (const client of [one, two]) expect((await client.next(isNews)).get(148)).toBe('Order limit: 80 % used');
  const three = house.client(edge, account, { sender_sub_id: 'c' });
  await three.logon(account.password);
  expect((await three.next(isNews)).get(148)).toBe('Order limit: 80 % used');
});
