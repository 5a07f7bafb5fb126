/** What a checkpointer keeps beside the trail, and who signs. */
import type { Checkpoint, CheckpointFile } from './checkpoint.ts';
import type { ChainHead } from './model.ts';

/** A chain that has grown. */
export interface PendingChain {
  readonly chain: string;
  readonly seq: number;
}

export interface CheckpointStore {
  /** Notes that these chains have grown to these numbers; of one chain the largest counts. */
  note(grown: readonly PendingChain[]): Promise<void>;
  /** Chains that have grown since they were signed last, at most `limit`. */
  pending(limit: number): Promise<readonly PendingChain[]>;
  /** Up to where a chain is signed; seq 0: not at all. */
  signed(chain: string): Promise<ChainHead>;
  /** Takes back a note that said this and no more: it is signed already. */
  forget(pending: PendingChain): Promise<void>;
  /** The newest checkpoint; not settled: what it has signed is not noted yet. */
  last(): Promise<{ readonly checkpoint: Checkpoint; readonly settled: boolean } | undefined>;
  /** Makes this the newest checkpoint, if the one before it still is. False: another has its number. */
  commit(file: CheckpointFile): Promise<boolean>;
  /** Notes what it has signed; chains that have not grown since are pending no more. Repeating it is harmless. */
  settle(file: CheckpointFile): Promise<void>;
  /** Holds the lease for `holder` until `until` (epoch ms) unless another holds it at `now`. */
  lease(holder: string, now: number, until: number): Promise<boolean>;
  /** Gives the lease back. */
  release(holder: string): Promise<void>;
}

/** Where checkpoints are kept for good. */
export interface CheckpointArchive {
  /** The one that has the number: this one if none had, else the other. */
  keep(file: CheckpointFile): Promise<CheckpointFile>;
  /** Rejects when there is none. */
  read(number: number): Promise<CheckpointFile>;
}

export interface AuditSigner {
  /** Names the key for whoever verifies. */
  readonly key: string;
  /** Signs the SHA-256 (hex) of a text: ECDSA over P-256, DER in base64. */
  sign(sha256: string): Promise<string>;
}
