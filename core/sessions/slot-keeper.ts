/**
 * Slots as this edge holds them. What could not be given back, or was perhaps taken although no answer came, is given
 * back later; a slot of this very edge that no live session here has is a left-over, and is given back when it is met.
 */
import { StoreUnavailable } from '../errors.ts';
import type { SessionSlots, SlotResult } from '../ports.ts';
import type { Timer, Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { RELEASE_RETRY_MS, RELEASES_AT_ONCE } from './bounds.ts';
import type { EdgeIdentity, LiveSession } from './model.ts';

export type Taking = Omit<LiveSession, 'slot'>;

export class SlotKeeper {
  readonly #slots: SessionSlots;
  readonly #timers: Timers;
  readonly #log: GateLog;
  readonly #identity: EdgeIdentity;
  /** By session id: to be given back; `undefined` when it is not known whether, and where, a slot was taken. */
  readonly #owed = new Map<string, LiveSession | undefined>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
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

  /** As SessionSlots.take; when no answer comes, the slot is seen to later and StoreUnavailable is passed on. */
  async take(session: Taking, maxSessions: number, supersedes?: string): Promise<SlotResult> {
    try {
      return await this.#slots.take(session, maxSessions, supersedes);
    } catch (error) {
      this.#owe(session.session_id, undefined);
      throw error;
    }
  }

  /** Gives a slot back, now or, when the store is away, later. Never rejects. */
  async release(session: LiveSession): Promise<void> {
    while (this.#running >= RELEASES_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      await this.#slots.release(session);
      this.#owed.delete(session.session_id);
    } catch (error) {
      if (!(error instanceof StoreUnavailable))
        this.#log.error({ error, session_id: session.session_id }, 'a slot could not be given back');
      this.#owe(session.session_id, session);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** Gives back those of `holders` that are this edge's but nobody's. True when there were any. */
  async releaseLeftOvers(holders: readonly LiveSession[], isLive: (sessionId: string) => boolean): Promise<boolean> {
    const { edge_id, incarnation } = this.#identity;
    const left = holders.filter(
      (one) => one.edge_id === edge_id && one.incarnation === incarnation && !isLive(one.session_id),
    );
    await Promise.all(left.map((one) => this.release(one)));
    return left.length > 0;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #owe(sessionId: string, session: LiveSession | undefined): void {
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
        if (session) await this.#slots.release(session);
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
