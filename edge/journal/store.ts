/**
 * The journal in a store, which survives the machine: the segments of file.ts on local disk are its working copy, read for
 * resends, and what is in the store is the truth. At start the copy is made anew from there.
 */

import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Piece } from '../../core/sessions/journal-store.ts';
import { type FileJournalOptions, openJournal } from './file.ts';
import { segmentName, segmentNumber } from './format.ts';
import { type Journal, JournalError } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import { lockDirectory } from './lock.ts';
import { Shipping, type ShippingParts } from './shipping.ts';

export interface StoreJournalOptions extends Omit<FileJournalOptions, 'keys' | 'mirror'>, ShippingParts {
  /** The keys of what is in {@link FileJournalOptions.directory}; undefined: nothing is encrypted. */
  readonly openKeys: (() => Promise<SegmentKeys>) | undefined;
}

/**
 * Claims the log of the edge, which has been registered, and reads it. Resolves when the store has the snapshot that the
 * new incarnation begins with. Rejects with JournalError as {@link openJournal} throws, `in_use` when the edge has been
 * declared dead meanwhile or begun elsewhere, or with StoreUnavailable.
 */
export async function openStoreJournal(options: StoreJournalOptions): Promise<Journal> {
  const { store, edge, writer, directory, log, now } = options;
  const self = edge();
  const since = now();
  emptied(directory);
  held(self.edge_id, await store.claim(self, writer));
  await store.sweep(self);
  const there = new Map<number, number>();
  let bytes = 0;
  for (const segment of await store.segments(self.edge_id)) {
    const pieces = await store.pieces(self.edge_id, segment);
    const end = pieces.reduce((most, piece) => Math.max(most, piece.offset + piece.bytes.length), 0);
    there.set(segment, end);
    bytes += copy(join(directory, segmentName(segment)), pieces);
  }
  log.info({ segments: there.size, bytes, ms: now() - since }, 'journal fetched from the store');
  const keys = await options.openKeys?.();
  const shipping = new Shipping(options);
  let journal: Journal | undefined;
  try {
    journal = openJournal({ ...options, keys, mirror: shipping });
    // What recovery has cut off here is cut off there, before anything follows it.
    for (const [segment, size] of there) held(self.edge_id, await alike(options, segment, size));
    shipping.begin();
    await shipping.drained();
    return journal;
  } catch (error) {
    shipping.end();
    await journal?.close();
    throw error;
  }
}

function held(edgeId: string, written: 'done' | 'fenced'): void {
  if (written === 'fenced')
    throw new JournalError('in_use', `edge ${edgeId} has been begun elsewhere, or declared dead`);
}

/** The copy of an earlier process is no longer wanted. @throws JournalError `in_use`, `unusable` */
function emptied(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  lockDirectory(directory)();
  for (const name of readdirSync(directory)) if (segmentNumber(name) > 0) rmSync(join(directory, name));
}

/** Writes pieces up to the first that is missing. @returns bytes written */
function copy(path: string, pieces: readonly Piece[]): number {
  const fd = openSync(path, 'w', 0o600);
  try {
    let size = 0;
    for (const { offset, bytes } of pieces) {
      if (offset !== size) break;
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
      size += bytes.length;
    }
    ftruncateSync(fd, size);
    return size;
  } finally {
    closeSync(fd);
  }
}

/** A segment in the store becomes as it is here after recovery. */
async function alike({ store, edge, directory }: StoreJournalOptions, segment: number, size: number) {
  const path = join(directory, segmentName(segment));
  if (!existsSync(path)) return store.remove(edge(), segment);
  const here = statSync(path).size;
  return here < size ? store.truncate(edge(), segment, here) : 'done';
}
