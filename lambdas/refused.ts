/** Changes that were refused before the domain saw them. */
import { compId, reason, sessionId, userId } from '../contract/fields.ts';
import type { OperationId } from '../contract/operations.ts';
import type { Actor, AuditType } from '../core/audit/model.ts';
import { recordRefusal } from '../core/audit/refusals.ts';
import { FixgateError } from '../core/errors.ts';
import type { Services } from './services.ts';

/** Under which type a change is recorded; what is not here changes nothing. */
export const CHANGES: Readonly<Partial<Record<OperationId, AuditType>>> = {
  provision: 'provision',
  revoke: 'revoke',
  suspend: 'suspend',
  reactivate: 'reactivate',
  regeneratePassword: 'regenerate_password',
  updateProfile: 'profile_update',
  addKey: 'key_add',
  removeKey: 'key_remove',
  updateUser: 'user_update',
  killSessions: 'session_kill',
  lock: 'lock',
  unlock: 'unlock',
  notifySessions: 'session_notify',
  drainEdge: 'edge_drain',
  setSequence: 'sequence_set',
  resetSequence: 'sequence_reset',
  updateRateLimit: 'tier_update',
  resetViolations: 'violations_reset',
  putTier: 'tier_put',
  removeTier: 'tier_remove',
  addRule: 'rule_add',
  removeRule: 'rule_remove',
  enableRule: 'rule_enable',
  disableRule: 'rule_disable',
  setOverride: 'override_set',
  removeOverride: 'override_remove',
};

/** Most problems of one request that its record keeps. */
const MAX_PROBLEMS = 20;

/**
 * Records a request that was refused for its form. Nothing was changed, so the caller still hears what is wrong with
 * the request when the record cannot be written; that is logged.
 *
 * @param given the body as far as it could be read: whom it names and why is recorded with it
 */
export async function recordUnread(
  services: Services,
  id: OperationId,
  actor: Actor,
  error: FixgateError,
  given: unknown,
): Promise<void> {
  const type = CHANGES[id];
  if (type === undefined) return;
  const bounded = new FixgateError(error.code, error.message, error.details.slice(0, MAX_PROBLEMS));
  try {
    await recordRefusal(services, { type, actor, error: bounded, ...subjectOf(given) });
  } catch (err) {
    services.log.error({ err, request_id: actor.request_id, code: error.code }, 'a refusal could not be recorded');
  }
}

const SUBJECT = { user_id: userId, sender_comp_id: compId, session_id: sessionId, reason };

/** Those of the fields that say whom a request is about, and why, which are what they should be. */
function subjectOf(given: unknown): { readonly [K in keyof typeof SUBJECT]?: string } {
  if (typeof given !== 'object' || given === null) return {};
  const fields = Object.entries(SUBJECT).flatMap(([name, schema]) => {
    const read = schema.safeParse((given as Record<string, unknown>)[name]);
    return read.success ? [[name, read.data]] : [];
  });
  return Object.fromEntries(fields);
}
