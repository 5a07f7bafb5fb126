/** Up to when the archive has been compared with the trail. */
import { ASIDE } from './audit.ts';
import type { Database } from './database.ts';

const MARK = { table: 'audit', pk: `${ASIDE}archive`, sk: 'MARK' } as const;

export interface ArchiveMark {
  /** Epoch ms; 0: it never was. */
  read(): Promise<number>;
  write(at: number): Promise<void>;
}

export function createArchiveMark(database: Database): ArchiveMark {
  return {
    read: async () => ((await database.get(MARK))?.at as number | undefined) ?? 0,
    write: async (at) => {
      await database.write({ put: 'audit', row: { pk: MARK.pk, sk: MARK.sk, at } });
    },
  };
}
