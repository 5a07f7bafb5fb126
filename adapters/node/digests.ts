/** Digests by node:crypto. */
import { createHmac, createPublicKey, createSecretKey, hash, timingSafeEqual, verify } from 'node:crypto';
import type { Digests } from '../../core/ports.ts';

/** SubjectPublicKeyInfo of Ed25519 before its 32 bytes (RFC 8410 section 4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

export const nodeDigests: Digests = {
  sha256: (text) => hash('sha256', text, 'hex'),
  // Of plain bytes Node finds out by two exceptions that they are no key of its own: three times what the HMAC takes.
  hmacSha256: (key, data) => new Uint8Array(createHmac('sha256', createSecretKey(key)).update(data).digest()),
  // timingSafeEqual throws on unequal lengths; a length is no secret here, both sides are digests.
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  verifyEd25519: (publicKey, data, signature) => {
    const key = Buffer.concat([SPKI_HEAD, publicKey]);
    // Throws for bytes that are no key: whoever stored them has checked.
    return verify(null, data, createPublicKey({ key, format: 'der', type: 'spki' }), signature);
  },
};
