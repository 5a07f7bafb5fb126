/** The edge among other edges: its lease, its death, and the chain it writes. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { killUser } from '../../core/credentials/kill.ts';
import { ADMITTED, REFUSED_STORE, WAIT } from '../../core/limits/admission.ts';
import { CANCEL, ORDER } from '../../core/limits/kinds.ts';
import { NoFreeName } from '../../core/sessions/edge-name.ts';
import {
  type Account,
  ADMIN,
  attempt,
  connect,
  createTestWorld,
  type EdgeWorld,
  live,
  send,
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
  edge.link.state = 'here';
  await edge.gate.stop();
});

describe('the edge among edges', () => {
  test('its lease over: orders stop, cancels and sessions stay; it comes back by itself', async () => {
    const { session, ended } = await live(edge, account);
    expect(await send(world.time, session, ORDER)).toBe(ADMITTED);
    edge.link.state = 'away';
    await world.time.advance(6100);
    expect(edge.gate.mayPlaceOrders).toBe(false);
    expect(edge.orders).toEqual([false]);
    expect(session.admit(ORDER, world.time.now())).toBe(REFUSED_STORE);
    expect(await send(world.time, session, CANCEL)).toBe(ADMITTED);
    expect(ended).toEqual([]);
    edge.link.state = 'here';
    await world.time.advance(2000);
    expect(edge.gate.mayPlaceOrders).toBe(true);
    expect(edge.orders).toEqual([false, true]);
    expect(await send(world.time, session, ORDER)).toBe(ADMITTED);
    expect(session.figures.violations).toBe(0);
  });

  test('no order passes after the lease, however late timers are', async () => {
    const { session } = await live(edge, account);
    expect(await send(world.time, session, ORDER)).toBe(ADMITTED);
    world.time.jump(6000);
    expect(session.admit(ORDER, world.time.now())).toBe(REFUSED_STORE);
  });

  test('no order passes that was waiting for tokens when the lease ended', async () => {
    const { session } = await live(edge, account);
    // No heartbeat is answered, but the call for tokens is: they come in time, and the lease has just ended.
    edge.link.state = 'away';
    await world.time.advance(4600);
    edge.link.state = 'here';
    expect(session.admit(ORDER, world.time.now())).toBe(WAIT);
    const decided = new Promise<number>((resolve) => session.onGrant(ORDER, resolve));
    world.time.jump(1500);
    expect(await decided).toBe(REFUSED_STORE);
    expect(session.figures).toEqual({ messages: 1, orders: 0, violations: 0 });
  });

  test('a dead edge: another declares it so within 10 s, its slots are free; when it wakes it ends everything', async () => {
    const other = await world.edge('edge-2');
    const sessions = [await live(edge, account), await live(edge, account, 'A'), await live(edge, account, 'B')];
    await world.time.advance(1500);
    edge.link.state = 'away';
    expect((await connect(other, account, 'C')).result).toMatchObject({ reason: 'session_limit' });
    await world.time.advance(10_000);
    expect((await connect(other, account, 'C')).result).toMatchObject({ result: 'registered' });
    expect(sessions.every((one) => one.ended.length === 0)).toBe(true);
    edge.link.state = 'here';
    await world.time.advance(1100);
    expect(sessions.map((one) => one.ended)).toEqual(Array(3).fill([{ cause: 'fenced', text: expect.any(String) }]));
    expect(edge.fenced).toBe(1);
    expect(edge.gate.state).toBe('fenced');
    expect((await connect(edge, account, 'D')).result).toMatchObject({ reason: 'unavailable' });
    expect((await world.chain('edge:edge-1:1')).at(-1)).toMatchObject({ type: 'edge_stopped', reason: 'fenced' });
    await edge.gate.rejoin();
    expect(edge.gate.identity).toEqual({ edge_id: 'edge-1', incarnation: 2 });
    expect((await connect(edge, account, 'D')).result).toMatchObject({ result: 'registered' });
    await other.gate.stop();
  });

  test.each([
    ['begins again while nobody has its name', false],
    ['does not begin again under a name that another has taken', true],
  ])('an edge of a claimed name that was declared dead %s', async (_what, taken) => {
    const { edges } = world.admin;
    const identity = await edges.claim('pool-1', '1', world.time.now());
    const claimed = { identity: identity!, since: world.time.monotonic() };
    const pooled = await world.edge('pool-1', { claimed });
    expect(pooled.gate.identity).toEqual({ edge_id: 'pool-1', incarnation: 1 });
    await world.time.advance(1500);
    expect(await edges.declareDead(identity!, 1)).toBe(true);
    if (taken) expect(await edges.claim('pool-1', '2', world.time.now())).toMatchObject({ incarnation: 2 });
    await world.time.advance(1100);
    expect([pooled.fenced, pooled.gate.state]).toEqual([1, 'fenced']);
    if (taken) {
      await expect(pooled.gate.rejoin()).rejects.toThrow(NoFreeName);
      expect(world.world.edges.get('pool-1')).toMatchObject({ incarnation: 2, state: 'alive', version: '2' });
    } else {
      await pooled.gate.rejoin();
      expect(pooled.gate.identity).toEqual({ edge_id: 'pool-1', incarnation: 2 });
    }
    await pooled.gate.stop();
  });

  test('a live edge is never declared dead', async () => {
    const other = await world.edge('edge-2');
    await world.time.advance(60_000);
    expect(world.world.edges.get('edge-1')?.state).toBe('alive');
    expect(edge.fenced + other.fenced).toBe(0);
    other.gate.drain();
    await settle();
    expect(world.world.edges.get('edge-2')?.state).toBe('draining');
    await other.gate.stop();
    expect(world.world.edges.get('edge-2')?.state).toBe('stopped');
  });

  test('stop ends every session and frees every slot', async () => {
    const { ended } = await live(edge, account);
    await edge.gate.stop();
    expect(ended).toMatchObject([{ cause: 'drain' }]);
    expect(world.world.sessions.size).toBe(0);
    expect(edge.gate.state).toBe('stopped');
    expect(await edge.gate.validateLogon(attempt(account, { password: 'x' }))).toMatchObject({
      reason: 'draining',
    });
  });
});

describe('the audit chain of the edge', () => {
  test('says what happened, in order, within a second, and is whole', async () => {
    const { session } = await live(edge, account);
    await world.time.advance(250);
    expect((await world.chain('edge:edge-1:1')).map((one) => one.type)).toEqual([
      'edge_started',
      'logon',
      'session_started',
    ]);
    await killUser(world.admin, { ...ADMIN, reason: 'enough' }, 'alice');
    await world.time.advance(1000);
    await edge.gate.stop();
    const records = await world.chain('edge:edge-1:1');
    expect(records.map((one) => one.type)).toEqual([
      'edge_started',
      'logon',
      'session_started',
      'session_killed',
      'session_ended',
      'edge_stopped',
    ]);
    expect(records[4]).toMatchObject({
      actor: { principal: 'edge:edge-1', source_ip: '192.0.2.10' },
      user_id: 'alice',
      sender_comp_id: account.sender_comp_id,
      session_id: session.session.session_id,
      reason: 'enough',
      details: { cause: 'killed', messages: 0, orders: 0, violations: 0 },
    });
  });

  test('nothing is lost, doubled or out of order while the store is away or its replies are lost', async () => {
    for (let i = 0; i < 12; i++) {
      edge.link.state = 'here';
      const { session } = await live(edge, account);
      edge.link.state = i % 3 === 0 ? 'away' : i % 3 === 1 ? 'replies_lost' : 'here';
      await edge.gate.unregisterSession(session.session.session_id, 'logout');
      await world.time.advance(300);
    }
    edge.link.state = 'here';
    await world.time.advance(1000);
    const types = (await world.chain('edge:edge-1:1')).map((one) => one.type);
    const cycle = ['logon', 'session_started', 'session_ended'];
    expect(types).toEqual(['edge_started', ...Array(12).fill(cycle).flat()]);
  });
});
