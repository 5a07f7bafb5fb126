/** Runs in which one thing goes wrong and the rest keeps quiet: what needs that is not found in a run with a little of everything. */
import type { At, FixPlan, Plan, Trouble, UserPlan } from './plan.ts';
import type { Chance } from './scheduler.ts';
import { CALM } from './store/weather.ts';

/** One edge is without the store, or stands still, for longer than its lease: its user's next client waits for the slot. */
export function cutOff(chance: Chance, plan: Plan): Plan {
  const edges = chance.whole(2, 3);
  const kind = chance.pick(['cut', 'stop'] as const);
  const gone = { kind, edge: chance.whole(0, edges - 1), ms: chance.between(10_500, 12_500), at: 2_500 };
  const user = {
    user_id: 'u0',
    tier: 'standard',
    max_sessions: 1,
    sessions: 1,
    rivals: ['one_more'],
    pace: 5,
  } as const;
  return { ...plan, edges, users: [user], weather: CALM, restless: 0, troubles: [gone], acts: [] };
}

/** Links to the venue come and go while clients do: what an edge had to say of a session comes when another has it. */
export function unlinked(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const troubles = Array.from({ length: 5 }, () => {
    const edge = chance.whole(0, plan.edges - 1);
    return {
      kind: 'link',
      edge,
      ms: chance.between(1_000, 5_000),
      at: chance.between(500, plan.busyMs - 3_000),
    } as const;
  });
  const grace = { mode: 'session', grace_ms: chance.whole(500, 4_000) } as const;
  const profile = { ...fix.profile, cancel_on_disconnect: fix.profile.cancel_on_disconnect ?? grace };
  return { ...plan, fix: { ...fix, profile, unheard: 0.4 }, weather: CALM, restless: 1, troubles, acts: [] };
}

/** Bytes that may wait for the venue: two messages, or a dozen. */
const NARROW_BYTES = [800, 6_000] as const;
const NARROW_TROUBLES = ['link', 'market_stop', 'market_stop', 'market_disk', 'market_crash', 'crash'] as const;
/** Shorter than what ends a link: whoever leaves meanwhile is not missed by the venue, which hears of it from the edge alone. */
const STALLS = ['market_stop', 'market_disk'] as const;
const STALL_MS = [1_500, 3_800] as const;
const NO_PATIENCE_MS = [60_000, 60_000] as const;

/** The venue is often out of reach, with its link or behind it, and little may wait for it: clients leave meanwhile, many for good. */
export function narrow(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const troubles: At<Trouble>[] = [];
  const stalls = chance.hit(0.6);
  for (let at = chance.between(1_500, 3_000); at < plan.busyMs; ) {
    const kind = chance.pick(stalls ? STALLS : NARROW_TROUBLES);
    const [least, most] = stalls ? STALL_MS : [300, 5_000];
    const [ms, edge] = [chance.between(least, most), chance.whole(0, plan.edges - 1)];
    troubles.push(kind === 'link' || kind === 'crash' ? { kind, edge, ms, at } : { kind, ms, at });
    at += (stalls ? ms : 0) + chance.between(600, 3_000);
  }
  const grace = { mode: 'session', grace_ms: chance.whole(100, 1_500) } as const;
  const users = [0, 1].map((index): UserPlan => {
    const sessions = chance.whole(2, 4);
    return { user_id: `u${index}`, tier: 'premium', max_sessions: 6, sessions, rivals: [], pace: BUSILY };
  });
  return {
    ...plan,
    users,
    fix: {
      ...fix,
      narrow: Math.round(chance.between(...NARROW_BYTES)),
      leaving: 0.5,
      profile: { ...fix.profile, cancel_on_disconnect: grace },
      // What was lost is never answered: nobody is to leave for that.
      moves: fix.moves && { ...fix.moves, vanishing: 0, patience: NO_PATIENCE_MS },
    },
    weather: CALM,
    restless: 1,
    diesWriting: stalls ? 0 : plan.diesWriting,
    troubles,
    acts: [],
  };
}

/** Sessions of each user where there are many of them, and orders a second of each. */
const MANY = [3, 5] as const;
const CALMLY = 3;
const CROWD_EVERY_MS = [2_000, 4_500] as const;
/** What ends the edge that they come from, or befalls the one that they come to, does so about then. */
const ABOUT_MS = [-400, 400] as const;

