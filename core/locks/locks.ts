/**
 * Locking out a user, a tier or everybody, and letting them in again.
 *
 * No logon slips through. A user's lock raises the user's epoch, on which taking a slot is conditional. A lock of the
 * policy is written before the sessions that it ends are looked for, and a logon reads the policy again after it has
 * taken its slot: whichever came first sees the other.
 */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { changeAccount, checkVersion, present } from '../credentials/change.ts';
import { pageOf } from '../cursors.ts';
import { FixgateError } from '../errors.ts';
import { tierNamed } from '../policy/assignment.ts';
import { changePolicy } from '../policy/change.ts';
import { telling } from '../policy/telling.ts';
import type { AddressedCommand, Page, PageRequest } from '../ports.ts';
import type { EdgeRow } from '../sessions/model.ts';
import { inForce, type Lock, type LockTarget, lockName, lockText } from './model.ts';

export interface NewLock {
  readonly target: LockTarget;
  readonly reason: string;
  /** Epoch ms. */
  readonly expires_at?: number | undefined;
  readonly cancel_orders: boolean;
}

/** What locking everybody or a tier needs: a way in that has no more than this can stop everything. */
export type PolicyLockPorts = Pick<AdminPorts, 'policy' | 'edges' | 'digests' | 'random' | 'clock'>;

/** How the position in the list of locks begins. */
const OF_POLICY = 'P';
const OF_USERS = 'U';

export interface Locked {
  readonly lock: Lock;
  /** Live sessions that were told to end: a user's counted, others as edges have told of them with their last heartbeat. */
  readonly sessions: number;
  /** Edges that were told to have orders cancelled; undefined: nobody asked for that. */
  readonly cancelling_edges: number | undefined;
}

/**
 * Locks, in place of any lock of the same target. Refuses with user_not_found, tier_not_found, invalid_request (an expiry
 * that has passed), version_conflict (of the user; of the lock of a tier or of everybody, 0 when there is none).
 */
export function lock(ports: AdminPorts, context: ChangeContext, given: NewLock): Promise<Locked> {
  const { target } = given;
  return target.kind === 'user' ? lockUser(ports, context, given, target.user_id) : lockPolicy(ports, context, given);
}

/** Lifts a lock, an expired one too. Refuses with user_not_found, lock_not_found, version_conflict. */
export function unlock(ports: AdminPorts, context: ChangeContext, target: LockTarget): Promise<Lock> {
  return target.kind === 'user' ? unlockUser(ports, context, target.user_id) : unlockPolicy(ports, context, target);
}

/** Locks in force: those of the policy, then those of users by name. A page may be shorter than asked for. */
export async function locks(
  ports: Pick<AdminPorts, 'policy' | 'directory' | 'clock'>,
  { limit, after = OF_POLICY }: PageRequest,
): Promise<Page<Lock>> {
  const now = ports.clock.now();
  const holding = (lock: Lock): boolean => inForce(lock, now);
  const inner = after.length > 1 ? { after: after.slice(1) } : {};
  let first: readonly Lock[] = [];
  if (after.startsWith(OF_POLICY)) {
    const { locks: all } = await ports.policy.read();
    const page = pageOf(all.filter(holding), ({ target }) => lockName(target), { limit, ...inner });
    if (page.next !== undefined) return { items: page.items, next: OF_POLICY + page.next };
    if (page.items.length === limit) return { items: page.items, next: OF_USERS };
    first = page.items;
  }
  const more = after.startsWith(OF_USERS) ? inner : {};
  const users = await ports.directory.listLocks({ limit: limit - first.length, ...more });
  const items = [...first, ...users.items.filter(holding)];
  return users.next === undefined ? { items } : { items, next: OF_USERS + users.next };
}

function made({ actor }: ChangeContext, given: NewLock, version: number, now: number): Lock {
  const { expires_at, ...rest } = given;
  if (expires_at !== undefined && expires_at <= now) {
    throw new FixgateError('invalid_request', undefined, [{ path: 'expires_at', message: 'has passed' }]);
  }
  return {
    ...rest,
    by: actor.principal,
    locked_at: now,
    ...(expires_at === undefined ? {} : { expires_at }),
    version,
  };
}

function lockUser(ports: AdminPorts, context: ChangeContext, given: NewLock, user_id: string): Promise<Locked> {
  return changeAccount(ports, { ...context, type: 'lock', user_id }, async (account, now) => {
    const user = present(account);
    checkVersion(context.if_version, user.version);
    const put = made(context, given, user.version + 1, now);
    const epoch = user.epoch + 1;
    const sessions = (await ports.slots.ofUser(user_id)).map((one) => one.session_id);
    const reason = lockText(put);
    return {
      user: { ...user, lock: put, epoch },
      lock: 'put',
      details: { lock: put, sessions, ...(user.lock ? { before: user.lock } : {}) },
      reach: { kind: 'end_user', below_epoch: epoch, cause: 'locked', reason, cancel_orders: put.cancel_orders },
      result: ({ cancelling }) => ({ lock: put, sessions: sessions.length, cancelling_edges: cancelling }),
    };
  });
}

function unlockUser(ports: AdminPorts, context: ChangeContext, user_id: string): Promise<Lock> {
  return changeAccount(ports, { ...context, type: 'unlock', user_id }, (account) => {
    const { lock: lifted, ...user } = present(account);
    if (lifted === undefined) throw new FixgateError('lock_not_found', undefined, [{ user_id }]);
    checkVersion(context.if_version, user.version);
    return { user, lock: 'remove', details: { lock: lifted }, result: () => lifted };
  });
}

/** {@link lock} of a tier or of everybody. */
export async function lockPolicy(ports: PolicyLockPorts, context: ChangeContext, given: NewLock): Promise<Locked> {
  const { target } = given;
  const locked = await changePolicy(ports, { ...context, type: 'lock' }, async (policy, version, now) => {
    if (target.kind === 'tier') tierNamed(policy, target.tier);
    const before = policy.locks.find((one) => lockName(one.target) === lockName(target));
    checkVersion(context.if_version, before?.version ?? 0);
    const put = made(context, given, version, now);
    const { commands, rest, edges } = await telling(ports, version, now);
    const sessions = edges.reduce((sum, edge) => sum + sessionsOn(edge, target), 0);
    return {
      edits: [{ put_lock: put }],
      details: { lock: put, sessions, ...(before ? { before } : {}) },
      commands,
      result: { lock: put, sessions, cancelling_edges: put.cancel_orders ? edges.length : undefined, rest },
    };
  });
  const { rest, ...result } = locked as Locked & { readonly rest: readonly AddressedCommand[] };
  if (rest.length > 0) await ports.edges.send(rest);
  return result;
}

function sessionsOn({ figures }: EdgeRow, target: LockTarget): number {
  return target.kind === 'tier' ? (figures.sessions_by_tier[target.tier] ?? 0) : figures.sessions;
}

/** {@link unlock} of a tier or of everybody. */
export async function unlockPolicy(ports: PolicyLockPorts, context: ChangeContext, target: LockTarget): Promise<Lock> {
  const lifted = await changePolicy(ports, { ...context, type: 'unlock' }, (policy) => {
    const before = policy.locks.find((one) => lockName(one.target) === lockName(target));
    if (before === undefined) throw new FixgateError('lock_not_found', undefined, [{ ...target }]);
    checkVersion(context.if_version, before.version);
    return { edits: [{ remove_lock: target }], details: { lock: before }, result: before };
  });
  return lifted as Lock;
}
