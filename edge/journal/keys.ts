/**
 * Data keys of segments: one each, made here, sealed by the SecretBox under the name of edge and segment, and kept in the
 * segment's header. The box may be far away, so keys are fetched before they are needed: those of the segments that are
 * there at start, and always one for the segment to come.
 */

import { createSecretKey, type KeyObject } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Header, keyContext, readHeader, segmentNumber } from './format.ts';
import { JournalError, type JournalLog } from './journal.ts';
import { HEADER_BYTES_MAX, KEY_RETRY_MS } from './limits.ts';

/** Of core/ports.ts `SecretBox`, what keys need. */
export interface KeyBox {
  seal(plaintext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
  open(ciphertext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
}

export interface DataKey {
  /** Of 256 bits. As an object: made of bytes at each use, it would cost a block ten microseconds more. */
  readonly key: KeyObject;
  readonly wrapped: Uint8Array;
}

export interface SegmentKeys {
  /** The key of a segment that was there at start, or has been made since; undefined: not known. */
  of(wrapped: Uint8Array): KeyObject | undefined;
  /** The key for a segment to be made now, used for nothing else; undefined: it has not come yet. */
  take(number: number): DataKey | undefined;
}

export interface KeyParts {
  readonly box: KeyBox;
  readonly edgeId: string;
  readonly log: JournalLog;
  /** 32 random bytes. */
  readonly random: () => Uint8Array;
  readonly after: (ms: number, work: () => void) => void;
}

const nameOf = (wrapped: Uint8Array): string => Buffer.from(wrapped).toString('base64');

/** Opens one wrapped key. Rejects with JournalError `no_key`. */
export async function unwrap(box: KeyBox, edgeId: string, number: number, wrapped: Uint8Array): Promise<KeyObject> {
  try {
    const key = await box.open(wrapped, keyContext(edgeId, number));
    if (key.length === 32) return createSecretKey(key);
    throw new Error(`it has ${key.length} bytes`);
  } catch (error) {
    const whose = `segment ${number} of the journal cannot be opened by edge ${edgeId}`;
    const why = `${whose}: ${(error as Error).message}`;
    throw new JournalError('no_key', why, { cause: error });
  }
}

/** The header of a file. */
export function headerAt(path: string, number: number): Header {
  const bytes = Buffer.alloc(HEADER_BYTES_MAX);
  const fd = openSync(path, 'r');
  try {
    return readHeader(bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0)), number);
  } finally {
    closeSync(fd);
  }
}

/** What is in a directory: numbers of the segments, and the wrapped keys of those whose headers are in order. */
export interface There {
  readonly last: number;
  readonly wrapped: ReadonlyMap<number, Uint8Array>;
}

/** @param directory need not be there yet */
export function wrappedKeys(directory: string): There {
  const found = new Map<number, Uint8Array>();
  let last = 0;
  if (!existsSync(directory)) return { last, wrapped: found };
  for (const name of readdirSync(directory)) {
    const number = segmentNumber(name);
    if (number === 0) continue;
    last = Math.max(last, number);
    const header = headerAt(join(directory, name), number);
    if (header.ok && header.wrapped !== undefined) found.set(number, header.wrapped);
  }
  return { last, wrapped: found };
}

/**
 * Fetches the keys of what is there, and, where segments are to be encrypted, the first one to come.
 * Rejects with JournalError `no_key`.
 */
export async function openKeys(parts: KeyParts, there: There, encrypt: boolean): Promise<SegmentKeys> {
  const keys = new Keys(parts);
  for (const [number, wrapped] of there.wrapped)
    keys.learn({ wrapped, key: await unwrap(parts.box, parts.edgeId, number, wrapped) });
  if (encrypt) await keys.fetch(there.last + 1);
  return keys;
}

class Keys implements SegmentKeys {
  readonly #parts: KeyParts;
  readonly #known = new Map<string, KeyObject>();
  #next: { readonly number: number; readonly made: DataKey } | undefined;
  #fetching = 0;

  constructor(parts: KeyParts) {
    this.#parts = parts;
  }

  of(wrapped: Uint8Array): KeyObject | undefined {
    return this.#known.get(nameOf(wrapped));
  }

  learn({ wrapped, key }: DataKey): void {
    this.#known.set(nameOf(wrapped), key);
  }

  take(number: number): DataKey | undefined {
    const next = this.#next;
    if (next?.number !== number) {
      this.#fetchLater(number);
      return undefined;
    }
    this.#next = undefined;
    this.learn(next.made);
    this.#fetchLater(number + 1);
    return next.made;
  }

  /** Rejects with JournalError `no_key`. */
  async fetch(number: number): Promise<void> {
    const { box, edgeId, random } = this.#parts;
    const key = random();
    try {
      this.#next = {
        number,
        made: { key: createSecretKey(key), wrapped: await box.seal(key, keyContext(edgeId, number)) },
      };
    } catch (error) {
      const why = `no key can be made for segment ${number}: ${(error as Error).message}`;
      throw new JournalError('no_key', why, { cause: error });
    }
  }

  #fetchLater(number: number): void {
    if (this.#fetching === number) return;
    this.#fetching = number;
    this.fetch(number).then(
      () => {
        this.#fetching = 0;
      },
      (error: unknown) => {
        const { log, after } = this.#parts;
        log.warn({ error, segment: number }, 'the key of the next segment of the journal is not there yet');
        after(KEY_RETRY_MS, () => {
          this.#fetching = 0;
          this.#fetchLater(number);
        });
      },
    );
  }
}
