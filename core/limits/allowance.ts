/** What an edge may admit while the store is away: the rate divided by the number of edges. It begins empty, so there is no new burst. */
import { CANCEL, type Kind, MESSAGE, ORDER } from './kinds.ts';
import { type LimiterSettings, SET_BACK_MS } from './settings.ts';

/** Nothing was admitted without a lease. Never written to. */
export const NONE_UNLEASED = new Float64Array(3);

/** Credit that may gather, in ms of the rate: clocks are read in whole milliseconds. */
const GRAIN_MS = 2;

export class Allowance {
  /** Epoch ms of the loss. */
  readonly since: number;
  readonly #perMs: Float64Array;
  readonly #credit = new Float64Array(3);
  #at: number;

  /** @param from epoch ms from which credit gathers; @param rates tokens per second of each bucket; @param edges k, fixed at the last contact */
  constructor(since: number, from: number, rates: readonly number[], edges: number) {
    this.since = since;
    this.#at = from;
    this.#perMs = Float64Array.from(rates, (rate) => rate / Math.max(1, edges) / 1000);
  }

  /** True: admitted, and the credit is drawn. */
  draw(kind: Kind, nowMs: number): boolean {
    this.#gather(nowMs);
    const credit = this.#credit;
    if (credit[kind]! < 1 || (kind === ORDER && credit[MESSAGE]! < 1)) return false;
    credit[kind]! -= 1;
    if (kind === ORDER) credit[MESSAGE]! -= 1;
    return true;
  }

  /** Milliseconds until there is credit for one. */
  waitMs(kind: Kind, nowMs: number): number {
    this.#gather(nowMs);
    const one = (of: Kind) => Math.max(0, Math.ceil((1 - this.#credit[of]!) / this.#perMs[of]!));
    return kind === ORDER ? Math.max(one(ORDER), one(MESSAGE)) : one(kind);
  }

  /** Whether this kind is refused, whatever credit there is. Cancels never are: by them a client gets out. */
  isClosed(kind: Kind, nowMs: number, { storeAway, graceMs }: Pick<LimiterSettings, 'storeAway' | 'graceMs'>): boolean {
    if (kind === CANCEL) return false;
    return storeAway === 'refuse' || (kind === ORDER && nowMs - this.since > graceMs);
  }

  /** Milliseconds after which a message that was refused may be tried again: when there is credit, or the store may be back. */
  retryAfterMs(kind: Kind, nowMs: number, settings: LimiterSettings): number {
    return this.isClosed(kind, nowMs, settings) ? settings.awayRetryMs : this.waitMs(kind, nowMs);
  }

  #gather(nowMs: number): void {
    const elapsed = nowMs - this.#at;
    if (elapsed <= -SET_BACK_MS) this.#at = nowMs;
    if (elapsed <= 0) return;
    this.#at = nowMs;
    for (let kind = 0; kind < 3; kind++) {
      const perMs = this.#perMs[kind]!;
      this.#credit[kind] = Math.min(Math.max(1, perMs * GRAIN_MS), this.#credit[kind]! + elapsed * perMs);
    }
  }
}
