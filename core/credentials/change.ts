/**
 * Changes an account: reads it consistently, decides without side effects, and commits the change with its audit record in one
 * transaction. If somebody else was faster it reads and decides again. A refused change is recorded in the same chain, so that no
 * attempt goes unseen.
 */
import { type AdminPorts, type ChangeContext, MAX_ROUNDS } from '../admin.ts';
import { link, userChain } from '../audit/chain.ts';
import type { AuditEntry, AuditType } from '../audit/model.ts';
import { recordRefusal, refusalDetails } from '../audit/refusals.ts';
import { accountNotes } from '../audit/state.ts';
import { FixgateError } from '../errors.ts';
import { ulid } from '../ids.ts';
import type { Account, AccountChange, AddressedCommand, CommitResult } from '../ports.ts';
import type { Credential, User } from './model.ts';
import { cancelsOrders, commandsFor, type Reach, tellMissed } from './reach.ts';

/** The changes that a decision asks for. Versions and `updated_at` are set when they are committed. */
export interface Decision<R> {
  /** The user after the change. Undefined: only the record is written. */
  readonly user?: User;
  readonly created?: readonly Credential[];
  readonly changed?: readonly Credential[];
  readonly sender_comp_id?: string;
  readonly session_id?: string;
  /** What changed, from what to what; never a secret. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly reach?: Reach;
  /** What becomes of the user's entry in the list of locks. */
  readonly lock?: 'put' | 'remove';
  /** Made up SenderCompIDs are drawn again when taken; asked-for ones are refused. */
  readonly redraw?: boolean;
  readonly result: (after: Changed) => R;
}

/** The account as the change left it. */
export interface Changed {
  readonly user: User | undefined;
  /** All credentials, changed and unchanged. */
  readonly credentials: readonly Credential[];
  /** Edges that were told to have orders cancelled; undefined: nobody asked for that. */
  readonly cancelling: number | undefined;
}

/** The decision that nothing is to be changed or recorded. */
export interface Skip<R> {
  readonly skip: R;
}

/** Throws a FixgateError to refuse. Called again in each round, with new random values. */
export type Decide<R> = (account: Account, now: number) => Promise<Decision<R> | Skip<R>> | Decision<R> | Skip<R>;

export interface AccountRequest extends ChangeContext {
  readonly type: AuditType;
  readonly user_id: string;
  /** What the request is about, for the record of a refusal. */
  readonly sender_comp_id?: string | undefined;
  readonly session_id?: string | undefined;
}

/**
 * Runs one change. Throws the FixgateError of a refusal once it is recorded, `busy` when others keep changing the
 * account, StoreUnavailable when the store does not answer (the change may then have been made: the audit shows it).
 */
export async function changeAccount<R>(ports: AdminPorts, request: AccountRequest, decide: Decide<R>): Promise<R> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const account = await ports.directory.account(request.user_id);
    const now = ports.clock.now();
    let decision: Decision<R> | Skip<R>;
    try {
      decision = await decide(account, now);
    } catch (error) {
      if (!(error instanceof FixgateError)) throw error;
      if ((await commitRefusal(ports, request, account, error, now)).result === 'committed') throw error;
      continue;
    }
    if ('skip' in decision) return decision.skip;
    const done = await commitDecision(ports, request, account, decision, now);
    if (done.result === 'committed') return decision.result(done.after);
    if (done.result === 'sender_comp_id_taken' && !decision.redraw) {
      const error = new FixgateError('sender_comp_id_taken', undefined, [{ sender_comp_id: done.sender_comp_id }]);
      if ((await commitRefusal(ports, request, account, error, now)).result === 'committed') throw error;
    }
  }
  throw new FixgateError('busy');
}

/** The user of a SenderCompID. An unknown one is refused, and recorded in the caller's chain. */
export async function ownerOf(
  ports: AdminPorts,
  request: Omit<AccountRequest, 'user_id'> & { sender_comp_id: string },
): Promise<string> {
  const found = await ports.directory.credential(request.sender_comp_id);
  if (found) return found.user.user_id;
  const error = new FixgateError('credential_not_found');
  await recordRefusal(ports, { ...request, error });
  throw error;
}

/** The user of an account, or the refusal `user_not_found`. */
export function present(account: Account): User {
  if (account.user.state === 'absent') throw new FixgateError('user_not_found');
  const { state: _state, chain: _chain, ...user } = account.user;
  return user;
}

