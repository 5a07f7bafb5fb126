/** What the admin operations need of the world, and what each call brings along. */
import type { Actor } from './audit/model.ts';
import type { CompiledExpressions } from './eligibility/evaluate.ts';
import type {
  AuditTrail,
  Digests,
  Directory,
  EdgeRegistry,
  PolicyStore,
  SecretBox,
  SecretVault,
  SessionSlots,
  ViolationCounters,
} from './ports.ts';
import type { Clock, Random } from './time.ts';

export interface AdminPorts {
  readonly directory: Directory;
  readonly policy: PolicyStore;
  readonly trail: AuditTrail;
  readonly slots: SessionSlots;
  readonly edges: EdgeRegistry;
  readonly violations: ViolationCounters;
  readonly box: SecretBox;
  readonly vault: SecretVault;
  readonly digests: Digests;
  readonly random: Random;
  readonly clock: Clock;
  readonly expressions: CompiledExpressions;
}

/** What every change takes beside its own arguments. */
export interface ChangeContext {
  readonly actor: Actor;
  readonly reason?: string | undefined;
  /** The change is made only while the object it is about has this version. */
  readonly if_version?: number | undefined;
}

/** Rounds of read, decide and write before a change answers `busy`: the first and five more. */
export const MAX_ROUNDS = 6;
