/** Everything of the domain's ports that keeps state; the memory world and DynamoDB both give one such record. */
import type {
  AuditTrail,
  Directory,
  EdgeRegistry,
  PolicyStore,
  SessionSlots,
  SignedLogons,
  ViolationCounters,
} from '../core/ports.ts';
import type { JournalStore } from '../core/sessions/journal-store.ts';

export interface Stores {
  readonly directory: Directory;
  readonly policy: PolicyStore;
  readonly audit: AuditTrail;
  readonly slots: SessionSlots;
  readonly edges: EdgeRegistry;
  readonly violations: ViolationCounters;
  readonly signedLogons: SignedLogons;
  readonly journals: JournalStore;
}
