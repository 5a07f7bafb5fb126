/**
 * Moving a session between edges: exports its state from one journal and adopts it into another. The state has numbers and terms,
 * sent messages that may be asked for again, messages that wait for the client, ClOrdIDs, and messages of the client that the
 * venue does not have.
 */

import type { StoredMessage } from '../fix/session/ports.ts';
import { SUBMITTED } from '../fix/session/ports.ts';
import { blockBytes } from './block.ts';
import {
  CARRIED,
  FATE,
  FIXED_BYTES,
  fixedBytesAt,
  ID,
  KEPT,
  PENDING,
  RECEIVED,
  RECORD_BYTES,
  RESET,
  RUN,
  SENT,
} from './format.ts';
import type { Ledger } from './ledger.ts';
import { MOVED_BYTES } from './limits.ts';
import type { Places } from './places.ts';
import type { Reader } from './reader.ts';
import { Run } from './run.ts';
import type { Segments } from './segments.ts';
import type { FileSession } from './session.ts';
import type { After, MovedMessage, MovedOrder, SessionState } from './session-state.ts';

export interface MovedParts {
  readonly segments: Segments;
  readonly reader: Reader;
}

/** The state of a session. @param after the last message that the venue has; undefined: its messages are not included. @throws JournalError `damaged` */
export function exported(
  session: FileSession,
  ledger: Ledger<FileSession>,
  parts: MovedParts,
  after?: After,
): SessionState {
  session.trim(ledger.now());
  const { nextIn, nextOut, generation, createdAt, told, lostAt, terms, sent, waiting, ids } = session;
  const copies = (places: Places, from: number, isSent: boolean): MovedMessage[] => {
    const made: MovedMessage[] = [];
    for (let i = from; i < places.count; i++) {
      for (let number = places.number(i); number <= places.last(i); number++) {
        const msgSeqNum = isSent ? number : 0;
        const found = ledger.read(session.placeOf(places, i, msgSeqNum));
        made.push({ msgSeqNum, second: places.second(i), message: copyOf(found) });
      }
    }
    return made;
  };
  const first = firstWithin(sent, MOVED_BYTES);
  return {
    nextIn,
    nextOut,
    generation,
    createdAt,
    forgotten: first === 0 ? session.forgotten : sent.last(first - 1),
    told,
    lostAt,
    terms,
    sent: copies(sent, first, true),
    waiting: copies(waiting, 0, false),
    ids: Array.from({ length: ids.places.count }, (_, i) => ({
      second: ids.places.second(i),
      id: Buffer.from(ids.id(i)),
    })),
    submitted: after === undefined ? [] : submittedAfter(session, parts, after),
  };
}

const copyOf = ({ buf, start, end }: StoredMessage): Buffer => Buffer.copyBytesFrom(buf, start, end - start);

/** Index of the first of the newest entries that fit into so many bytes. */
function firstWithin(places: Places, bytes: number): number {
  let first = places.count;
  for (let left = bytes; first > 0; first--) {
    left -= places.length(first - 1);
    if (left < 0) break;
  }
  return first;
}

const isAfter = (a: After, b: After): boolean =>
  a.generation > b.generation || (a.generation === b.generation && a.msgSeqNum > b.msgSeqNum);

/** The client's messages that the venue does not have, found by reading segments backwards, only as far as needed. */
function submittedAfter(session: FileSession, { segments, reader }: MovedParts, after: After): MovedOrder[] {
  if (!isAfter(session.submitted, after)) return [];
  const found: MovedOrder[] = [];
  for (const segment of [...segments.all.values()].reverse()) {
    const here: MovedOrder[] = [];
    let earlier = false;
    for (let block = segment.begin; block < segment.size; ) {
      const records = reader.records(segment, block);
      for (let at = 0; at < records.length; at += records.readUInt32LE(at + 4)) {
        if (records.readUInt32LE(at + 8) !== session.index) continue;
        for (const order of submittedAt(records, at)) {
          if (isAfter(order, after)) here.push(order);
          else earlier = true;
        }
      }
      block += blockBytes(segment.version) + records.length;
    }
    found.unshift(...here);
    if (earlier) break;
  }
  return found;
}

