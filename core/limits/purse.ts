/** The tokens of one user that an edge holds, and how many it should ask for. Knows no clock and no store. */
import { CANCEL, KINDS, type Kind, MESSAGE, ORDER, type Three, three } from './kinds.ts';
import { capacitiesOf, type ExchangeReply, ratesOf } from './lease.ts';
import type { UserLimits } from './model.ts';
import type { Pace } from './pace.ts';

export const NS_PER_MS = 1_000_000n;

/** A lease should carry this much of a second: ten calls a second at the full rate. */
const LEASE_SECONDS = 0.1;
/** Messages may carry the time of their batch: tokens end this much before the lease does. */
const BATCH_MS = 20;
/** A lease in use is renewed when this share of its life is left: enough for a call's timeout, so that no message waits for a slow store. */
const RENEW_SHARE = 1 / 3;

/** What a call stated to the store about the purse. */
export interface Statement {
  readonly held: Three<number>;
  readonly wanted: Three<number>;
  readonly returned: Three<number>;
  readonly unleased: Three<number>;
}

/** Of the cells: tokens in hand. */
const TOKENS = 0;
/** At or below these, the edge asks before it is empty. */
const LOW = 3;
const LAST_GRANT = 6;
const SPENT_MS = 9;
const SOUGHT_MS = 12;
/** Until then the bucket is not asked for: refusals are local. */
const ASK_AT_MS = 15;
/** Unspent tokens of the item's limits that the edge gave up since it last settled. */
const RETURNED = 18;
/** Until then it is empty by the store's word: a call that is made for another bucket leaves it alone, too. */
const EMPTY_UNTIL_MS = 21;
const CELLS = 24;
/** Never written to. */
const NOTHING = new Float64Array(CELLS);
const UNWATCHED = new Float64Array(3).fill(-1);

export class Purse {
  rates: Three<number>;
  #capacities: Three<number>;
  /** k, at the last contact. */
  edges = 1;
  /** Tokens that ended unspent: a float from the beginning, since all that is compiled for purses would be void when it became one. */
  wasted = Number.NaN;
  granted = 0;

  /** By bucket: at so many tokens or fewer a warning may be due; -1: none is wanted. */
  #alert = UNWATCHED;
  /** Set when that has happened; reset by the reader. */
  alerted = false;

  /** Three of each, see {@link TOKENS}; shared and all 0 until something is written: most users of thousands send nothing. */
  #cells = NOTHING;
  #expiresMs = Number.NEGATIVE_INFINITY;
  /** From this time on an admitted message has the lease renewed. */
  #renewMs = Number.POSITIVE_INFINITY;

  readonly #pace: Pick<Pace, 'boost' | 'tripMs'>;

  constructor(limits: UserLimits, pace: Pick<Pace, 'boost' | 'tripMs'>) {
    this.#pace = pace;
    this.wasted = 0;
    this.rates = ratesOf(limits);
    this.#capacities = capacitiesOf(limits);
  }

  /** Adds the tokens granted and wasted since the last call. */
  tallied(tally: { granted: number; wasted: number }): void {
    tally.granted += this.granted;
    tally.wasted += this.wasted;
    this.granted = 0;
    this.wasted = 0;
  }

