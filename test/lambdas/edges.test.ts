import { beforeEach, describe, expect, test } from '@jest/globals';
import { Api, START } from './support.ts';

let api: Api;
beforeEach(async () => {
  api = await Api.create();
  await api.stores.edges.register('e1', '1.0.0', START);
  await api.stores.edges.register('e2', '1.0.0', START);
});

const edge = { edge_id: 'e1', incarnation: 1 };
const at = new Date(START).toISOString();

describe('edges', () => {
  test('are listed with what they told last', async () => {
    const { figures } = (await api.stores.edges.list())[0]!;
    const vitals = { load: 0.25, clock: { offset_ms: -1.5, error_ms: 3 } };
    const told = { ...figures, sessions: 7, sessions_by_tier: { basic: 7 }, vitals };
    await api.stores.edges.heartbeat(edge, 9, 'draining', told, START);
    const { body } = await api.call('edges', { limit: '1' });
    expect(body.edges).toEqual([
      {
        edge_id: 'e1',
        incarnation: 1,
        state: 'draining',
        draining: true,
        software: '1.0.0',
        started_at: at,
        seen_at: at,
        sessions: 7,
        sessions_by_tier: { basic: 7 },
        sessions_peak: 0,
        logons: { accepted: 0, refused: {} },
        messages: 0,
        orders: 0,
        violations: 0,
        load: 0.25,
        clock: { offset_ms: -1.5, error_ms: 3 },
        version: 9,
      },
    ]);
    const rest = (await api.call('edges', { limit: '1', cursor: body.cursor })).body;
    expect(rest).toMatchObject({ edges: [{ edge_id: 'e2', draining: false, load: null, clock: null }] });
    expect(rest.cursor).toBeUndefined();
  });

  test('are drained by a command to the incarnation that is there, on the record', async () => {
    const { body } = await api.call('drainEdge', { edge_id: 'e1', reason: 'new kernel' });
    expect(body.edge).toMatchObject({ edge_id: 'e1', state: 'alive' });
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([
      { type: 'drain', incarnation: 1, reason: 'new kernel' },
    ]);
    const { records } = (await api.call('audit', { type: 'edge_drain' })).body;
    expect(records).toMatchObject([
      { chain: 'policy', outcome: 'done', reason: 'new kernel', details: { edge_id: 'e1', incarnation: 1 } },
    ]);
    // Nothing of the policy has changed for it.
    expect((await api.services.policy.read()).version).toBe(1);
  });

  test.each([
    ['that nobody knows', 'e9', 404, 'edge_not_found'],
    ['that has stopped', 'e2', 409, 'edge_not_running'],
  ])('%s cannot be drained', async (_title, edge_id, status, code) => {
    const { figures } = (await api.stores.edges.list())[0]!;
    await api.stores.edges.stop({ edge_id: 'e2', incarnation: 1 }, figures, START);
    const answer = await api.call('drainEdge', { edge_id });
    expect([answer.status, answer.body.error?.code]).toEqual([status, code]);
    const { records } = (await api.call('audit', { type: 'edge_drain' })).body;
    expect(records).toMatchObject([{ outcome: 'refused', details: { code } }]);
  });
});
