/**
 * Takes a connection from its first message to a live session: the gate checks identity, proof and address, then gives a slot; then
 * the session layer checks the Logon. A client that has not proved itself always gets the same answer, or none.
 */

import type { GateSession, LogonAccepted, PasswordChange, RegisterResult } from '../core/sessions/api.ts';
import type { Connection } from './connection.ts';
import { sentBy } from './connection-state.ts';
import { ANSWERABLE, type Claim, forget, readFirstMessage, wipeSecrets } from './first-message.ts';
import { validate } from './fix/dictionary/index.ts';
import type { Message } from './fix/message.ts';
import type { Greeting, RefusedLogon, Validator } from './fix/session/ports.ts';
import type { House, Reception } from './house.ts';
import { SESSIONS_PER_CREDENTIAL } from './limits.ts';
import { LogonEnd } from './logon-end.ts';
import type { LogonLine } from './logon-line.ts';
import { type Applicant, Refusals } from './logon-refusals.ts';
import {
  COVERED,
  ELSEWHERE,
  greetingOf,
  IN_USE,
  noNewPassword,
  type Refusal,
  refusalBy,
  refusalOfRules,
} from './logon-rules.ts';
import { keyOf, venueSession } from './logon-session.ts';
import { SILENT, senderOf } from './refusal.ts';
import { type Entry, sessionId, TAKEN_OVER } from './sessions.ts';
import { Holders } from './takeover/holders.ts';

type Registered = Extract<RegisterResult, { result: 'registered' }>;

/** How often a slot is asked for while another live session holds the FIX session. */
const ROUNDS = 4;

export class FrontDesk implements Reception<Connection> {
  readonly #house: House;
  readonly #line: LogonLine;
  readonly #holders: Holders;
  readonly #refusals: Refusals;

  constructor(house: House) {
    this.#house = house;
    this.#line = house.line;
    this.#holders = new Holders(house);
    this.#refusals = new Refusals(house);
  }

  /** The first message of a connection. Its secrets are overwritten where they lie. @param deadline that its connection had for it, monotonic ms */
  receive(connection: Connection, message: Message, tokens: number, deadline: number): void {
    const { config, dictionaries, lobby, turns } = this.#house;
    const received = turns.now.epochMs;
    const first = readFirstMessage(message, tokens, config.session_profile, dictionaries, received);
    if (first.kind === 'hostile') {
      const sender = ANSWERABLE.has(first.reason) ? senderOf(message) : undefined;
      wipeSecrets(message);
      this.#refusals.hostile(connection, first.reason, first.text, sender);
      return;
    }
    wipeSecrets(message);
    lobby.spoke(connection);
    void this.#admit(connection, first.claim, received, sentBy(deadline, turns.now.monoMs));
  }

  /** The first message is garbled, or too long to be a Logon. It cannot be answered. */
  garbled(connection: Connection): void {
    this.#refusals.hostile(connection, 'framing', 'First message is garbled', undefined);
  }

  /** No Logon came in time, or no answer to it. */
  tooLate(connection: Connection, waitedFor: string): void {
    const { metrics, strangers, turns } = this.#house;
    metrics.closed('no_logon');
    strangers.note({ address: connection.address, state: waitedFor }, 'no Logon in time', turns.now.monoMs);
    connection.turnAway(undefined, SILENT);
  }

