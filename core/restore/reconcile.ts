/**
 * Makes tables that were restored to an earlier moment safe to serve. The audit trail goes on where it ended: records that the table
 * lacks come back from the archive, and each subject's row continues behind them with a `restored` record, in one transaction.
 * Every user's epoch rises above any that an edge may have seen, and whatever kept users out is done again. Safe to repeat: users
 * that have the record of this restore are skipped.
 */
import { link, POLICY_CHAIN, userChain } from '../audit/chain.ts';
import { type Actor, type AuditEntry, type AuditRecord, EMPTY_CHAIN } from '../audit/model.ts';
import { accountNotes, noteOf, policyNotes } from '../audit/state.ts';
import { changedCredentials, statusOf } from '../credentials/change.ts';
import type { Credential, CredentialStatus, User } from '../credentials/model.ts';
import { withStatus } from '../credentials/status.ts';
import { ulid } from '../ids.ts';
import { inForce, type Lock, lockName } from '../locks/model.ts';
import type { Account, AuditTrail, Digests, Directory, PolicyEdit, PolicyStore } from '../ports.ts';
import type { Clock, Random } from '../time.ts';
import { type Finding, sameHead } from './findings.ts';
import { type LostUser, lostLocks, lostOfUser, notAgain } from './lost.ts';

/**
 * Added to epochs and to assignments of tiers: more than any user has seen of either between the moment and its loss, so that
 * nothing an edge, a venue or the limiter remembers is taken for later. 2^33 restores fit.
 */
export const BEYOND = 2 ** 20;
const REPLACED = 'restored: its password or key had been replaced since; issue it anew, then reactivate';

export interface ReconcilePorts {
  readonly directory: Pick<Directory, 'account' | 'commit'>;
  readonly policy: Pick<PolicyStore, 'read' | 'scan' | 'commit'>;
  readonly trail: Pick<AuditTrail, 'append' | 'query'>;
  readonly digests: Digests;
  readonly random: Random;
  readonly clock: Clock;
}

export interface RestoreContext {
  readonly actor: Actor;
  readonly reason: string;
  /** Epoch ms to which the tables were restored; names this restore among others. */
  readonly moment: number;
}

/** What was done to one subject. */
export interface Restored {
  readonly chain: string;
  readonly result: 'restored' | 'already' | 'gone';
  /** What keeps out and was done again, in words. */
  readonly again: readonly string[];
  /** Types of what was lost and is not done again. */
  readonly lost: Readonly<Record<string, number>>;
}

/** Somebody changed the subject meanwhile. Nobody may write during a restore. */
export class NotAlone extends Error {}

/** The chain's missing records come back. Of a chain without a row that is all. */
export async function refill({ trail }: Pick<ReconcilePorts, 'trail'>, { missing, chain }: Finding): Promise<void> {
  if ((await trail.append(missing)) === 'taken') throw new NotAlone(`${chain} has other records by now`);
}

/** @param finding without a fault */
export async function restoreUser(
  ports: ReconcilePorts,
  context: RestoreContext,
  userId: string,
  finding: Finding,
): Promise<Restored> {
  const chain = userChain(userId);
  const done = (result: Restored['result'], again: readonly string[] = []): Restored => ({
    chain,
    result,
    again,
    lost: notAgain(finding.lost),
  });
  if (finding.lost.length === 0 && (await has(ports, context, userId))) return done('already');
  await refill(ports, finding);
  const account = await ports.directory.account(userId);
  if (!sameHead(account.user.chain, finding.row ?? EMPTY_CHAIN)) throw new NotAlone(`${userId} was changed meanwhile`);
  if (account.user.state === 'absent' && finding.lost.length === 0) return done('already');
  const now = ports.clock.now();
  const lost = lostOfUser(finding.lost);
  const after = account.user.state === 'absent' ? undefined : afterRestore(account, lost, now);
  const changed = changedCredentials(after?.changed ?? [], now);
  const user =
    after &&
    finished(
      after.user,
      account.credentials,
      changed.map((one) => one.credential),
      now,
    );
  const entry = entryOf(ports, context, now, {
    user_id: userId,
    details: {
      ...about(context, finding),
      ...(after === undefined ? { gone: true } : { epoch: after.user.epoch, credentials: after.credentials }),
      ...(after?.lock === undefined ? {} : { lock: after.lock }),
    },
  });
  const touched = new Map(changed.map(({ credential }) => [credential.sender_comp_id, credential]));
  const all = account.credentials.map((one) => touched.get(one.sender_comp_id) ?? one);
  const state = { ...gone(finding), ...accountNotes(ports.digests, user, all) };
  const record = link(ports.digests, chain, finding.trail, { ...entry, state });
  const { result } = await ports.directory.commit({
    user_id: userId,
    expected: finding.trail,
    row_head: account.user.chain,
    ...(user ? { user } : {}),
    ...(after?.lock ? { lock: 'put' as const } : {}),
    created: [],
    changed,
    record,
    commands: [],
  });
  if (result !== 'committed') throw new NotAlone(`${userId} was changed meanwhile`);
  return done(after === undefined ? 'gone' : 'restored', after?.again ?? []);
}

