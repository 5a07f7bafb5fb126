/** Asks other edges, and does not wait again and again for one that does not hear. */

import { type AskingPorts, ask, type Reply } from '../../core/sessions/asking.ts';
import type { Question } from '../../core/sessions/model.ts';
import { SILENT_MS } from '../limits.ts';

/** See {@link ask}; `silent` at once of an edge that has just been found to be. */
export type Ask = (edgeId: string, question: Question, withinMs: number) => Promise<Reply>;

export function askingNeighbours(ports: AskingPorts): Ask {
  const { clock } = ports;
  /** Monotonic ms, by edge. */
  const silentAt = new Map<string, number>();
  return async (edgeId, question, withinMs) => {
    const since = silentAt.get(edgeId);
    if (since !== undefined && clock.monotonic() - since < SILENT_MS) return { ask: '', said: 'silent' };
    const reply = await ask(ports, edgeId, question, withinMs);
    if (reply.said === 'silent') silentAt.set(edgeId, clock.monotonic());
    else silentAt.delete(edgeId);
    return reply;
  };
}
