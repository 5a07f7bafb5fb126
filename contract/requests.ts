/** Bodies and queries of the admin operations. Unknown keys are refused. */
import * as z from 'zod';
import * as f from './fields.ts';
import { sessionProfile, sessionProfileChange } from './profile.ts';

/**
 * Each is made when it is first asked for: a function has few operations, and the schemas of all are some 4 % of its start.
 */
function whenAsked<Makers extends Readonly<Record<string, () => z.ZodType>>>(makers: Makers) {
  const made = new Map<string, z.ZodType>();
  const table = {};
  for (const [name, make] of Object.entries(makers)) {
    const get = (): z.ZodType => {
      const schema = made.get(name) ?? make();
      made.set(name, schema);
      return schema;
    };
    Object.defineProperty(table, name, { get, enumerable: true });
  }
  return table as { readonly [Name in keyof Makers]: ReturnType<Makers[Name]> };
}

const facts = () => ({
  account_balance: f.amount,
  trading_volume: f.quantity.describe('Of the last 30 days'),
  account_age_days: f.quantity,
  kyc_level: f.quantity,
});

const key = () => ({ public_key: f.publicKey, key_id: f.keyId.optional().describe('Made of the key when left out') });

const provision = () =>
  z.strictObject({
    user_id: f.userId,
    rate_limit_tier: f.tierName,
    max_sessions: z.int().min(1).max(1_000_000).optional().describe('The tier’s maximum caps it'),
    ...facts(),
    groups: f.groups.optional().describe('Left out: those that the user has'),
    allowed_ips: z
      .array(z.string().min(2).max(91))
      .max(100)
      .default([])
      .describe('Addresses, CIDR blocks or ranges a-b, IPv4 or IPv6; empty: any'),
    certificate_fingerprints: f.certificateFingerprints.optional(),
    expires_at: f.instant.optional(),
    sender_comp_id: f.compId.optional().describe('Made up when left out'),
    target_comp_id: f.compId.optional().describe('GATEWAY when left out'),
    session_profile: sessionProfile.optional(),
    proof: z
      .discriminatedUnion('type', [
        z.strictObject({ type: z.enum(['password', 'hmac_sha256']) }),
        z.strictObject({ type: z.literal('ed25519'), ...key() }),
      ])
      .optional()
      .describe('How the client proves itself in its Logon; a password when left out'),
    additional_credential: z.boolean().default(false),
    idempotency_key: f.idempotencyKey.optional(),
    bypass: z.strictObject({ reason: f.reason }).optional().describe('Eligible whatever the rules say'),
    ...f.change,
  });

const status = () =>
  f.exactlyOne(z.strictObject({ ...f.target, ...f.change, reason: f.reason }), ['user_id', 'sender_comp_id']);
const revoke = status;
const suspend = status;
const reactivate = status;

const regeneratePassword = () =>
  f.exactlyOne(
    z.strictObject({
      ...f.target,
      grace_seconds: f.graceSeconds.describe('For how long the old password or secret works too'),
      ...f.change,
    }),
    ['user_id', 'sender_comp_id'],
  );

const updateProfile = () =>
  z.strictObject({
    sender_comp_id: f.compId,
    session_profile: sessionProfileChange,
    ...f.change,
  });

const addKey = () => z.strictObject({ sender_comp_id: f.compId, ...key(), ...f.change });
const removeKey = () =>
  z.strictObject({
    sender_comp_id: f.compId,
    key_id: f.keyId,
    grace_seconds: f.graceSeconds.describe('For how long it works still'),
    ...f.change,
  });

const byStatusAndTier = () => ({ status: f.credentialStatus.optional(), tier: f.tierName.optional() });
const credentials = () => z.strictObject({ ...byStatusAndTier(), ...f.paging });
const userCredentials = () => z.strictObject({ user_id: f.userId, ...f.paging });

