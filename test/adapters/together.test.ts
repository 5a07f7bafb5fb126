// What many ask of the store at once goes together, and each hears what it would have heard alone. Over the simulation's store,
// whose calls are held here until they are let go.
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Operation, Operations, Output, StoreCalls } from '../../adapters/dynamodb/calls.ts';
import { Database, type Outcome, type Write } from '../../adapters/dynamodb/database.ts';
import { absent, equals } from '../../adapters/dynamodb/expressions.ts';
import { type TableName, tableNames } from '../../adapters/dynamodb/tables.ts';
import { type Joined, joinedOf } from '../../adapters/dynamodb/together.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { Tables } from '../../simulation/store/tables.ts';

interface Held {
  readonly operation: Operation;
  readonly input: object;
  /** Does it and answers. */
  go(): void;
  reject(name: string, more?: object): void;
  answer(output: object): void;
}

/** A store that does nothing until it is told to. */
class HeldStore implements StoreCalls {
  readonly tables = new Tables(() => 0);
  readonly held: Held[] = [];
  readonly seen: Operation[] = [];

  call<K extends Operation>(operation: K, input: Operations[K][0]): Promise<Output<K>> {
    this.seen.push(operation);
    return new Promise((resolve, reject) => {
      this.held.push({
        operation,
        input,
        go: () => {
          try {
            resolve(this.tables.calls[`${operation}Command`]?.(input as never) as Output<K>);
          } catch (error) {
            reject(error);
          }
        },
        reject: (name, more) => reject(Object.assign(new Error(name), { name, ...more })),
        answer: (output) => resolve(output as Output<K>),
      });
    });
  }

  /** Lets all go that is asked, and what is asked thereupon, until nothing is. */
  async drain(): Promise<void> {
    for (;;) {
      await settled();
      const next = this.held.shift();
      if (next === undefined) return;
      next.go();
    }
  }
}

/** All that follows from what has been answered has happened. */
const settled = () => new Promise((done) => setImmediate(done));

const T: TableName = 'sessions';
const key = (sk: string) => ({ table: T, pk: 'p', sk });
const put = (sk: string, by: string, when?: Write['when']): Write => ({
  put: T,
  row: { pk: 'p', sk, by },
  ...(when === undefined ? {} : { when }),
});
const take = (sk: string, by: string) => put(sk, by, absent('by'));
const check = (sk: string, by: string): Write => ({ check: key(sk), when: equals({ by }) });

let store: HeldStore;
let joined: Joined;
let database: Database;
beforeEach(() => {
  store = new HeldStore();
  database = new Database(store, tableNames('t'), systemRandom, 3_000, async () => {});
  joined = joinedOf(database);
});

async function there(...writes: readonly Write[]): Promise<void> {
  const done = database.transact(writes);
  await store.drain();
  await done;
  store.seen.length = 0;
}
const by = (sk: string) => store.tables.peek(tableNames('t')[T], 'p', sk)?.by?.S;

