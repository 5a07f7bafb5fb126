/** Domain objects as replies show them: times as ISO 8601, nothing secret. */
import type { z } from 'zod';
import type * as o from '../contract/objects.ts';
import type { StoredRecord } from '../core/audit/model.ts';
import { hasExpired } from '../core/credentials/expiry.ts';
import type { Issued } from '../core/credentials/issue.ts';
import type { Credential, CredentialProof, Ed25519Key, User } from '../core/credentials/model.ts';
import type { Override, Rule } from '../core/eligibility/model.ts';
import type { Tier, Violations } from '../core/limits/model.ts';
import type { Lock } from '../core/locks/model.ts';
import { maxSessions } from '../core/policy/assignment.ts';
import type { RateLimitState, Stats } from '../core/queries.ts';
import type { EdgeFigures, EdgeRow, LiveSession } from '../core/sessions/model.ts';
import type { NumbersShown } from '../core/sessions/numbers.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

export function lockView({ target, locked_at, expires_at, ...rest }: Lock): z.input<typeof o.lock> {
  const { kind: _, ...named } = target.kind === 'everybody' ? { kind: target.kind, everybody: true as const } : target;
  return {
    ...named,
    ...rest,
    locked_at: iso(locked_at),
    ...(expires_at === undefined ? {} : { expires_at: iso(expires_at) }),
  };
}

export function userView(user: User, tier: Tier | undefined): z.input<typeof o.user> {
  const { user_id, status, facts, bypass, lock, version } = user;
  return {
    user_id,
    status,
    tier: user.tier,
    max_sessions: tier === undefined ? null : maxSessions(user, tier),
    ...facts,
    groups: [...facts.groups],
    ...(bypass === undefined ? {} : { bypass: { ...bypass, at: iso(bypass.at) } }),
    ...(lock === undefined ? {} : { lock: lockView(lock) }),
    created_at: iso(user.created_at),
    updated_at: iso(user.updated_at),
    version,
  };
}

export function credentialView(credential: Credential, now: number): z.input<typeof o.credential> {
  const { sender_comp_id, target_comp_id, user_id, status, status_reason, tier, allowed_ips, version } = credential;
  const { expires_at, first_logon_at, certificate_fingerprints: pins } = credential;
  return {
    sender_comp_id,
    target_comp_id,
    user_id,
    status,
    ...(status_reason === undefined ? {} : { status_reason }),
    tier,
    allowed_ips: [...allowed_ips],
    ...(pins === undefined ? {} : { certificate_fingerprints: [...pins] }),
    proof: proofView(credential.proof),
    session_profile: credential.session_profile ?? {},
    ...(expires_at === undefined ? {} : { expires_at: iso(expires_at) }),
    expired: hasExpired(credential, now),
    ...(first_logon_at === undefined ? {} : { first_logon_at: iso(first_logon_at) }),
    created_at: iso(credential.created_at),
    updated_at: iso(credential.updated_at),
    version,
  };
}

function proofView(proof: CredentialProof): z.input<typeof o.proof> {
  return proof.type === 'ed25519' ? { type: proof.type, keys: proof.keys.map(keyView) } : { type: proof.type };
}

export function keyView({ key_id, public_key, created_at, retires_at }: Ed25519Key): z.input<typeof o.key> {
  const retires = retires_at === undefined ? {} : { retires_at: iso(retires_at) };
  return { key_id, public_key, created_at: iso(created_at), ...retires };
}

/** The one place where a password or secret is revealed: the reply to whoever asked for it. */
export function issuedView(issued: Issued): z.input<typeof o.issued> {
  switch (issued.proof) {
    case 'password':
      return { ...issued, password: issued.password.reveal() };
    case 'hmac_sha256':
      return { ...issued, secret: issued.secret.reveal() };
    case 'ed25519':
      return issued;
  }
}

