/**
 * The admin API as one table: what is called how, who may, and what goes in. What comes out is in replies.ts, which no function
 * has to carry.
 */
import type { z } from 'zod';
import type { ErrorCode } from '../core/errors.ts';
import type { replies } from './replies.ts';
import { requests } from './requests.ts';

/** What admin_url ends in. */
export const BASE_PATH = '/admin/fix';

/** Largest request body, in bytes. */
export const MAX_BODY_BYTES = 65_536;

/** Each is a function of its own when deployed, with the permissions it needs. */
export const RIGHTS = ['read', 'credentials', 'policy', 'sessions'] as const;
export type Rights = (typeof RIGHTS)[number];

export type OperationId = keyof typeof requests & keyof typeof replies;

export interface Operation {
  readonly id: OperationId;
  readonly method: 'GET' | 'POST';
  /** Under {@link BASE_PATH}, with a slash in front. */
  readonly path: string;
  readonly rights: Rights;
  readonly summary: string;
  /** Of the query for GET, of the JSON body for POST. */
  readonly request: z.ZodType;
  readonly status: 200 | 201;
  /** What it may answer beside the errors that every operation of its method may. */
  readonly errors: readonly ErrorCode[];
}

/** Errors that any operation may answer. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  'invalid_request',
  'unsigned',
  'signature_invalid',
  'signature_expired',
  'access_denied',
  'throttled',
  'internal',
  'store_unavailable',
];
/** And any operation with a body. */
export const BODY_ERRORS: readonly ErrorCode[] = ['malformed_json', 'too_large', 'busy'];

const get = (id: OperationId, path: string, summary: string, errors: readonly ErrorCode[] = []): Operation => ({
  id,
  method: 'GET',
  path,
  rights: 'read',
  summary,
  get request() {
    return requests[id];
  },
  status: 200,
  errors,
});

const post = (
  id: OperationId,
  path: string,
  rights: Rights,
  summary: string,
  errors: readonly ErrorCode[] = [],
  status: 200 | 201 = 200,
): Operation => ({
  id,
  method: 'POST',
  path,
  rights,
  summary,
  get request() {
    return requests[id];
  },
  status,
  errors,
});

const OF_CREDENTIAL = ['user_not_found', 'credential_not_found', 'wrong_status', 'version_conflict'] as const;
const OF_KEYS = ['credential_not_found', 'wrong_status', 'wrong_proof', 'version_conflict'] as const;
const OF_SEQUENCE = ['credential_not_found', 'numbers_not_found', 'session_live', 'edge_not_running'] as const;
const OF_LIST = ['invalid_cursor'] as const;

