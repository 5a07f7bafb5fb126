/** Who may log on, and what the others are told. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { addRule, removeOverride, setOverride, setRuleEnabled } from '../../core/policy/rules.ts';
import type { PolicyStore, SecretBox } from '../../core/ports.ts';
import type { LogonRefused, LogonRequest } from '../../core/sessions/api.ts';
import { passwordOf } from '../support/issued.ts';
import {
  type Account,
  ADMIN,
  attempt,
  connect,
  createTestWorld,
  type EdgeWorld,
  live,
  START,
  type TestWorld,
} from './sessions/world.ts';

let world: TestWorld;
let edge: EdgeWorld;
let account: Account;

beforeEach(async () => {
  world = await createTestWorld();
  edge = await world.edge('edge-1');
  account = await world.user('alice', { allowed_ips: ['192.0.2.0/24', '2001:db8::/32'] });
});

afterEach(async () => {
  await edge.gate.stop();
});

async function refusal(request: LogonRequest): Promise<LogonRefused> {
  const result = await edge.gate.validateLogon(request);
  if (result.result !== 'refused') throw new Error('accepted');
  return result;
}

describe('identity, proof and address', () => {
  test('a right password from an allowed address is accepted, with the limits of its tier', async () => {
    const result = await edge.gate.validateLogon(attempt(account, { username: account.sender_comp_id }));
    expect(result).toMatchObject({
      result: 'accepted',
      user: { user_id: 'alice' },
      limits: { orders_per_second: 20, messages_per_second: 100, burst: 40, assignment: 1 },
      max_sessions: 3,
      verifier_version: 1,
      warnings: [],
    });
    expect(await edge.gate.validateLogon(attempt(account, { address: '::ffff:192.0.2.7' }))).toMatchObject({
      result: 'accepted',
    });
    expect(await edge.gate.validateLogon(attempt(account, { target_comp_id: undefined }))).toMatchObject({
      result: 'accepted',
    });
  });

  test('every failure has one and the same class and text, and its true reason in the audit only', async () => {
    const requests: Record<string, LogonRequest> = {
      unknown_sender: attempt({ ...account, sender_comp_id: 'NOBODY' }),
      wrong_password: attempt(account, { password: `${account.password}x` }),
      wrong_target: attempt(account, { target_comp_id: 'OTHER' }),
      wrong_username: attempt(account, { username: 'bob' }),
      address_not_allowed: attempt(account, { address: '198.51.100.1' }),
    };
    const told = new Set<string>();
    for (const [reason, request] of Object.entries(requests)) {
      const refused = await refusal(request);
      expect(refused).toMatchObject({ class: 'unproved', reason });
      told.add(refused.text);
    }
    for (const sender_comp_id of ['', 'a b', 'x'.repeat(5000), '\ud800', '(nobody)']) {
      const refused = await refusal(attempt({ ...account, sender_comp_id }));
      expect(refused).toMatchObject({ class: 'unproved', reason: 'unknown_sender' });
      told.add(refused.text);
    }
    for (const address of ['', 'localhost', '192.0.2.10/24', '192.0.2.256']) {
      told.add((await refusal(attempt(account, { address }))).text);
    }
    expect(told.size).toBe(1);
    await edge.gate.stop();
    const records = await world.chain('edge:edge-1:1');
    const reasons = records.filter((one) => one.type === 'logon_refused').map((one) => one.reason);
    expect(new Set(reasons)).toEqual(new Set(Object.keys(requests)));
    expect(records.every((one) => !JSON.stringify(one).includes(account.password))).toBe(true);
    expect(records.every((one) => (one.sender_comp_id ?? '').length <= 64)).toBe(true);
  });

  test('a credential with certificates is used with one of them, and with the password still', async () => {
    const [first, second] = ['a1'.repeat(32), 'b2'.repeat(32)] as const;
    const pinned = await world.user('pinned', { certificate_fingerprints: [first, second] });
    for (const certificate of [first, second])
      expect(await edge.gate.validateLogon(attempt(pinned, { certificate }))).toMatchObject({ result: 'accepted' });
    for (const certificate of [undefined, '', 'c3'.repeat(32)])
      expect(await refusal(attempt(pinned, { certificate }))).toMatchObject({
        class: 'unproved',
        reason: 'wrong_certificate',
        text: (await refusal(attempt({ ...account, sender_comp_id: 'NOBODY' }))).text,
      });
    expect(await refusal(attempt(pinned, { certificate: first, password: 'x' }))).toMatchObject({
      reason: 'wrong_password',
    });
    expect(await edge.gate.validateLogon(attempt(account, { certificate: first }))).toMatchObject({
      result: 'accepted',
    });
  });

  test('an unknown name opens as many verifiers as a wrong password does', async () => {
    let opened = 0;
    const { seal, open } = world.admin.box;
    const box: SecretBox = {
      seal,
      open: (sealed, context) => {
        opened += 1;
        return open(sealed, context);
      },
    };
    Object.assign(world.admin, { box });
    const other = await world.edge('edge-2');
    await other.gate.validateLogon(attempt(account, { password: 'wrong' }));
    const wrong = opened;
    await other.gate.validateLogon(attempt({ ...account, sender_comp_id: 'NOBODY' }));
    expect(opened - wrong).toBe(wrong);
    expect(wrong).toBeGreaterThan(0);
    await other.gate.stop();
  });
});

describe('who has proved itself is told why', () => {
  test('suspended and revoked', async () => {
    await changeStatus(world.admin, ADMIN, 'suspend', { user_id: 'alice' });
    expect(await refusal(attempt(account))).toMatchObject({
      class: 'proven',
      reason: 'suspended',
      text: expect.stringContaining('suspended'),
    });
    expect(await refusal(attempt(account, { password: 'wrong' }))).toMatchObject({ class: 'unproved' });
    await changeStatus(world.admin, ADMIN, 'reactivate', { user_id: 'alice' });
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
    await changeStatus(world.admin, ADMIN, 'revoke', { user_id: 'alice' });
    expect(await refusal(attempt(account))).toMatchObject({ class: 'proven', reason: 'revoked' });
  });

  test('expired, which is written to the account once', async () => {
    const soon = await world.user('carol', { expires_at: START + 60_000 });
    const before = await edge.gate.validateLogon(attempt(soon));
    expect(before).toMatchObject({
      result: 'accepted',
      warnings: [expect.stringContaining('expires at 2026-01-05T12:01:00.000Z')],
    });
    await world.time.advance(60_000);
    expect(await refusal(attempt(soon))).toMatchObject({ class: 'proven', reason: 'expired' });
    await refusal(attempt(soon));
    await world.time.advance(100);
    const records = await world.chain('user:carol');
    expect(records.filter((one) => one.type === 'expire')).toHaveLength(1);
  });

  test('not eligible: by which rule, as soon as the rule is there; overrides count', async () => {
    await addRule(world.admin, ADMIN, {
      id: 'pro',
      name: 'Professionals',
      type: 'group_membership',
      parameters: { groups: ['pro'], match: 'any' },
      message: 'Only for professionals.',
      enabled: true,
    });
    expect(await refusal(attempt(account))).toMatchObject({
      class: 'proven',
      reason: 'not_eligible',
      text: expect.stringContaining('pro: Only for professionals.'),
    });
    await setRuleEnabled(world.admin, ADMIN, 'pro', false);
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
    // An override can be stricter than its rule.
    await setOverride(world.admin, ADMIN, {
      user_id: 'alice',
      rule_id: 'min_balance',
      exempt: false,
      threshold: 9000,
      reason: 'a big one',
    });
    expect(await refusal(attempt(account))).toMatchObject({ reason: 'not_eligible' });
  });

  test('overrides are read once while the policy stays, and anew with its next version, whichever way it goes', async () => {
    const decide = async (threshold: number | undefined): Promise<void> => {
      const about = { user_id: 'alice', rule_id: 'min_balance' };
      if (threshold === undefined) await removeOverride(world.admin, ADMIN, about.user_id, about.rule_id);
      else await setOverride(world.admin, ADMIN, { ...about, exempt: false, threshold, reason: 'told so' });
    };
    let reads = 0;
    const policy = world.admin.policy as { overrides: PolicyStore['overrides'] };
    const { overrides } = policy;
    policy.overrides = (userId) => {
      reads += 1;
      return overrides(userId);
    };
    try {
      for (const [threshold, result] of [
        [undefined, 'accepted'],
        [9000, 'refused'],
        [1, 'accepted'],
        [9000, 'refused'],
        [undefined, 'accepted'],
      ] as const) {
        if (reads > 0) await decide(threshold);
        const before = reads;
        for (let again = 0; again < 3; again++)
          expect((await edge.gate.validateLogon(attempt(account))).result).toBe(result);
        expect(reads - before).toBe(1);
      }
    } finally {
      policy.overrides = overrides;
    }
  });

  test('a store that is away is no word about the name', async () => {
    edge.link.state = 'away';
    const known = await refusal(attempt(account));
    const unknown = await refusal(attempt({ ...account, sender_comp_id: 'NOBODY' }));
    expect(known).toEqual(unknown);
    expect(known).toMatchObject({ reason: 'unavailable', text: expect.stringContaining('temporarily unavailable') });
    edge.link.state = 'here';
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
  });
});

describe('passwords', () => {
  test('in the grace both work; the first session by the new one retires the old one', async () => {
    const target = { sender_comp_id: account.sender_comp_id };
    const { issued } = await regeneratePassword(world.admin, ADMIN, target, 3600);
    const renewed = { ...account, password: passwordOf(issued) };
    const old = await edge.gate.validateLogon(attempt(account));
    expect(old).toMatchObject({
      result: 'accepted',
      verifier_version: 1,
      warnings: [expect.stringContaining('a newer one was issued')],
    });
    // Proving it is not yet logging on.
    expect(await edge.gate.validateLogon(attempt(renewed))).toMatchObject({ result: 'accepted', verifier_version: 2 });
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
    await live(edge, renewed);
    expect(await refusal(attempt(account))).toMatchObject({ class: 'unproved', reason: 'wrong_password' });
  });

  test('the first logon is noted on the credential', async () => {
    await live(edge, account);
    expect(world.world.credentials.get(account.sender_comp_id)?.first_logon_at).toBe(world.time.now());
  });
});

describe('bad logons', () => {
  const wrong = () => attempt(account, { password: 'wrong' });

  test('fifteen in 30 s, then refused unseen for 30 s, with the same text', async () => {
    const first = await refusal(wrong());
    for (let i = 1; i < 15; i++) expect((await refusal(wrong())).reason).toBe('wrong_password');
    const refused = await refusal(attempt(account));
    expect(refused).toEqual({ ...first, reason: 'too_many_bad_logons' });
    await world.time.advance(29_999);
    expect((await refusal(attempt(account))).reason).toBe('too_many_bad_logons');
    await world.time.advance(1);
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
  });

  test('a pair that has logged on before is always verified', async () => {
    await edge.gate.validateLogon(attempt(account));
    for (let i = 0; i < 40; i++) await refusal(wrong());
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
    expect(edge.alarms).toEqual([account.sender_comp_id]);
  });

  test('refusals for other reasons do not count', async () => {
    for (let i = 0; i < 20; i++) await refusal(attempt(account, { target_comp_id: 'OTHER' }));
    expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({ result: 'accepted' });
  });

  test('hostile names fill neither the audit table nor an unbounded figure', async () => {
    for (let i = 0; i < 400; i++)
      await refusal(attempt({ ...account, sender_comp_id: `X${i}` }, { address: `203.0.113.${i % 250}` }));
    await world.time.advance(61_000);
    const refusals = (await world.chain('edge:edge-1:1')).filter((one) => one.type === 'logon_refused');
    expect(refusals.length).toBeLessThanOrEqual(125);
    const counted = refusals.reduce((sum, one) => sum + Number(one.details.count ?? 1), 0);
    expect(counted).toBe(400);
    expect(edge.gate.figures().logons_refused).toEqual({ unknown_sender: 400 });
  });
});

test('nobody logs on to a gate that drains', async () => {
  edge.gate.drain();
  expect((await connect(edge, account)).result).toMatchObject({ result: 'refused', reason: 'draining' });
});
