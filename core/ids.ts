/** ULIDs: ids that sort by the time they were made. */
import type { Random } from './time.ts';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Characters of an id that are random: 80 bits. */
const RANDOM_LENGTH = 16;

interface Last {
  readonly time: number;
  /** Values of the random characters, each below 32. */
  readonly tail: readonly number[];
}

/** The last id of each source of randomness: a process has one, and so has each simulated world. */
const lastOf = new WeakMap<Random, Last>();

/**
 * A ULID: 48 bits of `now` (epoch ms) and 80 of randomness, 26 characters. Ids that one source makes one after the
 * other in the same millisecond sort in that order: each is the one before plus one (the monotonic ULID).
 */
export function ulid(now: number, random: Random): string {
  const last = lastOf.get(random);
  const tail = last?.time === now ? successor(last.tail) : drawn(random);
  lastOf.set(random, { time: now, tail });
  let text = '';
  let time = now;
  for (let i = 0; i < 10; i++) {
    text = CROCKFORD.charAt(time % 32) + text;
    time = Math.floor(time / 32);
  }
  return text + tail.map((value) => CROCKFORD.charAt(value)).join('');
}

/** One byte a character: 256 is a multiple of 32, so that each is uniform. The first stays below 16: room for 2^79 successors. */
function drawn(random: Random): readonly number[] {
  return Array.from(random.bytes(RANDOM_LENGTH), (byte, at) => byte % (at === 0 ? 16 : 32));
}

function successor(tail: readonly number[]): readonly number[] {
  const next = [...tail];
  for (let at = next.length - 1; at >= 0; at--) {
    const value = (next[at] as number) + 1;
    next[at] = value % 32;
    if (value < 32) break;
  }
  return next;
}
