/** Questions of one edge to another, by commands and answers in the store (model.ts, Question). */
import { ulid } from '../ids.ts';
import type { EdgeRegistry } from '../ports.ts';
import type { Clock, Random, Timers } from '../time.ts';
import { ACKNOWLEDGED_WITHIN_MS, ANSWER_POLL_MS } from './bounds.ts';
import type { Answer, Question } from './model.ts';

export interface AskingPorts {
  readonly edges: Pick<EdgeRegistry, 'send' | 'answer'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
}

/** `silent`: the other edge has not even heard it, or hears nothing any more; `late`: it has, and has not come to an end. */
export type Reply = { readonly ask: string; readonly said: Answer['said'] | 'silent' | 'late' };

/** What who asks knows of the edge, or wants to know. */
export interface Attention {
  /**
   * Whether the edge is known not to live any more, asked each time the answer is not there; counts once it has had its time to
   * acknowledge, whatever it has said before.
   */
  lost(): boolean;
  /** The edge has heard the question, if not more: told each time its answer is seen. */
  heard(): void;
}

const NONE: Attention = { lost: () => false, heard() {} };

/**
 * Asks an edge, and waits for what it says: `heardWithinMs` for whether it hears, `withinMs` in all.
 * Rejects with StoreUnavailable.
 */
export async function ask(
  ports: AskingPorts,
  edgeId: string,
  question: Question,
  withinMs: number,
  heardWithinMs: number = ACKNOWLEDGED_WITHIN_MS,
  attention: Attention = NONE,
): Promise<Reply> {
  const { edges, clock, random, timers } = ports;
  const at = clock.now();
  const id = ulid(at, random);
  const since = clock.monotonic();
  await edges.send([{ edge_id: edgeId, command: { id, at, ...question } }]);
  let heard = false;
  for (;;) {
    const answer = await edges.answer(id);
    if (answer !== undefined) {
      heard = true;
      attention.heard();
      if (answer.said !== 'acknowledged') return { ask: id, said: answer.said };
    }
    const waited = clock.monotonic() - since;
    if (attention.lost() && waited >= ACKNOWLEDGED_WITHIN_MS) return { ask: id, said: 'silent' };
    if (!heard && waited >= heardWithinMs) return { ask: id, said: 'silent' };
    if (waited >= withinMs) return { ask: id, said: 'late' };
    await new Promise<void>((resolve) => void timers.after(ANSWER_POLL_MS, resolve));
  }
}
