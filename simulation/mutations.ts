/**
 * Defects that could be ours, each put before or behind a port, never into what is shipped. The simulation has to find
 * every one of them: docs/SIMULATION.md says within how many seeds it does.
 */
import { StoreUnavailable } from '../core/errors.ts';
import { CANCEL, type Kind, MESSAGE, ORDER, type Three } from '../core/limits/kinds.ts';
import { type Buckets, type ExchangeReply, ratesOf } from '../core/limits/lease.ts';
import type { TokenLeases } from '../core/limits/leases-port.ts';
import type { EdgeRegistry } from '../core/ports.ts';
import { ANSWERS } from './answer-mutations.ts';
import { DAYS } from './day-mutations.ts';
import { MOVES } from './moving-mutations.ts';
import type { Mutation } from './mutation.ts';
import { over } from './over.ts';
import { POWER } from './power-mutations.ts';
import type { Process } from './process.ts';
import { RECOVERY } from './recovery-mutations.ts';
import { isFence, isJournalFence, sortKeyOf, spoiling, unconditional } from './tampering.ts';

/** What is asked of the item of a user's buckets, on its way to those who compute with it. */
function seenAs(see: (item: Buckets, now: bigint) => Buckets): NonNullable<Mutation['ports']> {
  return (ports, process) => {
    const { leases } = ports;
    const now = () => process.machine.clock.nowNanos();
    const spoiled: TokenLeases = {
      read: (userId) => leases.read(userId),
      exchange: (userId, known, compute) =>
        leases.exchange(userId, known, (current) => compute(current && see(current, now()))),
    };
    return { ...ports, leases: spoiled };
  };
}

/** Where the buckets stand when nothing but grants moves them. */
function unsettled(before: Buckets | undefined, next: Buckets, granted: Three<number>, now: bigint): Three<bigint> {
  const rates = ratesOf(next.limits);
  const tat = (kind: Kind): bigint => {
    const from = before?.tats[kind] ?? 0n;
    if (granted[kind] === 0) return from;
    return (from > now ? from : now) + BigInt(Math.round((granted[kind] / rates[kind]) * 1e9));
  };
  return [tat(ORDER), tat(MESSAGE), tat(CANCEL)];
}

const withEdges = (change: (edges: EdgeRegistry, process: Process) => Partial<EdgeRegistry>) =>
  ((ports, process) => ({
    ...ports,
    edges: { ...ports.edges, ...change(ports.edges, process) },
  })) satisfies Mutation['ports'];

/** What a lost reply is taken for. */
async function assuming<T>(call: Promise<T>, assumed: T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StoreUnavailable) return assumed;
    throw error;
  }
}

const STALE_MS = 5_000;
const COMMIT_LATER_MS = 30;

const LIMITS: readonly Mutation[] = [
  {
    name: 'settle_nothing',
    what: 'a grant is charged when it is given, and nothing when it is spent or its lease ends',
    breaks: 'limiter',
    ports: (ports, process) => {
      const { leases } = ports;
      const exchange: TokenLeases['exchange'] = (userId, known, compute) =>
        leases.exchange(userId, known, (current) => {
          const done = compute(current);
          const { granted } = (done?.result ?? {}) as Partial<ExchangeReply>;
          if (done === undefined || granted === undefined) return done;
          const tats = unsettled(current, done.next, granted, process.machine.clock.nowNanos());
          return { ...done, next: { ...done.next, tats } };
        });
      return { ...ports, leases: { read: (userId) => leases.read(userId), exchange } };
    },
  },
  {
    name: 'count_holders_only',
    what: 'only what edges hold now is counted, not what they have spent since',
    breaks: 'limiter',
    ports: seenAs((item) => ({ ...item, tats: [0n, 0n, 0n] })),
  },
  {
    name: 'own_share_only',
    what: 'an edge does not see what other edges were granted',
    breaks: 'limiter',
    ports: seenAs((item) => ({ ...item, edges: {}, tats: [0n, 0n, 0n] })),
  },
  {
    name: 'lease_written_blindly',
    what: 'the item of the buckets is written without its condition: of two edges the later one wins',
    breaks: 'limiter',
    tamper: spoiling((_kind, change) => (sortKeyOf(change) === 'BUCKETS' ? unconditional(change) : change)),
  },
];

