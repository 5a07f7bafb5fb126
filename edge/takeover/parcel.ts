/**
 * A session on its way from one edge to another, as bytes: compressed, and encrypted with a key of its own that the
 * SecretBox has sealed under session and epoch.
 *
 * | at | size | what |
 * | ---: | ---: | --- |
 * | 0 | 1 | version, 1 |
 * | 1 | 2 | length of the wrapped key |
 * | 3 | | the wrapped key |
 * | | 12 | IV |
 * | | 16 | tag of AES-256-GCM |
 * | | | Zstandard of: length of a JSON head (4), the head, the messages one after the other |
 *
 * Integers are big-endian.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import { PARCEL_PART_BYTES } from '../../core/sessions/journal-store.ts';
import type { KeyBox } from '../journal/keys.ts';
import type { SessionState } from '../journal/moved.ts';
import { PARCEL_BYTES } from '../limits.ts';

const VERSION = 1;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Lists have the length of each message in place of it. */
const head = z.object({
  nextIn: whole,
  nextOut: whole,
  generation: whole,
  createdAt: whole,
  forgotten: whole,
  told: whole,
  /** Not in those of a release before. */
  lostAt: whole.default(0),
  terms: z.object({ retention: whole, retention_s: whole, ids: whole, ids_s: whole, about: z.string() }),
  sent: z.array(z.tuple([whole, whole, whole])),
  waiting: z.array(z.tuple([whole, whole])),
  ids: z.array(z.tuple([whole, whole])),
  submitted: z.array(z.tuple([whole, whole, whole, whole])),
});

const contextOf = (session: string, epoch: number): Readonly<Record<string, string>> => ({
  purpose: 'takeover',
  session,
  epoch: String(epoch),
});

export interface ParcelParts {
  readonly box: KeyBox;
  /** Names it, and the epoch under which it is taken. */
  readonly session: string;
  readonly epoch: number;
}

/** @param random so many bytes of chance. Rejects when no key can be sealed. */
export async function wrapped(
  { box, session, epoch }: ParcelParts,
  state: SessionState,
  random: (length: number) => Uint8Array,
): Promise<readonly Uint8Array[]> {
  const key = random(KEY_BYTES);
  const iv = random(IV_BYTES);
  const sealedKey = await box.seal(key, contextOf(session, epoch));
  const cipher = createCipheriv(CIPHER, key, iv);
  const sealed = cipher.update(zstdCompressSync(plainOf(state), LEVEL));
  cipher.final();
  const start = Buffer.alloc(3);
  start.writeUInt8(VERSION, 0);
  start.writeUInt16BE(sealedKey.length, 1);
  const all = Buffer.concat([start, sealedKey, iv, cipher.getAuthTag(), sealed]);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += PARCEL_PART_BYTES) parts.push(all.subarray(at, at + PARCEL_PART_BYTES));
  return parts;
}

/** Rejects when it is none, or not of this session and epoch. */
export async function unwrapped(
  { box, session, epoch }: ParcelParts,
  parts: readonly Uint8Array[],
): Promise<SessionState> {
  const all = Buffer.concat(parts);
  if (all.length < 3 || all[0] !== VERSION) throw new Error(`a parcel of version ${all[0]}`);
  const keyEnd = 3 + all.readUInt16BE(1);
  const key = await box.open(all.subarray(3, keyEnd), contextOf(session, epoch));
  const tagAt = keyEnd + IV_BYTES;
  const decipher = createDecipheriv(CIPHER, key, all.subarray(keyEnd, tagAt), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(all.subarray(tagAt, tagAt + TAG_BYTES));
  const small = decipher.update(all.subarray(tagAt + TAG_BYTES));
  decipher.final();
  return stateOf(zstdDecompressSync(small, { maxOutputLength: PARCEL_BYTES }));
}

function plainOf(state: SessionState): Buffer {
  const { sent, waiting, ids, submitted, ...rest } = state;
  const text = JSON.stringify({
    ...rest,
    sent: sent.map(({ msgSeqNum, second, message }) => [msgSeqNum, second, message.length]),
    waiting: waiting.map(({ second, message }) => [second, message.length]),
    ids: ids.map(({ second, id }) => [second, id.length]),
    submitted: submitted.map((one) => [one.generation, one.msgSeqNum, one.receivedAt, one.message.length]),
  });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text), 0);
  const messages = [...sent, ...waiting].map(({ message }) => message);
  const rests = [...ids.map(({ id }) => id), ...submitted.map(({ message }) => message)];
  return Buffer.concat([length, Buffer.from(text), ...messages, ...rests]);
}

function stateOf(plain: Buffer): SessionState {
  let at = 4 + plain.readUInt32BE(0);
  const said = head.parse(JSON.parse(plain.toString('utf8', 4, at)));
  const next = (length: number): Buffer => {
    const from = at;
    at += length;
    if (at > plain.length) throw new RangeError('a parcel ends within a message');
    return plain.subarray(from, at);
  };
  const state: SessionState = {
    ...said,
    sent: said.sent.map(([msgSeqNum, second, length]) => ({ msgSeqNum, second, message: next(length) })),
    waiting: said.waiting.map(([second, length]) => ({ msgSeqNum: 0, second, message: next(length) })),
    ids: said.ids.map(([second, length]) => ({ second, id: next(length) })),
    submitted: said.submitted.map(([generation, msgSeqNum, receivedAt, length]) => {
      return { generation, msgSeqNum, receivedAt, message: next(length) };
    }),
  };
  if (at !== plain.length) throw new RangeError('a parcel goes on behind its last message');
  return state;
}
