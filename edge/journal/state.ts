/** Records of what a session is: all of it but its messages, at the start of each segment and when it changes. */

import { ABOUT, FIXED_BYTES, GONE, NUMBERS, RESERVED, SESSION_LEVEL, STATE, TOLD } from './format.ts';
import type { Reserve } from './reserve.ts';
import type { SessionTerms } from './session-state.ts';
import type { Tail } from './tail.ts';

/** Of a session (session.ts), what its records say. */
export interface Recorded {
  readonly index: number;
  readonly key: string;
  readonly nextIn: number;
  readonly nextOut: number;
  readonly generation: number;
  readonly createdAt: number;
  readonly firstOrdinal: number;
  readonly nextOrdinal: number;
  readonly forgotten: number;
  readonly terms: SessionTerms;
  readonly told: number;
  readonly toldWritten: number;
  readonly reserve: Pick<Reserve, 'limit' | 'lostAt' | 'what'>;
  readonly gone: boolean;
}

export function stateInto(session: Recorded, tail: Tail): void {
  const { index, key, reserve } = session;
  const fixed = FIXED_BYTES[STATE]!;
  const at = tail.begin(STATE, index, fixed + Buffer.byteLength(key));
  tail.put(at, 0, session.nextIn);
  tail.put(at, 1, session.nextOut);
  tail.put(at, 2, session.generation);
  tail.put(at, 3, session.createdAt);
  tail.put(at, 4, session.firstOrdinal);
  tail.put(at, 5, session.nextOrdinal);
  tail.put(at, 6, session.forgotten);
  const { retention, retention_s, ids, ids_s, about } = session.terms;
  [retention, retention_s, ids, ids_s].forEach((term, i) => void tail.putUint(at, 56 + i * 4, term));
  tail.buf.write(key, at + fixed);
  if (session.told > 0) toldInto(session, tail);
  if (reserve.limit > 0 || reserve.lostAt > 0) reservedInto(session, tail);
  if (session.gone) goneInto(session, tail);
  if (about === '') return;
  const text = tail.begin(ABOUT, index, FIXED_BYTES[ABOUT]! + Buffer.byteLength(about));
  tail.buf.write(about, text + FIXED_BYTES[ABOUT]!);
}

export function numbersInto(session: Recorded, tail: Tail): void {
  const at = tail.begin(NUMBERS, session.index, FIXED_BYTES[NUMBERS]!);
  tail.put(at, 0, session.nextIn);
  tail.put(at, 1, session.nextOut);
  if (session.told !== session.toldWritten) toldInto(session, tail);
}

function toldInto({ index, told, toldWritten }: Recorded, tail: Tail): void {
  const at = tail.begin(TOLD, index, FIXED_BYTES[TOLD]!);
  tail.put(at, 0, told);
  tail.put(at, 1, toldWritten);
}

export function reservedInto({ index, reserve }: Recorded, tail: Tail): void {
  const flags = reserve.what === 'session_level' ? SESSION_LEVEL : 0;
  const at = tail.begin(RESERVED, index, FIXED_BYTES[RESERVED]!, flags);
  tail.put(at, 0, reserve.limit);
  tail.put(at, 1, reserve.lostAt);
}

export function goneInto({ index }: Recorded, tail: Tail): void {
  tail.begin(GONE, index, FIXED_BYTES[GONE]!);
}
