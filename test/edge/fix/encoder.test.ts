import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Encoder, HeaderTemplate, OutputFull } from '../../../edge/fix/encoder.ts';
import { FRAME_OK, Frame, nextFrame } from '../../../edge/fix/framer.ts';
import { MsgType, msgTypeCode } from '../../../edge/fix/tags.ts';
import { framed, shown, viewOf } from './wire.ts';

const NOW = Date.parse('2026-11-21T09:00:00.123Z');
const ISLD = new HeaderTemplate({ beginString: 'FIX.4.4', senderCompId: 'ISLD', targetCompId: 'TW44' });

/** Asserts that the bytes are exactly one message, proved by length and sum. */
function proved(bytes: Buffer): Buffer {
  const frame = new Frame();
  expect(nextFrame(bytes, 0, bytes.length, 1 << 24, frame)).toBe(FRAME_OK);
  expect(frame.end).toBe(bytes.length);
  return bytes;
}

describe('a message', () => {
  test('has header, body, length and sum', () => {
    const encoder = new Encoder();
    encoder.begin(ISLD, MsgType.Logon, 1, NOW).uint(98, 0).uint(108, 30).flag(141, true).end();
    const body = '35=A|34=1|49=ISLD|52=20261121-09:00:00.123|56=TW44|98=0|108=30|141=Y|';
    expect(shown(encoder.take())).toBe(shown(framed(body)));
  });

  test('carries sub and location IDs and the precision of its session', () => {
    const ids = { beginString: 'FIXT.1.1', senderCompId: 'S', targetCompId: 'T' };
    const all = { ...ids, senderSubId: 'a', targetSubId: 'b', senderLocationId: 'c', targetLocationId: 'd' };
    const encoder = new Encoder();
    encoder.begin(new HeaderTemplate(all, 0), msgTypeCode('AE'), 12345, NOW).utc(60, NOW, 9, 456_789).end();
    expect(shown(proved(encoder.take())).slice(0, -7)).toBe(
      '8=FIXT.1.1|9=99|35=AE|34=12345|49=S|50=a|142=c|52=20261121-09:00:00|56=T|57=b|143=d|60=20261121-09:00:00.123456789|',
    );
  });

  test.each([1, 20, 30, 60, 800, 930, 940, 990, 20_000])('of any length has the exact BodyLength (%d)', (length) => {
    const encoder = new Encoder(64);
    for (let more = 0; more < 12; more++) {
      encoder
        .begin(ISLD, MsgType.News, 2, NOW)
        .text(58, 'x'.repeat(length + more))
        .end();
      const [, written] = /\|9=(\d+)\|/.exec(shown(proved(encoder.take())))!;
      expect(written).toBe(String(Number(written)));
    }
  });

  const ids = { beginString: 'FIXT.1.1', senderCompId: 'S', targetCompId: 'T', targetSubId: 'b' };
  const headers = fc.array(
    fc.record({
      type: fc.constantFrom('0', 'D', '8', 'AE', 'BX', 'U12', 'XLR1'),
      number: fc.oneof(
        fc.constantFrom('next', 'same'),
        fc.nat(1200),
        fc.constantFrom(9, 99, 999_999_999, 2 ** 31 - 1, Number.MAX_SAFE_INTEGER - 100),
      ),
      ms: fc.oneof(fc.constant(0), fc.nat(100_000)),
    }),
    { minLength: 1, maxLength: 60 },
  );

  test.each([0, 3, 6, 9] as const)('has the header that a first one would have (%d decimals)', (decimals) => {
    fc.assert(
      fc.property(headers, (all) => {
        const template = new HeaderTemplate(ids, decimals);
        const encoder = new Encoder();
        let number = 1;
        for (const one of all) {
          if (one.number === 'next') number += 1;
          else if (one.number !== 'same') number = one.number;
          const head = [msgTypeCode(one.type), number, NOW + one.ms] as const;
          encoder.begin(template, ...head).end();
          const first = new Encoder();
          first.begin(new HeaderTemplate(ids, decimals), ...head).end();
          const written = shown(proved(encoder.take()));
          expect(written).toBe(shown(first.take()));
          expect(written).toContain(`|35=${one.type}|34=${number}|49=S|52=`);
        }
      }),
    );
  });

  test('counts on from any number', () => {
    const template = new HeaderTemplate(ids);
    const encoder = new Encoder();
    for (let number = 1; number < 11_200; number++) {
      encoder.begin(template, MsgType.Heartbeat, number, NOW).end();
      expect(shown(proved(encoder.take()))).toContain(`|34=${number}|`);
    }
  });

  test('writes every kind of value', () => {
    const encoder = new Encoder();
    encoder
      .begin(ISLD, MsgType.ExecutionReport, 1, NOW)
      .int(1, -7)
      .int(2, 0)
      .uint(3, Number.MAX_SAFE_INTEGER)
      .char(54, 0x31)
      .decimal(44, 1_234_500, 4)
      .decimal(44, -5, 2)
      .decimal(44, 700, 0, 2)
      .decimal(44, 0, 8)
      .decimal(44, 123_456, 3, 2)
      .bytes(11, Buffer.from('xIDx'), 1, 3)
      .text(58, 'Überweisung €\x01')
      .end();
    expect(shown(proved(encoder.take()))).toContain(
      `|1=-7|2=0|3=9007199254740991|54=1|44=123.45|44=-0.05|44=700.00|44=0|44=123.456|11=ID|58=\u00dcberweisung ? |10=`,
    );
  });

  test('cannot be forged through a value', () => {
    const encoder = new Encoder();
    encoder.begin(ISLD, MsgType.News, 1, NOW);
    expect(() => encoder.bytes(11, Buffer.from('a\x0135=A'))).toThrow(RangeError);
    encoder.cancel();
    encoder.begin(ISLD, MsgType.News, 1, NOW).data(95, 96, Buffer.from('a\x01b')).end();
    const { message } = viewOf(proved(encoder.take()));
    expect(shown(message.bytes(message.index(96)))).toBe('a|b');
  });

  test('refuses what is no number', () => {
    const encoder = new Encoder().begin(ISLD, MsgType.News, 1, NOW);
    for (const value of [-1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => encoder.uint(38, value)).toThrow(RangeError);
    }
    expect(() => encoder.int(38, 1.5)).toThrow(RangeError);
    expect(() => encoder.decimal(38, 0.5, 1)).toThrow(RangeError);
    expect(() => encoder.decimal(38, 5, -1)).toThrow(RangeError);
  });

  test('is copied field by field, data fields with their length in whatever order', () => {
    const { message } = viewOf(framed('35=D|34=2|11=ID|354=03|355=a|b|38=002000.00|618=1|619=||618=1|619=x|'));
    const encoder = new Encoder();
    encoder.begin(ISLD, message.msgType, 2, NOW);
    for (let i = 4; i < message.count - 1; i++) encoder.copy(message, i);
    encoder.copy(message, message.index(999)).copy(message, 4, 37).end();
    expect(shown(proved(encoder.take()))).toContain(
      '|11=ID|354=03|355=a|b|38=002000.00|618=1|619=||618=1|619=x|37=ID|10=',
    );
    encoder.begin(ISLD, message.msgType, 2, NOW);
    for (let i = message.count - 2; i >= 4; i--) encoder.copy(message, i);
    encoder.end();
    expect(shown(proved(encoder.take()))).toContain('|618=1|619=x|618=1|619=||38=002000.00|354=03|355=a|b|11=ID|10=');
    encoder.begin(ISLD, message.msgType, 2, NOW);
    expect(() => encoder.copy(message, message.index(355), 58)).toThrow(RangeError);
  });

  test('is copied in runs of fields, which begin with no data field', () => {
    const { message } = viewOf(framed(`35=D|34=2|11=ID|354=3|355=a|b|58=${'x'.repeat(300)}|`));
    const [id, data, text] = [11, 355, 58].map((tag) => message.index(tag)) as [number, number, number];
    const encoder = new Encoder(16);
    encoder
      .begin(ISLD, message.msgType, 2, NOW)
      .copyFields(message, id, text)
      .copyFields(message, text, text + 1);
    encoder.copyFields(message, id, id).end();
    expect(shown(proved(encoder.take()))).toContain(`|56=TW44|11=ID|354=3|355=a|b|58=${'x'.repeat(300)}|10=`);
    encoder.begin(ISLD, message.msgType, 2, NOW);
    expect(() => encoder.copyFields(message, data, text)).toThrow(RangeError);
  });

  test('is copied with a right length where the received one was wrong', () => {
    const { message } = viewOf(framed('35=D|34=2|354=9|355=abc|'));
    const encoder = new Encoder();
    encoder.begin(ISLD, message.msgType, 2, NOW).copy(message, message.index(355)).end();
    expect(shown(proved(encoder.take()))).toContain('|354=3|355=abc|10=');
  });
});

