/** Compares the rows of accounts and policy with the digests in their audit records: rows that differ were not written by the product. */
import type { Credential } from '../credentials/model.ts';
import type { AuditTrail, Digests, Directory, DirectoryRow, PolicyStore } from '../ports.ts';
import { POLICY_CHAIN, userChain } from './chain.ts';
import type { StoredRecord } from './model.ts';
import { credentialIs, credentialName, credentialNote, noteOf, USER } from './state.ts';
import { recordsOf } from './walk.ts';

/** A row that differs from the audit trail. */
export interface DirectWrite {
  readonly chain: string;
  /** Of the row: `user`, `credential:<SenderCompID>`, `tier:<name>`, … */
  readonly name: string;
  readonly found: 'changed' | 'added' | 'gone' | 'strange';
  /** The record that wrote the row last; undefined: none did. */
  readonly seq?: number;
}

export interface DirectVerdict {
  readonly writes: readonly DirectWrite[];
  /** Number of rows that agree with their records. */
  readonly rows: number;
  /** Number of rows last written by an older release, whose records have no digests. */
  readonly older: number;
}

interface Noted {
  readonly note: string | null;
  readonly seq: number;
}

/** Collects what the records of all chains say about rows. */
export class StateFold {
  readonly #chains = new Map<string, Map<string, Noted>>();
  readonly #older = new Set<string>();

  see(record: StoredRecord): void {
    if ('unreadable' in record) return;
    const { chain, seq, state, type, outcome } = record;
    if (state === undefined && outcome === 'done' && (type === 'provision' || type === 'policy_seeded'))
      this.#older.add(chain);
    const noted = this.#chains.get(chain) ?? new Map<string, Noted>();
    this.#chains.set(chain, noted);
    for (const [name, note] of Object.entries(state ?? {})) noted.set(name, { note, seq });
  }

  /** Whether rows of this chain were made by a release that noted no state. */
  isOlder(chain: string): boolean {
    return this.#older.has(chain);
  }

  forget(chain: string): void {
    this.#chains.delete(chain);
    this.#older.delete(chain);
  }

  /** Undefined: the chain has no records. */
  of(chain: string): ReadonlyMap<string, Noted> | undefined {
    return this.#chains.get(chain);
  }

  get chains(): Iterable<[string, ReadonlyMap<string, Noted>]> {
    return this.#chains;
  }
}

interface Row {
  readonly note: string;
  readonly is: (note: string) => boolean;
}

export interface DirectPorts {
  readonly directory: Pick<Directory, 'scan'>;
  readonly policy: Pick<PolicyStore, 'scan'>;
  readonly digests: Digests;
}

/** How often a difference is checked: at the first time a change may be under way. */
const LOOKS = 3;

/**
 * Finds every row that was not written by the product. Changes go on meanwhile: a row that differs is read again, and so is its
 * chain, and it counts only if the difference stays.
 * @param fold of all chains, walked before
 */
export async function findDirectWrites(
  ports: DirectPorts & { readonly trail: Pick<AuditTrail, 'chain'> },
  fold: StateFold,
): Promise<DirectVerdict> {
  let verdict = await compareRows(ports, fold);
  for (let look = 1; look < LOOKS && verdict.writes.length > 0; look++) {
    const before = new Set(verdict.writes.map(textOf));
    for (const chain of new Set(verdict.writes.map((write) => write.chain))) {
      fold.forget(chain);
      for await (const record of recordsOf(ports.trail, chain)) fold.see(record);
    }
    const again = await compareRows(ports, fold);
    verdict = { ...again, writes: again.writes.filter((write) => before.has(textOf(write))) };
  }
  return verdict;
}

const textOf = ({ chain, name, found, seq }: DirectWrite): string => JSON.stringify([chain, name, found, seq]);

async function compareRows(ports: DirectPorts, fold: StateFold): Promise<DirectVerdict> {
  const rows = new Map<string, Map<string, Row>>();
  const writes: DirectWrite[] = [];
  const put = (chain: string, name: string, row: Row): void => {
    const ofChain = rows.get(chain) ?? new Map<string, Row>();
    rows.set(chain, ofChain.set(name, row));
  };
  for await (const row of ports.directory.scan()) {
    if (row.kind === 'strange') writes.push({ chain: 'credentials', name: row.key, found: 'strange' });
    else put(...rowOf(ports.digests, row));
  }
  for await (const { name, value } of ports.policy.scan()) {
    const note = noteOf(ports.digests, value);
    put(POLICY_CHAIN, name, { note, is: (one) => one === note });
  }
  let same = 0;
  let older = 0;
  for (const [chain, found] of rows) {
    const noted = fold.of(chain);
    for (const [name, row] of found) {
      const { note, seq } = noted?.get(name) ?? {};
      if (note === undefined && fold.isOlder(chain)) older += 1;
      else if (note === undefined || note === null) writes.push({ chain, name, found: 'added', ...seqOf(seq) });
      else if (row.is(note)) same += 1;
      else writes.push({ chain, name, found: 'changed', ...seqOf(seq) });
    }
  }
  for (const [chain, noted] of fold.chains)
    for (const [name, { note, seq }] of noted)
      if (note !== null && !rows.get(chain)?.has(name)) writes.push({ chain, name, found: 'gone', seq });
  return { writes, rows: same, older };
}

const seqOf = (seq: number | undefined) => (seq === undefined ? {} : { seq });

function rowOf(digests: Digests, row: Exclude<DirectoryRow, { kind: 'strange' }>): [string, string, Row] {
  if (row.kind === 'user') {
    const note = noteOf(digests, row.user);
    return [userChain(row.user.user_id), USER, { note, is: (one) => one === note }];
  }
  const { credential } = row;
  const is = (note: string): boolean => credentialIs(digests, note, credential);
  return [userChain(credential.user_id), nameOf(credential), { note: credentialNote(digests, credential), is }];
}

const nameOf = ({ sender_comp_id }: Credential): string => credentialName(sender_comp_id);
