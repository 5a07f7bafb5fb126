/** The machine's cryptographic source behind the Random port. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../../core/time.ts';

export const systemRandom: Random = {
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};
