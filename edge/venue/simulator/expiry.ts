/** Orders by the time they end: a binary heap. An order that ended otherwise stays in it until its time or a sweep. */

import type { ClientOrder } from './order.ts';

interface Entry {
  readonly at: number;
  readonly order: ClientOrder;
}

/** Whether an entry still means something: the order is open and has not been given another time. */
const valid = ({ at, order }: Entry): boolean => order.open && order.terms.expires_at === at;

export class Expiry {
  private heap: Entry[] = [];
  private sweepAt = 1024;

  /** Epoch ms of the next entry; Infinity when there is none. */
  get next(): number {
    return this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(order: ClientOrder): void {
    const at = order.terms.expires_at;
    if (at === Number.POSITIVE_INFINITY || at === order.expiry) return; // it is in already, perhaps as another order
    // What is no longer valid is at most as much as what was valid at the last sweep, and 1,024.
    if (this.heap.length >= this.sweepAt) this.sweep();
    order.expiry = at;
    this.heap.push({ at, order });
    this.up(this.heap.length - 1);
  }

  /** Takes out one open order whose time has come; undefined when there is none. */
  take(now: number): ClientOrder | undefined {
    while (this.next <= now) {
      const entry = this.pop();
      if (valid(entry)) return entry.order;
    }
    return undefined;
  }

  private sweep(): void {
    for (const { order } of this.heap) order.expiry = Number.NaN;
    // An order that has been others may be in more than once with the time that it has now.
    this.heap = this.heap.filter((entry) => {
      if (!valid(entry) || entry.order.expiry === entry.at) return false;
      entry.order.expiry = entry.at;
      return true;
    });
    this.heap.sort((a, b) => a.at - b.at);
    this.sweepAt = this.heap.length * 2 + 1024;
  }

  private pop(): Entry {
    const { heap } = this;
    const first = heap[0]!;
    if (first.order.expiry === first.at) first.order.expiry = Number.NaN;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.down();
    }
    return first;
  }

  private up(from: number): void {
    const { heap } = this;
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >>> 1;
      if (heap[parent]!.at <= heap[i]!.at) return;
      this.swap(i, parent);
      i = parent;
    }
  }

  private down(): void {
    const { heap } = this;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right;
      if (least === i) return;
      this.swap(i, least);
      i = least;
    }
  }

  private swap(a: number, b: number): void {
    const { heap } = this;
    const one = heap[a]!;
    heap[a] = heap[b]!;
    heap[b] = one;
  }
}
