/**
 * A machine with an edge on it: the process of the moment, with the real gate in it, and what a connection of a client
 * does there. FIX is left out: a client says who it is, and what kind of message it sends.
 */
import { utf8 } from '../core/encoding.ts';
import { openGate } from '../core/gate.ts';
import { ADMITTED, type Decision, REFUSED_STORE, WAIT } from '../core/limits/admission.ts';
import { CANCEL, type Kind } from '../core/limits/kinds.ts';
import {
  DEFAULT_GATE_SETTINGS,
  type Gate,
  type GateSession,
  type LogonAccepted,
  type LogonRefused,
} from '../core/sessions/api.ts';
import type { EndCause, FixSessionKey } from '../core/sessions/model.ts';
import { Host, START_AGAIN_MS } from './host.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** How long a holder on another edge is given before it is taken over, and rounds of it: as edge/front-desk.ts has them. */
const HOLDER_MS = 1_000;
const OWN_HOLDER_MS = 100;
const ROUNDS = 4;
const REJOIN_AFTER_MS = 1_000;

/** What the other end of a connection hears. */
export interface Caller {
  readonly name: string;
  readonly key: FixSessionKey;
  readonly password: string;
  loggedOn(seat: Seat): void;
  refused(seat: Seat, reason: string): void;
  ended(seat: Seat, cause: string): void;
}

/** A connection as its edge has it. */
export class Seat {
  readonly host: EdgeHost;
  readonly process: Process;
  readonly caller: Caller;
  session: GateSession | undefined;
  /** The client has left, or we have. */
  gone = false;
  waits = false;

  constructor(host: EdgeHost, process: Process, caller: Caller) {
    this.host = host;
    this.process = process;
    this.caller = caller;
  }
}

/** On its way between a client and an edge, ms. */
const wayMs = (world: World): number => world.chance.between(0.1, 2);

export class EdgeHost extends Host {
  readonly seats = new Set<Seat>();
  #messages = 0;

  protected async open(process: Process): Promise<Gate> {
    const ports = this.world.gatePorts(process);
    const settings = { ...DEFAULT_GATE_SETTINGS, edge_id: this.name, version: 'simulated' };
    const rejoin = (): void => {
      this.gate?.rejoin().catch(() => void process.timers.after(REJOIN_AFTER_MS, rejoin));
    };
    return await openGate(ports, settings, {
      onFenced: (identity) => {
        this.world.trace(this.name, () => `is fenced as ${identity.incarnation}`);
        rejoin();
      },
      onDrain: () => this.drain(START_AGAIN_MS),
    });
  }

  protected stop(gate: Gate): Promise<void> {
    gate.drain();
    return gate.stop();
  }

  protected lost(): void {
    for (const seat of this.seats) this.#tell(seat, () => seat.caller.ended(seat, 'connection lost'));
    this.seats.clear();
  }

  /** A client connects; what it hears, it hears later. */
  connect(caller: Caller): Seat | undefined {
    const { process } = this;
    if (process === undefined || !process.alive) return undefined;
    const seat = new Seat(this, process, caller);
    this.seats.add(seat);
    process.reach(wayMs(this.world), () => void this.#admit(seat));
    return seat;
  }

  /** The client hangs up, or says Logout. */
  leave(seat: Seat, cause: EndCause): void {
    seat.process.reach(wayMs(this.world), () => {
      if (seat.gone) return;
      this.#close(seat);
      if (seat.session !== undefined) void this.#unregister(seat.session, cause);
    });
  }

  async #unregister({ session }: GateSession, cause: EndCause): Promise<void> {
    // One that the gate has ended already frees its slot by itself.
    if (this.gate?.session(session.session_id) === undefined) return;
    await this.gate.unregisterSession(session.session_id, cause);
    this.world.oracle.leftCleanly(session);
  }

  /** One message; while one waits for its grant, what follows is lost, for it is not what is looked at here. */
  message(seat: Seat, kind: Kind): void {
    seat.process.reach(wayMs(this.world), () => {
      const { session } = seat;
      if (seat.gone || seat.waits || session === undefined) return;
      const { user_id } = session.session;
      const name = `${seat.caller.name} ${++this.#messages}`;
      if (kind === CANCEL) this.world.cancels.sent(user_id, name);
      const decided = (decision: Decision): void => {
        seat.waits = false;
        if (decision === REFUSED_STORE && kind === CANCEL && session.live)
          this.world.cancels.refused(this, user_id, name);
        if (decision !== ADMITTED) return;
        this.world.oracle.admitted(session.session, kind, this.gate?.limiterFigures().unleased ?? 0);
      };
      const answer = session.admit(kind, this.machine.clock.now());
      if (answer !== WAIT) decided(answer);
      else {
        seat.waits = true;
        session.onGrant(kind, decided);
      }
    });
  }

  #tell(seat: Seat, tell: () => void): void {
    if (seat.gone) return;
    seat.gone = true;
    this.world.scheduler.after(wayMs(this.world), tell);
  }

  #close(seat: Seat): void {
    seat.gone = true;
    this.seats.delete(seat);
  }

  #refuse(seat: Seat, reason: string): void {
    this.#tell(seat, () => seat.caller.refused(seat, reason));
    this.seats.delete(seat);
  }

  /** By the gate. */
  #refused(seat: Seat, { reason, text }: LogonRefused, since: number): void {
    this.world.refusals.refused({ host: this, key: seat.caller.key, since, text });
    this.#refuse(seat, reason);
  }

  async #admit(seat: Seat): Promise<void> {
    const { gate } = this;
    const { key, password } = seat.caller;
    if (gate === undefined || seat.gone) {
      this.#refuse(seat, 'not ready');
      return;
    }
    const since = this.world.scheduler.now;
    const { sender_comp_id, target_comp_id } = key;
    const proof = { kind: 'password', password: utf8(password) } as const;
    const logon = await gate.validateLogon({ sender_comp_id, target_comp_id, proof, address: '192.0.2.10' });
    if (logon.result === 'refused') this.#refused(seat, logon, since);
    else if (!seat.gone) await this.#register(seat, gate, logon, since);
  }

  async #register(seat: Seat, gate: Gate, logon: LogonAccepted, since: number): Promise<void> {
    const { key } = seat.caller;
    let supersedes: string | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const onEnd = (cause: EndCause): void => {
        this.#tell(seat, () => seat.caller.ended(seat, cause));
        this.seats.delete(seat);
      };
      const result = await gate.registerSession({ logon, key, supersedes, onEnd });
      if (result.result === 'registered') {
        this.#seated(seat, result.session, since);
        return;
      }
      if (result.result === 'refused') {
        this.#refused(seat, result as LogonRefused, since);
        return;
      }
      const { holder, local } = result;
      const own = holder.edge_id === this.name && holder.incarnation === gate.identity.incarnation;
      const onItsWay = own && local === undefined;
      await seat.process.sleep(onItsWay ? OWN_HOLDER_MS : HOLDER_MS);
      if (seat.gone) return;
      supersedes = onItsWay ? undefined : holder.session_id;
    }
    this.#refuse(seat, 'session_in_use');
  }

  #seated(seat: Seat, session: GateSession, since: number): void {
    const { oracle } = this.world;
    oracle.registered(session.session, since);
    seat.session = session;
    if (seat.gone) {
      void this.#unregister(session, 'disconnect');
      return;
    }
    this.world.scheduler.after(wayMs(this.world), () => seat.caller.loggedOn(seat));
  }
}
