/**
 * Long blocks for which keystream lies ready (keystream.ts): encrypted by AES-256-CTR, where a word of keystream is all that a word of records takes, and
 * authenticated by GMAC (NIST SP 800-38D, section 3): AES-256-GCM with nothing to encrypt, of the head and the encrypted records. Both keys are
 * derived from the segment's (HKDF-SHA-256, RFC 5869) and used for nothing else. The IV of GMAC is where the block's part of the keystream
 * begins, which no two blocks of a segment share.
 */

import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { Views } from '../fix/words.ts';
import { derivation, type KeyedHome } from './derived-keys.ts';
import { AUTHENTICATED_BYTES, authenticatedInto, BLOCK_BYTES } from './format.ts';
import { type Keystream, type Ring, UNIT } from './keystream.ts';

const MAC = 'aes-256-gcm';
const TAG_BYTES = 16;
const NONCE_AT = 20;
const TAG_AT = 32;
/** Used within one call only. */
const head = Buffer.alloc(AUTHENTICATED_BYTES);
const iv = Buffer.alloc(12);

type Source = Pick<Keystream, 'begin' | 'ring'>;

const keysOf = derivation('fixgate journal, long blocks');

/** Seals long blocks of one segment while there is keystream for them. */
export class StreamedSealer {
  readonly #home: KeyedHome;
  readonly #stream: KeyObject;
  readonly #mac: KeyObject;
  readonly #keystream: Source;
  readonly #views = new Views();

  /** From now on the keystream that is made is of this segment. */
  constructor(home: KeyedHome, keystream: Source) {
    const { stream, mac } = keysOf(home);
    this.#home = home;
    this.#stream = stream;
    this.#mac = mac;
    this.#keystream = keystream;
    keystream.begin(stream);
  }

  /** With keystream for a block of `length` bytes; undefined: there is none. */
  ring(length: number): Ring | undefined {
    return this.#keystream.ring(this.#stream, length - BLOCK_BYTES);
  }

  /** Seals the block of `length` bytes at `from`, whose head is in `into` but for nonce and tag, and whose records are in `plain`. */
  seal(ring: Ring, plain: Buffer, into: Buffer, from: number, length: number): void {
    const views = this.#views;
    const unit = ring.encrypt(views.of(plain), views.of(into), from + BLOCK_BYTES, length - BLOCK_BYTES);
    into.writeUInt32LE(unit, from + NONCE_AT);
    const mac = createCipheriv(MAC, this.#mac, ivOf(into, from));
    authenticate(mac, this.#home, into, from, length);
    mac.final();
    mac.getAuthTag().copy(into, from + TAG_AT);
  }
}

/** Of the GMAC of the block at `at`. */
function ivOf(bytes: Buffer, at: number): Buffer {
  iv.writeUInt32LE(bytes.readUInt32LE(at + NONCE_AT), 8);
  return iv;
}

function authenticate(
  mac: { setAAD(bytes: Buffer): unknown },
  home: KeyedHome,
  bytes: Buffer,
  at: number,
  length: number,
): void {
  authenticatedInto(head, 0, home, bytes, at);
  mac.setAAD(head);
  mac.setAAD(bytes.subarray(at + BLOCK_BYTES, at + length));
}

/** @throws Error: the tag of the block at `at`, whose records are encrypted, is not right */
function prove(home: KeyedHome, bytes: Buffer, at: number, length: number): void {
  const mac = createDecipheriv(MAC, keysOf(home).mac, ivOf(bytes, at), { authTagLength: TAG_BYTES });
  authenticate(mac, home, bytes, at, length);
  mac.setAuthTag(bytes.subarray(at + TAG_AT, at + TAG_AT + TAG_BYTES));
  mac.final();
}

/** The records of the block at `at`, encrypted or decrypted: it is the same. */
function crypted(home: KeyedHome, bytes: Buffer, at: number, length: number): Buffer {
  const counter = Buffer.alloc(UNIT);
  counter.writeUInt32BE(bytes.readUInt32LE(at + NONCE_AT), UNIT - 4);
  const cipher = createCipheriv('aes-256-ctr', keysOf(home).stream, counter);
  return cipher.update(bytes.subarray(at + BLOCK_BYTES, at + length));
}

/** The records of such a block at `at`, decrypted. @throws Error: its tag is not right */
export function openStreamed(home: KeyedHome, bytes: Buffer, at: number, length: number): Buffer {
  prove(home, bytes, at, length);
  return crypted(home, bytes, at, length);
}

/** Encrypts the records of the block at `at`, which are in plain, as they had been. @throws Error: it was not this that had been encrypted */
export function resealStreamed(home: KeyedHome, bytes: Buffer, at: number, length: number): void {
  crypted(home, bytes, at, length).copy(bytes, at + BLOCK_BYTES);
  prove(home, bytes, at, length);
}
