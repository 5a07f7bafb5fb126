/** Objects as replies show them. Strict: what a schema does not name cannot leak. */
import * as z from 'zod';
import * as f from './fields.ts';
import { sessionProfile } from './profile.ts';

const names = { sender_comp_id: f.compId, target_comp_id: f.compId };

export const issued = z
  .discriminatedUnion('proof', [
    z.strictObject({
      ...names,
      proof: z.literal('password'),
      password: z.string().describe('Shown here and never again'),
    }),
    z.strictObject({
      ...names,
      proof: z.literal('hmac_sha256'),
      secret: z.string().describe('Key of the HMAC, as it stands here in ASCII. Shown here and never again'),
    }),
    z.strictObject({ ...names, proof: z.literal('ed25519'), key_id: f.keyId }),
  ])
  .meta({ id: 'IssuedCredentials' });

export const key = z
  .strictObject({
    key_id: f.keyId,
    public_key: z.string().describe('The 32 bytes of RFC 8032, in base64'),
    created_at: f.timestamp,
    retires_at: f.timestamp.optional().describe('From then on it no longer works'),
  })
  .meta({ id: 'Key' });

export const proof = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('password') }),
    z.strictObject({ type: z.literal('hmac_sha256') }),
    z.strictObject({ type: z.literal('ed25519'), keys: z.array(key).describe('Newest first') }),
  ])
  .meta({ id: 'Proof' });

const facts = {
  account_balance: f.amount,
  trading_volume: f.quantity,
  account_age_days: f.quantity,
  kyc_level: f.quantity,
  groups: f.groups,
};

export const lock = z
  .strictObject({
    user_id: f.userId.optional(),
    tier: f.tierName.optional(),
    everybody: z.literal(true).optional(),
    reason: z.string(),
    by: z.string(),
    locked_at: f.timestamp,
    expires_at: f.timestamp.optional(),
    cancel_orders: z.boolean(),
    version: f.version.describe('Of the user, or of the policy, when it was put'),
  })
  .meta({ id: 'Lock' });

export const user = z
  .strictObject({
    user_id: f.userId,
    status: f.credentialStatus,
    tier: f.tierName,
    max_sessions: f.count.nullable().describe('The user’s own number capped by the tier’s; null: the tier is gone'),
    ...facts,
    bypass: z.strictObject({ reason: z.string(), by: z.string(), at: f.timestamp }).optional(),
    lock: lock.optional().describe('Of this user alone, while it is in force or has not been lifted'),
    created_at: f.timestamp,
    updated_at: f.timestamp,
    version: f.version,
  })
  .meta({ id: 'User' });

export const credential = z
  .strictObject({
    sender_comp_id: f.compId,
    target_comp_id: f.compId,
    user_id: f.userId,
    status: f.credentialStatus,
    status_reason: z.string().optional(),
    tier: f.tierName,
    allowed_ips: z.array(z.string()),
    certificate_fingerprints: f.certificateFingerprints.optional(),
    proof,
    session_profile: sessionProfile,
    expires_at: f.timestamp.optional(),
    expired: z.boolean(),
    first_logon_at: f.timestamp.optional(),
    created_at: f.timestamp,
    updated_at: f.timestamp,
    version: f.version,
  })
  .meta({ id: 'Credential' });

export const session = z
  .strictObject({
    session_id: f.sessionId,
    user_id: f.userId,
    begin_string: z.string(),
    sender_comp_id: f.compId,
    sender_sub_id: z.string(),
    target_comp_id: f.compId,
    edge_id: z.string(),
    address: z.string(),
    started_at: f.timestamp,
    version: f.version.describe('The user’s epoch when the session began'),
  })
  .meta({ id: 'Session' });

export const sequence = z
  .strictObject({
    begin_string: z.string(),
    sender_comp_id: f.compId,
    sender_sub_id: z.string(),
    target_comp_id: f.compId,
    next_in: z.int().min(1).describe('Next MsgSeqNum expected of the client'),
    next_out: z.int().min(1).describe('Next MsgSeqNum to be sent'),
    at: f.timestamp.describe('When the edge told it: at the last Logon, end or change'),
    edge_id: z.string(),
    live: z.boolean(),
  })
  .meta({ id: 'Sequence' });

export const tier = z
  .strictObject({
    name: f.tierName,
    orders_per_second: f.rate,
    messages_per_second: f.rate,
    max_sessions: f.count,
    burst: f.rate,
    disconnect: z.strictObject({ multiple: z.number(), seconds: z.int() }).optional(),
    version: f.version,
  })
  .meta({ id: 'Tier' });

