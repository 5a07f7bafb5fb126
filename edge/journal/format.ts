/**
 * The bytes of a segment, version 1. Little-endian; f64 are IEEE 754 doubles holding integers up to 2^53 - 1.
 *
 * File `<segment, ten digits>.seg`: a header, then blocks.
 *
 * | header | size | what |
 * | ---: | ---: | --- |
 * |  0 | 4 | `FGJ` and the version, 1 |
 * |  4 | 4 | number of the segment, as in its name |
 * |  8 | 4 | salt: random; seeds the CRC of each block, so that no message can be made to look like a block |
 * | 12 | 8 | f64, epoch ms when it was begun; for people |
 * | 20 | 4 | CRC32 of bytes 0–19 |
 *
 * One flush is one block: it is read whole or not at all.
 *
 * | block | size | what |
 * | ---: | ---: | --- |
 * |  0 | 4 | CRC32, seeded with the salt, of all that follows in the block |
 * |  4 | 4 | length of the block with these 16 bytes |
 * |  8 | 4 | ordinal of the block in its segment, from 0 |
 * | 12 | 4 | number of records |
 * | 16 |   | records, one after the other |
 *
 * | record | size | what |
 * | ---: | ---: | --- |
 * |  0 | 1 | type |
 * |  1 | 1 | version of the type's layout, 1 |
 * |  2 | 2 | 0 |
 * |  4 | 4 | length of the record with these 12 bytes |
 * |  8 | 4 | index of the session |
 * | 12 |   | by type |
 *
 * | type | bytes 12… | means |
 * | --- | --- | --- |
 * | 1 state | f64 nextIn, f64 nextOut, f64 generation, f64 createdAt, f64 first pending ordinal, f64 next pending ordinal, u32 retention, key (UTF-8) | all of a session but its messages; the first record of each session, and at the start of each segment |
 * | 2 numbers | f64 nextIn, f64 nextOut | numbers used; one per session and flush |
 * | 3 reset | f64 generation, f64 createdAt | both numbers are 1, sent messages are forgotten |
 * | 4 sent | f64 MsgSeqNum, message | sent; nextOut is at least MsgSeqNum + 1. May come again when carried forward |
 * | 5 pending | f64 ordinal, message | waits for the client; likewise |
 * | 6 promoted | f64 ordinal, f64 MsgSeqNum, message or nothing | the pending message of that ordinal was sent so |
 *
 * A segment begins with a state record of each session, so those before it are needed for their messages only.
 */

import { crc32 } from 'node:zlib';

export const VERSION = 1;
export const HEADER_BYTES = 24;
export const BLOCK_BYTES = 16;
export const RECORD_BYTES = 12;

export const STATE = 1;
export const NUMBERS = 2;
export const RESET = 3;
export const SENT = 4;
export const PENDING = 5;
export const PROMOTED = 6;

/** Fixed bytes of each type of record, with the 12 at its start; a message or a key follows. */
export const FIXED_BYTES: readonly number[] = [
  0,
  RECORD_BYTES + 52,
  RECORD_BYTES + 16,
  RECORD_BYTES + 16,
  RECORD_BYTES + 8,
  RECORD_BYTES + 8,
  RECORD_BYTES + 16,
];
/** Types whose length says everything: nothing follows the fixed bytes. */
export const FIXED_ONLY: ReadonlySet<number> = new Set([NUMBERS, RESET]);

const MAGIC = 0x4a_47_46; // `FGJ`, little-endian

export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.seg`;

/** @returns 0 when the name is none of a segment */
export function segmentNumber(name: string): number {
  return /^\d{10}\.seg$/.test(name) ? Number(name.slice(0, 10)) : 0;
}

export function writeHeader(into: Buffer, number: number, salt: number, epochMs: number): void {
  into.writeUInt32LE(MAGIC + VERSION * 2 ** 24, 0);
  into.writeUInt32LE(number, 4);
  into.writeUInt32LE(salt, 8);
  into.writeDoubleLE(epochMs, 12);
  into.writeUInt32LE(crc32(into.subarray(0, 20)), 20);
}

export type Header =
  | { readonly ok: true; readonly salt: number }
  | { readonly ok: false; readonly version?: number; readonly wrong: string };

/** @param bytes at least HEADER_BYTES */
export function readHeader(bytes: Buffer, number: number): Header {
  const first = bytes.readUInt32LE(0);
  if (first % 2 ** 24 !== MAGIC) return { ok: false, wrong: 'is no segment of a journal' };
  const version = Math.floor(first / 2 ** 24);
  if (crc32(bytes.subarray(0, 20)) !== bytes.readUInt32LE(20)) return { ok: false, wrong: 'has a damaged header' };
  if (version !== VERSION) return { ok: false, version, wrong: `is of version ${version}, known is ${VERSION}` };
  if (bytes.readUInt32LE(4) !== number)
    return { ok: false, wrong: `is segment ${bytes.readUInt32LE(4)} by its header` };
  return { ok: true, salt: bytes.readUInt32LE(8) };
}

/** CRC of a block whose bytes are [from, from + length). */
export const blockCrc = (bytes: Buffer, from: number, length: number, salt: number): number =>
  crc32(bytes.subarray(from + 4, from + length), salt);

/** Writes the 16 bytes before the records of a block that is [0, length) of `bytes`. */
export function sealBlock(bytes: Buffer, length: number, ordinal: number, records: number, salt: number): void {
  bytes.writeUInt32LE(length, 4);
  bytes.writeUInt32LE(ordinal, 8);
  bytes.writeUInt32LE(records, 12);
  bytes.writeUInt32LE(blockCrc(bytes, 0, length, salt), 0);
}

/** Whether a whole and right block stands at `at`. @returns its length, or 0 */
export function blockAt(bytes: Buffer, at: number, ordinal: number, salt: number): number {
  if (at + BLOCK_BYTES > bytes.length || bytes.readUInt32LE(at + 8) !== ordinal) return 0;
  const length = bytes.readUInt32LE(at + 4);
  if (length < BLOCK_BYTES || at + length > bytes.length) return 0;
  return blockCrc(bytes, at, length, salt) === bytes.readUInt32LE(at) ? length : 0;
}
