import { beforeEach, describe, expect, test } from '@jest/globals';
import { ADMIN, type Answer, Api, START } from './support.ts';

let api: Api;
let sender: string;
const edge = { edge_id: 'e1', incarnation: 1 };
beforeEach(async () => {
  api = await Api.create();
  sender = (await api.provision('u1')).body.credentials.sender_comp_id;
  await api.stores.edges.register('e1', '1.0.0', START);
});

const code = (answer: Answer) => [answer.status, answer.body.error?.code];
const LOCK = { reason: 'margin call', by: ADMIN, locked_at: new Date(START).toISOString(), cancel_orders: false };

describe('lock', () => {
  test('of a user ends its sessions, and stands at the user and in the list', async () => {
    const { session_id } = await api.session(edge, sender);
    const expires_at = new Date(START + 60_000).toISOString();
    const { body } = await api.call('lock', { user_id: 'u1', reason: 'margin call', expires_at });
    const lock = { ...LOCK, user_id: 'u1', expires_at, version: 2 };
    expect(body).toEqual({ success: true, lock, sessions: 1 });
    expect((await api.call('locks')).body.locks).toEqual([lock]);
    expect((await api.call('userCredentials', { user_id: 'u1' })).body.user.lock).toEqual(lock);
    const text = `Locked until ${expires_at}: margin call`;
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([
      { type: 'end_user', user_id: 'u1', below_epoch: 2, cause: 'locked', reason: text },
    ]);
    const { records } = (await api.call('audit', { type: 'lock' })).body;
    expect(records).toMatchObject([{ chain: 'user:u1', reason: 'margin call', details: { sessions: [session_id] } }]);
    expect((await api.call('unlock', { user_id: 'u1' })).body.lock).toEqual(lock);
    expect((await api.call('locks')).body.locks).toEqual([]);
  });

  test('of a tier and of everybody tell each edge, and count what edges said last', async () => {
    const { figures } = (await api.stores.edges.list())[0]!;
    const told = { ...figures, sessions: 7, sessions_by_tier: { basic: 4, premium: 3 } };
    await api.stores.edges.heartbeat(edge, 1, 'alive', told, START);
    const tier = await api.call('lock', { tier: 'basic', reason: 'margin call', cancel_orders: true });
    expect(tier.body).toEqual({
      success: true,
      lock: { ...LOCK, tier: 'basic', cancel_orders: true, version: 2 },
      sessions: 4,
      cancelling_edges: 1,
    });
    const all = await api.call('lock', { everybody: true, reason: 'margin call' });
    expect(all.body).toEqual({ success: true, lock: { ...LOCK, everybody: true, version: 3 }, sessions: 7 });
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([
      { type: 'policy_changed', version: 2 },
      { type: 'policy_changed', version: 3 },
    ]);
    const names = (await api.call('locks')).body.locks.map((one: { tier?: string }) => one.tier ?? 'everybody');
    expect(names).toEqual(['everybody', 'basic']);
  });

  test.each([
    ['nobody', { reason: 'r' }, 400, 'invalid_request'],
    ['two at once', { user_id: 'u1', everybody: true, reason: 'r' }, 400, 'invalid_request'],
    ['everybody: false', { everybody: false, reason: 'r' }, 400, 'invalid_request'],
    ['no reason', { user_id: 'u1' }, 400, 'invalid_request'],
    [
      'an expiry that has passed',
      { user_id: 'u1', reason: 'r', expires_at: '2026-01-01T00:00:00Z' },
      400,
      'invalid_request',
    ],
    ['an unknown user', { user_id: 'nobody', reason: 'r' }, 404, 'user_not_found'],
    ['an unknown tier', { tier: 'nothing', reason: 'r' }, 404, 'tier_not_found'],
    ['a version that is not', { everybody: true, reason: 'r', if_version: 9 }, 409, 'version_conflict'],
  ])('%s is refused and recorded', async (_title, input, status, expected) => {
    expect(code(await api.call('lock', input))).toEqual([status, expected]);
    const { records } = (await api.call('audit', { type: 'lock' })).body;
    expect(records).toMatchObject([{ outcome: 'refused', details: { code: expected } }]);
  });

  test('an expiry that is no time is told of once', async () => {
    const { body } = await api.call('lock', { user_id: 'u1', reason: 'r', expires_at: 'yesterday' });
    expect(body.error.details).toEqual([{ path: 'expires_at', message: 'Invalid ISO datetime' }]);
  });

  test.each([[{ user_id: 'u1' }], [{ tier: 'basic' }], [{ everybody: true }]])(
    'of %j cannot be lifted when there is none',
    async (target) => {
      expect(code(await api.call('unlock', target))).toEqual([404, 'lock_not_found']);
      const { records } = (await api.call('audit', { type: 'unlock' })).body;
      expect(records).toMatchObject([{ outcome: 'refused' }]);
    },
  );
});
