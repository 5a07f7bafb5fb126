/**
 * One turn of work: a batch read from a socket, a timer, a grant, an order to end. Whatever connections it made output
 * for, what is to survive is written to the journal once, and only then do bytes leave, one write a connection.
 */

import type { Clock } from '../core/time.ts';
import type { Instant } from './fix/session/ports.ts';
import type { Logger } from './log.ts';

/** What a turn does with a connection at its end. */
export interface Player {
  /** Kept by the turn: it is on the list already. */
  dirty: boolean;
  /** Before the journal is written: what ends, ends. */
  settle(): void;
  /** The journal has everything: bytes may leave. */
  writeOut(): void;
  /** The disk refused: nothing may leave yet, for the client would know more than we do after a restart. */
  unwritable(): void;
}

/** What has to be on disk before bytes leave. Throws when the disk refuses. */
export interface Keeper {
  flush(): void;
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
  /** In the order of writing. */
  #keepers: Keeper[];
  readonly #log: Logger;
  #dirty: Player[] = [];
  #spare: Player[] = [];
  /** Their output waits for the disk; each turn tries again. */
  #withheld: Player[] = [];
  #depth = 0;
  #durable = true;

  constructor(clock: Clock, first: Keeper, log: Logger) {
    this.#clock = clock;
    this.#keepers = [first];
    this.#log = log;
    this.#now = { epochMs: clock.now(), monoMs: clock.monotonic() };
    this.now = this.#now;
  }

  /** Whether the last write went well: while not, no orders are taken. */
  get durable(): boolean {
    return this.#durable;
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
    if (this.#withheld.length > 0) this.#dirty.push(...this.#withheld.splice(0));
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
    for (const player of round) this.#guarded(() => player.settle());
    // One that ends may make output for others: they are in this round too.
    for (let i = 0; i < this.#dirty.length; i++) {
      const player = this.#dirty[i]!;
      this.#guarded(() => player.settle());
      round.push(player);
    }
    this.#dirty.length = 0;
    this.#write();
    for (const player of round) {
      if (this.#durable) {
        player.dirty = false;
        this.#guarded(() => player.writeOut());
      } else {
        this.#withheld.push(player);
        this.#guarded(() => player.unwritable());
      }
    }
    round.length = 0;
  }

  /** One connection's defect does not keep the others of the round from their ends and their bytes. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log.error({ error }, 'a connection failed at the end of a turn');
    }
  }

  #write(): void {
    try {
      for (const keeper of this.#keepers) keeper.flush();
      if (!this.#durable) this.#log.info('the disk takes writes again');
      this.#durable = true;
    } catch (error) {
      if (this.#durable) this.#log.error({ error }, 'the disk refuses: replies are withheld and orders refused');
      this.#durable = false;
    }
  }
}
