/** Slots against a table that one person could keep by hand: whatever is asked in whatever order, a store answers as it does. */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Stores } from '../../adapters/stores.ts';
import type { EdgeIdentity, LiveSession } from '../../core/sessions/model.ts';
import { change, FIGURES, NOON, provision, session, user } from './stores.ts';

type Asked = Omit<LiveSession, 'slot'>;

const EDGES = 3;
const KEYS = ['A', 'B', 'C', 'D', 'E'] as const;

interface Row {
  readonly session: Asked;
  readonly key: string;
}

/** The table: who is on, by session id; which incarnation of each edge counts, 0 for none. */
interface Table {
  readonly rows: Map<string, Row>;
  readonly counts: number[];
  epoch: number;
  /** Who has spoken for each FIX session last, and where it is. */
  readonly spoken: Map<string, Spoken>;
}

interface Spoken {
  readonly epoch: number;
  readonly edge: string;
  readonly incarnation: number;
  readonly home: string;
  readonly from: string;
}

interface Real {
  readonly stores: Stores;
  readonly user: string;
  /** As registered last. */
  readonly edges: EdgeIdentity[];
  /** Asked for at any time, also those that got nothing. */
  readonly asked: Asked[];
  /** With their slots, also of those that are gone. */
  readonly held: LiveSession[];
}

const isLive = ({ counts }: Table, { session: { edge_id, incarnation } }: Row): boolean =>
  counts[Number(edge_id.at(-1))] === incarnation;

const onNow = (table: Table): Row[] => [...table.rows.values()].filter((row) => isLive(table, row));

/** What the table says to a question for a slot, and does. */
function takeByHand(table: Table, asked: Asked, max: number, supersedes: string | undefined): string {
  const edge = Number(asked.edge_id.at(-1));
  const key = asked.key.sender_sub_id;
  if (table.counts[edge] !== asked.incarnation) return 'fenced';
  if (table.epoch !== asked.epoch) return 'epoch_changed';
  const on = onNow(table);
  const holder = on.find((row) => row.key === key);
  if (holder !== undefined && holder.session.session_id !== supersedes) return `held by ${holder.session.session_id}`;
  const others = on.filter((row) => row !== holder);
  if (others.length >= max) return 'full';
  if (holder !== undefined) table.rows.delete(holder.session.session_id);
  table.rows.set(asked.session_id, { session: asked, key });
  const next = spokenBy(asked, table.spoken.get(key), table.epoch);
  table.spoken.set(key, next);
  return takenUnder(next);
}

/** An incarnation that has it keeps its word; whoever else takes it has to settle what the one before has left. */
function spokenBy({ edge_id: edge, incarnation }: Asked, before: Spoken | undefined, epoch: number): Spoken {
  if (before === undefined) return { epoch: epoch + 1, edge, incarnation, home: edge, from: edge };
  if (before.edge === edge && before.incarnation === incarnation) return before;
  const from = before.edge === edge ? before.from : before.edge;
  return { epoch: Math.max(before.epoch, epoch) + 1, edge, incarnation, home: before.home, from };
}

const takenUnder = ({ epoch, home, from }: Pick<Spoken, 'epoch' | 'home' | 'from'>): string =>
  `taken under ${epoch}, home ${home}, from ${from}`;

/** After each step the store shows who is on, each in a slot of its own. */
async function agree(table: Table, { stores, user: name }: Real): Promise<void> {
  const shown = await stores.slots.ofUser(name);
  const ids = (all: readonly Asked[]) => all.map(({ session_id }) => session_id).sort();
  expect(ids(shown)).toEqual(ids(onNow(table).map((row) => row.session)));
  expect(new Set(shown.map(({ slot }) => slot)).size).toBe(shown.length);
}

type Step = fc.AsyncCommand<Table, Real>;

/** @param how what is done to table and store; both must then say the same */
function step(name: string, how: (table: Table, real: Real) => Promise<void>): Step {
  return {
    check: () => true,
    run: async (table, real) => {
      await how(table, real);
      await agree(table, real);
    },
    toString: () => name,
  };
}

const take = (edge: number, key: string, max: number, supersede: boolean, stale: boolean): Step =>
  step(
    `take ${key} of ${max} on ${edge}${supersede ? ', supersede' : ''}${stale ? ', stale epoch' : ''}`,
    async (table, real) => {
      const identity = real.edges[edge]!;
      const asked = { ...session(identity, real.user, key), epoch: table.epoch - Number(stale) };
      const before = supersede ? onNow(table).find((row) => row.key === key)?.session.session_id : undefined;
      const byHand = takeByHand(table, asked, max, before);
      const result = await real.stores.slots.take(asked, max, before);
      real.asked.push(asked);
      if (result.result === 'taken') real.held.push({ ...asked, slot: result.slot });
      const said =
        result.result === 'taken'
          ? takenUnder(result.holding)
          : result.result === 'held'
            ? `held by ${result.holder.session_id}`
            : result.result;
      expect(said).toBe(byHand);
      if (result.result !== 'full') return;
      expect(result.holders.map(({ session_id }) => session_id).sort()).toEqual(
        onNow(table)
          .filter((row) => row.session.session_id !== before)
          .map((row) => row.session.session_id)
          .sort(),
      );
    },
  );

