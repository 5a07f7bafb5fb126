// Who gets in over FIX, and what the others hear: over real sockets, the whole edge in this process.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { killUser } from '../../core/credentials/kill.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import type { Edge } from '../../edge/edge.ts';
import { SESSIONS_PER_CREDENTIAL } from '../../edge/limits.ts';
import { encodeFix, type Field, utcTimestamp } from '../../local/fix-client.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;
let alice: Account;

beforeEach(async () => {
  house = new TestHouse();
  edge = await house.open();
  alice = await house.user('alice');
});
afterEach(() => house.close());

const logonBy = (account: Account, more: readonly Field[], head: readonly Field[] = []): string =>
  encodeFix('FIX.4.4', [
    [35, 'A'],
    [34, 1],
    [49, account.sender_comp_id],
    [52, utcTimestamp(new Date())],
    [56, account.target_comp_id],
    ...head,
    [98, 0],
    [108, 30],
    ...more,
  ]);

describe('a client that proves itself', () => {
  test.each<[string, (account: Account) => Field[]]>([
    ['554 alone', ({ password }) => [[554, password]]],
    [
      '553 and 554',
      ({ sender_comp_id, password }) => [
        [553, sender_comp_id],
        [554, password],
      ],
    ],
    [
      '95 and 96',
      ({ password }) => [
        [95, password.length],
        [96, password],
      ],
    ],
    ['96 without 95', ({ password }) => [[96, password]]],
  ])('is let in by %s', async (_way, proof) => {
    const client = house.client(edge, alice);
    await client.connect();
    client.sendRaw(logonBy(alice, proof(alice)));
    const answer = await client.next(() => true);
    expect(answer.type).toBe('A');
    expect(answer.get(34)).toBe('1');
    expect(answer.get(58)).toBeUndefined();
    await until('it is recorded', () => house.records('session_started').length === 1);
  });

  test('has its 50 given back as 57, and a session of its own by it', async () => {
    const one = house.client(edge, alice, { sender_sub_id: 'desk-1' });
    const two = house.client(edge, alice, { sender_sub_id: 'desk-2' });
    expect((await one.logon(alice.password)).get(57)).toBe('desk-1');
    expect((await two.logon(alice.password)).get(57)).toBe('desk-2');
    expect([...edge.gate.sessions()]).toHaveLength(2);
  });

  test('may say the Logon byte by byte, and more right behind it', async () => {
    const client = house.client(edge, alice);
    await client.connect();
    const logon = logonBy(alice, [[554, alice.password]]);
    for (const byte of logon.slice(0, 40)) client.sendRaw(byte);
    client.sendRaw(
      logon.slice(40) +
        encodeFix('FIX.4.4', [
          [35, '1'],
          [34, 2],
          [49, alice.sender_comp_id],
          [52, utcTimestamp(new Date())],
          [56, alice.target_comp_id],
          [112, 'hello'],
        ]),
    );
    expect((await client.next((message) => message.type === '0')).get(112)).toBe('hello');
  });

  test('is told when its HeartBtInt is refused, and no number is used', async () => {
    const again = house.client(edge, alice);
    await again.connect();
    again.sendRaw(
      encodeFix('FIX.4.4', [
        [35, 'A'],
        [34, 1],
        [49, alice.sender_comp_id],
        [52, utcTimestamp(new Date())],
        [56, alice.target_comp_id],
        [98, 0],
        [108, 0],
        [554, alice.password],
      ]),
    );
    const answer = await again.next(() => true);
    expect(answer.type).toBe('5');
    expect(answer.get(58)).toMatch(/HeartBtInt/);
    await again.closed();
    expect((await house.client(edge, alice).logon(alice.password)).get(34)).toBe('1');
  });

  test('is told that it is suspended', async () => {
    await changeStatus(house.admin, ACTOR, 'suspend', alice);
    const client = house.client(edge, alice);
    const answer = await client.logon(alice.password);
    expect([answer.type, answer.get(58)]).toEqual(['5', expect.stringMatching(/suspended/)]);
    await client.closed();
  });

  test("is refused under its session's next number, also by an edge that has not seen it yet", async () => {
    house.journal.session(`FIX.4.4|GATEWAY|${alice.sender_comp_id}|`).setNextOut(7);
    await changeStatus(house.admin, ACTOR, 'suspend', alice);
    expect((await house.client(edge, alice).logon(alice.password)).get(34)).toBe('7');
  });

  test('leaves no session in the audit when its number is too low, but the first since the start of the edge', async () => {
    house.journal.session(`FIX.4.4|GATEWAY|${alice.sender_comp_id}|`).setNextIn(5);
    for (let i = 0; i < 3; i++) {
      const answer = await house.client(edge, alice).logon(alice.password);
      expect([answer.type, answer.get(58)]).toEqual(['5', 'MsgSeqNum too low, expecting 5 but received 1']);
    }
    await until('it is recorded', () => house.records('logon_refused').length === 3);
    // Until it has been here, another edge may have what is newer: that is known with its slot.
    expect([house.records('logon'), house.records('session_started')].map(({ length }) => length)).toEqual([1, 1]);
  });

  test('takes over from nobody with a number that is too low', async () => {
    const env = { FIXGATE_SESSION_PROFILE: '{"duplicate_logon":"takeover"}', FIXGATE_EDGE_ID: 'test-2' };
    const taking = await house.open({ env });
    const first = house.client(taking, alice);
    await first.logon(alice.password);
    expect((await house.client(taking, alice).logon(alice.password)).get(58)).toMatch(/MsgSeqNum too low/);
    first.send('1', [[112, 'still there']]);
    expect((await first.next(({ type }) => type === '0')).get(112)).toBe('still there');
  });

  test('may begin so many sessions and no more, and goes on with those it has', async () => {
    const bob = await house.user('bob', { rate_limit_tier: 'standard' });
    const name = (sub: number) => `FIX.4.4|GATEWAY|${bob.sender_comp_id}|day-${sub}`;
    for (let sub = 1; sub < SESSIONS_PER_CREDENTIAL; sub++) house.journal.session(name(sub));
    const later = await house.open({ env: { FIXGATE_EDGE_ID: 'test-2' } });
    const logon = (sub: number) => house.client(later, bob, { sender_sub_id: `day-${sub}` }).logon(bob.password);
    expect((await logon(SESSIONS_PER_CREDENTIAL)).type).toBe('A');
    const refused = await logon(SESSIONS_PER_CREDENTIAL + 1);
    expect([refused.type, refused.get(58)]).toEqual(['5', expect.stringMatching(/may begin no more/)]);
    expect(house.journal.has(name(SESSIONS_PER_CREDENTIAL + 1))).toBe(false);
    await until('it is recorded', () => house.records('logon_refused').length === 1);
    expect(house.records('logon_refused')[0]).toMatchObject({ reason: 'too_many_sessions', user_id: 'bob' });
    expect((await logon(1)).type).toBe('A');
  });
});

