// The table of live sessions: what it counts is what is there.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { User } from '../../../core/credentials/model.ts';
import { type Live, LiveTable } from '../../../core/sessions/live.ts';

const USERS = ['ann', 'bob'];
const TIERS = ['basic', 'premium', 'vip'];

/** A session of a user, as far as the table looks at it. */
const liveOf = (n: number, user_id: string) =>
  ({
    session: {
      session_id: `s${n}`,
      user_id,
      key: { begin_string: 'FIX.4.4', sender_comp_id: `C${n}`, sender_sub_id: '', target_comp_id: 'GW' },
    },
  }) as unknown as Live;

test('sessions by tier: whoever comes, goes or is assigned another tier, late or in time', () => {
  const step = fc.record({
    what: fc.constantFrom('add', 'remove', 'assign'),
    user: fc.constantFrom(...USERS),
    tier: fc.constantFrom(...TIERS),
    assignment: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const table = new LiveTable();
      const here: { readonly live: Live; readonly user: string }[] = [];
      for (const [n, { what, user, tier, assignment }] of steps.entries()) {
        if (what === 'add') {
          const live = liveOf(n, user);
          table.add(live, { user_id: user, tier, tier_assignment: assignment } as User);
          here.push({ live, user });
        } else if (what === 'assign') table.assigned(user, tier, assignment);
        else {
          const at = here.findIndex((one) => one.user === user);
          if (at < 0) continue;
          const [{ live }] = here.splice(at, 1) as [(typeof here)[0]];
          table.remove(live);
          table.remove(live);
        }
        const counts: Record<string, number> = {};
        for (const one of here) {
          const name = table.tierOf(one.user)!;
          counts[name] = (counts[name] ?? 0) + 1;
        }
        expect(table.byTier()).toEqual(counts);
      }
    }),
  );
});
