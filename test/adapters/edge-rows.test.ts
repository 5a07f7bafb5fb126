// Rows of edges in one partition and in many, by processes of both kinds side by side.

import { GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { EDGES, type EdgeLayout, PARTITIONS } from '../../adapters/dynamodb/edge-rows.ts';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import { key, shardOf } from '../../adapters/keys.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { Stores } from '../../adapters/stores.ts';
import { patienceOf, startStore, type TestStore } from '../support/store.ts';
import { FIGURES, NOON, provision, session } from '../support/stores.ts';

let store: TestStore;
let tables: TableNames;
let together: Stores;
let spread: Stores;

beforeAll(async () => {
  store = await startStore();
}, 30_000);
afterAll(() => store?.stop());
beforeEach(async () => {
  tables = await store.tables();
  const adapters = (edgeRows: EdgeLayout) =>
    createDynamoAdapters({
      client: store.client,
      tables,
      random: systemRandom,
      edgeRows,
      ...patienceOf(store.endpoint),
    });
  together = adapters('together');
  spread = adapters('spread');
});

const partitionOf = (edgeId: string): string => key(EDGES, shardOf(edgeId, PARTITIONS));

async function rowsIn(partition: string): Promise<readonly string[]> {
  const found = await store.client.send(
    new QueryCommand({
      TableName: tables.sessions,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: partition } },
      ConsistentRead: true,
    }),
  );
  return (found.Items ?? []).map(({ sk }) => sk?.S ?? '');
}

/** As the release before wrote it. */
const rowBefore = (edgeId: string, state: string) =>
  store.client.send(
    new PutItemCommand({
      TableName: tables.sessions,
      Item: {
        pk: { S: EDGES },
        sk: { S: edgeId },
        incarnation: { N: '1' },
        state: { S: state },
        heartbeat: { N: '3' },
        version: { S: '0' },
        started_at: { N: '1' },
        seen_at: { N: '1' },
        figures: { S: '{}' },
      },
    }),
  );

/** What the client is asked meanwhile. */
async function callsOf(act: () => Promise<unknown>): Promise<readonly string[]> {
  const calls: string[] = [];
  store.client.middlewareStack.add(
    (next, context) => (args) => {
      calls.push(String(context.commandName).replace('Command', ''));
      return next(args);
    },
    { step: 'initialize', name: 'calls' },
  );
  try {
    await act();
  } finally {
    store.client.middlewareStack.remove('calls');
  }
  return calls;
}

test('rows that are spread lie by name; the one partition has marks, which the release before takes for edges that have stopped', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `edge-${i}`);
  for (const id of names) await spread.edges.register(id, '1', NOON);
  for (const id of names) expect(await rowsIn(partitionOf(id))).toContain(id);
  const marks = [...new Set(names.map((id) => `#${shardOf(id, PARTITIONS)}`))].sort();
  expect(marks.length).toBeGreaterThan(PARTITIONS / 2);
  expect(await rowsIn(EDGES)).toEqual(marks);
  const { Item } = await store.client.send(
    new GetItemCommand({ TableName: tables.sessions, Key: { pk: { S: EDGES }, sk: { S: marks[0] as string } } }),
  );
  expect(Item).toMatchObject({ state: { S: 'stopped' }, figures: { S: '{}' }, incarnation: { N: '0' } });
  expect((await together.edges.list()).map(({ edge_id }) => edge_id)).toEqual([...names].sort());
});

test('a few thousand names leave no partition with half as many again as its share', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const partition = partitionOf(`edge-${i}`);
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
  }
  expect(counts.size).toBe(PARTITIONS);
  // A thousand heartbeats a second are what one takes.
  expect(Math.max(...counts.values())).toBeLessThan((1.5 * 10_000) / PARTITIONS);
});

test('edges of both kinds see each other, and each is watched by as many', async () => {
  const names = Array.from({ length: 24 }, (_, i) => `m-${String(i).padStart(2, '0')}`);
  const kind = (id: string) => (Number(id.slice(2)) % 3 === 0 ? together : spread);
  for (const id of names) await kind(id).edges.register(id, '1', NOON);
  for (const { edges } of [together, spread]) {
    expect((await edges.list()).map(({ edge_id }) => edge_id)).toEqual(names);
    for (const id of names) expect(await edges.find(id)).toMatchObject({ edge_id: id, state: 'alive' });
  }
  const watched = new Map<string, number>();
  for (const id of names) {
    const found = await kind(id).edges.following(id, 8);
    expect(new Set(found.map(({ edge_id }) => edge_id)).size).toBe(8);
    for (const { edge_id } of found) watched.set(edge_id, (watched.get(edge_id) ?? 0) + 1);
  }
  expect([...watched.values()]).toEqual(names.map(() => 8));
  const all = (await spread.edges.following('m-01', 30)).map(({ edge_id }) => edge_id);
  expect(all.sort()).toEqual(names.filter((id) => id !== 'm-01'));
});

