/** A FIX session that begins anew at an edge which has not done with it: no two connections ever have it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { killSession } from '../../core/credentials/kill.ts';
import {
  type Account,
  ADMIN,
  attempt,
  connect,
  createTestWorld,
  type EdgeWorld,
  keyOf,
  live,
  settle,
  type TestWorld,
} from './sessions/world.ts';

let world: TestWorld;
let edge: EdgeWorld;
let account: Account;

beforeEach(async () => {
  world = await createTestWorld();
  edge = await world.edge('edge-1');
  account = await world.user('alice');
});

afterEach(async () => {
  await edge.gate.stop();
});

test('who was killed hears of it before its FIX session begins anew, also while the store says nothing of its slot', async () => {
  const { slots } = world.admin;
  const answers: (() => void)[] = [];
  const release: typeof slots.release = async (sessions) => {
    await slots.release(sessions);
    await new Promise<void>((resolve) => void answers.push(resolve));
  };
  const slow = await world.edge('edge-3', {}, { release });
  const first = await live(slow, account);
  await killSession(world.admin, ADMIN, first.session.session.session_id);
  await world.time.advance(260);
  // Its slot is free, and neither has the store said so nor is the time over that it has for that.
  expect(await edge.gate.userSessions('alice')).toEqual([]);
  expect(first.ended).toEqual([]);
  const second = await live(slow, account);
  expect(first.ended).toMatchObject([{ cause: 'killed' }]);
  for (const answer of answers) answer();
  await world.time.advance(1000);
  expect(first.ended).toHaveLength(1);
  expect(second.ended).toEqual([]);
  // The next one is told for itself, after its time.
  await killSession(world.admin, ADMIN, second.session.session.session_id);
  await world.time.advance(500);
  expect(second.ended).toMatchObject([{ cause: 'killed' }]);
  for (const answer of answers) answer();
  await slow.gate.stop();
});

test('who was taken over, and has not heard of it, is ended where the session begins anew', async () => {
  const other = await world.edge('edge.2');
  const first = await live(edge, account);
  const { result } = await connect(other, account, '', first.session.session.session_id);
  expect(result).toMatchObject({ result: 'registered' });
  await other.gate.stop();
  expect(first.ended).toEqual([]);
  const again = await live(edge, account);
  expect(first.ended).toMatchObject([{ cause: 'superseded' }]);
  // What was told of the first one then ends nobody.
  await world.time.advance(1000);
  expect(again.ended).toEqual([]);
  expect([...edge.gate.sessions()]).toEqual([again.session]);
  expect(await edge.gate.userSessions('alice')).toEqual([again.session.session]);
});

test('a slot whose answer comes when the session was taken by another edge, and again here, begins nothing', async () => {
  const { slots } = world.admin;
  const late: (() => void)[] = [];
  const slow = await world.edge(
    'edge-3',
    {},
    {
      take: async (...args) => {
        const answer = await slots.take(...args);
        if (late.length === 0) await new Promise<void>((resolve) => void late.push(resolve));
        return answer;
      },
    },
  );
  const logon = await slow.gate.validateLogon(attempt(account));
  if (logon.result === 'refused') throw new Error('refused');
  const first = slow.gate.registerSession({ logon, key: keyOf(account), onEnd: () => undefined });
  await settle();
  const [taken] = await slow.gate.userSessions('alice');
  const other = await world.edge('edge.2');
  expect((await connect(other, account, '', taken?.session_id)).result).toMatchObject({ result: 'registered' });
  await other.gate.stop();
  const again = await live(slow, account);
  for (const answer of late) answer();
  expect(await first).toMatchObject({ result: 'refused', text: expect.stringContaining('took this session over') });
  await world.time.advance(1000);
  expect(again.ended).toEqual([]);
  expect(await slow.gate.userSessions('alice')).toEqual([again.session.session]);
  await slow.gate.stop();
});
