import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  FRAME_GARBLED,
  FRAME_MORE,
  FRAME_OK,
  FRAME_TOO_LARGE,
  Frame,
  GARBLED_BEGIN_STRING,
  GARBLED_BODY_LENGTH,
  GARBLED_CHECKSUM,
  GARBLED_ORDER,
  GARBLED_START,
  GARBLED_TRAILER,
  nextFrame,
} from '../../../edge/fix/framer.ts';
import { framed, shown, wire } from './wire.ts';

const MAX = 4096;
const HEARTBEAT = framed('35=0|34=2|49=TW|52=20261121-09:00:00|56=ISLD|');
const ORDER = framed('35=D|34=3|49=TW|52=20261121-09:00:00|56=ISLD|11=ID|21=3|40=1|54=1|55=INTC|');

interface Heard {
  messages: string[];
  reasons: number[];
  left: string;
  tooLarge: boolean;
}

/** Feeds the stream in chunks and collects what the framer says; the bytes kept between calls are those it asks for. */
function feed(stream: Buffer, cuts: readonly number[], validateChecksum = true, max = MAX): Heard {
  const frame = new Frame();
  const heard: Heard = { messages: [], reasons: [], left: '', tooLarge: false };
  let held = Buffer.alloc(0);
  const edges = [...new Set([...cuts.filter((cut) => cut < stream.length), stream.length])].sort((a, b) => a - b);
  let from = 0;
  for (const edge of edges) {
    held = Buffer.concat([held, stream.subarray(from, edge)]);
    from = edge;
    let at = 0;
    for (;;) {
      const result = nextFrame(held, at, held.length, max, frame, validateChecksum);
      if (result === FRAME_TOO_LARGE) return { ...heard, tooLarge: true };
      if (result === FRAME_MORE) {
        expect(frame.resume).toBe(at);
        break;
      }
      expect(frame.resume).toBeGreaterThanOrEqual(at);
      if (result === FRAME_OK) heard.messages.push(shown(held.subarray(frame.start, frame.end)));
      else heard.reasons.push(frame.reason);
      at = frame.resume;
      if (at === held.length) break;
    }
    held = held.subarray(at);
  }
  heard.left = shown(held);
  return heard;
}

const whole = (stream: Buffer) => feed(stream, []);
const byteByByte = (stream: Buffer) =>
  feed(
    stream,
    Array.from({ length: stream.length }, (_, i) => i),
  );
const messagesOf = (stream: Buffer) => {
  const { messages } = whole(stream);
  expect(byteByByte(stream).messages).toEqual(messages);
  return messages;
};
const both = (...parts: Buffer[]) => Buffer.concat(parts);

describe('a good stream', () => {
  test('messages come out one by one, however the bytes arrive', () => {
    expect(messagesOf(both(HEARTBEAT, ORDER, HEARTBEAT))).toEqual([HEARTBEAT, ORDER, HEARTBEAT].map(shown));
  });

  test('BodyLength may be padded with zeros', () => {
    const body = '35=0|34=2|';
    const padded = wire(`8=FIX.4.4|9=0000010|${body}`);
    const sum = padded.reduce((total, byte) => total + byte, 0) % 256;
    const message = both(padded, wire(`10=${String(sum).padStart(3, '0')}|`));
    expect(messagesOf(message)).toEqual([shown(message)]);
  });

  test('an unfinished message is kept', () => {
    expect(whole(HEARTBEAT.subarray(0, 40)).left).toBe(shown(HEARTBEAT.subarray(0, 40)));
  });

  test('how many bytes are needed is told as soon as BodyLength is there', () => {
    const frame = new Frame();
    const head = shown(ORDER).indexOf('|35=') + 1;
    for (let seen = 1; seen < ORDER.length; seen++) {
      expect(nextFrame(ORDER, 0, seen, MAX, frame)).toBe(FRAME_MORE);
      expect(frame.need).toBe(seen < head ? 0 : ORDER.length);
    }
  });

  test('an SOH and a whole message inside a data field do not end the message', () => {
    const inner = shown(HEARTBEAT);
    const message = framed(`35=A|34=1|95=${inner.length}|96=${inner}|98=0|`);
    expect(messagesOf(both(message, ORDER))).toEqual([shown(message), shown(ORDER)]);
  });
});