describe('the output buffer', () => {
  test('gathers messages until they are taken, and takes one back', () => {
    const encoder = new Encoder(16);
    const first = encoder.begin(ISLD, MsgType.Heartbeat, 1, NOW).end();
    const second = encoder.begin(ISLD, MsgType.Heartbeat, 2, NOW).text(112, 'T').end();
    encoder.begin(ISLD, MsgType.Heartbeat, 3, NOW).text(112, 'gone').cancel();
    expect(first).toBe(0);
    const taken = encoder.take();
    proved(taken.subarray(0, second));
    proved(taken.subarray(second));
    expect(encoder.length).toBe(0);
  });

  test('is used again when it is given back', () => {
    const encoder = new Encoder(512);
    encoder.begin(ISLD, MsgType.Heartbeat, 1, NOW).end();
    const taken = encoder.take();
    encoder.recycle(taken);
    encoder.take();
    encoder.begin(ISLD, MsgType.Heartbeat, 2, NOW).end();
    const again = encoder.take();
    expect(again.buffer).toBe(taken.buffer);
    expect(again.buffer.byteLength).toBe(512);
  });

  test('is bounded, and keeps what was complete', () => {
    const encoder = new Encoder(64, 400);
    encoder.begin(ISLD, MsgType.News, 1, NOW).text(58, 'kept').end();
    const length = encoder.length;
    encoder.begin(ISLD, MsgType.News, 2, NOW);
    expect(() => encoder.text(58, 'x'.repeat(400))).toThrow(OutputFull);
    expect(encoder.length).toBe(length);
    proved(encoder.take());
  });

  test.each([40, 80, 860, 880, 9900])('has room for its end when its last field had room (%d)', (length) => {
    const whole = new Encoder();
    const field = Buffer.from(`58=${'x'.repeat(length)}\x01`);
    whole.begin(ISLD, MsgType.News, 1, NOW).fields(field).end();
    let refused = 0;
    for (let more = -8; more < 64; more++) {
      const encoder = new Encoder(64, whole.length + more);
      try {
        encoder.begin(ISLD, MsgType.News, 1, NOW).fields(field);
      } catch (error) {
        expect(error).toBeInstanceOf(OutputFull);
        refused += 1;
        continue;
      }
      encoder.end();
      proved(encoder.take());
    }
    expect(refused).toBeGreaterThan(7);
    expect(refused).toBeLessThan(72);
  });

  test('takes one message at a time', () => {
    const encoder = new Encoder();
    expect(() => encoder.end()).toThrow(RangeError);
    encoder.begin(ISLD, MsgType.News, 1, NOW);
    expect(() => encoder.begin(ISLD, MsgType.News, 1, NOW)).toThrow(RangeError);
  });
});

