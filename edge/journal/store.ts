/**
 * The journal in a store, which survives the machine. What is in the store is the truth; the segments of file.ts on local disk
 * are a working copy, read for resends. At start the copy is made anew from the store.
 */

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalStore, Piece } from '../../core/sessions/journal-store.ts';
import { markBoot, sameBoot } from '../boot.ts';
import type { Complete } from './archive.ts';
import type { Home } from './block.ts';
import { openJournal } from './file.ts';
import { readHeader, segmentName } from './format.ts';
import { type Journal, JournalError } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import { Left } from './left.ts';
import { lockDirectory } from './lock.ts';
import type { FileJournalOptions } from './options.ts';
import { rawOf, resealed, unpacked } from './pack.ts';
import { Shipping, type ShippingParts } from './shipping.ts';

export interface StoreJournalOptions
  extends Omit<FileJournalOptions, 'keys' | 'mirror' | 'whole' | 'up'>,
    ShippingParts {
  /** Id of the machine's last boot; undefined: not known. See left.ts. */
  readonly boot?: string | undefined;
  /** The keys of what is in {@link FileJournalOptions.directory}; undefined: nothing is encrypted. */
  readonly openKeys: (() => Promise<SegmentKeys>) | undefined;
}

/**
 * Claims the journal of the edge, which must be registered, and reads it. Resolves when the store has the snapshot with which
 * the new incarnation begins. Rejects with a JournalError as {@link openJournal} throws; `in_use` also if the edge has been
 * declared dead meanwhile or was started elsewhere. Rejects with StoreUnavailable.
 */
export async function openStoreJournal(options: StoreJournalOptions): Promise<Journal> {
  const { store, edge, writer, directory, log, now } = options;
  const self = edge();
  const since = now();
  const left = leftIn(options);
  held(self.edge_id, await store.claim(self, writer));
  await store.sweep(self);
  const segments = await store.segments(self.edge_id);
  for (const segment of segments) await begin(options, segment);
  left.lay(segments);
  const keys = await options.openKeys?.();
  const there = new Map<number, number>();
  for (const segment of segments) there.set(segment, await fetched(options, segment, keys));
  log.info({ segments: there.size, ms: now() - since }, 'journal fetched from the store');
  const shipping = new Shipping(options);
  let journal: Journal | undefined;
  try {
    const whole = left.goesOn(there, keys, shipping);
    // The archive must be told only of what any later start will find here too.
    const completed = (segment: Complete): void => shipping.onceThere(() => options.completed?.(segment));
    journal = openJournal({ ...options, keys, mirror: shipping, inStore: true, whole, up: whole, completed });
    // What recovery has cut off locally is cut off in the store before anything is appended.
    for (const [segment, size] of there) held(self.edge_id, await alike(options, segment, size));
    shipping.begin();
    await shipping.drained();
    markBoot(directory, options.commit === 'reserve' ? options.boot : undefined);
    left.discard();
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

/** Removes the copy of an earlier process. @throws JournalError `in_use`, `unusable` */
function leftIn({ directory, boot, log }: StoreJournalOptions): Left {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  lockDirectory(directory)();
  return new Left(directory, sameBoot(directory, boot), log);
}

/** Where segments are fetched from, and the directory to put them in. */
export interface Source {
  readonly store: JournalStore;
  readonly edge: () => { readonly edge_id: string };
  readonly directory: string;
}

/** Fetches the header of a segment, which contains its sealed key. */
export async function begin({ store, edge, directory }: Source, segment: number): Promise<void> {
  const first = await store.first(edge().edge_id, segment);
  const header = first === undefined ? undefined : rawOf(first.bytes);
  writeFileSync(join(directory, segmentName(segment)), header ?? '', { mode: 0o600 });
}

/**
 * Fetches a segment up to the first missing piece. Rejects with JournalError `damaged`.
 * @returns where its last piece ends
 */
export async function fetched({ store, edge, directory }: Source, segment: number, keys: SegmentKeys | undefined) {
  const path = join(directory, segmentName(segment));
  const pieces = await store.pieces(edge().edge_id, segment);
  const last = pieces.at(-1);
  const header = readHeader(readFileSync(path), segment);
  // Whoever reads it reports what is wrong.
  if (header.ok && last !== undefined) {
    const key = header.wrapped === undefined ? undefined : keys?.of(header.wrapped);
    const image: Uint8Array[] = [];
    let size = 0;
    for (const piece of pieces) {
      if (piece.offset !== size) break;
      image.push(rawOf(piece.bytes) ?? plainOf({ ...header, key }, piece, path));
      size += piece.length;
    }
    const bytes = Buffer.concat(image);
    guarded(path, () => resealed({ ...header, key }, bytes, header.bytes));
    writeFileSync(path, bytes, { mode: 0o600 });
  }
  return last === undefined ? 0 : last.offset + last.length;
}

const plainOf = (home: Home, piece: Piece, path: string): Buffer => guarded(path, () => unpacked(home, piece));

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = `the store has another content for ${path}: ${(error as Error).message}`;
    throw new JournalError('damaged', why, { cause: error });
  }
}

/** Makes a segment in the store equal to the local one after recovery. */
async function alike({ store, edge, directory }: StoreJournalOptions, segment: number, size: number) {
  const path = join(directory, segmentName(segment));
  if (!existsSync(path)) return store.remove(edge(), segment);
  const here = statSync(path).size;
  return here < size ? store.truncate(edge(), segment, here) : 'done';
}
