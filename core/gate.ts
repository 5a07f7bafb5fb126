/**
 * The gate: who may log on, how many sessions, how much they may send, and when they must end. An edge asks it, and so
 * does a firm's own gateway by index.ts. It knows no socket: it hears of Logons and messages, and says what is to be
 * ended.
 */
import type { Actor } from './audit/model.ts';
import { changeOwnPassword } from './credentials/new-password.ts';
import { Verifiers } from './credentials/verify.ts';
import {
  ADMITTED,
  type Decision,
  type LimiterFigures,
  REFUSED_CANCEL,
  REFUSED_MESSAGE,
  REFUSED_ORDER,
  WAIT,
} from './limits/admission.ts';
import { CANCEL, type Kind, MESSAGE, ORDER } from './limits/kinds.ts';
import type { LimitClass } from './limits/model.ts';
import { assignTier, limitsOf } from './policy/assignment.ts';
import {
  type CallerRefusal,
  type Gate,
  type GateEvents,
  type GateLog,
  type GateSession,
  type GateSettings,
  type LogonAccepted,
  type LogonRefused,
  type LogonRequest,
  type LogonResult,
  type PasswordChange,
  type ProvenReason,
  type RegisterRequest,
  type RegisterResult,
  SILENT_LOG,
  type TrackResult,
} from './sessions/api.ts';
import { BadLogons } from './sessions/bad-logons.ts';
import { REFUSAL_TEXT } from './sessions/bounds.ts';
import { NoFreeName } from './sessions/edge-name.ts';
import { Live } from './sessions/live.ts';
import { Logons, proven, unavailable } from './sessions/logon.ts';
import { Membership } from './sessions/membership.ts';
import type { Claimed, EdgeFigures, EdgeIdentity, EndCause, LiveSession } from './sessions/model.ts';
import { PolicyCache } from './sessions/policy-cache.ts';
import { RefusalRecorder } from './sessions/refusals.ts';
import type { Ended } from './sessions/registrar.ts';
import { type GatePorts, Tenure } from './sessions/tenure.ts';

export type { GatePorts };

const KINDS: Readonly<Record<LimitClass, Kind>> = { order: ORDER, message: MESSAGE, cancel: CANCEL };
const REFUSED: Readonly<Record<number, LimitClass>> = {
  [REFUSED_ORDER]: 'order',
  [REFUSED_MESSAGE]: 'message',
  [REFUSED_CANCEL]: 'cancel',
};

/** The reason given for refusing a Logon whose session was ended before it began. */
const REASONS: Partial<Record<EndCause, ProvenReason>> = {
  killed: 'killed',
  locked: 'locked',
  suspended: 'suspended',
  revoked: 'revoked',
  expired: 'expired',
  drain: 'draining',
};

const GOING_DOWN = 'Gateway is going down, log on again';
const SHUT = 'Gateway is closed, try again later';
const FENCED = 'This gateway has lost its sessions, log on again';

/** Registers the edge and starts its heartbeat. Rejects with StoreUnavailable. */
export async function openGate(ports: GatePorts, settings: GateSettings, events: GateEvents = {}): Promise<Gate> {
  const gate = new OpenGate(ports, settings, events);
  await gate.join();
  return gate;
}

class OpenGate implements Gate {
  readonly #ports: GatePorts;
  readonly #log: GateLog;
  readonly #settings: GateSettings;
  readonly #events: GateEvents;
  readonly #policies: PolicyCache;
  readonly #logons: Logons;
  readonly #refusals: RefusalRecorder;
  #state: Gate['state'] = 'running';
  #shut: string | undefined;
  /** Resolves when the tenure that was fenced last has ended. */
  #finishing: Promise<void> | undefined;
  #current: { readonly membership: Membership; readonly tenure: Tenure } | undefined;

