/**
 * Short blocks: those of turns of a few messages. AES-256-GCM costs each of them a cipher and three buffers outside the heap,
 * three microseconds before the first byte. So they are encrypted out of one keystream a segment, AES-256-CTR, which lies ready, and
 * authenticated by HMAC-SHA-256 over what is encrypted, cut to 128 bits (RFC 2104, section 5). Both keys are derived from the
 * segment's (HKDF-SHA-256, RFC 5869) and used for nothing else.
 *
 * The counter of a segment's keystream begins at 0. A block says at which unit of 16 bytes its own part begins. What has been taken of it
 * is gone, whatever becomes of the block; each opening of a journal begins a new segment, with a key of its own.
 */

import { type Cipheriv, createCipheriv, createDecipheriv, createHmac, hash, timingSafeEqual } from 'node:crypto';
import { Views, viewOf } from '../fix/words.ts';
import { derivation, type KeyedHome } from './derived-keys.ts';
import { AUTHENTICATED_BYTES, authenticatedInto, BLOCK_BYTES } from './format.ts';

/** Of a block with its head. At about twice as many GCM costs as much: it takes in five bytes while SHA-256 takes in one. */
export const SHORT_BYTES = 2048;

const CIPHER = 'aes-256-ctr';
const UNIT = 16;
const TAG_BYTES = 16;
const NONCE_AT = 20;
const TAG_AT = 32;
/** Of keystream made at once. */
const STREAM_BYTES = 16_384;
const ZEROS = Buffer.alloc(STREAM_BYTES);
/** Of SHA-256, what HMAC fills its key up to. */
const HASH_BLOCK = 64;
const HASH_BYTES = 32;

const keysOf = derivation('fixgate journal, short blocks');

/** Seals the short blocks of one segment, in the order in which it is asked to. */
export class ShortSealer {
  readonly #home: KeyedHome;
  readonly #cipher: Cipheriv;
  /** Keystream, and how much of it is gone. */
  #stream = Buffer.alloc(0);
  #streamView = viewOf(this.#stream);
  #used = 0;
  /** Units made so far, with those that lie ready. */
  #made = 0;
  /** What HMAC hashes first: its key, the head, the encrypted records. */
  readonly #inner = Buffer.alloc(HASH_BLOCK + AUTHENTICATED_BYTES + SHORT_BYTES);
  readonly #innerView = viewOf(this.#inner);
  /** And then: its key, what came of that. */
  readonly #outer = Buffer.alloc(HASH_BLOCK + HASH_BYTES);
  readonly #plains = new Views();

  constructor(home: KeyedHome) {
    const { stream, mac } = keysOf(home);
    this.#home = home;
    this.#cipher = createCipheriv(CIPHER, stream, Buffer.alloc(UNIT));
    const key = Buffer.alloc(HASH_BLOCK);
    mac.export().copy(key);
    for (let i = 0; i < HASH_BLOCK; i++) {
      this.#inner[i] = key[i]! ^ 0x36;
      this.#outer[i] = key[i]! ^ 0x5c;
    }
    key.fill(0);
  }

  /** Nobody waits: makes keystream where less is left than the next block may take. */
  prepare(): void {
    if (this.#stream.length - this.#used < SHORT_BYTES) this.#more();
  }

  /** Seals the block of `length` bytes at `from`, whose head is in `into` but for nonce and tag, and whose records are in `plain`. */
  seal(plain: Buffer, into: Buffer, from: number, length: number): void {
    const bytes = length - BLOCK_BYTES;
    const at = this.#take(bytes);
    into.writeUInt32LE(this.#made - (this.#stream.length - at) / UNIT, from + NONCE_AT);
    authenticatedInto(this.#inner, HASH_BLOCK, this.#home, into, from);
    const records = HASH_BLOCK + AUTHENTICATED_BYTES;
    this.#encrypt(this.#plains.of(plain), from + BLOCK_BYTES, at, bytes);
    this.#inner.copy(into, from + BLOCK_BYTES, records, records + bytes);
    // As text: a buffer of each hash would cost more than the hash.
    this.#outer.write(hash('sha256', this.#inner.subarray(0, records + bytes), 'binary'), HASH_BLOCK, 'latin1');
    into.write(hash('sha256', this.#outer, 'binary'), from + TAG_AT, TAG_BYTES, 'latin1');
  }

  /** Records at `from`, with the keystream at `at`, into {@link #inner}. */
  #encrypt(plain: DataView, from: number, at: number, bytes: number): void {
    const [stream, into, to] = [this.#streamView, this.#innerView, HASH_BLOCK + AUTHENTICATED_BYTES];
    const words = bytes - (bytes % 4);
    for (let i = 0; i < words; i += 4)
      into.setInt32(to + i, plain.getInt32(from + i, true) ^ stream.getInt32(at + i, true), true);
    for (let i = words; i < bytes; i++) into.setUint8(to + i, plain.getUint8(from + i) ^ stream.getUint8(at + i));
  }

  /** The only place where keystream is taken. @returns where it begins in {@link #stream} */
  #take(bytes: number): number {
    const whole = Math.ceil(bytes / UNIT) * UNIT;
    if (this.#stream.length - this.#used < whole) this.#more();
    const at = this.#used;
    this.#used += whole;
    return at;
  }

  /** What is left of the keystream that lies ready is dropped. */
  #more(): void {
    this.#stream = this.#cipher.update(ZEROS);
    this.#streamView = viewOf(this.#stream);
    this.#made += STREAM_BYTES / UNIT;
    this.#used = 0;
  }
}

/** The tag of the block at `at`, whose records are encrypted. */
function tagOf(home: KeyedHome, bytes: Buffer, at: number, length: number): Buffer {
  const head = Buffer.alloc(AUTHENTICATED_BYTES);
  authenticatedInto(head, 0, home, bytes, at);
  const mac = createHmac('sha256', keysOf(home).mac);
  mac.update(head).update(bytes.subarray(at + BLOCK_BYTES, at + length));
  return mac.digest().subarray(0, TAG_BYTES);
}

const isProved = (home: KeyedHome, bytes: Buffer, at: number, length: number): boolean =>
  timingSafeEqual(tagOf(home, bytes, at, length), bytes.subarray(at + TAG_AT, at + TAG_AT + TAG_BYTES));

function ivOf(bytes: Buffer, at: number): Buffer {
  const iv = Buffer.alloc(UNIT);
  iv.writeUInt32BE(bytes.readUInt32LE(at + NONCE_AT), UNIT - 4);
  return iv;
}

/** The records of the short block at `at`, decrypted. @throws Error: its tag is not right */
export function openShort(home: KeyedHome, bytes: Buffer, at: number, length: number): Buffer {
  if (!isProved(home, bytes, at, length)) throw new Error(`the tag of the block at ${at} is not right`);
  const decipher = createDecipheriv(CIPHER, keysOf(home).stream, ivOf(bytes, at));
  return decipher.update(bytes.subarray(at + BLOCK_BYTES, at + length));
}

/** Encrypts the records of the short block at `at`, which are in plain, as they had been. @throws Error: it was not this that had been encrypted */
export function resealShort(home: KeyedHome, bytes: Buffer, at: number, length: number): void {
  const cipher = createCipheriv(CIPHER, keysOf(home).stream, ivOf(bytes, at));
  cipher.update(bytes.subarray(at + BLOCK_BYTES, at + length)).copy(bytes, at + BLOCK_BYTES);
  if (!isProved(home, bytes, at, length)) throw new Error(`the block at ${at} is not as it was`);
}
