/** The state of a session whose journal cannot be read: it goes on above every number that may have been sent. */

import type { Reserved } from '../../core/sessions/model.ts';
import type { After, SessionState } from '../journal/session-state.ts';

export const ABOVE = 'the journal of a session cannot be read: it goes on above the numbers that were reserved';

export const numbersOf = ({ nextIn, nextOut, generation }: SessionState) => ({
  next_in: nextIn,
  next_out: nextOut,
  generation,
});

/**
 * Makes the state from what the store and the venue know of the session.
 * @param after the last of its messages that the venue has; undefined: the venue is in this process
 * @param here an older state of it in this edge's journal
 * @param lostAt now, epoch ms
 * @returns undefined: the session has never begun, only a slot was taken for it
 */
export function above(
  { generation: told, next_in, out, began }: Reserved,
  after: After | undefined,
  here: SessionState | undefined,
  lostAt: number,
): SessionState | undefined {
  if (out === 1 && next_in === 1 && told === 0) return undefined;
  // The numbers may have been reset since the store was told. An order of a later generation at the venue shows that.
  const generation = Math.max(told, after?.generation ?? 0);
  const passed = after?.generation === generation ? after.msgSeqNum + 1 : 1;
  const before = here?.generation === generation ? here : undefined;
  // When the numbers began counts: if that was before the present session hours, the schedule resets them at the next Logon.
  const createdAt = before?.createdAt ?? (generation === told ? began : undefined) ?? lostAt;
  return {
    nextIn: Math.max(generation === told ? next_in : 1, passed),
    nextOut: out,
    generation,
    createdAt,
    forgotten: out - 1,
    told: here?.told ?? 0,
    lostAt,
    terms: here?.terms ?? { retention: 0, retention_s: 0, ids: 0, ids_s: 0, about: '' },
    sent: before?.sent ?? [],
    waiting: [],
    ids: before?.ids ?? [],
    submitted: [],
  };
}
