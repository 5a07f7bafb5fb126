/** Draws a plan from a seed: what is usual, and which of the particular runs it is. */
import { crowded, cutOff, dying, hung, lost, narrow, powerless, unlinked } from './apart.ts';
import { withDay } from './days.ts';
import {
  type AdminAct,
  type At,
  type FixPlan,
  type Kind,
  type Plan,
  SHORT_MS,
  type Trouble,
  type UserPlan,
} from './plan.ts';
import { type Chance, START } from './scheduler.ts';
import { CALM, type Weather } from './store/weather.ts';

type Befalling = Exclude<Trouble['kind'], 'jump'>;

/** Others notice that an edge is gone. */
const LONG_MS = 8_000;
/** Shorter than what an edge is given that stands still. */
const PATIENCE_MS = [2_000, 8_000] as const;
const BEFALLINGS: readonly Befalling[] = ['crash', 'stop', 'cut', 'away', 'drain'];
const DIES_WRITING = 0.004;
/** Orders a second of a client that speaks FIX: what is looked at is what becomes of each. */
const FIX_PACE = 8;
/** Longer than any run. */
const FOR_GOOD_MS = 1e9;
/** What the limiter's bound reckons with unless told otherwise. */
const CLOCK_ERROR_MS = 10;
/** Who wants one session too many shows soonest that a slot is free which is not. */
const RIVALS = ['same_key', 'one_more', 'one_more'] as const;
const TIERS = ['basic', 'standard', 'premium'] as const;
/** Orders a second of each: what the default tiers allow. */
const RATES: Readonly<Record<string, number>> = { basic: 5, standard: 20, premium: 100 };

function userPlan(chance: Chance, index: number): UserPlan {
  const tier = chance.pick(TIERS);
  const most = tier === 'basic' ? 1 : 3;
  const max_sessions = chance.whole(1, most);
  const sessions = chance.whole(1, max_sessions);
  const rivals = Array.from({ length: chance.whole(0, 3) }, () => chance.pick(RIVALS));
  const pace = ((RATES[tier] ?? 5) * chance.between(0.3, 2.5)) / sessions;
  return { user_id: `u${index}`, tier, max_sessions, sessions, rivals, pace: Math.min(pace, 60) };
}

/** Far away, or busy: everything arrives, and late. */
function slow(chance: Chance): Weather {
  return { ...CALM, delay: [chance.between(0.5, 20), chance.between(20, 120)] };
}

function rough(chance: Chance): Weather {
  const share = (most: number): number => (chance.hit(0.5) ? 0 : most * chance.next() ** 2);
  return {
    delay: [0.5, chance.pick([8, 40, 150, 600])],
    lostRequests: share(0.1),
    lostReplies: share(0.15),
    throttled: share(0.3),
    conflicts: share(0.2),
  };
}

/** Any of them, but at least one: what a seed leaves out makes room for what it has. */
function some<T>(chance: Chance, of: readonly T[]): readonly T[] {
  const some = of.filter(() => chance.hit(0.4));
  return some.length > 0 ? some : [chance.pick(of)];
}

/** Those that know no edge but its link. */
const MARKET_TROUBLES = ['market_crash', 'market_stop', 'market_disk', 'link'] as const;
/** A journal on a disk is nobody's once its edge was declared dead: nothing lasts as long. */
const FILE_TROUBLE_MS = 3_000;

function troubleOf(chance: Chance, edges: number, kinds: readonly Befalling[], fix: FixPlan | undefined): Trouble {
  const edge = chance.whole(0, edges - 1);
  const kind = chance.pick(kinds);
  // Short ones are met by retries, long ones outlast leases; both sides of each bound are tried.
  const ms = chance.hit(0.5) ? chance.between(50, 2_000) : chance.between(2_000, 14_000);
  if (kind === 'link') return { kind, edge, ms: ms / 2 };
  if (kind === 'market_crash' || kind === 'market_stop' || kind === 'market_disk') return { kind, ms: ms / 2 };
  if (fix?.moves !== undefined && fix.journal !== 'store') {
    const short = Math.min(ms, FILE_TROUBLE_MS);
    return kind === 'away' ? { kind, ms: short } : { kind, edge, ms: short };
  }
  if (kind === 'crash' && chance.hit(0.2)) return { kind, edge, ms: FOR_GOOD_MS };
  if (kind === 'cut' && chance.hit(0.75)) return { kind, edge, ms: chance.between(10_000, 14_000) };
  return kind === 'away' ? { kind, ms } : { kind, edge, ms };
}

