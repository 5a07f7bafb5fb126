/**
 * What one incarnation of an edge owns: its audit chain, its limiter, its slots and its live sessions. A tenure begins when the
 * edge has registered and ends when the edge stops or is fenced. After a fence the gate may begin another.
 */
import type { AdminPorts } from '../admin.ts';
import { type Expiring, recordExpiry } from '../credentials/expiry.ts';
import type { TokenLeases } from '../limits/leases-port.ts';
import { Limiter } from '../limits/limiter.ts';
import type { LimiterSettings } from '../limits/settings.ts';
import type { Policy, SignedLogons, SlotResult } from '../ports.ts';
import type { Timers } from '../time.ts';
import type { Done, GateLog, LogonAccepted, LogonResult, OrdersOf, RegisterRequest } from './api.ts';
import { EXPIRY_LOOK_MS, FREED_BEFORE_TOLD_MS, LAST_FLUSHES, NOTICE_LIFE_MS } from './bounds.ts';
import { EdgeAudit } from './edge-audit.ts';
import { Enforcement } from './enforcement.ts';
import { leaseLog } from './lease-log.ts';
import { LimitDesk } from './limit-desk.ts';
import { Live, type LiveHouse, LiveTable, nameOf } from './live.ts';
import type {
  Asked,
  EdgeCommand,
  EdgeIdentity,
  EdgeVitals,
  EndCause,
  FixSessionKey,
  Notice,
  NoticeTarget,
  NumbersCommand,
} from './model.ts';
import { type Ended, ends, Registrar, SUPERSEDED, type Taken } from './registrar.ts';
import { SlotKeeper } from './slot-keeper.ts';
import { ViolationRecorder } from './violations.ts';

export interface GatePorts extends AdminPorts {
  readonly signedLogons: SignedLogons;
  readonly leases: TokenLeases;
  readonly limiter?: Partial<LimiterSettings>;
  readonly timers: Timers;
  readonly log?: GateLog;
  /** Load and clock of the process, published with each heartbeat. */
  readonly vitals?: () => EdgeVitals;
}

export interface TenureEvents {
  /** Whether an order may be placed. @param nowMs when the batch came that it is in, epoch ms; NaN: it is in none */
  mayPlaceOrder(nowMs: number): boolean;
  recheck(logon: LogonAccepted): Promise<LogonResult>;
  setNumbers(command: NumbersCommand): void;
  /** Another edge asks about a session. */
  asked(question: Asked): void;
  /** Orders to be cancelled at the venue. The sessions concerned have ended. */
  cancelOrders(whose: OrdersOf, askedAt: number): Done | undefined;
  /** An admin drains this incarnation. */
  drainAsked(reason: string): void;
  /** Result of asking the store for a slot. */
  slotAsked(result: SlotResult['result'], supersedes: boolean): void;
  /** Reads the policy now: resolves with nothing older than this call. */
  lookAgain(): Promise<unknown>;
  /** The policy has changed: read it soon. Never rejects. */
  policyChanged(): void;
  /** The policy as last read. Undefined before the first reading. */
  policy(): Policy | undefined;
  /** Announces something to those of these sessions whose profile asks for it. @returns how many were told */
  announce(notice: Notice, sessions: readonly Live[]): Promise<number>;
}

/** Causes of an end that an admin, a rule or a date decided: recorded as a kill as well. */
const KILLS: ReadonlySet<EndCause> = new Set(['killed', 'locked', 'suspended', 'revoked', 'not_eligible', 'expired']);

const EXCESS = 'Sent too much for too long';

export class Tenure {
  readonly identity: EdgeIdentity;
  readonly audit: EdgeAudit;
  readonly admissions: Limiter;
  readonly violations: ViolationRecorder;
  readonly registrar: Registrar;
  readonly enforcement: Enforcement;
  readonly table = new LiveTable();
  /** By FIX session, who has ended and is told once its slot is free; a call tells it now. */
  readonly #untold = new Map<string, () => void>();
  readonly totals = { messages: 0, orders: 0, violations: 0 };
  /** Number of sessions that began. */
  accepted = 0;
  /** Set at the end: nothing begins any more. */
  over: Ended | undefined;
  readonly #liveHouse: LiveHouse;
  readonly #slots: SlotKeeper;
  readonly #limits: LimitDesk;
  readonly #ports: GatePorts;
  readonly #log: GateLog;
  readonly #events: TenureEvents;

