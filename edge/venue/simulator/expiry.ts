/** Orders by the time they end: of each time a list, and of the times a binary heap. An order that ended otherwise stays until then, or until a sweep. */

import { keptInt32s } from '../../kept-memory.ts';
import type { ClientOrder } from './client-order.ts';
import { NO_NUMBER } from './order.ts';
import type { Orders } from './orders.ts';

/** From so many rows on there is room for far more at once: what is never written to costs nothing, and copying it does. */
const MANY = 16_384;

/** The orders of one time: most are of the same day. */
class Bucket {
  readonly at = NO_NUMBER;
  /** By row, oldest first; those before `from` have been taken, and there are none from `to` on. */
  rows: Int32Array = new Int32Array(1);
  from = 0;
  to = 0;

  constructor(at: number) {
    this.at = at;
  }

  push(row: number): void {
    if (this.to === this.rows.length) {
      const grown = keptInt32s(this.to * (this.to < MANY ? 2 : 8));
      grown.set(this.rows);
      this.rows = grown;
    }
    this.rows[this.to++] = row;
  }

  /** Keeps those of which `keeps` says so. */
  sift(keeps: (row: number) => boolean): void {
    let kept = 0;
    for (let i = this.from; i < this.to; i++) if (keeps(this.rows[i]!)) this.rows[kept++] = this.rows[i]!;
    this.from = 0;
    this.to = kept;
  }
}

/** So many that mean nothing are kept in any case. */
const SLACK = 1024;

export class Expiry {
  readonly #orders: Orders;
  #heap: Bucket[] = [];
  readonly #byTime = new Map<number, Bucket>();
  #last: Bucket | undefined;
  /** That of the first of the heap: every order asks. */
  #next = Number.POSITIVE_INFINITY;
  #size = 0;
  /** Of the entries, those that mean nothing: never more than half of them, and {@link SLACK}. */
  #stale = 0;

  constructor(orders: Orders) {
    this.#orders = orders;
  }

  /** Epoch ms of the next entry; Infinity when there is none. */
  get next(): number {
    return this.#next;
  }

  #look(): void {
    this.#next = this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** A new order. */
  add({ row, expires_at: at }: ClientOrder): void {
    if (at === Number.POSITIVE_INFINITY) return;
    if (!this.#orders.setEndsAt(row, at)) {
      this.#stale -= 1; // it is in already, as another order that had this row
      return;
    }
    this.#of(at).push(row);
    this.#size += 1;
    if (this.#stale >= SLACK && this.#stale > this.#size / 2) this.#sweep();
  }

  /** One that has been given another time. */
  move(order: ClientOrder): void {
    this.ended(order);
    this.#orders.clearEnds(order.row);
    this.add(order);
  }

  /** It ends before its time. */
  ended({ row }: ClientOrder): void {
    if (!Number.isNaN(this.#orders.endsAt(row))) this.#stale += 1;
  }

  /** Takes out one open order whose time has come; undefined when there is none. */
  take(now: number): ClientOrder | undefined {
    for (let bucket = this.#heap[0]; bucket !== undefined && bucket.at <= now; bucket = this.#heap[0]) {
      if (bucket.from === bucket.to) {
        this.#pop();
        continue;
      }
      const row = bucket.rows[bucket.from++]!;
      this.#size -= 1;
      this.#forget(row, bucket);
      if (this.#isValid(row, bucket)) return this.#orders.order(row);
      this.#stale -= 1;
    }
    return undefined;
  }

  /** An entry is gone. */
  #forget(row: number, { at }: Bucket): void {
    if (this.#orders.endsAt(row) === at) this.#orders.clearEnds(row);
  }

  /** Whether one still means something: the order is open and has not been given another time. */
  #isValid(row: number, { at }: Bucket): boolean {
    return this.#orders.isOpen(row) && this.#orders.expiresAt(row) === at;
  }

  #of(at: number): Bucket {
    const last = this.#last;
    if (last !== undefined && last.at === at) return last;
    let bucket = this.#byTime.get(at);
    if (bucket === undefined) {
      bucket = new Bucket(at);
      this.#byTime.set(at, bucket);
      this.#heap.push(bucket);
      this.#up(this.#heap.length - 1);
      this.#look();
    }
    this.#last = bucket;
    return bucket;
  }

  #sweep(): void {
    const orders = this.#orders;
    for (const bucket of this.#heap)
      for (let i = bucket.from; i < bucket.to; i++) this.#forget(bucket.rows[i]!, bucket);
    this.#size = 0;
    for (const bucket of this.#heap) {
      bucket.sift((row) => {
        // A row that has been others may be in more than once with the time that it has now.
        if (!this.#isValid(row, bucket) || orders.endsAt(row) === bucket.at) return false;
        orders.setEndsAt(row, bucket.at);
        return true;
      });
      this.#size += bucket.to;
    }
    this.#heap = this.#heap.filter(({ to }) => to > 0).sort((a, b) => a.at - b.at);
    this.#byTime.clear();
    for (const bucket of this.#heap) this.#byTime.set(bucket.at, bucket);
    this.#last = undefined;
    this.#stale = 0;
    this.#look();
  }

  #pop(): void {
    const heap = this.#heap;
    this.#byTime.delete(heap[0]!.at);
    this.#last = undefined;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#down();
    }
    this.#look();
  }

  #up(from: number): void {
    const heap = this.#heap;
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >>> 1;
      if (heap[parent]!.at <= heap[i]!.at) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #down(): void {
    const heap = this.#heap;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right;
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const one = heap[a]!;
    heap[a] = heap[b]!;
    heap[b] = one;
  }
}
