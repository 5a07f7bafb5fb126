/**
 * Connections that have not logged on: one cap for the whole process. When it is full, the oldest connection of the
 * address that holds most has to go: a flood from one place pushes out its own.
 */

export interface Guest {
  readonly address: string;
  /** Pushed out: close without a word. */
  evict(): void;
}

export class Lobby<G extends Guest> {
  readonly #cap: number;
  /** By address, in the order of arrival. */
  readonly #guests = new Map<string, Set<G>>();
  #count = 0;

  constructor(cap: number) {
    this.#cap = cap;
  }

  get size(): number {
    return this.#count;
  }

  enter(guest: G): void {
    if (this.#count >= this.#cap) this.#pushOut();
    let here = this.#guests.get(guest.address);
    if (here === undefined) {
      here = new Set();
      this.#guests.set(guest.address, here);
    }
    here.add(guest);
    this.#count += 1;
  }

  /** It has logged on, or is gone. Idempotent. */
  leave(guest: G): void {
    const here = this.#guests.get(guest.address);
    if (here === undefined || !here.delete(guest)) return;
    this.#count -= 1;
    if (here.size === 0) this.#guests.delete(guest.address);
  }

  *all(): Generator<G> {
    for (const here of this.#guests.values()) yield* here;
  }

  #pushOut(): void {
    let most: Set<G> | undefined;
    for (const here of this.#guests.values()) if (most === undefined || here.size > most.size) most = here;
    const oldest = most?.values().next().value;
    if (oldest === undefined) return;
    this.leave(oldest);
    oldest.evict();
  }
}
