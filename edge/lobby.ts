/**
 * The lobby: connections that have not logged on, bounded for the whole process. When it is full, a connection of the address with
 * the most connections is closed, so that a flood from one address pushes out its own. That is the oldest one that has sent
 * nothing; if all have sent their Logons, the one that came last, because the others are served before it. All of this takes
 * constant time, however many connections or addresses there are.
 */

export interface Guest {
  readonly address: string;
  /** Pushed out: close without an answer. */
  evict(): void;
}

/** Entries of the line that may be outdated before it is rebuilt. */
const GONE_IN_LINE = 64;

/** The guests of one address, in the order of arrival. */
class Here<G> {
  readonly address: string;
  readonly quiet = new Set<G>();
  /** Those whose Logons have come. */
  readonly spoke = new Set<G>();
  /** The same in order of their Logons; some may have left. */
  #line: G[] = [];

  constructor(address: string) {
    this.address = address;
  }

  get size(): number {
    return this.quiet.size + this.spoke.size;
  }

  speak(guest: G): void {
    this.spoke.add(guest);
    if (this.#line.length > 2 * this.spoke.size + GONE_IN_LINE) this.#line = [...this.spoke];
    else this.#line.push(guest);
  }

  /** The guest to be pushed out first. */
  worst(): G | undefined {
    for (const guest of this.quiet) return guest;
    for (let last = this.#line.at(-1); last !== undefined; last = this.#line.at(-1)) {
      if (this.spoke.has(last)) return last;
      this.#line.pop();
    }
    return undefined;
  }
}

export class Lobby<G extends Guest> {
  readonly #cap: () => number;
  readonly #guests = new Map<string, Here<G>>();
  /** Addresses by their number of guests, and the largest such number. */
  readonly #bySize = new Map<number, Set<Here<G>>>();
  #most = 0;
  #count = 0;

  /** @param cap asked at each arrival */
  constructor(cap: () => number) {
    this.#cap = cap;
  }

  get size(): number {
    return this.#count;
  }

  /** Adds a guest. If the lobby is full one is pushed out, perhaps this one. */
  enter(guest: G): void {
    const full = this.#count >= this.#cap();
    // The newcomer does not count against its address yet.
    const busiest = full ? this.#busiest() : undefined;
    let here = this.#guests.get(guest.address);
    if (here === undefined) {
      here = new Here(guest.address);
      this.#guests.set(guest.address, here);
    }
    here.quiet.add(guest);
    this.#sized(here, here.size - 1);
    if (!full) return;
    const out = (busiest ?? here).worst();
    if (out === undefined) return;
    this.leave(out);
    out.evict();
  }

  /** The guest's Logon has come. */
  spoke(guest: G): void {
    const here = this.#guests.get(guest.address);
    if (here?.quiet.delete(guest)) here.speak(guest);
  }

  /** The guest has logged on or gone. Idempotent. */
  leave(guest: G): void {
    const here = this.#guests.get(guest.address);
    if (here === undefined || !(here.quiet.delete(guest) || here.spoke.delete(guest))) return;
    this.#sized(here, here.size + 1);
    if (here.size === 0) this.#guests.delete(guest.address);
  }

  *all(): Generator<G> {
    for (const { quiet, spoke } of this.#guests.values()) {
      yield* spoke;
      yield* quiet;
    }
  }

  #busiest(): Here<G> | undefined {
    for (const here of this.#bySize.get(this.#most) ?? []) return here;
    return undefined;
  }

  /** An address has one guest more or less than `before`. */
  #sized(here: Here<G>, before: number): void {
    const { size } = here;
    this.#count += size - before;
    const left = this.#bySize.get(before);
    left?.delete(here);
    const empty = left?.size === 0;
    if (empty) this.#bySize.delete(before);
    if (size > 0) {
      const joined = this.#bySize.get(size);
      if (joined !== undefined) joined.add(here);
      // One address alone takes its set along: in a flood from there, each would make one.
      else this.#bySize.set(size, (empty ? left : new Set<Here<G>>()).add(here));
    }
    if (size > this.#most) this.#most = size;
    else if (before === this.#most && !this.#bySize.has(before)) this.#most = size;
  }
}
