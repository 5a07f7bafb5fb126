// Sequence numbers as admins see and set them: the edge that has the journal is told, and nothing is told of a live session.
import { beforeEach, expect, test } from '@jest/globals';
import type { FixSessionKey } from '../../core/sessions/model.ts';
import { Api, START } from './support.ts';

let api: Api;
let sender_comp_id: string;
const key = (sender_sub_id = ''): FixSessionKey => ({
  begin_string: 'FIX.4.4',
  sender_comp_id,
  sender_sub_id,
  target_comp_id: 'GATEWAY',
});
const tell = (sender_sub_id = '') =>
  api.stores.edges.tellNumbers([{ key: key(sender_sub_id), edge_id: 'e-1', next_in: 41, next_out: 52, at: START }]);
const commands = async () => (await api.stores.edges.commands('e-1', '')).map(({ id: _i, at: _a, ...rest }) => rest);
const code = (answer: { status: number; body: { error?: { code: string } } }) => [
  answer.status,
  answer.body.error?.code,
];

beforeEach(async () => {
  api = await Api.create();
  sender_comp_id = (await api.provision('u1')).body.credentials.sender_comp_id;
  await api.stores.edges.register('e-1', '1', START);
});

test('are shown as the edge told them', async () => {
  expect((await api.call('sequence', { sender_comp_id })).body.sequences).toEqual([]);
  await tell();
  await tell('desk');
  const { body } = await api.call('sequence', { sender_comp_id, sender_sub_id: 'desk' });
  expect(body.sequences).toEqual([
    { ...key('desk'), next_in: 41, next_out: 52, at: new Date(START).toISOString(), edge_id: 'e-1', live: false },
  ]);
  const first = (await api.call('sequence', { sender_comp_id, limit: '1' })).body;
  expect(first.sequences).toMatchObject([{ sender_sub_id: '' }]);
  const second = (await api.call('sequence', { sender_comp_id, limit: '1', cursor: first.cursor })).body;
  expect(second.sequences).toMatchObject([{ sender_sub_id: 'desk' }]);
  expect(code(await api.call('sequence', { sender_comp_id: 'NOBODY' }))).toEqual([404, 'credential_not_found']);
});

test('are set and reset by a command to that edge, on the record', async () => {
  await tell();
  const answer = await api.call('setSequence', { sender_comp_id, next_out: 60, reason: 'they lost some' });
  // No edge is running here that would answer.
  expect([answer.status, answer.body.sequence.next_out, answer.body.pending]).toEqual([200, 52, true]);
  expect((await api.call('resetSequence', { sender_comp_id })).status).toBe(200);
  expect(await commands()).toEqual([
    { type: 'set_numbers', key: key(), next_out: 60, reset: false },
    { type: 'set_numbers', key: key(), next_in: 1, next_out: 1, reset: true },
  ]);
  const { records } = (await api.call('audit', { user_id: 'u1' })).body;
  expect(records.slice(0, 2)).toMatchObject([
    { type: 'sequence_reset', outcome: 'done', sender_comp_id },
    {
      type: 'sequence_set',
      reason: 'they lost some',
      details: { from: { next_in: 41, next_out: 52 }, to: { next_out: 60 }, edge_id: 'e-1' },
    },
  ]);
});

test('the answer is what the edge tells after the change, not what it happens to tell before', async () => {
  await tell();
  const later = (next_in: number, at: number) =>
    api.stores.edges.tellNumbers([{ key: key(), edge_id: 'e-1', next_in, next_out: 52, at }]);
  let looks = 0;
  api.meanwhile = async () => {
    looks += 1;
    if (looks === 1) await later(42, START + 1);
    if (looks === 3) await later(60, START + 2);
  };
  const { body } = await api.call('setSequence', { sender_comp_id, next_in: 60 });
  expect([body.sequence.next_in, body.sequence.next_out, body.pending, looks]).toEqual([60, 52, false, 3]);
});

test('are refused where there are none, several, a live session or no edge', async () => {
  expect(code(await api.call('setSequence', { sender_comp_id, next_in: 1 }))).toEqual([404, 'numbers_not_found']);
  await tell();
  expect(code(await api.call('setSequence', { sender_comp_id }))).toEqual([400, 'invalid_request']);
  expect(code(await api.call('setSequence', { sender_comp_id, next_in: 0 }))).toEqual([400, 'invalid_request']);
  await tell('desk');
  expect(code(await api.call('resetSequence', { sender_comp_id }))).toEqual([400, 'invalid_request']);
  expect((await api.call('resetSequence', { sender_comp_id, sender_sub_id: 'desk' })).status).toBe(200);
  const [edge] = await api.stores.edges.list();
  const live = { session_id: 'e-1.1.1', user_id: 'u1', key: key(), edge_id: 'e-1', incarnation: 1 };
  const taken = await api.stores.slots.take({ ...live, address: '10.0.0.1', started_at: START, epoch: 1 }, 1);
  expect(taken.result).toBe('taken');
  const refused = await api.call('resetSequence', { sender_comp_id, sender_sub_id: '' });
  expect(code(refused)).toEqual([409, 'session_live']);
  expect((await api.call('sequence', { sender_comp_id, sender_sub_id: '' })).body.sequences).toMatchObject([
    { live: true },
  ]);
  await api.stores.edges.declareDead({ edge_id: 'e-1', incarnation: 1 }, edge?.heartbeat ?? -1);
  expect(code(await api.call('resetSequence', { sender_comp_id, sender_sub_id: '' }))).toEqual([
    409,
    'edge_not_running',
  ]);
  expect(await commands()).toHaveLength(1);
});
