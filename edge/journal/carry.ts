/** Carries what is left of old segments forward into the current one, so that they can go. */

import type { StoredMessage } from '../fix/session/ports.ts';
import { CARRIED, FIXED_BYTES, ID, KEPT, PENDING, SENT } from './format.ts';
import type { JournalLog } from './journal.ts';
import { CARRY_BUDGET, CARRY_SHARE, type JournalLimits } from './limits.ts';
import type { Places } from './places.ts';
import type { Place } from './reader.ts';
import type { Segment, Segments } from './segments.ts';
import type { FileSession } from './session.ts';
import type { Tail } from './tail.ts';

export interface CarryParts {
  readonly segments: Segments;
  readonly current: Segment;
  readonly sessions: readonly FileSession[];
  /** Empty. */
  readonly tail: Tail;
  readonly limits: JournalLimits;
  readonly log: JournalLog;
  readonly read: (place: Place) => StoredMessage;
}

interface Move {
  readonly places: Places;
  readonly i: number;
  readonly block: number;
  readonly at: number;
  readonly length: number;
}

/** The old segments are as they were until the copies are written. @throws what the file system says */
export function carry(parts: CarryParts): void {
  const { segments, current, tail } = parts;
  const chosen = sparse(parts);
  for (const segment of overflow(parts)) chosen.add(segment);
  if (chosen.size === 0) return;
  const moves: Move[] = [];
  for (const session of parts.sessions) {
    copy(parts, session, session.sent, SENT, chosen, moves);
    copy(parts, session, session.waiting, PENDING, chosen, moves);
    copyIds(parts, session, chosen, moves);
  }
  if (moves.length === 0) return;
  const base = current.size;
  segments.write(current, tail, 0);
  tail.clear();
  for (const { places, i, block, at, length } of moves) {
    segments.lost(places.segment(i), places.length(i));
    places.move(i, current.number, base + block, base + at, length);
    segments.gained(current.number, length);
  }
}

/** Segments of which little is alive. */
function sparse({ segments, current, limits }: CarryParts): Set<number> {
  const chosen = new Set<number>();
  let budget = limits.segment_bytes * CARRY_BUDGET;
  for (const segment of segments.all.values()) {
    const { liveBytes } = segment;
    if (segment === current || liveBytes > limits.segment_bytes * CARRY_SHARE || liveBytes > budget) continue;
    chosen.add(segment.number);
    budget -= liveBytes;
  }
  return chosen;
}

/**
 * The oldest, while there are too many bytes: their sent messages are forgotten; those that wait for a client never are,
 * nor ClOrdIDs, which have bounds of their own.
 */
function overflow({ segments, current, sessions, limits, log }: CarryParts): number[] {
  const chosen: number[] = [];
  let over = segments.bytes - limits.total_bytes;
  for (const segment of segments.all.values()) {
    if (over <= 0 || segment === current) break;
    let forgotten = 0;
    for (const session of sessions) forgotten += session.forgetSegment(segment.number);
    over -= segment.size - segment.liveBytes;
    chosen.push(segment.number);
    if (forgotten > 0)
      log.warn({ file: segment.path, messages: forgotten }, 'the journal is full: the oldest are forgotten');
  }
  return chosen;
}

/** A promoted message becomes a sent one: its session's state at the start of the segment has it promoted already. */
function copy(
  { tail, read }: CarryParts,
  session: FileSession,
  places: Places,
  type: number,
  chosen: ReadonlySet<number>,
  moves: Move[],
): void {
  for (let i = 0; i < places.count; i++) {
    if (!chosen.has(places.segment(i))) continue;
    const number = places.number(i);
    const found = read(session.placeOf(places, i, type === SENT ? number : 0));
    const fixed = FIXED_BYTES[type]!;
    const length = fixed + found.end - found.start;
    const at = tail.begin(type, session.index, length, type === SENT ? KEPT + CARRIED : CARRIED);
    tail.put(at, 0, number);
    tail.put(at, 1, places.second(i) * 1000);
    found.buf.copy(tail.buf, at + fixed, found.start, found.end);
    moves.push({ places, i, block: tail.block, at, length });
  }
}

function copyIds({ tail }: CarryParts, { index, ids }: FileSession, chosen: ReadonlySet<number>, moves: Move[]): void {
  const { places } = ids;
  for (let i = 0; i < places.count; i++) {
    if (!chosen.has(places.segment(i))) continue;
    const id = ids.id(i);
    const length = FIXED_BYTES[ID]! + id.length;
    const at = tail.begin(ID, index, length);
    tail.put(at, 0, places.second(i) * 1000);
    id.copy(tail.buf, at + FIXED_BYTES[ID]!);
    moves.push({ places, i, block: tail.block, at, length });
  }
}
