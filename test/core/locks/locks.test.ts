// Locks over the gate: who is ended, who is kept out, and that no logon slips through between.
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { killSession, killUser } from '../../../core/credentials/kill.ts';
import { changeStatus } from '../../../core/credentials/status.ts';
import { ORDER } from '../../../core/limits/kinds.ts';
import { lock, locks, type NewLock, unlock } from '../../../core/locks/locks.ts';
import type { LockTarget } from '../../../core/locks/model.ts';
import { assignTier } from '../../../core/policy/assignment.ts';
import { removeTier } from '../../../core/policy/tiers.ts';
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
  settle,
  type TestWorld,
} from '../sessions/world.ts';

const EVERYBODY: LockTarget = { kind: 'everybody' };
const TIER: LockTarget = { kind: 'tier', tier: 'standard' };
const ALICE: LockTarget = { kind: 'user', user_id: 'alice' };
const by = (target: LockTarget, more: Partial<NewLock> = {}): NewLock => ({
  target,
  reason: 'margin call',
  cancel_orders: false,
  ...more,
});

let world: TestWorld;
let edge: EdgeWorld;
let account: Account;
beforeEach(async () => {
  world = await createTestWorld();
  edge = await world.edge('edge-1');
  account = await world.user('alice');
  await world.time.advance(1000);
});

describe.each([
  ['a user', ALICE],
  ['a tier', TIER],
  ['everybody', EVERYBODY],
] as const)('a lock of %s', (_name, target) => {
  test('ends what is live within half a second, on every edge, and refuses what comes', async () => {
    const other = await world.edge('edge-2');
    const here = await live(edge, account);
    const there = await live(other, account, 'B');
    await world.time.advance(1000);
    const locked = await lock(world.admin, ADMIN, by(target));
    expect(locked.sessions).toBe(2);
    const { result } = await connect(edge, account, 'C');
    const refused = {
      result: 'refused',
      class: 'proven',
      reason: 'locked',
      text: 'Logon refused: Locked: margin call',
    };
    expect(result).toEqual(refused);
    await world.time.advance(499);
    expect(here.ended).toEqual([{ cause: 'locked', text: 'Locked: margin call' }]);
    expect(there.ended).toEqual(here.ended);
    expect(here.session.admit(ORDER, world.time.now())).not.toBe(0);
    expect(world.world.sessions.size).toBe(0);
    expect((await connect(other, account, 'B')).result).toEqual(refused);
  });

  test('is one transaction with its record, whose chain stays whole', async () => {
    await lock(world.admin, ADMIN, by(target, { expires_at: START + 60_000 }));
    await unlock(world.admin, ADMIN, target);
    const chain = await world.chain(target.kind === 'user' ? 'user:alice' : 'policy');
    expect(chain.slice(-2)).toMatchObject([
      {
        type: 'lock',
        outcome: 'done',
        details: { lock: { target, expires_at: START + 60_000, by: ADMIN.actor.principal } },
      },
      { type: 'unlock', outcome: 'done', details: { lock: { target } } },
    ]);
  });

  test('is over when it is lifted, or when its time has come: nobody has to clear it away', async () => {
    await lock(world.admin, ADMIN, by(target));
    await unlock(world.admin, ADMIN, target);
    await live(edge, account);
    await lock(world.admin, ADMIN, by(target, { expires_at: world.time.now() + 5000 }));
    await world.time.advance(4000);
    expect((await connect(edge, account)).result).toMatchObject({
      reason: 'locked',
      text: `Logon refused: Locked until ${new Date(START + 6000).toISOString()}: margin call`,
    });
    expect((await locks(world.admin, { limit: 10 })).items).toHaveLength(1);
    await world.time.advance(1000);
    await live(edge, account);
    expect((await locks(world.admin, { limit: 10 })).items).toEqual([]);
  });

  test.each(['between proof and slot', 'while the slot is taken', 'after the slot was taken'])(
    'that comes %s is not slipped through',
    async (when) => {
      const slots = world.admin.slots;
      const put = () => lock(world.admin, ADMIN, by(target));
      const slow = await world.edge(
        'edge-3',
        {},
        {
          take: async (...args) => {
            if (when === 'while the slot is taken') await put();
            const taken = await slots.take(...args);
            if (when === 'after the slot was taken') await put();
            return taken;
          },
        },
      );
      const logon = await slow.gate.validateLogon(attempt(account));
      if (logon.result === 'refused') throw new Error('refused');
      if (when === 'between proof and slot') await put();
      const ended: string[] = [];
      const result = await slow.gate.registerSession({
        logon,
        key: keyOf(account),
        onEnd: (cause) => void ended.push(cause),
      });
      await world.time.advance(500);
      if (result.result === 'registered') expect(ended).toEqual(['locked']);
      else expect(result).toMatchObject({ result: 'refused', reason: 'locked' });
      // Of the policy's locks, that is before the client has heard that it is in.
      if (target.kind !== 'user') expect(result.result).toBe('refused');
      expect(world.world.sessions.size).toBe(0);
    },
  );

  test('whose expiry has passed is none', async () => {
    const refused = lock(world.admin, ADMIN, by(target, { expires_at: world.time.now() }));
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(unlock(world.admin, ADMIN, target)).rejects.toMatchObject({ code: 'lock_not_found' });
  });

  test('is made under the version that was seen', async () => {
    const version = target.kind === 'user' ? 1 : 0;
    const seen = { ...ADMIN, if_version: version };
    await lock(world.admin, seen, by(target));
    await expect(lock(world.admin, seen, by(target))).rejects.toMatchObject({ code: 'version_conflict' });
  });
});

