/** Moves a session from one phase to the next. */

import { AWAY, type Phase, type SessionRecord } from './record.ts';

/**
 * Of each kind the phase that began last, with all that hangs on it: a connection, its seat, what its user may do. Nobody reads them. When the last
 * object of a shape is collected V8 forgets the shape, and drops all that it has compiled for it: without these the whole way of an order, each
 * time that an edge has no session for a while.
 */
const LATEST: Record<Phase['state'], Phase> = { away: AWAY, active: AWAY, logout_sent: AWAY, ended: AWAY };

export function enter(s: SessionRecord, phase: Phase): void {
  s.phase = phase;
  LATEST[phase.state] = phase;
}
