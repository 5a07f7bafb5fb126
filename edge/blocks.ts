/**
 * Blocks of numbers for sessions whose journal is not in the store. A block is reserved in the store, so that an edge that cannot
 * read this edge's journal goes on above it, and no number gets two contents (docs/adr/0047-numbers-reserved-in-the-store.md).
 * The first block comes with the slot, or when the session is settled here; the next is reserved long before it is used up.
 */

import type { SessionSlots } from '../core/ports.ts';
import type { Holding, LiveSession, Reservation, Reserved, Reserving } from '../core/sessions/model.ts';
import type { Clock } from '../core/time.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import type { Journal, JournalSession } from './journal/journal.ts';
import {
  BLOCK_AWAY_MS,
  BLOCK_FAST_MS,
  BLOCK_MOST,
  BLOCK_NUMBERS,
  BLOCK_RENEW,
  BLOCK_SPARE,
  BLOCKS_AT_ONCE,
} from './limits.ts';
import type { Logger } from './log.ts';
import type { Sessions } from './sessions.ts';

/** Where a session's numbers stand. */
type Standing = Pick<JournalSession, 'nextIn' | 'nextOut' | 'generation' | 'createdAt'>;

/** Numbers of a block; how many are used before the next is reserved; how many must be left, or the session ends. */
export interface BlockBounds {
  readonly numbers: number;
  readonly renew: number;
  readonly spare: number;
  /** A block of which the first part is used within so many ms is followed by one twice as large… */
  readonly fast_ms: number;
  /** …up to so many numbers. */
  readonly most: number;
  /** Ms without a client before unused numbers are given back. */
  readonly away_ms: number;
}

const BOUNDS: BlockBounds = {
  numbers: BLOCK_NUMBERS,
  renew: BLOCK_RENEW,
  spare: BLOCK_SPARE,
  fast_ms: BLOCK_FAST_MS,
  most: BLOCK_MOST,
  away_ms: BLOCK_AWAY_MS,
};

/** What a session of this incarnation has reserved. */
export class Block {
  /** The first number that may not be sent. */
  limit = 0;
  readonly id: string;
  readonly session: Omit<LiveSession, 'slot'>;
  readonly epoch: number;
  /** The reservation in the store, as far as that is known. */
  told: Reserved;
  /** Numbers of the next block, which is being reserved. Zero: none is. */
  asked = 0;
  /** Numbers of this block. */
  #size: number;
  /** When it was reserved, monotonic ms. */
  #since: number;
  readonly #bounds: BlockBounds;
  readonly #want: (block: Block) => void;

  constructor(
    whose: { readonly id: string; readonly session: Omit<LiveSession, 'slot'>; readonly epoch: number },
    told: Reserved,
    bounds: BlockBounds,
    want: (block: Block) => void,
    nowMs: number,
  ) {
    this.id = whose.id;
    this.session = whose.session;
    this.epoch = whose.epoch;
    this.told = told;
    this.limit = told.out;
    this.#bounds = bounds;
    this.#want = want;
    this.#size = bounds.numbers;
    this.#since = nowMs;
  }

  /** Whether a session that stands there has no need of another one yet. */
  serves({ nextOut, generation }: Standing): boolean {
    const { numbers, renew } = this.#bounds;
    const kept = this.#size - (this.#size / numbers) * renew;
    return generation === this.told.generation && nextOut < this.limit - kept;
  }

  /** The next block is to be reserved: a larger one if this one is used up fast. It stays as large at each try, so that what is reserved never shrinks. */
  ask(nowMs: number): void {
    const { fast_ms, most } = this.#bounds;
    const isFast = nowMs - this.#since < fast_ms;
    this.asked = isFast ? Math.max(this.#size, Math.min(2 * this.#size, most)) : this.#size;
  }

  /** The block that was asked for is reserved. */
  extended(reserved: Reserved, nowMs: number): void {
    this.told = reserved;
    this.limit = reserved.out;
    this.#size = this.asked;
    this.#since = nowMs;
    this.asked = 0;
  }

  /** What was not used has been given back. */
  givenBack(reserved: Reserved): void {
    this.told = reserved;
    this.asked = 0;
  }

  /** So much is certainly reserved, whatever becomes of the call that is under way. */
  bound(out: number): void {
    this.limit = Math.min(this.limit, out);
  }

  /** Looked at once a turn. @returns whether there are numbers left */
  lasts(store: Standing): boolean {
    if (this.asked === 0 && !this.serves(store)) this.#want(this);
    return store.nextOut < this.limit - this.#bounds.spare;
  }
}

export interface BlocksParts {
  readonly journal: Journal;
  readonly sessions: Pick<Sessions, 'known'>;
  readonly slots: Pick<SessionSlots, 'reserve'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly log: Logger;
  /** Another edge has taken the session. */
  readonly lost: (id: string, epoch: number) => void;
  readonly bounds?: BlockBounds | undefined;
}

export class Blocks {
  readonly #parts: BlocksParts;
  readonly #bounds: BlockBounds;
  /** By session. */
  readonly #blocks = new Map<string, Block>();
  /** Sessions whose journal is not in the store, as their last Logon had it. */
  readonly #own = new Set<string>();
  /** Sessions with Logons under way, whose blocks must not change meanwhile. */
  readonly #entering = new Map<string, number>();
  readonly #wanted = new Set<Block>();
  /** Reserved for numbers that were to begin anew and have not: their generation is none that was used. */
  readonly #unbegun = new Set<Block>();
  /** Sessions that have come, gone, or been given other numbers, and when that is looked at, monotonic ms: soonest first. */
  readonly #noted = new Map<string, number>();
  #reserving: Promise<unknown> | undefined;
  #failing = false;