const updateUser = () =>
  z
    .strictObject({
      user_id: f.userId,
      account_balance: facts().account_balance.optional(),
      trading_volume: facts().trading_volume.optional(),
      account_age_days: facts().account_age_days.optional(),
      kyc_level: facts().kyc_level.optional(),
      groups: f.groups.optional(),
      ...f.change,
    })
    .check((context) => {
      const { user_id: _, reason: _reason, if_version: _version, ...given } = context.value;
      if (Object.values(given).some((value) => value !== undefined)) return;
      context.issues.push({ code: 'custom', message: 'at least one fact is required', path: [], input: context.value });
    })
    .meta({ anyOf: [...Object.keys(facts()), 'groups'].map((fact) => ({ required: [fact] })) });

const sessions = () => z.strictObject(f.paging);
const userSessions = () => z.strictObject({ user_id: f.userId, ...f.paging });
const killSessions = () =>
  f.exactlyOne(
    z.strictObject({
      session_id: f.sessionId.optional(),
      user_id: f.userId.optional(),
      cancel_orders: f.cancelOrders,
      ...f.change,
      reason: f.reason,
    }),
    ['session_id', 'user_id'],
  );

const lockTarget = () => ({
  user_id: f.userId.optional(),
  tier: f.tierName.optional(),
  everybody: z.literal(true).optional(),
});
const lock = () =>
  f.exactlyOne(
    z.strictObject({
      ...lockTarget(),
      expires_at: f.instant.optional().describe('Left out: until it is lifted'),
      cancel_orders: f.cancelOrders,
      ...f.change,
      reason: f.reason.describe('Why; kept in the audit trail, and clients see it'),
    }),
    ['user_id', 'tier', 'everybody'],
  );
const unlock = () => f.exactlyOne(z.strictObject({ ...lockTarget(), ...f.change }), ['user_id', 'tier', 'everybody']);
const locks = () => z.strictObject(f.paging);
const notifySessions = () =>
  f.exactlyOne(
    z
      .strictObject({
        text: f.noticeText,
        headline: f.headline.default('Maintenance'),
        urgency: z.enum(['normal', 'flash', 'background']).default('normal'),
        user_id: f.userId.optional(),
        sender_comp_id: f.compId.optional(),
        tier: f.tierName.optional(),
        all: z.literal(true).optional(),
        ...f.change,
      })
      .omit({ if_version: true }),
    ['user_id', 'sender_comp_id', 'tier', 'all'],
  );

const fixSession = () => ({
  sender_comp_id: f.compId,
  begin_string: f.beginString.optional(),
  sender_sub_id: f.senderSubId.optional().describe('Empty: the session without one'),
  target_comp_id: f.compId.optional(),
});
const sequence = () => z.strictObject({ ...fixSession(), ...f.paging });
const setSequence = () =>
  z
    .strictObject({ ...fixSession(), next_in: f.msgSeqNum.optional(), next_out: f.msgSeqNum.optional(), ...f.change })
    .omit({ if_version: true })
    .check((context) => {
      const { next_in, next_out } = context.value;
      if (next_in !== undefined || next_out !== undefined) return;
      const message = 'one of next_in, next_out is required';
      context.issues.push({ code: 'custom', message, path: [], input: context.value });
    })
    .meta({ anyOf: [{ required: ['next_in'] }, { required: ['next_out'] }] });
const resetSequence = () => z.strictObject({ ...fixSession(), ...f.change }).omit({ if_version: true });

const rateLimits = () => z.strictObject({ user_id: f.userId.optional(), ...byStatusAndTier(), ...f.paging });
const updateRateLimit = () => z.strictObject({ user_id: f.userId, tier: f.tierName, ...f.change });
const resetViolations = () => z.strictObject({ user_id: f.userId, ...f.change });

