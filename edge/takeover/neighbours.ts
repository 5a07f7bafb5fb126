/** Asks other edges, and does not wait again and again for one that does not hear. */

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

export function askingNeighbours(ports: AskingPorts, standing: Pick<Standing, 'of' | 'note' | 'beat'>): Ask {
  const { clock } = ports;
  const deaf = new Map<string, Deaf>();
  const isDeaf = async (edgeId: string): Promise<boolean> => {
    const known = deaf.get(edgeId);
    if (known === undefined) return false;
    if (clock.monotonic() - known.since < SILENT_MS) return true;
    return known.beat !== undefined && known.beat === beatOf(await standing.of(edgeId));
  };
  return async (edgeId, question, withinMs, heardWithinMs) => {
    if (heardWithinMs === undefined && (await isDeaf(edgeId))) return SILENT;
    const lost = (): boolean => {
      void standing.note(edgeId);
      return standing.beat(edgeId) === 'stands';
    };
    const reply = await ask(ports, edgeId, question, withinMs, heardWithinMs, lost);
    if (reply.said === 'silent')
      deaf.set(edgeId, { since: clock.monotonic(), beat: beatOf(await standing.of(edgeId)) });
    else deaf.delete(edgeId);
    return reply;
  };
}

const beatOf = (row: EdgeRow | undefined): string | undefined => row && `${row.incarnation} ${row.heartbeat}`;
