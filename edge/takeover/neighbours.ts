/** Asks other edges, and does not wait again and again for one that does not hear. */

import { type AskingPorts, ask, type Reply } from '../../core/sessions/asking.ts';
import type { Question } from '../../core/sessions/model.ts';
import { SILENT_MS } from '../limits.ts';

/** See {@link ask}; without `heardWithinMs` an edge that has just been found to be `silent` is so at once. */
export type Ask = (edgeId: string, question: Question, withinMs: number, heardWithinMs?: number) => Promise<Reply>;

export function askingNeighbours(ports: AskingPorts): Ask {
  const { clock } = ports;
  /** Monotonic ms, by edge. */
  const silentAt = new Map<string, number>();
  return async (edgeId, question, withinMs, heardWithinMs) => {
    const since = silentAt.get(edgeId);
    if (heardWithinMs === undefined && since !== undefined && clock.monotonic() - since < SILENT_MS)
      return { ask: '', said: 'silent' };
    const reply = await ask(ports, edgeId, question, withinMs, heardWithinMs);
    if (reply.said === 'silent') silentAt.set(edgeId, clock.monotonic());
    else silentAt.delete(edgeId);
    return reply;
  };
}
