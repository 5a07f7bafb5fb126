/**
 * The audit chain of one incarnation of an edge. Records are linked in the order in which things happened, buffered, and
 * appended in batches soon after. While the store is away they wait in a bounded buffer. Records that do not fit are counted,
 * and the next one that fits carries the count.
 */
import { edgeChain, headAfter, link } from '../audit/chain.ts';
import { type AuditEntry, type AuditRecord, type AuditType, type ChainHead, EMPTY_CHAIN } from '../audit/model.ts';
import { StoreUnavailable } from '../errors.ts';
import { ulid } from '../ids.ts';
import type { AuditTrail, Digests } from '../ports.ts';
import type { Clock, Random, Timer, Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { AUDIT_BATCH, AUDIT_BUFFER, AUDIT_FLUSH_MS } from './bounds.ts';
import type { EdgeIdentity } from './model.ts';

/** An event to record. The edge and the time are added here. */
export interface EdgeNote {
  readonly type: AuditType;
  readonly refused?: boolean;
  readonly source_ip?: string | undefined;
  readonly user_id?: string | undefined;
  readonly sender_comp_id?: string | undefined;
  readonly session_id?: string | undefined;
  readonly reason?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface EdgeAuditPorts {
  readonly audit: AuditTrail;
  readonly digests: Digests;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: GateLog;
}

export class EdgeAudit {
  readonly chain: string;
  readonly #ports: EdgeAuditPorts;
  readonly #principal: string;
  readonly #capacity: number;
  #queue: AuditEntry[] = [];
  /** Already linked, and perhaps appended: sent again unchanged until the store confirms it. */
  #batch: readonly AuditRecord[] = [];
  #head: ChainHead = EMPTY_CHAIN;
  #dropped = 0;
  #away = false;
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  /** Callers that wait for a record to be in the store, by its id. */
  readonly #awaited = new Map<string, () => void>();

  constructor(ports: EdgeAuditPorts, identity: EdgeIdentity, capacity = AUDIT_BUFFER) {
    this.#ports = ports;
    this.#capacity = capacity;
    this.#principal = `edge:${identity.edge_id}`;
    this.chain = edgeChain(identity.edge_id, identity.incarnation);
  }

  /** Records that wait for the store. */
  get pending(): number {
    return this.#queue.length + this.#batch.length;
  }

  note(note: EdgeNote): void {
    if (this.pending >= this.#capacity) {
      if (this.#dropped === 0)
        this.#ports.log.error(
          { chain: this.chain, capacity: this.#capacity },
          'audit buffer full, counting what is dropped',
        );
      this.#dropped += 1;
      return;
    }
    this.#take(note);
  }

  /** As {@link note}. Resolves once the record is in the store, however long that takes. Rejects if it was dropped. */
  recorded(note: EdgeNote): Promise<void> {
    if (this.pending >= this.#capacity) {
      this.note(note);
      return Promise.reject(new Error('the audit buffer is full'));
    }
    const { id } = this.#take(note);
    return new Promise((resolve) => void this.#awaited.set(id, resolve));
  }

  #take(note: EdgeNote): AuditEntry {
    const entry = this.#entry(note);
    this.#queue.push(entry);
    this.#arm();
    return entry;
  }

  /** Appends what waits. Resolves once all of it is in the store, or the store is away. */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    this.#flushing = this.#drain().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  #entry(note: EdgeNote): AuditEntry {
    const at = this.#ports.clock.now();
    const details =
      this.#dropped > 0 ? { ...note.details, records_dropped_before: this.#dropped } : (note.details ?? {});
    this.#dropped = 0;
    return {
      id: ulid(at, this.#ports.random),
      at,
      type: note.type,
      outcome: note.refused ? 'refused' : 'done',
      actor: { principal: this.#principal, ...(note.source_ip === undefined ? {} : { source_ip: note.source_ip }) },
      ...(note.user_id === undefined ? {} : { user_id: note.user_id }),
      ...(note.sender_comp_id === undefined ? {} : { sender_comp_id: note.sender_comp_id }),
      ...(note.session_id === undefined ? {} : { session_id: note.session_id }),
      ...(note.reason === undefined ? {} : { reason: note.reason }),
      details,
    };
  }

  #arm(): void {
    if (this.#timer || this.#flushing) return;
    this.#timer = this.#ports.timers.after(AUDIT_FLUSH_MS, () => {
      this.#timer = undefined;
      void this.flush();
    });
  }

  async #drain(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    try {
      while (this.pending > 0) await this.#appendBatch();
      if (this.#away) this.#ports.log.info({ chain: this.chain }, 'audit records flushed after the store came back');
      this.#away = false;
    } catch (error) {
      if (!this.#away)
        this.#ports.log.error({ error, chain: this.chain, pending: this.pending }, 'audit records wait for the store');
      this.#away = true;
      // Whatever the error is, the records stay in the buffer until the store confirms them.
      this.#timer = this.#ports.timers.after(
        error instanceof StoreUnavailable ? AUDIT_FLUSH_MS : AUDIT_FLUSH_MS * 5,
        () => {
          this.#timer = undefined;
          void this.flush();
        },
      );
    }
  }

  async #appendBatch(): Promise<void> {
    if (this.#batch.length === 0) this.#batch = this.#linked(this.#queue.splice(0, AUDIT_BATCH), this.#head);
    if ((await this.#ports.audit.append(this.#batch)) === 'taken') {
      // Only this edge writes this chain, so this is damage. It is logged, and the records are linked to what is there.
      const head = await this.#ports.audit.head(this.chain);
      this.#ports.log.error({ chain: this.chain, seq: head.seq }, 'another writer is in the audit chain of this edge');
      const there = this.#batch.findIndex((record) => record.seq === head.seq && record.hash === head.hash);
      this.#batch = this.#linked(this.#batch.slice(there + 1).map(unlinked), head);
      this.#head = head;
      if (this.#batch.length === 0 || (await this.#ports.audit.append(this.#batch)) === 'taken') {
        if (this.#batch.length > 0) throw new Error(`audit chain ${this.chain} is taken by another writer`);
        return;
      }
    }
    this.#head = headAfter(this.#batch[this.#batch.length - 1]!);
    const appended = this.#batch;
    this.#batch = [];
    if (this.#awaited.size === 0) return;
    for (const { id } of appended) {
      this.#awaited.get(id)?.();
      this.#awaited.delete(id);
    }
  }

  #linked(entries: readonly AuditEntry[], from: ChainHead): AuditRecord[] {
    let head = from;
    return entries.map((entry) => {
      const record = link(this.#ports.digests, this.chain, head, entry);
      head = headAfter(record);
      return record;
    });
  }
}

function unlinked(record: AuditRecord): AuditEntry {
  const { chain: _chain, seq: _seq, prev_hash: _prev, hash: _hash, ...entry } = record;
  return entry;
}
