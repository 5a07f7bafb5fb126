import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { periodAt, type Schedule, WEEKDAYS } from '../../../../edge/fix/session/schedule.ts';

const daily = (start_time: string, end_time: string, time_zone = 'UTC'): Schedule => ({
  start_day: undefined,
  end_day: undefined,
  start_time,
  end_time,
  time_zone,
});
const weekly = (start: string, end: string, time_zone = 'UTC'): Schedule => {
  const [start_day, start_time] = start.split(' ');
  const [end_day, end_time] = end.split(' ');
  return { ...daily(start_time!, end_time!, time_zone), start_day, end_day } as Schedule;
};

const iso = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString().replace('.000Z', 'Z') : String(ms));
/** `from to`, or `until` when it is closed. */
const at = (schedule: Schedule, time: string): string => {
  const period = periodAt(schedule, Date.parse(time));
  return period.state === 'open' ? `${iso(period.from)} ${iso(period.to)}` : `closed ${iso(period.opens)}`;
};

test('without start_time a session never stops', () => {
  const never = { ...daily('', ''), start_time: undefined, end_time: undefined };
  expect(at(never, '2026-01-02T12:00:00Z')).toBe('-Infinity Infinity');
});

describe('each day', () => {
  test.each([
    ['2026-01-02T07:59:59Z', 'closed 2026-01-02T08:00:00Z'],
    ['2026-01-02T08:00:00Z', '2026-01-02T08:00:00Z 2026-01-02T17:30:00Z'],
    ['2026-01-02T17:29:59.999Z', '2026-01-02T08:00:00Z 2026-01-02T17:30:00Z'],
    ['2026-01-02T17:30:00Z', 'closed 2026-01-03T08:00:00Z'],
  ])('at %s: %s', (time, period) => {
    expect(at(daily('08:00:00', '17:30:00'), time)).toBe(period);
  });

  test('over midnight', () => {
    const night = daily('22:00:00', '06:00:00');
    expect(at(night, '2026-01-02T23:00:00Z')).toBe('2026-01-02T22:00:00Z 2026-01-03T06:00:00Z');
    expect(at(night, '2026-01-03T05:59:59Z')).toBe('2026-01-02T22:00:00Z 2026-01-03T06:00:00Z');
    expect(at(night, '2026-01-03T06:00:00Z')).toBe('closed 2026-01-03T22:00:00Z');
  });

  test('around the clock, one period a day', () => {
    const all = daily('17:00:00', '17:00:00', 'America/New_York');
    expect(at(all, '2026-01-02T21:59:59Z')).toBe('2026-01-01T22:00:00Z 2026-01-02T22:00:00Z');
    expect(at(all, '2026-01-02T22:00:00Z')).toBe('2026-01-02T22:00:00Z 2026-01-03T22:00:00Z');
  });
});

describe('once a week', () => {
  const week = weekly('sunday 18:00:00', 'friday 17:00:00', 'America/New_York');
  test.each([
    ['2026-01-04T22:59:59Z', 'closed 2026-01-04T23:00:00Z'], // a Sunday
    ['2026-01-04T23:00:00Z', '2026-01-04T23:00:00Z 2026-01-09T22:00:00Z'],
    ['2026-01-07T12:00:00Z', '2026-01-04T23:00:00Z 2026-01-09T22:00:00Z'],
    ['2026-01-09T22:00:00Z', 'closed 2026-01-11T23:00:00Z'],
  ])('at %s: %s', (time, period) => {
    expect(at(week, time)).toBe(period);
  });

  test('over the end of the week, and from a day to itself', () => {
    const weekend = weekly('saturday 00:00:00', 'monday 00:00:00');
    expect(at(weekend, '2026-01-04T12:00:00Z')).toBe('2026-01-03T00:00:00Z 2026-01-05T00:00:00Z');
    const whole = weekly('monday 06:00:00', 'monday 06:00:00');
    expect(at(whole, '2026-01-05T05:59:59Z')).toBe('2025-12-29T06:00:00Z 2026-01-05T06:00:00Z');
    expect(at(whole, '2026-01-05T06:00:00Z')).toBe('2026-01-05T06:00:00Z 2026-01-12T06:00:00Z');
  });

  test('one day of it', () => {
    const friday = weekly('friday 08:00:00', 'friday 17:00:00');
    expect(at(friday, '2026-01-08T12:00:00Z')).toBe('closed 2026-01-09T08:00:00Z');
    expect(at(friday, '2026-01-09T12:00:00Z')).toBe('2026-01-09T08:00:00Z 2026-01-09T17:00:00Z');
  });
});

