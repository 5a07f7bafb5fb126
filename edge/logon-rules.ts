/** The edge's own checks of a Logon that has proved itself, before a slot is taken; and what the answer to an accepted one says. */
import { newPasswordRefused } from '../core/credentials/new-password.ts';
import type { LogonAccepted, PasswordChange } from '../core/sessions/api.ts';
import type { EdgeConfig } from './config.ts';
import type { Chosen } from './dictionaries.ts';
import type { Claim } from './first-message.ts';
import { closedText } from './fix/session/logon.ts';
import type { Greeting } from './fix/session/ports.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { periodAt } from './fix/session/schedule.ts';
import { isLatencyGood } from './fix/session/sending-time.ts';
import { SessionStatus } from './fix/session/session-status.ts';

/** Why the edge refuses a Logon that has proved itself. `covered`: with `--refused-logon silent` it is not answered. */
export interface Refusal {
  readonly reason: string;
  readonly text: string;
  readonly covered: boolean;
}

/** Another Logon holds the session, and keeps it. */
export const IN_USE: Refusal = { reason: 'session_in_use', text: 'Logon refused: session in use', covered: true };
/** Its state cannot be had from where it was, for the moment. */
export const ELSEWHERE: Refusal = {
  reason: 'session_elsewhere',
  text: 'Logon refused: another gateway still has this session, try again',
  covered: false,
};

/** Refusals by the session layer that `--refused-logon silent` leaves unanswered. */
export const COVERED: ReadonlySet<string> = new Set(['sending_time', 'begin_string']);
/**
 * Refusals that pass by themselves: engines try again every few seconds, and most count each Logout as a message of the session
 * (FIX 4.4 vol. 2, Logon, makes it optional for that reason). `--refused-logon silent` leaves these unanswered, too.
 */
export const PASSING: ReadonlySet<string> = new Set(['unavailable', 'busy', ELSEWHERE.reason]);

const BEGIN_STRING: Refusal = { reason: 'begin_string', text: 'Incorrect BeginString', covered: true };
const NO_NEW_PASSWORD: Refusal = {
  reason: 'new_password',
  text: 'Logon refused: NewPassword (925) is not taken here, passwords are issued by the gateway',
  covered: false,
};

/** The credential names dictionaries that this gateway does not have. The operator has to correct that. */
export const NO_DICTIONARY = 'data_dictionary';

/** What the counterparty's profile has against a Logon, before a slot is asked for: a live session is not disturbed by it. */
export function refusalBy(profile: SessionProfile, claim: Claim, received: number): Refusal | undefined {
  if (!profile.begin_strings.some((one) => one === claim.begin_string)) return BEGIN_STRING;
  if (!isLatencyGood(claim.sent_at, profile, received))
    return { reason: 'sending_time', text: inaccurate(claim.sent_at - received, profile.max_latency), covered: true };
  const period = periodAt(profile, received);
  if (period.state === 'open') return undefined;
  return { reason: 'outside_session_time', text: closedText(period.opens), covered: false };
}

/** @param off ms, negative when the client's clock is behind @param most s */
function inaccurate(off: number, most: number): string {
  const side = off < 0 ? 'behind' : 'ahead of';
  return `SendingTime accuracy problem: ${Math.round(Math.abs(off) / 1000)} s ${side} the gateway's clock, at most ${most} s are taken`;
}

/** Whether there is a dictionary by which the session can be kept. */
export function refusalOfRules(chosen: Chosen, { begin_string, appl_ver_id }: Claim): Refusal | undefined {
  if (!chosen.known) {
    const text = `Logon refused: this session's settings are wrong, ${chosen.problem}`;
    return { reason: NO_DICTIONARY, text, covered: false };
  }
  if (chosen.dictionaries.get(begin_string, appl_ver_id) !== undefined) return undefined;
  const text = `Logon refused: DefaultApplVerID (1137) ${appl_ver_id} is not supported`;
  return { reason: 'default_appl_ver_id', text, covered: false };
}

/** What can be said against NewPassword (925) by its look. */
export function noNewPassword(
  { new_password }: Claim,
  { credential }: LogonAccepted,
  allowed: EdgeConfig['new_password'],
): Refusal | undefined {
  if (new_password === undefined) return undefined;
  if (allowed === 'refuse') return NO_NEW_PASSWORD;
  const text = newPasswordRefused(credential, new_password);
  return text === undefined ? undefined : { ...NO_NEW_PASSWORD, text };
}

/** What the answer to an accepted Logon says, where its version has fields for it. */
export function greetingOf({ warnings }: LogonAccepted, change: PasswordChange | undefined): Greeting {
  const due = warnings.length > 0 ? SessionStatus.PasswordDueToExpire : SessionStatus.Active;
  const status = change === undefined ? due : SessionStatus.PasswordChanged;
  return { status, text: warnings.join('. ') };
}
