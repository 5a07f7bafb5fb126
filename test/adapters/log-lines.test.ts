// Where log lines go when the disk is full or nobody empties the pipe: whoever has something to say goes on.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LOG_WAITING_BYTES, LogLines, lostLine } from '../../adapters/node/log-lines.ts';
import type { Timers } from '../../core/time.ts';

/** A descriptor that takes `room` bytes at a time, then throws `code`; and timers that fire when they are told to. */
class Descriptor {
  room = Number.POSITIVE_INFINITY;
  code = 'ENOSPC';
  got = '';
  readonly #due: (() => void)[] = [];
  readonly timers: Timers = {
    after: (_ms, run) => {
      this.#due.push(run);
      return { cancel: () => this.#due.splice(0) };
    },
    every: () => {
      throw new Error('nothing here is done again and again');
    },
  };
  readonly lines = new LogLines(
    (bytes) => this.write(bytes),
    (n) => `lost ${n}`,
    this.timers,
  );

  write(bytes: Uint8Array): number {
    if (this.room === 0) throw Object.assign(new Error(`${this.code}: write`), { code: this.code });
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.got += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  }

  /** @returns whether something was due */
  later(): boolean {
    const run = this.#due.shift();
    run?.();
    return run !== undefined;
  }
}

test('a line is written at once', () => {
  const descriptor = new Descriptor();
  descriptor.lines.write('one\n');
  descriptor.lines.write(Buffer.from('two\n'));
  expect(descriptor.got).toBe('one\ntwo\n');
  expect(descriptor.later()).toBe(false);
});

describe.each(['ENOSPC', 'EAGAIN', 'EIO'])('refused with %s', (code) => {
  test('it waits, a line that was begun is gone on with, and order is kept', () => {
    const to = Object.assign(new Descriptor(), { code, room: 6 });
    to.lines.write('one\n');
    to.lines.write('two\n');
    to.lines.write('three\n');
    expect(to.got).toBe('one\ntw');
    expect(to.later()).toBe(true); // refused again
    expect(to.got).toBe('one\ntw');
    to.room = Number.POSITIVE_INFINITY;
    expect(to.later()).toBe(true);
    expect(to.got).toBe('one\ntwo\nthree\n');
    expect(to.later()).toBe(false);
  });
});

test('what does not fit is counted, and told of once there is room', () => {
  const to = Object.assign(new Descriptor(), { room: 0 });
  const long = `${'x'.repeat(LOG_WAITING_BYTES - 5)}\n`;
  to.lines.write(long);
  to.lines.write('abc\n'); // fits exactly
  to.lines.write('lost\n');
  to.lines.write('lost\nlost\n');
  to.room = Number.POSITIVE_INFINITY;
  to.later();
  expect(to.got).toBe(`${long}abc\nlost 3\n`);
  to.lines.write('on\n');
  expect(to.got.endsWith('lost 3\non\n')).toBe(true);
});

test('whose reader is gone keeps nothing', () => {
  const to = Object.assign(new Descriptor(), { room: 0, code: 'EPIPE' });
  to.lines.write('one\n');
  expect(to.later()).toBe(false);
  to.room = Number.POSITIVE_INFINITY;
  to.lines.write('two\n');
  expect(to.got).toBe('two\n');
});

test('at its end it tries once more, and never again', () => {
  const to = Object.assign(new Descriptor(), { room: 0 });
  to.lines.write('one\n');
  to.room = 2;
  to.lines.end();
  expect(to.got).toBe('on');
  expect(to.later()).toBe(false);
});

test('what comes out is what went in, in order, however it is taken', () => {
  const rooms = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 40 });
  const texts = fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { maxLength: 40 });
  fc.assert(
    fc.property(texts, rooms, (words, room) => {
      const to = new Descriptor();
      words.forEach((word, i) => {
        to.room = room[i] ?? 0;
        to.lines.write(`${word}\n`);
        if (i % 3 === 0) to.later();
      });
      to.room = Number.POSITIVE_INFINITY;
      while (to.later());
      expect(to.got).toBe(words.map((word) => `${word}\n`).join(''));
    }),
  );
});

test('the line about lost lines reads as others do', () => {
  const line = lostLine({ service: 'fixgate-edge' }, () => 0)(7);
  expect(JSON.parse(line)).toEqual({
    level: 40,
    time: '1970-01-01T00:00:00.000Z',
    service: 'fixgate-edge',
    lines: 7,
    msg: 'lines of this log were lost',
  });
});
