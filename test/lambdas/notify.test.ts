// POST sessions/notify: which edges are told, what is on record, what the reply says of those that answer.
import { beforeEach, expect, test } from '@jest/globals';
import { RECEIPTS_WITHIN_MS } from '../../core/sessions/bounds.ts';
import type { EdgeCommand, EdgeIdentity } from '../../core/sessions/model.ts';
import { type Answer, Api, START } from './support.ts';

let api: Api;
let edges: EdgeIdentity[];
let sender: string;
let other: string;

beforeEach(async () => {
  api = await Api.create();
  edges = [];
  for (const id of ['e1', 'e2', 'e3']) edges.push(await api.stores.edges.register(id, '0', START));
  await api.stores.edges.declareDead(edges[2]!, 0);
  sender = (await api.provision('u1', { rate_limit_tier: 'premium' })).body.credentials.sender_comp_id;
  other = (await api.provision('u1', { rate_limit_tier: 'premium', additional_credential: true })).body.credentials
    .sender_comp_id;
  await api.session(edges[1]!, sender, 1);
});

const code = (answer: Answer) => [answer.status, answer.body.error?.code];

async function commands(edge: string): Promise<readonly EdgeCommand[]> {
  return api.stores.edges.commands(edge, '');
}

/** Each edge answers the first time somebody waits. */
function answering(told: Record<string, [told: number, not_told: number]>): void {
  api.meanwhile = async () => {
    for (const [edge_id, [told_, not_told]] of Object.entries(told)) {
      for (const command of await commands(edge_id)) {
        if (command.type !== 'announce') continue;
        const { notice_id } = command.notice;
        await api.stores.edges.tellReceipt({ notice_id, edge_id, told: told_, not_told }, START);
      }
    }
  };
}

test('all: every edge that is up, and the sum of what they say', async () => {
  answering({ e1: [0, 0], e2: [1, 2] });
  const { status, body } = await api.call('notifySessions', {
    text: 'Down at 18:00\nBack at 18:10',
    headline: 'Upgrade',
    urgency: 'flash',
    all: true,
    reason: 'release',
  });
  expect(status).toBe(200);
  expect(body).toEqual({
    success: true,
    notice_id: expect.any(String),
    told: 1,
    not_told: 2,
    edges: [
      { edge_id: 'e1', told: 0, not_told: 0 },
      { edge_id: 'e2', told: 1, not_told: 2 },
    ],
    silent: [],
  });
  const lines = ['Down at 18:00', 'Back at 18:10'];
  const notice = { notice_id: body.notice_id, headline: 'Upgrade', lines, urgency: 'flash', at: START };
  for (const edge of ['e1', 'e2'])
    expect(await commands(edge)).toMatchObject([{ type: 'announce', notice, to: { all: true } }]);
  expect(await commands('e3')).toEqual([]);
  const { records } = (await api.call('audit', { type: 'session_notify' })).body;
  expect(records).toMatchObject([
    {
      outcome: 'done',
      reason: 'release',
      details: { to: { all: true }, headline: 'Upgrade', lines, edges: ['e1', 'e2'] },
    },
  ]);
});

test.each([
  ['a user', () => ({ user_id: 'u1' }), ['e2']],
  ['a SenderCompID', () => ({ sender_comp_id: sender }), ['e2']],
  ['a SenderCompID that is away', () => ({ sender_comp_id: other }), []],
  ['a tier', () => ({ tier: 'premium' }), ['e1', 'e2']],
])('%s: only edges that can have its sessions', async (_what, target, expected) => {
  answering({ e1: [0, 0], e2: [1, 0] });
  const { body } = await api.call('notifySessions', { text: 'hello', ...target() });
  expect(body.edges.map((one: { edge_id: string }) => one.edge_id)).toEqual(expected);
  const holders = [];
  for (const edge of ['e1', 'e2']) if ((await commands(edge)).length > 0) holders.push(edge);
  expect(holders).toEqual(expected);
});

test('an edge that does not answer is named, after a second and a half', async () => {
  let waited = 0;
  api.meanwhile = (ms) => {
    waited += ms;
  };
  const { body } = await api.call('notifySessions', { text: 'hello', all: true });
  expect(body).toMatchObject({ told: 0, not_told: 0, edges: [], silent: ['e1', 'e2'] });
  expect(waited).toBe(RECEIPTS_WITHIN_MS);
});

test.each([
  ['an unknown user', { user_id: 'nobody' }, 404, 'user_not_found'],
  ['an unknown credential', { sender_comp_id: 'NOBODY' }, 404, 'credential_not_found'],
  ['an unknown tier', { tier: 'gold' }, 404, 'tier_not_found'],
  ['two targets', { user_id: 'u1', all: true }, 400, 'invalid_request'],
  ['no target', {}, 400, 'invalid_request'],
  ['all: false', { all: false }, 400, 'invalid_request'],
  ['an SOH', { all: true, text: 'a\u000158=b' }, 400, 'invalid_request'],
  ['other than ASCII', { all: true, text: 'Grüße' }, 400, 'invalid_request'],
  ['an empty line', { all: true, text: 'a\n\nb' }, 400, 'invalid_request'],
  ['eleven lines', { all: true, text: Array(11).fill('x').join('\n') }, 400, 'invalid_request'],
  ['too long a text', { all: true, text: 'x'.repeat(1001) }, 400, 'invalid_request'],
  ['a headline of two lines', { all: true, headline: 'a\nb' }, 400, 'invalid_request'],
])('%s is refused and recorded, and no edge is told', async (_what, input, status, expected) => {
  expect(code(await api.call('notifySessions', { text: 'hello', ...input }))).toEqual([status, expected]);
  const { records } = (await api.call('audit', { type: 'session_notify' })).body;
  expect(records).toMatchObject([{ outcome: 'refused', details: { code: expected } }]);
  for (const edge of ['e1', 'e2']) expect(await commands(edge)).toEqual([]);
});
