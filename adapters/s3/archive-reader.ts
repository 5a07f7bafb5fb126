/** The archive read back: by whoever has to go on from it. */
import type { CheckpointFile } from '../../core/audit/checkpoint.ts';
import { asCheckpointFile } from '../../core/audit/checkpoint.ts';
import { type AuditRecord, asRecord } from '../../core/audit/model.ts';
import type { ArchiveReader } from '../../core/restore/archive-reader.ts';
import { padded } from '../keys.ts';
import type { Objects } from '../objects.ts';
import { CHECKPOINTS, ENDING, folderOf, RECORDS } from './archive.ts';

export function createArchiveReader(objects: Objects): ArchiveReader {
  const read = async (name: string): Promise<AuditRecord> => {
    const record = asRecord(parsed(await objects.get(name)));
    if (record === undefined) throw new Error(`${name} of the archive is no record`);
    return record;
  };
  return {
    /** One list a chain: from the first record of a chain on to what lies behind all that its folder can hold. */
    async *chains() {
      for (let after = ''; ; ) {
        const [first] = await taken(objects.list(RECORDS, after), 1);
        if (first === undefined) return;
        yield (await read(first)).chain;
        after = `${first.slice(0, first.lastIndexOf('/') + 1)}:`;
      }
    },

    async *records(chain, after) {
      const folder = folderOf(chain);
      for await (const name of objects.list(folder, `${folder}${padded(after)}${ENDING}`)) {
        const record = await read(name);
        if (record.chain === chain) yield record;
      }
    },
  };
}

/** Checkpoints behind this number, ascending. */
export async function* checkpointsSince(objects: Objects, number: number): AsyncGenerator<CheckpointFile> {
  for await (const name of objects.list(CHECKPOINTS, `${CHECKPOINTS}${padded(number)}${ENDING}`)) {
    const file = asCheckpointFile(parsed(await objects.get(name)));
    if (file === undefined) throw new Error(`${name} of the archive is no checkpoint`);
    yield file;
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

async function taken<T>(items: AsyncIterable<T>, most: number): Promise<readonly T[]> {
  const some: T[] = [];
  for await (const item of items) {
    some.push(item);
    if (some.length === most) break;
  }
  return some;
}
