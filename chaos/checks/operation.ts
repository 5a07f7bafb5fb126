/** What an operator does and what breaks: kills, locks, dead edges, outages, drains, storms. */
import type { AdminAct, Ledger, SessionLog, Verdict } from '../ledger.ts';
import { quantile, seconds, verdict } from './verdict.ts';

/** How many times as long as promised things may take: more than 1 on a machine that does other things too. */
export interface Patience {
  readonly patience: number;
}

const FREE_WITHIN_MS = 10_000;
const REACH_WITHIN_MS = 500;
const DRAINED_WITHIN_MS = 30_000;
const BACK_WITHIN_MS = 30_000;
const HEALED_WITHIN_MS = 30_000;
const LOGONS_EACH = 2;
const DECIDED_WITHIN_MS = 4_000;

export function slotsOfTheDead({ freed }: Ledger, { patience }: Patience): Verdict {
  const took = freed.flatMap(({ killed, free }) => (free === undefined ? [] : [free - killed]));
  const against = freed
    .filter(({ killed, free }) => free === undefined || free - killed > FREE_WITHIN_MS * patience)
    .map(({ edge, killed, free }) => `edge ${edge}: ${free === undefined ? 'never' : seconds(free - killed)}`);
  return verdict({
    promise: 'slots of a dead edge',
    bound: 'free ≤ 10 s after kill -9',
    seen: freed.length,
    evidence: `${freed.length} edges killed and kept down: ${took.map(seconds).join(', ')}`,
    against,
  });
}

const ENDS: ReadonlySet<AdminAct['kind']> = new Set(['kill_session', 'kill_user', 'lock', 'suspend']);

const LIMITS: ReadonlySet<AdminAct['kind']> = new Set(['tier', 'tier_put']);

/** Kill, lock and suspend, while nothing is broken: by their clients, on whatever edge. */
export const reached = (ledger: Ledger, patience: Patience): Verdict =>
  felt(ledger, patience, { promise: 'kill, lock, suspend', kinds: ENDS, what: 'sessions ended' });

/** Another tier, and a tier that is defined anew: by the answers to the orders of a session on each edge. */
export const limitsReached = (ledger: Ledger, patience: Patience): Verdict =>
  felt(ledger, patience, { promise: 'tier change', kinds: LIMITS, what: 'sessions on all edges went by them' });

interface Felt {
  readonly promise: string;
  readonly kinds: ReadonlySet<AdminAct['kind']>;
  readonly what: string;
}

function felt({ acts }: Ledger, { patience }: Patience, { promise, kinds, what }: Felt): Verdict {
  const calm = acts.filter(({ kind, calm, status }) => calm && status === 200 && kinds.has(kind));
  const took = calm.flatMap((act) => act.reached);
  const p99 = quantile(took, 0.99);
  const against = acts
    .filter(({ kind, status, missed }) => status === 200 && kinds.has(kind) && missed > 0)
    .map(({ kind, user, missed }) => `${kind} of ${user}: ${missed} sessions were never reached`);
  if (p99 >= REACH_WITHIN_MS * patience) against.push(`99th percentile ${p99.toFixed(0)} ms`);
  return verdict({
    promise,
    bound: 'p99 < 500 ms on every edge',
    seen: took.length,
    evidence: `${calm.length} while nothing was broken, ${took.length} ${what}: median ${quantile(took, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms; ${acts.filter(({ kind }) => kinds.has(kind)).length} acts in all`,
    against,
  });
}

interface Shut {
  readonly user: string;
  readonly from: number;
  readonly to: number;
}

/** From a lock's answer to the asking of its end. One whose end had no answer may have ended at any moment since. */
function shut(acts: readonly AdminAct[]): readonly Shut[] {
  const opens = { lock: 'unlock', suspend: 'reactivate' } as const;
  return acts.flatMap((act) => {
    if ((act.kind !== 'lock' && act.kind !== 'suspend') || act.status !== 200) return [];
    const end = acts.find(
      ({ kind, user, at }) => kind === opens[act.kind as 'lock' | 'suspend'] && user === act.user && at >= act.done,
    );
    return [{ user: act.user, from: act.done, to: end?.at ?? Number.POSITIVE_INFINITY }];
  });
}

