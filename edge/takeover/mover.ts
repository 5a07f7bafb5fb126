/**
 * Brings the state of a FIX session to this edge when its client has logged on here. The edge that has the state (its home) hands
 * it over; if that is dead or does not answer, it is read out of the home's journal. The slot has been taken before, and with
 * it the right to act for the session under a new epoch. The Logon is answered only once the state is durable here
 * (docs/adr/0027-sessions-that-move.md).
 */

import { StoreUnavailable } from '../../core/errors.ts';
import type { EdgeRegistry, SessionSlots } from '../../core/ports.ts';
import type { JournalStore } from '../../core/sessions/journal-store.ts';
import type { EdgeRow, FixSessionKey, Holding, LiveSession, MessageName, Reserved } from '../../core/sessions/model.ts';
import type { Clock, Timers } from '../../core/time.ts';
import type { Blocks } from '../blocks.ts';
import type { Dictionaries } from '../dictionaries.ts';
import { Message } from '../fix/message.ts';
import type { Journal } from '../journal/journal.ts';
import type { KeyBox } from '../journal/keys.ts';
import type { After, SessionState } from '../journal/session-state.ts';
import {
  BACK_WITHIN_MS,
  CLAIM_WITHIN_MS,
  LIVING_WITHIN_MS,
  MOVE_RETRY_MS,
  MOVE_WITHIN_MS,
  OUT_OF_REACH_MS,
  REFUSED_WITHIN_MS,
  WRITTEN_LOOK_MS,
} from '../limits.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Numbers } from '../numbers.ts';
import { nextMark, submitOne } from '../resubmit.ts';
import type { Sessions } from '../sessions.ts';
import { nobody, type Player, type Turns } from '../turn.ts';
import type { Venue, VenueSession } from '../venue/venue.ts';
import { ABOVE, above, numbersOf } from './above.ts';
import type { Estates } from './estates.ts';
import type { Ask } from './neighbours.ts';
import { Requests } from './requests.ts';
import { isOver, type Standing } from './standing.ts';

export interface MoverParts {
  readonly house: {
    readonly turns: Turns;
    readonly sessions: Sessions;
    readonly venue: Venue;
    readonly dictionaries: Dictionaries;
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly ask: Ask;
  };
  readonly journal: Journal;
  readonly numbers: Pick<Numbers, 'note'>;
  readonly blocks: Pick<Blocks, 'knows' | 'settling' | 'settled' | 'gone' | 'clear'>;
  readonly slots: Pick<SessionSlots, 'settle' | 'epoch'>;
  readonly edges: Pick<EdgeRegistry, 'acknowledge'>;
  /** Where edges leave parcels for each other. */
  readonly store: Pick<JournalStore, 'collect' | 'discard'>;
  readonly box: KeyBox;
  readonly standing: Standing;
  /** Undefined: this edge cannot read journals of other edges. */
  readonly estates: Estates | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  /** By default {@link BACK_WITHIN_MS}. */
  readonly backWithinMs?: number | undefined;
}

/** A session that is to come here. */
interface Move {
  readonly session: VenueSession;
  readonly epoch: number;
  readonly home: string;
  /** Numbers that the home has reserved. Undefined: its journal is in the store, or its release is older. */
  readonly reserved: Reserved | undefined;
  /** The last of its messages that the venue has. Undefined: the venue is in this process. */
  readonly after: MessageName | undefined;
  /** Monotonic ms. */
  readonly since: number;
  /** When it began to be decided who has the session, monotonic ms. */
  readonly asked: number;
}

/** The state found of a session (undefined: there is none), or why it could not be had. `elsewhere`: its home's journal is out of reach. */
type Found = { readonly state: SessionState | undefined } | 'not now' | 'silent' | 'elsewhere';

export class Mover {
  readonly #parts: MoverParts;
  /** Sessions whose latest state is here, as far as this edge knows, and their epochs. */
  readonly #here = new Map<string, number>();
  /** Moves under way, by session. */
  readonly #coming = new Map<string, { readonly epoch: number; readonly came: Promise<boolean> }>();
  /** Edges that have stopped and whose journals are on their own disks only. */
  readonly #stopped = new Map<string, { readonly incarnation: number; readonly since: number }>();
  readonly #standing: Standing;
  readonly #requests: Requests;

