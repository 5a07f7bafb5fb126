/**
 * Connections that have not logged on: one cap for the whole process. When it is full, a connection of the address that
 * holds most has to go: a flood from one place pushes out its own. It is the oldest that has said nothing, or, where all
 * have sent their Logons, the one that came last: who has waited longest is served next. None of it costs more when there
 * are many, or many addresses.
 */

export interface Guest {
  readonly address: string;
  /** Pushed out: close without a word. */
  evict(): void;
}

/** Left behind in the line of those who spoke before it is made anew. */
const GONE_IN_LINE = 64;

/** The guests of one address, in the order of arrival. */
class Here<G> {
  readonly address: string;
  readonly quiet = new Set<G>();
  /** Their Logons are being dealt with. */
  readonly spoke = new Set<G>();
  /** The same in order, some of them gone. */
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

  /** Who is the first to go. */
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
  /** Addresses by how many guests they have; and the most that any has. */
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

  /** It may be the one that has to go. */
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

  /** Its Logon is there. */
  spoke(guest: G): void {
    const here = this.#guests.get(guest.address);
    if (here?.quiet.delete(guest)) here.speak(guest);
  }

  /** It has logged on, or is gone. Idempotent. */
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
    if (left?.size === 0) this.#bySize.delete(before);
    if (size > 0) {
      const joined = this.#bySize.get(size);
      if (joined === undefined) this.#bySize.set(size, new Set([here]));
      else joined.add(here);
    }
    if (size > this.#most) this.#most = size;
    else if (before === this.#most && !this.#bySize.has(before)) this.#most = size;
  }
}
