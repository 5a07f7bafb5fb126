/**
 * Keys of blocks that are not sealed by the segment's own: one to encrypt with and one to authenticate with, derived from it (HKDF-SHA-256,
 * RFC 5869) under a name for each kind of block.
 */

import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** Of the segment. */
export interface KeyedHome {
  readonly number: number;
  readonly salt: number;
  readonly key: KeyObject;
}

export interface DerivedKeys {
  readonly stream: KeyObject;
  readonly mac: KeyObject;
}

interface Derived extends DerivedKeys {
  readonly number: number;
  readonly salt: number;
}

/** @param info what the keys are for. @returns those of a segment, derived once; bound to it too, so that a key that two segments had by mistake would still be two */
export function derivation(info: string): (home: KeyedHome) => DerivedKeys {
  const derived = new WeakMap<KeyObject, Derived>();
  return ({ key, number, salt }) => {
    const known = derived.get(key);
    if (known !== undefined && known.number === number && known.salt === salt) return known;
    const segment = Buffer.alloc(8);
    segment.writeUInt32LE(number, 0);
    segment.writeUInt32LE(salt, 4);
    const both = Buffer.from(hkdfSync('sha256', key, segment, info, 64));
    const [stream, mac] = [createSecretKey(both.subarray(0, 32)), createSecretKey(both.subarray(32))];
    both.fill(0);
    const made = { stream, mac, number, salt };
    derived.set(key, made);
    return made;
  };
}
