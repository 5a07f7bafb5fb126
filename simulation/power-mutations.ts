/** Defects that a loss of power shows: what is taken to be on a disk, and was with the system alone. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutation } from './mutation.ts';
import { over } from './over.ts';

/** A machine that was down is taken for one that has been up, by the files in this directory. */
const takenForUp =
  (below: string): NonNullable<Mutation['boot']> =>
  (directory, start) => {
    const mark = join(directory, below, 'boot');
    if (existsSync(mark)) writeFileSync(mark, start);
  };

export const POWER: readonly Mutation[] = [
  {
    name: 'sync_left_out',
    what: 'what the journal writes is not synced before messages leave',
    breaks: 'numbers',
    syncs: (syncs) => over(syncs, { dataNow() {}, data: (_fd, done) => syncs.names('', done) }),
  },
  {
    name: 'name_unsynced',
    what: 'a new segment of the journal is synced, and its name in the directory is not',
    breaks: 'numbers',
    syncs: (syncs) => over(syncs, { namesNow() {}, names: (_directory, done) => syncs.names('', done) }),
  },
  {
    name: 'written_taken_for_whole',
    what: 'a journal whose machine was down is taken for all that was written, and its sessions go on where it ends',
    breaks: 'numbers',
    boot: takenForUp('journal'),
  },
  {
    name: 'link_taken_for_whole',
    what: 'an edge whose machine was down goes on with its log of the link to the venue, the end of which may be lost',
    breaks: 'liveness',
    boot: takenForUp('venue'),
  },
];