function troublesOf(chance: Chance, edges: number, busyMs: number, fix: FixPlan | undefined): At<Trouble>[] {
  const more = fix === undefined ? [] : (['disk', 'crash'] as const);
  const kinds = some(chance, [...BEFALLINGS, ...more, ...(fix?.moves ? MARKET_TROUBLES : [])]);
  return several(chance, [0, fix?.moves ? 6 : 4], busyMs).map((at) => {
    const trouble = troubleOf(chance, edges, kinds, fix);
    // What others need time to notice begins while there is time.
    const early = 'ms' in trouble && trouble.ms > LONG_MS && busyMs <= SHORT_MS;
    return { ...trouble, at: early ? chance.between(500, busyMs / 3) : at };
  });
}

/** Times: as many as fit a run of {@link SHORT_MS}, and as often in a longer one. */
function several(chance: Chance, [from, to]: readonly [number, number], busyMs: number): number[] {
  const count = Math.round((chance.whole(from, to) * busyMs) / SHORT_MS);
  return Array.from({ length: count }, () => chance.between(500, busyMs));
}

interface Occasion {
  readonly at: number;
  /** When what shuts out is lifted again. */
  readonly until: number;
  readonly user: number;
  readonly tier: string;
}

const ACTS: Readonly<Record<string, (when: Occasion) => readonly At<AdminAct>[]>> = {
  kill_user: ({ at, user }) => [{ at, act: 'kill_user', user }],
  kill_session: ({ at, user }) => [{ at, act: 'kill_session', user }],
  tier: ({ at, user, tier }) => [{ at, act: 'tier', user, tier }],
  suspend: ({ at, until, user }) => [
    { at, act: 'suspend', user },
    { at: until, act: 'reactivate', user },
  ],
  lock_user: ({ at, until, user }) => [
    { at, act: 'lock_user', user },
    { at: until, act: 'unlock_user', user },
  ],
  lock_tier: ({ at, until, user }) => [
    { at, act: 'lock_tier', user },
    { at: until, act: 'unlock_tier', user },
  ],
  lock_everybody: ({ at, until }) => [
    { at, act: 'lock_everybody' },
    { at: until, act: 'unlock_everybody' },
  ],
};

function actsOf(chance: Chance, users: readonly UserPlan[], busyMs: number): At<AdminAct>[] {
  const kinds = some(chance, Object.values(ACTS));
  return several(chance, [0, 10], busyMs).flatMap((at) => {
    const user = chance.whole(0, users.length - 1);
    const tier = chance.pick(TIERS);
    return chance.pick(kinds)({ at, until: at + chance.between(300, 3_000), user, tier });
  });
}

/** Orders of some go with their sessions, some of which go for good. */
function cancelling(chance: Chance, share: number): Pick<FixPlan, 'leaving' | 'profile'> {
  const grace_ms = Math.floor(chance.between(500, 4_000));
  if (!chance.hit(share)) return { leaving: 0, profile: {} };
  return { leaving: 0.3, profile: { cancel_on_disconnect: { mode: 'session', grace_ms } } };
}

function fixPlan(chance: Chance, kind: Kind): FixPlan | undefined {
  if (kind === 'gates') return undefined;
  const journal = chance.hit(kind === 'home' ? 0.25 : 0.7) ? 'store' : 'file';
  const common = { journal, commit: 'before-send', lostGreeting: 0, leaving: 0 } as const;
  if (kind === 'home') return { ...common, profile: {}, moves: undefined };
  const { leaving, profile } = cancelling(chance, 0.5);
  const duplicate_logon = chance.pick(['probe', 'probe', 'probe', 'takeover', 'takeover', 'refuse'] as const);
  // Who is refused while a holder is there that nobody hears waits for its heartbeats to be missed, and has no promise.
  const vanishing = duplicate_logon === 'refuse' ? 0 : chance.pick([0, 0.3, 0.6]);
  const twins = chance.pick([0, 0, 0.5]);
  const moves = { vanishing, twins, patience: PATIENCE_MS };
  return { ...common, leaving, profile: { duplicate_logon, ...profile }, moves };
}