describe('garbled messages (FIX session test cases 2.d, 2.m, 2.t, 3.b, 3.c)', () => {
  test('garbage before a message is passed', () => {
    expect(whole(both(wire('GET / HTTP/1.1\r\n\r\n8=8=FI'), HEARTBEAT)).messages).toEqual([shown(HEARTBEAT)]);
    expect(messagesOf(both(wire('\x00\xff8=FIX8='), HEARTBEAT))).toEqual([shown(HEARTBEAT)]);
  });

  test('a wrong CheckSum loses that message only', () => {
    const broken = Buffer.from(HEARTBEAT);
    broken[broken.length - 2] = broken[broken.length - 2] === 0x30 ? 0x31 : 0x30;
    expect(messagesOf(both(broken, ORDER))).toEqual([shown(ORDER)]);
    expect(whole(both(broken, ORDER)).reasons).toEqual([GARBLED_CHECKSUM]);
    expect(feed(both(broken, ORDER), [], false).messages).toEqual([shown(broken), shown(ORDER)]);
  });

  test.each(['256', '0', '12x', '1234', ''])('10=%s is no CheckSum', (value) => {
    const broken = both(HEARTBEAT.subarray(0, -7), wire(`10=${value}|`));
    expect(messagesOf(both(broken, ORDER, HEARTBEAT))).toEqual([ORDER, HEARTBEAT].map(shown));
  });

  test('a BodyLength that is too short loses that message only', () => {
    const short = wire(shown(ORDER).replace(/9=\d+/, '9=30'));
    expect(messagesOf(both(short, HEARTBEAT))).toEqual([shown(HEARTBEAT)]);
    expect(whole(both(short, HEARTBEAT)).reasons).toEqual([GARBLED_TRAILER]);
  });

  test('a BodyLength that runs into the next message loses both, and no more', () => {
    const length = Number(/9=(\d+)/.exec(shown(ORDER))![1]);
    const long = wire(shown(ORDER).replace(/9=\d+/, `9=${length + 14}`));
    expect(messagesOf(both(long, ORDER, HEARTBEAT))).toEqual([shown(HEARTBEAT)]);
  });

  test('a BodyLength that ends inside the trailer loses that message only', () => {
    const length = Number(/9=(\d+)/.exec(shown(ORDER))![1]);
    for (let more = 1; more <= 7; more++) {
      const long = wire(shown(ORDER).replace(/9=\d+/, `9=${length + more}`));
      expect(messagesOf(both(long, ORDER, HEARTBEAT))).toEqual([ORDER, HEARTBEAT].map(shown));
    }
  });

  test('35 is to be third', () => {
    const stream = both(framed('34=3|35=0|49=TW|56=ISLD|'), HEARTBEAT);
    expect(messagesOf(stream)).toEqual([shown(HEARTBEAT)]);
    expect(whole(stream).reasons).toEqual([GARBLED_ORDER]);
  });

  test('8 is to be first and 9 second', () => {
    const first = wire('35=0|8=FIX.4.4|9=29|34=2|49=TW|52=20261121-09:00:00|56=ISLD|10=121|');
    expect(messagesOf(both(first, HEARTBEAT))).toEqual([shown(HEARTBEAT)]);
    expect(whole(both(first, HEARTBEAT)).reasons).toEqual([GARBLED_START, GARBLED_ORDER]);
    const second = wire('8=FIX.4.4|35=0|9=10|34=2|10=121|');
    expect(messagesOf(both(second, HEARTBEAT))).toEqual([shown(HEARTBEAT)]);
  });

  test('a message without a trailer ends where the next begins', () => {
    expect(messagesOf(both(HEARTBEAT.subarray(0, -7), ORDER))).toEqual([shown(ORDER)]);
  });
});

