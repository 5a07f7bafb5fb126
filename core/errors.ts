/**
 * The one catalogue of errors: what an admin sees over HTTP and what a FIX client is told. docs/ERRORS.md equals it
 * by test, `contract/` re-exports it.
 */

export interface CatalogueEntry {
  /** HTTP status of the admin API's reply. */
  readonly status: number;
  /** What is wrong, without the particulars of one request. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly action: string;
}

export const ERRORS = {
  malformed_json: {
    status: 400,
    message: 'The request body is not valid JSON.',
    action: 'Send a JSON object (RFC 8259) in UTF-8.',
  },
  invalid_request: {
    status: 400,
    message: 'The request does not fit its schema.',
    action: 'Correct each path listed in details; docs/openapi.json has every schema.',
  },
  invalid_cursor: {
    status: 400,
    message: 'The cursor is not one that this list gave for these filters.',
    action: 'Start again without cursor.',
  },
  invalid_expression: {
    status: 400,
    message: 'The CEL expression does not compile.',
    action: 'See details for the position of the mistake.',
  },
  unsigned: {
    status: 403,
    message: 'The request carries no AWS Signature Version 4.',
    action: 'Sign it, for example with curl --aws-sigv4.',
  },
  signature_invalid: {
    status: 403,
    message: 'The signature does not match the request.',
    action: 'Check the keys, the signed headers, the region, the service and the payload hash.',
  },
  signature_expired: {
    status: 403,
    message: 'The date of the signature is more than five minutes off.',
    action: 'Set the clock of the client.',
  },
  access_denied: {
    status: 403,
    message: 'The caller may not use this operation.',
    action: 'Grant execute-api:Invoke on it to the IAM principal.',
  },
  not_found: {
    status: 404,
    message: 'There is no such operation.',
    action: 'See docs/openapi.json for paths and methods.',
  },
  user_not_found: { status: 404, message: 'There is no such user.', action: 'Provision the user first.' },
  credential_not_found: {
    status: 404,
    message: 'There is no such credential.',
    action: 'List credentials/user to see those of a user.',
  },
  key_not_found: {
    status: 404,
    message: 'The credential has no such key, or it no longer works.',
    action: 'See credentials/user for the keys of each credential.',
  },
  session_not_found: {
    status: 404,
    message: 'There is no such live session.',
    action: 'List sessions to see those that are live.',
  },
  numbers_not_found: {
    status: 404,
    message: 'No numbers of such a FIX session are known.',
    action: 'List sessions/sequence; a session has numbers from its first Logon on.',
  },
  edge_not_found: { status: 404, message: 'There is no such edge.', action: 'List edges.' },
  lock_not_found: { status: 404, message: 'There is no such lock.', action: 'List locks.' },
  tier_not_found: { status: 404, message: 'There is no such tier.', action: 'List rate-limits/tiers.' },
  rule_not_found: { status: 404, message: 'There is no such rule.', action: 'List rules.' },
  override_not_found: {
    status: 404,
    message: 'There is no such override.',
    action: 'See rules/evaluate for those of a user.',
  },
  method_not_allowed: {
    status: 405,
    message: 'The path exists, but not with this method.',
    action: 'See docs/openapi.json.',
  },
  already_provisioned: {
    status: 409,
    message: 'The user has an active or suspended credential.',
    action: 'Send additional_credential: true, or revoke the old one.',
  },
  sender_comp_id_taken: {
    status: 409,
    message: 'The SenderCompID belongs to another credential.',
    action: 'Choose another one, or leave it out to have one made.',
  },
  too_many_credentials: {
    status: 409,
    message: 'The user has as many credentials as one may have.',
    action: 'Revoke one first.',
  },
  wrong_status: {
    status: 409,
    message: 'The credential is not in a status that allows this.',
    action: 'See details for its status; change that first where it can be changed, for example with reactivate.',
  },
  wrong_proof: {
    status: 409,
    message: 'The credential proves itself in another way.',
    action: 'Passwords and HMAC secrets are regenerated, Ed25519 keys added and removed; see details.',
  },
  key_exists: {
    status: 409,
    message: 'The credential has this key or a key of this id.',
    action: 'Choose another key_id, or remove the key first.',
  },
  too_many_keys: {
    status: 409,
    message: 'The credential has as many keys as one may have.',
    action: 'Remove one first.',
  },
  session_live: {
    status: 409,
    message: 'The FIX session is live: its numbers are in use.',
    action: 'End it with sessions/kill first, or let the client log out.',
  },
  edge_not_running: {
    status: 409,
    message: 'The edge is not running: for a session, the one that has its journal.',
    action: 'Start it; edges shows the state of each.',
  },
  idempotency_conflict: {
    status: 409,
    message:
      'The idempotency key was used with another request, or its credential has logged on or is no longer active.',
    action: 'Use a new key, or regenerate-password.',
  },
  version_conflict: {
    status: 409,
    message: 'The object has changed since that version.',
    action: 'Read it again and decide anew.',
  },
  rule_exists: {
    status: 409,
    message: 'There is a rule of that id.',
    action: 'Remove it first, or choose another id.',
  },
  policy_full: {
    status: 409,
    message: 'The policy has as many rules or tiers as it may have.',
    action: 'Remove one first.',
  },
  tier_in_use: { status: 409, message: 'Users have this tier.', action: 'Move them to another tier first.' },
  tier_protected: {
    status: 409,
    message: 'The built-in tiers cannot be removed.',
    action: 'Change it with rate-limits/tiers/put.',
  },
  busy: { status: 409, message: 'Others keep changing the same object.', action: 'Try again.' },
  too_large: { status: 413, message: 'The request body is larger than 64 KiB.', action: 'Send less.' },
  not_eligible: {
    status: 422,
    message: 'The user does not meet the eligibility rules.',
    action: 'See details for each failing rule; override a rule, or provision with bypass.',
  },
  throttled: {
    status: 429,
    message: 'Too many requests.',
    action: 'Wait a second and try again, longer each time; the SDKs of AWS do so by themselves.',
  },
  internal: { status: 500, message: 'Something failed inside.', action: 'Look for the request_id in the logs.' },
  store_unavailable: {
    status: 503,
    message: 'The store does not answer.',
    action: 'Try again in a moment; nothing was changed unless the audit shows it.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error of the catalogue on its way out; `details` is JSON and holds no secret. */
export class FixgateError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly unknown[];

  /** @param text the particulars of this case; the catalogue's message when left out */
  constructor(code: ErrorCode, text?: string, details: readonly unknown[] = []) {
    super(text ?? ERRORS[code].message);
    this.name = 'FixgateError';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Thrown by every adapter when the store cannot be reached or throttles beyond its retries; never for a failed condition. */
export class StoreUnavailable extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreUnavailable';
  }
}
