/** The audit trail in DynamoDB. */
import { type AuditRecord, asRecord, type ChainHead, EMPTY_CHAIN, type StoredRecord } from '../../core/audit/model.ts';
import type { AuditQuery, AuditTrail } from '../../core/ports.ts';
import { checkRun } from '../changes.ts';
import { dayOf, key, padded, shardOf, timeKey } from '../keys.ts';
import { type Database, LAST_KEY, type Range, type Row, TRANSACTION, type Write } from './database.ts';
import { absentOr, type Expression } from './expressions.ts';
import { readPage, type Segment } from './pages.ts';
import { AUDIT_SHARDS, BY_ACTOR, BY_DAY, BY_TYPE, BY_USER } from './tables.ts';

/** Records of one transaction: a chain has one writer, so that none meets another; a slow store takes so many in time. */
const APPENDED_AT_ONCE = TRANSACTION / 2;
/** Begins partitions that are no chain's. */
export const ASIDE = '~';
/** Partition of the days that have records. */
const DAYS = `${ASIDE}days`;
/** Days and types that this process remembers having noted. */
const MAX_NOTED = 1000;

/** Puts a record if its place is free or it stands there already. */
export function recordPut(record: AuditRecord): Write {
  const day = dayOf(record.at);
  const shard = shardOf(record.id, AUDIT_SHARDS);
  const row = {
    pk: record.chain,
    sk: padded(record.seq),
    // The text that was hashed is what JSON gives back; numbers of the store would be rounded otherwise.
    record: JSON.stringify(record),
    id: record.id,
    hash: record.hash,
    user_id: record.user_id,
    type: record.type,
    actor: record.actor.principal,
    time_sk: timeKey(record.at, record.id),
    user_pk: record.user_id === undefined ? undefined : key('U', record.user_id),
    actor_pk: key('A', record.actor.principal, day.slice(0, 6)),
    type_pk: key('T', record.type, day, shard),
    day_pk: key('D', day, shard),
  };
  return { put: 'audit', row, when: absentOr({ hash: record.hash }) };
}

/** Whether this very record stands in its place: then a transaction whose reply was lost was committed. */
export async function stands(database: Database, record: AuditRecord): Promise<boolean> {
  const row = await database.get({ table: 'audit', pk: record.chain, sk: padded(record.seq) });
  return row?.hash === record.hash;
}

/** ClientRequestToken of the transaction that writes a record: bound to its content too, since a retry differs in it. */
export function tokenOf(record: AuditRecord): string {
  return `${record.id}.${record.hash}`.slice(0, 36);
}

/**
 * Which days have records, and of which types, so that a walk backwards ends and leaves out empty days. Noted BEFORE
 * the record is written: a day too many costs a query, one too few would hide records.
 */
export type DayNotes = (records: readonly AuditRecord[]) => Promise<void>;

export function createDayNotes(database: Database): DayNotes {
  const noted = new Set<string>();
  return async (records) => {
    const rows = new Map<string, { readonly pk: string; readonly sk: string }>();
    for (const { at, type } of records) {
      for (const pk of [DAYS, key(DAYS, type)]) rows.set(key(pk, dayOf(at)), { pk, sk: dayOf(at) });
    }
    const missing = [...rows].filter(([name]) => !noted.has(name));
    if (missing.length === 0) return;
    // One by one: who may write batches may remove rows as well.
    await Promise.all(missing.map(([, row]) => database.write({ put: 'audit', row })));
    if (noted.size > MAX_NOTED) noted.clear();
    for (const [name] of missing) noted.add(name);
  };
}

export function createAuditTrail(database: Database, noteDays: DayNotes): AuditTrail {
  return {
    async append(records) {
      checkRun(records);
      if (records.length === 0) return 'appended';
      await noteDays(records);
      for (let at = 0; at < records.length; at += APPENDED_AT_ONCE) {
        const outcome = await database.transact(records.slice(at, at + APPENDED_AT_ONCE).map(recordPut));
        if (outcome.result === 'refused') return 'taken';
      }
      return 'appended';
    },

    async query(filter, page, _now) {
      // The days that were noted bound the walk: nothing is read before the deployment's first record.
      const { rows, next } = await readPage(database, await segmentsOf(database, filter), page);
      const items = rows.map(toRecord);
      return next === undefined ? { items } : { items, next };
    },

    async chain(chain, page, first) {
      const from = first === undefined ? ' ' : padded(first);
      const range: Range = { table: 'audit', pk: ['pk', chain], sk: 'sk', from, to: LAST_KEY };
      const { rows, next } = await readPage(database, [{ name: 'chain', ranges: [range] }], page);
      const items = rows.map(toRecord);
      return next === undefined ? { items } : { items, next };
    },

    async head(chain) {
      const range: Range = { table: 'audit', pk: ['pk', chain], sk: 'sk', from: ' ', to: LAST_KEY, descending: true };
      const [last] = (await database.range(range, 1)).rows;
      if (last === undefined) return EMPTY_CHAIN;
      return { seq: Number(last.sk), hash: last.hash as string };
    },

    chains: () => chainNames(database),
    expectedHead: (chain) => expectedHead(database, chain),
  };
}

