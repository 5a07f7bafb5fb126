/** What is broken when: drawn from a seed, so that a run can be had again, as far as the machine lets it. */
import type { FaultKind } from './ledger.ts';

export interface Step {
  readonly kind: FaultKind;
  /** 0: all edges. */
  readonly edge: number;
  /** How long it lasts, ms; of a drain: nothing. */
  readonly ms: number;
  /** Of `store_delayed`: ms each way. Of `store_throttled`: bytes a second. */
  readonly amount?: number;
}

/** mulberry32: 32 bits of state, the same numbers for the same seed everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Longer than a lease: others declare the edge dead, and its slots are free. */
const PAST_LEASE_MS = 11_500;
/** Longer than orders go on. */
const OUTAGE_MS = 9_500;

/** Of every kind some faults are as short. */
export const LEAST_MOST_MS = 4_000;

type Draw = (edge: number, chance: () => number) => Step;

const between = (chance: () => number, least: number, most: number): number =>
  Math.round(least + chance() * (most - least));

/** Long enough for a session to be taken from an edge that stands still, and too short for it to be declared dead. */
const HUNG_MS = 5_000;

/** Those without which no promise is tried; a short run has only these. */
const NEEDED: readonly Draw[] = [
  (edge) => ({ kind: 'edge_killed', edge, ms: PAST_LEASE_MS }),
  () => ({ kind: 'store_stopped', edge: 0, ms: OUTAGE_MS }),
  (edge) => ({ kind: 'edge_drained', edge, ms: 0 }),
  (edge) => ({ kind: 'edge_stopped', edge, ms: HUNG_MS }),
];

const MORE: readonly Draw[] = [
  (edge, chance) => ({ kind: 'edge_killed', edge, ms: between(chance, 200, 3000) }),
  (edge) => ({ kind: 'edge_stopped', edge, ms: PAST_LEASE_MS }),
  (edge, chance) => ({ kind: 'edge_stopped', edge, ms: between(chance, 500, 4000) }),
  (edge) => ({ kind: 'edge_cut', edge, ms: PAST_LEASE_MS }),
  (edge, chance) => ({ kind: 'edge_cut', edge, ms: between(chance, 500, 4000) }),
  (_edge, chance) => ({ kind: 'store_stopped', edge: 0, ms: between(chance, 500, 4000) }),
  () => ({ kind: 'store_killed', edge: 0, ms: 0 }),
  (_edge, chance) => ({
    kind: 'store_delayed',
    edge: 0,
    ms: between(chance, 3000, 8000),
    amount: between(chance, 20, 250),
  }),
  (edge, chance) => ({
    kind: 'store_throttled',
    edge,
    ms: between(chance, 3000, 8000),
    amount: between(chance, 8_000, 60_000),
  }),
  () => ({ kind: 'venue_killed', edge: 0, ms: 0 }),
];

function shuffled<T>(all: readonly T[], chance: () => number): T[] {
  const some = [...all];
  for (let i = some.length - 1; i > 0; i--) {
    const j = Math.floor(chance() * (i + 1));
    [some[i], some[j]] = [some[j] as T, some[i] as T];
  }
  return some;
}

/**
 * The needed ones first, in any order; then rounds of all, each shuffled, without end.
 * @param only kinds that are wanted; none: all
 * @param atMostMs none that lasts longer; at least {@link LEAST_MOST_MS}
 */
export function* schedule(
  seed: number,
  edges: number,
  only: readonly FaultKind[] = [],
  atMostMs = Number.POSITIVE_INFINITY,
): Generator<Step> {
  const chance = seeded(seed);
  for (const one of drawn(chance)) {
    const step = one(1 + Math.floor(chance() * edges), chance);
    if ((only.length === 0 || only.includes(step.kind)) && step.ms <= atMostMs) yield step;
  }
}

function* drawn(chance: () => number): Generator<Draw> {
  yield* shuffled(NEEDED, chance);
  yield* shuffled(MORE, chance);
  for (;;) yield* shuffled([...NEEDED, ...MORE], chance);
}

/** How many steps a run has at least: those without which it shows nothing. */
export const NEEDED_STEPS = NEEDED.length;
