/** The limiter's items in memory; for tests, and for one gateway that needs no other edge to know. */
import type { Buckets } from '../../core/limits/lease.ts';
import type { Exchanged, ExchangeOutcome, TokenLeases } from '../../core/limits/leases-port.ts';

export class MemoryTokenLeases implements TokenLeases {
  readonly #items = new Map<string, Buckets>();

  /** Computes and writes in one step: there is no other writer between. */
  async exchange<R>(
    userId: string,
    _known: Buckets | undefined,
    compute: (current: Buckets | undefined) => Exchanged<R> | undefined,
  ): Promise<ExchangeOutcome<R>> {
    const exchanged = compute(this.#items.get(userId));
    if (exchanged === undefined) return { outcome: 'abandoned' };
    this.#items.set(userId, exchanged.next);
    return { outcome: 'written', buckets: exchanged.next, result: exchanged.result };
  }

  async read(userId: string): Promise<Buckets | undefined> {
    return this.#items.get(userId);
  }
}
