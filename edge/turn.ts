/**
 * One turn of work: a batch read from a socket, a timer, a grant, an order to end. Whatever connections it made output
 * for, what is to survive is written to the journal once, and only then do bytes leave, one write a connection. Where the
 * journal is answered later, they leave then, in order, and turns go on meanwhile.
 */

import type { Clock, Timer, Timers } from '../core/time.ts';
import type { Instant } from './fix/session/ports.ts';
import { SILENT_AT_MOST_MS, STANDSTILL_MS } from './limits.ts';
import type { Logger } from './log.ts';

/** What a turn does with a connection at its end. */
export interface Player {
  /** Kept by the turn: it is on the list already. */
  dirty: boolean;
  /** Before the journal is written: what ends, ends. */
  settle(): void;
  /** The journal has everything: bytes may leave, as far as {@link Turns.released} says. */
  writeOut(): void;
  /** The disk refused, or nobody knows whether this process counts: nothing may leave yet. */
  unwritable(): void;
  /** What it has made and may not leave never will: see {@link Turns.forsake}. */
  forsake?(): void;
}

/** What has to be on disk before bytes leave. Throws when the disk refuses. */
export interface Keeper {
  flush(): void;
  /** The bytes of a turn have left: what the next one would have to wait for may be made now. */
  prepare?(): void;
}

/** A journal whose writes are answered later: what a turn made leaves when the batch that it is in has been answered. */
export interface Later {
  /** The batch that all is in that has been flushed so far; they count up. */
  readonly ticket: number;
  /** Everything up to this batch may leave. */
  readonly released: number;
  /** So much waits, or for so long, that no orders are taken. */
  readonly stuck: boolean;
}

/** What says whether others may have taken this process for dead while it did not run. */
export interface Doubt {
  /** Whether they may. */
  doubtful(): boolean;
  readonly timers: Timers;
}

interface MutableInstant {
  epochMs: number;
  monoMs: number;
}

/**
 * The time, in fields that point to their numbers: fields that had never held anything else would hold the bits, and make a number of
 * them each time one is handed on, six times an order. Who keeps one writes it when it is another: a write of what is young costs more
 * than looking.
 */
function instant(): MutableInstant {
  const made: { epochMs: number | undefined; monoMs: number | undefined } = { epochMs: undefined, monoMs: undefined };
  return made as MutableInstant;
}

/** One by one: to set the length of an array is a call, and gives its memory away. */
function empty(players: Player[]): void {
  while (players.length > 0) players.pop();
}

export class Turns {
  /** The time of this turn. */
  readonly now: Instant;
  readonly #now: MutableInstant;
  readonly #clock: Clock;
  /** In the order of writing. */
  #keepers: Keeper[];
  readonly #prepare = () => {
    for (const keeper of this.#keepers) keeper.prepare?.();
  };
  readonly #log: Logger;
  #dirty: Player[] = [];
  #spare: Player[] = [];
  /** Their output waits for the disk; each turn tries again. */
  #withheld: Player[] = [];
  #later: Later | undefined;
  /** Those that may have output of a batch that is not answered. */
  readonly #awaiting = new Set<Player>();
  /** See {@link Later}; both 0 where a flush is all there is to wait for. */
  ticket = 0;
  released = 0;
  #depth = 0;
  #durable = true;
  #doubt: Doubt | undefined;
  /** When it was last seen to run, monotonic ms. */
  #ranMs: number;
  /** Until it goes off, or it is known that this process still counts, nothing leaves. */
  #silence: Timer | undefined;

  constructor(clock: Clock, first: Keeper, log: Logger) {
    this.#clock = clock;
    this.#keepers = [first];
    this.#log = log;
    this.#now = Object.assign(instant(), { epochMs: clock.now(), monoMs: clock.monotonic() });
    this.#ranMs = clock.monotonic();
    this.now = this.#now;
  }

  /** Whether the last write went well, and what is answered later keeps up: while not, no orders are taken. */
  get durable(): boolean {
    return this.#durable && !(this.#later?.stuck ?? false);
  }

  /** From now on bytes wait for `later`; it calls {@link release} at each answer. */
  defer(later: Later): void {
    this.#later = later;
    this.ticket = later.ticket;
    this.released = later.released;
  }

