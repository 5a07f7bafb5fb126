/**
 * Copies what is still needed of old segments into the current one, so that the old ones can be deleted. Only a little is copied after
 * each flush, because everything else waits meanwhile.
 */

import type { StoredMessage } from '../fix/session/ports.ts';
import { BLOCK_BYTES, CARRIED, FIXED_BYTES, ID, KEPT, PENDING, SENT } from './format.ts';
import type { JournalLog } from './journal.ts';
import { CARRY_BUDGET, CARRY_LOOK_BYTES, CARRY_SHARE, type JournalLimits } from './limits.ts';
import type { Places } from './places.ts';
import type { Place, Reader } from './reader.ts';
import { carryRun, Run } from './run.ts';
import type { Segment, Segments } from './segments.ts';
import type { FileSession } from './session.ts';
import type { Tail } from './tail.ts';

export interface CarryParts {
  readonly segments: Segments;
  readonly sessions: readonly FileSession[];
  /** Empty. */
  readonly tail: Tail;
  readonly limits: JournalLimits;
  readonly log: JournalLog;
  readonly read: (place: Place) => StoredMessage;
  readonly reader: Pick<Reader, 'opened' | 'records'>;
}

interface Move {
  readonly places: Places;
  readonly i: number;
  readonly block: number;
  readonly at: number;
  readonly length: number;
}

/** How far the copying has come: everything before this place is done. */
interface Plan {
  readonly chosen: ReadonlySet<number>;
  session: number;
  /** Index in {@link KINDS}. */
  kind: number;
  /** The first number, or ordinal, that is not done. */
  from: number;
}

const KINDS: readonly ((session: FileSession) => Places)[] = [
  (session) => session.sent,
  (session) => session.waiting,
  (session) => session.ids.places,
];
const IDS = 2;
/** Used within one call only. */
const RUN_READ = new Run();

export class Carrier {
  readonly #parts: CarryParts;
  #plan: Plan | undefined;

  constructor(parts: CarryParts) {
    this.#parts = parts;
  }

  /** Whether there is something left to copy. */
  get busy(): boolean {
    return this.#plan !== undefined;
  }

  /** At the start of a segment: chooses what is to be copied into it, step by step. */
  begin(current: Segment): void {
    const chosen = sparse(this.#parts, current);
    for (const segment of overflow(this.#parts, current)) chosen.add(segment);
    this.#plan = chosen.size === 0 ? undefined : { chosen, session: 0, kind: 0, from: 0 };
  }

  /**
   * Copies about `bytes` more, as a flush of their own. The old places stay valid until that is written.
   * @param current the segment given to {@link begin}
   * @throws errors of the file system; the rest stays where it is until the next {@link begin}
   */
  step(current: Segment, bytes: number): void {
    const plan = this.#plan;
    if (plan === undefined) return;
    this.#plan = undefined;
    const { segments, tail } = this.#parts;
    const moves: Move[] = [];
    const isDone = collect(this.#parts, plan, bytes, moves);
    if (moves.length > 0) {
      const base = current.size;
      segments.write(current, tail, 0);
      tail.clear();
      for (const { places, i, block, at, length } of moves) {
        segments.lost(places.segment(i), places.length(i));
        places.move(i, current.number, base + block, base + at, length);
        segments.gained(current.number, length);
      }
    }
    if (!isDone) this.#plan = plan;
  }
}

/**
 * Copies the next messages of the plan to the tail. Opening a block counts as work each time: messages of a session that writes
 * together with others are spread over many blocks.
 * @returns whether everything has been copied
 */
function collect(parts: CarryParts, plan: Plan, bytes: number, moves: Move[]): boolean {
  const { reader } = parts;
  let room = bytes;
  for (; plan.session < parts.sessions.length; plan.session++, plan.kind = 0) {
    const session = parts.sessions[plan.session]!;
    for (; plan.kind < KINDS.length; plan.kind++, plan.from = 0) {
      const places = KINDS[plan.kind]!(session);
      for (let i = places.find(plan.from); i < places.count; i++) {
        if (room <= 0) {
          plan.from = places.number(i);
          return false;
        }
        room -= CARRY_LOOK_BYTES;
        if (!plan.chosen.has(places.segment(i))) continue;
        const { opened } = reader;
        const move =
          plan.kind === IDS
            ? copyId(parts, session, i)
            : copy(parts, session, places, i, plan.kind === 0 ? SENT : PENDING);
        room -= move.length + reader.opened - opened;
        moves.push(move);
      }
    }
    room -= CARRY_LOOK_BYTES;
  }
  return true;
}

/** Segments of which little is still needed. */
function sparse({ segments, limits }: CarryParts, current: Segment): Set<number> {
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
 * While there are too many bytes: the oldest segments, whose sent messages are forgotten. Messages that wait for a client are never
 * forgotten, nor are ClOrdIDs, which have bounds of their own.
 */
function overflow({ segments, sessions, limits, log }: CarryParts, current: Segment): number[] {
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
  { tail, read, reader, segments }: CarryParts,
  session: FileSession,
  places: Places,
  i: number,
  type: number,
): Move {
  const number = places.number(i);
  const epochMs = places.second(i) * 1000;
  if (places.size(i) > 1) {
    const records = reader.records(segments.all.get(places.segment(i))!, places.block(i));
    const run = RUN_READ.of(records, places.offset(i) - places.block(i) - BLOCK_BYTES);
    const at = carryRun(tail, session.index, run, number, places.size(i), epochMs);
    return { places, i, block: tail.block, at, length: tail.length - at };
  }
  const found = read(session.placeOf(places, i, type === SENT ? number : 0));
  const fixed = FIXED_BYTES[type]!;
  const length = fixed + found.end - found.start;
  const at = tail.begin(type, session.index, length, type === SENT ? KEPT + CARRIED : CARRIED);
  tail.put(at, 0, number);
  tail.put(at, 1, epochMs);
  found.buf.copy(tail.buf, at + fixed, found.start, found.end);
  return { places, i, block: tail.block, at, length };
}

function copyId({ tail }: CarryParts, { index, ids }: FileSession, i: number): Move {
  const { places } = ids;
  const id = ids.id(i);
  const length = FIXED_BYTES[ID]! + id.length;
  const at = tail.begin(ID, index, length);
  tail.put(at, 0, places.second(i) * 1000);
  id.copy(tail.buf, at + FIXED_BYTES[ID]!);
  return { places, i, block: tail.block, at, length };
}
