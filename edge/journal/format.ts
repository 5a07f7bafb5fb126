/**
 * The bytes of a segment, versions 8 and 9; versions 1 to 7 are read and never written. Little-endian; f64 are IEEE 754 doubles
 * holding integers up to 2^53 - 1, times among them: epoch ms.
 *
 * A journal is a row of segments; a segment is a header and blocks. In files: `<segment, ten digits>.seg`. A block is a
 * byte string that says where it belongs and whether it is whole, wherever it is kept.
 *
 * | header | size | what |
 * | ---: | ---: | --- |
 * |  0 | 4 | `FGJ` and the version, 8 or 9 |
 * |  4 | 4 | number of the segment, as in its name |
 * |  8 | 4 | salt: random; seeds the CRC of each block, so that no message can be made to look like a block |
 * | 12 | 8 | f64, when it was begun |
 * | 20 | 1 | 1: its blocks are encrypted |
 * | 21 | 1 | 1: it holds every application message, and belongs to the archive |
 * | 22 | 2 | length of the wrapped data key, 0 without encryption |
 * | 24 | 4 | CRC32 of bytes 0–23 |
 * | 28 | 4 | CRC32 of the wrapped key |
 * | 32 |   | the data key, sealed by the SecretBox under the context of {@link keyContext} |
 *
 * One flush is one or more blocks, the last of which says so: it is read whole or not at all.
 *
 * | block | size | what |
 * | ---: | ---: | --- |
 * |  0 | 4 | CRC32, seeded with the salt, of what follows in the block: of bytes 4–47 where it is encrypted, for its tag proves the rest |
 * |  4 | 4 | length of the block with these 48 bytes |
 * |  8 | 4 | ordinal of the block in its segment, from 0 |
 * | 12 | 4 | number of records |
 * | 16 | 4 | 1: the last block of its flush; 2, added: it is short; 4, added: it is long, and encrypted out of keystream that lay ready |
 * | 20 | 4 | nonce: rises with each try to write a block of this segment, so that none is used twice with its key; of a short one, and of one out of keystream, where its part of that begins, in units of 16 bytes |
 * | 24 | 8 | f64, mark of the venue's flush that this one is void without; 0: it stands alone; 2^53 - 1: it does, and marks before it are of another log |
 * | 32 | 16 | tag of AES-256-GCM, or of a short block (short.ts), or GMAC of one out of keystream (streamed.ts); zeros without encryption |
 * | 48 |   | records, one after the other; encrypted in one piece |
 *
 * IV of a block: salt, four zeros, nonce. Authenticated with it: number and salt of the segment, bytes 4–31 of the block.
 *
 * | record | size | what |
 * | ---: | ---: | --- |
 * |  0 | 1 | type |
 * |  1 | 1 | version of the type's layout, that of the segment |
 * |  2 | 2 | flags, by type |
 * |  4 | 4 | length of the record with these 12 bytes |
 * |  8 | 4 | index of the session |
 * | 12 |   | by type |
 *
 * | type | bytes 12… | means |
 * | --- | --- | --- |
 * | 1 state | f64 nextIn, f64 nextOut, f64 generation, f64 createdAt, f64 first pending ordinal, f64 next pending ordinal, f64 last number forgotten, u32 messages kept, u32 seconds kept, u32 ClOrdIDs known, u32 seconds known, key (UTF-8) | all of a session but its messages; the first record of each session, and at the start of each segment |
 * | 2 numbers | f64 nextIn, f64 nextOut | numbers used; one per session and flush |
 * | 3 reset | f64 generation, f64 createdAt | both numbers are 1, sent messages are forgotten |
 * | 4 sent | f64 MsgSeqNum, f64 time, message | sent; nextOut is at least MsgSeqNum + 1. May come again when carried forward |
 * | 5 pending | f64 ordinal, f64 time, message | waits for the client; likewise |
 * | 6 promoted | f64 ordinal, f64 MsgSeqNum, f64 time, message or nothing | the pending message of that ordinal was sent so |
 * | 7 received | f64 MsgSeqNum, f64 time, f64 generation, u32 ClOrdID at, u32 its length, message | an application message of the client, as it came |
 * | 8 about | text | who the session is, in its owner's words; follows its state |
 * | 9 void | f64 MsgSeqNum or ordinal | this sent or pending message was never sent, and never will be |
 * | 10 resent | f64 MsgSeqNum, f64 time | it was sent again |
 * | 11 id | f64 time, ClOrdID | carried forward out of a received message |
 * | 12 told | f64 number, f64 number before | up to here the venue's reports on the session are in it; follows its state, where there are such |
 * | 13 reserved | f64 number, f64 time | numbers below it may have been used, whatever else is there of them (reserve.ts); what the venue had made by that time may have been sent, 0: nothing is in doubt. A reset takes the number back; follows its state, where there is such |
 * | 14 gone | nothing | the session is in another journal of this edge by now: what was here of it counts no more |
 * | 15 run | f64 first MsgSeqNum sent, f64 first MsgSeqNum received, f64 time, f64 generation, messages | messages of one turn, in the order they came and went; each has a u32 before it, its length, with 2^31 added where it was received, and 2^30 where what follows is what differs from the one of its kind before it in the run, which is as long (like.ts). Both kinds are numbered in a row; 0: there is none of the kind |
 *
 * | flag | of | means |
 * | ---: | --- | --- |
 * | 1 | sent, promoted, run | may be asked for again; void: it was pending; reserved: for session-level messages alone, whose numbers are written later or never |
 * | 2 | sent, pending, promoted, run | made by the venue |
 * | 4 | sent, pending, run | carried forward: it has been written before |
 * | 0, 16, 32, 48 | received, run | was answered by the gateway; went to the venue; was refused; was not valid |
 *
 * Version 9 is version 8 in a file that was there before (spares.ts). Behind the last flush that was written are a byte that is 1,
 * which the next one is written over, and then zeros. The version of its records is 8.
 *
 * In version 6 no long block is out of keystream; version 7 is to 6 what 9 is to 8, and 5 to 4.
 * In version 4 the messages of a run are all as they are.
 * In version 3 no block is short.
 * In version 2 there is no run, and the CRC is always of the whole block.
 * In version 1 a header has 24 bytes, the CRC at 20; a block has 16, each is a flush; sent, pending and promoted have no
 * time and are all kept; a state ends with u32 messages kept after the next pending ordinal.
 */

