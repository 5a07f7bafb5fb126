/**
 * The link between edges and a venue that is a process of its own: length-prefixed frames over a stream.
 *
 * A frame is its length (4 bytes, of what follows), type (1), number (6; 0: it has none), length of a JSON head (4), the
 * head, and a body: a FIX message or nothing. All integers are big-endian.
 */

import { FRAME_BYTES } from './limits.ts';

/** Both ways, first on every connection: who this is, and how far it has got. */
export const HELLO = 1;
/** Both ways: all numbered frames up to this number are on disk here. */
export const ACK = 2;
/** Edge to venue, without a number: the session has been taken. Until it is started there, its reports wait at the venue. */
export const CLAIM = 3;
/** Both ways, without a number: nothing but that this side is there. Only to a peer whose HELLO says that it `beats`. */
export const ALIVE = 4;
/** Edge to venue. */
export const SUBMIT = 10;
export const STARTED = 11;
export const ENDED = 12;
export const CANCEL_ALL = 13;
export const MASS_CANCEL = 14;
/** Venue to edge. */
export const REPORT = 20;
/** A message of a session that somebody of a later epoch speaks for: it was not taken. */
export const FENCED = 22;
/** The answer to a claim: the last message of the session that the venue has had. */
export const CLAIMED = 23;
/** Both ways. Nothing: what had this number is for another edge by now, or, with `dropped` in its head, had to go as too much waited. */
export const NOTHING = 24;
/** A report that is worthless later: it has no number, and is gone when the connection is. */
export const FLEETING = 21;

const LENGTH_BYTES = 4;
const FIXED_BYTES = 11;
const NUMBER_AT = LENGTH_BYTES + 1;
const NUMBER_BYTES = 6;

export interface Frame {
  readonly type: number;
  readonly number: number;
  readonly head: unknown;
  readonly body: Buffer;
}

/** A frame whose number is written when it is known. @param head JSON text */
export function frameOf(type: number, head: string, body: Uint8Array = new Uint8Array()): Buffer {
  const headBytes = Buffer.byteLength(head);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + FIXED_BYTES + headBytes + body.length);
  frame.writeUInt32BE(FIXED_BYTES + headBytes + body.length, 0);
  frame.writeUInt8(type, LENGTH_BYTES);
  frame.writeUIntBE(0, NUMBER_AT, NUMBER_BYTES);
  frame.writeUInt32BE(headBytes, NUMBER_AT + NUMBER_BYTES);
  frame.write(head, LENGTH_BYTES + FIXED_BYTES, 'utf8');
  frame.set(body, LENGTH_BYTES + FIXED_BYTES + headBytes);
  return frame;
}

export function setNumber(frame: Buffer, number: number): void {
  frame.writeUIntBE(number, NUMBER_AT, NUMBER_BYTES);
}

export function typeOf(frame: Buffer): number {
  return frame.readUInt8(LENGTH_BYTES);
}

/** In place of one that had to go. */
export function droppedFrame(number: number): Buffer {
  const frame = frameOf(NOTHING, '{"dropped":true}');
  setNumber(frame, number);
  return frame;
}

/** Takes frames out of what has come. */
export class Unframer {
  #bytes: Buffer = Buffer.alloc(0);

  /** @throws RangeError, SyntaxError: what comes is no link of ours */
  *add(chunk: Buffer): Generator<Frame> {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    let at = 0;
    while (this.#bytes.length - at >= LENGTH_BYTES) {
      const length = this.#bytes.readUInt32BE(at);
      if (length < FIXED_BYTES || length > FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes`);
      const end = at + LENGTH_BYTES + length;
      if (this.#bytes.length < end) break;
      yield read(this.#bytes.subarray(at, end));
      at = end;
    }
    this.#bytes = this.#bytes.subarray(at);
  }
}

/** One whole frame. */
export function read(frame: Buffer): Frame {
  const bodyAt = LENGTH_BYTES + FIXED_BYTES + frame.readUInt32BE(NUMBER_AT + NUMBER_BYTES);
  if (bodyAt > frame.length) throw new RangeError('the head of a frame is longer than the frame');
  return {
    type: typeOf(frame),
    number: frame.readUIntBE(NUMBER_AT, NUMBER_BYTES),
    head: JSON.parse(frame.toString('utf8', LENGTH_BYTES + FIXED_BYTES, bodyAt)),
    body: frame.subarray(bodyAt),
  };
}
