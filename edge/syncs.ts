/** The calls that are done with files aside, and those that put written data on the disk: the system's, or substitutes in tests. */
import { close, closeSync, fdatasync, fdatasyncSync, fsync, fsyncSync, open, openSync, writev } from 'node:fs';

export type Done = (error: Error | null) => void;

export interface Syncs {
  /** The bytes of a file. */
  data(fd: number, done: Done): void;
  /** The names in a directory. */
  names(directory: string, done: Done): void;
  /** Both while the process waits. @throws what the file system says */
  dataNow(fd: number): void;
  namesNow(directory: string): void;
  /** Writes zeros over the first so many bytes of a file. */
  zeros(fd: number, bytes: number, done: Done): void;
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
  zeros: (fd, bytes, done) => zerosFrom(fd, 0, bytes, done),
};

/** The same few pages again and again: they stay in the processor's cache. */
const ZEROS = Buffer.alloc(64 * 1024);
/** What the system takes in one call. */
const PIECES = 1024;

function zerosFrom(fd: number, at: number, end: number, done: Done): void {
  if (at >= end) {
    done(null);
    return;
  }
  const whole = Math.floor((end - at) / ZEROS.length);
  const zeros = new Array<Buffer>(Math.min(PIECES, whole)).fill(ZEROS);
  if (zeros.length < PIECES) zeros.push(ZEROS.subarray(0, end - at - whole * ZEROS.length));
  writev(fd, zeros, at, (error, written) => {
    if (error === null) zerosFrom(fd, at + written, end, done);
    else done(error);
  });
}

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