  constructor(parts: MoverParts) {
    this.#parts = parts;
    const { log, ask } = parts.house;
    this.#standing = parts.standing;
    this.#requests = new Requests({ ...parts, ask, log });
  }

  /** Whether the journal here has the latest state of this session, as far as this edge has heard. */
  isHere(id: string): boolean {
    return this.#here.has(id);
  }

  /**
   * The same by the store: an edge that hung may not have heard yet that another took the session. False also if the store does
   * not answer.
   */
  async isStillHere({ user_id, id }: Pick<VenueSession, 'user_id' | 'id'>, key: FixSessionKey): Promise<boolean> {
    try {
      const epoch = await this.#parts.slots.epoch({ user_id, key });
      return epoch > 0 && epoch === this.hereBy(id);
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    }
  }

  /** The epoch under which this edge acts for a session. 0: it does not, or has not since its process started. */
  hereBy(id: string): number {
    return this.#here.get(id) ?? 0;
  }

  /** The session has been handed over, or may have been. */
  left(id: string): void {
    this.#here.delete(id);
    this.#parts.blocks.gone(id);
  }

  /** This edge was declared dead: other edges may have taken any session. */
  leftAll(): void {
    this.#here.clear();
    this.#parts.blocks.clear();
  }

  /** Whether the state has to be brought here at all. Most sessions log on where they were last. */
  needs(holding: Holding, { edge_id, session_id }: LiveSession, id: string): boolean {
    const { home, from, reserved } = holding;
    if (home !== edge_id || from !== edge_id || this.#isDoubtful(id)) return true;
    // An earlier process of this edge reserved numbers and used some, and its journal is lost.
    const { journal, blocks } = this.#parts;
    return reserved !== undefined && reserved.by !== session_id && !blocks.knows(id) && !journal.has(id);
  }

  /** Part of the journal, or of the edge's end of the venue link, has been lost: the venue has to be asked what it has. */
  #isDoubtful(id: string): boolean {
    const { journal, house } = this.#parts;
    if (house.venue.claim === undefined || this.#here.has(id) || !journal.has(id)) return false;
    return journal.astray || journal.session(id).lostAt > 0;
  }

  /**
   * Brings the session's state here. Never rejects. False: it cannot be had now, another edge has taken the session since, or its
   * client waits no longer. In the last case the move goes on, for the client's next Logon.
   * @param asked when it began to be decided who has the session, monotonic ms
   */
  async bring(
    session: VenueSession,
    live: LiveSession,
    holding: Holding,
    asked: number,
    wanted: () => boolean,
  ): Promise<boolean> {
    const { id } = session;
    const { epoch } = holding;
    const known = this.#coming.get(id);
    const coming = known?.epoch === epoch ? known : { epoch, came: this.#bring(session, live, holding, asked) };
    if (coming !== known) {
      this.#coming.set(id, coming);
      void coming.came.then(() => {
        if (this.#coming.get(id) === coming) this.#coming.delete(id);
      });
    }
    const unwanted = async (): Promise<false> => {
      while (wanted() && this.#coming.get(id) === coming) await this.#pause(MOVE_RETRY_MS);
      return this.#coming.get(id) === coming ? false : new Promise(() => {});
    };
    return Promise.race([coming.came, unwanted()]);
  }

  async #bring(session: VenueSession, live: LiveSession, holding: Holding, asked: number): Promise<boolean> {
    const { slots, house, clock, journal, blocks } = this.#parts;
    const { epoch, home, from, reserved } = holding;
    const since = clock.monotonic();
    try {
      const after = await house.venue.claim?.(session, CLAIM_WITHIN_MS);
      const move: Move = { session, epoch, home, reserved, after, since, asked };
      const state = home === live.edge_id ? this.#own(move) : await this.#fetched(live.key, move);
      await this.#taken(session, state, home !== live.edge_id || !journal.has(session.id));
      const next = blocks.settling(session.id, live);
      if (!(await slots.settle(live, epoch, next))) throw new Error('another edge has taken it since');
      blocks.settled(session.id, live, epoch, next);
      const ms = Math.round(clock.monotonic() - since);
      house.metrics.gate.moved(true, ms);
      house.log.info({ session: session.id, epoch, home, from, ms }, 'a session has come from another edge');
      return true;
    } catch (error) {
      house.metrics.gate.moved(false, clock.monotonic() - since);
      house.log.warn({ error, session: session.id, epoch, home }, 'a session could not be brought here');
      return false;
    }
  }

  /** The state is here, and the client's Logon is about to be answered. */
  arrived(id: string, epoch: number): void {
    this.#here.set(id, epoch);
    this.#parts.house.sessions.came(id);
  }

  /** The state of a session whose home is this edge, though another edge had taken the session for a while. */
  #own(move: Move): SessionState | undefined {
    flushAll(this.#parts.house.turns);
    return this.#parts.journal.export(move.session.id, afterOf(move.after)) ?? this.#above(move);
  }

  /** The state of a session whose home's journal cannot be read. Undefined: nothing was reserved, or it never began. */
  #above({ session, home, reserved, after }: Move, there?: SessionState): SessionState | undefined {
    const { journal, house, clock } = this.#parts;
    if (reserved === undefined) return undefined;
    flushAll(house.turns);
    const state = above(reserved, afterOf(after), there ?? journal.export(session.id), clock.now());
    if (state !== undefined) house.log.error({ session: session.id, edge: home, ...numbersOf(state) }, ABOVE);
    return state;
  }

  /** Gets the state from its home, or from the home's journal. Undefined: there is none. Rejects if that takes too long. */
  async #fetched(key: FixSessionKey, move: Move): Promise<SessionState | undefined> {
    const { clock } = this.#parts;
    const standing = this.#standing;
    const { home, since, asked, epoch, after } = move;
    const outOfReachMs = Math.min(OUT_OF_REACH_MS, asked + REFUSED_WITHIN_MS - since);
    let patienceMs: number | undefined;
    for (;;) {
      const row = await standing.of(home);
      let found: Found =
        row === undefined || isOver(row)
          ? await this.#inherited(move, row)
          : await this.#requests.give(row, { key, epoch, ...(after === undefined ? {} : { after }) }, patienceMs);
      patienceMs = undefined;
      if (found === 'silent') {
        const now = await standing.of(home);
        const leftMs = since + LIVING_WITHIN_MS - clock.monotonic();
        const beat = standing.beat(home);
        // An edge that lives is busy, and others may be too: a handover costs less than reading its journal.
        if (beat === 'moves' && leftMs > 0) patienceMs = leftMs;
        else if (beat !== 'unknown' && now !== undefined && !isOver(now)) found = await this.#wrested(move, now);
      }
      if (typeof found === 'object') return found.state ?? this.#above(move);
      const most = found === 'elsewhere' ? outOfReachMs : MOVE_WITHIN_MS;
      if (clock.monotonic() - since > most) throw new Error(`edge ${home} neither gives it away nor is declared dead`);
      await this.#pause(MOVE_RETRY_MS);
    }
  }

  /** Takes the session from an edge that may still live but does not answer: fences it from this session and reads its journal. */
  async #wrested({ session, epoch, home, reserved, after }: Move, { incarnation }: EdgeRow): Promise<Found> {
    const { estates, house } = this.#parts;
    // Its journal is on its own disk only.
    if (estates === undefined || reserved !== undefined) return 'elsewhere';
    const edge = { edge_id: home, incarnation };
    const found = await estates.wrest(edge, { session: session.id, epoch }, (wrested): Found => {
      if (wrested === 'fenced') return 'not now';
      return wrested === 'elsewhere' ? wrested : { state: wrested.estate.export(session.id, afterOf(after)) };
    });
    if (typeof found === 'object') house.metrics.gate.wrested('this');
    return found;
  }