/** Who is locked or suspended neither logs on nor trades. */
export function keptOut({ acts, sessions }: Ledger, { patience }: Patience): Verdict {
  const against: string[] = [];
  let tries = 0;
  for (const { user, from, to } of shut(acts)) {
    for (const { name, attempts, asked } of ofUser(sessions, user)) {
      for (const { at, answered } of attempts) {
        if (answered === undefined || at < from || answered.at > to) continue;
        tries += 1;
        if (answered.accepted) against.push(`${name} logged on ${seconds(at - from)} after it was shut out`);
      }
      const late = asked.filter(
        (one) =>
          one.kind === 'order' &&
          one.at > from + 2_000 * patience &&
          one.answered?.kind === 'report' &&
          one.answered.at < to,
      );
      for (const one of late) against.push(`${name} traded ${seconds(one.at - from)} after it was shut out`);
    }
  }
  return verdict({
    promise: 'locked and suspended stay out',
    bound: 'no Logon from the answer on',
    seen: tries,
    evidence: `${tries} Logons tried meanwhile, all refused`,
    against,
  });
}

const ofUser = (sessions: readonly SessionLog[], user: string) => sessions.filter((session) => session.user === user);

export function storeAway({ outages }: Ledger): Verdict {
  const against: string[] = [];
  const count = { cancels: 0, logons: 0, orders: 0 };
  const texts = new Set<string>();
  for (const { cancels, cancelled, meanwhile, withheld, logons, orders } of outages) {
    count.cancels += cancels;
    count.logons += logons.length;
    count.orders += orders.length;
    if (!withheld && meanwhile < cancelled)
      against.push(`${cancelled - meanwhile} cancels were done, and told only when the store was back`);
    if (cancelled < cancels)
      against.push(`${cancels - cancelled} of ${cancels} cancels sent while the store was away were not done`);
    for (const text of logons) {
      if (text === '') against.push('a Logon was accepted, or had no answer, while the store was away');
      else texts.add(text);
    }
    for (const { answer, text, again, after } of orders) {
      if (answer === 'not_now' || answer === 'limit' || (answer === 'report' && again)) continue;
      const when = after === undefined ? '' : ` after ${seconds(after)}`;
      against.push(`an order was not refused once the lease was over: ${answer}${when} ${text}`.trimEnd());
    }
  }
  return verdict({
    promise: 'store away',
    bound: 'cancels pass, Logons refused with a reason, then orders fail closed',
    seen: Math.min(count.cancels, count.logons, count.orders),
    evidence: `${outages.length} outages: ${count.cancels} cancels done, ${count.logons} Logons refused (${[...texts].join(' | ')}), ${count.orders} late orders refused`,
    against,
  });
}

export function healed({ faults, ending }: Ledger, { patience }: Patience): Verdict {
  const late = faults.filter(({ to, healed }) => healed === undefined || healed - to > HEALED_WITHIN_MS * patience);
  const against = late.map(
    ({ kind, to, healed }) => `${kind}: ${healed === undefined ? 'never' : seconds(healed - to)}`,
  );
  if (ending.ready < ending.edges) against.push(`${ending.edges - ending.ready} edges are not ready at the end`);
  if (ending.on < ending.wanted) against.push(`${ending.wanted - ending.on} sessions are not on at the end`);
  for (const name of ending.only_in_store.slice(0, 5)) against.push(`the store lists ${name}, whose client is not on`);
  for (const name of ending.only_at_clients.slice(0, 5)) against.push(`${name} is on, and the store does not list it`);
  const worst = Math.max(0, ...faults.map(({ to, healed }) => (healed ?? to) - to));
  return verdict({
    promise: 'reconciles by itself',
    bound: 'all on again ≤ 30 s after the fault; store and clients agree',
    seen: Math.min(faults.length, ending.on),
    evidence: `${faults.length} faults, the slowest healed ${seconds(worst)} after its end; ${ending.on} sessions on at the end, all in the store's list`,
    against,
  });
}

/** They have no content: until an edge hears what it has lost they may leave, under numbers that are passed over (docs/adr/0050). */
const SESSION_LEVEL = ['0', '1', '2', '3', '4', '5'];