describe('locks', () => {
  test('of a tier are about those who have it then: also about who is given it', async () => {
    const bob = await world.user('bob', { rate_limit_tier: 'premium' });
    const { ended } = await live(edge, bob);
    await lock(world.admin, ADMIN, by(TIER));
    await world.time.advance(1000);
    expect(ended).toEqual([]);
    await assignTier(world.admin, ADMIN, 'bob', 'standard');
    await world.time.advance(500);
    expect(ended).toEqual([{ cause: 'locked', text: 'Locked: margin call' }]);
  });

  test('go with their tier', async () => {
    const tier = { name: 'gold', orders_per_second: 1, messages_per_second: 1, max_sessions: 1, burst: 1 };
    const { putTier } = await import('../../../core/policy/tiers.ts');
    await putTier(world.admin, ADMIN, tier);
    await lock(world.admin, ADMIN, by({ kind: 'tier', tier: 'gold' }));
    await removeTier(world.admin, ADMIN, 'gold');
    expect((await locks(world.admin, { limit: 10 })).items).toEqual([]);
    const nothing = lock(world.admin, ADMIN, by({ kind: 'tier', tier: 'gold' }));
    await expect(nothing).rejects.toMatchObject({ code: 'tier_not_found' });
  });

  test('outlive a revocation: new credentials are locked too', async () => {
    await lock(world.admin, ADMIN, by(ALICE));
    await changeStatus(world.admin, ADMIN, 'revoke', { user_id: 'alice' });
    const again = await world.user('alice');
    expect((await connect(edge, again)).result).toMatchObject({ reason: 'locked' });
  });

  test('are seen by an edge that could not be told', async () => {
    const { ended } = await live(edge, account);
    const send = world.admin.edges.send;
    await lock({ ...world.admin, edges: { ...world.admin.edges, list: async () => [], send } }, ADMIN, by(EVERYBODY));
    expect(world.world.commands.get('edge-1')?.size ?? 0).toBe(0);
    await world.time.advance(450);
    expect(ended).toMatchObject([{ cause: 'locked' }]);
  });

  test('refuse a slot whose lock nobody can rule out', async () => {
    const logon = await edge.gate.validateLogon(attempt(account));
    if (logon.result === 'refused') throw new Error('refused');
    const asked = edge.gate.registerSession({ logon, key: keyOf(account), onEnd: () => {} });
    await settle(0);
    edge.link.state = 'replies_lost';
    expect(await asked).toMatchObject({ result: 'refused', reason: 'unavailable' });
  });

  test('are listed page by page, those of the policy first', async () => {
    await lock(world.admin, ADMIN, by(EVERYBODY));
    await lock(world.admin, ADMIN, by(TIER));
    for (const name of ['bob', 'carol', 'dave']) {
      await world.user(name);
      await lock(world.admin, ADMIN, by({ kind: 'user', user_id: name }));
    }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 7 }), async (limit) => {
        const seen: LockTarget[] = [];
        let after: string | undefined;
        do {
          const page = await locks(world.admin, { limit, ...(after === undefined ? {} : { after }) });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items.map(({ target }) => target));
          after = page.next;
        } while (after !== undefined);
        expect(seen).toEqual([
          EVERYBODY,
          TIER,
          ...['bob', 'carol', 'dave'].map((user_id) => ({ kind: 'user', user_id })),
        ]);
      }),
    );
  });
});

