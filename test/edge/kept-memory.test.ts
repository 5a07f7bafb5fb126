// Memory that is kept for long: full of zeros, of nobody else, and touched before it is needed.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { keptBytes, keptFloat64s, keptInt32s } from '../../edge/kept-memory.ts';
import { MALLOC } from '../../edge/runtime.ts';

const PAGE = 4096;
/** Of a size that nothing else asks for. */
const BYTES = 200 * PAGE;

const isZero = (bytes: Uint8Array): boolean => Buffer.compare(bytes, Buffer.alloc(bytes.length)) === 0;

describe('kept memory', () => {
  test('small or huge is made when it is asked for', () => {
    expect(keptInt32s(100)).toEqual(new Int32Array(100));
    expect(keptFloat64s(1_000_000).buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(keptFloat64s(1_000_000).length).toBe(1_000_000);
  });

  test('of one size again and again is full of zeros each time, and no two have the same', async () => {
    const taken: Uint8Array[] = [];
    for (let i = 0; i < 12; i++) {
      const bytes = keptBytes(BYTES + PAGE);
      expect(bytes.length).toBe(BYTES + PAGE);
      expect(isZero(bytes)).toBe(true);
      bytes.fill(i + 1);
      taken.push(bytes);
      if (i % 3 === 0) await new Promise((passed) => setTimeout(passed, 20));
    }
    for (const [i, bytes] of taken.entries()) expect(bytes.every((byte) => byte === i + 1)).toBe(true);
  });

  // In a process of its own, whose allocator maps each block anew, as the edge's does.
  test('has been touched by the time that it is asked for', () => {
    const script = `
      import { keptBytes } from '${join(import.meta.dirname, '../../edge/kept-memory.ts')}';
      const faults = () => {
        const bytes = keptBytes(${BYTES});
        const before = process.resourceUsage().minorPageFault;
        for (let at = 0; at < bytes.length; at += ${PAGE}) bytes[at] = 1;
        return process.resourceUsage().minorPageFault - before;
      };
      const first = [faults(), faults()];
      setTimeout(() => console.log(JSON.stringify([...first, faults(), faults()])), 100);`;
    const env = { ...process.env, ...MALLOC };
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' });
    const [first, second, ...ahead] = JSON.parse(said) as number[];
    // Elsewhere nothing is touched ahead.
    const isLinux = process.platform === 'linux';
    expect(Math.min(first!, second!)).toBeGreaterThanOrEqual(isLinux ? 150 : 0);
    expect(Math.max(...ahead)).toBeLessThan(isLinux ? 50 : 1000);
  });
});