  /** Takes one token (an order also a message's) when they are in hand: one subtraction each. */
  draw(kind: Kind, nowMs: number): boolean {
    const cells = this.#cells;
    if (cells[TOKENS + kind]! < 1 || nowMs >= this.#expiresMs) return false;
    if (kind === ORDER) {
      if (cells[TOKENS + MESSAGE]! < 1) return false;
      cells[TOKENS + MESSAGE]! -= 1;
      cells[SPENT_MS + MESSAGE] = nowMs;
      cells[SOUGHT_MS + MESSAGE] = nowMs;
      if (cells[TOKENS + MESSAGE]! <= this.#alert[MESSAGE]!) this.alerted = true;
    }
    cells[TOKENS + kind]! -= 1;
    if (cells[TOKENS + kind]! <= this.#alert[kind]!) this.alerted = true;
    cells[SPENT_MS + kind] = nowMs;
    cells[SOUGHT_MS + kind] = nowMs;
    return true;
  }

  /**
   * Takes the tokens of this many orders at once, if enough are left that drawing them one by one would neither alert anybody nor ask for
   * a fill. Otherwise takes none.
   */
  drawOrders(count: number, nowMs: number): boolean {
    const cells = this.#cells;
    if (nowMs >= this.#expiresMs || nowMs >= this.#renewMs) return false;
    for (let kind: number = ORDER; kind <= MESSAGE; kind++) {
      if (cells[TOKENS + kind]! - count <= Math.max(cells[LOW + kind]!, this.#alert[kind]!, 0)) return false;
    }
    for (let kind: number = ORDER; kind <= MESSAGE; kind++) {
      cells[TOKENS + kind]! -= count;
      cells[SPENT_MS + kind] = nowMs;
      cells[SOUGHT_MS + kind] = nowMs;
    }
    return true;
  }

  /** Undoes {@link drawOrders} for orders that did not come; nothing else has touched the purse since. */
  putBack(count: number): void {
    this.#cells[TOKENS + ORDER]! += count;
    this.#cells[TOKENS + MESSAGE]! += count;
  }

  /** A message of this kind found no token. */
  seek(kind: Kind, nowMs: number): void {
    const cells = this.#own();
    cells[SOUGHT_MS + kind] = nowMs;
    if (kind === ORDER) cells[SOUGHT_MS + MESSAGE] = nowMs;
    this.expire(nowMs);
  }

  /** Whether to ask the store: tokens run low, and the store has not said that there are none; or the lease nears its end. */
  shouldFill(kind: Kind, nowMs: number): boolean {
    return (
      nowMs >= this.#renewMs ||
      (this.#cells[TOKENS + kind]! <= this.#cells[LOW + kind]! && nowMs >= this.#cells[ASK_AT_MS + kind]!)
    );
  }

  /** The bucket that is empty according to the store, for an order the order bucket first. */
  emptyOf(kind: Kind, nowMs: number): Kind | undefined {
    if (this.#isEmpty(kind, nowMs)) return kind;
    return kind === ORDER && this.#isEmpty(MESSAGE, nowMs) ? MESSAGE : undefined;
  }

  #isEmpty(kind: Kind, nowMs: number): boolean {
    return this.#cells[TOKENS + kind]! < 1 && nowMs < this.#cells[ASK_AT_MS + kind]!;
  }

  waitMs(kind: Kind, nowMs: number): number {
    const until = (of: Kind) =>
      this.#cells[TOKENS + of]! >= 1 ? 0 : Math.max(0, this.#cells[ASK_AT_MS + of]! - nowMs);
    return kind === ORDER ? Math.max(until(ORDER), until(MESSAGE)) : until(kind);
  }

  /** When the last message came, epoch ms. */
  soughtMs(): number {
    return Math.max(
      this.#cells[SOUGHT_MS + ORDER]!,
      this.#cells[SOUGHT_MS + MESSAGE]!,
      this.#cells[SOUGHT_MS + CANCEL]!,
    );
  }

  /** The millisecond of the spending may have been its last nanosecond. */
  spentAt(): Three<bigint> {
    return three((kind) =>
      this.#cells[SPENT_MS + kind] === 0 ? 0n : BigInt(Math.floor(this.#cells[SPENT_MS + kind]!) + 1) * NS_PER_MS,
    );
  }

  /**
   * L = min(⌈r × 0.1 s⌉, ⌊B/2k⌋): what a lease may hold beyond the messages that wait. Where the store is far away it
   * lasts until each edge has had its turn.
   */
  #reserve(kind: Kind): number {
    const seconds = Math.max(LEASE_SECONDS, this.#roundSeconds());
    const most = Math.ceil(this.rates[kind] * seconds) * this.#pace.boost;
    return Math.min(most, Math.floor(this.#capacities[kind] / (2 * this.edges)));
  }

  /** Time until this edge has its answer and each other edge has had its turn. */
  #roundSeconds(): number {
    return ((this.edges + 1) * this.#pace.tripMs) / 1000;
  }

  /**
   * What a call tells and asks. Asked is max(waiting, twice the last grant), at most waiting + L; a bucket in use
   * that is not empty is filled up to L; one that rested for `idleMs` is given back.
   *
   * @param waiting messages without tokens, per bucket
   */
  state(nowMs: number, idleMs: number, waiting: Three<number>, leave: boolean): Omit<Statement, 'unleased'> {
    this.expire(nowMs);
    const live = (kind: Kind) => !leave && (waiting[kind] > 0 || nowMs - this.#cells[SOUGHT_MS + kind]! < idleMs);
    for (const kind of KINDS) if (!live(kind)) this.#rest(kind);
    const wanted = three((kind) =>
      live(kind) ? this.#ask(kind, nowMs, waiting[kind] - this.#cells[TOKENS + kind]!) : 0,
    );
    return {
      held: three((kind) => this.#cells[TOKENS + kind]!),
      wanted,
      returned: three((kind) => this.#cells[RETURNED + kind]!),
    };
  }

  /** Tokens held, and tokens given up but not reported yet. */
  held(): { readonly held: Three<number>; readonly returned: Three<number> } {
    return {
      held: three((kind) => this.#cells[TOKENS + kind]!),
      returned: three((kind) => this.#cells[RETURNED + kind]!),
    };
  }

  #ask(kind: Kind, nowMs: number, waiting: number): number {
    if (nowMs < this.#cells[EMPTY_UNTIL_MS + kind]!) return 0;
    // Leases grow by doubling; where that would take many trips, as much is asked for as may be spent until the next.
    const perRound = Math.floor(this.rates[kind] * this.#roundSeconds());
    const twice = Math.max(2 * this.#cells[LAST_GRANT + kind]!, perRound);
    if (waiting > 0) return Math.min(Math.max(waiting, twice), waiting + this.#reserve(kind));
    const ahead = Math.min(twice, this.#reserve(kind));
    return this.#cells[TOKENS + kind]! <= this.#cells[LOW + kind]!
      ? ahead
      : Math.max(0, ahead - this.#cells[TOKENS + kind]!);
  }

  /**
   * Takes what the store granted. No bucket that is empty then is asked for again sooner than `spacingMs` after the call began,
   * whichever it was made for: each by itself would have its own call, and every call tell that others are empty still.
   */
  take(said: Statement, reply: ExchangeReply, startedMs: number, spacingMs: number): void {
    this.#own();
    this.#expiresMs = Number(reply.expires / NS_PER_MS) - BATCH_MS;
    this.#renewMs = this.#expiresMs - Math.floor((this.#expiresMs - startedMs) * RENEW_SHARE);
    this.edges = reply.edges;
    for (const kind of KINDS) {
      const lost = Math.min(this.#cells[TOKENS + kind]!, said.held[kind] - reply.held[kind]);
      const granted = reply.granted[kind];
      this.wasted += lost;
      this.granted += granted;
      this.#cells[TOKENS + kind]! += granted - lost;
      // A bucket that was nearly empty gave little; the lease need not begin small again for that.
      this.#cells[LAST_GRANT + kind] = Math.max(
        granted,
        Math.min(this.#cells[LAST_GRANT + kind]!, this.#reserve(kind)),
      );
      this.#cells[LOW + kind] = Math.floor(Math.min(this.#cells[LAST_GRANT + kind]!, this.#reserve(kind)) / 4);
      const retryMs = Number((reply.retryAt[kind] + NS_PER_MS - 1n) / NS_PER_MS);
      this.#cells[EMPTY_UNTIL_MS + kind] = retryMs;
      this.#cells[ASK_AT_MS + kind] = retryMs === 0 ? 0 : Math.max(retryMs, startedMs + spacingMs);
    }
  }

  /** The store has written what was returned. */
  settled(said: Statement): void {
    this.#own();
    for (const kind of KINDS) this.#cells[RETURNED + kind]! -= said.returned[kind];
  }

  /** It is not known whether the store has written it: nothing may be returned twice. */
  unsettled(): void {
    this.#clear(RETURNED);
  }

  /** Drops tokens whose lease has ended. */
  expire(nowMs: number): void {
    if (nowMs < this.#expiresMs) return;
    for (const kind of KINDS) this.#giveBack(kind);
  }

  /** Tokens of older limits are void; they are not returned, since the item counts them as spent. */
  changeLimits(limits: UserLimits): void {
    for (const kind of KINDS) this.#rest(kind);
    this.#clear(RETURNED);
    this.#clear(ASK_AT_MS);
    this.#clear(EMPTY_UNTIL_MS);
    this.rates = ratesOf(limits);
    this.#capacities = capacitiesOf(limits);
  }

  #rest(kind: Kind): void {
    if (this.#cells === NOTHING) return;
    this.#giveBack(kind);
    this.#cells[LAST_GRANT + kind] = 0;
    this.#cells[LOW + kind] = 0;
  }

  #giveBack(kind: Kind): void {
    const tokens = this.#cells[TOKENS + kind]!;
    if (tokens === 0) return;
    this.wasted += tokens;
    this.#cells[RETURNED + kind]! += tokens;
    this.#cells[TOKENS + kind] = 0;
  }

  #clear(cell: number): void {
    if (this.#cells !== NOTHING) this.#cells.fill(0, cell, cell + 3);
  }

  /** The cells, to be written to. */
  #own(): Float64Array {
    if (this.#cells === NOTHING) this.#cells = new Float64Array(CELLS);
    return this.#cells;
  }

  /** Marks at which somebody wants to look, to be written to. */
  get alert(): Float64Array {
    if (this.#alert === UNWATCHED) this.#alert = new Float64Array(3).fill(-1);
    return this.#alert;
  }

  /** Nobody wants to look any more. */
  unwatch(): void {
    this.#alert = UNWATCHED;
  }
}