export const violations = z
  .strictObject({
    order: f.count,
    cancel: f.count,
    message: f.count,
    last_at: f.timestamp.optional(),
    last_type: z.enum(['order', 'cancel', 'message']).optional(),
    version: f.version,
  })
  .meta({ id: 'Violations' });

export const rateLimit = z
  .strictObject({
    user_id: f.userId,
    status: f.credentialStatus,
    tier: f.tierName,
    limits: tier.nullable().describe('null: the tier is gone, the user has no access'),
    tokens: z
      .strictObject({ order: z.number(), cancel: z.number(), message: z.number() })
      .nullable()
      .describe('What the buckets have now'),
    violations,
    version: f.version.describe('Of the user'),
  })
  .meta({ id: 'RateLimit' });

export const rule = z
  .strictObject({
    id: f.ruleId,
    name: z.string(),
    type: f.ruleType,
    parameters: z
      .union([
        z.strictObject({ minimum: f.amount }),
        z.strictObject({ groups: f.groups, match: z.enum(['any', 'all']) }),
      ])
      .optional(),
    expression: z.string().optional(),
    message: z.string(),
    enabled: z.boolean(),
    version: f.version,
  })
  .meta({ id: 'Rule' });

export const override = z
  .strictObject({
    user_id: f.userId,
    rule_id: f.ruleId,
    exempt: z.boolean(),
    threshold: f.amount.optional(),
    reason: z.string(),
    by: z.string(),
    created_at: f.timestamp,
    expires_at: f.timestamp.optional(),
    version: f.version,
  })
  .meta({ id: 'Override' });

export const ruleResult = z
  .strictObject({
    rule: f.ruleId,
    type: f.ruleType,
    passed: z.boolean(),
    message: z.string(),
    required: z.unknown(),
    actual: z.unknown(),
    distance: z.number().nullable(),
    override: z.enum(['exempt', 'threshold']).optional(),
    error: z.string().optional(),
  })
  .meta({ id: 'RuleResult' });

export const evaluation = z
  .strictObject({
    eligible: z.boolean(),
    bypassed: z.boolean(),
    results: z.array(ruleResult),
    policy_version: f.version,
  })
  .meta({ id: 'Evaluation' });

export const auditRecord = z
  .strictObject({
    id: z.string(),
    at: f.timestamp,
    type: f.auditType,
    outcome: z.enum(['done', 'refused']),
    actor: z.strictObject({
      principal: z.string(),
      source_ip: z.string().optional(),
      user_agent: z.string().optional(),
      request_id: z.string().optional(),
    }),
    user_id: z.string().optional(),
    sender_comp_id: z.string().optional(),
    session_id: z.string().optional(),
    reason: z.string().optional(),
    details: z.record(z.string(), z.unknown()),
    state: z
      .record(z.string(), z.string().nullable())
      .optional()
      .describe(
        'Digests of the rows that the change left behind; null: removed. audit:verify holds the tables against them',
      ),
    chain: z.string(),
    seq: z.int().min(1),
    prev_hash: z.string().length(64),
    hash: z.string().length(64),
    version: f.version.describe('Its number in the chain: a record never changes'),
  })
  .meta({ id: 'AuditRecord' });

export const unreadableRecord = z
  .strictObject({
    chain: z.string(),
    seq: z.number(),
    id: z.string().optional(),
    unreadable: z.string().describe('What is wrong with the stored row; audit:verify names it too'),
    version: z.number(),
  })
  .meta({ id: 'UnreadableRecord' });

const counts = z.record(z.string(), f.count);
const figures = {
  sessions: f.count,
  sessions_peak: f.count,
  logons: z.strictObject({ accepted: f.count, refused: counts }),
  messages: f.count,
  orders: f.count,
  violations: f.count,
};

export const edge = z
  .strictObject({
    edge_id: z.string(),
    incarnation: z.int(),
    state: z.enum(['alive', 'draining', 'stopped', 'dead']),
    draining: z.boolean(),
    software: z.string(),
    started_at: f.timestamp,
    seen_at: f.timestamp.describe('Its last heartbeat, by its own clock'),
    ...figures,
    sessions_by_tier: counts,
    load: z.number().nullable().describe('Share of time that its event loop was at work, 0 to 1; null: not told'),
    clock: z
      .strictObject({ offset_ms: z.number(), error_ms: z.number() })
      .nullable()
      .describe('Its wall clock minus the store’s, right to within error_ms; null: not known'),
    version: f.version.describe('Number of its last heartbeat'),
  })
  .meta({ id: 'Edge' });

export const stats = {
  users: z.strictObject({
    total: f.count,
    by_status: counts,
    by_tier: counts,
  }),
  ...figures,
  edges: z.array(edge),
};
