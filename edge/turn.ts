/**
 * One turn of work: a batch read from a socket, a timer, a grant, an order to end. Whatever connections it made output
 * for, what is to survive is written to the journal once, and only then do bytes leave, one write a connection.
 */

import type { Clock } from '../core/time.ts';
import type { Instant } from './fix/session/ports.ts';
import type { Logger } from './log.ts';
import type { EdgeJournal } from './parts.ts';

/** What a turn does with a connection at its end. */
export interface Player {
  /** Kept by the turn: it is on the list already. */
  dirty: boolean;
  /** Before the journal is written: what ends, ends. */
  settle(): void;
  /** The journal has everything: bytes may leave. */
  writeOut(): void;
  /** The journal refused: nothing may leave, for the client would know more than we do after a restart. */
  unwritable(): void;
}

interface MutableInstant {
  epochMs: number;
  monoMs: number;
}

export class Turns {
  /** The time of this turn. */
  readonly now: Instant;
  readonly #now: MutableInstant;
  readonly #clock: Clock;
  readonly #journal: EdgeJournal;
  readonly #log: Logger;
  #dirty: Player[] = [];
  #spare: Player[] = [];
  #depth = 0;

  constructor(clock: Clock, journal: EdgeJournal, log: Logger) {
    this.#clock = clock;
    this.#journal = journal;
    this.#log = log;
    this.#now = { epochMs: clock.now(), monoMs: clock.monotonic() };
    this.now = this.#now;
  }

  enter(): void {
    if (this.#depth++ > 0) return;
    this.#now.epochMs = this.#clock.now();
    this.#now.monoMs = this.#clock.monotonic();
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
    // Writing out may cut a slow reader, which may make output for others: they have a round of their own.
    while (this.#dirty.length > 0) this.#round();
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

  #round(): void {
    const round = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = round;
    for (const player of round) player.settle();
    // One that ends may make output for others: they are in this round too.
    for (let i = 0; i < this.#dirty.length; i++) {
      const player = this.#dirty[i]!;
      player.settle();
      round.push(player);
    }
    this.#dirty.length = 0;
    const written = this.#writeJournal();
    for (const player of round) {
      player.dirty = false;
      if (written) player.writeOut();
      else player.unwritable();
    }
    round.length = 0;
  }

  #writeJournal(): boolean {
    try {
      this.#journal.flush();
      return true;
    } catch (error) {
      this.#log.error({ error }, 'the journal cannot be written: connections that wait for it are closed');
      return false;
    }
  }
}
