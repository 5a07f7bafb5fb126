/**
 * Bytes of a segment as they go to a remote store: compressed. Encrypted bytes cannot be compressed, so the unencrypted records of
 * blocks are compressed and then encrypted with the segment's key under an IV of their own. Whoever fetches them encrypts each
 * block again as it was, and the block's tag proves that.
 *
 * | pack | size | what |
 * | ---: | ---: | --- |
 * |  0 | 1 | 0: bytes as they stand in the segment (its header); 1: packed; 2: packed and encrypted |
 * |  1 | 16 | where it is 2: tag of AES-256-GCM |
 * |    |   | the bytes in Zstandard (RFC 8878), whose blocks have their 48 bytes as they are stored and their records in plain |
 *
 * IV: salt of the segment, 1, offset of the pack in it; blocks have 0 in the second place. Authenticated with it: number and
 * salt of the segment, offset and length.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Piece } from '../../core/sessions/journal-store.ts';
import { type Home, resealBlock } from './block.ts';
import { BLOCK_BYTES } from './format.ts';

const RAW = 0;
const PACKED = 1;
const SEALED = 2;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/** Compresses FIX to a fourth, at 1.6 ns a byte; DEFLATE is no better and takes more than twice as long. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** The header of a segment. */
export const rawPack = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(RAW), bytes]);

/** @returns undefined if the pack was not made by {@link rawPack} */
export const rawOf = (pack: Uint8Array): Uint8Array | undefined => (pack[0] === RAW ? pack.subarray(1) : undefined);

/** @param plain bytes from `offset` of the segment on, records in plain */
export function packed(home: Home, offset: number, plain: Buffer): Buffer {
  const small = zstdCompressSync(plain, LEVEL);
  if (home.key === undefined) return Buffer.concat([Buffer.of(PACKED), small]);
  const cipher = createCipheriv(CIPHER, home.key, ivOf(home, offset));
  cipher.setAAD(aadOf(home, offset, plain.length));
  const sealed = cipher.update(small);
  cipher.final();
  return Buffer.concat([Buffer.of(SEALED), cipher.getAuthTag(), sealed]);
}

/** @throws Error: it was not packed with this key for this place */
export function unpacked(home: Home, { offset, length, bytes }: Piece): Buffer {
  const plain = zstdDecompressSync(opened(home, offset, length, bytes), { maxOutputLength: length });
  if (plain.length !== length) throw new Error(`it has ${plain.length} bytes in place of ${length}`);
  return plain;
}

function opened(home: Home, offset: number, length: number, bytes: Uint8Array): Uint8Array {
  if (bytes[0] === PACKED && home.key === undefined) return bytes.subarray(1);
  if (bytes[0] !== SEALED || home.key === undefined) throw new Error(`it is of kind ${bytes[0]}`);
  const decipher = createDecipheriv(CIPHER, home.key, ivOf(home, offset), { authTagLength: TAG_BYTES });
  decipher.setAAD(aadOf(home, offset, length));
  decipher.setAuthTag(bytes.subarray(1, 1 + TAG_BYTES));
  const small = decipher.update(bytes.subarray(1 + TAG_BYTES));
  decipher.final();
  return small;
}

/** Encrypts blocks with unencrypted records, from `from` on, into the segment's bytes. @throws Error: a block is not as it was */
export function resealed(home: Home, bytes: Buffer, from: number): void {
  if (home.key === undefined) return;
  for (let at = from; at + BLOCK_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    if (length < BLOCK_BYTES || at + length > bytes.length) return; // the store has not got the rest
    resealBlock(home, bytes, at, length);
    at += length;
  }
}

function ivOf({ salt }: Home, offset: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32LE(salt, 0);
  iv.writeUInt32LE(1, 4);
  iv.writeUInt32LE(offset, 8);
  return iv;
}

function aadOf({ number, salt }: Home, offset: number, length: number): Buffer {
  const aad = Buffer.alloc(16);
  aad.writeUInt32LE(number, 0);
  aad.writeUInt32LE(salt, 4);
  aad.writeUInt32LE(offset, 8);
  aad.writeUInt32LE(length, 12);
  return aad;
}
