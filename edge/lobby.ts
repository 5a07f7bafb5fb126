/**
 * Connections that have not logged on: one cap for the whole process. When it is full, a connection of the address that
 * holds most has to go: a flood from one place pushes out its own. It is the oldest that has said nothing, or, where all
 * have sent their Logons, the one that came last: who has waited longest is served next.
 */

export interface Guest {
  readonly address: string;
  /** Pushed out: close without a word. */
  evict(): void;
}

/** The guests of one address, in the order of arrival. */
interface Here<G> {
  readonly quiet: Set<G>;
  /** Their Logons are being dealt with. */
  readonly spoke: Set<G>;
}

const sizeOf = <G>({ quiet, spoke }: Here<G>): number => quiet.size + spoke.size;

export class Lobby<G extends Guest> {
  readonly #cap: number;
  readonly #guests = new Map<string, Here<G>>();
  #count = 0;

  constructor(cap: number) {
    this.#cap = cap;
  }

  get size(): number {
    return this.#count;
  }

  /** It may be the one that has to go. */
  enter(guest: G): void {
    let here = this.#guests.get(guest.address);
    if (here === undefined) {
      here = { quiet: new Set(), spoke: new Set() };
      this.#guests.set(guest.address, here);
    }
    here.quiet.add(guest);
    this.#count += 1;
    if (this.#count > this.#cap) this.#pushOut(guest.address);
  }

  /** Its Logon is there. */
  spoke(guest: G): void {
    const here = this.#guests.get(guest.address);
    if (here?.quiet.delete(guest)) here.spoke.add(guest);
  }

  /** It has logged on, or is gone. Idempotent. */
  leave(guest: G): void {
    const here = this.#guests.get(guest.address);
    if (here === undefined || !(here.quiet.delete(guest) || here.spoke.delete(guest))) return;
    this.#count -= 1;
    if (sizeOf(here) === 0) this.#guests.delete(guest.address);
  }

  *all(): Generator<G> {
    for (const { quiet, spoke } of this.#guests.values()) {
      yield* spoke;
      yield* quiet;
    }
  }

  /** @param newcomers where the one comes from that is one too many */
  #pushOut(newcomers: string): void {
    let most: Here<G> | undefined;
    let size = 0;
    for (const [address, here] of this.#guests) {
      const held = sizeOf(here) - (address === newcomers ? 1 : 0);
      if (held > size) [most, size] = [here, held];
    }
    if (most === undefined) return;
    let out = most.quiet.values().next().value;
    if (out === undefined) for (const one of most.spoke) out = one;
    if (out === undefined) return;
    this.leave(out);
    out.evict();
  }
}
