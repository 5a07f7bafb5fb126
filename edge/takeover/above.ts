/** A session whose journal nobody can read, as far as the store and the venue know it: it goes on above all that was ever sent. */

import type { Reserved } from '../../core/sessions/model.ts';
import type { After, SessionState } from '../journal/session-state.ts';

export const ABOVE = 'the journal of a session cannot be read: it goes on above the numbers that were reserved';

export const numbersOf = ({ nextIn, nextOut, generation }: SessionState) => ({
  next_in: nextIn,
  next_out: nextOut,
  generation,
});

/**
 * Undefined: a slot was taken for it, and nothing came of that.
 * @param after the last of its messages that the venue has had; undefined: the venue is the edge's own
 * @param here what there is of it from before it was where it is lost
 * @param lostAt epoch ms
 */
export function above(
  { generation: told, next_in, out, began }: Reserved,
  after: After | undefined,
  here: SessionState | undefined,
  lostAt: number,
): SessionState | undefined {
  if (out === 1 && next_in === 1 && told === 0) return undefined;
  // Numbers may have begun anew since the store was told; an order that the venue has had shows it.
  const generation = Math.max(told, after?.generation ?? 0);
  const passed = after?.generation === generation ? after.msgSeqNum + 1 : 1;
  const before = here?.generation === generation ? here : undefined;
  // Of yesterday, say: then a schedule has them begin anew at the next Logon.
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
