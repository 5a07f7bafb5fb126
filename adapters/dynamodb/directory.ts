/** Users and credentials in DynamoDB. */
import { type AuditRecord, EMPTY_CHAIN } from '../../core/audit/model.ts';
import type { CredentialStatus, User } from '../../core/credentials/model.ts';
import type { Lock } from '../../core/locks/model.ts';
import type { AccountChange, CommitResult, Directory, DirectoryRow, Page, PageRequest } from '../../core/ports.ts';
import { afterLogon, afterReseal, checkFollows, countByKind } from '../changes.ts';
import { compareKeys, key } from '../keys.ts';
import * as accounts from './accounts.ts';
import { type DayNotes, recordPut, stands, tokenOf } from './audit.ts';
import { type Database, LAST_KEY, type Row, type Write } from './database.ts';
import { absent, type Expression, equals } from './expressions.ts';
import { readPage, type Segment } from './pages.ts';
import { BY_STATUS, BY_TIER, LIST_SHARDS } from './tables.ts';
import type { Joined } from './together.ts';

type Filter = { readonly status?: CredentialStatus; readonly tier?: string };

/** In the order of their names, as a list without a filter shows them. */
const STATUSES: readonly CredentialStatus[] = ['active', 'revoked', 'suspended'];
const SHARDS = Array.from({ length: LIST_SHARDS }, (_, shard) => String(shard).padStart(2, '0'));

export function createDirectory(database: Database, joined: Joined, noteDays: DayNotes): Directory {
  return {
    /**
     * The user's row is read before the credentials: if a change comes between, the chain head read is the older one
     * and nothing can be committed on it.
     */
    async account(userId) {
      const rows = await database.all('credentials', accounts.userKey(userId).pk);
      const names = rows.flatMap((row) => (typeof row.sender_comp_id === 'string' ? [row.sender_comp_id] : []));
      const credentials = (await database.getAll(names.map(accounts.credentialKey))).map(accounts.toCredential);
      return {
        user: accounts.toUserRecord(
          userId,
          rows.find((row) => row.sk === 'META'),
        ),
        credentials: credentials.sort((a, b) => compareKeys(a.sender_comp_id, b.sender_comp_id)),
      };
    },

    /**
     * The credential once to know its user, then the user, then the credential again: what is returned of the
     * credential is not older than the user's epoch, so that a suspension between the reads shows in the one or fails
     * the taking of a slot by the other.
     */
    async credential(senderCompId) {
      // The credential is read again after its user, so that no suspension slips between the two. An unknown name costs
      // the same three reads: how long it takes must not tell that it is unknown.
      const first = await joined.reads.get(accounts.credentialKey(senderCompId));
      const userId = first === undefined ? senderCompId : accounts.toCredential(first).user_id;
      const row = await joined.reads.get(accounts.userKey(userId));
      const again = await joined.reads.get(accounts.credentialKey(senderCompId));
      if (first === undefined || row === undefined || again === undefined) return undefined;
      const user = accounts.toUser(row);
      return user && { credential: accounts.toCredential(again), user };
    },

    commit: (change) => commit(database, noteDays, change),

    async listCredentials(filter, page) {
      const { rows, next } = await readPage(database, segmentsOf(filter, 'ST', 'T'), page);
      const items = rows.map((row) => accounts.toCredential({ ...row, verifiers: [] }));
      return next === undefined ? { items } : { items, next };
    },

    async listUsers(filter, page) {
      const { rows, next } = await readPage(database, segmentsOf(filter, 'UST', 'UT'), page);
      const found = await database.getAll(rows.map(({ pk, sk }) => ({ table: 'credentials', pk, sk })));
      const users = new Map(found.map((row) => [row.pk, accounts.toUser(row)]));
      // Who has another status or tier by now is not of this list any more.
      const items = rows.flatMap(({ pk }) => users.get(pk) ?? []).filter((user) => matches(user, filter));
      return next === undefined ? { items } : { items, next };
    },

    listLocks: (page) => listLocks(database, page),

    countUsers: () => countUsers(database),
    scan: () => scanned(database),

    reseal(credential, proof) {
      const row = accounts.credentialRow(afterReseal(credential, proof));
      return database.write({ put: 'credentials', row, when: equals({ version: credential.version }) });
    },

    noteLogon: (...logon) => noteLogon(joined, ...logon),
  };
}

async function noteLogon(
  joined: Joined,
  ...[credential, at, verifierVersion]: Parameters<Directory['noteLogon']>
): Promise<boolean> {
  const { sender_comp_id, version } = credential;
  const after = afterLogon(credential, at, verifierVersion);
  if (after === undefined) {
    const row = await joined.reads.get(accounts.credentialKey(sender_comp_id));
    return row?.version === version;
  }
  const when = equals({ version });
  const write = { put: 'credentials', row: accounts.credentialRow(after), when } as const;
  return (await joined.transactions.transact([write])).result === 'done';
}

async function listLocks(database: Database, page: PageRequest): Promise<Page<Lock>> {
  const range = { table: 'credentials', pk: ['pk', accounts.LOCKS], sk: 'sk', from: ' ', to: LAST_KEY } as const;
  const { rows, next } = await readPage(database, [{ name: 'locks', ranges: [range] }], page);
  const items: Lock[] = rows.map((row) => JSON.parse(row.lock as string));
  return next === undefined ? { items } : { items, next };
}

function matches(user: User, { status, tier }: Filter): boolean {
  return (status === undefined || user.status === status) && (tier === undefined || user.tier === tier);
}