  constructor(parts: BlocksParts) {
    this.#parts = parts;
    this.#bounds = parts.bounds ?? BOUNDS;
  }

  /** A Logon is under way, until {@link left}. */
  entering(id: string): void {
    this.#entering.set(id, (this.#entering.get(id) ?? 0) + 1);
  }

  left(id: string): void {
    const others = (this.#entering.get(id) ?? 0) - 1;
    if (others > 0) this.#entering.set(id, others);
    else this.#entering.delete(id);
    // The Logon may have failed.
    this.note(id);
    const block = this.#blocks.get(id);
    if (block === undefined || block.told.generation <= this.#standing(id).generation) return;
    this.#unbegun.add(block);
    this.look();
  }

  /**
   * What a Logon reserves with its slot; see SessionSlots.take.
   * @param resets whether its ResetSeqNumFlag (141) is Y
   */
  asked(
    id: string,
    profile: Pick<SessionProfile, 'journal' | 'reset_on_logon'>,
    resets: boolean,
  ): Reserving | 'none' | undefined {
    const { journal } = this.#parts;
    const isBeside = journal.place !== undefined && profile.journal === 'file';
    if (journal.inStore && !isBeside) {
      this.#own.delete(id);
      this.#blocks.delete(id);
      return 'none';
    }
    this.#own.add(id);
    const block = this.#blocks.get(id);
    const standing = this.#standing(id);
    const anew = resets || profile.reset_on_logon;
    if (!anew && block !== undefined && block.limit === block.told.out && block.serves(standing)) return undefined;
    const next = anew ? this.#nextAnew(standing) : this.#next(standing);
    block?.bound(next.out);
    return { ...next, known: block !== undefined || journal.has(id) };
  }

  /** The numbers of a session, without making it in the journal. */
  #standing(id: string): Standing {
    const { journal, clock } = this.#parts;
    if (journal.has(id)) return journal.session(id);
    return { nextIn: 1, nextOut: 1, generation: 0, createdAt: clock.now() };
  }

  #next({ nextIn, nextOut, generation, createdAt }: Standing, numbers = this.#bounds.numbers): Omit<Reserved, 'by'> {
    return { generation, next_in: nextIn, out: nextOut + numbers, began: createdAt };
  }

  /** Of the generation that a Logon begins. Above what was used in the one before: it may come to nothing. */
  #nextAnew({ nextOut, generation }: Standing): Omit<Reserved, 'by'> {
    const began = this.#parts.clock.now();
    return { generation: generation + 1, next_in: 1, out: nextOut + this.#bounds.numbers, began };
  }

  /** Whether this edge knows what was used of a reservation, though its journal may not have the session. */
  knows(id: string): boolean {
    return this.#blocks.has(id);
  }

