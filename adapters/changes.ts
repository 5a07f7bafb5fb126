/** Rules that every store applies alike, in memory and in DynamoDB. */
import type { AuditRecord, ChainHead } from '../core/audit/model.ts';
import type { Credential, CredentialProof, CredentialStatus, User } from '../core/credentials/model.ts';
import { retiredBy, withoutSecrets } from '../core/credentials/proof.ts';
import type { EdgeIdentity, FixSessionKey, Holding, LiveSession, Reserved, Reserving } from '../core/sessions/model.ts';
import { compareKeys, key } from './keys.ts';

/** Checks that a record continues the chain head that it is written under. If not, the caller is wrong, and nothing is stored. */
export function checkFollows(expected: ChainHead, record: AuditRecord): void {
  if (record.seq !== expected.seq + 1 || record.prev_hash !== expected.hash) {
    throw new RangeError(`record ${record.id} (${record.chain} ${record.seq}) does not follow ${expected.seq}`);
  }
}

/** Checks that records appended together are of one chain and consecutive. */
export function checkRun(records: readonly AuditRecord[]): void {
  for (const [i, record] of records.entries()) {
    const before = records[i - 1];
    if (before === undefined) continue;
    if (record.chain !== before.chain) throw new RangeError(`records of two chains: ${before.chain}, ${record.chain}`);
    checkFollows({ seq: before.seq, hash: before.hash }, record);
  }
}

/**
 * The credential after a logon with this version of its proof: first_logon_at is set, older passwords and secrets stop working
 * at once. Undefined: nothing changes.
 */
export function afterLogon(credential: Credential, at: number, verifierVersion: number): Credential | undefined {
  const proof = retiredBy(credential.proof, verifierVersion, at);
  if (credential.first_logon_at !== undefined && proof === credential.proof) return undefined;
  return {
    ...credential,
    first_logon_at: credential.first_logon_at ?? at,
    proof,
    updated_at: at,
    version: credential.version + 1,
  };
}

/** The credential with its proof sealed anew. */
export function afterReseal(credential: Credential, proof: CredentialProof): Credential {
  return { ...credential, proof, version: credential.version + 1 };
}

/** The credential as lists show it: neither secrets nor the request that made it. */
export function listed(credential: Credential): Credential {
  const { idempotency: _, ...rest } = credential;
  return { ...rest, proof: withoutSecrets(rest.proof) };
}

/** How many there are of each status and tier, sorted by them. */
export function countByKind(users: Iterable<Pick<User, 'status' | 'tier'>>) {
  const counts = new Map<string, { status: CredentialStatus; tier: string; count: number }>();
  for (const { status, tier } of users) {
    const entry = counts.get(key(status, tier)) ?? { status, tier, count: 0 };
    entry.count++;
    counts.set(key(status, tier), entry);
  }
  return [...counts.entries()].sort(([a], [b]) => compareKeys(a, b)).map(([, entry]) => entry);
}

/** The parts of a FIX session's key, in the order in which keys of rows have them. */
export function sessionKey(session: Pick<LiveSession, 'key'>): readonly [string, string, string, string] {
  const { begin_string, sender_comp_id, sender_sub_id, target_comp_id } = session.key;
  return [begin_string, sender_comp_id, sender_sub_id, target_comp_id];
}

/** The opposite: the session that these parts name. */
export function keyOfSession(parts: readonly string[]): FixSessionKey {
  const [begin_string = '', sender_comp_id = '', sender_sub_id = '', target_comp_id = ''] = parts;
  return { begin_string, sender_comp_id, sender_sub_id, target_comp_id };
}

/** Which edge acts for a FIX session. */
export type Held = Holding & EdgeIdentity;

/**
 * The holding after this edge has taken the session. A first epoch is above all of the user's epochs, because an older release
 * told venues those. If an earlier incarnation of this edge took the session and did not settle it, `from` stays: the venue was
 * told of another edge meanwhile, and has refused what this one sent.
 */
export function holdingAfter(
  session: EdgeIdentity & Pick<LiveSession, 'epoch' | 'session_id'>,
  held: Held | undefined,
  numbers: Reserving | 'none' | undefined,
): Holding {
  const after = ownerAfter(session, held);
  const reserved = reservedBy(session, held, after, numbers);
  return reserved === undefined ? after : { ...after, reserved };
}

function ownerAfter(
  { edge_id, incarnation, epoch: least }: EdgeIdentity & Pick<LiveSession, 'epoch'>,
  held?: Held,
): Holding {
  if (held === undefined) return { epoch: least + 1, home: edge_id, from: edge_id };
  const { epoch, home, from } = held;
  if (held.edge_id === edge_id && held.incarnation === incarnation) return { epoch, home, from };
  return { epoch: Math.max(epoch, least) + 1, home, from: held.edge_id === edge_id ? from : held.edge_id };
}

/** The reservation after a taking. It stays until the session is settled if the state has to come from another edge, or may be lost here. */
function reservedBy(
  { edge_id, session_id }: EdgeIdentity & Pick<LiveSession, 'session_id'>,
  held: Held | undefined,
  { home, from }: Holding,
  numbers: Reserving | 'none' | undefined,
): Reserved | undefined {
  const before = held?.reserved;
  if (home !== edge_id || from !== edge_id || numbers === undefined) return before;
  if (numbers === 'none') return undefined;
  const { known, ...rest } = numbers;
  return known || before === undefined || before.out === 1 ? { ...rest, by: session_id } : before;
}

export function sameReserved(a: Reserved | undefined, b: Reserved | undefined): boolean {
  return a?.out === b?.out && a?.next_in === b?.next_in && a?.generation === b?.generation && a?.by === b?.by;
}

/** The edge named in a session id, `<edge>.<incarnation>.<n>`. Undefined: it is no session id. */
export function edgeOf(sessionId: string): string | undefined {
  return /^(.+)\.\d+\.\d+$/.exec(sessionId)?.[1];
}

/** A set of slots that is not written out: a tier may allow a million. */
export interface Takeable {
  readonly count: number;
  /** The slot at this place in ascending order, from 0; `place` is less than `count`. */
  at(place: number): number;
  has(slot: number): boolean;
}

/**
 * Slots that a new session may take: the free ones below `max`. If slots at or above `max` are still held, after the maximum
 * was lowered, as many of the highest free ones are left out. So edges that take slots at the same time, or from stale
 * readings, never hold more than `max` together: each takes a slot only while enough free ones are above it. The cost is that
 * of the held slots, not of the free ones.
 */
export function takeable(held: ReadonlySet<number>, max: number): Takeable {
  const below = [...held].filter((slot) => slot < max).sort((a, b) => a - b);
  const count = Math.max(0, max - held.size);
  const at = (place: number): number => {
    let slot = place;
    for (const taken of below) if (taken <= slot) slot++;
    return slot;
  };
  return { count, at, has: (slot) => !held.has(slot) && count > 0 && slot <= at(count - 1) };
}