describe('reads', () => {
  test('go at once and alone while two are under way at most; who comes later goes together, each row once', async () => {
    await there(put('a', '1'), put('b', '2'));
    const asked = ['a', 'b', 'a', 'a', 'none'].map((sk) => joined.reads.get(key(sk)));
    expect(store.seen).toEqual(['GetItem', 'GetItem']);
    store.held.shift()?.go();
    await settled();
    expect(store.seen.slice(2)).toEqual(['BatchGetItem']);
    expect(JSON.stringify(store.held.at(-1)?.input)).toBe(
      JSON.stringify({
        RequestItems: {
          't-sessions': {
            Keys: [
              { pk: { S: 'p' }, sk: { S: 'a' } },
              { pk: { S: 'p' }, sk: { S: 'none' } },
            ],
            ConsistentRead: true,
          },
        },
      }),
    );
    await store.drain();
    expect((await Promise.all(asked)).map((row) => row?.by)).toEqual(['1', '2', '1', '1', undefined]);
  });

  test('asked for at once go in one call, whether or not anybody else asks', async () => {
    await there(put('a', '1'), put('b', '2'));
    const asked = joined.reads.getAll(['b', 'none', 'a'].map(key));
    expect(store.seen).toEqual(['BatchGetItem']);
    await store.drain();
    expect((await asked).map((row) => row?.by)).toEqual(['2', undefined, '1']);
    expect(await joined.reads.getAll([])).toEqual([]);
    expect(store.seen).toHaveLength(1);
  });

  test('that the store puts off are asked for again, and keep nobody else', async () => {
    await there(put('a', '1'), put('b', '2'));
    const first = [joined.reads.get(key('a')), joined.reads.get(key('a'))];
    const [one, two] = [joined.reads.get(key('a')), joined.reads.get(key('b'))];
    store.held.shift()?.go();
    await settled();
    const batch = store.held.pop();
    const [a] = [{ pk: { S: 'p' }, sk: { S: 'a' }, by: { S: '1' } }];
    const UnprocessedKeys = { 't-sessions': { Keys: [{ pk: { S: 'p' }, sk: { S: 'b' } }] } };
    batch?.answer({ Responses: { 't-sessions': [a] }, UnprocessedKeys });
    expect((await one)?.by).toBe('1');
    await store.drain();
    expect((await two)?.by).toBe('2');
    await Promise.all(first);
  });

  test('are refused together when the store is away, and those after them are asked anew', async () => {
    const asked = ['a', 'b', 'c', 'd'].map((sk) => joined.reads.get(key(sk)));
    const heard = Promise.allSettled(asked);
    for (let call = 0; call < 3; call++) {
      store.held.shift()?.reject('TimeoutError');
      await settled();
    }
    for (const one of await heard)
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    const later = joined.reads.get(key('a'));
    await store.drain();
    expect(await later).toBeUndefined();
  });
});

