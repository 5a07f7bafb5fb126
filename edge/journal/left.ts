/**
 * Segments that an earlier process with `FIXGATE_COMMIT=reserve` has left on the disk. If the machine has not been restarted
 * since, they contain everything that the process wrote, which may be more than the store has.
 */

import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SYSTEM_SYNCS, type Syncs, settled } from '../syncs.ts';
import { type Home, openBlock } from './block.ts';
import { BLOCK_BYTES, readHeader, segmentName, segmentNumber } from './format.ts';
import type { JournalLog } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import { isDamaged, wholeFlushes } from './recovery.ts';
import type { Shipping } from './shipping.ts';

const LEFT = 'left';

/** Syncs what earlier processes have written: what is written from now on builds on it. */
export function settleSegments(directory: string, syncs: Syncs = SYSTEM_SYNCS): void {
  for (const number of segmentsOf(directory)) settled(join(directory, segmentName(number)), syncs);
}

const segmentsOf = (directory: string): number[] =>
  readdirSync(directory)
    .map(segmentNumber)
    .filter((number) => number > 0)
    .sort((a, b) => a - b);

const without = (directory: string): void => {
  for (const number of segmentsOf(directory)) rmSync(join(directory, segmentName(number)));
};

/** The part of a segment that the store does not have. */
interface Unsent {
  readonly home: Home;
  readonly offset: number;
  readonly plain: Buffer;
  readonly ends: readonly number[];
  /** Its header, if the store does not have the segment at all. */
  readonly header: Buffer | undefined;
}

/** The segments of the earlier process, put aside for those that are fetched from the store. */
export class Left {
  readonly #directory: string;
  readonly #aside: string;
  readonly #log: JournalLog;
  #numbers: readonly number[];

  /** @param trusted whether they certainly contain everything that was written */
  constructor(directory: string, trusted: boolean, log: JournalLog) {
    this.#directory = directory;
    this.#aside = join(directory, LEFT);
    this.#log = log;
    if (!trusted) rmSync(this.#aside, { recursive: true, force: true });
    else if (!existsSync(this.#aside)) {
      // All of them or none count. If this start dies half-way, the next one goes on with it.
      const made = `${this.#aside}.new`;
      mkdirSync(made, { recursive: true, mode: 0o700 });
      for (const number of segmentsOf(directory)) renameSync(this.#path(number), join(made, segmentName(number)));
      renameSync(made, this.#aside);
    }
    without(directory);
    this.#numbers = trusted ? segmentsOf(this.#aside) : [];
  }

  /** Segments after the last one that the store has, for their keys. */
  lay(stored: readonly number[]): void {
    for (const number of this.#numbers) if (number > (stored.at(-1) ?? 0)) this.#link(number);
  }

  /**
   * Whether what is left continues what the store has. If so it replaces what was fetched, and `shipping` gets what the store
   * lacks. Otherwise what was fetched stays.
   * @param there the segments of the store, and where they end
   */
  goesOn(there: ReadonlyMap<number, number>, keys: SegmentKeys | undefined, shipping: Shipping): boolean {
    if (this.#numbers.length === 0) return false;
    const unsent = this.#unsent(there, keys);
    if (typeof unsent === 'string') {
      this.#log.error({ why: unsent }, 'what is left of the journal on the disk does not go on where the store ends');
      for (const number of this.#numbers) if (!there.has(number)) rmSync(this.#path(number), { force: true });
      return false;
    }
    let bytes = 0;
    for (const { home, offset, plain, ends, header } of unsent) {
      if (header !== undefined) shipping.begun(home, header);
      if (plain.length > 0) shipping.restored(home, offset, plain, ends);
      bytes += plain.length;
    }
    without(this.#directory);
    for (const number of this.#numbers) this.#link(number);
    this.#log.info({ bytes }, 'the journal goes on with what the store had not got');
    return true;
  }

  /** The store has everything: removes what was put aside. */
  discard(): void {
    rmSync(this.#aside, { recursive: true, force: true });
  }

  /** Links the same file. From now on it is only read, or an incomplete end is cut off. */
  #link(number: number): void {
    linkSync(join(this.#aside, segmentName(number)), this.#path(number));
  }

  #path(number: number): string {
    return join(this.#directory, segmentName(number));
  }

  #bytes(number: number): Buffer {
    return readFileSync(join(this.#aside, segmentName(number)));
  }

  /** @returns why it does not continue what the store has; undefined: it does */
  #unsent(there: ReadonlyMap<number, number>, keys: SegmentKeys | undefined): Unsent[] | string {
    const last = this.#numbers.at(-1)!;
    for (const [number, size] of there) {
      // A segment that is no longer needed is deleted locally first.
      if (this.#numbers.includes(number)) {
        const image = readFileSync(this.#path(number));
        if (image.length !== size || !begins(this.#bytes(number), image)) return `segment ${number} is another`;
      } else if (number > last) return `segment ${number} is not there`;
    }
    const stored = [...there.keys()].at(-1) ?? 0;
    const unsent: Unsent[] = [];
    for (const number of this.#numbers) {
      if (number <= stored && !there.has(number)) return `segment ${number} has been taken away`;
      const one = unsentOf(this.#bytes(number), number, there.get(number) ?? 0, number === last, keys);
      if (typeof one === 'string') return `segment ${number} ${one}`;
      if (one !== undefined) unsent.push(one);
    }
    return unsent;
  }
}

/** Whether a segment begins as the image of the store does. A block that is not whole there is in plain, but for its start. */
function begins(bytes: Buffer, image: Buffer): boolean {
  const header = readHeader(image, image.readUInt32LE(4));
  if (!header.ok || image.length > bytes.length) return false;
  let at = header.bytes;
  for (; at + BLOCK_BYTES <= image.length; ) {
    const length = image.readUInt32LE(at + 4);
    if (length < BLOCK_BYTES || at + length > image.length) break;
    at += length;
  }
  const end = Math.min(image.length, at + BLOCK_BYTES);
  return bytes.compare(image, 0, end, 0, end) === 0;
}

function unsentOf(
  bytes: Buffer,
  number: number,
  from: number,
  isLast: boolean,
  keys: SegmentKeys | undefined,
): Unsent | string | undefined {
  const header = readHeader(bytes, number);
  // The segment was being created when the process ended: nothing depends on it.
  if (!header.ok) return isLast && header.short ? undefined : 'has no whole header';
  const { version, salt, wrapped } = header;
  const key = wrapped === undefined ? undefined : keys?.of(wrapped);
  if (wrapped !== undefined && key === undefined) return 'is encrypted, and its key is not known';
  const home: Home = { version, number, salt, key };
  const whole = wholeFlushes(home, bytes, header.bytes);
  if (isDamaged(home, bytes, whole, isLast, true)) return `has a damaged block at ${whole.at}`;
  if (whole.blocks.length === 0 || whole.at <= from) return undefined;
  const plain = Buffer.from(bytes.subarray(0, whole.at));
  for (const { at, fields } of whole.blocks) openBlock(home, bytes, at, fields.length).copy(plain, at + BLOCK_BYTES);
  const begin = Math.max(from, header.bytes);
  const ends = whole.blocks.flatMap(({ at, fields }) => (fields.last ? [at + fields.length - begin] : []));
  return {
    home,
    offset: begin,
    plain: plain.subarray(begin),
    ends: ends.filter((end) => end > 0),
    header: from === 0 ? bytes.subarray(0, header.bytes) : undefined,
  };
}
