/** What the checkpointer keeps, and its archive, in memory. */

import { compareKeys } from '../../adapters/keys.ts';
import type { Checkpoint, CheckpointFile } from '../../core/audit/checkpoint.ts';
import type { CheckpointArchive, CheckpointStore } from '../../core/audit/checkpoint-port.ts';
import { type ChainHead, EMPTY_CHAIN } from '../../core/audit/model.ts';

export function createMemoryCheckpoints(): CheckpointStore {
  const pending = new Map<string, number>();
  const signed = new Map<string, ChainHead>();
  let newest: { checkpoint: Checkpoint; settled: boolean } | undefined;
  let lease: { holder: string; until: number } | undefined;
  const forget = (chain: string, seq: number): void => {
    if ((pending.get(chain) ?? Number.POSITIVE_INFINITY) <= seq) pending.delete(chain);
  };
  return {
    async note(grown) {
      for (const { chain, seq } of grown) pending.set(chain, Math.max(seq, pending.get(chain) ?? 0));
    },
    async pending(limit) {
      const found = [...pending].sort(([a], [b]) => compareKeys(a, b)).slice(0, limit);
      return found.map(([chain, seq]) => ({ chain, seq }));
    },
    forget: async ({ chain, seq }) => forget(chain, seq),
    signed: async (chain) => signed.get(chain) ?? EMPTY_CHAIN,
    last: async () => newest,
    async commit({ leaves: _, ...checkpoint }) {
      if ((newest?.checkpoint.number ?? 0) === checkpoint.number - 1) newest = { checkpoint, settled: false };
      return JSON.stringify(newest?.checkpoint) === JSON.stringify(checkpoint);
    },
    async settle({ number, leaves }) {
      for (const { chain, seq, hash } of leaves) {
        signed.set(chain, { seq, hash });
        forget(chain, seq);
      }
      if (newest?.checkpoint.number === number) newest = { ...newest, settled: true };
    },
    async lease(holder, now, until) {
      if (lease !== undefined && lease.until > now && lease.holder !== holder) return false;
      lease = { holder, until };
      return true;
    },
    async release(holder) {
      if (lease?.holder === holder) lease = undefined;
    },
  };
}

export function createMemoryCheckpointArchive(): CheckpointArchive & { readonly files: Map<number, CheckpointFile> } {
  const files = new Map<number, CheckpointFile>();
  return {
    files,
    async keep(file) {
      const kept = files.get(file.number) ?? file;
      files.set(file.number, kept);
      return kept;
    },
    async read(number) {
      const file = files.get(number);
      if (file === undefined) throw new Error(`there is no checkpoint ${number}`);
      return file;
    },
  };
}