async function commit(database: Database, noteDays: DayNotes, change: AccountChange): Promise<CommitResult> {
  checkFollows(change.expected, change.record);
  await noteDays([change.record]);
  const writes: Write[] = [
    ...change.created.map(
      (one): Write => ({ put: 'credentials', row: accounts.credentialRow(one), when: absent('pk') }),
    ),
    headWrite(change),
    recordPut(change.record),
    ...change.created.map((credential): Write => ({ put: 'credentials', row: accounts.pointerRow(credential) })),
    ...change.changed.map(
      ({ credential, expected_version }): Write => ({
        put: 'credentials',
        row: accounts.credentialRow(credential),
        when: equals({ version: expected_version }),
      }),
    ),
    ...lockWrites(change),
    ...change.commands.map(
      ({ edge_id, command }): Write => ({ put: 'sessions', row: accounts.commandRow(edge_id, command) }),
    ),
  ];
  const outcome = await database.transact(writes, tokenOf(change.record));
  if (outcome.result === 'done' || (await stands(database, change.record))) return { result: 'committed' };
  const taken = change.created[outcome.failed[0] ?? Number.NaN];
  const onlyNames = outcome.failed.every((i) => i < change.created.length);
  if (onlyNames && taken !== undefined) return { result: 'sender_comp_id_taken', sender_comp_id: taken.sender_comp_id };
  return { result: 'conflict' };
}

function lockWrites({ lock, user }: AccountChange): readonly Write[] {
  if (lock === undefined || user === undefined) return [];
  if (lock === 'remove') return [{ remove: accounts.lockKey(user.user_id) }];
  return [{ put: 'credentials', row: accounts.lockRow(user) }];
}

/** The user's row, or only its chain head, under the condition that the head is still the expected one. */
function headWrite({ user_id, user, expected, row_head = expected, record }: AccountChange): Write {
  const when = headIs(row_head);
  const head = { audit_seq: record.seq, audit_hash: record.hash };
  if (user !== undefined) return { put: 'credentials', row: { ...accounts.userRow(user), ...head }, when };
  return {
    update: accounts.userKey(user_id),
    change: {
      text: 'SET #audit_seq = :new_seq, #audit_hash = :new_hash, #user_id = :user_id',
      names: ['audit_seq', 'audit_hash', 'user_id'],
      values: { ':new_seq': head.audit_seq, ':new_hash': head.audit_hash, ':user_id': user_id },
    },
    when,
  };
}

/** The head that a subject's row must have; of a chain without records there is none. */
export function headIs(expected: Pick<AuditRecord, 'seq' | 'hash'>): Expression {
  if (expected.seq === EMPTY_CHAIN.seq) return absent('audit_seq');
  return equals({ audit_seq: expected.seq, audit_hash: expected.hash });
}

/** Partitions of a list, in order: by tier when only the tier is asked for, else by status. */
function segmentsOf({ status, tier }: Filter, byStatus: string, byTier: string): readonly Segment[] {
  const base = { table: 'credentials', from: ' ', to: LAST_KEY } as const;
  if (status === undefined && tier !== undefined) {
    const ranges = SHARDS.map((shard) => ({
      ...base,
      index: BY_TIER,
      pk: ['tier_pk', key(byTier, tier, shard)] as const,
      sk: 'tier_sk',
    }));
    return [{ name: 'tier', ranges }];
  }
  const bounds = tier === undefined ? {} : { from: key(tier, ''), to: key(tier, LAST_KEY) };
  return (status === undefined ? STATUSES : [status]).map((one) => ({
    name: one,
    ranges: SHARDS.map((shard) => ({
      ...base,
      ...bounds,
      index: BY_STATUS,
      pk: ['status_pk', key(byStatus, one, shard)] as const,
      sk: 'status_sk',
    })),
  }));
}

/**
 * Reads the keys of all users from the index. Counting in the store would cost the same capacity, and needs the names
 * of the tiers beforehand.
 */
async function countUsers(database: Database) {
  const only = ['status_pk', 'status_sk'];
  const ranges = segmentsOf({}, 'UST', 'UT').flatMap((segment) => segment.ranges);
  const kinds = ranges.map(async (range) => {
    const users = [];
    for await (const row of database.rows({ ...range, only })) users.push(accounts.indexedUser(row));
    return users;
  });
  return countByKind((await Promise.all(kinds)).flat());
}

const SCANNED = ['pk', 'sk', 'user', 'credential', 'verifiers', 'idempotency'];

/** Whatever stands in the table: who may write it directly may write anything. */
async function* scanned(database: Database): AsyncGenerator<DirectoryRow> {
  for await (const one of database.scan('credentials', SCANNED)) {
    const row = one as Row;
    const known = row.pk === accounts.LOCKS || row.sk.startsWith('C#') || (row.sk === 'META' && row.user === undefined);
    if (!known) yield parsedRow(row) ?? { kind: 'strange', key: `${row.pk} ${row.sk}` };
  }
}

/** Undefined: it is no user and no credential, or stands in another's place. */
function parsedRow(row: Row): DirectoryRow | undefined {
  try {
    if (row.sk === 'META') {
      const user = accounts.toUser(row);
      return user && accounts.userKey(user.user_id).pk === row.pk ? { kind: 'user', user } : undefined;
    }
    const credential = accounts.toCredential(row);
    return accounts.credentialKey(credential.sender_comp_id).pk === row.pk
      ? { kind: 'credential', credential }
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
