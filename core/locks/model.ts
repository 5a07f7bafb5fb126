/**
 * Locks: who may not log on, whatever rules and credentials say, until an admin lifts it or its time is over. A user's
 * lock stands in the user's row, which every logon reads; a tier's, and that of everybody, stand in the policy.
 */

export type LockTarget =
  | { readonly kind: 'user'; readonly user_id: string }
  | { readonly kind: 'tier'; readonly tier: string }
  | { readonly kind: 'everybody' };

export interface Lock {
  readonly target: LockTarget;
  /** Clients that are locked out see it. */
  readonly reason: string;
  /** IAM principal of who locked. */
  readonly by: string;
  /** Epoch ms. */
  readonly locked_at: number;
  /** Epoch ms; undefined: until it is lifted. */
  readonly expires_at?: number;
  /** The venue cancels what those whom the lock ended have resting. */
  readonly cancel_orders: boolean;
  /** Of the user's row, or of the policy, when it was put. */
  readonly version: number;
}

/** Names the target in lists and keys; one lock a target. */
export function lockName(target: LockTarget): string {
  if (target.kind === 'everybody') return 'everybody';
  return target.kind === 'tier' ? `tier:${target.tier}` : `user:${target.user_id}`;
}

/** An expired lock locks nobody, whether or not its row is gone: read this each time. */
export function inForce(lock: Lock, now: number): boolean {
  return lock.expires_at === undefined || lock.expires_at > now;
}

/** The lock of the policy that keeps users of this tier out; that of everybody first. */
export function lockOfTier(locks: readonly Lock[], tier: string, now: number): Lock | undefined {
  const holding = locks.filter((lock) => inForce(lock, now));
  return (
    holding.find(({ target }) => target.kind === 'everybody') ??
    holding.find(({ target }) => target.kind === 'tier' && target.tier === tier)
  );
}

/** The lock that keeps this user out, by whatever names it. */
export function lockOf(
  user: { readonly tier: string; readonly lock?: Lock },
  locks: readonly Lock[],
  now: number,
): Lock | undefined {
  return user.lock && inForce(user.lock, now) ? user.lock : lockOfTier(locks, user.tier, now);
}

/** For 58 of the Logout, of whoever is ended or refused by the lock. */
export function lockText({ reason, expires_at }: Pick<Lock, 'reason' | 'expires_at'>): string {
  return expires_at === undefined
    ? `Locked: ${reason}`
    : `Locked until ${new Date(expires_at).toISOString()}: ${reason}`;
}
