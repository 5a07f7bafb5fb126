/** Replies of the admin operations. */
import * as z from 'zod';
import * as f from './fields.ts';
import * as o from './objects.ts';

const reply = <T extends z.ZodRawShape>(shape: T) => z.strictObject({ success: z.literal(true), ...shape });

const provision = reply({ credentials: o.issued, user: o.user });
const status = reply({ user: o.user, credentials: z.array(o.credential).describe('Those that changed') });
const revoke = status;
const suspend = status;
const reactivate = status;
const regeneratePassword = reply({
  credentials: o.issued,
  user: o.user,
  version: f.version.describe('Of the credential'),
});
const updateProfile = reply({ user: o.user, credential: o.credential });
const addKey = reply({ user: o.user, credential: o.credential, key: o.key });
const removeKey = addKey;
const credentials = reply({ credentials: z.array(o.credential), ...f.more });
const userCredentials = reply({ user: o.user, credentials: z.array(o.credential), ...f.more });
const updateUser = reply({
  user: o.user,
  evaluation: o.evaluation,
  suspended: z.array(f.compId).describe('SenderCompIDs that this change suspended'),
  warning: z.string().optional().describe('The user is no longer eligible: the next logon is refused'),
});
const sessions = reply({ sessions: z.array(o.session), ...f.more });
const userSessions = sessions;
const cancelling = {
  cancelling_edges: f.count
    .optional()
    .describe(
      'With cancel_orders: edges that were told to have the venue cancel. 0: none serves, and orders stay open',
    ),
};
const killSessions = reply({
  session_ids: z.array(f.sessionId).describe('Sessions that were live when the command was given'),
  ...cancelling,
});
const lock = reply({
  lock: o.lock,
  sessions: f.count.describe(
    'Live sessions that were told to end; of a tier or of everybody as edges counted them up to a second before',
  ),
  ...cancelling,
});
const unlock = reply({ lock: o.lock.describe('As it was') });
const locks = reply({ locks: z.array(o.lock).describe('Those in force'), ...f.more });
const toldCounts = {
  told: f.count.describe('Live sessions that were told'),
  not_told: f.count.describe('Those that were not: their profile has no news.maintenance, or they were just ending'),
};
const notifySessions = reply({
  notice_id: z.string().describe('NewsID (1472) in FIX.5.0SP2; names it in the audit'),
  ...toldCounts,
  edges: z.array(z.strictObject({ edge_id: z.string(), ...toldCounts })).describe('That have answered'),
  silent: z.array(z.string()).describe('Edges that were told, and have not answered within a second and a half'),
});
const sequence = reply({ sequences: z.array(o.sequence), ...f.more });
const setSequence = reply({
  sequence: o.sequence.describe(
    'As the edge tells it after the change: a client that was back first has kept its numbers',
  ),
  pending: z.boolean().describe('The edge has not answered within a second and a half: this is how it was'),
});
const resetSequence = setSequence;
const rateLimits = reply({ rate_limits: z.array(o.rateLimit), ...f.more });
const updateRateLimit = reply({ user: o.user, tier: o.tier });
const resetViolations = reply({ user: o.user, violations: o.violations });
const tiers = reply({ tiers: z.array(o.tier), ...f.more, version: f.version.describe('Of the policy') });
const putTier = reply({ tier: o.tier });
const removeTier = reply({ tier: o.tier });
const rules = reply({ rules: z.array(o.rule), ...f.more, version: f.version.describe('Of the policy') });
const rule = reply({ rule: o.rule });
const addRule = rule;
const removeRule = rule;
const enableRule = rule;
const disableRule = rule;
const setOverride = reply({ override: o.override });
const removeOverride = reply({ override: o.override });
const evaluate = reply({ user: o.user, evaluation: o.evaluation, overrides: z.array(o.override) });
const audit = reply({ records: z.array(z.union([o.auditRecord, o.unreadableRecord])), ...f.more });
const edges = reply({ edges: z.array(o.edge), ...f.more });
const drainEdge = reply({ edge: o.edge.describe('As it was') });
const stats = reply(o.stats);

/** Every error, of whatever status. */
export const error = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      details: z.array(z.unknown()),
      request_id: z.string(),
    }),
  })
  .meta({ id: 'Error' });

/** By operation. */
export const replies = {
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
} as const;
