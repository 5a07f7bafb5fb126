/** Which blocks of the code under test an input reaches, by V8's own counters. */

import { type Profiler, Session } from 'node:inspector/promises';

export interface Coverage {
  /** Whether a block was reached, or reached so often, for the first time since this was last asked. */
  isNew(): Promise<boolean>;
  readonly blocks: number;
}

/** Call before the code under test is loaded. @param covers URLs of the scripts that count */
export async function startCoverage(covers: RegExp): Promise<Coverage> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set<string>();
  /** Counts are told apart by powers of four. @returns whether one is new */
  const note = (script: Profiler.ScriptCoverage): boolean => {
    const before = seen.size;
    for (const { ranges } of script.functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        if (count > 0) seen.add(`${script.scriptId}:${startOffset}-${endOffset}:${Math.floor(Math.log2(count) / 2)}`);
      }
    }
    return seen.size > before;
  };
  return {
    async isNew() {
      // Taking them sets the counters to zero.
      const { result } = await session.post('Profiler.takePreciseCoverage');
      return result
        .filter(({ url }) => covers.test(url))
        .map(note)
        .some(Boolean);
    },
    get blocks() {
      return seen.size;
    },
  };
}