export const OPERATIONS: readonly Operation[] = [
  post(
    'provision',
    '/provision',
    'credentials',
    'Give a user a credential, if the rules say so',
    [
      'not_eligible',
      'already_provisioned',
      'too_many_credentials',
      'sender_comp_id_taken',
      'tier_not_found',
      'idempotency_conflict',
      'version_conflict',
    ],
    201,
  ),
  post('revoke', '/revoke', 'credentials', 'End credentials for good, and their sessions', OF_CREDENTIAL),
  post('suspend', '/suspend', 'credentials', 'Suspend credentials, and end their sessions', OF_CREDENTIAL),
  post('reactivate', '/reactivate', 'credentials', 'Make suspended credentials active again', OF_CREDENTIAL),
  post('regeneratePassword', '/regenerate-password', 'credentials', 'Issue a new password or HMAC secret', [
    ...OF_CREDENTIAL,
    'wrong_proof',
  ]),
  post('updateProfile', '/credentials/profile', 'credentials', 'Change how a credential’s sessions are kept', [
    'credential_not_found',
    'wrong_status',
    'version_conflict',
  ]),
  post('addKey', '/credentials/keys/add', 'credentials', 'Add a public key to an Ed25519 credential', [
    ...OF_KEYS,
    'key_exists',
    'too_many_keys',
  ]),
  post('removeKey', '/credentials/keys/remove', 'credentials', 'Retire a public key of an Ed25519 credential', [
    ...OF_KEYS,
    'key_not_found',
  ]),
  get('credentials', '/credentials', 'List credentials', OF_LIST),
  get('userCredentials', '/credentials/user', 'A user and its credentials', ['user_not_found', ...OF_LIST]),
  post('updateUser', '/users/update', 'credentials', 'Tell new facts about a user', [
    'user_not_found',
    'version_conflict',
  ]),
  get('sessions', '/sessions', 'List live sessions', OF_LIST),
  get('userSessions', '/sessions/user', 'Live sessions of a user', ['user_not_found', ...OF_LIST]),
  post('killSessions', '/sessions/kill', 'sessions', 'End live sessions', [
    'session_not_found',
    'user_not_found',
    'version_conflict',
  ]),
  post('lock', '/lock', 'policy', 'End the sessions of a user, a tier or everybody, and refuse new ones', [
    'user_not_found',
    'tier_not_found',
    'version_conflict',
  ]),
  post('unlock', '/unlock', 'policy', 'Lift a lock', ['user_not_found', 'lock_not_found', 'version_conflict']),
  get('locks', '/locks', 'List locks that are in force', OF_LIST),
  post('notifySessions', '/sessions/notify', 'sessions', 'Tell live sessions something by News (35=B)', [
    'user_not_found',
    'credential_not_found',
    'tier_not_found',
  ]),
  get('sequence', '/sessions/sequence', 'Sequence numbers of FIX sessions', ['credential_not_found', ...OF_LIST]),
  post('setSequence', '/sessions/sequence/set', 'sessions', 'Set the numbers of a session that is away', OF_SEQUENCE),
  post('resetSequence', '/sessions/sequence/reset', 'sessions', 'Begin both numbers at 1', OF_SEQUENCE),
  get('rateLimits', '/rate-limits', 'State of users’ limits', ['user_not_found', ...OF_LIST]),
  post('updateRateLimit', '/rate-limits/update', 'policy', 'Give a user another tier', [
    'user_not_found',
    'tier_not_found',
    'version_conflict',
  ]),
  post('resetViolations', '/rate-limits/reset-violations', 'policy', 'Zero a user’s violation counters', [
    'user_not_found',
    'version_conflict',
  ]),
  get('tiers', '/rate-limits/tiers', 'List tiers', OF_LIST),
  post('putTier', '/rate-limits/tiers/put', 'policy', 'Define a tier', ['policy_full', 'version_conflict']),
  post('removeTier', '/rate-limits/tiers/remove', 'policy', 'Remove a custom tier', [
    'tier_not_found',
    'tier_protected',
    'tier_in_use',
    'version_conflict',
  ]),
  get('rules', '/rules', 'List eligibility rules', OF_LIST),
  post('addRule', '/rules/add', 'policy', 'Add a rule', [
    'rule_exists',
    'policy_full',
    'invalid_expression',
    'version_conflict',
  ]),
  post('removeRule', '/rules/remove', 'policy', 'Remove a rule', ['rule_not_found', 'version_conflict']),
  post('enableRule', '/rules/enable', 'policy', 'Enable a rule', ['rule_not_found', 'version_conflict']),
  post('disableRule', '/rules/disable', 'policy', 'Disable a rule', ['rule_not_found', 'version_conflict']),
  post('setOverride', '/rules/override', 'policy', 'Exempt a user from a rule, or set another minimum', [
    'rule_not_found',
    'version_conflict',
  ]),
  post('removeOverride', '/rules/override/remove', 'policy', 'Remove an override', [
    'override_not_found',
    'version_conflict',
  ]),
  get('evaluate', '/rules/evaluate', 'Explain a user’s eligibility rule by rule', ['user_not_found']),
  get('audit', '/audit', 'Audit records, newest first', OF_LIST),
  get('edges', '/edges', 'Edges: sessions, load, heartbeat and clock of each', OF_LIST),
  post('drainEdge', '/edges/drain', 'policy', 'Have an edge end in good order', ['edge_not_found', 'edge_not_running']),
  get('stats', '/stats', 'Users, sessions and figures of all edges'),
];
