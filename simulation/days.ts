/** Runs in which a day ends: orders expire at midnight UTC, and sessions begin anew about then, while edges and the venue come and go. */
import type { At, DayPlan, FixPlan, Plan, Trouble } from './plan.ts';
import type { Chance } from './scheduler.ts';

const DAY_MS = 86_400_000;
const MIDNIGHT: number = Date.UTC(2026, 0, 6);
/** Runs begin so long before midnight: there are orders then, and time for what is left of them. */
const BEFORE_MS = [4_000, 9_000] as const;
/** Seconds from midnight until sessions are over: before, with and after the orders of their day. */
const OVER_S = [-3, -2, -1, 0, 0, 0, 0, 1, 2, 3] as const;
/** Seconds until they may be up again. */
const CLOSED_S = [0, 0, 0, 1, 2] as const;
/** What goes wrong about then begins in this time around it. */
const ABOUT_MS = [-1_500, 1_000] as const;
/** Short enough for a journal in files to be waited for. */
const SHORT_MS = [50, 2_500] as const;
/** So long before orders end, and after it. */
const UNWRITTEN_MS = [50, 600] as const;
const KINDS = ['crash', 'crash', 'stop', 'cut', 'drain'] as const;
const MARKET_KINDS = ['market_crash', 'market_crash', 'market_stop', 'link'] as const;

const clockOf = (epochMs: number): string => new Date(epochMs).toISOString().slice(11, 19);

/** A day ends in this run. */
export function withDay(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const startAt = Math.floor(MIDNIGHT - chance.between(...BEFORE_MS));
  const unwritten = fix.moves === undefined && chance.hit(0.5);
  // What is said under numbers that begin anew then may not be heard of.
  const scheduled = fix.lost === true || (!unwritten && chance.hit(0.8));
  const overAt = MIDNIGHT + 1000 * chance.pick(OVER_S);
  const opensAt = overAt + 1000 * chance.pick(CLOSED_S);
  const day: DayPlan = {
    midnight: MIDNIGHT,
    overAt: scheduled ? overAt : undefined,
    opensAt: scheduled ? opensAt : undefined,
    resets: chance.pick([0, 0, 0.15]),
  };
  const schedule = { start_time: clockOf(opensAt), end_time: clockOf(overAt), time_zone: 'UTC' };
  const profile = scheduled ? { ...fix.profile, ...schedule } : fix.profile;
  const troubles = [...plan.troubles];
  for (let more = chance.whole(0, 3); more > 0; more--) troubles.push(troubleAbout(chance, plan, startAt, fix));
  if (unwritten) troubles.push(...killedUnwritten(chance, plan, startAt, fix));
  return { ...plan, startAt, troubles, fix: { ...fix, profile, day } };
}

/** What keeps reports takes nothing when orders end, and the edge is killed before it does. */
function killedUnwritten(chance: Chance, plan: Plan, startAt: number, { journal }: FixPlan): readonly At<Trouble>[] {
  const at = MIDNIGHT - startAt - chance.between(...UNWRITTEN_MS);
  const edge = chance.whole(0, plan.edges - 1);
  return [
    { kind: journal === 'store' ? 'cut' : 'disk', edge, ms: 3 * UNWRITTEN_MS[1], at },
    { kind: 'crash', edge, ms: chance.between(...SHORT_MS), at: MIDNIGHT - startAt + chance.between(...UNWRITTEN_MS) },
  ];
}

function troubleAbout(chance: Chance, plan: Plan, startAt: number, fix: FixPlan): At<Trouble> {
  const at = Math.max(500, MIDNIGHT - startAt + chance.between(...ABOUT_MS));
  const ms = chance.between(...SHORT_MS);
  const edge = chance.whole(0, plan.edges - 1);
  const kind = chance.pick(fix.moves === undefined ? KINDS : [...KINDS, ...MARKET_KINDS]);
  if (kind === 'market_crash' || kind === 'market_stop') return { kind, ms, at };
  return { kind, edge, ms, at };
}

/** When an order of the day ends that a venue has taken at this time. */
export const endOfDay = (epochMs: number): number => (Math.floor(epochMs / DAY_MS) + 1) * DAY_MS;