test.each([
  [-300, "SendingTime accuracy problem: 300 s behind the gateway's clock, at most 120 s are taken"],
  [3600, "SendingTime accuracy problem: 3600 s ahead of the gateway's clock, at most 120 s are taken"],
])('a client whose clock is %i s off is told so', async (off, text) => {
  const client = house.client(edge, alice);
  await client.connect();
  const at = utcTimestamp(new Date(Date.now() + off * 1000));
  client.send(
    'A',
    [
      [98, 0],
      [108, 30],
      [554, alice.password],
    ],
    [],
    at,
  );
  expect((await client.next(() => true)).get(58)).toBe(text);
});

describe('whoever does not', () => {
  test('and brings no proof at all is told of that, known or not, and nobody is looked up', async () => {
    const { directory } = house.admin;
    let looked = 0;
    const credential = directory.credential.bind(directory);
    directory.credential = async (name) => {
      looked += 1;
      return credential(name);
    };
    for (const account of [alice, { ...alice, sender_comp_id: 'NOBODY' }]) {
      for (const fields of [[], [[554, '']], [[96, '']]] as Field[][]) {
        const client = house.client(edge, account);
        await client.connect();
        client.sendRaw(logonBy(account, fields));
        const answer = await client.next(() => true);
        expect([answer.type, answer.get(34), answer.get(58)]).toEqual([
          '5',
          '1',
          'Logon refused: it has neither Password (554) nor RawData (96)',
        ]);
      }
    }
    expect(looked).toBe(0);
    await until('it is recorded', () => house.records('logon_refused').some(({ reason }) => reason === 'no_proof'));
  });

  test('hears one and the same, whatever was wrong; the audit has what', async () => {
    const others: [string, Account, string][] = [
      ['wrong_password', alice, 'not the password'],
      ['unknown_sender', { ...alice, sender_comp_id: 'NOBODY' }, alice.password],
      ['wrong_target', { ...alice, target_comp_id: 'ELSEWHERE' }, alice.password],
    ];
    const heard = [];
    for (const [, account, password] of others) {
      const client = house.client(edge, account);
      const answer = await client.logon(password);
      heard.push([answer.type, answer.get(34), answer.get(58)]);
      await client.closed();
    }
    expect(new Set(heard.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(heard[0]![0]).toBe('5');
    await until('the records are there', () => house.records('logon_refused').length === 3);
    expect(house.records('logon_refused').map(({ reason }) => reason)).toEqual(others.map(([reason]) => reason));
    expect(JSON.stringify(house.records('logon_refused'))).not.toContain('not the password');
  });

  test('hears nothing of the numbers of a session: neither whether there is one nor what it expects', async () => {
    const there = house.client(edge, alice);
    await there.logon(alice.password);
    for (let n = 0; n < 5; n++) there.send('0');
    await there.logout();
    const heard = [];
    for (const account of [alice, { ...alice, sender_comp_id: 'NOBODY' }]) {
      const client = house.client(edge, account);
      const answer = await client.logon('not the password'); // numbered 1: too low, were it asked
      heard.push([answer.type, answer.get(34), answer.get(58)]);
    }
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[0]).toEqual(['5', '1', expect.not.stringMatching(/MsgSeqNum|expecting/)]);
    expect((await house.client(edge, alice).logon(alice.password)).get(58)).toMatch(/MsgSeqNum too low, expecting 8/);
  });

  test('hears nothing when refusals are silent', async () => {
    const quiet = await house.open({ env: { FIXGATE_REFUSED_LOGON: 'silent', FIXGATE_EDGE_ID: 'test-2' } });
    const client = house.client(quiet, alice);
    await client.connect();
    client.send('A', [
      [98, 0],
      [108, 30],
      [554, 'wrong'],
    ]);
    await client.closed();
    expect(client.received).toEqual([]);
  });

  test('nor by what passes: its engine comes again by itself, and would count each Logout', async () => {
    const quiet = await house.open({ env: { FIXGATE_REFUSED_LOGON: 'silent', FIXGATE_EDGE_ID: 'test-2' } });
    house.link.cut = true;
    const client = house.client(quiet, alice);
    await client.connect();
    client.send('A', [
      [98, 0],
      [108, 30],
      [554, alice.password],
    ]);
    await client.closed();
    house.link.cut = false;
    expect(client.received).toEqual([]);
    expect((await house.client(quiet, alice).logon(alice.password)).type).toBe('A');
  });

  test('is told why all the same when it had proved itself before', async () => {
    const quiet = await house.open({ env: { FIXGATE_REFUSED_LOGON: 'silent', FIXGATE_EDGE_ID: 'test-2' } });
    await changeStatus(house.admin, ACTOR, 'suspend', alice);
    expect((await house.client(quiet, alice).logon(alice.password)).get(58)).toMatch(/suspended/);
  });

  test.each<[string, Field[]]>([
    ['108 is no number', [[108, 'abc']]],
    ['108 is not allowed', [[108, 0]]],
    ['108 is missing', []],
  ])('nor is there silence about a mistake of its own: %s', async (_what, heartbeat) => {
    const quiet = await house.open({ env: { FIXGATE_REFUSED_LOGON: 'silent', FIXGATE_EDGE_ID: 'test-2' } });
    const client = house.client(quiet, alice);
    await client.connect();
    client.send('A', [[98, 0], ...heartbeat, [554, alice.password]]);
    const answer = await client.next(() => true);
    expect([answer.type, answer.get(58)]).toEqual(['5', expect.stringMatching(/108/)]);
  });
});

describe('a second Logon for a live session', () => {
  test('is refused while the first answers (probe)', async () => {
    const first = house.client(edge, alice);
    await first.logon(alice.password);
    const second = house.client(edge, alice);
    const answer = await second.logon(alice.password);
    expect([answer.type, answer.get(58)]).toEqual(['5', expect.stringMatching(/in use/)]);
    first.send('1', [[112, 'still here']]);
    expect((await first.next((m) => m.type === '0' && m.get(112) === 'still here')).type).toBe('0');
  });

  test('takes over from a first that is silent (probe)', async () => {
    const first = house.client(edge, alice, { onMessage: () => {} });
    await first.logon(alice.password);
    first.send = () => 0; // answers no TestRequest any more
    const second = house.client(edge, alice);
    await second.connect();
    second.nextOut = 2;
    second.send('A', [
      [98, 0],
      [108, 30],
      [554, alice.password],
    ]);
    const answer = await second.next((m) => m.type === 'A' || m.type === '5', 8000);
    expect(answer.type).toBe('A');
    await first.closed();
    expect([...edge.gate.sessions()]).toHaveLength(1);
    await until('it is recorded', () => house.records('session_ended').length > 0);
    expect(house.records('session_ended')[0]?.details).toMatchObject({ cause: 'superseded' });
  }, 15_000);

  test('is closed without a word (refuse)', async () => {
    const strict = await house.open({
      env: { FIXGATE_EDGE_ID: 'test-2', FIXGATE_SESSION_PROFILE: '{"duplicate_logon":"refuse"}' },
    });
    await house.client(strict, alice).logon(alice.password);
    const second = house.client(strict, alice);
    await second.connect();
    second.send('A', [
      [98, 0],
      [108, 30],
      [554, alice.password],
    ]);
    await second.closed();
    expect(second.received).toEqual([]);
  });

  test('wins at once (takeover)', async () => {
    const lenient = await house.open({
      env: { FIXGATE_EDGE_ID: 'test-2', FIXGATE_SESSION_PROFILE: '{"duplicate_logon":"takeover"}' },
    });
    const first = house.client(lenient, alice);
    await first.logon(alice.password);
    const second = house.client(lenient, alice);
    second.nextOut = 2;
    expect((await second.logon(alice.password)).type).toBe('A');
    expect((await first.next((m) => m.type === '5')).get(58)).toMatch(/took this session over/);
    await first.closed();
  });

  test('comes in at once after the first is gone', async () => {
    const first = house.client(edge, alice);
    await first.logon(alice.password);
    first.destroy();
    const second = house.client(edge, alice);
    second.nextOut = 2;
    expect((await second.logon(alice.password)).type).toBe('A');
  });
});

test('a kill ends the session with its reason, and its slot is free', async () => {
  const client = house.client(edge, alice);
  await client.logon(alice.password);
  const [live] = [...edge.gate.sessions()];
  await killUser(house.admin, { ...ACTOR, reason: 'enough' }, live!.session.user_id);
  expect((await client.next((m) => m.type === '5')).get(58)).toBe('enough');
  await client.closed();
  expect([...edge.gate.sessions()]).toEqual([]);
  await until('it is recorded', () => house.records('session_killed').length === 1);
});