  async #inherited(move: Move, row: EdgeRow | undefined): Promise<Found> {
    const { session, home, reserved, after } = move;
    const { estates, house } = this.#parts;
    const incarnation = row?.incarnation ?? 0;
    const found = await estates?.use(home, incarnation, (estate) => ({
      there: estate !== undefined,
      state: estate?.export(session.id, afterOf(after)),
    }));
    // The home may have restarted while its journal was read. Then it has to be asked.
    const now = await this.#standing.now(home);
    if (now?.incarnation !== row?.incarnation || !isOver(now)) return 'not now';
    const { there = false, state } = found ?? {};
    if (there && reserved === undefined) return { state };
    // It was stopped in order a moment ago. Most edges restart at once, with the journal on their disk: wait for that.
    if (row?.state === 'stopped' && this.#stoppedFor(row) <= (this.#parts.backWithinMs ?? BACK_WITHIN_MS))
      return 'elsewhere';
    if (reserved === undefined) {
      house.log.error(
        { session: session.id, edge: home },
        'an edge is dead, its journal is not in the store, and no numbers were reserved: a session begins with what is here',
      );
    }
    return { state: this.#above(move, state) };
  }

  /** For how long this edge has known that the other one has stopped, ms. */
  #stoppedFor({ edge_id, incarnation }: EdgeRow): number {
    const now = this.#parts.clock.monotonic();
    const known = this.#stopped.get(edge_id);
    if (known?.incarnation === incarnation) return now - known.since;
    this.#stopped.set(edge_id, { incarnation, since: now });
    return 0;
  }

