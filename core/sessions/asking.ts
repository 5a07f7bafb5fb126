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

/** `silent`: the other edge has not read the question, or no longer runs. `late`: it has read it, but has not answered in time. */
export type Reply = { readonly ask: string; readonly said: Answer['said'] | 'silent' | 'late' };

/** What the asking edge knows of the other one, or wants to hear. */
export interface Attention {
  /**
   * Whether the other edge is known to be dead. Called each time there is no answer yet. Counts only after the edge has had its
   * time to acknowledge, and then even if it has acknowledged.
   */
  lost(): boolean;
  /** Called whenever an answer is seen: the other edge has at least read the question. */
  heard(): void;
}

const NONE: Attention = { lost: () => false, heard() {} };

/**
 * Asks an edge and waits for its answer: at most `heardWithinMs` until it has read the question, `withinMs` in all.
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
