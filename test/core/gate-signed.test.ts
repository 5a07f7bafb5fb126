/** Signed Logons at the gate: the window, once over all edges, and who is locked out by copies of them. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { changeOwnPassword, NEW_PASSWORD_GRACE_MS } from '../../core/credentials/new-password.ts';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { utf8 } from '../../core/encoding.ts';
import type { LogonRequest, LogonResult } from '../../core/sessions/api.ts';
import { proofFields } from '../../local/fix-client.ts';
import { passwordOf } from '../support/issued.ts';
import {
  type Account,
  ADMIN,
  attempt,
  createTestWorld,
  type EdgeWorld,
  live,
  START,
  type TestWorld,
} from './sessions/world.ts';

let world: TestWorld;
let edge: EdgeWorld;
let other: EdgeWorld;
let account: Account;

beforeEach(async () => {
  world = await createTestWorld();
  edge = await world.edge('edge-1');
  other = await world.edge('edge-2');
  account = await world.user('alice', { proof: { type: 'hmac_sha256' }, allowed_ips: ['192.0.2.0/24'] });
});

afterEach(async () => {
  await edge.gate.stop();
  await other.gate.stop();
});

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** A signed Logon: said at `sent_at`, heard at `received_at`. */
function signed(of: Account, sent_at: number, received_at = world.time.now(), address = '192.0.2.10'): LogonRequest {
  const at = String(sent_at);
  const said = { sender: of.sender_comp_id, target: 'GATEWAY', number: 1, at };
  const raw = proofFields({ type: 'hmac_sha256', secret: of.secret ?? '' }, said).find(([tag]) => tag === 96)?.[1];
  return attempt(of, {
    address,
    proof: {
      kind: 'raw_data',
      raw_data: bytes(String(raw)),
      password: bytes(String(raw)),
      signed: {
        msg_type: bytes('A'),
        msg_seq_num: bytes('1'),
        sender_comp_id: bytes(said.sender),
        target_comp_id: bytes(said.target),
        sending_time: bytes(at),
      },
      sent_at,
      received_at,
    },
  });
}

const outcome = (result: LogonResult) => (result.result === 'accepted' ? 'accepted' : result.reason);
const try1 = async (request: LogonRequest, at = edge) => outcome(await at.gate.validateLogon(request));

describe('a signed Logon', () => {
  test('is accepted once, on whichever edge it is said again', async () => {
    const request = signed(account, START);
    expect(await try1(request)).toBe('accepted');
    expect([await try1(request), await try1(request, other)]).toEqual(['replayed', 'replayed']);
    expect(await try1(signed(account, START + 1), other)).toBe('accepted');
    const wrong = await edge.gate.validateLogon(attempt(account, { password: 'x' }));
    const replayed = await edge.gate.validateLogon(request);
    if (wrong.result !== 'refused' || replayed.result !== 'refused') throw new Error('accepted');
    expect([replayed.class, replayed.text]).toEqual(['unproved', wrong.text]);
  });

  test('said by two edges at the same moment is accepted by one', async () => {
    const request = signed(account, START);
    const answers = await Promise.all([try1(request), try1(request, other), try1(request), try1(request, other)]);
    expect(answers.sort()).toEqual(['accepted', 'replayed', 'replayed', 'replayed']);
  });

  test('counts within the window about its SendingTime, both ends included', async () => {
    const now = START;
    for (const off of [0, -5000, 5000]) expect(await try1(signed(account, now + off))).toBe('accepted');
    for (const off of [-5001, 5001]) expect(await try1(signed(account, now + off))).toBe('outside_window');
    const late = await edge.gate.validateLogon(signed(account, now - 7300));
    expect(late).toMatchObject({
      class: 'unproved',
      text: expect.stringContaining("7300 ms behind the gateway's clock"),
    });
    const wide = await world.edge('edge-3', { logon_window_ms: 60_000 });
    expect(await try1(signed(account, now - 60_000), wide)).toBe('accepted');
    await wide.gate.stop();
  });

  test('with a wrong signature is told nothing of the window', async () => {
    const wrong = await edge.gate.validateLogon(signed({ ...account, secret: 'another' }, START - 60_000));
    expect(wrong).toMatchObject({ reason: 'wrong_signature', text: expect.not.stringContaining('clock') });
  });

  test('from an address that is not allowed does not use up the client’s own', async () => {
    const request = signed(account, START);
    const copy = { ...request, address: '198.51.100.9' };
    expect([await try1(copy), await try1(request)]).toEqual(['address_not_allowed', 'accepted']);
  });

  test('is not remembered when it proves nothing', async () => {
    const stores = world.world.signedLogons;
    await try1(signed({ ...account, secret: 'another' }, START));
    await try1(signed(account, START - 60_000));
    expect(stores.size).toBe(0);
    await try1(signed(account, START));
    expect(stores.size).toBe(1);
  });

  test('tells a copy nothing of the account: not even that it is suspended', async () => {
    const request = signed(account, START);
    await changeStatus(world.admin, ADMIN, 'suspend', { user_id: 'alice' });
    expect([await try1(request), await try1(request)]).toEqual(['suspended', 'replayed']);
  });

  test('is refused while the store is away, and accepted when it is back', async () => {
    edge.link.state = 'away';
    const request = signed(account, START);
    expect(await try1(request)).toBe('unavailable');
    edge.link.state = 'here';
    expect(await try1(request)).toBe('accepted');
  });
});