  constructor(ports: GatePorts, log: GateLog, identity: EdgeIdentity, events: TenureEvents) {
    this.#ports = ports;
    this.#log = log;
    this.#events = events;
    this.identity = identity;
    const { timers, clock, leases, limiter: settings, violations: counters } = ports;
    this.audit = new EdgeAudit({ ...ports, audit: ports.trail, log }, identity);
    const edgeKey = `${identity.edge_id}.${identity.incarnation}`;
    const report = leaseLog(clock, log);
    this.admissions = new Limiter({ leases, clock, timers, edgeKey, report, ...(settings ? { settings } : {}) });
    const note = this.audit.note.bind(this.audit);
    this.violations = new ViolationRecorder({ admissions: this.admissions, counters, clock, timers, log }, note);
    this.#limits = new LimitDesk({ leases, slots: ports.slots, clock, timers, log });
    this.#slots = new SlotKeeper(ports.slots, timers, log, identity);
    this.#liveHouse = {
      mayPlaceOrders: events.mayPlaceOrder.bind(events),
      totals: this.totals,
      limits: (one) =>
        this.#limits.of(one, this.table.ofUser(one.session.user_id).length, () => this.enforcement.maxSessions(one)),
      // The message that exceeded the limit is answered first.
      onExcess: (one) => void timers.after(0, () => void this.end(one, 'rate_limit', EXCESS, {})),
    };
    const isLive = (id: string): boolean => this.table.get(id) !== undefined;
    const recheck = events.recheck.bind(events);
    const lookAgain = events.lookAgain.bind(events);
    const asked = events.slotAsked.bind(events);
    this.registrar = new Registrar({ ...ports, slots: this.#slots, log, identity, isLive, recheck, lookAgain, asked });
    const { table, admissions } = this;
    const policy = events.policy.bind(events);
    const cancelOrders = events.cancelOrders.bind(events);
    const end = (live: Live, cause: EndCause, text: string): void => void this.end(live, cause, text, {});
    const { slots } = ports;
    this.enforcement = new Enforcement({ slots, timers, clock, log, table, admissions, policy, cancelOrders, end });
  }

  /** Opens the audit chain and starts the timers. */
  begin(version: string): void {
    this.audit.note({ type: 'edge_started', details: { ...this.identity, version } });
    this.violations.start();
  }

  /** Ends every session, gives everything back and closes the chain. `freed` frees all slots of the edge at once. Never rejects. */
  async finish(
    cause: 'drain' | 'fenced',
    text: string,
    details: () => object,
    freed: () => Promise<void>,
  ): Promise<void> {
    this.over = { cause, text };
    const ended = Promise.all([...this.table.all()].map((live) => this.end(live, cause, text, {})));
    // One write for the edge in place of three for each session.
    await freed();
    this.#slots.stop();
    await ended;
    await this.admissions.close();
    this.violations.stop();
    await this.violations.flush();
    this.audit.note({ type: 'edge_stopped', reason: cause, details: { ...details() } });
    await this.#flushAudit();
    const { pending, chain } = this.audit;
    if (pending > 0) this.#log.error({ pending, chain }, 'ended while the store is away: audit records wait in memory');
  }

  /** Tries for as long as records still get through: the store is slow when many edges stop at once, and nobody else writes these. */
  async #flushAudit(): Promise<void> {
    let fruitless = 0;
    while (this.audit.pending > 0 && fruitless < LAST_FLUSHES) {
      const before = this.audit.pending;
      await this.audit.flush();
      fruitless = this.audit.pending < before ? 0 : fruitless + 1;
    }
  }

