/** Hash chains of audit records: making the next record, and proving that a chain is whole. */
import type { Digests } from '../ports.ts';
import { canonicalJson } from './canonical.ts';
import { type AuditEntry, type AuditRecord, type ChainHead, EMPTY_CHAIN, type StoredRecord } from './model.ts';

/** The chain of what concerns no user. */
export const POLICY_CHAIN = 'policy';

/** The chain of a user: every change to it or its credentials, done or refused. */
export function userChain(userId: string): string {
  return `user:${userId}`;
}

/** The chain that an edge writes in one boot. */
export function edgeChain(edgeId: string, incarnation: number): string {
  return `edge:${edgeId}:${incarnation}`;
}

/**
 * A chain of what a principal was refused without a subject to record it at: an unknown SenderCompID, a request that
 * fits no schema. Number 0 is the first; the others (`#1`, …) take what comes at the same moment.
 */
export function refusedChain(principal: string, number = 0): string {
  return number === 0 ? `refused:${principal}` : `refused:${principal}#${number}`;
}

/** A chain of what a principal has announced to sessions; numbered as those of {@link refusedChain}. */
export function announcedChain(principal: string, number = 0): string {
  return number === 0 ? `announced:${principal}` : `announced:${principal}#${number}`;
}

/** `entry` as the next record of `chain`, whose head is `head`. */
export function link(digests: Digests, chain: string, head: ChainHead, entry: AuditEntry): AuditRecord {
  const record = { ...entry, chain, seq: head.seq + 1, prev_hash: head.hash };
  return { ...record, hash: digests.sha256(canonicalJson(record)) };
}

/** The head of a chain whose last record this is. */
export function headAfter(record: AuditRecord): ChainHead {
  return { seq: record.seq, hash: record.hash };
}

/** SHA-256 (hex) over the canonical JSON of everything in the record but its hash. */
export function recordHash(digests: Digests, record: AuditRecord): string {
  const { hash: _, ...rest } = record;
  return digests.sha256(canonicalJson(rest));
}

export type ChainFault =
  /** What stands there is no record. */
  | 'unreadable'
  /** A record of another chain stands in this one. */
  | 'chain'
  /** A record is missing before this one, or stands twice. */
  | 'seq'
  /** The record does not name the hash of the one before. */
  | 'prev_hash'
  /** The record was altered after it was hashed. */
  | 'hash'
  /** The chain ends before, or elsewhere than, the head that is kept outside it. */
  | 'tail';

export type ChainVerdict =
  | { readonly whole: true; readonly chain: string; readonly head: ChainHead }
  | {
      readonly whole: false;
      readonly chain: string;
      readonly fault: ChainFault;
      /** Place of the first broken record; for `tail`, of the first one that is missing or differs. */
      readonly seq: number;
      /** Its id, when it is there at all. */
      readonly id?: string;
      readonly text: string;
    };

type Broken = Extract<ChainVerdict, { whole: false }>;

/**
 * Takes the records of one chain in their order, from its first on, and names the first broken one. With `expected`,
 * the head that the subject's own row keeps, a cut tail is seen too; records past it mean that the row was set back.
 */
export class ChainWalk {
  readonly #digests: Digests;
  readonly #chain: string;
  readonly #expected: ChainHead | undefined;
  #head: ChainHead;
  #broken: Broken | undefined;

  /** @param after the records begin behind this head, which is known to be true */
  constructor(digests: Digests, chain: string, expected?: ChainHead, after: ChainHead = EMPTY_CHAIN) {
    this.#digests = digests;
    this.#head = after;
    this.#chain = chain;
    this.#expected = expected;
  }

  /** True while nothing is broken; behind the first broken record nothing is looked at any more. */
  next(record: StoredRecord): boolean {
    if (this.#broken) return false;
    const found = firstFault(this.#digests, this.#chain, this.#head, record);
    if (found) return this.#fail(found.fault, this.#head.seq + 1, found.text, record.id);
    this.#head = headAfter(record as AuditRecord);
    const { seq, hash } = this.#head;
    if (this.#expected?.seq !== seq || this.#expected.hash === hash) return true;
    return this.#fail('tail', seq, 'differs from the head kept outside the chain', record.id);
  }

  /** The verdict, once there are no more records. */
  end(): ChainVerdict {
    const { seq } = this.#head;
    const expected = this.#expected?.seq ?? seq;
    if (expected !== seq) {
      const text = `the chain ends at ${seq}, the head kept outside it says ${expected}`;
      this.#fail('tail', Math.min(seq, expected) + 1, text);
    }
    return this.#broken ?? { whole: true, chain: this.#chain, head: this.#head };
  }

  #fail(fault: ChainFault, seq: number, text: string, id?: string): false {
    this.#broken ??= { whole: false, chain: this.#chain, fault, seq, ...(id === undefined ? {} : { id }), text };
    return false;
  }
}

/** Walks a chain, from its first record to its first broken one or its end. See {@link ChainWalk}. */
export async function verifyChain(
  digests: Digests,
  chain: string,
  records: AsyncIterable<StoredRecord> | Iterable<StoredRecord>,
  expected?: ChainHead,
): Promise<ChainVerdict> {
  const walk = new ChainWalk(digests, chain, expected);
  for await (const record of records) if (!walk.next(record)) break;
  return walk.end();
}

function firstFault(
  digests: Digests,
  chain: string,
  head: ChainHead,
  record: StoredRecord,
): { fault: ChainFault; text: string } | undefined {
  if ('unreadable' in record) return { fault: 'unreadable', text: `cannot be read: ${record.unreadable}` };
  if (record.chain !== chain) return { fault: 'chain', text: `belongs to chain ${record.chain}` };
  if (record.seq !== head.seq + 1)
    return { fault: 'seq', text: `has number ${record.seq} where ${head.seq + 1} belongs` };
  if (record.prev_hash !== head.hash) return { fault: 'prev_hash', text: 'does not continue the record before it' };
  let hash: string;
  try {
    hash = recordHash(digests, record);
  } catch (error) {
    // A value that JSON does not have cannot have been hashed: somebody put it there.
    return { fault: 'hash', text: `holds what no record can hold: ${(error as Error).message}` };
  }
  return hash === record.hash ? undefined : { fault: 'hash', text: 'was altered after it was hashed' };
}
