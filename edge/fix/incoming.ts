/** From bytes to fields: the next message of a stream, by a pattern where it is like one before, else framed and split. */

import type { Patterns } from './dictionary/patterns.ts';
import { FRAME_GARBLED, FRAME_OK, type Frame, isPlainFrame, nextFrame, proveCheckSum } from './framer.ts';
import { type Message, TOKENS_OK, tokenise } from './message.ts';

/** What has been read of a stream: buf[start, end). */
export interface Bytes {
  readonly buf: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * As {@link nextFrame}; FRAME_OK: `message` is what it found, and `frame.tokens` what {@link tokenise} says of it.
 * @param patterns of the session that the stream is of
 */
export function nextMessage(
  { buf, start, end }: Bytes,
  maxBytes: number,
  frame: Frame,
  checkSumCounts: boolean,
  message: Message,
  patterns: Patterns,
): number {
  message.in(buf);
  if (patterns.readNext(start, end, maxBytes, frame, message, checkSumCounts)) {
    frame.tokens = TOKENS_OK;
    return FRAME_OK;
  }
  if (!isPlainFrame(message.view, start, end, maxBytes, frame)) {
    const found = nextFrame(buf, start, end, maxBytes, frame, false);
    if (found !== FRAME_OK) return found;
  }
  frame.tokens = TOKENS_OK;
  if (patterns.read(frame, buf, message, checkSumCounts)) return FRAME_OK;
  if (checkSumCounts && proveCheckSum(buf, frame) !== FRAME_OK) return FRAME_GARBLED;
  frame.tokens = tokenise(buf, frame.start, frame.end, message);
  return FRAME_OK;
}