  /** Never rejects: an exception refuses the Logon and is logged. */
  async #admit(connection: Connection, claim: Claim, received: number, since: number): Promise<void> {
    const { log } = this.#house;
    try {
      const turn = await this.#line.enter(connection, since);
      try {
        if (turn === 'in') await this.#authenticate(connection, claim, received);
        else if (turn === 'busy') this.#refusals.busy(connection, claim);
      } finally {
        forget(claim);
        if (turn === 'in') this.#line.leave();
      }
    } catch (error) {
      log.error({ error, sender_comp_id: claim.sender_comp_id }, 'a Logon failed inside');
      connection.turnAway(undefined, SILENT);
    }
  }

  async #authenticate(connection: Connection, claim: Claim, received: number): Promise<void> {
    if (!connection.waits) return;
    const { gate } = this.#house;
    const { sender_comp_id, target_comp_id, username, proof } = claim;
    const { address, certificate } = connection;
    const asks = { sender_comp_id, target_comp_id, username, proof, address, certificate };
    const logon = await this.#line.asked(gate.validateLogon(asks));
    if (!connection.waits) return;
    if (logon.result === 'refused') {
      this.#refusals.byGate(connection, claim, logon);
      return;
    }
    const profile = this.#house.profiles.of(logon.credential.session_profile);
    const applicant: Applicant = { connection, claim, logon, profile };
    const refusal =
      refusalBy(profile, claim, received) ??
      refusalOfRules(this.#house.dictionaries.of(profile), claim) ??
      noNewPassword(claim, logon, this.#house.config.new_password) ??
      this.#crowded(claim, logon) ??
      (await this.#ruledOut(applicant));
    if (!connection.waits) return;
    if (refusal !== undefined) this.#refusals.here(applicant, refusal);
    else {
      const { blocks } = this.#house;
      const id = sessionId(claim);
      blocks.entering(id);
      try {
        await this.#register(applicant);
      } finally {
        blocks.left(id);
      }
    }
  }

  /** Sessions stay in the journal for good. A client that names too many different ones is refused before it takes a slot. */
  #crowded(claim: Claim, logon: LogonAccepted): Refusal | undefined {
    const most = Math.max(SESSIONS_PER_CREDENTIAL, logon.max_sessions);
    if (!this.#house.sessions.crowded(sessionId(claim), most)) return undefined;
    const text = `Logon refused: this SenderCompID has ${most} sessions (SenderSubID, BeginString) and may begin no more`;
    return { reason: 'too_many_sessions', text, covered: false };
  }

  /**
   * The session layer's refusal, before a slot is taken, for a session whose state is here. So a client that keeps logging on with
   * too low a number makes no audit records of sessions, and takes nothing over. Not if a holder has to be asked first.
   */
  async #ruledOut(applicant: Applicant): Promise<Refusal | undefined> {
    const { claim, logon, profile } = applicant;
    const { sessions, mover } = this.#house;
    // If another edge may have newer state, the state here must not decide.
    if (!mover.isHere(sessionId(claim))) return undefined;
    const venue = venueSession(claim, logon.user, profile);
    const entry = sessions.begun(venue);
    if (entry === undefined) return undefined;
    if (entry.holder !== undefined && profile.duplicate_logon !== 'takeover') return undefined;
    const refusal = this.#judged(applicant, entry);
    if (refusal === undefined) return undefined;
    // Refusing by numbers that are old would tell the client that its own are wrong.
    return (await mover.isStillHere(venue, keyOf(claim))) ? refusal : undefined;
  }

  /** The session layer's refusal of the Logon, if any. Changes nothing. */
  #judged({ connection, claim, profile }: Applicant, entry: Entry): Refusal | undefined {
    const { dictionaries, turns } = this.#house;
    const chosen = dictionaries.of(profile);
    const rules = chosen.known ? chosen.dictionaries.get(claim.begin_string, claim.appl_ver_id) : undefined;
    if (rules === undefined) return undefined;
    const by: Validator = (message, tokens, verdict) => validate(rules, message, profile, verdict, tokens);
    let refused: RefusedLogon | undefined;
    turns.run(() => {
      refused = entry.fix.judge(connection.logon(), profile, by, turns.now);
    });
    return refused && { reason: refused.refusal, text: refused.text, covered: COVERED.has(refused.refusal) };
  }

  /** Takes a slot for the session. If a live session holds it, `duplicate_logon` decides. */
  async #register(applicant: Applicant): Promise<void> {
    const { connection, claim, logon, profile } = applicant;
    const { gate, blocks, turns } = this.#house;
    const asked = turns.monotonic();
    const key = keyOf(claim);
    let supersedes: string | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const end = new LogonEnd();
      const numbers = blocks.asked(sessionId(key), profile, claim.resets);
      const asks = { logon, key, supersedes, numbers, onEnd: end.onEnd };
      const result: RegisterResult = await this.#line.asked(gate.registerSession(asks));
      if (result.result === 'refused') {
        this.#refusals.byGate(connection, claim, result);
        return;
      }
      if (result.result === 'registered') {
        await this.#registered(applicant, result, end, asked);
        return;
      }
      const way = await this.#line.aside(this.#holders.wayWith(result.holder, profile.duplicate_logon));
      if (!connection.waits) return;
      if (way === 'refuse') break;
      supersedes = way === 'again' ? undefined : result.holder.session_id;
    }
    this.#refusals.here(applicant, IN_USE);
  }

  /** It has its slot. @param end told when the session ends, also while it is on its way @param asked see Mover.bring */
  async #registered(applicant: Applicant, result: Registered, end: LogonEnd, asked: number): Promise<void> {
    const { connection, claim, logon } = applicant;
    const { gate, seating } = this.#house;
    const here = await this.#brought(applicant, result, asked);
    if (!here && (result.session.live || !connection.waits)) {
      this.#notBrought(applicant, result.session);
      return;
    }
    // It has ended on its way: the answer is why.
    if (!here) await end.told();
    const change = here ? await this.#newPassword(applicant, result.session) : undefined;
    await seating.run(() => {
      end.seated((cause, text) => connection.end(cause, text));
      if (change?.result === 'refused') {
        this.#notSeated(claim);
        void gate.unregisterSession(result.session.session.session_id, 'protocol', change.text);
        const { reason, text } = change;
        this.#refusals.here(applicant, { reason, text, covered: false });
      } else if (end.ended !== undefined) {
        this.#notSeated(claim);
        this.#refusals.proven(connection, claim, end.ended.text, end.ended.cause);
      } else this.#seat(applicant, result, greetingOf(logon, change));
    });
  }

  /** Brings the session's state here. False: it cannot be had now, its client has gone, or the session has ended. */
  async #brought(
    { connection, claim, profile }: Applicant,
    { session: live, holding }: Registered,
    asked: number,
  ): Promise<boolean> {
    const { mover, blocks } = this.#house;
    const { session } = live;
    const id = sessionId(claim);
    if (!mover.needs(holding, session, id)) {
      blocks.taken(id, session, holding);
      return true;
    }
    const venue = venueSession(claim, { user_id: session.user_id, epoch: holding.epoch }, profile);
    return this.#line.aside(mover.bring(venue, session, holding, asked, () => connection.waits && live.live));
  }

  #notBrought(applicant: Applicant, { session: { session_id } }: GateSession): void {
    const { connection, claim } = applicant;
    if (!connection.waits) {
      this.#line.served(connection);
      this.#left(claim, session_id);
      return;
    }
    this.#notSeated(claim);
    void this.#house.gate.unregisterSession(session_id, 'protocol', ELSEWHERE.text);
    this.#refusals.here(applicant, ELSEWHERE);
  }

  #left(claim: Claim, session_id: string): void {
    this.#notSeated(claim);
    void this.#house.gate.unregisterSession(session_id, 'disconnect', 'The client left before it was answered');
  }

  /**
   * Applies NewPassword (925). The last step before the Logon is answered; not done if the session layer would refuse it.
   * Undefined: there is nothing to change.
   */
  async #newPassword(applicant: Applicant, session: GateSession): Promise<PasswordChange | undefined> {
    const { connection, claim, logon, profile } = applicant;
    const { gate, sessions, log } = this.#house;
    const { new_password } = claim;
    if (new_password === undefined || !connection.waits) return undefined;
    const entry = sessions.renewed(venueSession(claim, logon.user, profile), profile);
    if (this.#judged(applicant, entry) !== undefined) return undefined;
    const change = await gate.changePassword(session, logon, new_password);
    const { session_id, user_id } = session.session;
    log.info({ session_id, user_id, result: change.result }, 'a client has asked for a new password');
    return change;
  }

  /** Begins the session at the connection. The session layer decides last. */
  #seat(applicant: Applicant, registered: Registered, greeting: Greeting): void {
    const { connection, claim, logon, profile } = applicant;
    const { gate, sessions, metrics, log, mover } = this.#house;
    const { session } = registered;
    const { session_id, user_id } = session.session;
    this.#line.served(connection);
    if (!connection.waits) {
      this.#left(claim, session_id);
      return;
    }
    const { epoch } = registered.holding;
    const venue = venueSession(claim, { user_id, epoch }, profile);
    if (sessions.goneBy(venue.id) > epoch) {
      this.#notSeated(claim);
      void gate.unregisterSession(session_id, 'superseded', TAKEN_OVER);
      this.#refusals.here(applicant, IN_USE);
      return;
    }
    mover.arrived(venue.id, epoch);
    const begun = connection.begin(() => sessions.renewed(venue, profile), session, greeting);
    if (begun.begun) {
      metrics.logon('accepted');
      const { address } = connection;
      log.info({ session_id, user_id, session: venue.id, address, warnings: logon.warnings }, 'logged on');
      return;
    }
    this.#notSeated(claim);
    void gate.unregisterSession(session_id, 'protocol', begun.text);
    const { reason, text } = begun;
    this.#refusals.here(applicant, { reason, text, covered: COVERED.has(reason) });
  }

  /** The Logon failed after its slot was taken: if the holder before it has gone, the session is away now. */
  #notSeated(claim: Claim): void {
    const { sessions, attendance, turns } = this.#house;
    const known = sessions.known(sessionId(claim));
    if (known !== undefined && known.holder === undefined) turns.run(() => attendance.failed(known.venue, turns.now));
  }
}
