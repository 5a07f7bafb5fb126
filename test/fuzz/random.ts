/** Chance with a seed: the same seed gives the same inputs on every machine. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 bits (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** From 0 to `below` - 1; 0 when there is nothing to choose from. */
  below(below: number): number {
    return below <= 1 ? 0 : this.next() % below;
  }

  chance(oneIn: number): boolean {
    return this.next() % oneIn === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.next();
    return bytes;
  }
}

/** A seed made of bytes (FNV-1a), so that what a check does by chance depends on its input alone. */
export function seedOf(lines: readonly Uint8Array[]): number {
  let hash = 0x811c9dc5;
  for (const line of lines) {
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line[i]!, 0x01000193);
    hash = Math.imul(hash ^ 0x100, 0x01000193);
  }
  return hash >>> 0;
}
