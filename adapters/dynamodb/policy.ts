/** Rules, tiers and overrides in DynamoDB. */

import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { lockRowName, overrideName, ruleName, tierName } from '../../core/audit/state.ts';
import { lockName } from '../../core/locks/model.ts';
import type { Policy, PolicyEdit, PolicyStore } from '../../core/ports.ts';
import type { Random } from '../../core/time.ts';
import { checkFollows } from '../changes.ts';
import { key } from '../keys.ts';
import { commandRow } from './accounts.ts';
import { type DayNotes, headOf, recordPut, stands, tokenOf } from './audit.ts';
import type { Database, Row, Write } from './database.ts';
import { headIs } from './directory.ts';
import { absent, type Expression, equals } from './expressions.ts';
import type { JoinedReads } from './together.ts';

const META = { table: 'policy', pk: 'META', sk: 'META' } as const;
/**
 * Every edge asks for the version some times a second, and DynamoDB gives one item 3,000 reads a second: it stands in copies
 * too, each a partition of its own, which are written with it.
 */
const COPIES = 16;
const COPY = 'META#';
const copyOf = (n: number) => ({ table: 'policy', pk: `${COPY}${n}`, sk: META.sk }) as const;
/** Of so many looks one is at the row itself: a copy that a release without copies has left behind misleads nobody for long. */
const ITSELF = 16;

/** A user's overrides of up to so many rules are read by key, in one call with what other Logons read; of more rules, by a query. */
const READ_BY_RULE = 6;

/** @param reads joins the version and the overrides that a Logon reads with what other Logons read */
export function createPolicyStore(
  database: Database,
  reads: Pick<JoinedReads, 'get' | 'getAll'>,
  noteDays: DayNotes,
  random: Random,
): PolicyStore {
  const copy = copyOf((random.bytes(1)[0] as number) % COPIES);
  let looks = 0;
  /** A release without copies may have made the table: then they are asked for once in so many looks. */
  let copied = true;
  return {
    /** Read between two equal readings of the head: then rules and tiers are of one version. */
    async read() {
      for (let attempt = 0; ; attempt++) {
        const before = await database.get(META);
        const parts = ['RULES', 'TIERS', 'LOCKS'].map((pk) => database.all('policy', pk));
        const [rules = [], tiers = [], locks = []] = await Promise.all(parts);
        const after = await database.get(META);
        if (before?.audit_hash === after?.audit_hash) return toPolicy(after, rules, tiers, locks);
        await database.backOff(attempt, 'the policy keeps changing');
      }
    },

    async version() {
      looks += 1;
      const itself = looks % ITSELF === 0;
      const row = itself || !copied ? undefined : await reads.get(copy);
      copied = itself || row !== undefined;
      return versionOf(row ?? (await reads.get(META)));
    },

    async overrides(userId, ofRules) {
      const pk = key('OVERRIDE', userId);
      if (ofRules === undefined || ofRules.length > READ_BY_RULE) return (await database.all('policy', pk)).map(stored);
      const rows = await reads.getAll(ofRules.map((sk) => ({ table: 'policy', pk, sk })));
      return rows.flatMap((row) => (row === undefined ? [] : [stored(row)]));
    },

    scan: () => scanned(database),

    async commit(change) {
      checkFollows(change.expected, change.record);
      await noteDays([change.record]);
      const version = change.expected_version + (change.edits.length > 0 ? 1 : 0);
      const { seq, hash } = change.record;
      const writes: Write[] = [
        {
          put: 'policy',
          row: { pk: META.pk, sk: META.sk, version, audit_seq: seq, audit_hash: hash },
          when: both(headIs(change.row_head ?? change.expected), versionIs(change.expected_version)),
        },
        recordPut(change.record),
        ...(change.edits.length > 0 ? copies(version) : []),
        ...change.edits.map(editWrite),
        ...(change.commands ?? []).map(
          ({ edge_id, command }): Write => ({ put: 'sessions', row: commandRow(edge_id, command) }),
        ),
      ];
      const outcome = await database.transact(writes, tokenOf(change.record));
      return outcome.result === 'done' || (await stands(database, change.record)) ? 'committed' : 'conflict';
    },
  };
}

const copies = (version: number): readonly Write[] =>
  Array.from({ length: COPIES }, (_, n) => {
    const { pk, sk } = copyOf(n);
    return { put: 'policy', row: { pk, sk, version } };
  });

function versionOf(row: Row | undefined): number {
  return row === undefined ? 0 : (row.version as number);
}

function versionIs(version: number): Expression {
  return version === 0
    ? { ...absent('version'), text: '(attribute_not_exists(#version) OR #version = :zero)', values: { ':zero': 0 } }
    : equals({ version });
}

function both(a: Expression, b: Expression): Expression {
  return { text: `${a.text} AND ${b.text}`, names: [...a.names, ...b.names], values: { ...a.values, ...b.values } };
}

function toPolicy(meta: Row | undefined, rules: readonly Row[], tiers: readonly Row[], locks: readonly Row[]): Policy {
  return {
    version: versionOf(meta),
    chain: meta === undefined ? EMPTY_CHAIN : headOf(meta),
    rules: rules.map(stored),
    tiers: tiers.map(stored),
    locks: locks.map(stored),
  };
}

function stored(row: Row) {
  return JSON.parse(row.value as string);
}

function editWrite(edit: PolicyEdit): Write {
  const put = (pk: string, sk: string, value: unknown): Write => ({
    put: 'policy',
    row: { pk, sk, value: JSON.stringify(value) },
  });
  const remove = (pk: string, sk: string): Write => ({ remove: { table: 'policy', pk, sk } });
  if ('put_rule' in edit) return put('RULES', edit.put_rule.id, edit.put_rule);
  if ('remove_rule' in edit) return remove('RULES', edit.remove_rule);
  if ('put_tier' in edit) return put('TIERS', edit.put_tier.name, edit.put_tier);
  if ('remove_tier' in edit) return remove('TIERS', edit.remove_tier);
  if ('put_override' in edit) {
    const { user_id, rule_id } = edit.put_override;
    return put(key('OVERRIDE', user_id), rule_id, edit.put_override);
  }
  if ('put_lock' in edit) return put('LOCKS', lockName(edit.put_lock.target), edit.put_lock);
  if ('remove_lock' in edit) return remove('LOCKS', lockName(edit.remove_lock));
  return remove(key('OVERRIDE', edit.remove_override.user_id), edit.remove_override.rule_id);
}

async function* scanned(database: Database): AsyncGenerator<{ readonly name: string; readonly value: unknown }> {
  for await (const row of database.scan('policy', ['pk', 'sk', 'value'])) {
    const { pk, sk, value } = row as { pk: string; sk: string; value?: unknown };
    if (pk === META.pk || pk.startsWith(COPY)) continue;
    yield { name: nameOfRow(pk, sk), value: parsed(value) };
  }
}

/** A row that is nothing of ours is named by its place. */
function nameOfRow(pk: string, sk: string): string {
  if (pk === 'RULES') return ruleName(sk);
  if (pk === 'TIERS') return tierName(sk);
  if (pk === 'LOCKS') return lockRowName(sk);
  const [kind, user] = pk.split('#');
  return kind === 'OVERRIDE' && user !== undefined ? overrideName(decodeURIComponent(user), sk) : `row:${pk} ${sk}`;
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return null;
  }
}