import { crc32 } from 'node:zlib';

/** Of records, and of segments in new files. */
export const VERSION = 8;
/** Of segments in files that were there before. */
const VERSION_OVER = 9;
/** The first of such; from here on each odd version is the one before in such a file. */
const FIRST_OVER = 5;
/** Header without the wrapped key. */
export const HEADER_BYTES = 32;
export const BLOCK_BYTES = 48;
export const RECORD_BYTES = 12;
export const HEADER_BYTES_1 = 24;
export const BLOCK_BYTES_1 = 16;

export const STATE = 1;
export const NUMBERS = 2;
export const RESET = 3;
export const SENT = 4;
export const PENDING = 5;
export const PROMOTED = 6;
export const RECEIVED = 7;
export const ABOUT = 8;
export const VOID = 9;
export const RESENT = 10;
export const ID = 11;
export const TOLD = 12;
export const RESERVED = 13;
export const GONE = 14;
export const RUN = 15;

/** In the place of a mark: the venue's log has been begun anew, and those before are not of this one. */
export const ANOTHER_LOG = Number.MAX_SAFE_INTEGER;

/** Flags of records; 1, 2 and the fates are those of edge/fix/session/ports.ts. */
export const KEPT = 1;
export const BY_VENUE = 2;
export const CARRIED = 4;
export const FATE = 48;
export const WAS_PENDING = 1;
export const SESSION_LEVEL = 1;

const fixed = (...bytes: number[]): readonly number[] => [0, ...bytes.map((each) => RECORD_BYTES + each)];

/** Fixed bytes of each type of record, with the 12 at its start; a message, key or text follows. */
export const FIXED_BYTES = fixed(72, 16, 16, 16, 16, 24, 32, 0, 8, 16, 8, 16, 16, 0, 32);
export const FIXED_BYTES_1 = fixed(52, 16, 16, 8, 8, 16);
/** Types whose length says everything: nothing follows the fixed bytes. */
export const FIXED_ONLY: ReadonlySet<number> = new Set([NUMBERS, RESET, VOID, RESENT, TOLD, RESERVED, GONE]);

/** Fixed bytes of the record that begins at `at`. */
export const fixedBytesAt = (bytes: Buffer, at: number): number =>
  (bytes[at + 1] === 1 ? FIXED_BYTES_1 : FIXED_BYTES)[bytes[at]!]!;

/** Times of places are kept so. */
export const secondOf = (epochMs: number): number => Math.floor(epochMs / 1000);

const MAGIC = 0x4a_47_46; // `FGJ`, little-endian

