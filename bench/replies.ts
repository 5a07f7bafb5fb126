/** Finds messages by BodyLength, for clients of the benchmarks: all are FIX.4.4, and nothing else of them is proved. */

const SOH = 1;
const ZERO = 0x30;
/** Bytes of `8=FIX.4.4|9=`. */
const HEAD = 12;
/** Bytes of `10=ddd|`. */
export const TRAILER = 7;

/**
 * Tells `seen` of each whole message in what has been read: its MsgType, of one character, as its code, and where it stands from behind its BodyLength on.
 * @returns where the rest begins, which is part of a message or empty
 */
export function eachMessage(
  chunk: Buffer,
  seen: (type: number, at: number, end: number, from: number) => void,
): number {
  let from = 0;
  while (chunk.length - from > HEAD) {
    let at = from + HEAD;
    let body = 0;
    for (; at < chunk.length && chunk[at] !== SOH; at++) body = body * 10 + chunk[at]! - ZERO;
    const end = at + 1 + body + TRAILER;
    if (end > chunk.length) break;
    seen(chunk[at + 4]!, at, end, from);
    from = end;
  }
  return from;
}
