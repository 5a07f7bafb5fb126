// One suite for the items of the limiter, over memory and over DynamoDB's API by the embedded store.

import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DynamoTokenLeases } from '../../adapters/dynamodb/token-leases.ts';
import { MemoryTokenLeases } from '../../adapters/memory/token-leases.ts';
import { systemClock } from '../../adapters/node/clock.ts';
import { systemTimers } from '../../adapters/node/timers.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { ADMITTED, WAIT } from '../../core/limits/admission.ts';
import { ORDER } from '../../core/limits/kinds.ts';
import type { Buckets } from '../../core/limits/lease.ts';
import type { TokenLeases } from '../../core/limits/leases-port.ts';
import { Limiter } from '../../core/limits/limiter.ts';
import { directOf, startStore, type TestStore } from '../support/store.ts';

const BASIC = { orders_per_second: 5, messages_per_second: 20, burst: 10, assignment: 3, definition: 2 };

function item(version: number, holder = 'edge-1.1'): Buckets {
  return {
    version,
    limits: BASIC,
    tats: [1_700_000_000_123_456_789n, 0n, 1_700_000_000_000_000_001n],
    edges: { [holder]: { tokens: [1, 250_000_000, 0], expires: 1_700_000_002_000_000_003n, call: 7 } },
  };
}

const TABLE = {
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Omit<CreateTableCommandInput, 'TableName'>;

function suite(name: string, make: () => TokenLeases): void {
  describe(name, () => {
    test('an item comes back as it was written, to the nanosecond', async () => {
      const leases = make();
      expect(await leases.read('whole')).toBeUndefined();
      const written = await leases.exchange('whole', undefined, (current) => {
        expect(current).toBeUndefined();
        return { next: item(1), result: 'first' };
      });
      expect(written).toEqual({ outcome: 'written', buckets: item(1), result: 'first' });
      expect(await leases.read('whole')).toEqual(item(1));
    });

    test('a writer that knows nothing, or too little, computes on what is there', async () => {
      const leases = make();
      await leases.exchange('stale', undefined, () => ({ next: item(1), result: 0 }));
      for (const known of [undefined, item(1)]) {
        const seen: (number | undefined)[] = [];
        const before = (await leases.read('stale'))?.version ?? 0;
        await leases.exchange('stale', known, (current) => {
          seen.push(current?.version);
          return { next: item((current?.version ?? 0) + 1, `edge-${before}.1`), result: 0 };
        });
        expect(seen.at(-1)).toBe(before);
        expect(await leases.read('stale')).toEqual(item(before + 1, `edge-${before}.1`));
      }
    });

    test('a computation that gives up writes nothing', async () => {
      const leases = make();
      expect(await leases.exchange('given-up', undefined, () => undefined)).toEqual({ outcome: 'abandoned' });
      expect(await leases.read('given-up')).toBeUndefined();
    });

    test('of concurrent writers each wins once', async () => {
      const leases = make();
      const add = () =>
        leases.exchange('crowd', undefined, (current) => ({ next: item((current?.version ?? 0) + 1), result: 0 }));
      await Promise.all([add(), add(), add(), add()]);
      expect((await leases.read('crowd'))?.version).toBe(4);
    });

    test('a basic user fires 30 orders at once: the burst and what refilled is admitted', async () => {
      const failures: unknown[] = [];
      const limiter = new Limiter({
        leases: make(),
        clock: systemClock,
        timers: systemTimers,
        edgeKey: 'edge-1.1',
        settings: { waitMs: 2000 },
        report: (error) => failures.push(error),
      });
      const user = limiter.attach('burst', BASIC);
      const start = systemClock.monotonic();
      let admitted = 0;
      for (let order = 0; order < 30; order++) {
        let decision: number = user.admit(ORDER, systemClock.now());
        if (decision === WAIT) decision = await new Promise((resolve) => user.onGrant(ORDER, resolve));
        if (decision === ADMITTED) admitted++;
        else expect(user.retryAfterMs(ORDER, systemClock.now())).toBeLessThanOrEqual(200);
      }
      const refilled = Math.floor(((systemClock.monotonic() - start + 1) * 5) / 1000);
      expect(admitted).toBeGreaterThanOrEqual(10);
      expect(admitted).toBeLessThanOrEqual(10 + refilled);
      await limiter.close();
      expect(failures).toEqual([]);
    });
  });
}

suite('in memory', () => new MemoryTokenLeases());

describe('DynamoDB', () => {
  let store: TestStore;
  let client: DynamoDBClient;

  beforeAll(async () => {
    store = await startStore();
    client = store.client;
    for (const TableName of ['limits', 'others']) await client.send(new CreateTableCommand({ TableName, ...TABLE }));
  });

  afterAll(() => store.stop());

  suite('by its API', () => new DynamoTokenLeases(client, 'limits'));
  suite('without the SDK', () => new DynamoTokenLeases(directOf(store.endpoint), 'others'));

  test('an item of a later release is left as it is, and the limiter does as if the store were away', async () => {
    const leases = new DynamoTokenLeases(client, 'limits');
    const Item = { pk: { S: 'U#later' }, sk: { S: 'BUCKETS' }, format: { N: '2' }, version: { N: '1' } };
    await client.send(new PutItemCommand({ TableName: 'limits', Item }));
    for (const known of [undefined, item(7)]) {
      const exchange = leases.exchange('later', known, () => ({ next: item(2), result: 0 }));
      await expect(exchange).rejects.toThrow(StoreUnavailable);
    }
    const kept = await client.send(
      new GetItemCommand({ TableName: 'limits', Key: { pk: Item.pk, sk: Item.sk }, ConsistentRead: true }),
    );
    expect(kept.Item).toEqual(Item);
  });

  test('a store that is not there is StoreUnavailable', async () => {
    const nowhere = new DynamoDBClient({
      region: 'local',
      endpoint: 'http://127.0.0.1:1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      maxAttempts: 1,
    });
    const leases = new DynamoTokenLeases(nowhere, 'limits');
    await expect(leases.read('u')).rejects.toThrow(StoreUnavailable);
    await expect(leases.exchange('u', undefined, () => ({ next: item(1), result: 0 }))).rejects.toThrow(
      StoreUnavailable,
    );
  });
});
