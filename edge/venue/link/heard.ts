/**
 * What the venue has had of each session. Messages come in the order of their numbers, so that those between two that came
 * never had been sent here: session messages, and what an edge refused.
 */

import type { MessageName } from '../../../core/sessions/model.ts';
import { PASSED_OVER } from './limits.ts';

interface Last {
  generation: number;
  msgSeqNum: number;
  /** Numbers before it, of its generation, that did not come: first and last of each range, the newest ranges only. */
  passed: number[];
}

/** new: it has not come. had: it has. passed: it was not sent here when its turn was. */
export type Standing = 'new' | 'had' | 'passed';

export class Heard {
  readonly #sessions = new Map<string, Last>();

  /** A message has been done. */
  note(session: string, generation: number, msgSeqNum: number): void {
    const last = this.#sessions.get(session);
    if (last === undefined) {
      // Of what was before it there may have been a venue that knew more.
      this.#sessions.set(session, { generation, msgSeqNum, passed: [] });
      return;
    }
    if (generation !== last.generation) {
      last.passed = [];
      last.msgSeqNum = 0;
      last.generation = generation;
    }
    if (msgSeqNum > last.msgSeqNum + 1) {
      last.passed.push(last.msgSeqNum + 1, msgSeqNum - 1);
      if (last.passed.length > PASSED_OVER * 2) last.passed.splice(0, 2);
    }
    last.msgSeqNum = msgSeqNum;
  }

  /** As {@link all} has told it. */
  restore(session: string, generation: number, msgSeqNum: number, passed: readonly number[]): void {
    this.#sessions.set(session, { generation, msgSeqNum, passed: [...passed] });
  }

  /** The last message. */
  of(session: string): MessageName {
    const { generation = 0, msgSeqNum = 0 } = this.#sessions.get(session) ?? {};
    return { generation, msg_seq_num: msgSeqNum };
  }

  /** How a message stands that comes, or may come, once more. */
  standing(session: string, generation: number, msgSeqNum: number): Standing {
    const last = this.#sessions.get(session);
    if (last === undefined || generation > last.generation) return 'new';
    if (generation < last.generation) return 'had';
    if (msgSeqNum > last.msgSeqNum) return 'new';
    for (let i = 0; i < last.passed.length; i += 2)
      if (msgSeqNum >= last.passed[i]! && msgSeqNum <= last.passed[i + 1]!) return 'passed';
    return 'had';
  }

  *all(): Generator<readonly [session: string, generation: number, msgSeqNum: number, passed: readonly number[]]> {
    for (const [session, { generation, msgSeqNum, passed }] of this.#sessions)
      yield [session, generation, msgSeqNum, passed];
  }
}