/** @param finding of the chain of the policy, without a fault */
export async function restorePolicy(
  ports: ReconcilePorts,
  context: RestoreContext,
  finding: Finding,
): Promise<Restored> {
  await refill(ports, finding);
  const policy = await ports.policy.read();
  if (!sameHead(policy.chain, finding.row ?? EMPTY_CHAIN)) throw new NotAlone('the policy was changed meanwhile');
  const lost = notAgain(finding.lost);
  const chain = POLICY_CHAIN;
  if (finding.lost.length === 0) return { chain, result: 'already', again: [], lost };
  const now = ports.clock.now();
  const there = new Set(policy.locks.map((lock) => lockName(lock.target)));
  const locks = lostLocks(finding.lost, now).filter(({ target }) => !there.has(lockName(target)));
  const put = locks.map((lock): Lock => ({ ...lock, version: policy.version + 1 }));
  const edits = put.map((lock): PolicyEdit => ({ put_lock: lock }));
  const entry = entryOf(ports, context, now, { details: { ...about(context, finding), locks: put } });
  const state = { ...(await asItStands(ports, finding)), ...policyNotes(ports.digests, edits) };
  const record = link(ports.digests, chain, finding.trail, { ...entry, state });
  const result = await ports.policy.commit({
    expected: finding.trail,
    row_head: policy.chain,
    expected_version: policy.version,
    edits,
    record,
  });
  if (result !== 'committed') throw new NotAlone('the policy was changed meanwhile');
  return { chain, result: 'restored', again: put.map(({ target }) => `lock ${lockName(target)}`), lost };
}

/** Whatever the lost records have said of: what is there again says what it is beside this. */
function gone({ lost }: Finding): Record<string, null> {
  return Object.fromEntries(lost.flatMap(({ state = {} }) => Object.keys(state)).map((name) => [name, null]));
}

/** Of the policy's rows that the lost records have said of. */
async function asItStands(
  { policy, digests }: ReconcilePorts,
  finding: Finding,
): Promise<Record<string, string | null>> {
  const notes: Record<string, string | null> = gone(finding);
  for await (const { name, value } of policy.scan())
    if (Object.hasOwn(notes, name)) notes[name] = noteOf(digests, value);
  return notes;
}

interface AfterRestore {
  readonly user: User;
  readonly changed: readonly Credential[];
  readonly credentials: readonly { sender_comp_id: string; from: CredentialStatus; to: CredentialStatus }[];
  readonly lock?: Lock;
  readonly again: readonly string[];
}

/** The account as it has to be: whatever was suspended, revoked or locked since the moment is so again. */
function afterRestore({ user: record, credentials }: Account, lost: LostUser, now: number): AfterRestore {
  const { state: _state, chain: _chain, ...before } = record as Extract<Account['user'], { state: 'present' }>;
  const epoch = before.epoch + BEYOND;
  const moved = { ...before, epoch, tier_assignment: before.tier_assignment + BEYOND };
  const changed = credentials.flatMap((one) => {
    const to = statusAfter(one, lost);
    if (to === one.status) return [];
    return [withStatus(one, to, lost.statuses.get(one.sender_comp_id) === to ? `restored: ${to}` : REPLACED)];
  });
  const moves = changed.map((one) => {
    const from = credentials.find((other) => other.sender_comp_id === one.sender_comp_id)?.status ?? one.status;
    return { sender_comp_id: one.sender_comp_id, from, to: one.status };
  });
  const lock = lost.lock && inForce(lost.lock, now) && before.lock === undefined ? lost.lock : undefined;
  const again = moves.map(({ sender_comp_id, to }) => `${sender_comp_id} ${to}`);
  if (lock === undefined) return { user: moved, changed, credentials: moves, again };
  const put = { ...lock, version: before.version + 1 };
  return { user: { ...moved, lock: put }, changed, credentials: moves, lock: put, again: [...again, 'locked'] };
}

/** A status can only become stricter. */
function statusAfter({ sender_comp_id, status }: Credential, lost: LostUser): CredentialStatus {
  if (status === 'revoked') return status;
  const last = lost.statuses.get(sender_comp_id) ?? 'active';
  if (last !== 'active') return last;
  return lost.renewed.has(sender_comp_id) ? 'suspended' : status;
}

function finished(user: User, before: readonly Credential[], changed: readonly Credential[], now: number): User {
  const names = new Map(changed.map((one) => [one.sender_comp_id, one]));
  const status = statusOf(before.map((one) => names.get(one.sender_comp_id) ?? one));
  return { ...user, status, version: user.version + 1, updated_at: now };
}

function about({ moment }: RestoreContext, { row, trail, lost, missing }: Finding): Record<string, unknown> {
  const records = lost.map(({ seq, type, at }) => ({ seq, type, at })).slice(0, MAX_LISTED);
  return {
    moment,
    row: row ?? null,
    trail,
    lost: lost.length,
    from_archive: missing.length,
    types: notAgain(lost),
    records,
  };
}
/** Of one record; how many there were of each type it has in any case. */
const MAX_LISTED = 50;

async function has({ trail, clock }: ReconcilePorts, { moment }: RestoreContext, user_id: string): Promise<boolean> {
  const { items } = await trail.query({ user_id, type: 'restored' }, { limit: 10 }, clock.now());
  return items.some((one) => !('unreadable' in one) && (one as AuditRecord).details.moment === moment);
}

function entryOf(
  { random }: ReconcilePorts,
  { actor, reason }: RestoreContext,
  at: number,
  what: Pick<AuditEntry, 'details' | 'user_id'>,
): AuditEntry {
  return { id: ulid(at, random), at, type: 'restored', outcome: 'done', actor, reason, ...what };
}
