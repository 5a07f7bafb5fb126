/** The limiter of one edge: a UserLimiter for each user with a live session here. */
import type { Clock, Timers } from '../time.ts';
import type { Admissions, LimiterFigures, UserAdmissions, ViolationCount } from './admission.ts';
import type { LimiterHouse, Tally } from './house.ts';
import type { Kind } from './kinds.ts';
import type { TokenLeases } from './leases-port.ts';
import type { UserLimits, ViolationType } from './model.ts';
import { checkLimiterSettings, DEFAULT_LIMITER_SETTINGS, type LimiterSettings } from './settings.ts';
import { UserLimiter } from './user-limiter.ts';

export interface LimiterOptions {
  readonly leases: TokenLeases;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Names this boot of this edge among all: `<edge_id>.<incarnation>`. */
  readonly edgeKey: string;
  readonly settings?: Partial<LimiterSettings>;
  /** Told of every failed call to the store; what is no StoreUnavailable is a defect. */
  readonly report: (error: unknown) => void;
}

/** The names of the buckets by their index. */
const TYPES = ['order', 'message', 'cancel'] as const satisfies readonly ViolationType[];

type Counted = { -readonly [K in keyof ViolationCount]: ViolationCount[K] };

export class Limiter implements Admissions {
  readonly #house: LimiterHouse;
  readonly #users = new Map<string, UserLimiter>();
  /** Violations that have not been drained, by user and bucket. */
  readonly #violations = new Map<string, (Counted | undefined)[]>();
  #onEmpty: (() => void)[] = [];
  #closed = false;

  constructor(options: LimiterOptions) {
    const settings = { ...DEFAULT_LIMITER_SETTINGS, ...options.settings };
    checkLimiterSettings(settings);
    const tally: Tally = {
      calls: 0,
      failures: 0,
      granted: 0,
      wasted: 0,
      admitted: 0,
      refused: [0, 0, 0],
      refusedStore: 0,
      unleased: 0,
      waited: 0,
    };
    const { leases, clock, timers, edgeKey, report } = options;
    this.#house = {
      leases,
      clock,
      timers,
      edgeKey,
      settings,
      tally,
      report,
      violated: (userId, kind, nowMs) => this.#violated(userId, kind, nowMs),
      gone: (user) => this.#gone(user),
    };
  }

  attach(userId: string, limits: UserLimits): UserAdmissions {
    let user = this.#users.get(userId);
    if (user === undefined) {
      user = new UserLimiter(this.#house, userId, limits);
      this.#users.set(userId, user);
    }
    user.sessions++;
    user.updateLimits(limits);
    return user;
  }

  detach(admissions: UserAdmissions): void {
    const user = this.#users.get(admissions.userId);
    // Sessions that end while or after the limiter closes were settled with it.
    if (this.#closed) return;
    if (user !== admissions || user.sessions === 0) throw new RangeError('detached more often than attached');
    user.sessions--;
    if (user.sessions === 0) user.leave();
  }

  updateLimits(userId: string, limits: UserLimits): void {
    this.#users.get(userId)?.updateLimits(limits);
  }

  drainViolations(): ViolationCount[] {
    if (this.#violations.size === 0) return [];
    const drained = [...this.#violations.values()].flat().filter((count) => count !== undefined);
    this.#violations.clear();
    return drained;
  }

  resetViolations(userId: string): void {
    this.#violations.delete(userId);
  }

  figures(): LimiterFigures {
    const { refused, ...sums } = this.#house.tally;
    const [order, message, cancel] = refused;
    return { users: this.#users.size, ...sums, refused: { order, message, cancel } };
  }

  close(): Promise<void> {
    this.#closed = true;
    const empty = new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    for (const user of [...this.#users.values()]) {
      if (user.sessions === 0) continue;
      user.sessions = 0;
      user.leave();
    }
    this.#tellEmpty();
    return empty;
  }

  #gone(gone: { readonly userId: string }): void {
    if (this.#users.get(gone.userId) !== gone) return;
    this.#users.delete(gone.userId);
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    if (this.#users.size > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  #violated(userId: string, kind: Kind, at: number): void {
    let counts = this.#violations.get(userId);
    if (counts === undefined) {
      counts = [undefined, undefined, undefined];
      this.#violations.set(userId, counts);
    }
    const count = counts[kind];
    if (count === undefined) counts[kind] = { userId, type: TYPES[kind], count: 1, at };
    else {
      count.count += 1;
      count.at = at;
    }
  }
}
