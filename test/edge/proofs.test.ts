// Proof by HMAC and by Ed25519 over real sockets, copies of a Logon, a client's own new password, and what 1409 tells.
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { addKey, removeKey } from '../../core/credentials/keys.ts';
import { killUser } from '../../core/credentials/kill.ts';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import type { Edge } from '../../edge/edge.ts';
import {
  type ClientProof,
  encodeFix,
  type Field,
  type FixMessage,
  proofFields,
  utcTimestamp,
} from '../../local/fix-client.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';

/** Over FIXT.1.1 this says 1409 to sessions too, whose engines may not know it. */
const STATUS = { FIXGATE_SESSION_PROFILE: '{"enable_session_status":true}' };

let house: TestHouse;
let edge: Edge;

beforeEach(async () => {
  house = new TestHouse();
  edge = await house.open({ env: STATUS });
});
afterEach(() => house.close());

/** BeginString, and 1137 where that is asked for. */
const VERSIONS: readonly (readonly [name: string, begin_string: string, extra: readonly Field[]])[] = [
  ...['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4'].map((one) => [one, one, []] as const),
  ...['7', '8', '9'].map((one) => [`FIXT.1.1 with 1137=${one}`, 'FIXT.1.1', [[1137, one]]] as const),
];
const FIXT = { begin_string: 'FIXT.1.1' };
const SP2: readonly Field[] = [[1137, '9']];
const NEW = 'correct-horse.battery-staple/42?!';

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { public_key: publicKey.export({ type: 'spki', format: 'pem' }) as string, private_key: privateKey };
}

async function hmacUser(name: string): Promise<{ account: Account; by: ClientProof }> {
  const account = await house.user(name, { proof: { type: 'hmac_sha256' } });
  return { account, by: { type: 'hmac_sha256', secret: account.secret } };
}

async function keyUser(name: string, key_id = 'desk-1'): Promise<{ account: Account; by: ClientProof }> {
  const { public_key, private_key } = keyPair();
  const account = await house.user(name, { proof: { type: 'ed25519', public_key, key_id } });
  return { account, by: { type: 'ed25519', private_key, key_id } };
}

/** A Logon as it goes over the wire, said at `at`. */
function signedLogon({ sender_comp_id: sender, target_comp_id: target }: Account, by: ClientProof, at: string): string {
  return encodeFix('FIX.4.4', [
    [35, 'A'],
    [34, 1],
    [49, sender],
    [52, at],
    [56, target],
    [98, 0],
    [108, 30],
    ...proofFields(by, { sender, target, number: 1, at }),
  ]);
}

async function say(to: Edge, account: Account, raw: string): Promise<FixMessage> {
  const client = house.client(to, account);
  await client.connect();
  client.sendRaw(raw);
  return client.next(() => true);
}

const reasons = () => house.records('logon_refused').map(({ reason }) => reason);

describe.each(VERSIONS)('%s', (_name, begin_string, extra) => {
  test.each<[string, (name: string) => Promise<{ account: Account; by: ClientProof }>]>([
    ['HMAC', hmacUser],
    ['Ed25519', keyUser],
  ])('takes a Logon by %s, and goes on from there', async (_proof, make) => {
    const { account, by } = await make('alice');
    const client = house.client(edge, account, { begin_string });
    expect((await client.logon(by, extra)).type).toBe('A');
    client.send('1', [[112, 'there?']]);
    expect((await client.next(({ type }) => type === '0')).get(112)).toBe('there?');
  });

  test.each<[string, (account: Account) => Field[]]>([
    ['554', ({ password }) => [[554, password]]],
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
    [
      '554 and 925',
      ({ password }) => [
        [554, password],
        [925, NEW],
      ],
    ],
  ])('takes a password in %s, whatever its dictionary says', async (_fields, proof) => {
    const account = await house.user('alice');
    const client = house.client(edge, account, { begin_string });
    await client.connect();
    client.send('A', [[98, 0], [108, 30], ...proof(account), ...extra]);
    const answer = await client.next(() => true);
    expect([answer.type, answer.get(8)]).toEqual(['A', begin_string]);
    // Told by 1409 where the version has it, and by nothing that its dictionary lacks.
    const changed = proof(account).some(([tag]) => tag === 925);
    expect(answer.get(1409)).toBe(begin_string === 'FIXT.1.1' ? (changed ? '1' : '0') : undefined);
    expect(answer.get(58)).toBeUndefined();
  });
});

