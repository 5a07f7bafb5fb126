/** Checkpoints that were made since the moment come back to the table: else the next ones would be numbered and linked anew. */
import { type CheckpointFile, checkpointHash, NO_CHECKPOINT } from '../audit/checkpoint.ts';
import type { CheckpointStore } from '../audit/checkpoint-port.ts';
import type { Digests } from '../ports.ts';

export interface AdoptPorts {
  readonly store: Pick<CheckpointStore, 'last' | 'commit' | 'settle'>;
  /** Checkpoints behind this number, ascending. */
  readonly since: (number: number) => AsyncIterable<CheckpointFile>;
  readonly digests: Digests;
}

/** @returns how many there are beyond the table's; with `act` they are its own then. @throws Error when they do not follow it */
export async function adoptCheckpoints({ store, since, digests }: AdoptPorts, act: boolean): Promise<number> {
  const last = await store.last();
  let previous = last === undefined ? NO_CHECKPOINT : checkpointHash(digests, last.checkpoint);
  let count = 0;
  for await (const file of since(last?.checkpoint.number ?? 0)) {
    if (file.previous !== previous) throw new Error(`checkpoint ${file.number} does not continue that of the table`);
    previous = checkpointHash(digests, file);
    count += 1;
    if (!act) continue;
    if (!(await store.commit(file)))
      throw new Error(`checkpoint ${file.number} could not be taken: another run is at it`);
    await store.settle(file);
  }
  return count;
}
