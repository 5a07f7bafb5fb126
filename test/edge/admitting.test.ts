import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Admission, type UserAdmissions, WAIT } from '../../core/limits/admission.ts';
import { CANCEL, type Kind, MESSAGE, ORDER } from '../../core/limits/kinds.ts';
import type { GateSession } from '../../core/sessions/api.ts';
import { Admitting } from '../../edge/admitting.ts';
import { limitsOf, World } from '../core/limits/world.ts';

const AT_ONCE = 16;

/** A session's side of the limiter, which admits so many orders at once. */
const gateOf = (user: UserAdmissions): GateSession =>
  ({
    admit: (kind: Kind, nowMs: number) => user.admit(kind, nowMs),
    admitAhead: (nowMs: number) => (user.admitOrders(AT_ONCE, nowMs) ? AT_ONCE : 0),
    giveBack: (orders: number) => user.takeBack(orders),
  }) as GateSession;

/** What each message of a batch hears. */
function batch(user: UserAdmissions, kinds: readonly Kind[], admit: (kind: Kind, i: number) => Admission): Admission[] {
  return kinds.map((kind, i) => {
    const answer = admit(kind, kinds.slice(0, i).filter((one) => one === ORDER).length);
    if (answer === WAIT) user.onGrant(kind, () => {});
    return answer;
  });
}

const kinds = fc.array(fc.constantFrom<Kind>(ORDER, ORDER, ORDER, ORDER, ORDER, ORDER, MESSAGE, CANCEL), {
  maxLength: 60,
});
const limits = fc.constantFrom(
  limitsOf(5, 20, 10),
  limitsOf(100, 500, 200),
  limitsOf(1000, 1200, 3000),
  limitsOf(100_000, 100_000, 100_000),
);

describe('orders that are admitted some at a time', () => {
  test('hear what they would hear one by one, and leave the limiter as those would', async () => {
    let ahead = 0;
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.nat(1000),
        fc.array(fc.record({ kinds, ms: fc.nat(400) }), { minLength: 1, maxLength: 30 }),
        async (limit, seed, batches) => {
          const worlds = [new World(seed, limit), new World(seed, limit)] as const;
          const [alone, together] = worlds.map((world) => world.addEdge()) as [
            ReturnType<World['addEdge']>,
            ReturnType<World['addEdge']>,
          ];
          const gate = gateOf(together.user);
          const admitting = new Admitting({
            ...gate,
            admitAhead: (nowMs) => {
              const orders = gate.admitAhead(nowMs);
              ahead += orders;
              return orders;
            },
          } as GateSession);
          for (const one of batches) {
            const now = Math.floor(worlds[0].scheduler.now);
            const expected = batch(alone.user, one.kinds, (kind) => alone.user.admit(kind, now));
            const heard = batch(together.user, one.kinds, (kind, before) => admitting.admit(kind, now, before > 0));
            admitting.giveBack();
            expect(heard).toEqual(expected);
            expect(together.limiter.figures()).toEqual(alone.limiter.figures());
            expect(together.user.usage()).toEqual(alone.user.usage());
            for (const world of worlds) await world.run(one.ms);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(ahead).toBeGreaterThan(0);
  });

  test('are asked about one by one when few are left', async () => {
    const world = new World(1, limitsOf(5, 20, 10));
    const { user } = world.addEdge();
    batch(user, [ORDER], (kind) => user.admit(kind, Math.floor(world.scheduler.now)));
    await world.run(150);
    const before = user.usage();
    expect(user.admitOrders(AT_ONCE, Math.floor(world.scheduler.now))).toBe(false);
    expect(user.usage()).toEqual(before);
  });
});
