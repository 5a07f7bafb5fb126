/** All stores in DynamoDB. */
import type { CheckpointStore } from '../../core/audit/checkpoint-port.ts';
import type { AuditTrail } from '../../core/ports.ts';
import type { Random } from '../../core/time.ts';
import type { Stores } from '../stores.ts';
import { type ArchiveMark, createArchiveMark } from './archive-mark.ts';
import { createAuditTrail, createDayNotes } from './audit.ts';
import type { StoreClient } from './calls.ts';
import { createCheckpointStore } from './checkpoints.ts';
import { Database } from './database.ts';
import { createDirectory } from './directory.ts';
import { type EdgeLayout, EdgeRows } from './edge-rows.ts';
import { createJournalStore } from './journal-store.ts';
import { createPolicyStore } from './policy.ts';
import { createEdgeRegistry } from './registry.ts';
import { createSignedLogons } from './signed-logons.ts';
import { createSessionSlots } from './slots.ts';
import type { TableNames } from './tables.ts';
import { joinedOf } from './together.ts';
import { createViolationCounters } from './violations.ts';

export interface DynamoOptions {
  /** See createClient, and DirectCalls. */
  readonly client: StoreClient;
  readonly tables: TableNames;
  /** For jitter, and for choosing among free slots. */
  readonly random: Random;
  /** Of a call with all its tries; by default that of people on a FIX line. */
  readonly deadlineMs?: number;
  /** Waits between tries, ms; left out: by the system's clock. */
  readonly pause?: (ms: number) => Promise<unknown>;
  /** Calls of a kind under way before others are joined; left out: two. */
  readonly lanes?: number;
  /** Of the edges that begin by these adapters; left out: together. */
  readonly edgeRows?: EdgeLayout;
}

/** What archives and signs the trail. */
export interface AuditAdapters {
  readonly trail: AuditTrail;
  readonly checkpoints: CheckpointStore;
  readonly archiveMark: ArchiveMark;
}

export function createAuditAdapters({ client, tables, random }: DynamoOptions): AuditAdapters {
  const database = new Database(client, tables, random);
  return {
    trail: createAuditTrail(database, createDayNotes(database)),
    checkpoints: createCheckpointStore(database),
    archiveMark: createArchiveMark(database),
  };
}

export function createDynamoAdapters(options: DynamoOptions): Stores {
  const { client, tables, random, deadlineMs, pause, lanes } = options;
  const database = new Database(client, tables, random, deadlineMs, pause);
  const noteDays = createDayNotes(database);
  const joined = joinedOf(database, lanes);
  const edgeRows = new EdgeRows(database, joined.edgeReads, options.edgeRows ?? 'together');
  return {
    directory: createDirectory(database, joined, noteDays),
    policy: createPolicyStore(database, joined.reads, noteDays, random),
    audit: createAuditTrail(database, noteDays),
    slots: createSessionSlots({ database, joined: joined.transactions, random, edgeRows }),
    edges: createEdgeRegistry(database, joined.reads, edgeRows),
    violations: createViolationCounters(database),
    signedLogons: createSignedLogons(database),
    journals: createJournalStore(database),
  };
}
