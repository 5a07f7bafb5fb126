/**
 * A parcel: sessions on their way from one edge to another, as bytes. It is compressed and encrypted with a key of its own. The
 * SecretBox seals that key under session and epoch, or for several sessions under the id of the question that asks for them.
 *
 * | at | size | what |
 * | ---: | ---: | --- |
 * | 0 | 1 | version: 1 a session, 2 several |
 * | 1 | 2 | length of the wrapped key |
 * | 3 | | the wrapped key |
 * | | 12 | IV |
 * | | 16 | tag of AES-256-GCM |
 * | | | Zstandard of the contents |
 *
 * One session: length of a JSON head (4), the head, the messages one after the other. Several: length of a JSON list (4), the
 * list of session, epoch and length, then as many sessions; length -1 is a session without a state. Integers are big-endian.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import { PARCEL_PART_BYTES } from '../../core/sessions/journal-store.ts';
import type { KeyBox } from '../journal/keys.ts';
import type { SessionState } from '../journal/session-state.ts';
import { PARCEL_BYTES } from '../limits.ts';

const ONE = 1;
const SEVERAL = 2;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** The JSON head: in its lists the length of each message stands in place of the message. */
const head = z.object({
  nextIn: whole,
  nextOut: whole,
  generation: whole,
  createdAt: whole,
  forgotten: whole,
  told: whole,
  /** Absent in parcels of an older release. */
  lostAt: whole.default(0),
  terms: z.object({ retention: whole, retention_s: whole, ids: whole, ids_s: whole, about: z.string() }),
  sent: z.array(z.tuple([whole, whole, whole])),
  waiting: z.array(z.tuple([whole, whole])),
  ids: z.array(z.tuple([whole, whole])),
  submitted: z.array(z.tuple([whole, whole, whole, whole])),
});

const list = z.array(z.tuple([z.string(), whole, whole.or(z.literal(-1))]));

type Context = Readonly<Record<string, string>>;

const contextOf = ({ session, epoch }: ParcelParts): Context => ({
  purpose: 'takeover',
  session,
  epoch: String(epoch),
});
const contextOfMany = ({ ask }: ManyParts): Context => ({ purpose: 'takeover', question: ask });

export interface ParcelParts {
  readonly box: KeyBox;
  /** Name of the session, and the epoch under which it is taken. */
  readonly session: string;
  readonly epoch: number;
}

export interface ManyParts {
  readonly box: KeyBox;
  /** Id of the question. */
  readonly ask: string;
}

/** One of several sessions. Without a state: the edge has nothing of it. */
export interface Moved {
  readonly session: string;
  readonly epoch: number;
  readonly state: SessionState | undefined;
}

type Chance = (length: number) => Uint8Array;

/** @param random makes so many random bytes. Rejects if the key cannot be sealed. */
export function wrapped(parts: ParcelParts, state: SessionState, random: Chance): Promise<readonly Uint8Array[]> {
  return sealed(parts.box, ONE, contextOf(parts), plainOf(state), random);
}

/** As {@link wrapped}. */
export function wrappedMany(parts: ManyParts, moved: readonly Moved[], random: Chance): Promise<readonly Uint8Array[]> {
  const plains = moved.map(({ state }) => state && plainOf(state));
  const index = moved.map(({ session, epoch }, i) => [session, epoch, plains[i]?.length ?? -1]);
  const text = Buffer.from(JSON.stringify(index));
  const plain = Buffer.concat([lengthOf(text), text, ...plains.filter((one) => one !== undefined)]);
  return sealed(parts.box, SEVERAL, contextOfMany(parts), plain, random);
}

async function sealed(
  box: KeyBox,
  version: number,
  context: Context,
  plain: Buffer,
  random: Chance,
): Promise<readonly Uint8Array[]> {
  const key = random(KEY_BYTES);
  const iv = random(IV_BYTES);
  const sealedKey = await box.seal(key, context);
  const cipher = createCipheriv(CIPHER, key, iv);
  const secret = cipher.update(zstdCompressSync(plain, LEVEL));
  cipher.final();
  const start = Buffer.alloc(3);
  start.writeUInt8(version, 0);
  start.writeUInt16BE(sealedKey.length, 1);
  const all = Buffer.concat([start, sealedKey, iv, cipher.getAuthTag(), secret]);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += PARCEL_PART_BYTES) parts.push(all.subarray(at, at + PARCEL_PART_BYTES));
  return parts;
}

/** Rejects if the bytes are no parcel, or not of this session and epoch. */
export async function unwrapped(of: ParcelParts, parts: readonly Uint8Array[]): Promise<SessionState> {
  return stateOf(await opened(of.box, ONE, contextOf(of), parts));
}

/** Rejects if the bytes are no parcel, or not of this question. */
export async function unwrappedMany(of: ManyParts, parts: readonly Uint8Array[]): Promise<readonly Moved[]> {
  const plain = await opened(of.box, SEVERAL, contextOfMany(of), parts);
  let at = 4 + plain.readUInt32BE(0);
  const moved = list.parse(JSON.parse(plain.toString('utf8', 4, at))).map(([session, epoch, length]): Moved => {
    if (length < 0) return { session, epoch, state: undefined };
    const from = at;
    at += length;
    return { session, epoch, state: stateOf(plain.subarray(from, at)) };
  });
  if (at !== plain.length) throw new RangeError('a parcel does not end with its last session');
  return moved;
}

async function opened(box: KeyBox, version: number, context: Context, parts: readonly Uint8Array[]): Promise<Buffer> {
  const all = Buffer.concat(parts);
  if (all.length < 3 || all[0] !== version) throw new Error(`a parcel of version ${all[0]}`);
  const keyEnd = 3 + all.readUInt16BE(1);
  const key = await box.open(all.subarray(3, keyEnd), context);
  const tagAt = keyEnd + IV_BYTES;
  const decipher = createDecipheriv(CIPHER, key, all.subarray(keyEnd, tagAt), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(all.subarray(tagAt, tagAt + TAG_BYTES));
  const small = decipher.update(all.subarray(tagAt + TAG_BYTES));
  decipher.final();
  return zstdDecompressSync(small, { maxOutputLength: PARCEL_BYTES });
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
}

function plainOf(state: SessionState): Buffer {
  const { sent, waiting, ids, submitted, ...rest } = state;
  const head = {
    ...rest,
    sent: sent.map(({ msgSeqNum, second, message }) => [msgSeqNum, second, message.length]),
    waiting: waiting.map(({ second, message }) => [second, message.length]),
    ids: ids.map(({ second, id }) => [second, id.length]),
    submitted: submitted.map((one) => [one.generation, one.msgSeqNum, one.receivedAt, one.message.length]),
  };
  const text = Buffer.from(JSON.stringify(head));
  const messages = [...sent, ...waiting].map(({ message }) => message);
  const rests = [...ids.map(({ id }) => id), ...submitted.map(({ message }) => message)];
  return Buffer.concat([lengthOf(text), text, ...messages, ...rests]);
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