describe('transactions', () => {
  /** Two that are under way, so that others queue. @returns what lets them go */
  const busy = () => {
    const two = ['x', 'y'].map((sk) => joined.transactions.transact([put(sk, 'busy')]));
    return async () => {
      await store.drain();
      await Promise.all(two);
    };
  };
  const writesOf = (held = store.held[0]) =>
    (held?.input as { TransactItems: object[] } | undefined)?.TransactItems ?? [];

  test('that queue are one; what they check alike is checked once', async () => {
    await there(put('fence', 'e'));
    const free = busy();
    const asked = ['a', 'b', 'c'].map((sk) => joined.transactions.transact([check('fence', 'e'), take(sk, sk)]));
    store.held.shift()?.go();
    await settled();
    expect(writesOf(store.held.at(-1))).toHaveLength(4);
    await free();
    expect(await Promise.all(asked)).toEqual([{ result: 'done' }, { result: 'done' }, { result: 'done' }]);
    expect(['a', 'b', 'c'].map(by)).toEqual(['a', 'b', 'c']);
  });

  test('whose own conditions do not hold hear which, and the others are done without them', async () => {
    await there(put('fence', 'e'), put('b', 'other'));
    const free = busy();
    const asked = [
      joined.transactions.transact([check('fence', 'e'), take('a', 'me')]),
      joined.transactions.transact([check('fence', 'e'), take('free', 'me'), take('b', 'me')]),
      joined.transactions.transact([check('fence', 'another'), take('c', 'me')]),
      joined.transactions.transact([check('fence', 'e'), take('d', 'me')]),
    ];
    await free();
    expect(await Promise.all(asked)).toEqual([
      { result: 'done' },
      { result: 'refused', failed: [2] },
      { result: 'refused', failed: [0] },
      { result: 'done' },
    ]);
    expect(['a', 'b', 'c', 'd', 'free'].map(by)).toEqual(['me', 'other', undefined, 'me', undefined]);
  });

  test('of 48 rows at most; one of more goes alone', async () => {
    const free = busy();
    const of = (name: string, rows: number) => Array.from({ length: rows }, (_, n) => put(`${name}${n}`, name));
    const asked = [of('a', 20), of('b', 20), of('c', 20), of('d', 60), of('e', 8)].map((writes) =>
      joined.transactions.transact(writes),
    );
    const sizes: number[] = [];
    store.held.shift()?.go();
    for (await settled(); store.held.length > 0; await settled()) {
      const next = store.held.pop();
      sizes.push(writesOf(next).length);
      next?.go();
    }
    await free();
    await Promise.all(asked);
    expect(sizes.filter((size) => size > 1)).toEqual([48, 20, 60]);
  });

  test('that meet a transaction of somebody else go each by itself', async () => {
    const free = busy();
    const asked = ['a', 'b'].map((sk) => joined.transactions.transact([take(sk, 'me')]));
    store.held.shift()?.go();
    await settled();
    const CancellationReasons = [{ Code: 'TransactionConflict' }, { Code: 'None' }];
    store.held.pop()?.reject('TransactionCanceledException', { CancellationReasons });
    await settled();
    expect(store.held.slice(-2).map((held) => writesOf(held).length)).toEqual([1, 1]);
    await free();
    expect(await Promise.all(asked)).toEqual([{ result: 'done' }, { result: 'done' }]);
  });

  test('are refused together when the store is away', async () => {
    const free = busy();
    const heard = Promise.allSettled(['a', 'b'].map((sk) => joined.transactions.transact([take(sk, 'me')])));
    store.held.shift()?.go();
    await settled();
    store.held.pop()?.reject('TimeoutError');
    for (const one of await heard)
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    await free();
  });

  test('a defect in one is no answer to the others', async () => {
    const free = busy();
    const wrong: Write = { put: T, row: { pk: 'p', sk: 'z', by: 1n } };
    const heard = Promise.allSettled(
      [[take('a', 'me')], [wrong]].map((writes) => joined.transactions.transact(writes)),
    );
    await free();
    expect((await heard).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(by('a')).toBe('me');
  });

  /** Each wants some of a few rows, all or none, checks some, and comes when so many calls have been answered. */
  const wish = fc.record({
    rows: fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 1, maxLength: 4 }),
    fence: fc.constantFrom('e', 'e', 'e', 'stale'),
    after: fc.integer({ min: 0, max: 6 }),
  });

  test('property: what each hears is what has been done', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { minLength: 1, maxLength: 30 }), async (wishes) => {
        store = new HeldStore();
        database = new Database(store, tableNames('t'), systemRandom, 3_000, async () => {});
        joined = joinedOf(database);
        await there(put('fence', 'e'));
        const outcomes: Promise<Outcome>[] = [];
        const ask = (answered: number) =>
          wishes.forEach(({ rows, fence, after }, n) => {
            if (after !== answered) return;
            const writes = [check('fence', fence), ...rows.map((row) => take(`r${row}`, String(n)))];
            outcomes[n] = joined.transactions.transact(writes);
          });
        for (let answered = 0; answered <= 6; answered++) {
          ask(answered);
          store.held.shift()?.go();
          await settled();
        }
        await store.drain();
        const heard = await Promise.all(outcomes);
        for (const [n, { rows, fence }] of wishes.entries()) {
          const mine = rows.filter((row) => by(`r${row}`) === String(n));
          expect(mine.length).toBe(heard[n]?.result === 'done' ? rows.length : 0);
          if (fence === 'stale')
            expect(heard[n]).toMatchObject({ result: 'refused', failed: expect.arrayContaining([0]) });
          // Nobody is refused rows that were free all the time.
          else if (heard[n]?.result === 'refused') expect(rows.some((row) => by(`r${row}`) !== undefined)).toBe(true);
        }
      }),
    );
  });
});