export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.seg`;

/** Of the file that says that a segment of the archive is on record (archive.ts). */
export const sealName = (number: number): string => `${segmentName(number)}.json`;

/** @returns 0 when the name is none of a segment */
export function segmentNumber(name: string): number {
  return /^\d{10}\.seg$/.test(name) ? Number(name.slice(0, 10)) : 0;
}

/** What the data key of a segment is bound to. */
export const keyContext = (edgeId: string, number: number): Readonly<Record<string, string>> => ({
  purpose: 'journal',
  edge: edgeId,
  segment: String(number),
});

export interface HeaderFields {
  readonly number: number;
  readonly salt: number;
  /** Epoch ms. */
  readonly begunAt: number;
  /** The sealed data key; undefined: not encrypted. */
  readonly wrapped: Uint8Array | undefined;
  /** Whether every application message is in it. */
  readonly archives: boolean;
  /** Whether its file was there before: then zeros are behind what is written. */
  readonly over: boolean;
}

export function headerOf({ number, salt, begunAt, wrapped, archives, over }: HeaderFields): Buffer {
  const length = wrapped?.length ?? 0;
  const header = Buffer.alloc(HEADER_BYTES + length);
  header.writeUInt32LE(MAGIC + (over ? VERSION_OVER : VERSION) * 2 ** 24, 0);
  header.writeUInt32LE(number, 4);
  header.writeUInt32LE(salt, 8);
  header.writeDoubleLE(begunAt, 12);
  header[20] = wrapped === undefined ? 0 : 1;
  header[21] = archives ? 1 : 0;
  header.writeUInt16LE(length, 22);
  header.set(wrapped ?? [], HEADER_BYTES);
  header.writeUInt32LE(crc32(header.subarray(0, 24)), 24);
  header.writeUInt32LE(crc32(header.subarray(HEADER_BYTES)), 28);
  return header;
}

export type Header =
  /** `version`: of its blocks and records. */
  | (HeaderFields & { readonly ok: true; readonly version: number; readonly bytes: number })
  /** `short`: there are fewer bytes than a header has. */
  | { readonly ok: false; readonly short: true }
  | { readonly ok: false; readonly short: false; readonly version?: number; readonly wrong: string };

const wrong = (what: string): Header => ({ ok: false, short: false, wrong: what });

/** @param number as the name says */
export function readHeader(bytes: Buffer, number: number): Header {
  if (bytes.length < HEADER_BYTES_1) return { ok: false, short: true };
  const first = bytes.readUInt32LE(0);
  if (first % 2 ** 24 !== MAGIC) return wrong('is no segment of a journal');
  const version = Math.floor(first / 2 ** 24);
  if (version === 1) return readHeader1(bytes, number);
  if (bytes.length < HEADER_BYTES) return { ok: false, short: true };
  // A later release may have another header altogether: its CRC says nothing.
  if (version < 2 || version > VERSION_OVER)
    return { ok: false, short: false, version, wrong: `is of version ${version}, known are 1 to ${VERSION_OVER}` };
  if (crc32(bytes.subarray(0, 24)) !== bytes.readUInt32LE(24)) return wrong('has a damaged header');
  const length = HEADER_BYTES + bytes.readUInt16LE(22);
  if (bytes.length < length) return { ok: false, short: true };
  const header = bytes.subarray(0, length);
  if (crc32(header.subarray(HEADER_BYTES)) !== header.readUInt32LE(28)) return wrong('has a damaged key');
  if (header.readUInt32LE(4) !== number) return wrong(`is segment ${header.readUInt32LE(4)} by its header`);
  const wrapped = header[20] === 1 ? Uint8Array.from(header.subarray(HEADER_BYTES)) : undefined;
  const salt = header.readUInt32LE(8);
  const over = version >= FIRST_OVER && version % 2 === 1;
  return {
    ok: true,
    version: over ? version - 1 : version,
    number,
    salt,
    begunAt: header.readDoubleLE(12),
    wrapped,
    archives: header[21] === 1,
    over,
    bytes: length,
  };
}

function readHeader1(bytes: Buffer, number: number): Header {
  if (crc32(bytes.subarray(0, 20)) !== bytes.readUInt32LE(20)) return wrong('has a damaged header');
  if (bytes.readUInt32LE(4) !== number) return wrong(`is segment ${bytes.readUInt32LE(4)} by its header`);
  const salt = bytes.readUInt32LE(8);
  const begunAt = bytes.readDoubleLE(12);
  const of = { number, salt, begunAt, wrapped: undefined, archives: false, over: false };
  return { ok: true, version: 1, ...of, bytes: HEADER_BYTES_1 };
}

/** When the application message in a record was sent or received; undefined: it has none, or one that was there before. */
export function messageTime(bytes: Buffer, at: number): number | undefined {
  if (bytes[at + 1] === 1) return undefined;
  const number = (i: number): number => bytes.readDoubleLE(at + RECORD_BYTES + i * 8);
  switch (bytes[at]) {
    case RECEIVED:
      return number(1);
    case RUN:
      return (bytes.readUInt16LE(at + 2) & CARRIED) === 0 ? number(2) : undefined;
    case SENT:
      return (bytes.readUInt16LE(at + 2) & CARRIED) === 0 ? number(1) : undefined;
    case PROMOTED:
      return bytes.readUInt32LE(at + 4) > fixedBytesAt(bytes, at) ? number(2) : undefined;
    default:
      return undefined;
  }
}

/** Bytes of what is authenticated of a block beside its records: number and salt of its segment, bytes 4–31 of it. */
export const AUTHENTICATED_BYTES = 36;

/** Writes that of the block at `at` to `to` of `into`. */
export function authenticatedInto(
  into: Buffer,
  to: number,
  { number, salt }: { readonly number: number; readonly salt: number },
  block: Buffer,
  at: number,
): void {
  into.writeUInt32LE(number, to);
  into.writeUInt32LE(salt, to + 4);
  block.copy(into, to + 8, at + 4, at + 32);
}