  constructor(ports: GatePorts, settings: GateSettings, events: GateEvents) {
    this.#ports = ports;
    this.#log = ports.log ?? SILENT_LOG;
    this.#settings = settings;
    this.#events = events;
    const { timers, policy } = ports;
    const log = this.#log;
    this.#policies = new PolicyCache(policy, timers, log, (read, before) =>
      this.#current?.tenure.enforcement.policyRead(read, before),
    );
    const badLogons = new BadLogons({
      limit: settings.bad_logon_limit,
      realAddresses: settings.real_addresses,
      onAlarm: (name, count) => {
        log.warn({ sender_comp_id: name, count }, 'many bad logons for one SenderCompID');
        events.onBadLogons?.(name, count);
      },
    });
    const verifiers = new Verifiers(ports);
    const windowMs = settings.logon_window_ms;
    this.#logons = new Logons({ ...ports, log, verifiers, policies: this.#policies, badLogons, windowMs });
    this.#refusals = new RefusalRecorder(timers, (note) => this.#tenure.audit.note(note));
  }

  get identity(): EdgeIdentity {
    return this.#membership.identity;
  }

  get state(): Gate['state'] {
    return this.#state;
  }

  get mayPlaceOrders(): boolean {
    return this.#membership.mayPlaceOrders;
  }

  /** Begins an incarnation: registers, opens its audit chain, starts heartbeat and timers. */
  async join(): Promise<void> {
    const { version } = this.#settings;
    const membership = await Membership.join({ ...this.#ports, log: this.#log }, () => this.#begin(), {
      figures: () => this.figures(),
      draining: () => this.#state !== 'running',
      onCommand: (command) => {
        const done = tenure.apply(command);
        this.#events.onCommand?.(command.type, this.#ports.clock.now() - command.at);
        return done;
      },
      onOrders: (allowed) => this.#ordersAllowed(allowed),
      onFenced: () => this.#fenced(),
    });
    const tenure = new Tenure(this.#ports, this.#log, membership.identity, {
      mayPlaceOrder: (nowMs) => membership.mayPlaceOrder(nowMs),
      recheck: (logon) => this.#logons.recheck(logon),
      setNumbers: (command) => this.#events.onNumbers?.(command),
      asked: (question) => this.#events.onAsked?.(question),
      drainAsked: (reason) => {
        this.#log.info({ reason }, 'an admin has this edge drained');
        this.drain();
        this.#events.onDrain?.(reason);
      },
      slotAsked: (result, supersedes) => this.#events.onSlot?.(result, supersedes),
      cancelOrders: (whose, askedAt) => this.#events.onCancelOrders?.(whose, askedAt),
      lookAgain: () => this.#policies.fresh(),
      policyChanged: () => void this.#policies.poll(),
      policy: () => this.#policies.current,
      announce: async (notice, sessions) => (await this.#events.onNotice?.(notice, sessions)) ?? 0,
    });
    this.#current = { membership, tenure };
    this.#state = 'running';
    tenure.begin(version);
    this.#policies.start();
    // Commands that came while the edge was away are applied before the first Logon.
    await membership.poll();
  }

  /** Registers the next incarnation. For a claimed name the first one has been registered already. */
  async #begin(): Promise<Claimed> {
    const { edge_id, version, claimed } = this.#settings;
    if (claimed !== undefined && this.#current === undefined) return claimed;
    const { edges, clock } = this.#ports;
    const since = clock.monotonic();
    if (claimed === undefined) return { identity: await edges.register(edge_id, version, clock.now()), since };
    const identity = await edges.claim(edge_id, version, clock.now());
    if (identity === undefined) throw new NoFreeName(`another process serves as edge ${edge_id}`);
    return { identity, since };
  }

  async rejoin(): Promise<void> {
    if (this.#state === 'fenced') await this.join();
  }

  async validateLogon(request: LogonRequest): Promise<LogonResult> {
    const closed = this.#closed();
    if (closed) return this.#refuse(request, closed);
    const { result, user_id, expired } = await this.#logons.validate(request);
    if (expired) this.#tenure.recordExpiry(expired);
    return result.result === 'accepted' ? result : this.#refuse(request, result, user_id);
  }

  async changePassword(session: GateSession, logon: LogonAccepted, password: Uint8Array): Promise<PasswordChange> {
    const { session_id } = session.session;
    const actor = { principal: `edge:${this.identity.edge_id}`, source_ip: logon.address };
    try {
      return await changeOwnPassword(this.#ports, { actor, session_id }, logon, password);
    } catch (error) {
      this.#log.warn({ error, session_id }, 'a client could not change its password');
      return { result: 'refused', reason: 'unavailable', text: unavailable().text };
    }
  }

  async registerSession(request: RegisterRequest): Promise<RegisterResult> {
    const { sender_comp_id } = request.key;
    const { credential, user, address } = request.logon;
    if (sender_comp_id !== credential.sender_comp_id) throw new TypeError('the session key is of another SenderCompID');
    const refuse = (refusal: LogonRefused) => this.#refuse({ sender_comp_id, address }, refusal, user.user_id);
    const closed = this.#closed();
    if (closed) return refuse(closed);
    const { tenure, membership } = this.#now;
    const outcome = await tenure.registrar.register(request);
    switch (outcome.result) {
      case 'refused':
        if (outcome.fenced) void membership.beat();
        return refuse(outcome.refusal);
      case 'held':
        return { result: 'held', holder: outcome.holder, local: tenure.table.get(outcome.holder.session_id) };
      case 'taken': {
        const ended = outcome.ended ?? (this.#shut === undefined ? undefined : shutBy(SHUT));
        const begun = tenure.start(request, { ...outcome, ended });
        if (begun instanceof Live) return { result: 'registered', session: begun, holding: outcome.holding };
        return refuse(proven(REASONS[begun.cause] ?? 'unavailable', begun.text));
      }
    }
  }

  trackMessage(userId: string, sessionId: string, kind: LimitClass | boolean): TrackResult | Promise<TrackResult> {
    const live = this.#tenure.table.get(sessionId);
    if (live?.session.user_id !== userId) return { admitted: false, refused: 'ended', retry_ms: 0 };
    const bucket = kind === true ? ORDER : kind === false ? MESSAGE : KINDS[kind];
    if (bucket === undefined) throw new TypeError(`no kind of message: ${String(kind)}`);
    const answer = live.admit(bucket, this.#ports.clock.now());
    if (answer !== WAIT) return this.#tracked(live, bucket, answer);
    return new Promise((resolve) => {
      live.onGrant(bucket, (decision) => resolve(this.#tracked(live, bucket, decision)));
    });
  }

  async unregisterSession(sessionId: string, cause: EndCause, text?: string): Promise<void> {
    const live = this.#tenure.table.get(sessionId);
    if (live) await this.#tenure.end(live, cause, text ?? cause, { told: true });
  }

  noteRefusal(refusal: CallerRefusal): void {
    this.#refusals.refused({ ...refusal, proven: refusal.user_id !== undefined });
  }

  noteArchived(details: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#tenure.audit.recorded({ type: 'archive_sealed', details });
  }

  async updateUserTier(userId: string, tier: string, actor: Actor, reason?: string): Promise<void> {
    const { tier: definition, user } = await assignTier(this.#ports, { actor, reason }, userId, tier);
    this.#tenure.enforcement.limitsChanged(userId, tier, limitsOf(definition, user.tier_assignment));
  }

  userSessions(userId: string): Promise<readonly LiveSession[]> {
    return this.#ports.slots.ofUser(userId);
  }

  sessions(): Iterable<GateSession> {
    return this.#tenure.table.all();
  }

  session(sessionId: string): GateSession | undefined {
    return this.#tenure.table.get(sessionId);
  }

  figures(): EdgeFigures {
    const { table, accepted, totals } = this.#tenure;
    const vitals = this.#ports.vitals?.();
    return {
      sessions: table.size,
      sessions_by_tier: table.byTier(),
      sessions_peak: table.peak,
      logons_accepted: accepted,
      logons_refused: this.#refusals.byReason,
      ...totals,
      ...(vitals ? { vitals } : {}),
    };
  }

  limiterFigures(): LimiterFigures {
    return this.#tenure.admissions.figures();
  }

  drain(): void {
    if (this.#state !== 'running') return;
    this.#state = 'draining';
    void this.#membership.beat();
  }

  get shutFor(): string | undefined {
    return this.#shut;
  }

  shut(reason: string | undefined): void {
    if (reason === this.#shut) return;
    const { tenure } = this.#now;
    this.#shut = reason;
    if (reason === undefined) {
      tenure.audit.note({ type: 'edge_opened', details: {} });
      return;
    }
    tenure.audit.note({ type: 'edge_shut', reason, details: { sessions: tenure.table.size } });
    const { cause, text } = shutBy(`Locked: ${reason}`);
    for (const live of [...tenure.table.all()]) void tenure.end(live, cause, text, {});
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const fenced = this.#state === 'fenced';
    this.#state = 'stopped';
    this.#policies.stop();
    if (fenced) return this.#finishing;
    const { membership, tenure } = this.#now;
    this.#refusals.flush();
    const freed = async (): Promise<void> => {
      try {
        await membership.stop();
      } catch (error) {
        // The other edges will see the heartbeat stand still and free the slots a few seconds later.
        this.#log.warn({ error }, 'could not say that this edge has stopped');
      }
    };
    await tenure.finish('drain', GOING_DOWN, () => this.figures(), freed);
  }

  get #now(): { readonly membership: Membership; readonly tenure: Tenure } {
    if (!this.#current) throw new Error('the gate has not joined yet');
    return this.#current;
  }

  get #tenure(): Tenure {
    return this.#now.tenure;
  }

  get #membership(): Membership {
    return this.#now.membership;
  }

  /** Why nobody may log on here now; undefined: they may. */
  #closed(): LogonRefused | undefined {
    if (this.#state === 'running') return this.#shut === undefined ? undefined : proven('locked', SHUT);
    return this.#state === 'fenced' ? unavailable() : proven('draining', GOING_DOWN);
  }

  #refuse(
    about: Pick<LogonRequest, 'sender_comp_id' | 'address'>,
    refused: LogonRefused,
    userId?: string,
  ): LogonRefused {
    const { sender_comp_id, address } = about;
    const { reason, text } = refused;
    const proven = refused.class === 'proven';
    this.#refusals.refused({ sender_comp_id, address, reason, text, user_id: userId, proven });
    return refused;
  }

  #ordersAllowed(allowed: boolean): void {
    const fields = { edge_id: this.#settings.edge_id };
    if (allowed) this.#log.info(fields, 'the lease is back: orders pass');
    else this.#log.warn(fields, 'the lease is over: orders are refused, cancels pass');
    this.#events.onOrders?.(allowed);
  }

  #fenced(): void {
    const { membership, tenure } = this.#now;
    this.#log.error({ ...membership.identity }, 'this edge was declared dead: every session ends');
    // A gate that is stopping already ends its sessions.
    if (this.#state !== 'stopped') {
      this.#state = 'fenced';
      this.#refusals.flush();
      this.#finishing = tenure.finish(
        'fenced',
        FENCED,
        () => this.figures(),
        async () => {},
      );
    }
    this.#events.onFenced?.(membership.identity);
  }

  #tracked(live: Live, kind: Kind, decision: Decision): TrackResult {
    if (decision === ADMITTED) return { admitted: true };
    const retry_ms = live.retryAfterMs(kind, this.#ports.clock.now());
    return { admitted: false, refused: live.live ? (REFUSED[decision] ?? 'store') : 'ended', retry_ms };
  }
}

const shutBy = (text: string): Ended => ({ cause: 'locked', text: text.slice(0, REFUSAL_TEXT) });
