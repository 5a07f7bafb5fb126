// Edges with the real Limiter around one item store that delays, loses replies, fails; in simulated time.

import { StoreUnavailable } from '../../../core/errors.ts';
import { ADMITTED, type Decision, type UserAdmissions, WAIT } from '../../../core/limits/admission.ts';
import { CANCEL, type Kind } from '../../../core/limits/kinds.ts';
import type { Buckets } from '../../../core/limits/lease.ts';
import {
  type Exchanged,
  type ExchangeOutcome,
  MAX_EXCHANGE_TRIES,
  type TokenLeases,
} from '../../../core/limits/leases-port.ts';
import { Limiter } from '../../../core/limits/limiter.ts';
import type { UserLimits } from '../../../core/limits/model.ts';
import type { LimiterSettings } from '../../../core/limits/settings.ts';
import { Scheduler, seeded, simClock, simTimers } from '../../support/sim.ts';

export interface StoreFaults {
  /** One way, ms: between these. */
  readonly delay: readonly [number, number];
  readonly lostRequests: number;
  readonly lostReplies: number;
}

/** Conditional writes with a way to and a way back, each of which takes time and may lose what it carries. */
export class SimLeases implements TokenLeases {
  readonly items = new Map<string, Buckets>();
  faults: StoreFaults = { delay: [1, 3], lostRequests: 0, lostReplies: 0 };
  away = false;
  writes = 0;
  readonly #scheduler: Scheduler;
  readonly #chance: () => number;

  constructor(scheduler: Scheduler, chance: () => number) {
    this.#scheduler = scheduler;
    this.#chance = chance;
  }

  async exchange<R>(
    userId: string,
    known: Buckets | undefined,
    compute: (current: Buckets | undefined) => Exchanged<R> | undefined,
  ): Promise<ExchangeOutcome<R>> {
    let current = known;
    for (let tries = 0; tries < MAX_EXCHANGE_TRIES; tries++) {
      const exchanged = compute(current);
      if (exchanged === undefined) return { outcome: 'abandoned' };
      await this.#travel(this.faults.lostRequests);
      this.writes++;
      const stored = this.items.get(userId);
      const holds = stored?.version === current?.version;
      if (holds) this.items.set(userId, exchanged.next);
      await this.#travel(this.faults.lostReplies);
      if (holds) return { outcome: 'written', buckets: exchanged.next, result: exchanged.result };
      current = stored;
    }
    return { outcome: 'contended', current };
  }

  async read(userId: string): Promise<Buckets | undefined> {
    return this.items.get(userId);
  }

  async #travel(lost: number): Promise<void> {
    const [least, most] = this.faults.delay;
    await this.#scheduler.sleep(least + this.#chance() * (most - least));
    if (this.away) throw new StoreUnavailable('away');
    // Half of what is lost is noticed at once, half by the limiter's own patience.
    if (this.#chance() < lost) await (this.#chance() < 0.5 ? this.#fail() : new Promise(() => {}));
  }

  async #fail(): Promise<never> {
    throw new StoreUnavailable('connection reset');
  }
}

export interface SimEdge {
  limiter: Limiter;
  user: UserAdmissions;
  skewMs: number;
  boot: number;
  crashed: { value: boolean };
}

/** What was decided, in true time. */
export interface Admitted {
  readonly at: number;
  readonly kind: Kind;
}

export class World {
  readonly scheduler = new Scheduler();
  readonly chance: () => number;
  readonly leases: SimLeases;
  readonly edges: SimEdge[] = [];
  readonly admitted: Admitted[] = [];
  readonly refused: Decision[] = [];
  readonly failures: unknown[] = [];
  limits: UserLimits;
  readonly #settings: Partial<LimiterSettings>;

  constructor(seed: number, limits: UserLimits, settings: Partial<LimiterSettings> = {}) {
    this.chance = seeded(seed);
    this.leases = new SimLeases(this.scheduler, this.chance);
    this.limits = limits;
    this.#settings = settings;
  }

  addEdge(skewMs = 0): SimEdge {
    const edge = this.#boot(this.edges.length, 1, skewMs);
    this.edges.push(edge);
    return edge;
  }

  /** The edge forgets everything at once; a new incarnation takes its place. */
  crash(index: number): void {
    const old = this.edges[index]!;
    old.crashed.value = true;
    this.edges[index] = this.#boot(index, old.boot + 1, old.skewMs);
  }

  #boot(index: number, boot: number, skewMs: number): SimEdge {
    const crashed = { value: false };
    const timers = simTimers(this.scheduler);
    const limiter = new Limiter({
      leases: this.leases,
      clock: {
        now: () => simClock(this.scheduler, edge.skewMs).now(),
        nowNanos: () => simClock(this.scheduler, edge.skewMs).nowNanos(),
        monotonic: () => this.scheduler.now,
      },
      timers: { ...timers, after: (ms, run) => timers.after(ms, () => crashed.value || run()) },
      edgeKey: `edge-${index}.${boot}`,
      settings: this.#settings,
      report: (error) => this.failures.push(error),
    });
    const edge: SimEdge = { limiter, user: limiter.attach('u1', this.limits), skewMs, boot, crashed };
    return edge;
  }

  /** One message at an edge now; what waits is decided later. */
  send(edge: SimEdge, kind: Kind, decided: (decision: Decision) => void = () => {}): void {
    const note = (decision: Decision) => {
      if (edge.crashed.value) return;
      if (decision === ADMITTED) this.admitted.push({ at: this.scheduler.now, kind });
      else this.refused.push(decision);
      decided(decision);
    };
    const decision = edge.user.admit(kind, Math.floor(this.scheduler.now + edge.skewMs));
    if (decision === WAIT) edge.user.onGrant(kind, note);
    else note(decision);
  }

  /** A connection that sends `count` messages as fast as it may: the next when the one before is decided. */
  burst(edge: SimEdge, kind: Kind, count: number): void {
    if (count > 0) this.send(edge, kind, () => this.scheduler.after(0.01, () => this.burst(edge, kind, count - 1)));
  }

  /** Messages of one connection every `everyMs` for `forMs`; skipped while one waits. */
  stream(edge: () => SimEdge, kind: Kind, everyMs: number, forMs: number): void {
    const end = this.scheduler.now + forMs;
    let waits = false;
    const next = () => {
      if (this.scheduler.now >= end) return;
      if (!waits) {
        waits = true;
        const at = edge();
        this.send(at, kind, () => {
          waits = false;
        });
        if (at.crashed.value) waits = false;
      }
      this.scheduler.after(everyMs, next);
    };
    next();
  }

  run(ms: number): Promise<void> {
    return this.scheduler.run(this.scheduler.now + ms);
  }

  count(kind: Kind, from = 0): number {
    return this.admitted.filter((one) => one.kind === kind && one.at >= from).length;
  }

  /** The largest excess of admissions over B + rΔ over all windows; orders also draw on the message bucket. */
  excess(kind: Kind, rate: number, capacity: number): number {
    const times = this.admitted.filter((one) => one.kind === kind || (kind === 1 && one.kind !== CANCEL));
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    times.forEach(({ at }, index) => {
      const due = index - (rate * at) / 1000;
      least = Math.min(least, due);
      most = Math.max(most, due + 1 - least - capacity);
    });
    return most;
  }
}

export function limitsOf(orders: number, messages: number, burst: number, assignment = 1, definition = 1): UserLimits {
  return { orders_per_second: orders, messages_per_second: messages, burst, assignment, definition };
}
