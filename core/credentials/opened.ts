/** Cache of opened secrets, so that many logons at once need no calls to the key service. */
import type { Digests } from '../ports.ts';

export interface OpenedBounds {
  /** Most entries kept; the one that was opened first goes. */
  readonly entries: number;
  /** For how long, in ms. */
  readonly life_ms: number;
}

interface Sealed {
  readonly version: number;
  readonly sealed: Uint8Array;
}

interface Entry {
  readonly sealed: Uint8Array;
  readonly plain: Uint8Array;
  readonly until: number;
}

export class Opened {
  readonly #digests: Pick<Digests, 'equal'>;
  readonly #bounds: OpenedBounds;
  readonly #entries = new Map<string, Entry>();

  constructor(digests: Pick<Digests, 'equal'>, bounds: OpenedBounds) {
    this.#digests = digests;
    this.#bounds = bounds;
  }

  /** What this ciphertext of the credential `name` held, if that is known at `now`. */
  kept(name: string, one: Sealed, now: number): Uint8Array | undefined {
    const entry = this.#entries.get(keyOf(name, one));
    if (!entry || entry.until <= now) return undefined;
    // The row may hold another ciphertext under the same version: then what was opened is not what is stored.
    return this.#digests.equal(entry.sealed, one.sealed) ? entry.plain : undefined;
  }

  keep(name: string, one: Sealed, plain: Uint8Array, now: number): void {
    const key = keyOf(name, one);
    this.#entries.delete(key);
    if (this.#entries.size >= this.#bounds.entries) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, { sealed: one.sealed, plain, until: now + this.#bounds.life_ms });
  }
}

function keyOf(name: string, { version }: Sealed): string {
  return `${version} ${name}`;
}
