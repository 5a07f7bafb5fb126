import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  isMonthYear,
  parseDate,
  parseUtcTime,
  parseUtcTimestamp,
  TimestampWriter,
  timestampLength,
} from '../../../edge/fix/timestamp.ts';

const over = <T>(parse: (buf: Buffer, from: number, to: number) => T, text: string): T => {
  const buf = Buffer.from(`0${text}0`, 'latin1');
  return parse(buf, 1, buf.length - 1);
};

import { viewOf } from '../../../edge/fix/words.ts';

describe('UTCTimestamp', () => {
  test.each([
    ['20261121-09:32:08', '2026-11-21T09:32:08.000Z'],
    ['20261121-09:32:08.5', '2026-11-21T09:32:08.500Z'],
    ['20261121-09:32:08.123', '2026-11-21T09:32:08.123Z'],
    ['20261121-09:32:08.123456', '2026-11-21T09:32:08.123Z'],
    ['20261121-09:32:08.123999999999', '2026-11-21T09:32:08.123Z'],
    ['20240229-00:00:00', '2024-02-29T00:00:00.000Z'],
    ['20000229-00:00:00', '2000-02-29T00:00:00.000Z'],
    ['19691231-23:59:59', '1969-12-31T23:59:59.000Z'],
    ['20161231-23:59:60', '2017-01-01T00:00:00.000Z'],
  ])('%s', (text, iso) => expect(over(parseUtcTimestamp, text)).toBe(Date.parse(iso)));

  test.each([
    '',
    '20261121',
    '20261121-09:32',
    '20261121 09:32:08',
    '20261121-24:00:00',
    '20261121-09:60:00',
    '20261121-09:32:61',
    '20260229-00:00:00',
    '21000229-00:00:00',
    '20261321-00:00:00',
    '20260021-00:00:00',
    '20260100-00:00:00',
    '20260431-00:00:00',
    '20261121-09:32:08.',
    '20261121-09:32:08.12x',
    '20261121-09:32:08.1234567890123',
    '20261121-09-32-08',
    '2026112x-09:32:08',
    '20261121-09:32:08,123',
  ])('%j is none', (text) => expect(over(parseUtcTimestamp, text)).toBeNaN());

  test('what is written is read back, in every precision', () => {
    const writer = new TimestampWriter();
    const buf = Buffer.alloc(40);
    const view = viewOf(buf);
    fc.assert(
      fc.property(
        fc.integer({ min: Date.parse('0001-01-01'), max: Date.parse('9999-12-31') }),
        fc.constantFrom(0, 3, 6, 9),
        fc.integer({ min: 0, max: 999_999 }),
        (ms, decimals, nanos) => {
          const end = writer.write(view, 2, ms, decimals as 0 | 3 | 6 | 9, nanos);
          expect(end - 2).toBe(timestampLength(decimals as 0 | 3 | 6 | 9));
          const iso = new Date(ms).toISOString().replaceAll('-', '').replace('T', '-').slice(0, -1);
          const full = `${iso}${String(nanos).padStart(6, '0')}`;
          expect(buf.toString('latin1', 2, end)).toBe(
            decimals === 0 ? full.slice(0, 17) : full.slice(0, 18 + decimals),
          );
          expect(parseUtcTimestamp(buf, 2, end)).toBe(decimals === 0 ? Math.floor(ms / 1000) * 1000 : ms);
        },
      ),
    );
  });
});

test('dates, times and month-years', () => {
  expect(over(parseDate, '19700102')).toBe(1);
  for (const text of ['1970010', '197001022', '19700132', '']) expect(over(parseDate, text)).toBeNaN();
  expect(over(parseUtcTime, '00:00:01.5')).toBe(1500);
  for (const text of ['', '1:00:00', '00:00', '00:00:00.']) expect(over(parseUtcTime, text)).toBeNaN();
  for (const text of ['202611', '20261130', '202611w5']) expect(over(isMonthYear, text)).toBe(true);
  for (const text of ['', '202613', '20261131', '202611w6', '202611w', '2026-11'])
    expect(over(isMonthYear, text)).toBe(false);
});
