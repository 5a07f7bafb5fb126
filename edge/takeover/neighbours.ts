/**
 * Asks other edges, and remembers which of them do not answer. When an edge dies, the clients of all its sessions log on
 * elsewhere within a second: of such simultaneous questions to one edge only one is sent, and the others wait to see whether
 * the edge reads it.
 */

import { type AskingPorts, ask, type Reply } from '../../core/sessions/asking.ts';
import type { EdgeRow, Question } from '../../core/sessions/model.ts';
import { SILENT_MS } from '../limits.ts';
import type { Standing } from './standing.ts';

/**
 * See {@link ask}. Without `heardWithinMs` an edge that was just found `silent`, or whose heartbeat has not moved since, counts as
 * `silent` at once. Waiting always ends when the edge's heartbeat stands still.
 */
export type Ask = (edgeId: string, question: Question, withinMs: number, heardWithinMs?: number) => Promise<Reply>;

const SILENT: Reply = { ask: '', said: 'silent' };

/** An edge that did not read a question. */
interface Deaf {
  /** Monotonic ms. */
  readonly since: number;
  /** Its heartbeat at that time. Undefined: it had no row. */
  readonly beat: string | undefined;
}

/** A question that is not yet known to have been read. */
interface Opening {
  /** Resolves when it has been read, or never will be. */
  readonly over: Promise<void>;
  readonly end: () => void;
}

function opening(): Opening {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  return { over, end };
}

class Neighbours {
  readonly #ports: AskingPorts;
  readonly #standing: Pick<Standing, 'of' | 'note' | 'beat'>;
  /** By edge. */
  readonly #deaf = new Map<string, Deaf>();
  readonly #openings = new Map<string, Opening>();
  /** When an edge was last known to have read a question, monotonic ms. */
  readonly #heard = new Map<string, number>();

  constructor(ports: AskingPorts, standing: Pick<Standing, 'of' | 'note' | 'beat'>) {
    this.#ports = ports;
    this.#standing = standing;
  }

  async ask(edgeId: string, question: Question, withinMs: number, heardWithinMs?: number): Promise<Reply> {
    const { clock } = this.#ports;
    if (heardWithinMs !== undefined) return this.#asked(edgeId, question, withinMs, heardWithinMs, undefined);
    const since = clock.monotonic();
    const before = this.#openings.get(edgeId);
    if (before !== undefined && !this.#heardLately(edgeId)) await before.over;
    const mine = this.#openings.has(edgeId) ? undefined : opening();
    if (mine !== undefined) this.#openings.set(edgeId, mine);
    try {
      if (await this.#isDeaf(edgeId)) return SILENT;
      return await this.#asked(edgeId, question, withinMs - (clock.monotonic() - since), undefined, mine);
    } finally {
      this.#close(edgeId, mine);
    }
  }

  async #asked(
    edgeId: string,
    question: Question,
    withinMs: number,
    heardWithinMs: number | undefined,
    mine: Opening | undefined,
  ): Promise<Reply> {
    const { clock } = this.#ports;
    const standing = this.#standing;
    const attention = {
      lost: (): boolean => {
        void standing.note(edgeId);
        return standing.beat(edgeId) === 'stands';
      },
      heard: (): void => {
        this.#heard.set(edgeId, clock.monotonic());
        this.#close(edgeId, mine);
      },
    };
    const reply = await ask(this.#ports, edgeId, question, withinMs, heardWithinMs, attention);
    if (reply.said === 'silent')
      this.#deaf.set(edgeId, { since: clock.monotonic(), beat: beatOf(await standing.of(edgeId)) });
    else this.#deaf.delete(edgeId);
    return reply;
  }

  #heardLately(edgeId: string): boolean {
    const heard = this.#heard.get(edgeId);
    return heard !== undefined && this.#ports.clock.monotonic() - heard < SILENT_MS;
  }

  async #isDeaf(edgeId: string): Promise<boolean> {
    const known = this.#deaf.get(edgeId);
    if (known === undefined) return false;
    if (this.#ports.clock.monotonic() - known.since < SILENT_MS) return true;
    return known.beat !== undefined && known.beat === beatOf(await this.#standing.of(edgeId));
  }

  #close(edgeId: string, mine: Opening | undefined): void {
    if (mine !== undefined && this.#openings.get(edgeId) === mine) this.#openings.delete(edgeId);
    mine?.end();
  }
}

export function askingNeighbours(ports: AskingPorts, standing: Pick<Standing, 'of' | 'note' | 'beat'>): Ask {
  const neighbours = new Neighbours(ports, standing);
  return (edgeId, question, withinMs, heardWithinMs) => neighbours.ask(edgeId, question, withinMs, heardWithinMs);
}

const beatOf = (row: EdgeRow | undefined): string | undefined => row && `${row.incarnation} ${row.heartbeat}`;