/** Never throws: one damaged row must neither hide the rest of the trail nor keep its chain from being walked. */
function toRecord(row: Row): StoredRecord {
  let value: unknown;
  let unreadable = 'it has not the form of an audit record';
  try {
    value = JSON.parse(row.record as string);
  } catch {
    unreadable = 'it is not JSON';
  }
  const record = asRecord(value);
  if (record !== undefined) return record;
  const id = typeof row.id === 'string' ? { id: row.id } : {};
  return { chain: row.pk, seq: Number(row.sk), ...id, unreadable };
}

async function expectedHead(database: Database, chain: string): Promise<ChainHead | undefined> {
  const user = chain.startsWith('user:') ? chain.slice('user:'.length) : undefined;
  if (user === undefined && chain !== 'policy') return undefined;
  const row = await database.get(
    user === undefined
      ? { table: 'policy', pk: 'META', sk: 'META' }
      : { table: 'credentials', pk: key('U', user), sk: 'META' },
  );
  return row === undefined ? EMPTY_CHAIN : headOf(row);
}

/** The chain head that a subject's own row keeps. */
export function headOf(row: Readonly<Record<string, unknown>>): ChainHead {
  return { seq: row.audit_seq as number, hash: row.audit_hash as string };
}

/** Chains that have records, then those of whose records only the head in the subject's row is left. */
async function* chainNames(database: Database): AsyncGenerator<string> {
  const seen = new Set<string>();
  const once = function* (name: string) {
    if (!seen.has(name)) yield name;
    seen.add(name);
  };
  for await (const row of database.scan('audit', ['pk'])) {
    const name = row.pk as string;
    if (!name.startsWith(ASIDE)) yield* once(name);
  }
  for await (const row of database.scan('credentials', ['sk', 'user_id', 'audit_seq'])) {
    if (row.sk === 'META' && typeof row.audit_seq === 'number') yield* once(`user:${row.user_id}`);
  }
  if ((await expectedHead(database, 'policy'))?.seq) yield* once('policy');
}

/** The index that leaves least to filter: user, then actor, then type, then all of a day. */
async function segmentsOf(database: Database, query: AuditQuery): Promise<readonly Segment[]> {
  const from = timeKey(Math.max(0, query.from ?? 0));
  const to = query.to === undefined ? LAST_KEY : timeKey(Math.max(0, query.to));
  const base = { table: 'audit', sk: 'time_sk', from, to, descending: true } as const;
  const range = (index: string, pk: string, filters: readonly (keyof typeof FILTERS)[]): Range => {
    const filter = filterOf(query, filters);
    return { ...base, index, pk: [INDEX_KEYS[index] as string, pk], ...(filter === undefined ? {} : { filter }) };
  };
  if (query.user_id !== undefined) {
    return [{ name: 'user', ranges: [range(BY_USER, key('U', query.user_id), ['type', 'actor'])] }];
  }
  const days = await daysOf(database, query);
  const { actor, type } = query;
  if (actor !== undefined) {
    const months = [...new Set(days.map((day) => day.slice(0, 6)))];
    return months.map((month) => ({ name: month, ranges: [range(BY_ACTOR, key('A', actor, month), ['type'])] }));
  }
  const shards = Array.from({ length: AUDIT_SHARDS }, (_, shard) => String(shard).padStart(2, '0'));
  return days.map((day) => ({
    name: day,
    ranges: shards.map((shard) =>
      type === undefined ? range(BY_DAY, key('D', day, shard), []) : range(BY_TYPE, key('T', type, day, shard), []),
    ),
  }));
}

const INDEX_KEYS: Readonly<Record<string, string>> = {
  [BY_USER]: 'user_pk',
  [BY_ACTOR]: 'actor_pk',
  [BY_TYPE]: 'type_pk',
  [BY_DAY]: 'day_pk',
};

const FILTERS = { type: 'type', actor: 'actor' } as const;

function filterOf(query: AuditQuery, filters: readonly (keyof typeof FILTERS)[]): Expression | undefined {
  const asked = filters.filter((name) => query[name] !== undefined);
  if (asked.length === 0) return undefined;
  return {
    text: asked.map((name) => `#${FILTERS[name]} = :f_${name}`).join(' AND '),
    names: asked.map((name) => FILTERS[name]),
    values: Object.fromEntries(asked.map((name) => [`:f_${name}`, query[name]])),
  };
}

/** Days that can hold what is asked for, newest first. */
async function daysOf(database: Database, query: AuditQuery): Promise<readonly string[]> {
  const pk = query.type === undefined ? DAYS : key(DAYS, query.type);
  const from = query.from === undefined ? '0' : dayOf(Math.max(0, query.from));
  const to = query.to === undefined ? '9' : dayOf(Math.max(0, query.to));
  const days: string[] = [];
  if (from > to) return days;
  for await (const row of database.rows({ table: 'audit', pk: ['pk', pk], sk: 'sk', from, to, descending: true })) {
    days.push(row.sk);
  }
  return days;
}
