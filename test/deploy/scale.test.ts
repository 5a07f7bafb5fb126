import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { WATCHED_EDGES } from '../../core/sessions/bounds.ts';
import { MILLION, ofEdges, ofJournals, ofUsers, tables } from '../../deploy/scale.ts';
import { ROOT } from '../support/product.ts';
import { startStore, type TestStore } from '../support/store.ts';
import { NOON } from '../support/stores.ts';

describe('what is reckoned', () => {
  test('stands in docs/SCALE.md as npm run scale prints it', () => {
    expect(readFileSync(join(ROOT, 'docs', 'SCALE.md'), 'utf8')).toContain(tables(MILLION, [1, 100, 10_000]));
  });

  test('grows with edges, and with users who are there', () => {
    expect(ofEdges(100).dollars).toBeCloseTo(100 * ofEdges(1).dollars, 6);
    const half = ofUsers({ ...MILLION, users: MILLION.users / 2 });
    for (const [what, found] of Object.entries(ofUsers(MILLION)))
      expect(found.dollars).toBeCloseTo(2 * half[what as keyof typeof half].dollars, 6);
    const asleep = ofUsers({ ...MILLION, present: 0 });
    expect(Object.values(asleep).map(({ dollars }) => dollars)).toEqual([0, 0, 0, 0]);
    expect(ofJournals({ ...MILLION, present: 0 }, 10).dollars).toBe(0);
    // On fewer edges more share a commit.
    expect(ofJournals(MILLION, 1).dollars).toBeLessThan(ofJournals(MILLION, 100).dollars / 4);
  });
});

describe('watching', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore();
  }, 30_000);
  afterAll(() => store?.stop());

  test('a few edges costs as much among fifty as among twenty', async () => {
    let units = 0;
    store.client.middlewareStack.add(
      (next) => async (args) => {
        (args.input as unknown as Record<string, unknown>).ReturnConsumedCapacity = 'TOTAL';
        const reply = await next(args);
        const used = (reply.output as { ConsumedCapacity?: { CapacityUnits?: number } }).ConsumedCapacity;
        units += used?.CapacityUnits ?? 0;
        return reply;
      },
      { step: 'initialize' },
    );
    const tableNames = await store.tables();
    const { edges } = createDynamoAdapters({ client: store.client, tables: tableNames, random: systemRandom });
    const cost = async (): Promise<number> => {
      units = 0;
      expect(await edges.following('edge-10', WATCHED_EDGES)).toHaveLength(WATCHED_EDGES);
      return units;
    };
    for (let i = 10; i < 30; i++) await edges.register(`edge-${i}`, '1', NOON);
    const among20 = await cost();
    for (let i = 30; i < 60; i++) await edges.register(`edge-${i}`, '1', NOON);
    expect(among20).toBeGreaterThan(0);
    expect(await cost()).toBe(among20);
    units = 0;
    await edges.list();
    expect(units).toBeGreaterThan(2 * among20);
  }, 60_000);
});
