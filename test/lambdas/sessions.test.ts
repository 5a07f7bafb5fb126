import { beforeEach, describe, expect, test } from '@jest/globals';
import type { EdgeIdentity } from '../../core/sessions/model.ts';
import { type Answer, Api, START } from './support.ts';

let api: Api;
let edge: EdgeIdentity;
let sender: string;
beforeEach(async () => {
  api = await Api.create();
  edge = await api.stores.edges.register('e1', '0', START);
  sender = (await api.provision('u1', { rate_limit_tier: 'premium' })).body.credentials.sender_comp_id;
});

const code = (answer: Answer) => [answer.status, answer.body.error?.code];

describe('sessions', () => {
  test('are listed, of all users and of one, page by page', async () => {
    for (const n of [1, 2, 3]) await api.session(edge, sender, n);
    const first = (await api.call('sessions', { limit: '2' })).body;
    expect(first.sessions).toHaveLength(2);
    const rest = (await api.call('sessions', { limit: '2', cursor: first.cursor })).body;
    expect(rest.sessions).toHaveLength(1);
    expect(rest.cursor).toBeUndefined();
    const ids = [...first.sessions, ...rest.sessions].map((one) => one.session_id);
    expect(ids.sort()).toEqual(['e1.1.1', 'e1.1.2', 'e1.1.3']);
    expect((await api.call('userSessions', { user_id: 'u1' })).body.sessions[0]).toMatchObject({
      user_id: 'u1',
      sender_comp_id: sender,
      begin_string: 'FIX.4.4',
      edge_id: 'e1',
      address: '192.0.2.7',
    });
    expect(code(await api.call('userSessions', { user_id: 'nobody' }))).toEqual([404, 'user_not_found']);
  });

  test('a kill names one session, in one transaction with its record', async () => {
    const session = await api.session(edge, sender);
    const { body } = await api.call('killSessions', { session_id: session.session_id, reason: 'runaway algo' });
    expect(body.session_ids).toEqual([session.session_id]);
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([
      { type: 'end_session', session_id: session.session_id, cause: 'killed', reason: 'runaway algo' },
    ]);
    const { records } = (await api.call('audit', { type: 'session_kill' })).body;
    expect(records).toMatchObject([
      { user_id: 'u1', session_id: session.session_id, reason: 'runaway algo', outcome: 'done' },
    ]);
  });

  test('a kill of a user ends what is there and nothing that comes later', async () => {
    await api.session(edge, sender, 1);
    const { body } = await api.call('killSessions', { user_id: 'u1', reason: 'end of day' });
    expect(body.session_ids).toEqual(['e1.1.1']);
    const [command] = await api.stores.edges.commands('e1', '');
    const later = await api.session(edge, sender, 2);
    expect(command).toMatchObject({ type: 'end_user', below_epoch: later.epoch });
  });

  test.each([
    ['an unknown session', { session_id: 'e1.1.99', reason: 'r' }, 404, 'session_not_found'],
    ['an unknown user', { user_id: 'nobody', reason: 'r' }, 404, 'user_not_found'],
    ['both', { session_id: 'e1.1.1', user_id: 'u1', reason: 'r' }, 400, 'invalid_request'],
    ['no reason', { user_id: 'u1' }, 400, 'invalid_request'],
    ['a version that is not', { user_id: 'u1', reason: 'r', if_version: 9 }, 409, 'version_conflict'],
  ])('%s is refused and recorded', async (_title, input, status, expected) => {
    expect(code(await api.call('killSessions', input))).toEqual([status, expected]);
    const { records } = (await api.call('audit', { type: 'session_kill' })).body;
    expect(records).toMatchObject([{ outcome: 'refused', details: { code: expected } }]);
  });
});

describe('stats', () => {
  test('count users by status and tier, and sum the figures of edges', async () => {
    await api.provision('u2');
    await api.call('suspend', { user_id: 'u2', reason: 'r' });
    const figures = {
      sessions: 2,
      sessions_by_tier: { premium: 2 },
      sessions_peak: 3,
      logons_accepted: 4,
      logons_refused: { wrong_password: 5 },
      messages: 60,
      orders: 7,
      violations: 8,
    };
    await api.stores.edges.heartbeat(edge, 1, 'alive', figures, START);
    const { body } = await api.call('stats');
    expect(body).toMatchObject({
      users: { total: 2, by_status: { active: 1, suspended: 1 }, by_tier: { premium: 1, basic: 1 } },
      sessions: 2,
      sessions_peak: 3,
      logons: { accepted: 4, refused: { wrong_password: 5 } },
      messages: 60,
      orders: 7,
      violations: 8,
      edges: [{ edge_id: 'e1', state: 'alive', messages: 60 }],
    });
  });
});
