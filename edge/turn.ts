/**
 * A turn of work: a batch read from a socket, a timer, tokens that were granted, a command to end a session. At its end everything
 * that must survive is written to the journal once, and only then does output leave, one write for each connection. If the
 * journal becomes durable later, output leaves then, in order, and turns go on meanwhile.
 */

import type { Clock, Timer, Timers } from '../core/time.ts';
import type { Instant } from './fix/session/ports.ts';
import { SILENT_AT_MOST_MS, STANDSTILL_MS } from './limits.ts';
import type { Logger } from './log.ts';

/** A connection, or anything else with output, as a turn handles it at its end. */
export interface Player {
  /** Set by the turn: it is on the turn's list. */
  dirty: boolean;
  /** Called before the journal is written: ends a session that has to end. */
  settle(): void;
  /** Called after the journal is written: output may leave, as far as {@link Turns.released} allows. */
  writeOut(): void;
  /** Called instead if the disk refused, or if it is not known whether this process was declared dead: nothing may leave yet. */
  unwritable(): void;
  /** Output that waits will never leave; see {@link Turns.forsake}. */
  forsake?(): void;
}

/** Takes part in a turn's end only so that there is one. Of each edge its own: one that may not write stays in its turns. */
export const nobody = (): Player => ({ dirty: false, settle() {}, writeOut() {}, unwritable() {} });

/** What has to be on disk before output leaves. Throws if the disk refuses. */
export interface Keeper {
  flush(): void;
  /** Called when the output of a turn has left: time to prepare what the next turn would have to wait for. */
  prepare?(): void;
}

/** A journal whose writes become durable later: the output of a turn leaves once its batch is durable. */
export interface Later {
  /** Number of the batch that everything flushed so far is in; rising. */
  readonly ticket: number;
  /** Output of batches up to this one may leave. */
  readonly released: number;
  /** So much waits, or has waited so long, that orders are refused. */
  readonly stuck: boolean;
  /** Somebody waits for what has been flushed so far: it is not kept back for more to share its batch. */
  hurry(): void;
}

/** Tells whether others may have declared this process dead while it was suspended. */
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
  /** Time at the start of this turn. */
  readonly now: Instant;
  readonly #now: MutableInstant;
  readonly #clock: Clock;
  /** The logs, in the order in which they are written. */
  #keepers: Keeper[];
  readonly #prepare = () => {
    for (const keeper of this.#keepers) keeper.prepare?.();
  };
  readonly #log: Logger;
  #dirty: Player[] = [];
  #spare: Player[] = [];
  /** Those whose output waits for the disk; each turn tries again. */
  #withheld: Player[] = [];
  #later: Later | undefined;
  /** Those that may have output of a batch that is not durable. */
  readonly #awaiting = new Set<Player>();
  /** See {@link Later}; both 0 if everything is durable when it is flushed. */
  ticket = 0;
  released = 0;
  #depth = 0;
  #durable = true;
  #doubt: Doubt | undefined;
  /** When this process was last seen running, monotonic ms. */
  #ranMs: number;
  /** While set nothing leaves: until it goes off, or until it is known that this process was not declared dead. */
  #silence: Timer | undefined;

  constructor(clock: Clock, first: Keeper, log: Logger) {
    this.#clock = clock;
    this.#keepers = [first];
    this.#log = log;
    this.#now = Object.assign(instant(), { epochMs: clock.now(), monoMs: clock.monotonic() });
    this.#ranMs = clock.monotonic();
    this.now = this.#now;
  }

  /** Whether the last write succeeded and the journal keeps up. If not, orders are refused. */
  get durable(): boolean {
    return this.#durable && !(this.#later?.stuck ?? false);
  }

  /** From now on output waits for `later`, which calls {@link release} whenever a batch is durable. */
  defer(later: Later): void {
    this.#later = later;
    this.ticket = later.ticket;
    this.released = later.released;
  }

  /** What has been flushed so far is waited for: see {@link Later.hurry}. */
  hurry(): void {
    this.#later?.hurry();
  }

  /** A batch is durable: a turn for those whose output waits for it. */
  release(): void {
    this.run(() => {
      for (const player of this.#awaiting) this.touch(player);
      this.#awaiting.clear();
    });
  }

  /** From now on, after a suspension in which others may have declared this process dead, nothing leaves until that is known. */
  guard(doubt: Doubt): void {
    this.#doubt = doubt;
  }

  /** Called many times a second, to notice when the process was suspended. */
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
    // The store does not answer, so it is away: an edge that is cut off goes on.
    this.#silence = this.#doubt.timers.after(SILENT_AT_MOST_MS, () => this.#speak());
  }

  /**
   * Drops output that is not durable: it may never be, and another process may use its numbers for something else. Connections that
   * wait for it get nothing more.
   */
  forsake(): void {
    for (const player of this.#awaiting) player.forsake?.();
    this.#awaiting.clear();
    if (this.#silence === undefined) return;
    for (const player of this.#withheld) player.forsake?.();
    this.#speak();
  }

  /** Adds a log. It is written after the others, and not at all if one of them fails. */
  keep(keeper: Keeper): void {
    this.#keepers.push(keeper);
  }

  /** The logs have been closed: connections may still end, but nothing is written any more. */
  retire(): void {
    this.#keepers = [];
  }

  /** Milliseconds since this turn began. */
  elapsed(): number {
    return this.#clock.monotonic() - this.#now.monoMs;
  }

  /** Monotonic ms now, for use between turns. */
  monotonic(): number {
    return this.#clock.monotonic();
  }

  enter(): void {
    if (this.#depth++ > 0) return;
    this.#now.epochMs = this.#clock.now();
    this.#now.monoMs = this.#clock.monotonic();
    this.#ran(this.#now.monoMs);
  }

  /** This connection has output, or has to end: it takes part in the end of the turn. Within a turn only. */
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
    // First what has waited: a connection's output is older than that of the one which has its session now.
    if (this.#withheld.length > 0) this.#dirty = [...this.#withheld.splice(0), ...this.#dirty];
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
    // Writing may end a slow reader, which may make output for others: another round.
    while (this.#dirty.length > 0) this.#round();
    this.#guarded(this.#prepare, 'what the next turn needs could not be made ahead');
  }

  #round(): void {
    const round = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = round;
    for (const player of round) this.#guarded(() => player.settle());
    // Ending a session may make output for others: they are in this round too.
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

  /** An exception for one connection does not keep the others from their end or their output. */
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