/** Many sessions go from edge to edge together, also because theirs drains, and now and then something else goes wrong meanwhile. */
export function crowded(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const crowds: { at: number; edge: number }[] = [];
  const troubles: At<Trouble>[] = [];
  let [at, edge] = [chance.between(2_500, 4_000), chance.whole(0, plan.edges - 1)];
  for (; at < plan.busyMs; at += chance.between(...CROWD_EVERY_MS)) {
    const from = edge;
    edge = (from + chance.whole(1, plan.edges - 1)) % plan.edges;
    crowds.push({ at, edge });
    const ms = chance.between(50, 2_500);
    const about = Math.max(500, at + chance.between(...ABOUT_MS));
    const kind = chance.pick(['', '', 'drain', 'crash', 'link', 'stop'] as const);
    if (kind === 'drain') troubles.push({ kind, edge: from, ms, at: about });
    else if (kind !== '') troubles.push({ kind, edge: chance.pick([from, edge]), ms, at: about });
  }
  const users = [0, 1].map((index): UserPlan => {
    const sessions = chance.whole(...MANY);
    return { user_id: `u${index}`, tier: 'premium', max_sessions: 6, sessions, rivals: [], pace: CALMLY };
  });
  const vanishing = fix.profile.duplicate_logon === 'refuse' ? 0 : chance.pick([0, 0.3]);
  const moves = { vanishing, twins: 0, patience: [2_000, 8_000], crowds } as const;
  return { ...plan, users, fix: { ...fix, moves }, restless: 0.1, troubles, acts: [] };
}

/** How long an edge hangs, or is cut off: others take single sessions from it, or declare it dead. */
const TAKEN_MS = [5_000, 6_500] as const;
const DEAD_MS = [8_000, 11_000] as const;
/** Without the store for so long an edge refuses orders, and has something to say that waits. */
const REFUSES_MS = 2_300;
/** Clients leave soon enough to be elsewhere by then, and not before they have been refused something. */
const PATIENCE_MS = [1_800, 3_000] as const;
/** Orders a second of each client, some of them over its limit: an edge has answers in hand at any moment. */
const HURRY = 12;

/**
 * Edges hang, or are cut off from the store, with a batch in hand, until others have taken their sessions or declared them dead;
 * then they are there again, and reach the store before they have heard.
 */
export function hung(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const troubles: At<Trouble>[] = [];
  const commit = chance.pick(['before-send', 'before-send', 'reserve'] as const);
  for (let at = chance.between(1_500, 3_000); at < plan.busyMs - 5_000; ) {
    const edge = chance.whole(0, plan.edges - 1);
    const [least, most] = chance.hit(0.5) ? TAKEN_MS : DEAD_MS;
    const ms = chance.between(least, most);
    const how = chance.pick(['stop', 'cut', 'cut', 'cut then stop'] as const);
    if (how !== 'stop') troubles.push({ kind: 'cut', edge, ms, at });
    if (how === 'stop') troubles.push({ kind: 'stop', edge, ms, at });
    if (how === 'cut then stop') {
      // It wakes in the very moment in which the store is there again, or shortly before.
      const stopped = chance.between(REFUSES_MS, REFUSES_MS + 1_000);
      troubles.push({ kind: 'stop', edge, ms: ms - stopped + chance.between(-50, 50), at: at + stopped });
    }
    at += ms + chance.between(500, 2_500);
    // Among what it had said ahead of its journal is then some that nobody has any more.
    if (commit === 'reserve' && chance.hit(0.5))
      troubles.push({ kind: 'machine', edge, ms: 2_000, at: at - chance.between(0, ms) });
  }
  const lostGreeting = commit === 'reserve' ? 0.1 : 0;
  const moves = { vanishing: 0.9, twins: chance.pick([0, 0.5]), patience: PATIENCE_MS } as const;
  const duplicate_logon = chance.pick(['probe', 'takeover'] as const);
  const profile = { ...fix.profile, duplicate_logon };
  const calm: FixPlan = { ...fix, journal: 'store', commit, lostGreeting, profile, moves };
  const users = [0, 1].map((index): UserPlan => {
    const sessions = chance.whole(1, 2);
    return { user_id: `u${index}`, tier: 'standard', max_sessions: 3, sessions, rivals: [], pace: HURRY };
  });
  return { ...plan, users, fix: calm, weather: CALM, restless: 0.3, diesWriting: 0, troubles, acts: [] };
}

/**
 * Edges with journals in files are dead, or are taken for dead, for longer than anybody waits: what they had is nobody's to tell, and
 * whoever has their sessions by then says nothing under a number that they have used, or go on using.
 */
