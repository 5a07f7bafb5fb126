/** Makes inputs, tries them, and makes the one that fails small. */

import type { Coverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import type { Lines, Target } from './target.ts';

/** Tries of the minimiser: what is slow to check is left larger. */
const MINIMISE_TRIES = 1500;

export interface Failure {
  readonly lines: Lines;
  readonly error: Error;
}

export interface Run {
  readonly tried: number;
  readonly failure: Failure | undefined;
  /** Inputs that reached what none before had. */
  readonly kept: readonly Lines[];
}

export interface Plan {
  readonly target: Target;
  readonly seed: number;
  readonly corpus: readonly Lines[];
  /** Whether to go on, asked before each input. */
  readonly more: (tried: number) => boolean;
  /** Told before each check, so that somebody else can tell of one that never ends. */
  readonly trying?: (lines: Lines) => void;
  readonly coverage?: Coverage;
}

/** @returns why `lines` fails, or undefined */
export async function failureOf(target: Target, lines: Lines): Promise<Error | undefined> {
  try {
    await target.check(lines);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The corpus first, then changes of it and of what was found on the way. */
export async function fuzz(plan: Plan): Promise<Run> {
  const { target, corpus, coverage, more, trying } = plan;
  const random = new Random(plan.seed);
  const pool = [...corpus];
  const kept: Lines[] = [];
  let tried = 0;
  for (; more(tried); tried++) {
    const known = tried < corpus.length;
    const lines = known ? corpus[tried]! : next(target, pool, random);
    trying?.(lines);
    const error = await failureOf(target, lines);
    if (error !== undefined) return { tried: tried + 1, failure: { lines, error }, kept };
    if ((await coverage?.isNew()) === true && !known) {
      pool.push(lines);
      kept.push(lines);
    }
  }
  return { tried, failure: undefined, kept };
}

function next(target: Target, pool: readonly Lines[], random: Random): Lines {
  if (pool.length === 0 || random.chance(20))
    return Array.from({ length: 1 + random.below(6) }, () => target.line(random));
  return mutate(target, random.pick(pool), pool, random);
}

/** What an error is about, without its numbers: another error is another finding. */
const kindOf = (error: Error): string => `${error.name} ${error.message.replaceAll(/\d+/g, '0').slice(0, 40)}`;

/** Leaves out lines, then bytes, as long as it fails alike. */
export async function minimise(target: Target, failure: Failure, trying?: (lines: Lines) => void): Promise<Failure> {
  let best = failure;
  let tries = 0;
  const kind = kindOf(failure.error);
  const attempt = async (lines: Lines): Promise<boolean> => {
    if (++tries > MINIMISE_TRIES) return false;
    trying?.(lines);
    const error = await failureOf(target, lines);
    if (error === undefined || kindOf(error) !== kind) return false;
    best = { lines, error };
    return true;
  };
  for (let size = Math.ceil(best.lines.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.lines.length; ) if (!(await attempt(best.lines.toSpliced(at, size)))) at += size;
  }
  for (let line = 0; line < best.lines.length; line++) await minimiseLine(() => best.lines, line, attempt);
  return best;
}

async function minimiseLine(
  now: () => Lines,
  line: number,
  attempt: (lines: Lines) => Promise<boolean>,
): Promise<void> {
  const bytes = () => now()[line]!;
  for (let size = Math.ceil(bytes().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < bytes().length; ) {
      const shorter = Buffer.concat([bytes().subarray(0, at), bytes().subarray(at + size)]);
      if (!(await attempt(now().with(line, shorter)))) at += size;
    }
  }
}
