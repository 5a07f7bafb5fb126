/**
 * Reports the sequence numbers of sessions to the store once they are on disk, and changes them at an admin's command. The reports
 * are for people; nothing decides by them.
 */

import type { EdgeRegistry } from '../core/ports.ts';
import type { FixSessionKey, NumbersCommand, SessionNumbers } from '../core/sessions/model.ts';
import type { Timers } from '../core/time.ts';
import type { Blocks } from './blocks.ts';
import { LIVE_NUMBERS_AT_ONCE, NUMBERS_APART_MS, NUMBERS_AT_ONCE } from './limits.ts';
import type { Logger } from './log.ts';
import { type Sessions, sessionId } from './sessions.ts';
import type { Player, Turns } from './turn.ts';
import type { VenueSession } from './venue/venue.ts';

export interface NumbersParts {
  readonly edge_id: string;
  readonly edges: Pick<EdgeRegistry, 'tellNumbers'>;
  readonly sessions: Sessions;
  readonly turns: Turns;
  /** Told which sessions may have other numbers. */
  readonly blocks: Pick<Blocks, 'note'>;
  readonly timers: Pick<Timers, 'after'>;
  readonly log: Logger;
}

export class Numbers implements Player {
  dirty = false;
  readonly #parts: NumbersParts;
  /** To be reported once the turn has been written, by session. */
  readonly #noted = new Map<string, FixSessionKey>();
  /** Written and not reported yet: the latest of each session. Of sessions that have ended, which somebody may wait for… */
  readonly #ended = new Map<string, SessionNumbers>();
  /** …and of live sessions. */
  readonly #live = new Map<string, SessionNumbers>();
  #telling: Promise<void> | undefined;
  /** Runs between one call and the next. */
  #rests = false;

  constructor(parts: NumbersParts) {
    this.#parts = parts;
  }

  /** The numbers of this session may have changed. Inside a turn. */
  note({ begin_string, sender_comp_id, sender_sub_id, target_comp_id }: VenueSession | FixSessionKey): void {
    const key = { begin_string, sender_comp_id, sender_sub_id, target_comp_id };
    const id = sessionId(key);
    this.#noted.set(id, key);
    this.#parts.blocks.note(id);
    this.#parts.turns.touch(this);
  }

  /** Applies an admin's command. A session whose client has logged on meanwhile keeps its numbers. */
  apply(command: NumbersCommand): void {
    const { turns, log } = this.#parts;
    turns.run(() => {
      this.note(command.key);
      try {
        this.#change(command);
      } catch (error) {
        log.error({ error, session: sessionId(command.key) }, 'numbers could not be changed');
      }
    });
  }

  #change({ key, next_in, next_out, reset, beyond }: NumbersCommand): void {
    const { turns, sessions, log } = this.#parts;
    const id = sessionId(key);
    if (sessions.known(id)?.holder !== undefined) {
      log.warn({ session: id }, 'numbers were not changed: the session is live');
      return;
    }
    const store = sessions.storeOf(id);
    const restored = beyond !== undefined;
    const goOnIn = restored ? Math.max(next_in ?? 1, store.nextIn) : (next_in ?? store.nextIn);
    const goOnOut = restored ? Math.max(next_out ?? 1, store.nextOut) + beyond : (next_out ?? store.nextOut);
    // A number is never used twice within one generation.
    if (reset || goOnOut < store.nextOut) store.reset(turns.now.epochMs);
    store.setNextIn(goOnIn);
    store.setNextOut(goOnOut);
    log.info({ session: id, next_in: goOnIn, next_out: goOnOut }, 'numbers changed by an admin');
  }

  settle(): void {}

  unwritable(): void {}

  writeOut(): void {
    const { sessions, turns, edge_id } = this.#parts;
    for (const [id, key] of this.#noted) {
      const { nextIn, nextOut } = sessions.storeOf(id);
      const numbers = { key, edge_id, next_in: nextIn, next_out: nextOut, at: turns.now.epochMs };
      const live = sessions.known(id)?.holder !== undefined;
      (live ? this.#ended : this.#live).delete(id);
      (live ? this.#live : this.#ended).set(id, numbers);
    }
    this.#noted.clear();
    // Those of live sessions are reported within a second.
    if (this.#ended.size > 0) this.tell();
  }

  /** Reports what waits, one call at a time; live sessions when called each second, ended ones sooner. What fails is reported by the next call. */
  tell(): void {
    if (this.#rests || this.#telling !== undefined || this.#left === 0) return;
    this.#rests = true;
    this.#parts.timers.after(NUMBERS_APART_MS, () => {
      this.#rests = false;
      if (this.#ended.size > 0) this.tell();
    });
    this.#call(LIVE_NUMBERS_AT_ONCE);
  }

  get #left(): number {
    return this.#ended.size + this.#live.size;
  }

  /** Reports ended sessions; if there are none, live ones. @param live at most so many of those */
  #call(live: number): void {
    const { edges, log } = this.#parts;
    const waiting = this.#ended.size > 0 ? this.#ended : this.#live;
    const most = waiting === this.#live ? live : NUMBERS_AT_ONCE;
    const batch: [string, SessionNumbers][] = [];
    for (const one of waiting) if (batch.push(one) === most) break;
    this.#telling = edges
      .tellNumbers(batch.map(([, numbers]) => numbers))
      .then(
        () => {
          for (const [id, numbers] of batch) if (waiting.get(id) === numbers) waiting.delete(id);
        },
        (error: unknown) => log.warn({ error }, 'the numbers of sessions could not be told yet'),
      )
      .finally(() => {
        this.#telling = undefined;
      });
  }

  /** Reports everything, as far as the store answers. */
  async finish(): Promise<void> {
    for (let left = Number.POSITIVE_INFINITY; this.#left > 0 && this.#left < left; ) {
      left = this.#left;
      if (this.#telling === undefined) this.#call(NUMBERS_AT_ONCE);
      await this.#telling;
    }
  }
}
