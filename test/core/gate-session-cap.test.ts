/** A maximum of sessions that is lowered while they are there: what is too many ends, on whichever edge it is. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { assignTier } from '../../core/policy/assignment.ts';
import { putTier } from '../../core/policy/tiers.ts';
import {
  type Account,
  ADMIN,
  attempt,
  createTestWorld,
  type EdgeWorld,
  keyOf,
  live,
  type TestWorld,
} from './sessions/world.ts';

let world: TestWorld;
let one: EdgeWorld;
let two: EdgeWorld;
let account: Account;

beforeEach(async () => {
  world = await createTestWorld();
  one = await world.edge('edge-1');
  two = await world.edge('edge-2');
  account = await world.user('alice');
});
afterEach(async () => {
  for (const edge of [one, two]) edge.link.state = 'here';
  await Promise.all([one.gate.stop(), two.gate.stop()]);
});

/** Three, one after the other, as many as tier `standard` allows. */
async function three() {
  const begun = [];
  for (const [n, edge] of [one, two, one].entries()) {
    begun.push(await live(edge, account, `S${n}`));
    await world.time.advance(10);
  }
  return begun;
}
const TOO_MANY = { cause: 'session_limit', text: 'No more than 1 sessions are allowed now' };
const standard = (max_sessions: number) => {
  return { name: 'standard', orders_per_second: 20, messages_per_second: 100, max_sessions, burst: 40 };
};

test('by another tier: the oldest stays, within half a second, and slots are free', async () => {
  const [oldest, ...more] = await three();
  await assignTier(world.admin, ADMIN, 'alice', 'basic');
  await world.time.advance(500);
  expect(oldest!.ended).toEqual([]);
  expect(more.map(({ ended }) => ended)).toEqual([[TOO_MANY], [TOO_MANY]]);
  expect(await one.gate.userSessions('alice')).toEqual([oldest!.session.session]);
});

test('by another definition of its tier: as many stay as are allowed', async () => {
  const [first, second, third] = await three();
  await putTier(world.admin, ADMIN, standard(2));
  await world.time.advance(900);
  expect([first!.ended, second!.ended]).toEqual([[], []]);
  expect(third!.ended).toMatchObject([{ cause: 'session_limit', text: expect.stringContaining('2 sessions') }]);
  // Raised again, nobody is missing; lowered once more, the next one goes.
  await putTier(world.admin, ADMIN, standard(5));
  await world.time.advance(900);
  await putTier(world.admin, ADMIN, standard(1));
  await world.time.advance(900);
  expect(first!.ended).toEqual([]);
  expect(second!.ended).toMatchObject([TOO_MANY]);
});

test('nobody goes where there is room', async () => {
  const first = await live(one, account);
  await assignTier(world.admin, ADMIN, 'alice', 'basic');
  await world.time.advance(900);
  expect(first.ended).toEqual([]);
});

test('a Logon that was judged before is one too many as soon as it is in', async () => {
  const first = await live(one, account);
  await world.time.advance(10);
  const logon = await two.gate.validateLogon(attempt(account));
  if (logon.result === 'refused') throw new Error('refused');
  await putTier(world.admin, ADMIN, standard(1));
  const ended: string[] = [];
  const request = { logon, key: keyOf(account, 'B'), onEnd: (cause: string) => void ended.push(cause) };
  expect(await two.gate.registerSession(request)).toMatchObject({ result: 'registered' });
  await world.time.advance(500);
  expect([first.ended, ended]).toEqual([[], ['session_limit']]);
});

test('while the store is away it is asked again', async () => {
  const [, second] = await three();
  await assignTier(world.admin, ADMIN, 'alice', 'basic');
  await world.time.advance(100);
  two.link.state = 'away';
  await world.time.advance(900);
  expect(second!.ended).toEqual([]);
  two.link.state = 'here';
  await world.time.advance(1500);
  expect(second!.ended).toEqual([TOO_MANY]);
});