for (const [from, to] of [
  ['together', 'spread'],
  ['spread', 'together'],
] as const) {
  test(`an edge that was ${from} begins ${to}: one row, and what went before is over`, async () => {
    const [before, after] = from === 'together' ? [together, spread] : [spread, together];
    const first = await before.edges.register('e-1', '1', NOON);
    await provision(before, 'ann');
    expect((await before.slots.take(session(first, 'ann'), 1)).result).toBe('taken');
    // The slot counts for those of the other kind.
    const other = await after.edges.register('e-2', '1', NOON);
    expect((await after.slots.take(session(other, 'ann'), 1)).result).toBe('full');
    expect(await after.slots.ofUser('ann')).toHaveLength(1);

    expect(await after.edges.claim('e-1', '2', NOON)).toBeUndefined();
    const second = await after.edges.register('e-1', '2', NOON);
    expect(second.incarnation).toBeGreaterThan(first.incarnation);
    expect(await after.edges.list()).toMatchObject([{ ...second, version: '2' }, other]);
    expect(await rowsIn(from === 'together' ? EDGES : partitionOf('e-1'))).not.toContain('e-1');
    expect(await before.edges.heartbeat(first, 1, 'alive', FIGURES, NOON)).toBe(false);
    expect(await before.edges.declareDead(first, 0)).toBe(false);
    expect((await before.slots.take(session(first, 'ann'), 1)).result).toBe('fenced');
    expect((await after.slots.take(session(other, 'ann'), 1)).result).toBe('taken');

    // By whoever watches it.
    expect(await after.edges.heartbeat(second, 1, 'alive', FIGURES, NOON)).toBe(true);
    expect(await before.edges.declareDead(second, 0)).toBe(false);
    expect(await before.edges.declareDead(second, 1)).toBe(true);
    expect(await after.edges.heartbeat(second, 2, 'alive', FIGURES, NOON)).toBe(false);
    const third = await before.edges.claim('e-1', '3', NOON);
    expect(third?.incarnation).toBeGreaterThan(second.incarnation);
    expect(await before.edges.find('e-1')).toMatchObject({ ...third, state: 'alive' });
  });
}

test('none is spread while an edge serves that does not see such rows', async () => {
  await rowBefore('e-old', 'alive');
  await expect(spread.edges.register('e-1', '1', NOON)).rejects.toThrow('edge e-old is of a release that does not see');
  await expect(spread.edges.claim('e-1', '1', NOON)).rejects.toThrow('edge e-old');
  expect(await spread.edges.find('e-1')).toBeUndefined();
  await together.edges.register('e-1', '1', NOON);
  // Begun anew by this release it is no such edge any more; nor is one that has ended.
  await spread.edges.register('e-old', '1', NOON);
  await rowBefore('e-older', 'stopped');
  await spread.edges.register('e-1', '1', NOON);
  expect((await together.edges.list()).map(({ edge_id, state }) => [edge_id, state])).toEqual([
    ['e-1', 'alive'],
    ['e-old', 'alive'],
    ['e-older', 'stopped'],
  ]);
});

test('a mark is there before a row is, so that whatever begins and dies is found', async () => {
  const calls = await callsOf(() => spread.edges.register('e-1', '1', NOON));
  expect(calls.slice(-2)).toEqual(['BatchWriteItem', 'TransactWriteItems']);
});

test('a mark is written again every hour by those whose partition it names', async () => {
  const edge = await spread.edges.register('e-1', '1', NOON);
  const expiresAt = async () => {
    const Key = { pk: { S: EDGES }, sk: { S: `#${shardOf('e-1', PARTITIONS)}` } };
    const { Item } = await store.client.send(new GetItemCommand({ TableName: tables.sessions, Key }));
    return Number(Item?.expires_at?.N);
  };
  const first = await expiresAt();
  const beat = (n: number, at: number) => spread.edges.heartbeat(edge, n, 'alive', FIGURES, at);
  expect(await beat(1, NOON + 3_599_000)).toBe(true);
  expect(await expiresAt()).toBe(first);
  expect(await beat(2, NOON + 3_600_000)).toBe(true);
  expect(await expiresAt()).toBe(first + 3_600);
  // A clock that was ahead and has been set.
  expect(await beat(3, NOON)).toBe(true);
  expect(await expiresAt()).toBe(first);
});

