import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DATA_FIELDS } from '../../../edge/fix/data-fields.ts';
import { loadSource } from '../../../edge/fix/dictionary/index.ts';
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
import { MsgType, msgTypeCode, msgTypeText } from '../../../edge/fix/tags.ts';
import { framed, shown, viewOf, wire } from './wire.ts';

const fieldsOf = (message: Message) =>
  Array.from({ length: message.count }, (_, i) => `${message.tags[i]}=${shown(message.bytes(i))}`);

describe('the view of a message', () => {
  const bytes = framed('35=AE|34=7|49=TW|52=20261121-09:00:00.123|56=ISLD|43=Y|11=|58=a=b|');

  test('has every field in its order', () => {
    const { message, result } = viewOf(bytes);
    expect(result).toBe(TOKENS_OK);
    expect(fieldsOf(message).slice(2, -1)).toEqual([
      '35=AE',
      '34=7',
      '49=TW',
      '52=20261121-09:00:00.123',
      '56=ISLD',
      '43=Y',
      '11=',
      '58=a=b',
    ]);
  });

  test('finds header fields by name, others by tag', () => {
    const { message } = viewOf(bytes);
    expect(message.text(message.beginString)).toBe('FIX.4.4');
    expect(message.msgType).toBe(msgTypeCode('AE'));
    expect(message.uint(message.msgSeqNum)).toBe(7);
    expect(message.equals(message.senderCompId, 'TW')).toBe(true);
    expect(message.equals(message.senderCompId, Buffer.from('TV'))).toBe(false);
    expect(message.equals(message.senderCompId, 'TWO')).toBe(false);
    expect(message.utc(message.sendingTime)).toBe(Date.parse('2026-11-21T09:00:00.123Z'));
    expect(message.flag(message.possDupFlag)).toBe(true);
    expect(message.possResend).toBe(-1);
    expect(message.flag(message.possResend)).toBe(false);
    expect(message.text(message.index(58))).toBe('a=b');
    expect(message.length(message.index(11))).toBe(0);
    expect(message.index(999)).toBe(-1);
    expect([message.uint(-1), message.text(-1), message.bytes(-1).length]).toEqual([-1, '', 0]);
  });

  test('is reused without a trace of the message before', () => {
    const message = new Message();
    tokenise(bytes, 0, bytes.length, message);
    const next = framed('35=0|34=8|49=TW|56=ISLD|');
    tokenise(next, 0, next.length, message);
    expect(message.possDupFlag).toBe(-1);
    expect(message.sendingTime).toBe(-1);
    expect(message.count).toBe(7);
  });
});

describe('data fields', () => {
  test('hold any byte, as their length says', () => {
    const { message, result } = viewOf(framed('35=A|95=9|96=a|58=b|=c|98=0|'));
    expect(result).toBe(TOKENS_OK);
    expect(shown(message.bytes(message.index(96)))).toBe('a|58=b|=c');
    expect(message.text(message.index(98))).toBe('0');
    expect(message.index(58)).toBe(-1);
  });

  test('without a length before them they end at the SOH', () => {
    const { message } = viewOf(framed('35=A|96=a|98=0|'));
    expect(message.text(message.index(96))).toBe('a');
  });

  test.each(['0', '2', '-1', 'x', '', '99999', '999999999999999999999'])(
    'a length of %j is a mistake of 95',
    (length) => {
      const { message, result } = viewOf(framed(`35=A|95=${length}|96=a|98=0|`));
      expect(result).toBe(TOKENS_BAD_DATA);
      expect(message.badTag).toBe(95);
      expect(message.text(message.index(98))).toBe('0');
    },
  );

  test('the list is that of the dictionaries', async () => {
    const dataTags = new Set(DATA_FIELDS.map((pair) => pair[1]));
    const lengthTags = new Set(DATA_FIELDS.map((pair) => pair[0]));
    for (const version of ['FIX.4.0', 'FIX.4.2', 'FIX.4.4', 'FIX.5.0SP2', 'FIXT.1.1']) {
      for (const [tag, name, type] of (await loadSource(version)).fields) {
        if (type === 'DATA' || type === 'XMLDATA') expect([name, dataTags.has(tag)]).toEqual([name, true]);
        if (lengthTags.has(tag)) expect([name, type]).toEqual([name, 'LENGTH']);
      }
    }
  });
});

describe('mistakes in tags', () => {
  test.each([
    ['0=HI', 0],
    ['-1=HI', -1],
    ['-0=HI', 0],
    ['058=HI', 58],
  ])('%s is an invalid tag, and the rest is read', (field, tag) => {
    const { message, result } = viewOf(framed(`35=0|34=2|${field}|56=ISLD|`));
    expect(result).toBe(TOKENS_INVALID_TAG);
    expect(message.badTag).toBe(tag);
    expect(message.text(message.targetCompId)).toBe('ISLD');
  });

  test.each(['4garbled9=TW', '=TW', 'TW', '', '4 9=TW', '+49=TW', `${'9'.repeat(1000)}=TW`, '49', '-=x', '\x00=x'])(
    '%j makes the message garbled',
    (field) => expect(viewOf(framed(`35=0|34=2|${field}|56=ISLD|`)).result).toBe(TOKENS_GARBLED),
  );

  test('the first mistake is told', () => {
    const { message } = viewOf(framed('35=0|0=a|-7=b|'));
    expect(message.badTag).toBe(0);
  });

  test('too many fields', () => {
    const most = MAX_FIELDS - 4;
    expect(viewOf(framed(`35=0|${'58=x|'.repeat(most)}`)).result).toBe(TOKENS_OK);
    expect(viewOf(framed(`35=0|${'58=x|'.repeat(most + 1)}`)).result).toBe(TOKENS_TOO_MANY);
  });
});

test('message types are packed and unpacked', () => {
  for (const type of ['0', 'D', 'AE', 'BZ', 'U12', 'U123']) expect(msgTypeText(msgTypeCode(type))).toBe(type);
  expect(msgTypeCode('D')).toBe(MsgType.NewOrderSingle);
  for (const type of ['', 'U1234', 'Ä', ' D']) expect(msgTypeCode(type)).toBe(0);
  expect(viewOf(framed('35=U1234|34=1|')).message.msgType).toBe(0);
});

test('random bytes never throw and always end', () => {
  const byte = fc.oneof(fc.constantFrom(...Buffer.from('\x01\x01==0123459-68', 'latin1')), fc.nat(255));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 200 }), (bytes) => {
      const buf = Buffer.from(bytes);
      const message = new Message();
      const result = tokenise(buf, 0, buf.length, message);
      expect([TOKENS_OK, TOKENS_GARBLED, TOKENS_INVALID_TAG, TOKENS_BAD_DATA]).toContain(result);
      for (let i = 0; i < message.count; i++) {
        expect(message.from(i)).toBeLessThanOrEqual(message.to(i));
        expect(message.to(i)).toBeLessThanOrEqual(buf.length);
      }
    }),
    { numRuns: 1000 },
  );
});

test('what is joined is split again', () => {
  const field = fc.tuple(
    fc.integer({ min: 1, max: 999_999_999 }).filter((tag) => !DATA_FIELDS.some(([length]) => length === tag)),
    fc.string({ unit: fc.constantFrom(...'aZ09 =-.'), maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 30 }), (fields) => {
      const texts = fields.map(([tag, value]) => `${tag}=${value}`);
      const { message, result } = viewOf(wire(`${texts.join('|')}|`));
      expect(result).toBe(TOKENS_OK);
      expect(fieldsOf(message)).toEqual(texts);
    }),
  );
});