const tiers = () => z.strictObject(f.paging);
const putTier = () =>
  z.strictObject({
    name: f.tierName,
    orders_per_second: f.rate,
    messages_per_second: f.rate,
    max_sessions: z.int().min(1).max(1_000_000),
    burst: f.rate.describe('Capacity of the order bucket'),
    disconnect: z
      .strictObject({ multiple: z.number().min(1).max(1000), seconds: z.int().min(1).max(3600) })
      .optional()
      .describe('Logout when in each of so many seconds running more than multiple times the rate was sent'),
    ...f.change,
  });
const removeTier = () =>
  z.strictObject({
    name: f.tierName.describe(
      'No user who is active or suspended may have it. One who was given it within the last second can be overlooked, and then has no access until given another tier.',
    ),
    ...f.change,
  });

const rules = () => z.strictObject(f.paging);
const ruleBase = () => ({
  id: f.ruleId,
  name: f.line(200),
  message: f.line(500),
  enabled: z.boolean().default(true),
  ...f.change,
});
const minimum = () => z.strictObject({ minimum: f.amount });
const addRule = () =>
  z.discriminatedUnion('type', [
    z.strictObject({ ...ruleBase(), type: z.literal('min_balance'), parameters: minimum() }),
    z.strictObject({ ...ruleBase(), type: z.literal('min_volume'), parameters: minimum() }),
    z.strictObject({ ...ruleBase(), type: z.literal('account_age'), parameters: minimum() }),
    z.strictObject({ ...ruleBase(), type: z.literal('kyc_level'), parameters: minimum() }),
    z.strictObject({
      ...ruleBase(),
      type: z.literal('group_membership'),
      parameters: z.strictObject({ groups: f.groups.min(1), match: z.enum(['any', 'all']).default('any') }),
    }),
    z.strictObject({
      ...ruleBase(),
      type: z.literal('custom'),
      expression: z.string().min(1).max(f.MAX_EXPRESSION).describe('CEL over user; its result is bool'),
    }),
  ]);
const ruleById = () => z.strictObject({ id: f.ruleId, ...f.change });
const removeRule = ruleById;
const enableRule = ruleById;
const disableRule = ruleById;

const setOverride = () =>
  f.exactlyOne(
    z.strictObject({
      user_id: f.userId,
      rule_id: f.ruleId,
      exempt: z.literal(true).optional(),
      threshold: f.amount.optional().describe('In place of the rule’s minimum'),
      ...f.change,
      reason: f.reason,
      expires_at: f.instant.optional(),
    }),
    ['exempt', 'threshold'],
  );
const removeOverride = () => z.strictObject({ user_id: f.userId, rule_id: f.ruleId, ...f.change });
const evaluate = () => z.strictObject({ user_id: f.userId });

const audit = () =>
  z.strictObject({
    user_id: f.userId.optional(),
    type: f.auditType.optional(),
    actor: f.principal.optional().describe('An IAM principal, or an edge'),
    from: f.instant.optional().describe('Inclusive'),
    to: f.instant.optional().describe('Exclusive'),
    ...f.paging,
  });
const edges = () => z.strictObject(f.paging);
const drainEdge = () => z.strictObject({ edge_id: f.edgeId, ...f.change }).omit({ if_version: true });
const stats = () => z.strictObject({});

/** By operation. */
export const requests = whenAsked({
  provision,
  revoke,
  suspend,
  reactivate,
  regeneratePassword,
  updateProfile,
  addKey,
  removeKey,
  credentials,
  userCredentials,
  updateUser,
  sessions,
  userSessions,
  killSessions,
  lock,
  unlock,
  locks,
  notifySessions,
  sequence,
  setSequence,
  resetSequence,
  rateLimits,
  updateRateLimit,
  resetViolations,
  tiers,
  putTier,
  removeTier,
  rules,
  addRule,
  removeRule,
  enableRule,
  disableRule,
  setOverride,
  removeOverride,
  evaluate,
  audit,
  edges,
  drainEdge,
  stats,
});
