import { expect, test } from '@jest/globals';
import { FAULTS } from '../../chaos/ledger.ts';
import { LEAST_MOST_MS, NEEDED_STEPS, type Step, schedule } from '../../chaos/schedule.ts';

const first = (seed: number, edges: number, count: number): Step[] => {
  const steps: Step[] = [];
  for (const step of schedule(seed, edges)) {
    if (steps.length === count) break;
    steps.push(step);
  }
  return steps;
};

test('a seed names a run, and another one another', () => {
  expect(first(7, 3, 40)).toEqual(first(7, 3, 40));
  expect(first(7, 3, 40)).not.toEqual(first(8, 3, 40));
});

test('the steps that every promise needs come first, whatever the seed', () => {
  for (let seed = 0; seed < 50; seed++) {
    const kinds = first(seed, 3, NEEDED_STEPS).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['edge_drained', 'edge_killed', 'edge_stopped', 'store_stopped']);
  }
});

test('edges are those there are, and every kind comes', () => {
  const steps = first(3, 2, 60);
  expect(new Set(steps.map(({ edge }) => edge))).toEqual(new Set([0, 1, 2]));
  expect(new Set(steps.map(({ kind }) => kind)).size).toBe(9);
});

test('of some kinds only those are drawn, in the order in which they come among all', () => {
  const only = ['store_stopped', 'venue_killed'] as const;
  const steps: Step[] = [];
  for (const step of schedule(11, 3, only)) {
    if (steps.push(step) === 8) break;
  }
  expect(steps).toEqual(
    first(11, 3, 200)
      .filter(({ kind }) => kind === 'store_stopped' || kind === 'venue_killed')
      .slice(0, 8),
  );
});

test('of faults only those are drawn that are over in time', () => {
  let drawn = 0;
  for (const { kind, ms } of schedule(11, 3, ['edge_killed', 'store_stopped'], LEAST_MOST_MS)) {
    expect(ms).toBeLessThanOrEqual(LEAST_MOST_MS);
    expect(['edge_killed', 'store_stopped']).toContain(kind);
    drawn += 1;
    if (drawn === 30) break;
  }
});

test.each(FAULTS)('%s comes also when faults are short', (kind) => {
  const [step] = schedule(5, 3, [kind], LEAST_MOST_MS);
  expect(step?.kind).toBe(kind);
});
