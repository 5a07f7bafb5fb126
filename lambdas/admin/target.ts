/** What several operations do alike. */
import type { Target } from '../../core/credentials/status.ts';
import type { Tier } from '../../core/limits/model.ts';
import type { LockTarget } from '../../core/locks/model.ts';
import type { Services } from '../services.ts';

/** The contract has seen to it that exactly one of them is there. */
export function targetOf(request: {
  readonly user_id?: string | undefined;
  readonly sender_comp_id?: string | undefined;
}): Target {
  if (request.sender_comp_id !== undefined) return { sender_comp_id: request.sender_comp_id };
  if (request.user_id !== undefined) return { user_id: request.user_id };
  throw new TypeError('neither user_id nor sender_comp_id: the schema should have refused it');
}

/** Whom a lock is about, likewise. */
export function lockTargetOf(request: {
  readonly user_id?: string | undefined;
  readonly tier?: string | undefined;
  readonly everybody?: true | undefined;
}): LockTarget {
  if (request.user_id !== undefined) return { kind: 'user', user_id: request.user_id };
  if (request.tier !== undefined) return { kind: 'tier', tier: request.tier };
  if (request.everybody !== undefined) return { kind: 'everybody' };
  throw new TypeError('no target: the schema should have refused it');
}

/** The tier of a user, while it is there. */
export async function tierOf(services: Services, user: { readonly tier: string }): Promise<Tier | undefined> {
  return (await services.policy.read()).tiers.find((tier) => tier.name === user.tier);
}
