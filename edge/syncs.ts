/** The calls that put written data on the disk: the system's, or substitutes in tests that simulate the loss of a machine. */
import { close, closeSync, fdatasync, fdatasyncSync, fsync, fsyncSync, open, openSync } from 'node:fs';

export type Done = (error: Error | null) => void;

export interface Syncs {
  /** The bytes of a file. */
  data(fd: number, done: Done): void;
  /** The names in a directory. */
  names(directory: string, done: Done): void;
  /** Both while the process waits. @throws what the file system says */
  dataNow(fd: number): void;
  namesNow(directory: string): void;
}

export const SYSTEM_SYNCS: Syncs = {
  data: (fd, done) => fdatasync(fd, done),
  names(directory, done) {
    open(directory, 'r', (error, fd) => {
      if (error !== null) done(error);
      else fsync(fd, (failed) => close(fd, () => done(failed)));
    });
  },
  dataNow: (fd) => fdatasyncSync(fd),
  namesNow: (directory) => opened(directory, fsyncSync),
};

function opened(path: string, work: (fd: number) => void): void {
  const fd = openSync(path, 'r');
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}

/** What has been written to this file is on the disk. @throws what the file system says */
export function settled(path: string, syncs: Syncs): void {
  opened(path, (fd) => syncs.dataNow(fd));
}
