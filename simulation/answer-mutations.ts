/** Defects in what clients are told who log on, come back or want to get out. */
import { StoreUnavailable } from '../core/errors.ts';
import type { Mutation } from './mutation.ts';
import { over } from './over.ts';

/** Longer than a cancel waits. */
const SELDOM_MS = 3_000;

/** What stands in for an answer of the store that does not come. */
async function orElse<T>(call: Promise<T>, other: () => T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StoreUnavailable) return other();
    throw error;
  }
}

export const ANSWERS: readonly Mutation[] = [
  {
    name: 'clock_read_seldom',
    what: 'a gate reads its wall clock every three seconds, and gathers nothing in between for cancels while the store is away',
    breaks: 'cancels',
    ports: (ports) => {
      const { clock } = ports;
      let read = clock.now();
      const now = (): number => {
        const at = clock.now();
        if (Math.abs(at - read) >= SELDOM_MS) read = at;
        return read;
      };
      return { ...ports, clock: over(clock, { now }) };
    },
  },
  {
    name: 'absence_taken_for_nobody',
    what: 'who logs on while the store does not answer is taken for somebody who is not known',
    breaks: 'refusal',
    ports: (ports) => {
      const { directory } = ports;
      const credential: typeof directory.credential = (name) => orElse(directory.credential(name), () => undefined);
      return { ...ports, directory: { ...directory, credential } };
    },
  },
  {
    name: 'absence_taken_for_yes',
    what: 'who logs on while the store does not answer is judged by what was read last, and taken for one who has got a slot',
    breaks: 'refusal',
    ports: (ports) => {
      const { directory, policy, slots } = ports;
      const known = new Map<string, unknown>();
      const lastOf = async <T>(name: string, call: Promise<T>): Promise<T> => {
        const answer = await (known.has(name) ? orElse(call, () => known.get(name) as T) : call);
        known.set(name, answer);
        return answer;
      };
      const take: typeof slots.take = (session, ...more) => {
        const { edge_id: home } = session;
        const holding = { epoch: 1, home, from: home };
        return orElse(slots.take(session, ...more), () => ({ result: 'taken', slot: 0, holding }));
      };
      return {
        ...ports,
        directory: { ...directory, credential: (name) => lastOf(name, directory.credential(name)) },
        policy: { ...policy, version: () => lastOf('version', policy.version()) },
        slots: { ...slots, take },
      };
    },
  },
  {
    name: 'dead_slot_awaited',
    what: 'who comes from an edge that has died does not get the slot of its own session before that edge is declared dead',
    breaks: 'return',
    ports: (ports) => {
      const { slots } = ports;
      const take: typeof slots.take = async (session, max, supersedes, ...more) => {
        if (supersedes === undefined || supersedes.startsWith(`${session.edge_id}.`))
          return await slots.take(session, max, supersedes, ...more);
        return { result: 'full', holders: [] };
      };
      return { ...ports, slots: { ...slots, take } };
    },
  },
];
