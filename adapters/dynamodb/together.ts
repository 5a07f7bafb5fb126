/**
 * Joins calls to the store that are made at the same time: when thousands log on, the reads of each and the taking of its slot are
 * the same few calls. No call waits in order to be joined. While fewer than {@link LANES} calls of a kind are under way, a call
 * is made at once and alone; later ones wait until one of those ends, and then go together.
 */
import { isDeepStrictEqual } from 'node:util';
import { StoreUnavailable } from '../../core/errors.ts';
import { BATCH_GET, type Database, type Key, type Outcome, type Row, type Write } from './database.ts';

/** Calls of a kind under way at a time. Two, so that one that is late (a lost packet) does not hold up all others. */
const LANES = 2;
/** Actions of a joined transaction: half of DynamoDB's maximum, which a slow store still manages in time. */
const ACTIONS = 48;

interface Asked<A, R> {
  readonly what: A;
  readonly tell: (answer: R) => void;
  readonly fail: (error: unknown) => void;
}

/** Requests that wait, and calls under way, of one kind. */
class Lanes<A, R> {
  #waiting: Asked<A, R>[] = [];
  #running = 0;
  readonly #lanes: number;
  /** Chooses the requests that go together out of those that wait; always the first one. */
  readonly #choose: (waiting: readonly Asked<A, R>[]) => ReadonlySet<Asked<A, R>>;
  /** Answers each of them. Rejects if some cannot be answered; then those get the error. */
  readonly #run: (some: readonly Asked<A, R>[]) => Promise<void>;

  constructor(
    lanes: number,
    choose: (waiting: readonly Asked<A, R>[]) => ReadonlySet<Asked<A, R>>,
    run: (some: readonly Asked<A, R>[]) => Promise<void>,
  ) {
    this.#lanes = lanes;
    this.#choose = choose;
    this.#run = run;
  }

  ask(what: A): Promise<R> {
    const answer = this.#wait(what);
    this.#go();
    return answer;
  }

  /** The same for several, which go together as far as a call takes them. */
  askAll(all: readonly A[]): Promise<readonly R[]> {
    const answers = all.map((what) => this.#wait(what));
    this.#go();
    return Promise.all(answers);
  }

  #wait(what: A): Promise<R> {
    return new Promise((tell, fail) => void this.#waiting.push({ what, tell, fail }));
  }

  #go(): void {
    while (this.#running < this.#lanes && this.#waiting.length > 0) {
      const chosen = this.#choose(this.#waiting);
      this.#waiting = this.#waiting.filter((one) => !chosen.has(one));
      this.#running += 1;
      void this.#serve([...chosen]);
    }
  }

  async #serve(some: readonly Asked<A, R>[]): Promise<void> {
    try {
      await this.#run(some);
    } catch (error) {
      // Without effect on requests that were answered already.
      for (const { fail } of some) fail(error);
    }
    this.#running -= 1;
    this.#go();
  }
}

/** The joined calls of one process. */
export interface Joined {
  readonly reads: JoinedReads;
  /** Reads of rows of edges, which lambdas make as well. */
  readonly edgeReads: JoinedReads;
  readonly transactions: JoinedTransactions;
}

/** @param lanes calls of a kind that may be under way at a time; default two */
export const joinedOf = (database: Database, lanes: number = LANES): Joined => ({
  reads: new JoinedReads(database, lanes, 'get'),
  edgeReads: new JoinedReads(database, lanes, 'batch'),
  transactions: new JoinedTransactions(database, lanes),
});

/** One for each row. */
const nameOf = ({ table, pk, sk }: Key): string => `${table} ${pk.length} ${pk}${sk}`;

/** Consistent reads of single rows: each is read after it was asked for, never before. */
export class JoinedReads {
  readonly #database: Database;
  readonly #alone: 'get' | 'batch';
  readonly #lanes: Lanes<Key, Row | undefined>;

  /** @param alone how a single row is read: some roles may only read in batches (lib/rights.ts) */
  constructor(database: Database, lanes: number, alone: 'get' | 'batch') {
    this.#database = database;
    this.#alone = alone;
    this.#lanes = new Lanes(
      lanes,
      (waiting) => new Set(waiting.slice(0, BATCH_GET)),
      (some) => this.#read(some),
    );
  }

  /** As Database.get. */
  get(key: Key): Promise<Row | undefined> {
    return this.#lanes.ask(key);
  }

  /** Each as by `get`, in the order of the keys. */
  getAll(keys: readonly Key[]): Promise<readonly (Row | undefined)[]> {
    return this.#lanes.askAll(keys);
  }

  async #read(some: readonly Asked<Key, Row | undefined>[]): Promise<void> {
    const [first, second] = some;
    if (first !== undefined && second === undefined && this.#alone === 'get') {
      first.tell(await this.#database.get(first.what));
      return;
    }
    let rest = some;
    for (let attempt = 0; rest.length > 0; attempt++) {
      const keys = new Map(rest.map(({ what }) => [nameOf(what), what]));
      const page = await this.#database.getSome([...keys.values()]).catch(unlessAway);
      if (page === undefined) return this.#each(rest);
      const { rows, left } = page;
      const found = new Map(rows.map(([key, row]) => [nameOf(key), row]));
      const unread = new Set(left.map(nameOf));
      for (const { what, tell } of rest) if (!unread.has(nameOf(what))) tell(found.get(nameOf(what)));
      rest = rest.filter(({ what }) => unread.has(nameOf(what)));
      if (rest.length > 0) await this.#database.backOff(attempt, 'reads are throttled');
    }
  }

  async #each(some: readonly Asked<Key, Row | undefined>[]): Promise<void> {
    await Promise.all(some.map(({ what, tell, fail }) => this.#database.get(what).then(tell, fail)));
  }
}

