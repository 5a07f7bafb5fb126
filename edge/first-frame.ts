/** The bytes of a connection's first message: read once they are all there, and read again after the gate has decided. */

import { FRAME_MORE, FRAME_OK, type Frame, nextFrame } from './fix/framer.ts';
import { type Message, tokenise } from './fix/message.ts';
import { TRAITS } from './fix/traits.ts';
import type { Input } from './input.ts';
import { LOGON_BYTES } from './limits.ts';

/**
 * Frames the first message in `input` and splits it into `message`.
 * @param checkSumCounts the gateway's own setting: whose message it is, is not known yet
 * @returns what {@link tokenise} said of it; `more`: it is not complete; `garbled`: it is no FIX message, or too long
 */
export function readFirstFrame(
  input: Input,
  frame: Frame,
  message: Message,
  checkSumCounts: boolean,
): number | 'more' | 'garbled' {
  switch (nextFrame(input.buf, input.start, input.end, LOGON_BYTES, frame, checkSumCounts)) {
    case FRAME_OK:
      return splitAgain(input, frame, message);
    case FRAME_MORE:
      return input.length > LOGON_BYTES ? 'garbled' : 'more';
    default:
      return 'garbled';
  }
}

/**
 * Splits the first message, which is in `frame`, into `message`, which connections share: others may have used it meanwhile. It is where the
 * input begins, which may be elsewhere than it was.
 */
export function splitAgain(input: Input, frame: Frame, message: Message): number {
  frame.end += input.start - frame.start;
  frame.start = input.start;
  frame.resume = frame.end;
  message.traits = TRAITS;
  return tokenise(input.buf, frame.start, frame.end, message);
}
