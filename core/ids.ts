/** ULIDs: ids that sort by the time they were made. */
import type { Random } from './time.ts';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID: 48 bits of `now` (epoch ms) and 80 of randomness, 26 characters. Ids of one millisecond are in no order
 * among themselves.
 */
export function ulid(now: number, random: Random): string {
  let text = '';
  let time = now;
  for (let i = 0; i < 10; i++) {
    text = CROCKFORD.charAt(time % 32) + text;
    time = Math.floor(time / 32);
  }
  // One byte a character: 256 is a multiple of 32, so that each character is uniform.
  for (const byte of random.bytes(16)) text += CROCKFORD.charAt(byte % 32);
  return text;
}