const EDGES: Readonly<Record<Kind, readonly number[]>> = {
  gates: [1, 2, 2, 3, 3, 4],
  home: [1, 2],
  moves: [2, 2, 3],
  deaths: [2, 3, 3],
};

/** In how many of the runs whose sessions stay machines lose their power. */
const POWERLESS_HOMES = 0.15;
/** In how many of the runs with FIX a day ends, and of those whose journals are lost. */
const DAYS = 0.3;
const DAYS_LOST = 0.6;
/** In how many of them 789 is said. */
const SAYING_NEXT = 0.4;

export function drawPlan(chance: Chance, busyMs: number, kind: Kind): Plan {
  const plan = ofOneDay(chance, busyMs, kind);
  return plan.fix !== undefined && chance.hit(SAYING_NEXT) ? sayingNext(chance, plan, plan.fix) : plan;
}

/** Clients, and in some runs edges, say what they expect next. */
function sayingNext(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const users = plan.users.map((user): UserPlan => (chance.hit(0.8) ? { ...user, saysNext: true } : user));
  if (chance.hit(0.3)) return { ...plan, users };
  return { ...plan, users, fix: { ...fix, profile: { ...fix.profile, enable_next_expected_msg_seq_num: true } } };
}

function ofOneDay(chance: Chance, busyMs: number, kind: Kind): Plan {
  const plan = drawn(chance, busyMs, kind);
  const { fix, wildClocks } = plan;
  // Who has no clock cannot tell when a day was over.
  if (kind === 'deaths' || fix === undefined || wildClocks || !chance.hit(fix.lost ? DAYS_LOST : DAYS)) return plan;
  return withDay(chance, plan, fix);
}

/** Most seeds lose nothing on the way to the store, so that what is promised then is held to its narrow bounds. */
function drawn(chance: Chance, busyMs: number, kind: Kind): Plan {
  const edges = chance.pick(EDGES[kind]);
  const fix = fixPlan(chance, kind);
  const users = Array.from({ length: chance.whole(1, fix ? 2 : 3) }, (_none, index) => {
    const user = userPlan(chance, index);
    return fix ? { ...user, rivals: [], pace: Math.min(user.pace, FIX_PACE) } : user;
  });
  const losing = fix?.moves !== undefined && fix.journal !== 'store' ? slow : rough;
  const weather = chance.pick([
    () => CALM,
    () => CALM,
    () => slow(chance),
    () => slow(chance),
    () => losing(chance),
    () => losing(chance),
    () => losing(chance),
  ])();
  const wildClocks = chance.hit(0.1);
  const jumps = several(chance, wildClocks ? [1, 3] : [0, 0], busyMs).map((at) => {
    return { kind: 'jump', edge: chance.whole(0, edges - 1), offset: chance.between(-5_000, 5_000), at } as const;
  });
  const plan: Plan = {
    startAt: START,
    fix,
    edges,
    users,
    weather,
    clockErrorMs: CLOCK_ERROR_MS,
    wildClocks,
    limiter: { clockErrorMs: CLOCK_ERROR_MS, storeAway: chance.hit(0.5) ? 'refuse' : 'continue' },
    diesWriting: fix && chance.hit(0.5) ? DIES_WRITING : 0,
    restless: chance.pick(fix?.moves ? [0.5, 0.9, 1] : [0.1, 0.5, 0.9]),
    troubles: [...troublesOf(chance, edges, busyMs, fix), ...jumps],
    acts: actsOf(chance, users, busyMs),
    busyMs,
  };
  if (kind === 'deaths' && fix !== undefined) return dying(chance, plan, fix);
  if (fix?.moves !== undefined) {
    const lot = chance.next();
    if (lot < 0.15) return unlinked(chance, plan, fix);
    if (lot < 0.4) return hung(chance, plan, fix);
    if (lot < 0.52) return crowded(chance, plan, fix);
    if (lot < 0.72) return powerless(chance, plan, fix);
    if (lot < 0.8) return narrow(chance, plan, fix);
    return lot > 0.93 || (lot > 0.8 && fix.journal === 'file') ? lost(chance, plan, fix) : plan;
  }
  if (fix !== undefined) {
    const home = { ...fix, ...cancelling(chance, 0.2) };
    return chance.hit(POWERLESS_HOMES) ? powerless(chance, plan, home) : { ...plan, fix: home };
  }
  return chance.hit(0.1) ? cutOff(chance, plan) : plan;
}
