/** The archive of the audit trail in S3: an object a record, `records/<chain>/<seq>.json`, and one a checkpoint. */
import { createHash } from 'node:crypto';
import type { AuditArchive } from '../../core/audit/archive-port.ts';
import { asCheckpointFile, type CheckpointFile } from '../../core/audit/checkpoint.ts';
import type { CheckpointArchive } from '../../core/audit/checkpoint-port.ts';
import { padded } from '../keys.ts';
import type { Bucket } from './bucket.ts';

export const RECORDS = 'records/';
export const CHECKPOINTS = 'checkpoints/';
/** A key has 1,024 bytes at most. */
const LONGEST_NAME = 900;
export const ENDING = '.json';

/** A chain's folder: its name, escaped; a longer name by its hash, which the records in it name. */
export function folderOf(chain: string): string {
  const name = encodeURIComponent(chain);
  if (name.length <= LONGEST_NAME) return `${RECORDS}${name}/`;
  return `${RECORDS}~${createHash('sha256').update(chain).digest('hex')}/`;
}

export function createAuditArchive(bucket: Bucket): AuditArchive {
  return {
    put: (record) =>
      bucket.putIfAbsent(`${folderOf(record.chain)}${padded(record.seq)}${ENDING}`, JSON.stringify(record)),
    async *places(chain, first, last) {
      const folder = folderOf(chain);
      for await (const key of bucket.list(folder, `${folder}${padded(first - 1)}${ENDING}`)) {
        const seq = Number(key.slice(folder.length, -ENDING.length));
        if (seq > last) return;
        if (Number.isSafeInteger(seq)) yield seq;
      }
    },
  };
}

export function createCheckpointArchive(bucket: Bucket): CheckpointArchive {
  const keyOf = (number: number): string => `${CHECKPOINTS}${padded(number)}${ENDING}`;
  const read = async (number: number): Promise<CheckpointFile> => {
    const text = await bucket.get(keyOf(number));
    const file = text === undefined ? undefined : asCheckpointFile(JSON.parse(text));
    if (file === undefined) throw new Error(`${keyOf(number)} is no checkpoint`);
    return file;
  };
  return {
    read,
    keep: async (file) =>
      (await bucket.putIfAbsent(keyOf(file.number), JSON.stringify(file))) === 'put' ? file : read(file.number),
  };
}