/** The messages in the record at `at` that were submitted to the venue. */
export function* submittedAt(records: Buffer, at: number): Generator<MovedOrder> {
  if ((records.readUInt16LE(at + 2) & FATE) !== SUBMITTED) return;
  if (records[at] === RECEIVED) {
    const number = (i: number): number => records.readDoubleLE(at + RECORD_BYTES + i * 8);
    const message = records.subarray(at + fixedBytesAt(records, at), at + records.readUInt32LE(at + 4));
    yield {
      msgSeqNum: number(0),
      receivedAt: number(1),
      generation: number(2),
      message: Buffer.copyBytesFrom(message),
    };
  } else if (records[at] === RUN) {
    const run = new Run().of(records, at);
    while (run.next()) {
      if (run.isSent) continue;
      const { msgSeqNum, epochMs, generation, buf, start, end } = run;
      const message = Buffer.copyBytesFrom(buf, start, end - start);
      yield { msgSeqNum, receivedAt: epochMs, generation, message };
    }
  }
}

/**
 * Gives the session the state that it had elsewhere, in place of any that it has here. Everything goes to the tail, for one flush.
 * @throws JournalError `tail_full`: nothing was changed
 */
export function adopted(session: FileSession, ledger: Ledger<FileSession>, state: SessionState): void {
  ledger.check();
  ledger.tail.reserve(bytesOf(state));
  session.cleared();
  const { nextIn, nextOut, generation, createdAt, forgotten, told, lostAt, terms } = state;
  const reset = ledger.tail.begin(RESET, session.index, FIXED_BYTES[RESET]!);
  ledger.tail.put(reset, 0, generation);
  ledger.tail.put(reset, 1, createdAt);
  Object.assign(session, { nextIn, nextOut, generation, createdAt, forgotten, told, toldWritten: told });
  session.renumbered(lostAt);
  // The client waits for these, whatever the terms say.
  if (!session.isDirty) ledger.dirty(session);
  session.bound(terms);
  session.writeState();
  for (const { msgSeqNum, second, message } of state.sent)
    place(session.sent, ledger, session, SENT, KEPT + CARRIED, msgSeqNum, second, message);
  for (const { second, message } of state.waiting) {
    place(session.waiting, ledger, session, PENDING, CARRIED, session.nextOrdinal, second, message);
    session.nextOrdinal += 1;
  }
  if (terms.ids > 0) for (const { second, id } of state.ids) known(session, ledger, second, id);
  for (const order of state.submitted) received(session, ledger, order);
}

/** Of the records, and of what blocks begin with. */
function bytesOf({ sent, waiting, ids, submitted, terms }: SessionState): number {
  let bytes = 4096 + terms.about.length * 4;
  for (const { message } of [...sent, ...waiting]) bytes += message.length + 96;
  for (const { id } of ids) bytes += id.length + 96;
  for (const { message } of submitted) bytes += message.length + 128;
  return bytes;
}

function place(
  places: Places,
  ledger: Ledger<FileSession>,
  { index }: FileSession,
  type: number,
  flags: number,
  number: number,
  second: number,
  message: Buffer,
): void {
  const { tail, segment, base } = ledger;
  const fixed = FIXED_BYTES[type]!;
  const length = fixed + message.length;
  const at = tail.begin(type, index, length, flags);
  tail.put(at, 0, number);
  tail.put(at, 1, second * 1000);
  message.copy(tail.buf, at + fixed);
  places.push(number, segment, base + tail.block, base + at, length, second);
  ledger.gained(segment, length);
}

function known(session: FileSession, ledger: Ledger<FileSession>, second: number, id: Buffer): void {
  const { tail, segment, base } = ledger;
  const length = FIXED_BYTES[ID]! + id.length;
  const at = tail.begin(ID, session.index, length);
  tail.put(at, 0, second * 1000);
  id.copy(tail.buf, at + FIXED_BYTES[ID]!);
  const where = { segment, block: base + tail.block, offset: base + at, length };
  ledger.gained(segment, length);
  session.ids.add(id, 0, id.length, where, second, (lost, bytes) => ledger.lost(lost, bytes));
}

/** A message that will be submitted again is recorded first, as when it was received. */
function received(
  session: FileSession,
  { tail }: Ledger<FileSession>,
  { msgSeqNum, receivedAt, generation, message }: MovedOrder,
): void {
  const fixed = FIXED_BYTES[RECEIVED]!;
  const at = tail.begin(RECEIVED, session.index, fixed + message.length, SUBMITTED);
  tail.put(at, 0, msgSeqNum);
  tail.put(at, 1, receivedAt);
  tail.put(at, 2, generation);
  tail.putUint(at, 24, 0);
  tail.putUint(at, 28, 0);
  message.copy(tail.buf, at + fixed);
  session.submitted.generation = generation;
  session.submitted.msgSeqNum = msgSeqNum;
}
