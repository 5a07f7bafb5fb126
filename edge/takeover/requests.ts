/**
 * Asks other edges to hand sessions over. Each edge is asked one question at a time: the first session is asked for at once, and
 * those that are wanted meanwhile go together in the next question (docs/adr/0046-sessions-that-move-together.md).
 */

import type { EdgeRegistry } from '../../core/ports.ts';
import type { Reply } from '../../core/sessions/asking.ts';
import { YIELDED_TOGETHER } from '../../core/sessions/bounds.ts';
import type { JournalStore } from '../../core/sessions/journal-store.ts';
import type { EdgeRow, Question, Yielding } from '../../core/sessions/model.ts';
import type { Timers } from '../../core/time.ts';
import type { KeyBox } from '../journal/keys.ts';
import type { SessionState } from '../journal/session-state.ts';
import { YIELD_WITHIN_MS } from '../limits.ts';
import type { Logger } from '../log.ts';
import { sessionId } from '../sessions.ts';
import type { Ask } from './neighbours.ts';
import { unwrapped, unwrappedMany } from './parcel.ts';

/** The state of a session; undefined: the edge has none. `silent`: the edge does not answer, or not in time. */
export type Had = { readonly state: SessionState | undefined } | 'not now' | 'silent';

export interface RequestsParts {
  readonly ask: Ask;
  readonly edges: Pick<EdgeRegistry, 'acknowledge'>;
  readonly store: Pick<JournalStore, 'collect' | 'discard'>;
  readonly box: KeyBox;
  readonly timers: Timers;
  readonly log: Logger;
}

interface Waiting {
  readonly wanted: Yielding;
  readonly patienceMs: number | undefined;
  readonly tell: (had: Had) => void;
  readonly fail: (error: unknown) => void;
}

/** Sessions to be asked of one edge. */
interface Line {
  home: EdgeRow;
  waiting: Waiting[];
  /** Questions under way. */
  running: number;
}

export class Requests {
  readonly #parts: RequestsParts;
  readonly #lines = new Map<string, Line>();

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  /**
   * Asks an edge, which seems to live, to hand a session over. Rejects with StoreUnavailable.
   * @param patienceMs the edge is known to be busy: so much time it gets in all
   */
  give(home: EdgeRow, wanted: Yielding, patienceMs?: number): Promise<Had> {
    const { promise, resolve, reject } = Promise.withResolvers<Had>();
    const line = this.#lines.get(home.edge_id) ?? { home, waiting: [], running: 0 };
    this.#lines.set(home.edge_id, line);
    line.home = home;
    line.waiting.push({ wanted, patienceMs, tell: resolve, fail: reject });
    // Sessions in the same question may have more patience.
    if (patienceMs !== undefined) {
      const late = this.#parts.timers.after(patienceMs, () => resolve('silent'));
      const over = (): void => late.cancel();
      promise.then(over, over);
    }
    this.#go(line);
    return promise;
  }

  #go(line: Line): void {
    while (line.waiting.length > 0) {
      // An edge of an older release knows only questions about one session: they are all asked at once.
      const single = line.home.questions < 2;
      if (!single && line.running > 0) break;
      const some = single ? line.waiting.slice(0, 1) : together(line.waiting);
      const gone = new Set(some);
      line.waiting = line.waiting.filter((one) => !gone.has(one));
      line.running += 1;
      void this.#serve(line, some);
    }
    if (line.running === 0) this.#lines.delete(line.home.edge_id);
  }

  /** Never rejects. */
  async #serve(line: Line, some: readonly Waiting[]): Promise<void> {
    try {
      const { edge_id, questions } = line.home;
      if (questions < 2) for (const one of some) one.tell(await this.#one(edge_id, one));
      else await this.#many(edge_id, some);
    } catch (error) {
      for (const { fail } of some) fail(error);
    }
    line.running -= 1;
    this.#go(line);
  }

  async #one(home: string, { wanted, patienceMs }: Waiting): Promise<Had> {
    const { store, box } = this.#parts;
    const { ask, said } = await this.#asked(home, { type: 'yield', ...wanted }, patienceMs);
    if (said !== 'yielded') return withoutParcel(said);
    const parts = await store.collect(ask);
    if (parts.length === 0) return 'not now';
    const state = await unwrapped({ box, session: sessionId(wanted.key), epoch: wanted.epoch }, parts);
    this.#discard(ask, parts.length);
    return { state };
  }

  async #many(home: string, some: readonly Waiting[]): Promise<void> {
    const { store, box } = this.#parts;
    const patience = some.flatMap(({ patienceMs }) => (patienceMs === undefined ? [] : [patienceMs]));
    const patienceMs = patience.length === 0 ? undefined : Math.max(...patience);
    const question = { type: 'yield_many', sessions: some.map(({ wanted }) => wanted) } as const;
    const { ask, said } = await this.#asked(home, question, patienceMs);
    if (said !== 'yielded') {
      for (const { tell } of some) tell(withoutParcel(said));
      return;
    }
    const parts = await store.collect(ask);
    const there = parts.length === 0 ? [] : await unwrappedMany({ box, ask }, parts);
    const given = new Map(there.map((one) => [nameOf(one.session, one.epoch), one]));
    for (const { wanted, tell } of some) {
      const one = given.get(nameOf(sessionId(wanted.key), wanted.epoch));
      tell(one === undefined ? 'not now' : { state: one.state });
    }
    if (parts.length > 0) this.#discard(ask, parts.length);
  }

  async #asked(home: string, question: Question, patienceMs: number | undefined): Promise<Reply> {
    const { ask, edges, log } = this.#parts;
    const reply = await ask(home, question, patienceMs ?? YIELD_WITHIN_MS, patienceMs);
    // An edge that has just come back has many to answer.
    if (reply.said === 'silent' && reply.ask !== '')
      edges
        .acknowledge(home, [reply.ask])
        .catch((error: unknown) => log.warn({ error, home }, 'a question could not be taken back'));
    return reply;
  }

  #discard(ask: string, parts: number): void {
    const { store, log } = this.#parts;
    store.discard(ask, parts).catch((error: unknown) => log.warn({ error, ask }, 'a parcel stays in the store'));
  }
}

/** The next question: as many sessions as fit that have the same patience as the first. */
function together(waiting: readonly Waiting[]): readonly Waiting[] {
  const patient = waiting[0]?.patienceMs !== undefined;
  return waiting.filter(({ patienceMs }) => (patienceMs !== undefined) === patient).slice(0, YIELDED_TOGETHER);
}

function withoutParcel(said: Reply['said']): Had {
  if (said === 'nothing') return { state: undefined };
  return said === 'silent' || said === 'late' ? 'silent' : 'not now';
}

const nameOf = (session: string, epoch: number): string => `${epoch} ${session}`;
