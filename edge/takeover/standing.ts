/**
 * How other edges stand, by their rows and by what their heartbeats have been seen to do. Who waits for one looks every 250 ms, and gives up
 * when it stands still. Of an edge that hangs at 0 s, whenever it was asked, with d for a call of the store:
 *
 *     ≤ 0 + d       its last heartbeat is in the store
 *     ≤ 0.25 + 2d   that is seen for the first time                  at 0, where nobody has looked at it before
 *     ≤ 2.5 + 3d    a look that began 2 s later shows it still       1.2 s, where it has not been seen to move
 *     ≤ 2.55 + 4d   the question ends, which by then has had its second; the session is revoked and the journal read
 *
 * The reading has what is left of the four seconds that a Logon has. An edge that is busy keeps its sessions for as long as every other heartbeat
 * is on time.
 */

import type { EdgeRegistry } from '../../core/ports.ts';
import type { EdgeRow } from '../../core/sessions/model.ts';
import type { Clock, Timers } from '../../core/time.ts';
import { EDGES_FRESH_MS, MISSED_MS, STILL_MS } from '../limits.ts';
import type { Logger } from '../log.ts';

export interface StandingParts {
  readonly edges: Pick<EdgeRegistry, 'find'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** A heartbeat of another edge. */
interface Beat {
  readonly incarnation: number;
  readonly heartbeat: number;
  /** Monotonic ms: when it was there for sure, by the first look that showed it, and by the last: that look's answer, this one's beginning. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** The one before it had been seen shortly before. */
  readonly moved: boolean;
}

export class Standing {
  readonly #parts: StandingParts;
  readonly #rows = new Map<string, Promise<EdgeRow | undefined>>();
  /** Of edges that have been looked at. */
  readonly #beats = new Map<string, Beat | 'none'>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** Its row as of a moment ago; undefined: there is none. */
  of(edgeId: string): Promise<EdgeRow | undefined> {
    return this.#rows.get(edgeId) ?? this.now(edgeId);
  }

  /** Its row by a look that begins now. */
  now(edgeId: string): Promise<EdgeRow | undefined> {
    const { timers } = this.#parts;
    const row = this.#look(edgeId);
    this.#rows.set(edgeId, row);
    const forget = (): void => {
      if (this.#rows.get(edgeId) === row) this.#rows.delete(edgeId);
    };
    row.catch(forget);
    timers.after(EDGES_FRESH_MS, forget);
    return row;
  }

  async #look(edgeId: string): Promise<EdgeRow | undefined> {
    const { edges, clock } = this.#parts;
    const begunMs = clock.monotonic();
    const row = await edges.find(edgeId);
    this.#seen(edgeId, row, begunMs);
    return row;
  }

  #seen(edgeId: string, row: EdgeRow | undefined, begunMs: number): void {
    if (row === undefined) {
      this.#beats.set(edgeId, 'none');
      return;
    }
    const { incarnation, heartbeat } = row;
    const last = this.#beats.get(edgeId);
    const known = last === 'none' ? undefined : last;
    if (known?.incarnation === incarnation && known.heartbeat === heartbeat) {
      this.#beats.set(edgeId, { ...known, untilMs: Math.max(known.untilMs, begunMs) });
      return;
    }
    const nowMs = this.#parts.clock.monotonic();
    // One that has begun anew since has moved, too: what it does first may keep it from its next heartbeat.
    const moved = known !== undefined && nowMs - known.untilMs < STILL_MS;
    this.#beats.set(edgeId, { incarnation, heartbeat, sinceMs: nowMs, untilMs: begunMs, moved });
  }

  /** Notes how another edge stands, before it is known whether that is asked for. Never rejects. */
  async note(edgeId: string): Promise<void> {
    try {
      await this.of(edgeId);
    } catch (error) {
      this.#parts.log.warn({ error, home: edgeId }, 'another edge could not be looked at');
    }
  }

  /**
   * What its heartbeat has been seen to do, by the last look. One that has been seen to move stands once two in a row have not come; one that
   * has not, sooner.
   */
  beat(edgeId: string): 'moves' | 'stands' | 'unknown' {
    const known = this.#beats.get(edgeId);
    if (known === undefined) return 'unknown';
    if (known === 'none') return 'stands';
    const { sinceMs, untilMs, moved } = known;
    if (untilMs - sinceMs >= (moved ? MISSED_MS : STILL_MS)) return 'stands';
    return moved ? 'moves' : 'unknown';
  }
}

/** Nothing more is written of its journal, until it begins anew. */
export const isOver = (row: EdgeRow | undefined): boolean =>
  row === undefined || row.state === 'dead' || row.state === 'stopped';
