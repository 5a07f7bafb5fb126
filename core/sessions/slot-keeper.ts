/**
 * The slots of this edge. A slot that could not be given back, or was perhaps taken although the store's answer was lost, is
 * given back later. A slot in this edge's name that belongs to no live session here is given back when it is found.
 */
import { StoreUnavailable } from '../errors.ts';
import type { AddressedCommand, SessionSlots, SlotResult } from '../ports.ts';
import type { Timer, Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { RELEASE_CALLS, RELEASE_RETRY_MS, RELEASES_TOGETHER } from './bounds.ts';
import type { EdgeIdentity, LiveSession, Reserving } from './model.ts';

export type Taking = Omit<LiveSession, 'slot'>;

interface Leaving {
  readonly session: LiveSession;
  readonly done: () => void;
}

export class SlotKeeper {
  readonly #slots: SessionSlots;
  readonly #timers: Timers;
  readonly #log: GateLog;
  readonly #identity: EdgeIdentity;
  /** Sessions whose slots are to be given back, by id. `undefined`: it is not known whether, and which, slot was taken. */
  readonly #owed = new Map<string, LiveSession | undefined>();
  /** Slots to give back with the next call. */
  #leaving: Leaving[] = [];
  #running = 0;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(slots: SessionSlots, timers: Timers, log: GateLog, identity: EdgeIdentity) {
    this.#slots = slots;
    this.#timers = timers;
    this.#log = log;
    this.#identity = identity;
  }

  /** Slots still to be given back. */
  get owed(): number {
    return this.#owed.size;
  }

  /** As SessionSlots.take. If no answer comes, the slot is cleared up later, and this rejects with StoreUnavailable. */
  async take(
    session: Taking,
    maxSessions: number,
    supersedes?: string,
    told?: AddressedCommand,
    numbers?: Reserving | 'none',
  ): Promise<SlotResult> {
    try {
      return await this.#slots.take(session, maxSessions, supersedes, told, numbers);
    } catch (error) {
      this.#owe(session.session_id, undefined);
      throw error;
    }
  }

  /** Gives a slot back now, or later if the store is away. Never rejects. */
  release(session: LiveSession): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((done) => {
      this.#leaving.push({ session, done });
      void this.#releaseSome();
    });
  }

  /** A single slot is given back at once; those that are freed while calls are under way go together. */
  async #releaseSome(): Promise<void> {
    if (this.#running >= RELEASE_CALLS || this.#leaving.length === 0) return;
    this.#running += 1;
    const some = this.#leaving.splice(0, RELEASES_TOGETHER);
    try {
      await this.#slots.release(some.map(({ session }) => session));
      for (const { session } of some) this.#owed.delete(session.session_id);
    } catch (error) {
      if (!(error instanceof StoreUnavailable))
        this.#log.error({ error, sessions: some.length }, 'slots could not be given back');
      for (const { session } of some) this.#owe(session.session_id, session);
    }
    this.#running -= 1;
    for (const { done } of some) done();
    void this.#releaseSome();
  }

  /** Gives back the slots of `holders` that are this edge's but belong to no live session. True if there were any. */
  async releaseLeftOvers(holders: readonly LiveSession[], isLive: (sessionId: string) => boolean): Promise<boolean> {
    const { edge_id, incarnation } = this.#identity;
    const left = holders.filter(
      (one) => one.edge_id === edge_id && one.incarnation === incarnation && !isLive(one.session_id),
    );
    await Promise.all(left.map((one) => this.release(one)));
    return left.length > 0;
  }

  /** The slots of this incarnation are all void: nothing needs to be given back any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stopped = true;
    for (const { done } of this.#leaving.splice(0)) done();
  }

  #owe(sessionId: string, session: LiveSession | undefined): void {
    if (this.#stopped) return;
    this.#owed.set(sessionId, session);
    this.#timer ??= this.#timers.after(RELEASE_RETRY_MS, () => {
      this.#timer = undefined;
      void this.#payAll();
    });
  }

  async #payAll(): Promise<void> {
    for (const [sessionId, known] of [...this.#owed]) {
      try {
        const session = known ?? (await this.#slots.session(sessionId));
        if (session) await this.#slots.release([session]);
        this.#owed.delete(sessionId);
      } catch (error) {
        if (!(error instanceof StoreUnavailable))
          this.#log.error({ error, session_id: sessionId }, 'a slot could not be given back');
        this.#owe(sessionId, known);
        return;
      }
    }
  }
}
