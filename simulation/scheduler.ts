/**
 * One run of time for everything in a simulation: a heap of events, taken one by one, with all promises settled between
 * any two. Whatever looks like chance comes from one seed, so that a seed is a run.
 */
import type { Timer } from '../core/time.ts';
import type { Process } from './process.ts';

/** Numbers in [0, 1) from a seed: mulberry32, 32 bits of state. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    // Seeds are small and follow each other: they are spread first, so that neighbours have nothing in common.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    this.next();
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A chance of its own, so that what one part draws does not move what others draw. */
  fork(): Chance {
    return new Chance(Math.floor(this.next() * 2 ** 32));
  }

  hit(probability: number): boolean {
    return this.next() < probability;
  }

  /** At least `from`, below `to`. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** An integer from `from` to `to`, both inclusive. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(of: readonly T[]): T {
    const one = of[Math.floor(this.next() * of.length)];
    if (one === undefined) throw new RangeError('nothing to pick from');
    return one;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.next() * 256));
  }
}

interface Event {
  readonly at: number;
  /** Among events of the same instant the smaller goes first: drawn, for nothing orders them in the world. */
  readonly order: number;
  run: (() => void) | undefined;
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Scheduler {
  /** True time, ms since 1970, with fractions. No process sees it. */
  now: number;
  /** Called after each event, once all promises have settled. */
  onStep: () => void = () => {};
  steps = 0;
  /** Whose event this is: what runs until the next one is its doing. */
  current: Process | undefined;
  readonly #heap: Event[] = [];
  readonly #chance: Chance;
  readonly #holds: Promise<void>[] = [];

  constructor(start: number, chance: Chance) {
    this.now = start;
    this.#chance = chance;
  }

  after(ms: number, run: () => void): Timer {
    const event: Event = { at: this.now + Math.max(0, ms), order: this.#chance.next(), run };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      heap[parent] = event;
      at = parent;
    }
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Time stands until this has been done: something reads files, in the time of the machine. */
  hold(until: Promise<void>): void {
    this.#holds.push(until);
  }

  async #settled(): Promise<void> {
    await settled();
    while (this.#holds.length > 0) {
      await this.#holds.pop();
      await settled();
    }
  }

  /** Runs events until true time is `until`, or until `over` says so. */
  async run(until: number, over: () => boolean = () => false): Promise<void> {
    await this.#settled();
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      this.current = undefined;
      next.run();
      await this.#settled();
      this.steps += 1;
      this.onStep();
      if (over()) return;
    }
    this.now = until;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** The queue of ticks is looked at when that of promises is empty: whatever waits for nothing but its turn has had it. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
