/**
 * The message view against a slow tokeniser written from the specification; encoding what was parsed and parsing it again
 * gives the same fields; and a cost that grows with the bytes only.
 */

import { DATA_FIELDS } from '../../../edge/fix/data-fields.ts';
import { Encoder, HeaderTemplate } from '../../../edge/fix/encoder.ts';
import { FRAME_OK, Frame, nextFrame } from '../../../edge/fix/framer.ts';
import {
  MAX_FIELDS,
  Message,
  TOKENS_BAD_DATA,
  TOKENS_GARBLED,
  TOKENS_INVALID_TAG,
  TOKENS_OK,
  TOKENS_TOO_MANY,
  tokenise,
} from '../../../edge/fix/message.ts';
import { Tag } from '../../../edge/fix/tags.ts';
import { counted } from '../counted.ts';
import { changeMessage, newMessage } from '../fix-line.ts';
import { hold, type Lines, type Target } from '../target.ts';

const TRAITS: ReadonlyMap<number, number> = new Map(DATA_FIELDS);
const READS = 16;
const NOW = Date.UTC(2026, 0, 2, 12);

const VIEW = new Message();
const AGAIN = new Message();
const FRAME = new Frame();
const ENCODER = new Encoder();
const HEADER = new HeaderTemplate({ beginString: 'FIX.4.4', senderCompId: 'ISLD', targetCompId: 'TW' });

interface Model {
  readonly result: number;
  readonly badTag: number;
  /** `tag=from-to` */
  readonly fields: string[];
}

/** Reads `text` as the comments of message.ts say it is read. */
function model(text: string): Model {
  const fields: string[] = [];
  let result = TOKENS_OK;
  let badTag = 0;
  const first = (mistake: number, tag: number) => {
    if (result !== TOKENS_OK) return;
    result = mistake;
    badTag = tag;
  };
  if (!text.endsWith('\x01')) return { result: TOKENS_GARBLED, badTag, fields };
  let length: { tag: number; value: string } | undefined;
  for (let at = 0; at < text.length; ) {
    if (fields.length === MAX_FIELDS) return { result: TOKENS_TOO_MANY, badTag: 0, fields };
    const head = /^(-?\d{1,9})=/.exec(text.slice(at, at + 12));
    if (head === null) return { result: TOKENS_GARBLED, badTag, fields };
    const said = head[1]!;
    const right = /^[1-9]/.test(said);
    const tag = right ? Number(said) : 0;
    if (!right) first(TOKENS_INVALID_TAG, Number(said) || 0);
    const from = at + head[0].length;
    let to = text.indexOf('\x01', from);
    if (length !== undefined && TRAITS.get(length.tag) === tag) {
      const bytes = /^\d+$/.test(length.value) ? Number(length.value) : Number.NaN;
      if (from + bytes < text.length && text[from + bytes] === '\x01') to = from + bytes;
      else first(TOKENS_BAD_DATA, length.tag);
    }
    fields.push(`${tag}=${from}-${to}`);
    length = { tag, value: text.slice(from, to) };
    at = to + 1;
  }
  return { result, badTag, fields };
}

const fieldsOf = (m: Message): string[] =>
  Array.from({ length: m.count }, (_, i) => `${m.tags[i]}=${m.offsets[i]}-${m.ends[i]}`);

const valuesOf = (m: Message, from: number, to: number): string[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => `${m.tags[from + i]}=${m.text(from + i)}`);

function proveSlots(m: Message): void {
  for (const [tag, slot] of [
    [Tag.BeginString, m.beginString],
    [Tag.MsgType, m.msgTypeField],
    [Tag.MsgSeqNum, m.msgSeqNum],
    [Tag.SenderCompID, m.senderCompId],
    [Tag.PossDupFlag, m.possDupFlag],
    [Tag.OrigSendingTime, m.origSendingTime],
    [Tag.CheckSum, m.checkSum],
  ] as const) {
    hold(slot === m.index(tag), () => `the slot of ${tag} says ${slot}, its first field is ${m.index(tag)}`);
  }
}

/** Every field of a message in order, written and read again. */
function proveCopy(m: Message): void {
  ENCODER.clear();
  ENCODER.begin(HEADER, 0x44, 1, NOW);
  for (let i = 0; i < m.count; i++) ENCODER.copy(m, i);
  const start = ENCODER.end();
  const framed = nextFrame(ENCODER.buf, start, ENCODER.length, Number.MAX_SAFE_INTEGER, FRAME);
  hold(framed === FRAME_OK && FRAME.end === ENCODER.length, () => 'what was copied is no message');
  const result = tokenise(ENCODER.buf, start, ENCODER.length, AGAIN);
  hold(result === TOKENS_OK || m.count > MAX_FIELDS - 16, () => `what was copied does not parse: ${result}`);
  if (result !== TOKENS_OK) return;
  const own = AGAIN.count - m.count - 1; // fields of our header, and the CheckSum behind
  const before = valuesOf(m, 0, m.count);
  const after = valuesOf(AGAIN, own, own + m.count);
  hold(before.join('\x01') === after.join('\x01'), () => `copied as ${after.join()}`);
}

function check(lines: Lines): void {
  for (const line of lines) {
    // Not at the start of its buffer, as in a connection's.
    const bytes = Buffer.concat([Buffer.from('8=FIX\x019'), line, Buffer.from('\x01=1\x01')]);
    const [start, end] = [7, 7 + line.length];
    const result = tokenise(bytes, start, end, VIEW);
    const text = line.toString('latin1');
    const expected = model(text);
    const fields = fieldsOf(VIEW);
    hold(result === expected.result, () => `result ${result}, by the model ${expected.result}`);
    hold(VIEW.badTag === expected.badTag, () => `badTag ${VIEW.badTag}, by the model ${expected.badTag}`);
    hold(fields.join() === expected.fields.join(), () => `${fields.join()}, by the model ${expected.fields.join()}`);
    proveSlots(VIEW);
    if (result === TOKENS_OK) proveCopy(VIEW);
    const reading = counted(bytes);
    tokenise(reading.buf, start, end, VIEW);
    hold(reading.reads <= READS * (line.length + 8), () => `${reading.reads} reads of ${line.length} bytes`);
  }
}

export const target: Target = {
  name: 'message',
  inputs: 800,
  line: newMessage,
  mutate: changeMessage,
  check,
  work: (bytes) => void tokenise(bytes, 0, bytes.length, VIEW),
};
