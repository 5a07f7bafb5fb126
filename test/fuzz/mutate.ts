/** Changes that any input can undergo: to its lines, and to the bytes of one. */

import type { Random } from './random.ts';
import type { Lines, Target } from './target.ts';

/** An input is not let grow beyond these: a long run tries many small ones. */
const MAX_LINES = 64;
const MAX_LINE = 16_384;

export const NUMBERS: readonly string[] = [
  '',
  '0',
  '-0',
  '-1',
  '1',
  '2',
  '00000000001',
  '255',
  '65536',
  '2147483647',
  '2147483648',
  '4294967296',
  '1000000000',
  '999999999999999',
  '1000000000000000',
  '9007199254740993',
  '9223372036854775808',
  '99999999999999999999',
  '1e9',
  '+1',
  ' 1',
  '1.5',
  'NaN',
  '9'.repeat(1000),
];

/** One to four changes of `lines`; `pool` has others to take lines from. */
export function mutate(target: Target, lines: Lines, pool: readonly Lines[], random: Random): Lines {
  let changed: Buffer[] = [...lines];
  for (let times = 1 + random.below(4); times > 0; times--) changed = changeOnce(target, changed, pool, random);
  return changed.slice(0, MAX_LINES).map((line) => line.subarray(0, MAX_LINE));
}

function changeOnce(target: Target, lines: Buffer[], pool: readonly Lines[], random: Random): Buffer[] {
  if (lines.length === 0) return [target.line(random)];
  const at = random.below(lines.length);
  const line = lines[at]!;
  switch (random.below(12)) {
    case 0:
      return lines.toSpliced(at, 1 + random.below(3));
    case 1:
      return lines.toSpliced(at, 0, line);
    case 2:
      return lines.toSpliced(at, 0, target.line(random));
    case 3:
      return [...lines, target.line(random)];
    case 4: {
      const other = random.pick(pool) ?? [];
      const from = random.below(other.length);
      return lines.toSpliced(at, random.below(2), ...other.slice(from, from + 1 + random.below(8)));
    }
    case 5: {
      const to = random.below(lines.length);
      return lines.toSpliced(at, 1).toSpliced(to, 0, line);
    }
    case 6:
      return lines.with(at, changeBytes(line, random));
    default:
      return lines.with(at, target.mutate(line, random));
  }
}

/** A change that knows nothing of the form of what it changes. */
export function changeBytes(line: Buffer, random: Random): Buffer {
  const at = random.below(line.length + 1);
  const head = line.subarray(0, at);
  switch (random.below(8)) {
    case 0:
      return head;
    case 1:
      return Buffer.concat([head, line.subarray(at + 1 + random.below(8))]);
    case 2:
      return Buffer.concat([head, random.bytes(1 + random.below(8)), line.subarray(at)]);
    case 3: {
      const again = line.subarray(at, at + 1 + random.below(32));
      return Buffer.concat([head, ...Array.from({ length: 1 + random.below(20) }, () => again), line.subarray(at)]);
    }
    case 4:
      return Buffer.concat([head, Buffer.from(random.pick(NUMBERS)), line.subarray(at)]);
    case 5:
      return Buffer.concat([
        head,
        Buffer.from(random.pick(['\x01', '=', '\0', '\xff', '|', '\r\n', '8=FIX', '\x0110='])),
        line.subarray(at),
      ]);
    default: {
      const copy = Buffer.from(line);
      if (at < copy.length) copy[at] = copy[at]! ^ (1 << random.below(8));
      return copy;
    }
  }
}