/** While an edge stands still and is not declared dead, a session that it holds is asked for elsewhere. */
export function takenOver({ takeovers }: Ledger, { patience }: Patience): Verdict {
  const against = takeovers.flatMap(({ edge, at, answered, within_reach, said_after }) => {
    if (answered === undefined) return [`edge ${edge}: no answer`];
    const { text, accepted } = answered;
    const said = said_after.filter((type) => !SESSION_LEVEL.includes(type));
    return [
      ...(answered.at - at > DECIDED_WITHIN_MS * patience ? [`edge ${edge}: ${seconds(answered.at - at)}`] : []),
      ...(within_reach && !accepted ? [`edge ${edge}: refused, ${text}`] : []),
      ...(said.length > 0 ? [`edge ${edge}: ${said.join(', ')} to the client that had lost it`] : []),
    ];
  });
  const took = takeovers.map(
    ({ at, answered }) => `${answered?.accepted ? 'had' : 'refused'} after ${seconds((answered?.at ?? at) - at)}`,
  );
  return verdict({
    promise: 'takeover from an edge that hangs',
    bound: 'decided ≤ 4 s, and nothing said by the one before but session-level messages',
    seen: takeovers.length,
    evidence: took.join(', '),
    against,
  });
}

export function drained({ drains }: Ledger, { patience }: Patience): Verdict {
  const against = drains.flatMap(({ edge, at, sessions, told, exited }) => {
    const late = exited === undefined || exited.at - at > DRAINED_WITHIN_MS * patience;
    return [
      ...(late ? [`edge ${edge}: ${exited === undefined ? 'never ended' : seconds(exited.at - at)}`] : []),
      ...(exited !== undefined && exited.code !== 0 ? [`edge ${edge} ended with ${exited.code}`] : []),
      ...(told < sessions ? [`edge ${edge}: ${sessions - told} of ${sessions} clients got no Logout`] : []),
    ];
  });
  const took = drains.map(
    ({ at, sessions, exited }) => `${sessions} sessions in ${exited === undefined ? '–' : seconds(exited.at - at)}`,
  );
  return verdict({
    promise: 'drain',
    bound: 'clients told, exit 0 in < 30 s',
    seen: drains.reduce((sum, { sessions }) => sum + sessions, 0),
    evidence: took.join(', '),
    against,
  });
}

export function storms({ storms: all }: Ledger, { patience }: Patience): Verdict {
  const against = all.flatMap(({ edge, at, back, logons, slowest }) => {
    const most = Math.max(0, ...logons);
    const late = back === undefined || back - at > BACK_WITHIN_MS * patience;
    return [
      ...(late ? [`edge ${edge}: ${back === undefined ? 'not all came back' : seconds(back - at)}`] : []),
      ...(most > LOGONS_EACH * patience ? [`edge ${edge}: ${slowest} needed ${most} Logons`] : []),
    ];
  });
  const told = all.map(
    ({ sessions, at, back, logons }) =>
      `${sessions} back in ${back === undefined ? '–' : seconds(back - at)}, at most ${Math.max(0, ...logons)} Logons each`,
  );
  return verdict({
    promise: 'storm after an edge is gone',
    bound: 'all back in < 30 s, ≤ 2 Logons a session',
    seen: all.reduce((sum, { sessions }) => sum + sessions, 0),
    evidence: told.join('; '),
    against,
  });
}

export function trail({ audit, acts, recorded }: Ledger): Verdict {
  const against = audit.broken.map((text) => `broken: ${text}`);
  const TYPES = {
    kill_session: 'session_kill',
    kill_user: 'session_kill',
    lock: 'lock',
    unlock: 'unlock',
    suspend: 'suspend',
    reactivate: 'reactivate',
    tier: 'tier_update',
    tier_put: 'tier_put',
  } as const;
  const done = new Map<string, number>();
  for (const { kind, status } of acts) if (status === 200) done.set(TYPES[kind], (done.get(TYPES[kind]) ?? 0) + 1);
  for (const [type, count] of done)
    if ((recorded[type] ?? 0) < count)
      against.push(`${count} acts of type ${type} were done, ${recorded[type] ?? 0} are on record`);
  return verdict({
    promise: 'audit trail',
    bound: 'every chain verifies; every act is on record',
    seen: audit.records,
    evidence: `${audit.chains} chains, ${audit.records} records, ${acts.filter(({ status }) => status === 200).length} acts found`,
    against,
  });
}
