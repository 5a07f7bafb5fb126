// Settings of one counterparty, from its credential to the wire: the whole edge in this process, over real sockets.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { updateProfile } from '../../core/credentials/profile.ts';
import type { ProfileChange, ProfileOverrides } from '../../core/sessions/profile.ts';
import type { Edge } from '../../edge/edge.ts';
import { encodeFix, type FixClient, type FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import { marketOrder } from '../support/orders.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;

beforeEach(async () => {
  house = new TestHouse();
  edge = await house.open();
});
afterEach(() => house.close());

const user = (name: string, session_profile: ProfileOverrides) => house.user(name, { session_profile });
const change = (account: Account, profile: ProfileChange) =>
  updateProfile(house.admin, ACTOR, account.sender_comp_id, profile);
const sessions = () => [...edge.gate.sessions()].length;

async function answered(account: Account, options = {}): Promise<[FixClient, FixMessage]> {
  const client = house.client(edge, account, options);
  return [client, await client.logon(account.password)];
}

/** HH:MM:SS, UTC, so many seconds from now. */
const clock = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString().slice(11, 19);

describe('a setting of the credential', () => {
  test('is in force from the next Logon on, for that counterparty alone', async () => {
    const alice = await house.user('alice');
    const bob = await house.user('bob');
    const [client] = await answered(alice);
    await change(alice, { heartbeat_interval: { min: 10, max: 20 } });
    client.send('1', [[112, 'still there']]);
    expect((await client.next((m) => m.type === '0')).get(112)).toBe('still there');
    await client.logout();
    await until('the session has ended', () => sessions() === 0);
    const [, refused] = await answered(alice);
    expect([refused.type, refused.get(58)]).toEqual(['5', 'HeartBtInt (108) must be from 10 to 20']);
    expect((await answered(bob))[1].type).toBe('A');
    await change(alice, { heartbeat_interval: null });
    const back = house.client(edge, alice);
    back.nextOut = 4;
    expect((await back.logon(alice.password)).type).toBe('A');
  });

  test('begin_strings turns other versions away', async () => {
    const carol = await user('carol', { begin_strings: ['FIX.4.2'] });
    const [, refused] = await answered(carol);
    expect([refused.type, refused.get(58)]).toEqual(['5', 'Incorrect BeginString']);
    expect((await answered(carol, { begin_string: 'FIX.4.2' }))[1].type).toBe('A');
  });

  test('check_latency and max_latency judge its clock by its own bounds', async () => {
    const late = async (account: Account): Promise<string | undefined> => {
      const client = house.client(edge, account);
      await client.connect();
      client.sendRaw(
        encodeFix('FIX.4.4', [
          [35, 'A'],
          [34, 1],
          [49, account.sender_comp_id],
          [52, utcTimestamp(new Date(Date.now() - 300_000))],
          [56, account.target_comp_id],
          [98, 0],
          [108, 30],
          [554, account.password],
        ]),
      );
      return (await client.next(() => true)).type;
    };
    expect(await late(await house.user('dave'))).toBe('5');
    expect(await late(await user('erin', { max_latency: 600 }))).toBe('A');
    expect(await late(await user('frank', { check_latency: false }))).toBe('A');
    expect(sessions()).toBe(2);
  });

  test('duplicate_logon decides what a second Logon does', async () => {
    const gina = await user('gina', { duplicate_logon: 'refuse' });
    await answered(gina);
    const second = house.client(edge, gina);
    await second.connect();
    second.send('A', [
      [98, 0],
      [108, 30],
      [554, gina.password],
    ]);
    await second.closed();
    expect(second.received).toEqual([]);
    await change(gina, { duplicate_logon: 'takeover' });
    const third = house.client(edge, gina);
    third.nextOut = 2;
    expect((await third.logon(gina.password)).type).toBe('A');
    expect(sessions()).toBe(1);
  });

  test('validation, timestamps and the longest message are its own', async () => {
    const hal = await user('hal', {
      allow_unknown_msg_fields: true,
      timestamp_precision: 'micros',
      enable_last_msg_seq_num_processed: true,
      max_message_bytes: 4096,
    });
    const [client, answer] = await answered(hal);
    expect(answer.get(52)).toMatch(/\.\d{6}$/);
    expect(answer.get(369)).toBe('1');
    const order = marketOrder('a');
    // MDReqID: the dictionary knows it, a NewOrderSingle does not.
    client.send('D', [...order, [262, 'not of this message']]);
    expect((await client.next((m) => m.type === 'D' || m.type === '3')).type).toBe('D');
    client.send('D', [...order, [58, 'x'.repeat(5000)]]);
    expect((await client.next((m) => m.type === '5')).get(58)).toBe('Message is longer than 4096 bytes');
  });

  test('reject_garbled_message: what is garbled but can be told apart is rejected, and uses its number', async () => {
    const kim = await user('kim', { reject_garbled_message: true });
    const [client] = await answered(kim);
    client.sendRaw(
      encodeFix('FIX.4.4', [
        [35, 0],
        [34, 2],
      ]).replace(/10=\d{3}/, '10=256'),
    );
    const reject = await client.next((m) => m.type === '3');
    expect([reject.get(45), reject.get(372), reject.get(58), reject.get(373)]).toEqual([
      '2',
      '0',
      'Message is garbled',
      undefined,
    ]);
    client.sendRaw(
      encodeFix('FIX.4.4', [
        [34, 3],
        [35, 0],
      ]),
    );
    expect((await client.next((m) => m.type === '3')).get(45)).toBe('3');
    client.nextOut = 4;
    client.send('1', [[112, 'in step']]);
    expect((await client.next((m) => m.type === '0')).get(112)).toBe('in step');
  });

  test('resend_retention 0 keeps nothing: a ResendRequest is answered by a gap fill', async () => {
    const ivy = await user('ivy', { resend_retention: 0 });
    const [client] = await answered(ivy);
    client.send('D', marketOrder('a'));
    await client.next((m) => m.type === 'D');
    client.send('2', [
      [7, 1],
      [16, 0],
    ]);
    const fill = await client.next((m) => m.type === '4' || m.get(43) === 'Y');
    expect([fill.type, fill.get(123), fill.get(36)]).toEqual(['4', 'Y', '3']);
  });
});

describe('session hours', () => {
  test('outside of them a Logon is refused, with the time of the next session', async () => {
    const jack = await user('jack', { start_time: clock(7200), end_time: clock(10_800) });
    const [client, refused] = await answered(jack);
    expect(refused.type).toBe('5');
    expect(refused.get(58)).toMatch(/^Outside of session hours, the next session begins at \d{4}-/);
    await client.closed();
    expect(sessions()).toBe(0);
    await until('it is recorded', () =>
      house.records('logon_refused').some((one) => one.reason === 'outside_session_time'),
    );
  });

  test('a live session is ended at their end', async () => {
    const kate = await user('kate', { start_time: clock(-3600), end_time: clock(2) });
    const [client, answer] = await answered(kate);
    expect(answer.type).toBe('A');
    expect((await client.next((m) => m.type === '5')).get(58)).toBe('End of session hours');
    client.send('5');
    await client.closed();
    await until('the slot is free', () => sessions() === 0);
    expect((await answered(kate))[1].get(58)).toMatch(/^Outside of session hours/);
  });
});