/** If the store is away that holds for all; any other error may concern one request only. @throws StoreUnavailable */
function unlessAway(error: unknown): undefined {
  if (error instanceof StoreUnavailable) throw error;
  return undefined;
}

/** The actions of several transactions that are made as one. */
class Group {
  readonly writes: Write[] = [];
  /** By row. */
  readonly #at = new Map<string, number>();

  /** Places of a transaction's actions in the group. Undefined: they do not fit, or another transaction does something else to the same row. */
  add(writes: readonly Write[]): readonly number[] | undefined {
    const fresh = new Map<string, Write>();
    const names = writes.map(rowOf);
    for (const [i, write] of writes.entries()) {
      const name = names[i] as string;
      const known = this.#at.get(name);
      const there = known === undefined ? fresh.get(name) : this.writes[known];
      // DynamoDB allows one action for each row in a transaction; equal actions become one.
      if (there !== undefined && !sameCheck(there, write)) return undefined;
      if (there === undefined) fresh.set(name, write);
    }
    if (this.writes.length > 0 && this.writes.length + fresh.size > ACTIONS) return undefined;
    for (const [name, write] of fresh) this.#at.set(name, this.writes.push(write) - 1);
    return names.map((name) => this.#at.get(name) as number);
  }
}

function rowOf(write: Write): string {
  if ('put' in write) return nameOf({ table: write.put, pk: write.row.pk, sk: write.row.sk });
  if ('update' in write) return nameOf(write.update);
  return nameOf('remove' in write ? write.remove : write.check);
}

function sameCheck(one: Write, other: Write): boolean {
  if (!('check' in one && 'check' in other) || one.when.text !== other.when.text) return false;
  return isDeepStrictEqual(one.when, other.when);
}

type AskedWrites = Asked<readonly Write[], Outcome>;

/**
 * Joins transactions of different callers. A group succeeds as a whole or not at all. If not, callers whose own conditions did
 * not hold are told so, and the others are tried again without them; each by itself if a foreign transaction was in the way.
 */
export class JoinedTransactions {
  readonly #database: Database;
  readonly #lanes: Lanes<readonly Write[], Outcome>;

  constructor(database: Database, lanes: number) {
    this.#database = database;
    this.#lanes = new Lanes(
      lanes,
      (waiting) => {
        const { places } = grouped(waiting);
        // A transaction that names a row twice fits into no group: the store will refuse it.
        return new Set(places.size > 0 ? places.keys() : waiting.slice(0, 1));
      },
      (some) => this.#write(some),
    );
  }

  /** As Database.transact, without a token. The rows of the writes are distinct. */
  transact(writes: readonly Write[]): Promise<Outcome> {
    return this.#lanes.ask(writes);
  }

  async #write(some: readonly AskedWrites[]): Promise<void> {
    for (let rest = some; rest.length > 0; ) {
      const [first, second] = rest;
      if (first !== undefined && second === undefined) {
        first.tell(await this.#database.transact(first.what));
        return;
      }
      const { writes, places } = grouped(rest);
      const outcome = await this.#database.tryTransact(writes).catch(unlessAway);
      // A wrong request, or a foreign transaction on one row, must not affect the others.
      if (outcome === undefined) return this.#each(rest);
      if (outcome.result === 'done') {
        for (const one of places.keys()) one.tell({ result: 'done' });
        return;
      }
      if (outcome.result === 'race') return this.#each(rest);
      const failed = new Set(outcome.failed);
      const refused = new Set<AskedWrites>();
      for (const [one, at] of places) {
        const own = at.flatMap((place, i) => (failed.has(place) ? [i] : []));
        if (own.length === 0) continue;
        refused.add(one);
        one.tell({ result: 'refused', failed: own });
      }
      if (refused.size === 0) throw new StoreUnavailable('a transaction was refused for nobody');
      rest = rest.filter((one) => !refused.has(one));
    }
  }

  async #each(some: readonly AskedWrites[]): Promise<void> {
    await Promise.all(some.map(({ what, tell, fail }) => this.#database.transact(what).then(tell, fail)));
  }
}

/** The next group: as many transactions as fit, with the places of their actions. */
function grouped(waiting: readonly AskedWrites[]): {
  readonly writes: readonly Write[];
  readonly places: ReadonlyMap<AskedWrites, readonly number[]>;
} {
  const group = new Group();
  const places = new Map<AskedWrites, readonly number[]>();
  for (const one of waiting) {
    const at = group.add(one.what);
    if (at !== undefined) places.set(one, at);
  }
  return { writes: group.writes, places };
}