const SLOTS: readonly Mutation[] = [
  {
    name: 'slot_without_condition',
    what: 'a slot is taken by counting, without the condition that it is still free',
    breaks: 'session count',
    tamper: spoiling((_kind, change) => (/^(SLOT|KEY)#/.test(sortKeyOf(change)) ? unconditional(change) : change)),
  },
  {
    name: 'key_without_condition',
    what: 'two edges may take one FIX session at the same time',
    breaks: 'session count',
    tamper: spoiling((_kind, change) => (sortKeyOf(change).startsWith('KEY#') ? unconditional(change) : change)),
  },
  {
    name: 'skip_fence',
    what: 'a slot is taken without asking whether the edge still counts',
    breaks: 'fence',
    tamper: spoiling((kind, change) =>
      kind === 'ConditionCheck' && isFence(change) && !isJournalFence(change) ? undefined : change,
    ),
  },
  {
    name: 'epoch_unchecked',
    what: 'a slot is taken without asking whether the account is still as the logon saw it',
    breaks: 'kill',
    tamper: spoiling((kind, change) =>
      kind === 'ConditionCheck' && sortKeyOf(change) === 'META' ? undefined : change,
    ),
  },
  {
    name: 'released_blindly',
    what: 'a slot is given back whoever has it by now',
    breaks: 'session count',
    tamper: spoiling((kind, change) =>
      kind === 'Delete' && /^(SLOT|KEY)#/.test(sortKeyOf(change)) ? unconditional(change) : change,
    ),
  },
  {
    name: 'excess_kept',
    what: 'sessions that are too many stay when their maximum is lowered',
    breaks: 'session count',
    ports: (ports) => ({ ...ports, slots: { ...ports.slots, ofUser: async () => [] } }),
  },
];

const EDGES: readonly Mutation[] = [
  {
    name: 'heartbeat_assumed',
    what: 'a heartbeat without an answer counts as a lease that was renewed',
    breaks: 'session count',
    ports: withEdges((edges) => ({ heartbeat: (...args) => assuming(edges.heartbeat(...args), true) })),
  },
  {
    name: 'fencing_ignored',
    what: 'an edge that was declared dead goes on',
    breaks: 'session count',
    ports: withEdges((edges) => ({ heartbeat: (...args) => edges.heartbeat(...args).then(() => true) })),
  },
  {
    name: 'dead_by_impatience',
    what: 'an edge is declared dead although its heartbeat has moved',
    breaks: 'session count',
    ports: withEdges((edges) => {
      const first = new Map<string, number>();
      return {
        async list() {
          const rows = await edges.list();
          return rows.map((row) => {
            const name = `${row.edge_id}.${row.incarnation}`;
            first.set(name, first.get(name) ?? row.heartbeat);
            return { ...row, heartbeat: first.get(name) ?? 0 };
          });
        },
      };
    }),
    tamper: spoiling((kind, change) =>
      kind === 'Update' && change.ConditionExpression?.includes('#heartbeat')
        ? { ...change, ConditionExpression: change.ConditionExpression.replace(' AND #heartbeat = :heartbeat', '') }
        : change,
    ),
  },
  {
    name: 'silence_awaited',
    what: 'an edge that says nothing is waited for as one that has acknowledged',
    breaks: 'decision',
    ports: withEdges((edges) => ({
      answer: async (ask) => (await edges.answer(ask)) ?? { said: 'acknowledged' },
    })),
  },
  {
    name: 'standing_unseen',
    what: 'the heartbeat of an edge that hangs is taken for one that goes on',
    breaks: 'decision',
    ports: withEdges((edges) => {
      let looks = 0;
      return {
        find: async (id) => {
          const row = await edges.find(id);
          looks += 1;
          return row && { ...row, heartbeat: row.heartbeat + looks };
        },
      };
    }),
  },
  {
    name: 'nobody_watches',
    what: 'nobody declares a dead edge dead',
    breaks: 'dead edge',
    ports: withEdges(() => ({ declareDead: async () => false })),
  },
];

const COMMANDS: readonly Mutation[] = [
  {
    name: 'acknowledged_unread',
    what: 'commands are taken out of the queue before they are applied, and some never are',
    breaks: 'kill',
    ports: withEdges((edges, process) => ({
      async commands(edgeId, after) {
        const found = await edges.commands(edgeId, after);
        if (found.length === 0 || process.chance.hit(0.5)) return found;
        await edges.acknowledge(
          edgeId,
          found.map(({ id }) => id),
        );
        return [];
      },
    })),
  },
  {
    name: 'moved_sessions_missed',
    what: 'a change tells the edges that it saw before it was made, and does not look again',
    breaks: 'kill',
    adminPorts: withEdges(() => ({ send: async () => {} })),
  },
  {
    name: 'superseded_not_told',
    what: 'the edge of a session that was taken over does not hear of it',
    breaks: 'takeover',
    tamper: spoiling((_kind, change) => (change.Item?.command?.S?.includes('"superseded"') ? undefined : change)),
  },
  {
    name: 'no_second_look',
    what: 'a logon does not read the policy again once it has its slot',
    breaks: 'lock',
    ports: (ports, process) => {
      const { policy } = ports;
      let known: { readonly at: number; readonly version: number } | undefined;
      const version = async (): Promise<number> => {
        const now = process.machine.clock.monotonic();
        if (known === undefined || now - known.at > STALE_MS) known = { at: now, version: await policy.version() };
        return known.version;
      };
      return { ...ports, policy: { ...policy, version } };
    },
  },
  {
    name: 'audit_assumed',
    what: 'records whose append was not answered count as appended',
    breaks: 'audit',
    ports: (ports) => ({
      ...ports,
      trail: { ...ports.trail, append: (records) => assuming(ports.trail.append(records), 'appended') },
    }),
  },
];

/** The journal, of edges that speak FIX. */
const JOURNAL: readonly Mutation[] = [
  {
    name: 'commit_after_send',
    what: 'messages leave before the journal is written, which follows a moment later',
    breaks: 'numbers',
    journal: (journal, process) => {
      let waits = false;
      return over(journal, {
        flush(depends) {
          if (waits) return;
          waits = true;
          process.timers.after(COMMIT_LATER_MS, () => {
            waits = false;
            journal.flush(depends);
          });
        },
      });
    },
  },
  {
    name: 'undone_left_standing',
    what: 'what the journal has and the venue has not is neither taken back nor submitted again at the start',
    breaks: 'reports',
    journal: (journal) => over(journal, { settle: () => [] }),
  },
  {
    name: 'venue_first',
    what: 'the journal does not name the flush of the venue that it depends on',
    breaks: 'reports',
    journal: (journal) => over(journal, { flush: () => journal.flush() }),
  },
];

export const MUTATIONS: readonly Mutation[] = [
  ...LIMITS,
  ...SLOTS,
  ...EDGES,
  ...COMMANDS,
  ...JOURNAL,
  ...MOVES,
  ...DAYS,
  ...POWER,
  ...RECOVERY,
  ...ANSWERS,
];

/** @throws RangeError when there is none of that name */
export function mutationNamed(name: string | undefined): Mutation | undefined {
  if (name === undefined) return undefined;
  const found = MUTATIONS.find((one) => one.name === name);
  if (found === undefined)
    throw new RangeError(`no mutation ${name}; there are ${MUTATIONS.map((one) => one.name).join(', ')}`);
  return found;
}
