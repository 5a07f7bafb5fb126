/** What a fuzz target is. Every input is a list of lines: messages, steps or requests, each a few bytes. */

import type { Random } from './random.ts';

export type Lines = readonly Buffer[];

export interface Target {
  /** Of the target, and of its folder in the corpus. */
  readonly name: string;
  /** Inputs that npm test tries beside the corpus. */
  readonly inputs: number;
  /** A new line out of nothing. */
  line(random: Random): Buffer;
  /** A line changed, by what is known of its form. */
  mutate(line: Buffer, random: Random): Buffer;
  /** Throws when something that should always hold does not. */
  check(lines: Lines): void | Promise<void>;
  /** Work that grows with the input, for the measurement of its cost; only for what reads bytes of strangers. */
  work?(bytes: Buffer): void;
}

/** Something that should always hold did not. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

export function hold(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Finding(what());
}
