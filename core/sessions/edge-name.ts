/**
 * A pool of edge names that processes share. An edge without a host of its own (a container) takes one of a fixed set of names
 * when it starts, and with it the journal that belongs to the name. It has the name while its heartbeat goes on; see
 * {@link Membership}.
 */

import type { EdgeRegistry } from '../ports.ts';
import type { Clock } from '../time.ts';
import type { GateLog } from './api.ts';
import { CLAIM_LOOK_MS, CLAIM_WITHIN_MS, DEAD_AFTER_MS } from './bounds.ts';
import type { Claimed, EdgeRow } from './model.ts';
import { Unbroken } from './unbroken.ts';

/** Every name of the pool is in use. */
export class NoFreeName extends Error {
  override readonly name = 'NoFreeName';
}

export interface ClaimPorts {
  readonly edges: EdgeRegistry;
  readonly clock: Clock;
  /** Resolves after so many ms. Must keep the process alive: nothing else is open yet. */
  readonly wait: (ms: number) => Promise<unknown>;
  readonly log: GateLog;
}

/** A heartbeat when it was first seen. `since`: monotonic ms, after the reply that showed it. */
interface Seen {
  readonly incarnation: number;
  readonly heartbeat: number;
  readonly since: number;
}

/** Whether the name's heartbeat has been seen to rise. Until then its process may be dead, and its journal waiting to be taken. */
type Judged = 'serves' | 'unknown' | 'dead';

/**
 * Takes a name. Preferred is a name whose process has ended, the most recent first, since sessions wait for its journal; then a
 * name that was never used. A never-used name is taken only once the heartbeat of every other name has been seen to rise,
 * because a process that was killed a moment ago still looks alive.
 * Rejects with {@link NoFreeName} after {@link CLAIM_WITHIN_MS}, or with StoreUnavailable.
 */
export async function claimName(ports: ClaimPorts, names: readonly string[], version: string): Promise<Claimed> {
  const { edges, clock, log } = ports;
  const watch = new Watch(ports);
  for (const from = clock.monotonic(); ; ) {
    const sent = clock.monotonic();
    const rows = (await edges.list()).filter(({ edge_id }) => names.includes(edge_id));
    const judged = await watch.judge(rows, sent, clock.monotonic());
    const ended = rows.filter(({ edge_id }) => judged.get(edge_id) === 'dead').sort((a, b) => b.seen_at - a.seen_at);
    const settled = [...judged.values()].every((state) => state !== 'unknown');
    const unused = settled ? names.filter((name) => !judged.has(name)) : [];
    for (const name of [...ended.map(({ edge_id }) => edge_id), ...unused]) {
      const since = clock.monotonic();
      const identity = await edges.claim(name, version, clock.now());
      if (identity === undefined) continue;
      log.info({ ...identity, after_ms: since - from }, 'this edge has taken a name');
      return { identity, since };
    }
    if (clock.monotonic() - from > CLAIM_WITHIN_MS)
      throw new NoFreeName(
        `all ${names.length} names of edges are served by others: ${names.slice(0, 3).join(', ')} …`,
      );
    await ports.wait(CLAIM_LOOK_MS);
  }
}

class Watch {
  readonly #ports: ClaimPorts;
  readonly #first = new Map<string, Seen>();
  readonly #beating = new Set<string>();
  /** Measured by readings of the store: this process has no heartbeat of its own yet. */
  readonly #unbroken: Unbroken;

  constructor(ports: ClaimPorts) {
    this.#ports = ports;
    this.#unbroken = new Unbroken(ports.clock.monotonic());
  }

  /** State of each name. Declares edges dead whose heartbeat has stood still for long enough. */
  async judge(rows: readonly EdgeRow[], sent: number, seen: number): Promise<ReadonlyMap<string, Judged>> {
    this.#unbroken.answered(seen);
    const judged = new Map<string, Judged>();
    for (const row of rows) judged.set(row.edge_id, await this.#one(row, sent, seen));
    return judged;
  }

  async #one(row: EdgeRow, sent: number, seen: number): Promise<Judged> {
    const { edge_id, incarnation, heartbeat, state } = row;
    if (state === 'dead' || state === 'stopped') return 'dead';
    const first = this.#first.get(edge_id);
    if (first === undefined || first.incarnation !== incarnation || first.heartbeat !== heartbeat) {
      // Also if a new incarnation has begun since we began to look.
      if (first !== undefined) this.#beating.add(edge_id);
      this.#first.set(edge_id, { incarnation, heartbeat, since: seen });
    } else if (sent - Math.max(first.since, this.#unbroken.since(seen)) >= DEAD_AFTER_MS) {
      const dead = await this.#ports.edges.declareDead({ edge_id, incarnation }, heartbeat);
      if (dead) this.#ports.log.warn({ edge: edge_id, incarnation }, 'declared an edge dead');
      return dead ? 'dead' : 'unknown';
    }
    return this.#beating.has(edge_id) ? 'serves' : 'unknown';
  }
}
