/** The limiter's bound and the count of sessions, by what only the clients know. */
import type { Asked, Fault, Ledger, Sample, SessionLog, Verdict } from '../ledger.ts';
import { verdict } from './verdict.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Of an edge's clock, which the bound allows for. */
const CLOCK_ERROR_MS = 10;
/** What has come to an edge may be said by its metrics this much later, and a lease outlives its fault. */
const AFTER_MS = 3_000;
const BEFORE_MS = 1_500;

const STORE_FAULTS: ReadonlySet<Fault['kind']> = new Set([
  'edge_cut',
  'edge_stopped',
  'store_stopped',
  'store_killed',
  'store_delayed',
  'store_throttled',
]);

/** When some edge was without the store: by what was done to it, or because it says that it admitted without a lease. */
export function withoutStore(faults: readonly Fault[], samples: readonly Sample[]): readonly Span[] {
  const spans: Span[] = faults
    .filter(({ kind }) => STORE_FAULTS.has(kind))
    .map(({ from, to }) => ({ from: from - BEFORE_MS, to: to + AFTER_MS }));
  const before = new Map<number, Sample>();
  for (const sample of samples) {
    const last = before.get(sample.edge);
    before.set(sample.edge, sample);
    if (last === undefined) continue;
    const rose = sample.unleased === undefined || last.unleased === undefined || sample.unleased > last.unleased;
    if (rose) spans.push({ from: last.at - BEFORE_MS, to: sample.at + AFTER_MS });
  }
  return spans;
}

/** Orders that were admitted, between asking and answer. */
const admitted = (asked: readonly Asked[]): readonly Span[] =>
  asked.flatMap(({ kind, at, answered }) =>
    kind === 'order' && answered?.kind === 'report' ? [{ from: at, to: answered.at }] : [],
  );

export interface Excess {
  /** Orders above the bound. */
  readonly orders: number;
  readonly window: Span;
}

/**
 * The window with most above its bound. An order counts in a window when it was asked and answered within: it was admitted
 * in between, so that none is counted in a window in which it was not admitted.
 */
export function worstExcess(orders: readonly Span[], bound: (window: Span) => number): Excess | undefined {
  const byEnd = [...orders].sort((a, b) => a.to - b.to);
  let worst: Excess | undefined;
  for (const { from } of orders) {
    let within = 0;
    for (const one of byEnd) {
      if (one.from < from) continue;
      within += 1;
      const window = { from, to: one.to };
      const orders = within - bound(window);
      if (worst === undefined || orders > worst.orders) worst = { orders, window };
    }
  }
  return worst;
}

const overlaps = (a: Span, b: Span): boolean => a.from <= b.to && b.from <= a.to;

export function limiterBound({ users, sessions, faults, samples }: Ledger): Verdict {
  const lost = withoutStore(faults, samples);
  const against: string[] = [];
  let orders = 0;
  let tried = 0;
  let closest = Number.NEGATIVE_INFINITY;
  for (const { user, orders_per_second: rate, burst } of users.values()) {
    const own = sessions.filter((session) => session.user === user && session.role === 'greedy');
    if (own.length === 0) continue;
    tried += own.reduce((sum, { asked }) => sum + asked.filter(({ kind }) => kind === 'order').length, 0);
    const spans = own.flatMap(({ asked }) => admitted(asked));
    orders += spans.length;
    const worst = worstExcess(spans, (window) => {
      const times = lost.some((span) => overlaps(span, window)) ? 2 : 1;
      return burst + (times * rate * (window.to - window.from + 2 * CLOCK_ERROR_MS)) / 1000;
    });
    if (worst === undefined) continue;
    closest = Math.max(closest, worst.orders);
    // A whole order above, for a bound that is no whole number.
    if (worst.orders >= 1)
      against.push(
        `${user}: ${worst.orders.toFixed(1)} orders too many within ${Math.round(worst.window.to - worst.window.from)} ms`,
      );
  }
  const refused = tried - orders;
  return verdict({
    promise: 'limiter',
    bound: 'any window: burst + rate × Δ (2 × rate without the store)',
    // A limit that nobody ran into is not shown to hold.
    seen: Math.min(orders, refused),
    evidence: `${orders} of ${tried} orders of those over their limit admitted; the fullest window is ${closest.toFixed(1)} from its bound`,
    against,
  });
}

/**
 * When a session certainly had its slot: from its Logon's answer to when it sent the last order that was admitted. It had
 * the slot at both ends, and a slot that is lost is not had again by the same connection.
 */
export function certainlyOn({ attempts, asked }: SessionLog): readonly Span[] {
  return attempts.flatMap(({ answered, ended }) => {
    if (answered?.accepted !== true) return [];
    const until = ended?.at ?? Number.POSITIVE_INFINITY;
    const sent = asked
      .filter((one) => one.kind === 'order' && one.answered?.kind === 'report')
      // Answered on this connection: a resend to a later one is admitted there.
      .filter((one) => one.at >= answered.at && one.at < until && (one.answered?.at ?? 0) < until)
      .map(({ at }) => at);
    return sent.length === 0 ? [] : [{ from: answered.at, to: Math.max(...sent) }];
  });
}

/** The most that overlap at one instant. */
export function mostAtOnce(spans: readonly Span[]): number {
  const edges = spans.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  edges.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of edges) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

export function sessionCount({ users, sessions, slots }: Ledger): Verdict {
  const against: string[] = [];
  let full = 0;
  for (const { user, max_sessions } of users.values()) {
    const spans = sessions.filter((session) => session.user === user).flatMap(certainlyOn);
    const most = mostAtOnce(spans);
    if (most === max_sessions) full += 1;
    if (most > max_sessions) against.push(`${user}: ${most} sessions placed orders at once, ${max_sessions} may`);
  }
  for (const { user, held, most } of slots)
    if (held > most) against.push(`${user}: ${held} slots of ${most} were held in the store`);
  const refused = sessions
    .flatMap(({ attempts }) => attempts)
    .filter(({ answered }) => answered?.text.includes('session limit') === true).length;
  return verdict({
    promise: 'session count',
    bound: 'never above max_sessions',
    seen: Math.min(full, slots.length),
    evidence: `${full} users had all of theirs placing orders at once; ${refused} Logons refused for it; ${slots.length} readings of all slot rows`,
    against,
  });
}
