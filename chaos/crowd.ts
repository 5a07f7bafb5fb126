/** Who takes part in a run of chaos: users by role, provisioned, and their clients. */
import { AdminClient, type AdminTarget } from '../local/admin-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import type { Role, SessionLog, UserPlan } from './ledger.ts';
import { Trader } from './trader.ts';

/** Rates that nobody runs into who sends as {@link PACE} says, and the ones that the greedy do. */
export const TIERS = {
  chaos: { orders_per_second: 20, messages_per_second: 100, burst: 40, max_sessions: 20 },
  greedy: { orders_per_second: 5, messages_per_second: 50, burst: 10, max_sessions: 20 },
  // Of the one user whose limits are changed and changed back: two orders in a row show which they are.
  'limited-narrow': { orders_per_second: 1, messages_per_second: 1000, burst: 1, max_sessions: 20 },
  'limited-wide': { orders_per_second: 500, messages_per_second: 5000, burst: 500, max_sessions: 20 },
} as const;
type TierName = keyof typeof TIERS;
/** Of a user: how many sessions want to be on, and how many may. */
const SHAPE: Readonly<Record<Role, { readonly share: number; readonly sessions: number; readonly most: number }>> = {
  keeper: { share: 0.6, sessions: 5, most: 5 },
  crowd: { share: 0.2, sessions: 4, most: 3 },
  greedy: { share: 0.12, sessions: 3, most: 3 },
  victim: { share: 0.08, sessions: 2, most: 2 },
};
const ROLES: readonly Role[] = ['keeper', 'crowd', 'greedy', 'victim'];
/** Between messages of a session, ms, in a crowd of a hundred; of more it is as much longer: who sends little asks the store each time. */
const PACE = 3_000;
const PACED_AT = 100;
/** Three sessions that send so often want seven orders a second where five are allowed. */
const GREEDY_PACE = 400;
/** Each asks the store ten times a second from each edge: those of a hundred sessions, however many there are. */
const GREEDY_MOST = 4;
const PROVISIONED_AT_ONCE = 6;
/** HeartBtInt of a crowd, s; of a large one longer, so that an outage of seconds is not followed by a storm of all its Logons. */
const HEARTBEAT_S = 5;
const LARGE = { sessions: 300, heartbeat_s: 10 } as const;
/** A probe waits for what is withheld in an outage, and does not take its line for dead. */
const PROBE_HEARTBEAT_S = 20;

export interface Crowd {
  readonly users: ReadonlyMap<string, UserPlan>;
  readonly traders: readonly Trader[];
  /** A user who is not of the crowd, for a probe. */
  provision(user: string, maxSessions: number, tier?: TierName): Promise<Credentials>;
  /** A client of it. `through`: an edge's number, 0 the balancer. `keeps`: its numbers, over its connections; keepers do. */
  client(credentials: Credentials, user: string, sub: string, through: number, role?: Role, keeps?: boolean): Trader;
}

export interface Ports {
  readonly fix_port: number;
  readonly fix_ports: readonly number[];
}

interface Making {
  readonly admin: AdminTarget;
  readonly ports: Ports;
  readonly sessions: number;
  /** Keepers come back to the edge that they began at. */
  readonly homes: boolean;
  readonly chance: () => number;
}

/** Makes tiers, users and clients; nobody is logged on yet. */
export async function makeCrowd(making: Making): Promise<Crowd> {
  const { sessions, chance, ports } = making;
  const admin = new AdminClient(making.admin);
  for (const [name, tier] of Object.entries(TIERS)) await done(admin.post('rate-limits/tiers/put', { name, ...tier }));
  const provision = async (user: string, maxSessions: number, tier: TierName = 'chaos'): Promise<Credentials> => {
    const wanted = { user_id: user, rate_limit_tier: tier, max_sessions: maxSessions, ...ELIGIBLE };
    return (await done(admin.post('provision', wanted))).credentials as Credentials;
  };
  const client: Crowd['client'] = (credentials, user, sub, through, role, keeps = role === 'keeper') => {
    const log = emptyLog(`${user}/${sub}`, user, credentials.sender_comp_id, role ?? 'victim');
    const port = through === 0 ? ports.fix_port : (ports.fix_ports[through - 1] ?? 0);
    return new Trader({
      log,
      sender: credentials.sender_comp_id,
      target: credentials.target_comp_id,
      password: credentials.password,
      sub,
      resets: !keeps,
      heartbeat: role === undefined ? PROBE_HEARTBEAT_S : sessions > LARGE.sessions ? LARGE.heartbeat_s : HEARTBEAT_S,
      way: () => ({ through, port }),
      chance,
    });
  };
  const plans = planned(sessions);
  const users = new Map<string, UserPlan>();
  const traders: Trader[] = [];
  for (let at = 0; at < plans.length; at += PROVISIONED_AT_ONCE) {
    const some = plans.slice(at, at + PROVISIONED_AT_ONCE);
    const made = await Promise.all(
      some.map(({ user, role }) => provision(user, SHAPE[role].most, role === 'greedy' ? 'greedy' : 'chaos')),
    );
    for (const [i, { user, role, count }] of some.entries()) {
      const { orders_per_second, burst } = TIERS[role === 'greedy' ? 'greedy' : 'chaos'];
      users.set(user, { user, max_sessions: SHAPE[role].most, orders_per_second, burst });
      for (let n = 0; n < count; n++) {
        const home = making.homes && role === 'keeper' ? 1 + (traders.length % ports.fix_ports.length) : 0;
        const trader = client(made[i] as Credentials, user, `s${n}`, home, role);
        trader.every = role === 'greedy' ? GREEDY_PACE : PACE * Math.max(1, sessions / PACED_AT);
        traders.push(trader);
      }
    }
  }
  return { users, traders, provision, client };
}

function emptyLog(name: string, user: string, sender_comp_id: string, role: Role): SessionLog {
  return { name, user, sender_comp_id, role, attempts: [], received: [], asked: [], orders: [], faults: [] };
}

interface Planned {
  readonly user: string;
  readonly role: Role;
  readonly count: number;
}

/** Users that the greedy would have been more of: they keep their numbers instead. */
function spared(sessions: number): number {
  const { share, sessions: each } = SHAPE.greedy;
  return Math.max(0, Math.round((sessions * share - GREEDY_MOST * each) / SHAPE.keeper.sessions));
}

/** Users by role, for about so many sessions; at least one of each. */
function planned(sessions: number): readonly Planned[] {
  return ROLES.flatMap((role) => {
    const { share, sessions: each } = SHAPE[role];
    const wanted = Math.max(1, Math.round((sessions * share) / each));
    const users =
      role === 'greedy' ? Math.min(GREEDY_MOST, wanted) : wanted + (role === 'keeper' ? spared(sessions) : 0);
    return Array.from({ length: users }, (_, i) => ({ user: `${role}-${i}`, role, count: each }));
  });
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever was asked
async function done(reply: ReturnType<AdminClient['post']>): Promise<any> {
  const { status, body } = await reply;
  if (status >= 300) throw new Error(`the admin API answered ${status} ${JSON.stringify(body)}`);
  return body;
}
