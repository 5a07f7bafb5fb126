/**
 * The framer over a stream: the same messages however it is cut into pieces, each of them proved anew here; an end to
 * every garbled message, so that valid ones after it are found; and a cost that grows with the bytes only.
 */

import { FRAME_GARBLED, FRAME_MORE, FRAME_OK, FRAME_TOO_LARGE, Frame, nextFrame } from '../../../edge/fix/framer.ts';
import { counted } from '../counted.ts';
import { changeMessage, framed, newMessage } from '../fix-line.ts';
import { Random, seedOf } from '../random.ts';
import { Finding, hold, type Lines, type Target } from '../target.ts';

const MAX_BYTES = 2048;
/** Longer than no message, so that a few bytes more than MAX_BYTES of it outlast every announced length. */
const SENTINEL = framed('8=FIX.4.4\x01', '35=0\x0149=S\x0156=T\x0134=7\x0152=20260102-12:00:00\x01');
const SENTINELS = Math.ceil(MAX_BYTES / SENTINEL.length) + 3;
/** Longer streams cost what shorter ones do, only longer. */
const COUNTED = 4096;
/** Reads of a byte: all at once, and one byte at a time, when each call may look at the head again. */
const READS_AT_ONCE = 24;
const READS_BYTEWISE = 96;

interface Framed {
  /** `start-end` of the messages, in the stream. */
  readonly messages: string[];
  readonly tooLarge: boolean;
  /** Where the framer stands at the end. */
  readonly rest: number;
}

/** Feeds `stream` in pieces of the sizes that `size` tells, as a connection does: what is done with is dropped. */
function frames(stream: Buffer, size: () => number, validateChecksum = true): Framed {
  const frame = new Frame();
  const messages: string[] = [];
  let start = 0;
  let end = 0;
  while (end < stream.length) {
    end = Math.min(stream.length, end + Math.max(1, size()));
    for (let calls = 0; ; calls++) {
      if (calls > 2 * stream.length + 8) throw new Finding('the framer does not come to an end');
      const before = frame.skipping;
      const result = nextFrame(stream, start, end, MAX_BYTES, frame, validateChecksum);
      hold(frame.resume >= start && frame.resume <= end, () => `resume ${frame.resume} is outside ${start} to ${end}`);
      if (result === FRAME_OK) {
        hold(frame.start === start && frame.end === frame.resume && frame.end > start, () => 'a message of no bytes');
        messages.push(`${frame.start}-${frame.end}`);
      } else if (result === FRAME_TOO_LARGE) return { messages, tooLarge: true, rest: start };
      else if (result === FRAME_GARBLED) {
        hold(frame.resume > start || before !== frame.skipping, () => `garbled at ${start}, and no byte is dropped`);
      } else hold(result === FRAME_MORE, () => `result ${result}`);
      start = frame.resume;
      if (result === FRAME_MORE) break;
    }
  }
  return { messages, tooLarge: false, rest: start };
}

/** A message, by the definition rather than by the framer's ways. */
function prove(message: string): void {
  const parts = /^8=FIX[^=\x01]*\x019=(\d+)\x01(35=.*\x01)10=(\d{3})\x01$/s.exec(message);
  hold(parts !== null, () => 'a message that is none');
  const sum = [...message.slice(0, -7)].reduce((all, char) => all + char.charCodeAt(0), 0) % 256;
  hold(Number(parts[1]) === parts[2]!.length, () => 'a wrong BodyLength is let through');
  hold(Number(parts[3]) === sum, () => 'a wrong CheckSum is let through');
}

function proveRecovery(stream: Buffer): void {
  const all = Buffer.concat([stream, ...Array.from({ length: SENTINELS + 2 }, () => SENTINEL)]);
  const { messages, tooLarge } = frames(all, () => all.length);
  if (tooLarge) return; // the connection is closed
  for (const n of [SENTINELS, SENTINELS + 1]) {
    const from = stream.length + n * SENTINEL.length;
    const found = messages.includes(`${from}-${from + SENTINEL.length}`);
    hold(found, () => `a valid message ${from - stream.length} bytes after garbage is lost`);
  }
}

function check(lines: Lines): void {
  const stream = Buffer.concat(lines);
  const random = new Random(seedOf(lines));
  const whole = frames(stream, () => stream.length);
  for (const one of whole.messages) {
    const [from, to] = one.split('-').map(Number);
    prove(stream.toString('latin1', from, to));
  }
  const pieces = { 'byte by byte': () => 1, 'in pieces': () => 1 + random.below(40) };
  for (const [how, size] of Object.entries(pieces)) {
    const cut = frames(stream, size);
    const same = cut.messages.join() === whole.messages.join() && cut.tooLarge === whole.tooLarge;
    hold(
      same,
      () => `${how}: ${cut.messages.join()} ${cut.tooLarge}, at once: ${whole.messages.join()} ${whole.tooLarge}`,
    );
  }
  frames(stream, () => 1 + random.below(9), false);
  proveRecovery(stream);
  if (stream.length > COUNTED) return;
  const bytes = counted(stream);
  frames(bytes.buf, () => stream.length);
  hold(bytes.reads <= READS_AT_ONCE * (stream.length + 8), () => `${bytes.reads} reads of ${stream.length} bytes`);
  bytes.reads = 0;
  frames(bytes.buf, () => 1);
  hold(
    bytes.reads <= READS_BYTEWISE * (stream.length + 8),
    () => `${bytes.reads} reads of ${stream.length} single bytes`,
  );
}

export const target: Target = {
  name: 'framer',
  inputs: 250,
  line: newMessage,
  mutate: changeMessage,
  check,
  work: (bytes) => void frames(bytes, () => 1460),
};
