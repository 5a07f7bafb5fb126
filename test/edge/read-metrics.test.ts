// Durations that are counted in an array are told as prom-client's own histogram tells them, to who reads text and to who reads objects.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AggregatorRegistry, Histogram, Registry } from 'prom-client';
import { Durations, readDurations } from '../../edge/read-metrics.ts';

const BOUNDS = [0.001, 0.01, 0.25, 1];
const [NAME, HELP] = ['fix_example_seconds', 'How long it took.'];

/** Eighths of a power of two: their sum is the same in any order. */
const seconds = fc.integer({ min: 0, max: 4096 }).map((n) => n / 2048);

test('in text and as objects, bound by bound, and summed over workers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(seconds, fc.constantFrom(...BOUNDS)), { maxLength: 50 }), async (observed) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const durations = new Durations(BOUNDS);
      readDurations(ours, NAME, HELP, durations);
      const histogram = new Histogram({ name: NAME, help: HELP, buckets: BOUNDS, registers: [theirs] });
      for (const one of observed) {
        durations.add(one);
        histogram.observe(one);
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
      const aggregated = async (registry: Registry): Promise<string> => {
        const told = await registry.getMetricsAsJSON();
        return AggregatorRegistry.aggregate([told, told] as never).metrics();
      };
      expect(await aggregated(ours)).toBe(await aggregated(theirs));
    }),
    { numRuns: 50 },
  );
});