  /** Makes a session live that has its slot. If it was ended meanwhile, gives the slot back and returns why. */
  start(request: RegisterRequest, { session, logon, holding, ended }: Taken): Live | Ended {
    const { epoch } = holding;
    const others = this.#endOthers(session.key, epoch, request.supersedes);
    const over = ended ?? this.over ?? others ?? this.enforcement.lockedOut(logon.user);
    if (over) {
      void this.#slots.release(session);
      return over;
    }
    const { user } = logon;
    const { user_id, session_id, key, address } = session;
    const live = new Live(this.#liveHouse, {
      session,
      credential: logon.credential,
      user,
      max_sessions: logon.max_sessions,
      onEnd: request.onEnd,
      admissions: this.admissions.attach(user_id, logon.limits),
      epoch,
    });
    this.table.add(live, user);
    this.accepted += 1;
    const { verifier_version, policy_version, warnings } = logon;
    const about = { source_ip: address, user_id, sender_comp_id: key.sender_comp_id, session_id };
    this.audit.note({ type: 'logon', ...about, details: { verifier_version, policy_version, warnings } });
    const supersedes = request.supersedes === undefined ? {} : { supersedes: request.supersedes };
    const details = { ...key, slot: session.slot, epoch: session.epoch, ...supersedes };
    this.audit.note({ type: 'session_started', ...about, details });
    this.#watchExpiry(live);
    this.enforcement.began(live);
    return live;
  }

  /**
   * Ends a session once. `told`: its connection knows already. `slotKept`: another session has inherited the slot.
   * Resolves when the slot is free or its release is queued.
   */
  async end(live: Live, cause: EndCause, text: string, how: { told?: boolean; slotKept?: boolean }): Promise<void> {
    if (!live.end()) return;
    this.table.remove(live);
    this.admissions.detach(live.admissions);
    const { user_id, session_id, address, key, started_at } = live.session;
    const about = { source_ip: address, user_id, sender_comp_id: key.sender_comp_id, session_id, reason: text };
    if (KILLS.has(cause)) this.audit.note({ type: 'session_killed', ...about, details: { cause } });
    const seconds = Math.max(0, Math.round((this.#ports.clock.now() - started_at) / 1000));
    this.audit.note({ type: 'session_ended', ...about, details: { cause, seconds, ...live.figures } });
    // The slots of a dead edge are free already.
    const freed = how.slotKept || cause === 'fenced' ? undefined : this.#slots.release(live.session);
    // The client hears of a kill once its slot is free, or after a short time if the store is slow.
    if (!how.told) {
      const tell = (): void => this.#tell(live, cause, text);
      if (freed !== undefined && KILLS.has(cause)) this.#tellOnce(freed, nameOf(key), tell);
      else tell();
    }
    await freed;
  }

  /** A client hears of a kill once its slot is free, after a short time if the store is slow, or when its FIX session begins anew. */
  #tellOnce(freed: Promise<void>, name: string, tell: () => void): void {
    const now = (): void => {
      timer.cancel();
      if (this.#untold.get(name) !== now) return;
      this.#untold.delete(name);
      tell();
    };
    const timer = this.#ports.timers.after(FREED_BEFORE_TOLD_MS, now);
    this.#untold.set(name, now);
    void freed.then(now);
  }

  /** @returns when the store may forget it; undefined: now */
  apply(command: EdgeCommand): Done | undefined {
    switch (command.type) {
      case 'end_user':
      case 'end_session':
        this.registrar.apply(command);
        for (const live of this.#concerned(command)) void this.end(live, command.cause, command.reason, {});
        if (command.cancel_orders === undefined) return undefined;
        return this.#events.cancelOrders(ordersOf(command), command.at);
      case 'policy_changed':
        this.#events.policyChanged();
        return undefined;
      case 'drain':
        if (command.incarnation === this.identity.incarnation) this.#events.drainAsked(command.reason);
        return undefined;
      case 'limits_changed':
        this.enforcement.limitsChanged(command.user_id, command.tier, command.limits);
        return undefined;
      case 'violations_reset':
        this.violations.reset(command.user_id);
        return undefined;
      case 'set_numbers':
        this.#events.setNumbers(command);
        return undefined;
      case 'probe':
      case 'yield':
      case 'yield_many':
        this.#events.asked(command);
        return undefined;
      case 'announce':
        void this.#announce(command.notice, command.to);
        return undefined;
    }
  }

  /** Never rejects. */
  async #announce(notice: Notice, to: NoticeTarget): Promise<void> {
    const { clock, edges } = this.#ports;
    const { notice_id } = notice;
    const { edge_id } = this.identity;
    if (clock.now() - notice.at > NOTICE_LIFE_MS) {
      this.#log.warn({ notice_id }, 'an announcement came too late, and nobody was told');
      return;
    }
    const sessions = this.table.addressed(to);
    try {
      const told = await this.#events.announce(notice, sessions);
      const receipt = { notice_id, edge_id, told, not_told: sessions.length - told };
      this.audit.note({ type: 'notice_told', details: receipt });
      await edges.tellReceipt(receipt, clock.now());
    } catch (error) {
      this.#log.warn({ error, notice_id }, 'whom an announcement has reached could not be told');
    }
  }

  /** Records the expiry of a credential in its account's chain; only the first edge's record is written. */
  recordExpiry(credential: Expiring): void {
    const actor = { principal: `edge:${this.identity.edge_id}` };
    recordExpiry(this.#ports, actor, credential).catch((error: unknown) => {
      // The next logon with this credential, on any edge, tries again.
      this.#log.warn({ error, sender_comp_id: credential.sender_comp_id }, 'an expiry could not be recorded yet');
    });
  }

  #concerned(command: Extract<EdgeCommand, { type: 'end_user' | 'end_session' }>): readonly Live[] {
    if (command.type === 'end_user') {
      return this.table.ofUser(command.user_id).filter((live) => ends(command, live.session));
    }
    const live = this.table.get(command.session_id);
    return live ? [live] : [];
  }

  /**
   * Ends what this edge still has of a FIX session that begins anew here: one whose slot was inherited, or one that another edge has
   * taken meanwhile, the command about which has not come yet. Elsewhere such a command ends it. A client that was killed a moment ago
   * is told at once.
   * @returns why it is the new one that is over: its answer came later than that of one that took the session since
   */
  #endOthers(key: FixSessionKey, epoch: number, supersedes: string | undefined): Ended | undefined {
    const name = nameOf(key);
    this.#untold.get(name)?.();
    const live = this.table.ofFixSession(name);
    if (live === undefined) return undefined;
    if (live.epoch > epoch) return { cause: 'superseded', text: SUPERSEDED };
    void this.end(live, 'superseded', SUPERSEDED, { slotKept: live.session.session_id === supersedes });
    return undefined;
  }

  #tell(live: Live, cause: EndCause, text: string): void {
    try {
      live.onEnd(cause, text);
    } catch (error) {
      // One connection's defect must not keep the others alive.
      this.#log.error({ error, session_id: live.session.session_id }, 'onEnd threw');
    }
  }

  /** Ends the session when its credential expires. Looks again at intervals: the wall clock may be corrected meanwhile. */
  #watchExpiry(live: Live): void {
    const { expires_at } = live.credential;
    if (expires_at === undefined || !live.live) return;
    const { clock, timers } = this.#ports;
    const left = expires_at - clock.now();
    if (left > 0) {
      live.expiry = timers.after(Math.min(left, EXPIRY_LOOK_MS), () => this.#watchExpiry(live));
      return;
    }
    void this.end(live, 'expired', 'Credential expired', {});
    this.recordExpiry(live.credential);
  }
}

/** Whose orders the venue is to cancel because of this command. */
function ordersOf(command: Extract<EdgeCommand, { type: 'end_user' | 'end_session' }>): OrdersOf {
  if (command.type === 'end_user') return { of: 'users', user_ids: new Set([command.user_id]) };
  return { of: 'session', key: command.cancel_orders as FixSessionKey };
}
