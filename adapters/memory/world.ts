/** One state that all memory adapters share, so that a transaction spans them: every method changes it in one go. */
import type { AuditRecord, ChainHead } from '../../core/audit/model.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import type { Credential, User } from '../../core/credentials/model.ts';
import type { Override, Rule } from '../../core/eligibility/model.ts';
import type { Tier, Violations } from '../../core/limits/model.ts';
import type { Lock } from '../../core/locks/model.ts';
import type { Page, PageRequest } from '../../core/ports.ts';
import type { Piece, Revocation } from '../../core/sessions/journal-store.ts';
import type {
  Answer,
  EdgeCommand,
  EdgeRow,
  LiveSession,
  NoticeReceipt,
  SessionNumbers,
} from '../../core/sessions/model.ts';
import type { Held } from '../changes.ts';
import { checkPage, compareKeys } from '../keys.ts';
import { copyOf } from './copies.ts';

/** Of one edge. */
export interface MemoryJournal {
  writer: string;
  /** That has claimed it. */
  incarnation: number;
  /** The incarnation that is meant by… */
  revokedOf: number;
  /** …these, oldest first. */
  revocations: (readonly Revocation[])[];
  /** By number, then offset. */
  readonly segments: Map<number, Map<number, Piece>>;
}

export interface MemoryUser {
  chain: ChainHead;
  user: User | undefined;
}

export interface MemoryWorld {
  readonly users: Map<string, MemoryUser>;
  /** By SenderCompID. */
  readonly credentials: Map<string, Credential>;
  /** By chain, in order; the record of seq n stands at n - 1. */
  readonly chains: Map<string, AuditRecord[]>;
  readonly policy: { version: number; chain: ChainHead };
  readonly rules: Map<string, Rule>;
  readonly tiers: Map<string, Tier>;
  /** By name of the target. */
  readonly locks: Map<string, Lock>;
  /** Users in the list of locks. */
  readonly locked: Set<string>;
  /** By user, then rule. */
  readonly overrides: Map<string, Map<string, Override>>;
  /** By session id; holds slots of dead edges too until they are taken. */
  readonly sessions: Map<string, LiveSession>;
  /** The same by user, then session id. */
  readonly sessionsOf: Map<string, Map<string, LiveSession>>;
  /** By FIX session. */
  readonly holdings: Map<string, Held>;
  /** By command id. */
  readonly answers: Map<string, Answer>;
  readonly edges: Map<string, EdgeRow>;
  /** By edge: the incarnation that its next one is above. */
  readonly passed: Map<string, number>;
  /** By edge, then command id. */
  readonly commands: Map<string, Map<string, EdgeCommand>>;
  readonly numbers: Map<string, SessionNumbers>;
  /** By notice, then edge. */
  readonly receipts: Map<string, Map<string, NoticeReceipt>>;
  readonly violations: Map<string, Violations>;
  /** By SenderCompID and digest. */
  readonly signedLogons: Map<string, { readonly attempt: string; readonly until: number }>;
  /** By edge. */
  readonly journals: Map<string, MemoryJournal>;
  /** By name. */
  readonly parcels: Map<string, readonly Uint8Array[]>;
}

/** An empty world. */
export function createWorld(): MemoryWorld {
  return {
    users: new Map(),
    credentials: new Map(),
    chains: new Map(),
    policy: { version: 0, chain: EMPTY_CHAIN },
    rules: new Map(),
    tiers: new Map(),
    locks: new Map(),
    locked: new Set(),
    overrides: new Map(),
    sessions: new Map(),
    sessionsOf: new Map(),
    holdings: new Map(),
    answers: new Map(),
    edges: new Map(),
    passed: new Map(),
    commands: new Map(),
    numbers: new Map(),
    receipts: new Map(),
    violations: new Map(),
    signedLogons: new Map(),
    journals: new Map(),
    parcels: new Map(),
  };
}

export function sameHead(a: ChainHead, b: ChainHead): boolean {
  return a.seq === b.seq && a.hash === b.hash;
}

/** Whether this very record stands in its place: then a repeated write has been done before. */
export function stands(world: MemoryWorld, record: AuditRecord): boolean {
  return world.chains.get(record.chain)?.[record.seq - 1]?.hash === record.hash;
}

/** Puts a record that its caller has found to be the next. */
export function putRecord(world: MemoryWorld, record: AuditRecord): void {
  const chain = world.chains.get(record.chain) ?? [];
  world.chains.set(record.chain, chain);
  chain[record.seq - 1] = copyOf(record);
}

export function putCommand(world: MemoryWorld, edgeId: string, command: EdgeCommand): void {
  const queue = world.commands.get(edgeId) ?? new Map<string, EdgeCommand>();
  world.commands.set(edgeId, queue);
  queue.set(command.id, copyOf(command));
}

/** One page of rows by their keys, ascending or descending; the position is the last key. */
export function pageOf<T>(
  rows: Iterable<T>,
  keyOf: (row: T) => string,
  page: PageRequest,
  descending = false,
): Page<T> {
  checkPage(page);
  const sign = descending ? -1 : 1;
  const { after } = page;
  const rest = [...rows]
    .map((row) => ({ row, key: keyOf(row) }))
    .filter(({ key }) => after === undefined || sign * compareKeys(key, after) > 0)
    .sort((a, b) => sign * compareKeys(a.key, b.key));
  const shown = rest.slice(0, page.limit);
  const items = shown.map(({ row }) => copyOf(row));
  const last = shown.at(-1);
  return rest.length > shown.length && last !== undefined ? { items, next: last.key } : { items };
}
