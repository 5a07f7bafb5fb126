/** Sessions: how many, how much, and how they end. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { killSession, killUser } from '../../core/credentials/kill.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { ADMITTED, REFUSED_ORDER, REFUSED_STORE, WAIT } from '../../core/limits/admission.ts';
import { CANCEL, MESSAGE, ORDER } from '../../core/limits/kinds.ts';
import { assignTier, resetViolations } from '../../core/policy/assignment.ts';
import { putTier } from '../../core/policy/tiers.ts';
import type { GateSession, TrackResult } from '../../core/sessions/api.ts';
import {
  type Account,
  ADMIN,
  attempt,
  connect,
  createTestWorld,
  type EdgeWorld,
  keyOf,
  live,
  START,
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

describe('slots', () => {
  test('as many as the tier allows, over all sub ids; a clean end frees one at once', async () => {
    const held = [await live(edge, account), await live(edge, account, 'A'), await live(edge, account, 'B')];
    expect((await connect(edge, account, 'C')).result).toMatchObject({
      result: 'refused',
      class: 'proven',
      reason: 'session_limit',
      text: expect.stringContaining('3 at once'),
    });
    expect((await edge.gate.userSessions('alice')).map((one) => one.slot).sort()).toHaveLength(3);
    await edge.gate.unregisterSession(held[1]!.session.session.session_id, 'logout');
    expect((await connect(edge, account, 'C')).result).toMatchObject({ result: 'registered' });
    expect(held[1]!.ended).toEqual([]);
    expect(held[1]!.session.live).toBe(false);
    expect(held[1]!.session.admit(MESSAGE, world.time.now())).toBe(REFUSED_STORE);
  });

  test('a second Logon for a live session hears who holds it, and may take it over with its slot', async () => {
    const first = await live(edge, account);
    const held = await connect(edge, account);
    expect(held.result).toMatchObject({ result: 'held', holder: first.session.session, local: first.session });
    const { result } = await connect(edge, account, '', first.session.session.session_id);
    if (result.result !== 'registered') throw new Error('not registered');
    expect(result.session.session.slot).toBe(first.session.session.slot);
    expect(first.ended).toEqual([{ cause: 'superseded', text: expect.stringContaining('took this session over') }]);
    expect(await edge.gate.userSessions('alice')).toEqual([result.session.session]);
    expect([...edge.gate.sessions()]).toEqual([result.session]);
  });

  test('a session that another edge holds is taken over there too', async () => {
    const other = await world.edge('edge.2');
    const first = await live(other, account);
    const held = await connect(edge, account);
    expect(held.result).toMatchObject({ result: 'held', local: undefined });
    const { result } = await connect(edge, account, '', first.session.session.session_id);
    expect(result).toMatchObject({ result: 'registered' });
    await world.time.advance(500);
    expect(first.ended).toMatchObject([{ cause: 'superseded' }]);
    expect(await edge.gate.userSessions('alice')).toHaveLength(1);
    await other.gate.stop();
  });

  test.each(['another edge', 'the same edge'])(
    'who was taken over hears of it though whoever took it is gone before it could say so: %s',
    async (where) => {
      const other = await world.edge('edge.2');
      const holder = where === 'the same edge' ? edge : other;
      const first = await live(holder, account);
      const logon = await edge.gate.validateLogon(attempt(account));
      if (logon.result === 'refused') throw new Error('refused');
      // The slot is taken, the answer never comes, and neither does anything after it.
      edge.link.state = 'replies_lost';
      const supersedes = first.session.session.session_id;
      const request = { logon, key: keyOf(account), supersedes, onEnd: () => undefined };
      expect(await edge.gate.registerSession(request)).toMatchObject({ result: 'refused', reason: 'unavailable' });
      edge.link.state = 'here';
      await world.time.advance(500);
      expect(first.ended).toMatchObject([{ cause: 'superseded' }]);
      expect(first.session.live).toBe(false);
      await other.gate.stop();
    },
  );

  test('a slot taken without an answer is given back when the store is here again', async () => {
    const logon = await edge.gate.validateLogon(attempt(account));
    if (logon.result === 'refused') throw new Error('refused');
    edge.link.state = 'replies_lost';
    const request = { logon, key: keyOf(account), onEnd: () => undefined };
    expect(await edge.gate.registerSession(request)).toMatchObject({ result: 'refused', reason: 'unavailable' });
    expect(world.world.sessions.size).toBe(1);
    edge.link.state = 'here';
    await world.time.advance(1000);
    expect(world.world.sessions.size).toBe(0);
    expect(await edge.gate.registerSession(request)).toMatchObject({ result: 'registered' });
  });

  test('a slot that could not be given back is no obstacle to the next Logon', async () => {
    const { session } = await live(edge, account);
    edge.link.state = 'away';
    await edge.gate.unregisterSession(session.session.session_id, 'disconnect');
    edge.link.state = 'here';
    expect((await connect(edge, account)).result).toMatchObject({ result: 'registered' });
  });

  test('a suspension between proof and slot is not slipped through', async () => {
    const logon = await edge.gate.validateLogon(attempt(account));
    if (logon.result === 'refused') throw new Error('refused');
    await changeStatus(world.admin, ADMIN, 'suspend', { user_id: 'alice' });
    const request = { logon, key: keyOf(account), onEnd: () => undefined };
    expect(await edge.gate.registerSession(request)).toMatchObject({ result: 'refused', reason: 'suspended' });
    expect(world.world.sessions.size).toBe(0);
  });

  test('another change of the account meanwhile is no reason to refuse', async () => {
    const logon = await edge.gate.validateLogon(attempt(account));
    if (logon.result === 'refused') throw new Error('refused');
    await killUser(world.admin, ADMIN, 'alice');
    const request = { logon, key: keyOf(account), onEnd: () => undefined };
    const result = await edge.gate.registerSession(request);
    expect(result).toMatchObject({ result: 'registered', session: { session: { epoch: logon.user.epoch + 1 } } });
  });
});

describe('kills', () => {
  test('by user: every session of that moment within half a second, none that comes later', async () => {
    const first = await live(edge, account);
    const second = await live(edge, account, 'A');
    const bystander = await live(edge, await world.user('bob'));
    await killUser(world.admin, { ...ADMIN, reason: 'enough' }, 'alice');
    const later = await live(edge, account, 'B');
    await world.time.advance(500);
    expect(first.ended).toEqual([{ cause: 'killed', text: 'enough' }]);
    expect(second.ended).toEqual([{ cause: 'killed', text: 'enough' }]);
    expect(later.ended).toEqual([]);
    expect(bystander.ended).toEqual([]);
    expect(await edge.gate.userSessions('alice')).toEqual([later.session.session]);
    expect(world.world.commands.get('edge-1')?.size).toBe(0);
  });

  test('by session, and by a suspension of one of two credentials', async () => {
    const second = await world.user('alice', { additional_credential: true });
    const one = await live(edge, account);
    const two = await live(edge, second);
    await changeStatus(world.admin, ADMIN, 'suspend', { sender_comp_id: second.sender_comp_id });
    await world.time.advance(500);
    expect(one.ended).toEqual([]);
    expect(two.ended).toMatchObject([{ cause: 'suspended' }]);
    await killSession(world.admin, ADMIN, one.session.session.session_id);
    await world.time.advance(500);
    expect(one.ended).toMatchObject([{ cause: 'killed' }]);
  });

  test('a command is applied once, also when its acknowledgement is lost', async () => {
    const { session, ended } = await live(edge, account);
    edge.link.state = 'replies_lost';
    await killSession(world.admin, ADMIN, session.session.session_id);
    await world.time.advance(500);
    expect(ended).toEqual([]);
    edge.link.state = 'here';
    await world.time.advance(500);
    expect(ended).toHaveLength(1);
    await world.time.advance(2000);
    expect((await world.chain('edge:edge-1:1')).filter((one) => one.type === 'session_killed')).toHaveLength(1);
  });

  test('a kill that arrives before the slot does ends the session before it begins', async () => {
    const logon = await edge.gate.validateLogon(attempt(account));
    if (logon.result === 'refused') throw new Error('refused');
    const { slots } = world.admin;
    let answered = (): void => undefined;
    const gated = await world.edge(
      'edge-3',
      {},
      {
        take: async (...args) => {
          const answer = await slots.take(...args);
          await new Promise<void>((resolve) => {
            answered = resolve;
          });
          return answer;
        },
      },
    );
    const ended: string[] = [];
    const registering = gated.gate.registerSession({ logon, key: keyOf(account), onEnd: (cause) => ended.push(cause) });
    await settle();
    await killUser(world.admin, ADMIN, 'alice');
    await world.time.advance(300);
    answered();
    expect(await registering).toMatchObject({ result: 'refused', reason: 'killed' });
    await settle();
    expect(await gated.gate.userSessions('alice')).toEqual([]);
    await gated.gate.stop();
  });

  test('a credential that expires ends its sessions at that instant', async () => {
    const soon = await world.user('carol', { expires_at: START + 100_000 });
    const { ended } = await live(edge, soon);
    await world.time.advance(99_999);
    expect(ended).toEqual([]);
    await world.time.advance(1);
    expect(ended).toEqual([{ cause: 'expired', text: 'Credential expired' }]);
    expect((await world.chain('user:carol')).map((one) => one.type)).toContain('expire');
  });
});

describe('limits', () => {
  test('a tier may want the session ended of who sends too much for too long', async () => {
    const strict = { orders_per_second: 5, messages_per_second: 20, max_sessions: 1, burst: 10 };
    await putTier(world.admin, ADMIN, { name: 'strict', ...strict, disconnect: { multiple: 2, seconds: 2 } });
    const { session, ended } = await live(edge, await world.user('dan', { rate_limit_tier: 'strict' }));
    const second = async (messages: number) => {
      for (let i = 0; i < messages; i++) session.admit(MESSAGE, world.time.now());
      await world.time.advance(1000);
    };
    await second(41);
    await second(40);
    await second(41);
    expect(ended).toEqual([]);
    await second(41);
    expect(ended).toEqual([{ cause: 'rate_limit', text: expect.any(String) }]);
  });

  test('exactly the burst from rest, then refusals with a wait; violations are counted and recorded once a minute', async () => {
    const { session } = await live(edge, account);
    let admitted = 0;
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      const answer = session.admit(ORDER, world.time.now());
      const final = answer === WAIT ? await settled(session) : answer;
      if (final === ADMITTED) admitted += 1;
      else if (final === REFUSED_ORDER) refused += 1;
    }
    expect({ admitted, refused }).toEqual({ admitted: 40, refused: 20 });
    expect(session.retryAfterMs(ORDER, world.time.now())).toBeGreaterThan(0);
    expect(await send(world.time, session, CANCEL)).toBe(ADMITTED);
    expect(session.figures).toEqual({ messages: 61, orders: 40, violations: 20 });
    await world.time.advance(1000);
    expect(await world.admin.violations.read('alice')).toMatchObject({ order: 20, last_type: 'order' });
    const recorded = async () =>
      (await world.chain('edge:edge-1:1')).filter((one) => one.type === 'rate_limit_violation');
    expect(await recorded()).toMatchObject([{ user_id: 'alice', details: { type: 'order', count: 20 } }]);
    for (let i = 0; i < 60; i++) if (session.admit(ORDER, world.time.now()) === WAIT) await settled(session);
    await world.time.advance(2000);
    expect(await recorded()).toHaveLength(1);
    await world.time.advance(60_000);
    expect(await recorded()).toHaveLength(2);
    const { order } = await world.admin.violations.read('alice');
    expect((await recorded()).reduce((sum, one) => sum + Number(one.details.count), 0)).toBe(order);
    expect(edge.gate.figures()).toMatchObject({ violations: order });
    await resetViolations(world.admin, ADMIN, 'alice');
    await world.time.advance(1000);
    expect(await world.admin.violations.read('alice')).toMatchObject({ order: 0 });
  });

  test('orders that are admitted before they come count as if each had been asked about', async () => {
    const fast = { orders_per_second: 10_000, messages_per_second: 10_000, max_sessions: 2, burst: 10_000 };
    await putTier(world.admin, ADMIN, { name: 'fast', ...fast });
    await putTier(world.admin, ADMIN, { name: 'measured', ...fast, disconnect: { multiple: 2, seconds: 2 } });
    const sessionOf = async (user: string, rate_limit_tier: string): Promise<GateSession> => {
      const { session } = await live(edge, await world.user(user, { rate_limit_tier }));
      for (let i = 0; i < 200; i++) expect(await send(world.time, session, ORDER)).toBe(ADMITTED);
      return session;
    };
    const [session, measured] = [await sessionOf('dan', 'fast'), await sessionOf('eve', 'measured')];
    expect(measured.admitAhead(world.time.now())).toBe(0);
    const sums = edge.gate.figures();
    const orders = session.admitAhead(world.time.now());
    expect(orders).toBeGreaterThan(3);
    expect(session.figures).toEqual({ messages: 200 + orders, orders: 200 + orders, violations: 0 });
    session.giveBack(orders - 3);
    expect(session.figures).toEqual({ messages: 203, orders: 203, violations: 0 });
    expect(edge.gate.figures()).toEqual({ ...sums, messages: sums.messages + 3, orders: sums.orders + 3 });
    await edge.gate.unregisterSession(session.session.session_id, 'logout');
    expect(session.admitAhead(world.time.now())).toBe(0);
    expect(session.figures).toEqual({ messages: 203, orders: 203, violations: 0 });
  });

  async function settled(session: GateSession): Promise<number> {
    const decided = new Promise<number>((resolve) => session.onGrant(ORDER, resolve));
    await settle();
    return decided;
  }

  test('trackMessage: a promise only while a grant is on its way', async () => {
    const { session } = await live(edge, account);
    const { session_id } = session.session;
    const track = async (kind: boolean | 'cancel'): Promise<TrackResult> =>
      edge.gate.trackMessage('alice', session_id, kind);
    expect(await track(true)).toEqual({ admitted: true });
    expect(await track(false)).toEqual({ admitted: true });
    expect(await track('cancel')).toEqual({ admitted: true });
    let last = await track(true);
    for (let i = 0; i < 60 && last.admitted; i++) last = await track(true);
    expect(last).toMatchObject({ admitted: false, refused: 'order', retry_ms: expect.any(Number) });
    expect(await edge.gate.trackMessage('bob', session_id, true)).toMatchObject({ refused: 'ended' });
    await edge.gate.unregisterSession(session_id, 'logout');
    expect(await track(true)).toMatchObject({ admitted: false, refused: 'ended' });
  });

  test('a new tier, and a new definition of a tier, reach live sessions within a second', async () => {
    const { session } = await live(edge, account);
    const limits = () => (session as unknown as { admissions: { limits: object } }).admissions.limits;
    await assignTier(world.admin, ADMIN, 'alice', 'premium');
    await world.time.advance(900);
    expect(limits()).toMatchObject({ orders_per_second: 100, assignment: 2 });
    const premium = { name: 'premium', orders_per_second: 70, messages_per_second: 500, max_sessions: 10, burst: 200 };
    await putTier(world.admin, ADMIN, premium);
    await world.time.advance(900);
    expect(limits()).toMatchObject({ orders_per_second: 70, assignment: 2 });
    await edge.gate.updateUserTier('alice', 'basic', { principal: 'firm' });
    expect(limits()).toMatchObject({ orders_per_second: 5, assignment: 3 });
    expect((await world.chain('user:alice')).at(-1)).toMatchObject({
      type: 'tier_update',
      actor: { principal: 'firm' },
    });
  });
});