test('copies lock out whoever sends them, not the client', async () => {
  const copy = signed(account, START);
  expect(await try1(copy)).toBe('accepted');
  // The same address as the client's: it has logged on from there, so it is always verified.
  for (let i = 0; i < 40; i++) expect(await try1(copy)).toBe('replayed');
  expect(await try1(signed(account, START + 1))).toBe('accepted');
  // Elsewhere they count as bad logons do.
  const elsewhere = { ...copy, address: '192.0.2.77' };
  for (let i = 0; i < 15; i++) expect(await try1(elsewhere)).toBe('replayed');
  expect(await try1(elsewhere)).toBe('too_many_bad_logons');
  expect(await try1(signed(account, START + 2))).toBe('accepted');
});

test('a new secret has a grace as a password has; its warning says so', async () => {
  const { sender_comp_id } = account;
  const { issued } = await regeneratePassword(world.admin, ADMIN, { sender_comp_id }, 3600);
  if (issued.proof !== 'hmac_sha256') throw new Error(issued.proof);
  const renewed = { ...account, secret: issued.secret.reveal() };
  const old = await edge.gate.validateLogon(signed(account, START));
  expect(old).toMatchObject({ verifier_version: 1, warnings: [expect.stringContaining('This secret works until')] });
  expect(await edge.gate.validateLogon(signed(renewed, START + 1))).toMatchObject({
    verifier_version: 2,
    warnings: [],
  });
  await world.time.advance(3_600_000);
  expect(await try1(signed(account, world.time.now()))).toBe('wrong_signature');
});

