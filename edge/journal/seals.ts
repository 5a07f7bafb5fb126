/**
 * What blocks are sealed with: a cipher each, under a nonce that nothing else of the segment has. One is made ahead, when bytes
 * have left and nobody waits: of what a turn of one order seals by, that is half, and does not depend on what is sealed.
 */

import { type CipherGCM, createCipheriv, type KeyObject } from 'node:crypto';

export const CIPHER = 'aes-256-gcm';
export const IV_BYTES = 12;

/** A segment, as far as it is sealed. */
export interface Sealed {
  readonly salt: number;
  /** Of 256 bits, and no other segment's; undefined: not encrypted. */
  readonly key: KeyObject | undefined;
  /** The nonce that is drawn next. Nothing but {@link Seals} changes it. */
  nonce: number;
}

/** For one block, and once: a cipher that has said its last word takes nothing more. */
export interface Seal {
  readonly nonce: number;
  /** Undefined: the block is not encrypted. */
  readonly cipher: CipherGCM | undefined;
}

/** Writes the IV of a block. */
export function writeIv(iv: Buffer, salt: number, nonce: number): void {
  iv.writeUInt32LE(salt, 0);
  iv.writeUInt32LE(0, 4);
  iv.writeUInt32LE(nonce, 8);
}

/** Used within one call only. */
const iv = Buffer.alloc(IV_BYTES);

/** The only place where a nonce is taken: it is gone with the cipher, whatever becomes of that. */
function draw(segment: Sealed): Seal {
  const nonce = segment.nonce++;
  if (segment.key === undefined) return { nonce, cipher: undefined };
  writeIv(iv, segment.salt, nonce);
  return { nonce, cipher: createCipheriv(CIPHER, segment.key, iv) };
}

export class Seals {
  #ready: { readonly segment: Sealed; readonly seal: Seal } | undefined;

  /** Makes the next seal of `segment` ahead, unless it is there. One that is there for another segment is dropped, its nonce unused. */
  prepare(segment: Sealed): void {
    if (segment.key === undefined || this.#ready?.segment === segment) return;
    this.#ready = { segment, seal: draw(segment) };
  }

  /** A seal of `segment` that nobody else has, nor will have. */
  take(segment: Sealed): Seal {
    const ready = this.#ready;
    if (ready?.segment !== segment) return draw(segment);
    this.#ready = undefined;
    return ready.seal;
  }
}
