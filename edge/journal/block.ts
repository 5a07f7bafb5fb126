/** Seals and opens blocks: byte strings that say where they belong and whether they are complete (format.ts). */

import { type Cipheriv, createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { KeyedHome } from './derived-keys.ts';
import { AUTHENTICATED_BYTES, authenticatedInto, BLOCK_BYTES, BLOCK_BYTES_1 } from './format.ts';
import { openShort, resealShort, SHORT_BYTES, type ShortSealer } from './short.ts';
import { openStreamed, resealStreamed, type StreamedSealer } from './streamed.ts';

/** What is needed of the segment that a block belongs to. */
export interface Home {
  readonly version: number;
  readonly number: number;
  readonly salt: number;
  /** Key of 256 bits. Undefined: not encrypted. */
  readonly key: KeyObject | undefined;
}

export interface BlockFields {
  readonly length: number;
  readonly ordinal: number;
  readonly records: number;
  /** Whether it is the last block of its flush. */
  readonly last: boolean;
  readonly nonce: number;
  /** See {@link Journal.flush}; 0: it is valid by itself. */
  readonly depends: number;
}

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;
/**
 * Encrypted at once, at most: the cipher writes into memory that it asks for anew each time, twice. What is larger is fresh from the system
 * (MALLOC in runtime.ts), and to be given it page by page took as long as the encryption.
 */
const PIECE_BYTES = 24_576;
const LAST = 1;
const SHORT = 2;
const STREAMED = 4;
/** Used within one call only. */
const iv = Buffer.alloc(12);
const aad = Buffer.alloc(AUTHENTICATED_BYTES);

/** Where a block is made: from records in one buffer, into another one, at which offset in both. */
export interface Spot {
  readonly plain: Buffer;
  readonly into: Buffer;
  readonly from: number;
}

/** What seals blocks of a segment otherwise than by a cipher of their own. Undefined: nothing does, or there is no key. */
export interface Sealers {
  readonly short: ShortSealer | undefined;
  readonly streamed: StreamedSealer | undefined;
}

/** Bytes before the records. */
export const blockBytes = (version: number): number => (version === 1 ? BLOCK_BYTES_1 : BLOCK_BYTES);

/**
 * Makes a block of the records at `from` + 48: writes its 48 bytes, and where there is a key the records, encrypted, to the
 * same place of `into`, which may be `plain` only where there is none.
 * @param fields with a nonce that no other block of the segment has that is sealed by a cipher of its own
 * @param sealers of this segment
 */
export function sealBlock(
  home: Home,
  { plain, into, from }: Spot,
  { length, ordinal, records, last, nonce, depends }: BlockFields,
  sealers: Sealers,
): void {
  const short = length <= SHORT_BYTES ? sealers.short : undefined;
  const streamed = length > SHORT_BYTES ? sealers.streamed : undefined;
  const ring = streamed?.ring(length);
  into.writeUInt32LE(length, from + 4);
  into.writeUInt32LE(ordinal, from + 8);
  into.writeUInt32LE(records, from + 12);
  into.writeUInt32LE(
    (last ? LAST : 0) + (short === undefined ? 0 : SHORT) + (ring === undefined ? 0 : STREAMED),
    from + 16,
  );
  into.writeUInt32LE(nonce, from + 20);
  into.writeDoubleLE(depends, from + 24);
  if (home.key === undefined) into.fill(0, from + 32, from + BLOCK_BYTES);
  else if (short !== undefined) short.seal(plain, into, from, length);
  else if (streamed !== undefined && ring !== undefined) streamed.seal(ring, plain, into, from, length);
  else {
    prepare(home, into, from);
    const cipher = createCipheriv(CIPHER, home.key, iv);
    cipher.setAAD(aad);
    encryptInto(into, from + BLOCK_BYTES, cipher, plain, from + length);
    cipher.final();
    cipher.getAuthTag().copy(into, from + 32);
  }
  into.writeUInt32LE(blockCrc(home, into, from, length), from);
}

/** Encrypts [from, end) of `plain` to the same place of `into`, in pieces. */
function encryptInto(into: Buffer, from: number, cipher: Cipheriv, plain: Buffer, end: number): void {
  for (let at = from; at < end; at += PIECE_BYTES)
    cipher.update(plain.subarray(at, Math.min(at + PIECE_BYTES, end))).copy(into, at);
}

/**
 * Encrypts the records of the block at `at`, which follow its 48 bytes unencrypted, exactly as {@link sealBlock} had done.
 * @throws Error: these are not the records that had been encrypted
 */
export function resealBlock(home: Home, bytes: Buffer, at: number, length: number): void {
  if (home.key === undefined) return;
  if (isShort(home, bytes, at)) {
    resealShort(home, bytes, at, length);
    return;
  }
  if (isStreamed(home, bytes, at)) {
    resealStreamed(home, bytes, at, length);
    return;
  }
  prepare(home, bytes, at);
  const cipher = createCipheriv(CIPHER, home.key, iv);
  cipher.setAAD(aad);
  cipher.update(bytes.subarray(at + BLOCK_BYTES, at + length)).copy(bytes, at + BLOCK_BYTES);
  cipher.final();
  if (cipher.getAuthTag().compare(bytes, at + 32, at + BLOCK_BYTES) !== 0)
    throw new Error(`the block at ${at} is not as it was`);
}

/** Whether the block at `at` is one of short.ts. */
const isShort = (home: Home, bytes: Buffer, at: number): home is Home & KeyedHome =>
  home.version >= 4 && home.key !== undefined && (bytes.readUInt32LE(at + 16) & SHORT) !== 0;

/** Whether it is one of streamed.ts. */
const isStreamed = (home: Home, bytes: Buffer, at: number): home is Home & KeyedHome =>
  home.version >= 8 && home.key !== undefined && (bytes.readUInt32LE(at + 16) & STREAMED) !== 0;

/** IV and what is authenticated, of the block at `from`. */
function prepare(home: Home, bytes: Buffer, from: number): void {
  iv.writeUInt32LE(home.salt, 0);
  iv.writeUInt32LE(bytes.readUInt32LE(from + 20), 8);
  authenticatedInto(aad, 0, home, bytes, from);
}

/** Whether the CRC covers only the head of a block, since its tag proves the rest. */
const provedByTag = ({ version, key }: Home): boolean => version >= 3 && key !== undefined;

/** CRC of a block whose bytes are [from, from + length). */
export const blockCrc = (home: Home, bytes: Buffer, from: number, length: number): number =>
  crc32(bytes.subarray(from + 4, from + (provedByTag(home) ? BLOCK_BYTES : length)), home.salt);

/**
 * Whether there is a complete block at `at` whose CRC is right; {@link openBlock} proves the rest.
 * @returns its length, or 0
 */
export function headAt(home: Home, bytes: Buffer, at: number, ordinal: number): number {
  const least = blockBytes(home.version);
  if (at + least > bytes.length || bytes.readUInt32LE(at + 8) !== ordinal) return 0;
  const length = bytes.readUInt32LE(at + 4);
  if (length < least || at + length > bytes.length) return 0;
  return blockCrc(home, bytes, at, length) === bytes.readUInt32LE(at) ? length : 0;
}

/** Whether there is a complete, valid block at `at`. @returns its length, or 0 */
export function blockAt(home: Home, bytes: Buffer, at: number, ordinal: number): number {
  const length = headAt(home, bytes, at, ordinal);
  return length > 0 && (!provedByTag(home) || isProved(home, bytes, at, length)) ? length : 0;
}

function isProved(home: Home, bytes: Buffer, at: number, length: number): boolean {
  try {
    openBlock(home, bytes, at, length);
    return true;
  } catch {
    return false; // how the cipher reports a wrong tag
  }
}

/** The fields of a block's head. */
export function readBlock(version: number, bytes: Buffer, at: number): BlockFields {
  const length = bytes.readUInt32LE(at + 4);
  const ordinal = bytes.readUInt32LE(at + 8);
  const records = bytes.readUInt32LE(at + 12);
  if (version === 1) return { length, ordinal, records, last: true, nonce: 0, depends: 0 };
  const last = (bytes.readUInt32LE(at + 16) & LAST) !== 0;
  const nonce = bytes.readUInt32LE(at + 20);
  return { length, ordinal, records, last, nonce, depends: bytes.readDoubleLE(at + 24) };
}

/**
 * The records of the complete block at `at`, decrypted if need be.
 * @throws Error: it was not sealed with this key for this place, though its CRC may be right
 */
export function openBlock(home: Home, bytes: Buffer, at: number, length: number): Buffer {
  const records = bytes.subarray(at + blockBytes(home.version), at + length);
  if (home.key === undefined) return records;
  if (isShort(home, bytes, at)) return openShort(home, bytes, at, length);
  if (isStreamed(home, bytes, at)) return openStreamed(home, bytes, at, length);
  prepare(home, bytes, at);
  const decipher = createDecipheriv(CIPHER, home.key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(at + 32, at + BLOCK_BYTES));
  const opened = decipher.update(records);
  decipher.final();
  return opened;
}
