/**
 * Asks other edges, and does not wait again and again for one that does not hear. Of those who come together one asks, and the others wait until the
 * edge has heard that: when an edge dies, all of its sessions' clients come within a second.
 */

import { type AskingPorts, ask, type Reply } from '../../core/sessions/asking.ts';
import type { EdgeRow, Question } from '../../core/sessions/model.ts';
import { SILENT_MS } from '../limits.ts';
import type { Standing } from './standing.ts';

/**
 * See {@link ask}; without `heardWithinMs` an edge that has just been found to be `silent` is so at once, and so is one whose
 * heartbeat has not moved since. Whatever patience there is, it ends when the heartbeat stands.
 */
export type Ask = (edgeId: string, question: Question, withinMs: number, heardWithinMs?: number) => Promise<Reply>;

const SILENT: Reply = { ask: '', said: 'silent' };

/** An edge that has not heard a question. */
interface Deaf {
  /** Monotonic ms. */
  readonly since: number;
  /** Its heartbeat then; undefined: it had no row. */
  readonly beat: string | undefined;
}

/** A question under way that nobody knows to have been heard. */
interface Opening {
  /** Resolves when it has been, or never will be. */
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
  /** When an edge was last seen to have heard something, monotonic ms. */
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
