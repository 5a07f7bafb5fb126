/** Where records are kept apart from the table: each once, under its place in its chain, never to be altered. */
import type { AuditRecord } from './model.ts';

export interface AuditArchive {
  /** Puts the record as it was hashed. 'present': something stands in its place already, and stays. */
  put(record: AuditRecord): Promise<'put' | 'present'>;
  /** Which places of a chain are taken, from `first` to `last`, both inclusive, ascending. */
  places(chain: string, first: number, last: number): AsyncIterable<number>;
}