describe('hostile BodyLength and BeginString', () => {
  test.each(['-5', '+5', '', ' 5', '5 ', '1e3', '99999999999999999999', '0x10'])('9=%s is garbled', (value) => {
    const stream = both(wire(`8=FIX.4.4|9=${value}|35=0|34=2|10=000|`), HEARTBEAT);
    expect(messagesOf(stream)).toEqual([shown(HEARTBEAT)]);
    expect(whole(stream).reasons[0]).toBe(GARBLED_BODY_LENGTH);
  });

  test('a BodyLength over the bound is told before its bytes come', () => {
    expect(whole(wire('8=FIX.4.4|9=5000|')).tooLarge).toBe(true);
    expect(whole(wire('8=FIX.4.4|9=9999999999|')).tooLarge).toBe(true);
    expect(feed(HEARTBEAT, [], true, HEARTBEAT.length).messages).toHaveLength(1);
    expect(feed(HEARTBEAT, [], true, HEARTBEAT.length - 1).tooLarge).toBe(true);
  });

  test.each(['0', '4'])('9=%s has no room for a MsgType', (value) => {
    expect(messagesOf(both(wire(`8=FIX.4.4|9=${value}|10=000|`), HEARTBEAT))).toEqual([shown(HEARTBEAT)]);
  });

  test('a BeginString is bounded and begins with FIX', () => {
    expect(whole(wire(`8=FIX${'4'.repeat(20)}`)).reasons).toContain(GARBLED_BEGIN_STRING);
    expect(whole(wire('8=|9=5|')).reasons).toContain(GARBLED_START);
    expect(whole(wire('8=FIX.9.9|')).left).toBe('8=FIX.9.9|');
  });

  test('megabytes without an SOH are consumed as they come, in linear time', () => {
    const frame = new Frame();
    const garbage = Buffer.alloc(1 << 22, 0x41);
    let steps = 0;
    for (let at = 0; at < garbage.length; steps++) {
      expect(nextFrame(garbage, at, garbage.length, MAX, frame)).toBe(FRAME_GARBLED);
      at = frame.resume;
    }
    expect(steps).toBe(1);
  });

  test('a garbled message is skipped without being kept', () => {
    const garbage = Buffer.alloc(100_000, 0x41);
    const stream = both(wire('8=FIX.4.4|9=10|35=0|34=2|XX'), garbage, wire('|10=000|'), HEARTBEAT);
    const frame = new Frame();
    expect(nextFrame(stream, 0, 90_000, MAX, frame)).toBe(FRAME_GARBLED);
    expect(frame.resume).toBe(90_000);
    expect(messagesOf(both(stream.subarray(0, 500), stream.subarray(-HEARTBEAT.length - 8)))).toEqual([
      shown(HEARTBEAT),
    ]);
  });
});

describe('properties', () => {
  const alphabet = fc.constantFrom(...Buffer.from('\x018=FIX.49310=|ABC5', 'latin1'));
  const noise = fc.array(alphabet, { maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  const piece = fc.oneof(
    noise,
    fc.constant(HEARTBEAT),
    fc.constant(ORDER),
    fc.uint8Array({ maxLength: 40 }).map(Buffer.from),
  );

  test('chunking does not matter', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(fc.nat(400), { maxLength: 8 }), (pieces, cuts) => {
        const stream = Buffer.concat(pieces as Buffer[]);
        const expected = whole(stream);
        for (const heard of [feed(stream, cuts), byteByByte(stream)]) {
          expect(heard.messages).toEqual(expected.messages);
          expect(heard.tooLarge).toBe(expected.tooLarge);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('after any garbage and two good messages, the second at least is heard', () => {
    fc.assert(
      fc.property(noise, (garbage) => {
        const heard = whole(both(garbage, wire('|'), HEARTBEAT, ORDER, HEARTBEAT, ORDER));
        if (!heard.tooLarge && heard.left === '') expect(heard.messages.at(-1)).toBe(shown(ORDER));
      }),
      { numRuns: 500 },
    );
  });
});
