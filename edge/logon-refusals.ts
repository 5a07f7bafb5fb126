/** Refuses Logons: counts and records each, then answers it, or does not. */

import type { LogonAccepted, LogonRefused } from '../core/sessions/api.ts';
import { UNAVAILABLE } from '../core/sessions/logon.ts';
import type { Connection } from './connection.ts';
import type { Claim, Hostile } from './first-message.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import type { House } from './house.ts';
import { IN_USE, NO_DICTIONARY, PASSING, type Refusal } from './logon-rules.ts';
import { type Sender, SILENT } from './refusal.ts';
import { statusOfRefusal } from './session-status.ts';
import { sessionId } from './sessions.ts';

/** A connection whose Logon has proved who it is. */
export interface Applicant {
  readonly connection: Connection;
  readonly claim: Claim;
  readonly logon: LogonAccepted;
  /** Of its credential. */
  readonly profile: SessionProfile;
}

export class Refusals {
  readonly #house: House;

  constructor(house: House) {
    this.#house = house;
  }

  /** A first message that is no Logon. @param sender who may be answered; undefined: nobody */
  hostile(connection: Connection, reason: Hostile, text: string, sender: Sender | undefined): void {
    const { gate, metrics, strangers, turns, config } = this.#house;
    const { address } = connection;
    const sender_comp_id = sender?.sender_comp_id ?? '';
    metrics.logon(reason);
    strangers.note({ address, reason, sender_comp_id }, 'first message refused', turns.now.monoMs);
    gate.noteRefusal({ sender_comp_id, address, reason, text });
    connection.turnAway(config.refused_logon === 'silent' ? undefined : sender, { ...SILENT, text });
  }

  /** Too many Logons waited before this one. The answer is as if the store were away; nothing was looked up. */
  busy(connection: Connection, claim: Claim): void {
    const { gate, metrics, strangers, turns } = this.#house;
    const { sender_comp_id } = claim;
    const { address } = connection;
    const reason = 'busy';
    metrics.logon(reason);
    strangers.note({ address, sender_comp_id, reason }, 'Logon refused', turns.monotonic());
    gate.noteRefusal({ sender_comp_id, address, reason, text: UNAVAILABLE });
    this.#unproven(connection, claim, UNAVAILABLE, reason);
  }

  /** The gate has refused, and recorded it. */
  byGate(connection: Connection, claim: Claim, refused: LogonRefused): void {
    const { metrics, strangers, turns } = this.#house;
    const { reason, text } = refused;
    const { sender_comp_id } = claim;
    metrics.logon(reason);
    strangers.note({ address: connection.address, sender_comp_id, reason }, 'Logon refused', turns.now.monoMs);
    if (refused.class === 'proven' && reason !== 'session_in_use') this.proven(connection, claim, text, reason);
    else this.#unproven(connection, claim, text, reason);
  }

  /** The edge itself refuses. */
  here({ connection, claim, logon, profile }: Applicant, refusal: Refusal): void {
    const { gate, metrics, log, config } = this.#house;
    const { reason, text, covered } = refusal;
    const { sender_comp_id } = claim;
    const { user_id } = logon.user;
    const { address } = connection;
    metrics.logon(reason);
    log[reason === NO_DICTIONARY ? 'warn' : 'info'](
      { address, sender_comp_id, user_id, reason, text },
      'Logon refused',
    );
    gate.noteRefusal({ sender_comp_id, address, reason, text, user_id });
    // duplicate_logon `refuse` closes the second connection without a word (test case 1b).
    const silent = refusal === IN_USE && profile.duplicate_logon === 'refuse';
    if (silent || (covered && config.refused_logon === 'silent')) connection.turnAway(undefined, SILENT);
    else this.proven(connection, claim, text, reason);
  }

  /** Answers with the session's next number: a client's engine might otherwise reject the Logout before it shows the Text. */
  proven(connection: Connection, claim: Claim, text: string, reason: string): void {
    const { config, sessions } = this.#house;
    const msgSeqNum = sessions.nextOut(sessionId(claim));
    const told = config.refused_logon === 'silent' && PASSING.has(reason) ? undefined : claim;
    connection.turnAway(told, { msgSeqNum, text, status: statusOfRefusal(reason) });
  }

  #unproven(connection: Connection, claim: Claim, text: string, reason: string): void {
    const told = this.#house.config.refused_logon === 'silent' ? undefined : claim;
    connection.turnAway(told, { msgSeqNum: 1, text, status: statusOfRefusal(reason) });
  }
}