export function sessionView(session: LiveSession): z.input<typeof o.session> {
  const { session_id, user_id, key, edge_id, address, started_at, epoch } = session;
  return { session_id, user_id, ...key, edge_id, address, started_at: iso(started_at), version: epoch };
}

export function sequenceView({ key, at, ...rest }: NumbersShown): z.input<typeof o.sequence> {
  return { ...key, ...rest, at: iso(at) };
}

export function tierView(tier: Tier): z.input<typeof o.tier> {
  const { disconnect, ...rest } = tier;
  return disconnect === undefined ? rest : { ...rest, disconnect: { ...disconnect } };
}

export function violationsView(violations: Violations): z.input<typeof o.violations> {
  const { last_at, last_type, ...rest } = violations;
  return {
    ...rest,
    ...(last_at === undefined ? {} : { last_at: iso(last_at) }),
    ...(last_type === undefined ? {} : { last_type }),
  };
}

export function rateLimitView(state: RateLimitState): z.input<typeof o.rateLimit> {
  const { user, tier, tokens, violations } = state;
  return {
    user_id: user.user_id,
    status: user.status,
    tier: user.tier,
    limits: tier === undefined ? null : tierView(tier),
    tokens: tokens === undefined ? null : { ...tokens },
    violations: violationsView(violations),
    version: user.version,
  };
}

export function ruleView(rule: Rule): z.input<typeof o.rule> {
  const { added: _, ...shown } = rule;
  if (shown.type !== 'group_membership') return shown;
  return { ...shown, parameters: { ...shown.parameters, groups: [...shown.parameters.groups] } };
}

export function overrideView(override: Override): z.input<typeof o.override> {
  const { created_at, expires_at, ...rest } = override;
  return { ...rest, created_at: iso(created_at), ...(expires_at === undefined ? {} : { expires_at: iso(expires_at) }) };
}

export function evaluationView(evaluation: {
  readonly results: readonly z.input<typeof o.ruleResult>[];
  readonly eligible: boolean;
  readonly bypassed: boolean;
  readonly policy_version: number;
}): z.input<typeof o.evaluation> {
  return { ...evaluation, results: [...evaluation.results] };
}

export function recordView(record: StoredRecord): z.input<typeof o.auditRecord> | z.input<typeof o.unreadableRecord> {
  if ('unreadable' in record) return { ...record, version: record.seq };
  return {
    ...record,
    at: iso(record.at),
    actor: { ...record.actor },
    details: { ...record.details },
    version: record.seq,
  };
}

export function statsView(stats: Stats): z.input<z.ZodObject<typeof o.stats>> {
  const by_status: Record<string, number> = {};
  const by_tier: Record<string, number> = {};
  let total = 0;
  for (const { status, tier, count } of stats.users) {
    by_status[status] = (by_status[status] ?? 0) + count;
    by_tier[tier] = (by_tier[tier] ?? 0) + count;
    total += count;
  }
  return {
    users: { total, by_status, by_tier },
    ...figuresView(stats),
    edges: stats.edges.map(edgeView),
  };
}

export function edgeView(edge: EdgeRow): z.input<typeof o.edge> {
  const { edge_id, incarnation, state, version, started_at, seen_at, heartbeat, figures } = edge;
  const { vitals, sessions_by_tier } = figures;
  return {
    edge_id,
    incarnation,
    state,
    draining: state === 'draining',
    software: version,
    started_at: iso(started_at),
    seen_at: iso(seen_at),
    ...figuresView(figures),
    sessions_by_tier: { ...sessions_by_tier },
    load: vitals?.load ?? null,
    clock: vitals?.clock ? { ...vitals.clock } : null,
    version: heartbeat,
  };
}

function figuresView(figures: Omit<EdgeFigures, 'sessions_by_tier'>) {
  const { sessions, sessions_peak, logons_accepted, logons_refused, messages, orders, violations } = figures;
  return {
    sessions,
    sessions_peak,
    logons: { accepted: logons_accepted, refused: { ...logons_refused } },
    messages,
    orders,
    violations,
  };
}