/** Refuses with `version_conflict` unless the object has the version that the request names. */
export function checkVersion(ifVersion: number | undefined, version: number): void {
  if (ifVersion !== undefined && ifVersion !== version) {
    throw new FixgateError('version_conflict', undefined, [{ version, if_version: ifVersion }]);
  }
}

/** Credentials for a commit: with their next version, on condition of the present one. */
export function changedCredentials(credentials: readonly Credential[], now: number): AccountChange['changed'] {
  return credentials.map((credential) => ({
    credential: { ...credential, version: credential.version + 1, updated_at: now },
    expected_version: credential.version,
  }));
}

/** `active` when any credential is, else `suspended` when any is, else `revoked`. */
export function statusOf(credentials: readonly Credential[]): User['status'] {
  if (credentials.some((one) => one.status === 'active')) return 'active';
  return credentials.some((one) => one.status === 'suspended') ? 'suspended' : 'revoked';
}

/** Commands that fit into the change's own transaction, whose size the store bounds. Other edges get theirs right after it. */
export const MAX_COMMANDS = 50;

type Committed =
  | { readonly result: 'committed'; readonly after: Changed }
  | Exclude<CommitResult, { result: 'committed' }>;

async function commitDecision<R>(
  ports: AdminPorts,
  request: AccountRequest,
  account: Account,
  decision: Decision<R>,
  now: number,
): Promise<Committed> {
  const created = decision.created ?? [];
  const changed = changedCredentials(decision.changed ?? [], now);
  const touched = new Map(
    [...created, ...changed.map((one) => one.credential)].map((one) => [one.sender_comp_id, one]),
  );
  const credentials = account.credentials.map((one) => touched.get(one.sender_comp_id) ?? one).concat(created);
  const user = decision.user && {
    ...decision.user,
    status: statusOf(credentials),
    version: decision.user.version + 1,
    updated_at: now,
  };
  const { reach } = decision;
  const all = reach ? await commandsFor(ports, reach, request.user_id, now) : [];
  const commands = all.slice(0, MAX_COMMANDS);
  const entry = entryOf(ports, request, now, { outcome: 'done', details: decision.details }, decision);
  const committed = await commit(ports, request.user_id, account, entry, {
    ...(user ? { user } : {}),
    ...(decision.lock ? { lock: decision.lock } : {}),
    created,
    changed,
    commands,
  });
  if (committed.result !== 'committed') return committed;
  if (reach) await tellMissed(ports, reach, request.user_id, commands, now);
  const cancelling = reach && cancelsOrders(reach) ? new Set(all.map(({ edge_id }) => edge_id)).size : undefined;
  return { result: 'committed', after: { user, credentials, cancelling } };
}

function commitRefusal(
  ports: AdminPorts,
  request: AccountRequest,
  account: Account,
  error: FixgateError,
  now: number,
): Promise<CommitResult> {
  const entry = entryOf(ports, request, now, { outcome: 'refused', details: refusalDetails(error) }, request);
  return commit(ports, request.user_id, account, entry, { created: [], changed: [], commands: [] });
}

function commit(
  ports: AdminPorts,
  userId: string,
  account: Account,
  entry: AuditEntry,
  change: Omit<AccountChange, 'user_id' | 'expected' | 'record'> & { readonly commands: readonly AddressedCommand[] },
): Promise<CommitResult> {
  const expected = account.user.chain;
  const written = [...change.created, ...change.changed.map((one) => one.credential)];
  const state = accountNotes(ports.digests, change.user, written);
  const record = link(ports.digests, userChain(userId), expected, { ...entry, ...(state ? { state } : {}) });
  return ports.directory.commit({ user_id: userId, expected, record, ...change });
}

function entryOf(
  ports: AdminPorts,
  request: AccountRequest,
  at: number,
  what: Pick<AuditEntry, 'outcome' | 'details'>,
  about: { readonly sender_comp_id?: string | undefined; readonly session_id?: string | undefined },
): AuditEntry {
  return {
    id: ulid(at, ports.random),
    at,
    type: request.type,
    outcome: what.outcome,
    actor: request.actor,
    user_id: request.user_id,
    ...(about.sender_comp_id === undefined ? {} : { sender_comp_id: about.sender_comp_id }),
    ...(about.session_id === undefined ? {} : { session_id: about.session_id }),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    details: what.details,
  };
}