describe('orders', () => {
  test('of a killed user are cancelled on every edge, there or away', async () => {
    const other = await world.edge('edge-2');
    await live(edge, account);
    await killUser(world.admin, { ...ADMIN, cancel_orders: true }, 'alice');
    await world.time.advance(500);
    const whose = { of: 'users', user_ids: new Set(['alice']) };
    expect(edge.cancelled).toEqual([whose]);
    expect(other.cancelled).toEqual([whose]);
  });

  test('of a killed session are cancelled by its key, though it may be over by then', async () => {
    const { session } = await live(edge, account, 'A');
    await killSession(world.admin, { ...ADMIN, cancel_orders: true }, session.session.session_id);
    await edge.gate.unregisterSession(session.session.session_id, 'logout');
    await world.time.advance(500);
    expect(edge.cancelled).toEqual([{ of: 'session', key: keyOf(account, 'A') }]);
  });

  test('of a killed session are cancelled by every edge: its own may not reach the venue', async () => {
    const other = await world.edge('edge-2');
    const { session } = await live(edge, account, 'A');
    await killSession(world.admin, { ...ADMIN, cancel_orders: true }, session.session.session_id);
    await world.time.advance(500);
    const whose = { of: 'session', key: keyOf(account, 'A') };
    expect([edge.cancelled, other.cancelled]).toEqual([[whose], [whose]]);
  });

  test('are cancelled by so many edges as the answer says: by none where none serves', async () => {
    const other = await world.edge('edge-2');
    const asked = { ...ADMIN, cancel_orders: true };
    const tier = (cancel_orders: boolean) => lock(world.admin, ADMIN, by(TIER, { cancel_orders }));
    expect((await killUser(world.admin, asked, 'alice')).cancelling_edges).toBe(2);
    expect((await killUser(world.admin, ADMIN, 'alice')).cancelling_edges).toBeUndefined();
    expect([(await tier(true)).cancelling_edges, (await tier(false)).cancelling_edges]).toEqual([2, undefined]);
    for (const one of [edge, other]) await one.gate.stop();
    expect((await killUser(world.admin, asked, 'alice')).cancelling_edges).toBe(0);
  });

  test('of a locked tier are cancelled once, and those of other users stay', async () => {
    const bob = await world.user('bob', { rate_limit_tier: 'premium' });
    await live(edge, account);
    await live(edge, bob);
    await lock(world.admin, ADMIN, by(TIER, { cancel_orders: true }));
    await world.time.advance(2000);
    await lock(world.admin, ADMIN, by({ kind: 'tier', tier: 'basic' }, { cancel_orders: true }));
    await world.time.advance(2000);
    expect(edge.cancelled).toEqual([{ of: 'users', user_ids: new Set(['alice']) }]);
  });

  test('of everybody are cancelled by an edge that began after the lock, too', async () => {
    await lock(world.admin, ADMIN, by(EVERYBODY, { cancel_orders: true }));
    const later = await world.edge('edge-2');
    await world.time.advance(1000);
    expect(edge.cancelled).toEqual([{ of: 'everybody' }]);
    expect(later.cancelled).toEqual([{ of: 'everybody' }]);
  });

  test('stay where nobody asked', async () => {
    const { session } = await live(edge, account);
    await killSession(world.admin, ADMIN, session.session.session_id);
    await killUser(world.admin, ADMIN, 'alice');
    await lock(world.admin, ADMIN, by(EVERYBODY));
    await world.time.advance(1000);
    expect(edge.cancelled).toEqual([]);
  });
});