  /** The slot is taken, and the session is here. */
  taken(id: string, session: Omit<LiveSession, 'slot'>, { epoch, reserved }: Holding): void {
    if (!this.#own.has(id)) return;
    if (reserved !== undefined) {
      this.#begin(id, session, epoch, reserved);
      return;
    }
    // The row was removed by hand: numbers have to be reserved at once, or the session ends.
    const next = { ...this.#next(this.#standing(id)), by: session.session_id };
    this.#want(this.#begin(id, session, epoch, next));
  }

  /** The reservation to settle for a session that has come here and is durable. Undefined: its journal is in the store. */
  settling(id: string, session: Omit<LiveSession, 'slot'>): Reserved | undefined {
    if (!this.#own.has(id)) return undefined;
    return { ...this.#next(this.#standing(id)), by: session.session_id };
  }

  /** It is settled. */
  settled(id: string, session: Omit<LiveSession, 'slot'>, epoch: number, reserved: Reserved | undefined): void {
    if (reserved !== undefined) this.#begin(id, session, epoch, reserved);
  }

  #begin(id: string, session: Omit<LiveSession, 'slot'>, epoch: number, reserved: Reserved): Block {
    const now = this.#parts.clock.monotonic();
    const block = new Block({ id, session, epoch }, reserved, this.#bounds, (one) => this.#want(one), now);
    this.#blocks.get(id)?.bound(block.limit);
    this.#blocks.set(id, block);
    return block;
  }

  /** The block of a session that is live here. Undefined: it needs none. */
  of(id: string): Block | undefined {
    return this.#blocks.get(id);
  }

  /** The session has logged on or off, or has other numbers. */
  note(id: string): void {
    if (!this.#blocks.has(id)) return;
    this.#noted.delete(id);
    this.#noted.set(id, this.#parts.clock.monotonic() + this.#bounds.away_ms);
  }

  /** The session was handed over, or may have been. */
  gone(id: string): void {
    this.#blocks.delete(id);
  }

  /** This edge was declared dead: its reservations now belong to other edges. */
  clear(): void {
    this.#blocks.clear();
    this.#wanted.clear();
    this.#unbegun.clear();
    this.#noted.clear();
  }

  #want(block: Block): void {
    block.ask(this.#parts.clock.monotonic());
    this.#wanted.add(block);
    this.look();
  }

  /** Reserves blocks that are wanted and gives back unused ones. What fails is tried again at the next call. */
  look(): void {
    const none = this.#wanted.size === 0 && this.#unbegun.size === 0 && this.#noted.size === 0;
    if (this.#reserving !== undefined || none) return;
    this.#reserving = this.#reserve().finally(() => {
      this.#reserving = undefined;
      if (!this.#failing && this.#wanted.size + this.#unbegun.size > 0) this.look();
    });
  }

  /** Gives back all unused numbers, as far as the store answers. For the end of the edge. */
  async finish(): Promise<void> {
    await this.#reserving;
    // Soonest first: what was to be looked at later stands before nobody.
    this.#noted.clear();
    for (const id of this.#blocks.keys()) this.#noted.set(id, 0);
    while (await this.#reserve());
  }

  /** @returns whether the store has taken something: there may be more */
  async #reserve(): Promise<boolean> {
    const { slots, log } = this.#parts;
    const batch: [Block, Reservation][] = [];
    for (const block of this.#wanted) {
      if (batch.length === BLOCKS_AT_ONCE) break;
      this.#wanted.delete(block);
      if (this.#blocks.get(block.id) === block) batch.push([block, this.#extending(block)]);
    }
    while (batch.length < BLOCKS_AT_ONCE) {
      const block = this.#nextBack();
      if (block === undefined) break;
      const back = this.#givingBack(block);
      if (back !== undefined) batch.push([block, back]);
    }
    if (batch.length === 0) return false;
    try {
      const done = await slots.reserve(batch.map(([, reservation]) => reservation));
      this.#failing = false;
      for (const [i, [block, reservation]] of batch.entries()) this.#answered(block, reservation, done[i] === true);
    } catch (error) {
      if (!this.#failing) log.warn({ error, sessions: batch.length }, 'no numbers could be reserved yet');
      this.#failing = true;
      for (const [block, { kind }] of batch) {
        if (kind === 'extend') this.#wanted.add(block);
        else this.#noted.set(block.id, 0);
      }
    }
    return !this.#failing;
  }

  /** The next one, taken out, that is to be given back now if nobody is here. */
  #nextBack(): Block | undefined {
    for (const block of this.#unbegun) {
      this.#unbegun.delete(block);
      if (this.#blocks.get(block.id) === block) return block;
    }
    const now = this.#parts.clock.monotonic();
    for (const [id, due] of this.#noted) {
      if (due > now) return undefined;
      this.#noted.delete(id);
      const block = this.#blocks.get(id);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  #extending(block: Block): Reservation {
    const { id, session, epoch, told, asked } = block;
    const reserved = { ...this.#next(this.#standing(id), asked), by: told.by };
    // After a reset it is less.
    block.bound(reserved.out);
    return { kind: 'extend', session, epoch, reserved };
  }

  /** What to give back. Undefined: the client is logged on, or the store has it already. */
  #givingBack(block: Block): Reservation | undefined {
    const { id, session, epoch, told } = block;
    if (this.#entering.has(id) || this.#parts.sessions.known(id)?.holder !== undefined) return undefined;
    const { nextIn, nextOut, generation, createdAt } = this.#standing(id);
    if (told.out === nextOut && told.next_in === nextIn && told.generation === generation) return undefined;
    block.bound(nextOut);
    const reserved = { generation, next_in: nextIn, out: nextOut, began: createdAt, by: told.by };
    return { kind: 'give_back', session, epoch, reserved };
  }

  #answered(block: Block, { kind, reserved }: Reservation, done: boolean): void {
    const { clock, log, lost } = this.#parts;
    const { id, epoch } = block;
    if (this.#blocks.get(id) !== block) return;
    if (done) {
      if (kind === 'extend') block.extended(reserved, clock.monotonic());
      else block.givenBack(reserved);
      return;
    }
    this.#blocks.delete(id);
    if (kind === 'give_back') return;
    log.warn({ session: id, epoch }, 'no numbers are had for a session that another edge has taken');
    lost(id, epoch + 1);
  }
}
