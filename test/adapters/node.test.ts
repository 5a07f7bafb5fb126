import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../adapters/node/clock.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { systemTimers } from '../../adapters/node/timers.ts';

const ADAPTERS = join(resolve(import.meta.dirname, '..', '..'), 'adapters', 'node');
const bytes = (text: string) => new TextEncoder().encode(text);
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

describe('the clock', () => {
  test('nanoseconds never go back and stay with the wall clock', () => {
    let last = 0n;
    let back = 0;
    for (let n = 0; n < 200_000; n++) {
      const now = systemClock.nowNanos();
      if (now < last) back++;
      last = now;
    }
    expect(back).toBe(0);
    expect(Math.abs(Number(systemClock.nowNanos() / 1_000_000n) - systemClock.now())).toBeLessThanOrEqual(50);
  });

  test('the monotonic clock goes on, in milliseconds', async () => {
    const [wall, from] = [systemClock.now(), systemClock.monotonic()];
    await new Promise((next) => setTimeout(next, 30));
    const [wallSince, since] = [systemClock.now() - wall, systemClock.monotonic() - from];
    expect(since).toBeGreaterThanOrEqual(29);
    expect(Math.abs(since - wallSince)).toBeLessThan(50);
  });
});

describe('timers', () => {
  test('run once, or again and again, until cancelled', async () => {
    let once = 0;
    let never = 0;
    systemTimers.after(1, () => once++);
    systemTimers.after(1, () => never++).cancel();
    await new Promise<void>((done) => {
      let left = 3;
      const timer = systemTimers.every(1, () => {
        left--;
        if (left > 0) return;
        timer.cancel();
        done();
      });
    });
    await new Promise((next) => setTimeout(next, 20));
    expect([once, never]).toEqual([1, 0]);
  });

  test('a delay that Node would shorten to nothing is refused', () => {
    for (const ms of [2 ** 31, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => systemTimers.after(ms, () => {})).toThrow(RangeError);
      expect(() => systemTimers.every(ms, () => {})).toThrow(RangeError);
    }
  });

  test('do not keep a process alive', async () => {
    const program = `import { systemTimers } from ${JSON.stringify(join(ADAPTERS, 'timers.ts'))};
      systemTimers.every(60_000, () => {}); systemTimers.after(60_000, () => {}); console.log('end');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 15_000,
    });
    expect(stdout).toBe('end\n');
  });
});

test('random bytes are as many as asked for, and never the same', () => {
  expect(systemRandom.bytes(0)).toHaveLength(0);
  expect(systemRandom.bytes(33)).toHaveLength(33);
  expect(new Set(Array.from({ length: 1000 }, () => hex(systemRandom.bytes(16)))).size).toBe(1000);
});

describe('digests', () => {
  test('SHA-256 of "abc" (FIPS 180-2, B.1), over UTF-8', () => {
    expect(nodeDigests.sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(nodeDigests.sha256('ü')).not.toBe(nodeDigests.sha256('u'));
  });

  test('HMAC-SHA-256 (RFC 4231, test case 2)', () => {
    const mac = nodeDigests.hmacSha256(bytes('Jefe'), bytes('what do ya want for nothing?'));
    expect(hex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  test('equality is of every byte and of the length', () => {
    expect(nodeDigests.equal(bytes('same'), bytes('same'))).toBe(true);
    expect(nodeDigests.equal(bytes('same'), bytes('samf'))).toBe(false);
    expect(nodeDigests.equal(bytes('same'), bytes('same!'))).toBe(false);
    expect(nodeDigests.equal(bytes(''), bytes(''))).toBe(true);
  });
});