describe('a resend', () => {
  const LATER = NOW + 5000;
  const again = (body: string) => {
    const encoder = new Encoder(16);
    const { message } = viewOf(framed(body));
    encoder.resend(message, LATER, 3);
    return shown(proved(encoder.take())).slice(0, -7);
  };

  test('has 43=Y, a new 52 and the old one in 122; the rest is unchanged', () => {
    expect(again('35=8|34=7|49=ISLD|52=20261121-09:00:00|56=TW44|37=1|354=3|355=a|b|38=007|')).toBe(
      '8=FIX.4.4|9=104|35=8|34=7|43=Y|49=ISLD|52=20261121-09:00:05.123|122=20261121-09:00:00|56=TW44|37=1|354=3|355=a|b|38=007|',
    );
  });

  test('replaces 43 and 122 that are there', () => {
    const once = again('35=8|34=7|49=ISLD|43=N|52=20261121-09:00:00|122=20200101-00:00:00|56=TW44|');
    expect(once).toContain('|34=7|43=Y|49=ISLD|52=20261121-09:00:05.123|122=20261121-09:00:00|56=TW44|');
    expect(once.match(/\|(43|122)=/g)).toHaveLength(2);
  });
});

test('what is encoded is parsed back (encode ∘ parse = identity)', () => {
  const value = fc.string({ unit: fc.constantFrom(...'aZ09 =-.|ÿ'), maxLength: 40 });
  const field = fc.tuple(fc.integer({ min: 5000, max: 39_999 }), value);
  fc.assert(
    fc.property(fc.array(field, { maxLength: 40 }), fc.integer({ min: 1, max: 2 ** 40 }), (fields, seq) => {
      const encoder = new Encoder(32);
      encoder.begin(ISLD, MsgType.NewOrderSingle, seq, NOW);
      for (const [tag, text] of fields) encoder.text(tag, text);
      encoder.end();
      const { message } = viewOf(proved(Buffer.from(encoder.take())));
      expect(message.uint(message.msgSeqNum)).toBe(seq);
      expect(message.count - 8).toBe(fields.length);
      for (const [i, [tag, text]] of fields.entries()) {
        expect([message.tags[i + 7], message.text(i + 7)]).toEqual([tag, text]);
      }
    }),
  );
});
