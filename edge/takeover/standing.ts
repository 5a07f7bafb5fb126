/**
 * Whether other edges still run, judged by their rows and by observing their heartbeats. While a Logon waits for an edge, its row is
 * read every 250 ms, and waiting ends when the heartbeat stands still. For an edge that hangs at 0 s, with d the time of a
 * call to the store:
 *
 *     ≤ 0 + d       its last heartbeat is in the store
 *     ≤ 0.25 + 2d   this edge has seen that heartbeat                (at 0 s if it had not looked before)
 *     ≤ 2.5 + 3d    a reading that began 2 s later shows it still    (1.2 s if the heartbeat was never seen to move)
 *     ≤ 2.55 + 4d   waiting for the edge ends; the session is revoked and the edge's journal is read
 *
 * Reading the journal may take what is left of the four seconds that a Logon has. A busy edge keeps its sessions as long as
 * every other heartbeat is on time.
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

/** An observed heartbeat of another edge. */
interface Beat {
  readonly incarnation: number;
  readonly heartbeat: number;
  /** Monotonic ms. First: the end of the first reading that showed it. Last: the start of the latest reading that showed it. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** The heartbeat before it was seen shortly before: the edge was seen to move. */
  readonly moved: boolean;
}

export class Standing {
  readonly #parts: StandingParts;
  readonly #rows = new Map<string, Promise<EdgeRow | undefined>>();
  /** By edge, as far as observed. */
  readonly #beats = new Map<string, Beat | 'none'>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** The edge's row, perhaps a moment old. Undefined: there is none. */
  of(edgeId: string): Promise<EdgeRow | undefined> {
    return this.#rows.get(edgeId) ?? this.now(edgeId);
  }

  /** The edge's row by a reading that begins now. */
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
    // A new incarnation counts as moving: starting up may delay its next heartbeat.
    const moved = known !== undefined && nowMs - known.untilMs < STILL_MS;
    this.#beats.set(edgeId, { incarnation, heartbeat, sinceMs: nowMs, untilMs: begunMs, moved });
  }

  /** Observes another edge's heartbeat early, in case it is needed. Never rejects. */
  async note(edgeId: string): Promise<void> {
    try {
      await this.of(edgeId);
    } catch (error) {
      this.#parts.log.warn({ error, home: edgeId }, 'another edge could not be looked at');
    }
  }

  /**
   * What the edge's heartbeat does, by the latest reading. If it was seen to move before, it `stands` once two beats in a row are
   * missing, otherwise sooner.
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

/** Whether this incarnation writes nothing more to its journal. */
export const isOver = (row: EdgeRow | undefined): boolean =>
  row === undefined || row.state === 'dead' || row.state === 'stopped';
