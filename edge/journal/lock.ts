/** One process at a time uses a directory. */

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { JournalError } from './journal.ts';

const NAME = 'lock';
/** SQLITE_BUSY: somebody else has the lock. */
const BUSY = 5;

/**
 * An exclusive lock that the system lets go of with its process, however that ends. Node has no lock on files of its
 * own; SQLite's stands on the system's, and counts holders within one process too. Nothing is ever written.
 * @returns lets go
 * @throws JournalError `in_use`, `unusable`
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, NAME);
  createEmpty(path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    const held = database;
    return () => held.close();
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === BUSY)
      throw new JournalError('in_use', `${directory} is in use by another running edge`);
    throw new JournalError('unusable', `${path} cannot be locked: ${(error as Error).message}`, { cause: error });
  }
}

/** Only when it is not there: opening and closing a file drops the locks that this process has on it (POSIX). */
function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new JournalError('unusable', `${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}