/** The reply was lost, and the edge asks again, whatever has become of the session since. */
const repeat = (pick: number): Step =>
  step('take again', async (table, real) => {
    const on = onNow(table);
    const row = on[pick % Math.max(1, on.length)];
    if (row === undefined) return;
    const result = await real.stores.slots.take(row.session, KEYS.length);
    const held = real.held.find(({ session_id }) => session_id === row.session.session_id);
    // Who ended the incarnation, or raised the epoch, since then does not take back what was given.
    expect(result).toMatchObject({ result: 'taken', slot: held?.slot });
  });

const release = (pick: number, count: number): Step =>
  step('release', async (table, real) => {
    const some = real.held.slice(pick % Math.max(1, real.held.length)).slice(0, count);
    for (const { session_id } of some) table.rows.delete(session_id);
    await real.stores.slots.release(some);
  });

/** Whoever was given a session last has all of it, as it says: true of who still speaks for it. */
const settle = (pick: number, stale: boolean): Step =>
  step('settle', async (table, { stores, held }) => {
    const one = held[pick % Math.max(1, held.length)];
    if (one === undefined) return;
    const key = one.key.sender_sub_id;
    const spoken = table.spoken.get(key);
    const epoch = (spoken?.epoch ?? 0) - Number(stale);
    const right = !stale && spoken?.edge === one.edge_id;
    expect(await stores.slots.settle(one, epoch)).toBe(right);
    if (right) table.spoken.set(key, { ...spoken, home: one.edge_id, from: one.edge_id });
  });

const raiseEpoch = (): Step =>
  step('raise the epoch', async (table, real) => {
    const { user: found } = await real.stores.directory.account(real.user);
    const next = change(real.user, found.chain, { user: user(real.user, { epoch: table.epoch + 1 }) });
    expect(await real.stores.directory.commit(next)).toEqual({ result: 'committed' });
    table.epoch += 1;
  });

const end = (edge: number, how: 'dead' | 'stopped' | 'anew'): Step =>
  step(`edge ${edge} ${how}`, async (table, { stores, edges }) => {
    const identity = edges[edge]!;
    const counted = table.counts[edge] === identity.incarnation;
    if (how === 'anew') {
      edges[edge] = await stores.edges.register(identity.edge_id, '1', NOON);
      table.counts[edge] = edges[edge]!.incarnation;
      return;
    }
    if (how === 'stopped') await stores.edges.stop(identity, FIGURES, NOON);
    else {
      const row = (await stores.edges.list()).find(({ edge_id }) => edge_id === identity.edge_id);
      const declared = await stores.edges.declareDead(identity, row?.heartbeat ?? -1);
      // Who is dead already may be declared so again.
      if (counted) expect(declared).toBe(true);
    }
    table.counts[edge] = 0;
  });

const edge = fc.nat(EDGES - 1);
const STEPS: fc.Arbitrary<Step>[] = [
  fc
    .tuple(edge, fc.constantFrom(...KEYS), fc.integer({ min: 0, max: 4 }), fc.boolean(), fc.nat(9))
    .map(([on, key, max, supersede, stale]) => take(on, key, max, supersede, stale === 0)),
  fc.tuple(edge, fc.constantFrom(...KEYS)).map(([on, key]) => take(on, key, 3, false, false)),
  fc.nat(20).map(repeat),
  fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 3 })).map(([pick, count]) => release(pick, count)),
  fc.tuple(fc.nat(50), fc.nat(4)).map(([pick, stale]) => settle(pick, stale === 0)),
  fc.constant(undefined).map(raiseEpoch),
  fc.tuple(edge, fc.constantFrom('dead', 'stopped', 'anew', 'anew')).map(([on, how]) => end(on, how as 'dead')),
];

let runs = 0;

async function begin(stores: Stores): Promise<{ model: Table; real: Real }> {
  runs += 1;
  const name = `u${runs}`;
  await provision(stores, name);
  const edges: EdgeIdentity[] = [];
  for (let i = 0; i < EDGES; i++) edges.push(await stores.edges.register(`m${runs}-${i}`, '1', NOON));
  return {
    model: { rows: new Map(), counts: edges.map(({ incarnation }) => incarnation), epoch: 1, spoken: new Map() },
    real: { stores, user: name, edges, asked: [], held: [] },
  };
}

/** Rejects when a store answers otherwise than the table, with the shortest way there. @param seed of the runs; left out: a new one */
export async function checkSlots(stores: Stores, numRuns: number, seed?: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.commands(STEPS, { maxCommands: 40, size: '+1' }), async (steps) => {
      const begun = await begin(stores);
      await fc.asyncModelRun(() => begun, steps);
    }),
    { numRuns, ...(seed === undefined ? {} : { seed }) },
  );
}