  /** Adopts the state and resolves when it is durable here and the venue has what it lacked. */
  async #taken(session: VenueSession, state: SessionState | undefined, isNew: boolean): Promise<void> {
    const { house, numbers, timers, clock } = this.#parts;
    const { turns, sessions } = house;
    if (state === undefined) return;
    const durable = new Durable(turns);
    let mark = 0;
    turns.run(() => {
      turns.touch(durable);
      if (isNew) {
        sessions.adopt(session.id, state);
        numbers.note(session);
      }
      const message = new Message();
      for (const { generation, msgSeqNum, receivedAt, message: bytes } of state.submitted) {
        const { about } = state.terms;
        const accepted = { key: session.id, about, generation, msgSeqNum, message: bytes, receivedAt };
        submitOne(house, accepted, message, session);
      }
      mark = nextMark(house.venue);
    });
    await new Promise<void>((resolve, reject) => {
      const late = timers.after(MOVE_WITHIN_MS, () =>
        reject(new Error('it does not get to where the journal is kept')),
      );
      void durable.done.then(() => {
        late.cancel();
        resolve();
      });
    });
    // Submitted orders that wrote nothing to the journal may wait for the write of a later batch.
    const since = clock.monotonic();
    while (mark > (house.venue.mark ?? mark)) {
      if (clock.monotonic() - since > MOVE_WITHIN_MS)
        throw new Error('it does not get to where the venue is told of it');
      await this.#pause(WRITTEN_LOOK_MS);
    }
  }

  /** Starts observing another edge's heartbeat early, in case it is needed. Never rejects. */
  look(edgeId: string): Promise<void> {
    return this.#standing.note(edgeId);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.timers.after(ms, resolve));
  }
}

/** The same in the journal's type. */
export const afterOf = (name: MessageName | undefined): After | undefined =>
  name && { generation: name.generation, msgSeqNum: name.msg_seq_num };

/** Writes what has happened so far to the journal: an empty turn, at whose end it is flushed. */
export function flushAll(turns: Turns): void {
  turns.run(() => turns.touch(nobody()));
}

/** Takes part in a turn and tells when the output of that turn may leave, which is when it is durable. That is not put off. */
class Durable implements Player {
  dirty = false;
  readonly done: Promise<void>;
  readonly #turns: Turns;
  #resolve = (): void => {};
  #ticket = -1;

  constructor(turns: Turns) {
    this.#turns = turns;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  settle(): void {}

  unwritable(): void {}

  writeOut(): void {
    if (this.#ticket < 0) this.#ticket = this.#turns.ticket;
    if (this.#turns.released >= this.#ticket) this.#resolve();
    else this.#turns.hurry();
  }
}