describe('a signed Logon', () => {
  test('is accepted once over all edges; its copy hears what a wrong password hears', async () => {
    const other = await house.open({ env: { FIXGATE_EDGE_ID: 'test-2' } });
    const { account, by } = await keyUser('alice');
    const raw = signedLogon(account, by, utcTimestamp(new Date()));
    expect((await say(edge, account, raw)).type).toBe('A');
    const copies = [await say(other, account, raw), await say(edge, account, raw)];
    const stranger = await house.client(edge, account).logon('a guess');
    for (const copy of copies) expect([copy.type, copy.get(34), copy.get(58)]).toEqual(['5', '1', stranger.get(58)]);
    await until('they are recorded', () => reasons().length === 3);
    expect(reasons().sort()).toEqual(['replayed', 'replayed', 'wrong_signature']);
  });

  test('that is as old as its window hears how far off its clock is', async () => {
    const { account, by } = await hmacUser('alice');
    const at = utcTimestamp(new Date(Date.now() - 8000));
    const answer = await say(edge, account, signedLogon(account, by, at));
    expect([answer.type, answer.get(58)]).toEqual([
      '5',
      expect.stringMatching(/is 8\d\d\d ms behind the gateway's clock/),
    ]);
    const wide = await house.open({ env: { FIXGATE_EDGE_ID: 'test-2', FIXGATE_LOGON_WINDOW_MS: '60000' } });
    expect((await say(wide, account, signedLogon(account, by, at))).type).toBe('A');
    await until('it is recorded', () => reasons().length === 1);
    expect(reasons()).toEqual(['outside_window']);
  });

  test('says nothing to strangers about how a name proves itself', async () => {
    const names = [(await hmacUser('a')).account, (await keyUser('b')).account, await house.user('c')];
    const nobody = { ...names[0]!, sender_comp_id: 'NOBODY' };
    const guess: ClientProof[] = [
      { type: 'password', password: 'a guess' },
      { type: 'hmac_sha256', secret: 'a guess' },
      { type: 'ed25519', private_key: keyPair().private_key, key_id: 'desk-1' },
    ];
    const heard = new Set<string>();
    for (const account of [...names, nobody]) {
      for (const by of guess) {
        const answer = await house.client(edge, account).logon(by);
        heard.add(JSON.stringify([answer.type, answer.get(34), answer.get(58)]));
      }
    }
    expect(heard.size).toBe(1);
  });

  test('may carry a password beside: the credential says which counts', async () => {
    const { account, by } = await hmacUser('alice');
    expect((await house.client(edge, account).logon(by, [[554, 'a passphrase of another system']])).type).toBe('A');
    const bob = await house.user('bob');
    const client = house.client(edge, bob);
    expect(
      (
        await client.logon(bob.password, [
          [95, 3],
          [96, 'x=y'],
        ])
      ).type,
    ).toBe('A');
  });

  test('by a key that was added, and by one that goes, until it has gone', async () => {
    const { account, by } = await keyUser('alice', 'old');
    const { public_key, private_key } = keyPair();
    await addKey(house.admin, ACTOR, account.sender_comp_id, { public_key, key_id: 'new' });
    const logon = async (proof: ClientProof) => {
      const client = house.client(edge, account, FIXT);
      const answer = await client.logon(proof, [[141, 'Y'], ...SP2]);
      if (answer.type === 'A') await client.logout();
      return [answer.type, answer.get(1409)];
    };
    const newer: ClientProof = { type: 'ed25519', private_key, key_id: 'new' };
    expect([await logon(newer), await logon(by)]).toEqual([
      ['A', '0'],
      ['A', '0'],
    ]);
    await removeKey(house.admin, ACTOR, account.sender_comp_id, 'old', 3600);
    expect([await logon(newer), await logon(by)]).toEqual([
      ['A', '0'],
      ['A', '2'],
    ]);
    await removeKey(house.admin, ACTOR, account.sender_comp_id, 'old', 0);
    expect([await logon(newer), await logon(by)]).toEqual([
      ['A', '0'],
      ['5', '5'],
    ]);
  });

  test('is refused while the store is away', async () => {
    const { account, by } = await hmacUser('alice');
    house.link.cut = true;
    expect((await house.client(edge, account).logon(by)).get(58)).toMatch(/temporarily unavailable/);
    house.link.cut = false;
    expect((await house.client(edge, account).logon(by)).type).toBe('A');
  });
});

describe('NewPassword (925)', () => {
  const change = (account: Account, to: string, more: readonly Field[] = [], by = account.password) =>
    house.client(edge, account, FIXT).logon(by, [[925, to], [141, 'Y'], ...more, ...SP2]);

  test('counts from the answer on, and is on record under the session', async () => {
    const account = await house.user('alice');
    const client = house.client(edge, account, FIXT);
    const answer = await client.logon(account.password, [[925, NEW], ...SP2]);
    expect([answer.type, answer.get(1409)]).toEqual(['A', '1']);
    const [record] = house.records('password_changed');
    const [live] = [...edge.gate.sessions()];
    expect(record).toMatchObject({
      user_id: 'alice',
      actor: { principal: 'edge:test-1' },
      session_id: live!.session.session_id,
    });
    await client.logout();
    const again = house.client(edge, account, FIXT);
    again.nextOut = 3;
    expect((await again.logon(NEW, SP2)).get(1409)).toBe('0');
    await again.logout();
    // The first logon by the new one has ended the grace of the old one.
    const old = await house.client(edge, account, FIXT).logon(account.password, SP2);
    expect([old.type, old.get(1409)]).toEqual(['5', '5']);
    // Nor is it taken back, though it has retired.
    expect((await change(account, account.password, [], NEW)).get(58)).toMatch(/or the one before it/);
    const all = [...house.world.chains.values()].flat();
    expect(JSON.stringify(all)).not.toContain(NEW);
  });

  test.each([
    ['too short', 'short', /must have 32 to 128 characters and has 5/],
    ['empty', '', /must have 32 to 128 characters and has 0/],
  ])('that is %s is refused, saying why; the old one stays', async (_what, to, text) => {
    const account = await house.user('alice');
    const answer = await change(account, to);
    expect([answer.type, answer.get(1409), answer.get(58)]).toEqual(['5', '3', expect.stringMatching(text)]);
    expect((await house.client(edge, account, FIXT).logon(account.password, SP2)).type).toBe('A');
    await until('one session is recorded', () => house.records('session_started').length === 1);
    expect(house.records('password_changed')).toEqual([]);
  });

  test('is the old one: refused, and the slot is free again', async () => {
    const account = await house.user('alice');
    expect((await change(account, account.password)).get(58)).toMatch(/must not be the password that there is/);
    await until('its session has ended', () => [...edge.gate.sessions()].length === 0);
    expect((await change(account, NEW)).get(1409)).toBe('1');
  });

  test.each<[string, readonly Field[], RegExp]>([
    ['for its HeartBtInt', [[108, 0]], /HeartBtInt/],
    [
      'for a number of ours that was never sent',
      [
        [108, 30],
        [789, 77],
      ],
      /NextExpectedMsgSeqNum/,
    ],
    [
      'by its dictionary',
      [
        [108, 30],
        [11, 'x'],
      ],
      /./,
    ],
  ])('of a Logon that is refused %s changes nothing', async (_what, fields, text) => {
    const account = await house.user('alice');
    const client = house.client(edge, account, FIXT);
    await client.connect();
    client.send('A', [[98, 0], ...fields, [554, account.password], [925, NEW], ...SP2]);
    const answer = await client.next(() => true);
    expect([answer.type, answer.get(58)]).toEqual(['5', expect.stringMatching(text)]);
    expect(house.records('password_changed')).toEqual([]);
    expect((await house.client(edge, account, FIXT).logon(account.password, SP2)).type).toBe('A');
  });

  test('without the password, or of who is suspended, changes nothing', async () => {
    const account = await house.user('alice');
    expect((await change(account, NEW, [], 'a guess')).get(1409)).toBe('5');
    await changeStatus(house.admin, ACTOR, 'suspend', account);
    expect((await change(account, NEW)).get(1409)).toBe('6');
    expect(house.records('password_changed')).toEqual([]);
  });

  test('is not taken where the gateway issues all passwords, nor of who signs', async () => {
    const account = await house.user('alice');
    const strict = await house.open({ env: { FIXGATE_EDGE_ID: 'test-2', FIXGATE_NEW_PASSWORD: 'refuse' } });
    const refused = await house.client(strict, account).logon(account.password, [[925, NEW]]);
    expect([refused.type, refused.get(58)]).toEqual(['5', expect.stringMatching(/issued by the gateway/)]);
    const { account: bob, by } = await hmacUser('bob');
    const signer = await house.client(edge, bob, FIXT).logon(by, [[925, NEW], ...SP2]);
    expect([signer.get(1409), signer.get(58)]).toEqual(['3', expect.stringMatching(/by a password/)]);
  });
});

describe('SessionStatus (1409)', () => {
  const logon = (account: Account, by: string = account.password) => house.client(edge, account, FIXT).logon(by, SP2);
  const status = async (answer: Promise<FixMessage>) => {
    const message = await answer;
    return [message.type, message.get(1409)];
  };

  test('of a refused Logon says which kind of refusal it is', async () => {
    const account = await house.user('alice');
    expect(await status(logon(account, 'a guess'))).toEqual(['5', '5']);
    await changeStatus(house.admin, ACTOR, 'suspend', account);
    expect(await status(logon(account))).toEqual(['5', '6']);
    await changeStatus(house.admin, ACTOR, 'revoke', account);
    expect(await status(logon(account))).toEqual(['5', '8']);
    const [soon, capped] = [Date.now() + 300, await house.user('bob', { max_sessions: 1 })];
    const brief = await house.user('carol', { expires_at: soon });
    await logon(capped);
    const second = house.client(edge, capped, { ...FIXT, sender_sub_id: 'other' });
    expect(await status(second.logon(capped.password, SP2))).toEqual(['5', '7']);
    await until('it has expired', () => Date.now() > soon);
    expect(await status(logon(brief))).toEqual(['5', '8']);
  });

  test('of an accepted one says that the password is in its grace, with a Text', async () => {
    const account = await house.user('alice');
    await regeneratePassword(house.admin, ACTOR, { sender_comp_id: account.sender_comp_id }, 3600);
    const answer = await logon(account);
    expect([answer.type, answer.get(1409), answer.get(58)]).toEqual(['A', '2', expect.stringMatching(/works until/)]);
  });

  test('of a Logout says why, or that it is complete', async () => {
    const account = await house.user('alice');
    const client = house.client(edge, account, FIXT);
    await client.logon(account.password, SP2);
    client.send('5');
    expect((await client.next(({ type }) => type === '5')).get(1409)).toBe('4');
    await client.closed();
    const next = async () => {
      const one = house.client(edge, account, FIXT);
      await one.logon(account.password, [[141, 'Y'], ...SP2]);
      return one;
    };
    const killed = await next();
    await killUser(house.admin, ACTOR, 'alice');
    expect((await killed.next(({ type }) => type === '5')).get(1409)).toBeUndefined();
    await killed.closed();
    const suspended = await next();
    await changeStatus(house.admin, ACTOR, 'suspend', account);
    expect((await suspended.next(({ type }) => type === '5')).get(1409)).toBe('6');
  });

  test('is said to refused Logons only, unless the profile asks for it', async () => {
    const plain = await house.open({ env: { FIXGATE_EDGE_ID: 'test-2' } });
    const account = await house.user('alice');
    await regeneratePassword(house.admin, ACTOR, { sender_comp_id: account.sender_comp_id }, 3600);
    const client = house.client(plain, account, FIXT);
    const answers = [await client.logon(account.password, SP2)];
    client.send('5');
    answers.push(await client.next(({ type }) => type === '5'));
    answers.push(await house.client(plain, account, FIXT).logon('a guess', SP2));
    expect(answers.map((one) => [one.type, one.get(1409)])).toEqual([
      ['A', undefined],
      ['5', undefined],
      ['5', '5'],
    ]);
    expect(answers.slice(0, 2).map((one) => one.get(58))).toEqual([undefined, undefined]);
  });

  test('is in no message of FIX.4.4', async () => {
    const account = await house.user('alice');
    const client = house.client(edge, account);
    const answers = [await client.logon(account.password)];
    client.send('5');
    answers.push(await client.next(({ type }) => type === '5'), await house.client(edge, account).logon('a guess'));
    expect(answers.map((one) => [one.type, one.get(1409)])).toEqual(['A', '5', '5'].map((type) => [type, undefined]));
  });
});
