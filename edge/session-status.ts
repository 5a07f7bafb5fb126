/** SessionStatus (1409) of a Logout, by why it is sent. */
import type { EndCause } from '../core/sessions/model.ts';
import { SessionStatus } from './fix/session/session-status.ts';

const {
  AccountLocked,
  InvalidUsernameOrPassword,
  LogonsNotAllowedNow,
  NewPasswordDoesNotComply,
  None,
  PasswordExpired,
} = SessionStatus;

/** By the reason of a refused Logon, or the cause that ended a session; those that are not here have none. */
const STATUS: Readonly<Record<string, number>> = {
  unknown_sender: InvalidUsernameOrPassword,
  wrong_password: InvalidUsernameOrPassword,
  wrong_signature: InvalidUsernameOrPassword,
  outside_window: InvalidUsernameOrPassword,
  replayed: InvalidUsernameOrPassword,
  wrong_target: InvalidUsernameOrPassword,
  wrong_username: InvalidUsernameOrPassword,
  address_not_allowed: InvalidUsernameOrPassword,
  wrong_certificate: InvalidUsernameOrPassword,
  too_many_bad_logons: InvalidUsernameOrPassword,
  new_password: NewPasswordDoesNotComply,
  suspended: AccountLocked,
  locked: AccountLocked,
  not_eligible: AccountLocked,
  expired: PasswordExpired,
  revoked: PasswordExpired,
  session_limit: LogonsNotAllowedNow,
  outside_session_time: LogonsNotAllowedNow,
  unavailable: LogonsNotAllowedNow,
  busy: LogonsNotAllowedNow,
  draining: LogonsNotAllowedNow,
  drain: LogonsNotAllowedNow,
  fenced: LogonsNotAllowedNow,
};

export function statusOfRefusal(reason: string): number {
  return STATUS[reason] ?? None;
}

export function statusOfEnd(cause: EndCause): number {
  return STATUS[cause] ?? None;
}
