/** What admins ask without changing anything. */
import type { AdminPorts } from './admin.ts';
import { present } from './credentials/change.ts';
import { evaluateUser } from './credentials/facts.ts';
import type { Credential, CredentialStatus, User } from './credentials/model.ts';
import { isOf } from './eligibility/evaluate.ts';
import type { Evaluation, Override } from './eligibility/model.ts';
import type { LimitClass, Tier, UserLimits, Violations } from './limits/model.ts';
import { limitsOf } from './policy/assignment.ts';
import type { Page, PageRequest } from './ports.ts';
import { type EdgeRow, isServing } from './sessions/model.ts';

export interface QueryPorts
  extends Pick<AdminPorts, 'directory' | 'policy' | 'edges' | 'violations' | 'clock' | 'expressions'> {
  /** Tokens that the buckets of a user with these limits have now. */
  readonly tokens: (userId: string, limits: UserLimits) => Promise<Readonly<Record<LimitClass, number>>>;
}

/** Users read at a time when a list shows what stands in several places. */
const PARALLEL = 25;

/** A user with its credentials; throws user_not_found. */
export async function userAccount(
  ports: Pick<QueryPorts, 'directory'>,
  userId: string,
): Promise<{ readonly user: User; readonly credentials: readonly Credential[] }> {
  const account = await ports.directory.account(userId);
  return { user: present(account), credentials: account.credentials };
}

export interface Explained {
  readonly user: User;
  readonly evaluation: Evaluation;
  /** Those of rules that are there. */
  readonly overrides: readonly Override[];
}

/** Rule by rule, whether the user is eligible now; throws user_not_found. */
export async function explain(ports: QueryPorts, userId: string): Promise<Explained> {
  const { user } = await userAccount(ports, userId);
  const policy = await ports.policy.read();
  const evaluation = await evaluateUser(ports, user, policy, ports.clock.now());
  const overrides = await ports.policy.overrides(userId);
  return { user, evaluation, overrides: overrides.filter((one) => policy.rules.some((rule) => isOf(one, rule))) };
}

export interface RateLimitState {
  readonly user: User;
  /** Undefined: the user's tier is no longer there, and the user has no access. */
  readonly tier: Tier | undefined;
  readonly tokens: Readonly<Record<LimitClass, number>> | undefined;
  readonly violations: Violations;
}

/** The state of one user's limits; throws user_not_found. */
export async function rateLimitOf(ports: QueryPorts, userId: string): Promise<RateLimitState> {
  const { user } = await userAccount(ports, userId);
  return rateLimitState(ports, user, (await ports.policy.read()).tiers);
}

/** The same for a list of users. */
export async function rateLimits(
  ports: QueryPorts,
  filter: { readonly status?: CredentialStatus; readonly tier?: string },
  page: PageRequest,
): Promise<Page<RateLimitState>> {
  const users = await ports.directory.listUsers(filter, page);
  const { tiers } = await ports.policy.read();
  const items: RateLimitState[] = [];
  for (let at = 0; at < users.items.length; at += PARALLEL) {
    const some = users.items.slice(at, at + PARALLEL);
    items.push(...(await Promise.all(some.map((user) => rateLimitState(ports, user, tiers)))));
  }
  return users.next === undefined ? { items } : { items, next: users.next };
}

async function rateLimitState(ports: QueryPorts, user: User, tiers: readonly Tier[]): Promise<RateLimitState> {
  const tier = tiers.find((one) => one.name === user.tier);
  const [violations, tokens] = await Promise.all([
    ports.violations.read(user.user_id),
    tier && ports.tokens(user.user_id, limitsOf(tier, user.tier_assignment)),
  ]);
  return { user, tier, tokens, violations };
}

export interface Stats {
  readonly users: readonly { readonly status: CredentialStatus; readonly tier: string; readonly count: number }[];
  readonly edges: readonly EdgeRow[];
  readonly sessions: number;
  /** Sum of the edges' own peaks: at least what was ever held at once. */
  readonly sessions_peak: number;
  readonly logons_accepted: number;
  readonly logons_refused: Readonly<Record<string, number>>;
  readonly messages: number;
  readonly orders: number;
  readonly violations: number;
}

/** Users counted, and the figures of all edges that still have a row, each since its start. */
export async function stats(ports: Pick<QueryPorts, 'directory' | 'edges'>): Promise<Stats> {
  const [users, edges] = await Promise.all([ports.directory.countUsers(), ports.edges.list()]);
  const live = edges.filter(isServing);
  const refused: Record<string, number> = {};
  for (const { figures } of edges) {
    for (const [reason, count] of Object.entries(figures.logons_refused))
      refused[reason] = (refused[reason] ?? 0) + count;
  }
  const sum = (rows: readonly EdgeRow[], of: (row: EdgeRow) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
  return {
    users,
    edges,
    sessions: sum(live, (edge) => edge.figures.sessions),
    sessions_peak: sum(edges, (edge) => edge.figures.sessions_peak),
    logons_accepted: sum(edges, (edge) => edge.figures.logons_accepted),
    logons_refused: refused,
    messages: sum(edges, (edge) => edge.figures.messages),
    orders: sum(edges, (edge) => edge.figures.orders),
    violations: sum(edges, (edge) => edge.figures.violations),
  };
}
