/** Shutting an edge by itself: nobody is served, with the store or without it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { REFUSED_STORE } from '../../core/limits/admission.ts';
import { MESSAGE } from '../../core/limits/kinds.ts';
import {
  type Account,
  attempt,
  connect,
  createTestWorld,
  type EdgeWorld,
  keyOf,
  live,
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
  edge.link.state = 'here';
  await edge.gate.stop();
});

const recorded = async () => (await world.chain('edge:edge-1:1')).map(({ type, reason }) => [type, reason]);

test('ends every session with the reason and refuses logons, while the store is away too', async () => {
  const { session, ended } = await live(edge, account);
  edge.link.state = 'away';
  edge.gate.shut('exchange asked us to stop');
  expect(ended).toEqual([]);
  await world.time.advance(2000);
  expect(ended).toEqual([{ cause: 'locked', text: 'Locked: exchange asked us to stop' }]);
  expect(session.live).toBe(false);
  expect(session.admit(MESSAGE, world.time.now())).toBe(REFUSED_STORE);
  // Who has not proved itself hears no reason.
  expect(await edge.gate.validateLogon(attempt(account))).toMatchObject({
    result: 'refused',
    reason: 'locked',
    text: 'Gateway is closed, try again later',
  });
  edge.link.state = 'here';
  await world.time.advance(3000);
  expect(await recorded()).toEqual(expect.arrayContaining([['edge_shut', 'exchange asked us to stop']]));
  edge.gate.shut(undefined);
  expect((await connect(edge, account)).result).toMatchObject({ result: 'registered' });
  await world.time.advance(2000);
  expect(await recorded()).toEqual(expect.arrayContaining([['edge_opened', undefined]]));
});

test('a logon on its way does not get in', async () => {
  const logon = await edge.gate.validateLogon(attempt(account));
  if (logon.result !== 'accepted') throw new Error('not accepted');
  const registering = edge.gate.registerSession({ logon, key: keyOf(account), onEnd() {} });
  edge.gate.shut('stop');
  expect(await registering).toMatchObject({ result: 'refused', reason: 'locked' });
  expect([...edge.gate.sessions()]).toEqual([]);
  await world.time.advance(1000);
  expect(await edge.gate.userSessions('alice')).toEqual([]);
});