  /** More has been released: a turn of those that wait for it. */
  release(): void {
    this.run(() => {
      for (const player of this.#awaiting) this.touch(player);
      this.#awaiting.clear();
    });
  }

  /** From now on a standstill of this process that others may have taken for its death silences it, until that is known. */
  guard(doubt: Doubt): void {
    this.#doubt = doubt;
  }

  /** Called many times a second: whether it has been as often. */
  look(): void {
    this.#ran(this.#clock.monotonic());
    if (this.#silence !== undefined && this.#doubt?.doubtful() === false) this.#speak();
  }

  #speak(): void {
    if (this.#silence === undefined) return;
    this.#silence.cancel();
    this.#silence = undefined;
    this.run(() => {});
  }

  #ran(nowMs: number): void {
    const stoodMs = nowMs - this.#ranMs;
    this.#ranMs = nowMs;
    if (stoodMs < STANDSTILL_MS || this.#silence !== undefined || this.#doubt?.doubtful() !== true) return;
    this.#log.warn(
      { ms: Math.round(stoodMs) },
      'this process did not run for a while: it asks whether it still counts',
    );
    // A store that does not answer is away: who is cut off goes on with what it has.
    this.#silence = this.#doubt.timers.after(SILENT_AT_MOST_MS, () => this.#speak());
  }

  /**
   * What is not durable may never be, and another process may give its numbers to something else: nobody is to hear of it.
   * Who waits for it hears nothing more.
   */
  forsake(): void {
    for (const player of this.#awaiting) player.forsake?.();
    this.#awaiting.clear();
    if (this.#silence === undefined) return;
    for (const player of this.#withheld) player.forsake?.();
    this.#speak();
  }

  /** Writes after those that are there, and not at all when one of them could not. */
  keep(keeper: Keeper): void {
    this.#keepers.push(keeper);
  }

  /** What is kept has been closed: connections may still end, and leave nothing behind. */
  retire(): void {
    this.#keepers = [];
  }

  /** Milliseconds since this turn began. */
  elapsed(): number {
    return this.#clock.monotonic() - this.#now.monoMs;
  }

  /** Now, monotonic ms: for what goes on between turns. */
  monotonic(): number {
    return this.#clock.monotonic();
  }

  enter(): void {
    if (this.#depth++ > 0) return;
    this.#now.epochMs = this.#clock.now();
    this.#now.monoMs = this.#clock.monotonic();
    this.#ran(this.#now.monoMs);
  }

  /** Output, or an end, awaits this connection. Inside a turn only. */
  touch(player: Player): void {
    if (player.dirty) return;
    player.dirty = true;
    this.#dirty.push(player);
  }

  leave(): void {
    if (this.#depth > 1) {
      this.#depth -= 1;
      return;
    }
    if (this.#withheld.length > 0) this.#dirty.push(...this.#withheld.splice(0));
    if (this.#dirty.length > 0) this.#rounds();
    this.#depth -= 1;
  }

  /** Runs `work` as a turn. */
  run(work: () => void): void {
    this.enter();
    try {
      work();
    } finally {
      this.leave();
    }
  }

  #rounds(): void {
    // Writing out may cut a slow reader, which may make output for others: they have a round of their own.
    while (this.#dirty.length > 0) this.#round();
    this.#guarded(this.#prepare, 'what the next turn needs could not be made ahead');
  }

  #round(): void {
    const round = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = round;
    for (const player of round) this.#guarded(() => player.settle());
    // One that ends may make output for others: they are in this round too.
    for (let i = 0; i < this.#dirty.length; i++) {
      const player = this.#dirty[i]!;
      this.#guarded(() => player.settle());
      round.push(player);
    }
    empty(this.#dirty);
    this.#write();
    for (const player of round) {
      if (this.#durable && this.#silence === undefined) {
        player.dirty = false;
        this.#guarded(() => player.writeOut());
        if (this.ticket > this.released) this.#awaiting.add(player);
      } else {
        this.#withheld.push(player);
        this.#guarded(() => player.unwritable());
      }
    }
    empty(round);
  }

  /** One connection's defect does not keep the others of the round from their ends and their bytes. */
  #guarded(work: () => void, failed = 'a connection failed at the end of a turn'): void {
    try {
      work();
    } catch (error) {
      this.#log.error({ error }, failed);
    }
  }

  #write(): void {
    try {
      for (const keeper of this.#keepers) keeper.flush();
      if (this.#later !== undefined) {
        this.ticket = this.#later.ticket;
        this.released = this.#later.released;
      }
      if (!this.#durable) this.#log.info('the disk takes writes again');
      this.#durable = true;
    } catch (error) {
      if (this.#durable) this.#log.error({ error }, 'the disk refuses: replies are withheld and orders refused');
      this.#durable = false;
    }
  }
}