describe('when clocks are changed', () => {
  const london = daily('08:00:00', '17:00:00', 'Europe/London');
  const york = daily('17:00:00', '17:00:00', 'America/New_York');

  test('the hours stay those of the wall clock', () => {
    // London goes to summer time on 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC.
    expect(at(london, '2026-03-28T12:00:00Z')).toBe('2026-03-28T08:00:00Z 2026-03-28T17:00:00Z');
    expect(at(london, '2026-03-28T20:00:00Z')).toBe('closed 2026-03-29T07:00:00Z');
    expect(at(london, '2026-03-29T12:00:00Z')).toBe('2026-03-29T07:00:00Z 2026-03-29T16:00:00Z');
    expect(at(london, '2026-10-24T12:00:00Z')).toBe('2026-10-24T07:00:00Z 2026-10-24T16:00:00Z');
    expect(at(london, '2026-10-25T12:00:00Z')).toBe('2026-10-25T08:00:00Z 2026-10-25T17:00:00Z');
  });

  test('a day around the clock has 23 or 25 hours', () => {
    // New York: 2026-03-08 and 2026-11-01, at 02:00 local time.
    expect(at(york, '2026-03-08T12:00:00Z')).toBe('2026-03-07T22:00:00Z 2026-03-08T21:00:00Z');
    expect(at(york, '2026-11-01T12:00:00Z')).toBe('2026-10-31T21:00:00Z 2026-11-01T22:00:00Z');
  });

  test('a time that is skipped is the same moment by the offset before; one that comes twice is the first', () => {
    const early = daily('01:30:00', '12:00:00', 'Europe/London');
    expect(at(early, '2026-03-29T03:00:00Z')).toBe('2026-03-29T01:30:00Z 2026-03-29T11:00:00Z');
    expect(at(early, '2026-10-25T03:00:00Z')).toBe('2026-10-25T00:30:00Z 2026-10-25T12:00:00Z');
    const night = daily('02:30:00', '12:00:00', 'America/New_York');
    expect(at(night, '2026-03-08T14:00:00Z')).toBe('2026-03-08T07:30:00Z 2026-03-08T16:00:00Z');
    const second = daily('01:30:00', '12:00:00', 'America/New_York');
    expect(at(second, '2026-11-01T14:00:00Z')).toBe('2026-11-01T05:30:00Z 2026-11-01T17:00:00Z');
  });

  test('a week over a change ends at its hour', () => {
    const week = weekly('sunday 18:00:00', 'friday 17:00:00', 'America/New_York');
    expect(at(week, '2026-03-04T12:00:00Z')).toBe('2026-03-01T23:00:00Z 2026-03-06T22:00:00Z');
    expect(at(week, '2026-03-10T12:00:00Z')).toBe('2026-03-08T22:00:00Z 2026-03-13T21:00:00Z');
  });
});

test('an open period holds its moment, a closed one lies before its opening, and periods do not overlap', () => {
  const time = fc.integer({ min: 0, max: 86_399 }).map((s) => new Date(s * 1000).toISOString().slice(11, 19));
  const day = fc.constantFrom(...WEEKDAYS);
  const zone = fc.constantFrom('UTC', 'Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata');
  const days = fc.option(fc.tuple(day, day), { nil: undefined });
  const now = fc.date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(time, time, days, zone, now, (start_time, end_time, both, time_zone, date) => {
      const schedule = { start_day: both?.[0], end_day: both?.[1], start_time, end_time, time_zone };
      const ms = date.getTime();
      const period = periodAt(schedule, ms);
      if (period.state === 'closed') {
        expect(period.opens).toBeGreaterThan(ms);
        expect(periodAt(schedule, period.opens)).toMatchObject({ state: 'open', from: period.opens });
        expect(periodAt(schedule, period.opens - 1).state).toBe('closed');
      } else {
        expect(period.from).toBeLessThanOrEqual(ms);
        expect(period.to).toBeGreaterThan(ms);
        expect(periodAt(schedule, period.from)).toEqual(period);
        expect(periodAt(schedule, period.to)).not.toEqual(period);
      }
    }),
    { numRuns: 300 },
  );
});
