/** Digests by node:crypto. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Digests } from '../../core/ports.ts';

export const nodeDigests: Digests = {
  sha256: (text) => hash('sha256', text, 'hex'),
  hmacSha256: (key, data) => new Uint8Array(createHmac('sha256', key).update(data).digest()),
  // timingSafeEqual throws on unequal lengths; a length is no secret here, both sides are digests.
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