test.each(['dead', 'stopped', 'begun anew'] as const)(
  'an incarnation that is %s is looked for once, whatever number of its sessions is taken; the one that serves each time',
  async (end) => {
    const first = await together.edges.register('e-1', '1', NOON);
    const other = await together.edges.register('e-2', '1', NOON);
    const users = ['ann', 'bob', 'cid', 'dan'];
    for (const user of users) {
      await provision(together, user);
      expect((await together.slots.take(session(first, user), 1)).result).toBe('taken');
    }
    const taking = (user: string, edge = other) => callsOf(() => together.slots.take(session(edge, user), 1));
    expect(await taking('ann')).toContain('BatchGetItem');
    expect(await taking('ann')).toContain('BatchGetItem');
    if (end === 'dead') expect(await together.edges.declareDead(first, 0)).toBe(true);
    else if (end === 'stopped') await together.edges.stop(first, FIGURES, NOON);
    else await together.edges.register('e-1', '1', NOON);
    expect(await taking('bob')).toEqual(['Query', 'BatchGetItem', 'TransactWriteItems']);
    expect(await taking('cid')).toEqual(['Query', 'TransactWriteItems']);
    // One that serves under the same name has not ended with it.
    const second = await together.edges.register('e-1', '1', NOON);
    expect((await together.slots.take(session(second, 'dan'), 1)).result).toBe('taken');
    expect((await together.slots.take(session(other, 'dan'), 1)).result).toBe('full');
    expect(await together.slots.ofUser('dan')).toMatchObject([second]);
  },
);

test('what is left of sessions goes when it is removed, and with whoever takes them; not with the end of their edge', async () => {
  const left = async () => (await rowsIn(key('E', 'e-1'))).filter((sk) => sk.startsWith('SESS#')).length;
  const first = await together.edges.register('e-1', '1', NOON);
  const other = await together.edges.register('e-2', '1', NOON);
  for (const user of ['ann', 'bob', 'cid']) {
    await provision(together, user);
    expect((await together.slots.take(session(first, user), 1)).result).toBe('taken');
  }
  expect(await together.edges.declareDead(first, 0)).toBe(true);
  expect((await together.slots.take(session(other, 'ann'), 1)).result).toBe('taken');
  expect(await left()).toBe(2);
  const second = await together.edges.register('e-1', '1', NOON);
  expect((await together.slots.take(session(second, 'bob'), 1)).result).toBe('taken');
  expect(await left()).toBe(2);
  await together.edges.removeSessions(first);
  expect(await left()).toBe(1);
  // As a release before wrote it: it is known by what it says of the session only.
  const old = (session_id: string, incarnation: number) =>
    store.client.send(
      new PutItemCommand({
        TableName: tables.sessions,
        Item: {
          pk: { S: key('E', 'e-1') },
          sk: { S: key('SESS', session_id) },
          session_id: { S: session_id },
          session: { S: JSON.stringify({ session_id, edge_id: 'e-1', incarnation }) },
        },
      }),
    );
  await old('gone', first.incarnation);
  await old('there', second.incarnation);
  await together.edges.removeSessions(first);
  expect(await rowsIn(key('E', 'e-1'))).toContain(key('SESS', 'there'));
  expect(await left()).toBe(2);
});

test('rows of edges are read in batches, also one alone: that is what functions may do', async () => {
  const edge = await together.edges.register('e-1', '1', NOON);
  await provision(together, 'ann');
  const asked = { ...session(edge, 'ann'), slot: 0 };
  expect((await together.slots.take(asked, 1)).result).toBe('taken');
  const calls = await callsOf(async () => {
    expect(await together.slots.ofUser('ann')).toHaveLength(1);
    expect(await spread.edges.find('e-1')).toMatchObject(edge);
  });
  expect([...new Set(calls)].sort()).toEqual(['BatchGetItem', 'Query']);
});

test('a name that would sort among the marks is none', async () => {
  await expect(together.edges.register('#07', '1', NOON)).rejects.toThrow(RangeError);
});
