/** The archive as a restore reads it: records as they were first written, beyond what the table has. */
import type { AuditRecord } from '../audit/model.ts';

export interface ArchiveReader {
  /** Names of all chains that have records there. */
  chains(): AsyncIterable<string>;
  /** Records of a chain behind this number, ascending. Rejects at one that is no record. */
  records(chain: string, after: number): AsyncIterable<AuditRecord>;
}

/** There is none: what the table has is all that is known. */
export const NO_ARCHIVE: ArchiveReader = { async *chains() {}, async *records() {} };
