/** Runs seeds, and replays one with everything that happens in it. */
import type { Mutation } from './mutation.ts';

export { SHORT_MS } from './plan.ts';

import { type Violation, World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly steps: number;
  readonly admissions: number;
  readonly registrations: number;
  readonly fingerprint: number;
}

export async function runSeed(
  seed: number,
  busyMs: number,
  mutation?: Mutation,
  trace?: (line: string) => void,
): Promise<Outcome> {
  const world = new World({ seed, busyMs, mutation, trace });
  const violation = await world.run();
  const { fingerprint, oracle, scheduler } = world;
  const { admissions, registrations } = oracle;
  return { seed, violation, steps: scheduler.steps, admissions, registrations, fingerprint };
}
