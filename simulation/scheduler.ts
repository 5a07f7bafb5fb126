/**
 * One run of time for everything in a simulation: a heap of events, taken one by one, with all promises settled between
 * any two. Whatever looks like chance comes from one seed, so that a seed is a run.
 */
import type { Timer } from '../core/time.ts';
import { EventHeap, type Ordered } from './event-heap.ts';
import type { Process } from './process.ts';

/** True time at which every run begins, epoch ms. */
export const START: number = Date.UTC(2026, 0, 5, 12);

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

interface Event extends Ordered {
  run: (() => void) | undefined;
}

export class Scheduler {
  /** True time, ms since 1970, with fractions. No process sees it. */
  now: number;
  /** Called after each event, once all promises have settled. */
  onStep: () => void = () => {};
  steps = 0;
  /** Whose event this is: what runs until the next one is its doing. */
  current: Process | undefined;
  readonly #heap = new EventHeap<Event>();
  readonly #chance: Chance;
  readonly #holds: Promise<void>[] = [];

  constructor(start: number, chance: Chance) {
    this.now = start;
    this.#chance = chance;
  }

  after(ms: number, run: () => void): Timer {
    // The order is drawn: nothing orders events of one instant in the world.
    const event: Event = { at: this.now + Math.max(0, ms), order: this.#chance.next(), run };
    this.#heap.push(event);
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
    for (let next = this.#heap.first; next !== undefined && next.at <= until; next = this.#heap.first) {
      this.#heap.pop();
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
}

/** The queue of ticks is looked at when that of promises is empty: whatever waits for nothing but its turn has had it. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
