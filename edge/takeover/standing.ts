/** How other edges stand, by their rows and by what their heartbeats have been seen to do. */

import type { EdgeRegistry } from '../../core/ports.ts';
import type { EdgeRow } from '../../core/sessions/model.ts';
import type { Clock, Timers } from '../../core/time.ts';
import { EDGES_FRESH_MS, STILL_MS } from '../limits.ts';
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
  /** Monotonic ms: when it was seen first, and last. */
  readonly sinceMs: number;
  seenMs: number;
  /** The one before it had been seen shortly before. */
  readonly moved: boolean;
}

export class Standing {
  readonly #parts: StandingParts;
  readonly #rows = new Map<string, Promise<EdgeRow | undefined>>();
  /** Of edges that have been looked at. */
  readonly #beats = new Map<string, Beat>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** Its row as of a moment ago; undefined: there is none. */
  of(edgeId: string): Promise<EdgeRow | undefined> {
    return this.#rows.get(edgeId) ?? this.now(edgeId);
  }

  /** Its row by a look that begins now. */
  now(edgeId: string): Promise<EdgeRow | undefined> {
    const { edges, timers } = this.#parts;
    const row = edges.find(edgeId);
    this.#rows.set(edgeId, row);
    const forget = (): void => {
      if (this.#rows.get(edgeId) === row) this.#rows.delete(edgeId);
    };
    row.catch(forget);
    timers.after(EDGES_FRESH_MS, forget);
    return row;
  }

  /** Notes how another edge stands, before it is known whether that is asked for. Never rejects. */
  async note(edgeId: string): Promise<void> {
    try {
      this.beatOf(await this.of(edgeId));
    } catch (error) {
      this.#parts.log.warn({ error, home: edgeId }, 'another edge could not be looked at');
    }
  }

  /** What its heartbeat has been seen to do lately. */
  beatOf(row: EdgeRow | undefined): 'moves' | 'stands' | 'unknown' {
    if (row === undefined) return 'stands';
    const { edge_id, incarnation, heartbeat } = row;
    const nowMs = this.#parts.clock.monotonic();
    const known = this.#beats.get(edge_id);
    if (known?.incarnation !== incarnation || known.heartbeat !== heartbeat) {
      const moved = known?.incarnation === incarnation && nowMs - known.seenMs < STILL_MS;
      this.#beats.set(edge_id, { incarnation, heartbeat, sinceMs: nowMs, seenMs: nowMs, moved });
      return moved ? 'moves' : 'unknown';
    }
    known.seenMs = nowMs;
    if (nowMs - known.sinceMs >= STILL_MS) return 'stands';
    return known.moved ? 'moves' : 'unknown';
  }
}

/** Nothing more is written of its journal, until it begins anew. */
export const isOver = (row: EdgeRow | undefined): boolean =>
  row === undefined || row.state === 'dead' || row.state === 'stopped';