describe('a client’s own new password', () => {
  const NEW = 'correct-horse.battery-staple/42?!';
  const by = (session_id: string) => ({ actor: { principal: 'edge:edge-1', source_ip: '192.0.2.10' }, session_id });

  async function accepted(of: Account) {
    const logon = await edge.gate.validateLogon(attempt(of));
    if (logon.result === 'refused') throw new Error(logon.reason);
    return logon;
  }

  test('works at once, is on record, and leaves the old one a grace', async () => {
    const bob = await world.user('bob');
    const logon = await accepted(bob);
    const { session } = await live(edge, bob);
    expect(await edge.gate.changePassword(session, logon, utf8(NEW))).toEqual({ result: 'changed' });
    expect((await world.chain('user:bob')).at(-1)).toMatchObject({
      type: 'password_changed',
      outcome: 'done',
      actor: { principal: 'edge:edge-1', source_ip: '192.0.2.10' },
      sender_comp_id: bob.sender_comp_id,
      session_id: session.session.session_id,
      details: { verifier_version: 2, grace_seconds: 300 },
    });
    expect(JSON.stringify(await world.chain('user:bob'))).not.toContain(NEW);
    expect((await accepted({ ...bob, password: NEW })).warnings).toEqual([]);
    expect((await accepted(bob)).warnings).toEqual([expect.stringContaining('a newer one was issued')]);
    await world.time.advance(NEW_PASSWORD_GRACE_MS);
    expect(await try1(attempt(bob))).toBe('wrong_password');
  });

  test('asked for again, because the answer was lost, is the same; another one by the old password is not taken', async () => {
    const bob = await world.user('bob');
    const logon = await accepted(bob);
    const change = (to: string) => changeOwnPassword(world.admin, by('edge-1.1.1'), logon, utf8(to));
    expect(await change(NEW)).toEqual({ result: 'changed' });
    expect(await change(NEW)).toEqual({ result: 'unchanged' });
    expect(await change(`${NEW}-other`)).toMatchObject({
      result: 'refused',
      text: expect.stringContaining('in its grace'),
    });
    expect((await world.chain('user:bob')).filter((one) => one.type === 'password_changed')).toHaveLength(1);
  });

  test.each([
    ['short', (_: Account) => 'x1Y2z3A4b5C6', 'must have 32 to 128 characters and has 12'],
    ['long', () => 'abcdefghijklm'.repeat(10), 'must have 32 to 128 characters and has 130'],
    ['not printable', () => `${'abcdefghijklmnop'.repeat(2)}\u0001`, 'printable ASCII'],
    ['with a space', () => `${'abcdefghijklmnop'.repeat(2)} x`, 'printable ASCII'],
    ['monotonous', () => 'abc'.repeat(12), 'must have 12 different characters and has 3'],
    [
      'named after its owner',
      ({ sender_comp_id }) => `my-name-is-${sender_comp_id.toLowerCase()}-0123456789`,
      'must not contain',
    ],
    ['the old one', ({ password }) => password, 'must not be the password that there is'],
  ])('that is %s is not taken, saying why; nothing changes', async (_what, of, text) => {
    const bob = await world.user('bob');
    const logon = await accepted(bob);
    const refused = await changeOwnPassword(world.admin, by('edge-1.1.1'), logon, utf8(of(bob)));
    expect(refused).toMatchObject({ result: 'refused', reason: 'new_password', text: expect.stringContaining(text) });
    expect((await world.chain('user:bob')).map((one) => one.type)).toEqual(['provision']);
    await accepted(bob);
  });

  test('the one before the last may not come back either', async () => {
    const bob = await world.user('bob');
    const { sender_comp_id } = bob;
    const { issued } = await regeneratePassword(world.admin, ADMIN, { sender_comp_id }, 3600);
    const logon = await accepted({ ...bob, password: passwordOf(issued) });
    const refused = await changeOwnPassword(world.admin, by('edge-1.1.1'), logon, utf8(bob.password));
    expect(refused).toMatchObject({ result: 'refused', text: expect.stringContaining('the one before it') });
  });

  test('is not for who signs, and not made while the store is away', async () => {
    const logon = await edge.gate.validateLogon(signed(account, START));
    if (logon.result === 'refused') throw new Error(logon.reason);
    expect(await changeOwnPassword(world.admin, by('edge-1.1.1'), logon, utf8(NEW))).toMatchObject({
      result: 'refused',
      text: expect.stringContaining('by a password'),
    });
    const bob = await world.user('bob');
    const { session } = await live(edge, bob);
    const his = await accepted(bob);
    edge.link.state = 'away';
    expect(await edge.gate.changePassword(session, his, utf8(NEW))).toMatchObject({ reason: 'unavailable' });
    edge.link.state = 'here';
    expect(await edge.gate.changePassword(session, his, utf8(NEW))).toEqual({ result: 'changed' });
  });
});