export function lost(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const troubles: At<Trouble>[] = [];
  for (let at = chance.between(1_500, 3_000); at < plan.busyMs - 5_000; ) {
    const ms = chance.between(...DEAD_MS);
    troubles.push({
      kind: chance.pick(['crash', 'stop', 'cut', 'cut'] as const),
      edge: chance.whole(0, plan.edges - 1),
      ms,
      at,
    });
    at += ms + chance.between(500, 2_500);
  }
  const moves = { vanishing: 0.9, twins: chance.pick([0, 0.5]), patience: PATIENCE_MS } as const;
  const duplicate_logon = chance.pick(['probe', 'takeover'] as const);
  const files: FixPlan = {
    ...fix,
    journal: 'file',
    commit: 'before-send',
    lostGreeting: 0,
    profile: { ...fix.profile, duplicate_logon },
    moves,
    lost: true,
  };
  const users = [0, 1].map((index): UserPlan => {
    const sessions = chance.whole(1, 2);
    return { user_id: `u${index}`, tier: 'standard', max_sessions: 3, sessions, rivals: [], pace: HURRY };
  });
  return { ...plan, users, fix: files, weather: CALM, restless: 0.3, diesWriting: 0, troubles, acts: [] };
}

/** Machines are up again before anybody takes their sessions. */
const UP_MS = [50, 2_500] as const;
const POWER_EVERY_MS = [700, 2_500] as const;
const POWER_HOME = ['power', 'power', 'crash'] as const;
const POWER_AWAY = ['power', 'power', 'power', 'crash', 'link', 'market_crash'] as const;
/** Clients who order a lot, so that there is always something that is written and not synced. */
const BUSILY = 10;

/** Machines lose their power, and what their disks did not have; now and then only a process is killed. */
export function powerless(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const troubles: At<Trouble>[] = [];
  const kinds = fix.moves === undefined ? POWER_HOME : POWER_AWAY;
  let at = chance.between(1_500, 3_000);
  for (; at < plan.busyMs; at += chance.between(...POWER_EVERY_MS)) {
    const [kind, edge, ms] = [chance.pick(kinds), chance.whole(0, plan.edges - 1), chance.between(...UP_MS)];
    troubles.push(kind === 'market_crash' ? { kind, ms, at } : { kind, edge, ms, at });
  }
  const [journal, commit] = chance.pick([
    ['file_sync', 'before-send'],
    ['file_sync', 'before-send'],
    ['file_sync', 'reserve'],
    ['file', 'reserve'],
  ] as const);
  const users = plan.users.map((user): UserPlan => ({ ...user, tier: 'premium', pace: BUSILY }));
  const { moves } = fix;
  return {
    ...plan,
    users,
    fix: { ...fix, journal, commit, power: true, moves: moves && { ...moves, twins: 0 } },
    weather: CALM,
    diesWriting: chance.pick([0, 0.01]),
    troubles,
    acts: [],
  };
}

/** An edge that is dead is back within this, or after others have declared it dead. */
const SOON_MS = [50, 2_500] as const;
const LATER_MS = [8_000, 11_000] as const;
/** Whatever the one before has left is over. */
const NEXT_MS = [5_500, 7_000] as const;

/** One edge dies, and nothing else is wrong: its clients are on elsewhere, or there again, by a Logon or two. */
export function dying(chance: Chance, plan: Plan, fix: FixPlan): Plan {
  const troubles: At<Trouble>[] = [];
  // A journal in files is with an edge that is back before its clients have been refused twice.
  const journal = chance.pick(['store', 'store', 'file'] as const);
  for (let at = chance.between(4_500, 6_000); at < plan.busyMs; ) {
    const [least, most] = journal === 'store' && chance.hit(0.5) ? LATER_MS : SOON_MS;
    const ms = chance.between(least, most);
    troubles.push({ kind: 'crash', edge: chance.whole(0, plan.edges - 1), ms, at });
    at += ms + chance.between(...NEXT_MS);
  }
  const duplicate_logon = chance.pick(['probe', 'takeover'] as const);
  const profile = { ...fix.profile, duplicate_logon };
  const moves = { vanishing: 0, twins: 0, patience: [2_000, 8_000] } as const;
  const users = [0, 1].map((index): UserPlan => {
    const sessions = chance.whole(1, 3);
    return { user_id: `u${index}`, tier: 'premium', max_sessions: sessions, sessions, rivals: [], pace: CALMLY };
  });
  return {
    ...plan,
    users,
    fix: { ...fix, journal, profile, moves },
    weather: chance.pick([CALM, { ...CALM, delay: [5, 40] }]),
    wildClocks: false,
    restless: chance.pick([0, 0.3]),
    diesWriting: 0,
    troubles,
    acts: [],
  };
}
