/**
 * Checkpoints: from time to time the heads of all chains that have grown are hashed into one Merkle root, which is linked
 * to the checkpoint before and signed. Whoever holds the public key and a later checkpoint need not believe the tables:
 * no record that it covers can be altered, taken out or cut off without its chain missing the head that was signed.
 */
import type { Digests } from '../ports.ts';
import { canonicalJson } from './canonical.ts';

/** One chain in a checkpoint: its records `first` to `seq` are new in it, and its head is this hash. */
export interface CheckpointLeaf {
  readonly chain: string;
  readonly first: number;
  readonly seq: number;
  /** Of record `seq`. */
  readonly hash: string;
}

/** What is signed. */
export interface CheckpointBody {
  readonly version: 1;
  /** 1 for the first. */
  readonly number: number;
  /** Epoch ms. */
  readonly at: number;
  /** Hash of the checkpoint before; 64 zeros: none. */
  readonly previous: string;
  readonly chains: number;
  /** Merkle root of the leaves. */
  readonly root: string;
  /** Of the key that signs it. */
  readonly key: string;
}

export interface Checkpoint extends CheckpointBody {
  /** ECDSA over P-256 with SHA-256 of the canonical JSON of the body, DER in base64. */
  readonly signature: string;
}

/** As the archive keeps it: with what its root is made of, by the name of the chain. */
export interface CheckpointFile extends Checkpoint {
  readonly leaves: readonly CheckpointLeaf[];
}

/** The hash of no checkpoint. */
export const NO_CHECKPOINT = '0'.repeat(64);

/** Leaves of one checkpoint; what is more waits for the next. A file of them has some two megabytes. */
export const MAX_LEAVES = 10_000;

/** The text that is hashed and signed. */
export function checkpointText(checkpoint: CheckpointBody): string {
  const { version, number, at, previous, chains, root, key } = checkpoint;
  return canonicalJson({ version, number, at, previous, chains, root, key });
}

/** By which the next checkpoint names this one. */
export function checkpointHash(digests: Digests, checkpoint: CheckpointBody): string {
  return digests.sha256(checkpointText(checkpoint));
}

/**
 * Merkle tree hash after RFC 9162, 2.1.1: the left subtree is the largest full one. Leaves and nodes are hashed under
 * prefixes of their own, so that none can pass for the other.
 */
export function merkleRoot(digests: Digests, leaves: readonly CheckpointLeaf[]): string {
  if (leaves.length === 0) return digests.sha256('');
  const hashes = leaves.map((leaf) => digests.sha256(`\u0000${canonicalJson(leaf)}`));
  return rootOf(digests, hashes);
}

function rootOf(digests: Digests, hashes: readonly string[]): string {
  if (hashes.length === 1) return hashes[0] as string;
  let left = 1;
  while (left * 2 < hashes.length) left *= 2;
  return digests.sha256(`\u0001${rootOf(digests, hashes.slice(0, left))}${rootOf(digests, hashes.slice(left))}`);
}

/** Orders leaves as they stand in a checkpoint: by UTF-16 code units of the chain's name. */
export function inOrder(leaves: readonly CheckpointLeaf[]): readonly CheckpointLeaf[] {
  return leaves.toSorted((a, b) => (a.chain < b.chain ? -1 : a.chain > b.chain ? 1 : 0));
}

/** Whether a signature over a text is the key's. */
export type VerifySignature = (text: string, signature: string) => boolean;

/**
 * Takes checkpoints in their order, from the first on, and says what is wrong with each; then knows the last signed head
 * of every chain.
 */
export class CheckpointWalk {
  readonly #digests: Digests;
  readonly #verify: VerifySignature;
  readonly #heads = new Map<string, CheckpointLeaf>();
  #number = 0;
  #previous = NO_CHECKPOINT;

  constructor(digests: Digests, verify: VerifySignature) {
    this.#digests = digests;
    this.#verify = verify;
  }

  /** What is wrong with it; undefined: nothing. After a fault the walk goes on from the checkpoint as it is. */
  next(file: CheckpointFile): string | undefined {
    const fault = this.#fault(file);
    this.#number = file.number;
    this.#previous = checkpointHash(this.#digests, file);
    for (const leaf of file.leaves) this.#heads.set(leaf.chain, leaf);
    return fault;
  }

  /** The last signed head of each chain. */
  get heads(): ReadonlyMap<string, CheckpointLeaf> {
    return this.#heads;
  }

  #fault(file: CheckpointFile): string | undefined {
    if (file.number !== this.#number + 1) return `has number ${file.number} where ${this.#number + 1} belongs`;
    if (file.previous !== this.#previous) return 'does not continue the checkpoint before it';
    if (!this.#verify(checkpointText(file), file.signature)) return 'is not signed by this key';
    if (file.leaves.length !== file.chains) return `has ${file.leaves.length} chains where ${file.chains} were signed`;
    if (merkleRoot(this.#digests, file.leaves) !== file.root) return 'has other chains than were signed';
    const jump = file.leaves.find(({ chain, first }) => first !== (this.#heads.get(chain)?.seq ?? 0) + 1);
    return jump === undefined ? undefined : `leaves out records of ${jump.chain} before ${jump.first}`;
  }
}

/** Holds the records of an export, in whatever order of chains, against what was signed. */
export class SignedRecords {
  /** Hashes by chain and number, of what was not seen yet. */
  readonly #unseen = new Map<string, Map<number, string>>();

  /** @param leaves of all checkpoints */
  constructor(leaves: Iterable<CheckpointLeaf>) {
    for (const { chain, seq, hash } of leaves) {
      const signed = this.#unseen.get(chain) ?? new Map<number, string>();
      this.#unseen.set(chain, signed.set(seq, hash));
    }
  }

  /** False: the record that stands here is not the one that was signed. */
  see(chain: string, seq: number, hash: string | undefined): boolean {
    const signed = this.#unseen.get(chain);
    const expected = signed?.get(seq);
    signed?.delete(seq);
    return expected === undefined || expected === hash;
  }

  /** Signed records that were not among those seen. */
  *missing(): Generator<{ readonly chain: string; readonly seq: number }> {
    for (const [chain, signed] of this.#unseen) for (const seq of signed.keys()) yield { chain, seq };
  }
}

/** The value as a checkpoint of the archive, when it has the form of one. */
export function asCheckpointFile(value: unknown): CheckpointFile | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, number, at, previous, chains, root, key, signature, leaves } = value as Record<string, unknown>;
  if (version !== 1 || ![number, at, chains].every(Number.isSafeInteger)) return undefined;
  if (![previous, root, key, signature].every((one) => typeof one === 'string')) return undefined;
  if (!Array.isArray(leaves) || !leaves.every(isLeaf)) return undefined;
  return value as CheckpointFile;
}

function isLeaf(value: unknown): boolean {
  const { chain, first, seq, hash } = (value ?? {}) as Record<string, unknown>;
  const texts = typeof chain === 'string' && typeof hash === 'string';
  return texts && Number.isSafeInteger(first) && Number.isSafeInteger(seq);
}
