/** What a benchmark finds: a value, what was run beside it, and the ratio of the two. */

/** What the value or the ratio is meant to be; said in the output, never asserted. */
export interface Aim {
  readonly of: 'value' | 'ratio';
  readonly least?: number;
  readonly most?: number;
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly beside: { readonly what: string; readonly value: number };
  /** value / beside.value */
  readonly ratio: number;
  readonly aim?: Aim;
  /** How it was run. */
  readonly settings: string;
}

/** A figure with its ratio. `beside` has the unit of `value`. */
export function figure(
  name: string,
  value: number,
  unit: string,
  beside: readonly [what: string, value: number],
  settings: string,
  aim?: Aim,
): Figure {
  const [what, other] = beside;
  const made = { name, value, unit, beside: { what, value: other }, ratio: value / other, settings };
  return aim === undefined ? made : { ...made, aim };
}

export function isReached({ aim, value, ratio }: Figure): boolean {
  if (aim === undefined) return true;
  const got = aim.of === 'value' ? value : ratio;
  return got >= (aim.least ?? Number.NEGATIVE_INFINITY) && got <= (aim.most ?? Number.POSITIVE_INFINITY);
}

/** The value below which a share `p` of them lies (nearest rank). */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
  if (found === undefined) throw new RangeError('no values');
  return found;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Milliseconds that `work` takes, `count` times, one after the other. */
export async function timed(count: number, work: (i: number) => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const since = performance.now();
    await work(i);
    took.push(performance.now() - since);
  }
  return took;
}
