/** A verdict of what was seen and what speaks against it. */
import type { Verdict } from '../ledger.ts';

interface Found {
  readonly promise: string;
  readonly bound: string;
  /** How much was looked at; of nothing no promise is shown to hold. */
  readonly seen: number;
  readonly evidence: string;
  readonly against: readonly string[];
}

export function verdict({ promise, bound, seen, evidence, against }: Found): Verdict {
  return { promise, bound, evidence, against, held: seen > 0 && against.length === 0 };
}

/** The value below which a share `p` of them lies (nearest rank); 0 of none. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? 0;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
