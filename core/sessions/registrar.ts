/**
 * Takes a slot for a session whose client has proved itself. Until the store has answered, the session is on its way:
 * a command that ends it may arrive before the answer does, and must not be lost.
 */
import { retiredBy } from '../credentials/proof.ts';
import { ulid } from '../ids.ts';
import type { AddressedCommand, Directory, SlotResult } from '../ports.ts';
import type { Clock, Random } from '../time.ts';
import type { GateLog, LogonAccepted, LogonRefused, LogonResult, RegisterRequest } from './api.ts';
import { REGISTER_ATTEMPTS } from './bounds.ts';
import { proven, unavailable } from './logon.ts';
import type { EdgeCommand, EdgeIdentity, EndCause, Holding, LiveSession } from './model.ts';
import type { SlotKeeper, Taking } from './slot-keeper.ts';

/** What a client hears whose session another Logon has taken. */
export const SUPERSEDED = 'Another Logon took this session over';

/** Why a session is over before it began. */
export interface Ended {
  readonly cause: EndCause;
  readonly text: string;
}

/** A slot that was taken. */
export interface Taken {
  readonly session: LiveSession;
  readonly holding: Holding;
  readonly logon: LogonAccepted;
  /** Set: it is over before it began. */
  readonly ended: Ended | undefined;
}

export type Registration =
  | (Taken & { readonly result: 'taken' })
  | { readonly result: 'held'; readonly holder: LiveSession }
  /** `fenced`: the store says that this edge is dead. */
  | { readonly result: 'refused'; readonly refusal: LogonRefused; readonly fenced?: boolean };

export interface RegistrarPorts {
  readonly slots: SlotKeeper;
  readonly directory: Pick<Directory, 'credential' | 'noteLogon'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: GateLog;
  readonly identity: EdgeIdentity;
  readonly isLive: (sessionId: string) => boolean;
  readonly recheck: (logon: LogonAccepted) => Promise<LogonResult>;
  /** Reads the policy by a look that begins now. */
  readonly lookAgain: () => Promise<unknown>;
  /** Told what each question for a slot came to. */
  readonly asked: (result: SlotResult['result'], supersedes: boolean) => void;
}

type EndCommand = Extract<EdgeCommand, { type: 'end_user' | 'end_session' }>;

/** A session between the question for its slot and the answer. */
interface OnItsWay {
  taking: Taking;
  ended: Ended | undefined;
}

/** Whether the command is about this session: one that was there when it was given, never a later one. */
export function ends(command: EndCommand, session: Taking): boolean {
  if (command.type === 'end_session') return session.session_id === command.session_id;
  if (session.user_id !== command.user_id || session.epoch >= command.below_epoch) return false;
  return command.sender_comp_id === undefined || command.sender_comp_id === session.key.sender_comp_id;
}

export class Registrar {
  readonly #ports: RegistrarPorts;
  readonly #onTheirWay = new Set<OnItsWay>();
  #made = 0;

  constructor(ports: RegistrarPorts) {
    this.#ports = ports;
  }

  /** Lets a command end sessions that are on their way. */
  apply(command: EndCommand): void {
    for (const one of this.#onTheirWay) {
      if (ends(command, one.taking)) one.ended ??= { cause: command.cause, text: command.reason };
    }
  }

  /** Never rejects. */
  async register(request: RegisterRequest): Promise<Registration> {
    const { identity, clock, log } = this.#ports;
    this.#made += 1;
    const { edge_id, incarnation } = identity;
    const { user_id, epoch } = request.logon.user;
    const session_id = `${edge_id}.${incarnation}.${this.#made}`;
    const { key, logon } = request;
    const taking = {
      session_id,
      user_id,
      key,
      edge_id,
      incarnation,
      address: logon.address,
      started_at: clock.now(),
      epoch,
    };
    const onItsWay: OnItsWay = { taking, ended: undefined };
    this.#onTheirWay.add(onItsWay);
    try {
      return await this.#take(onItsWay, request);
    } catch (error) {
      log.warn({ error, session_id }, 'no slot could be taken');
      return { result: 'refused', refusal: unavailable() };
    } finally {
      this.#onTheirWay.delete(onItsWay);
    }
  }

  async #take(onItsWay: OnItsWay, request: RegisterRequest): Promise<Registration> {
    const { slots, isLive, recheck } = this.#ports;
    const alive = (id: string): boolean =>
      isLive(id) || [...this.#onTheirWay].some((one) => one.taking.session_id === id);
    const { supersedes, numbers } = request;
    const told = supersedes === undefined ? undefined : this.#endOf(supersedes);
    let logon = request.logon;
    for (let attempt = 0; attempt < REGISTER_ATTEMPTS; attempt++) {
      const answer: SlotResult = await slots.take(onItsWay.taking, logon.max_sessions, supersedes, told, numbers);
      this.#ports.asked(answer.result, supersedes !== undefined);
      switch (answer.result) {
        case 'taken':
          return await this.#taken(onItsWay, logon, answer);
        case 'fenced':
          return { result: 'refused', refusal: unavailable(), fenced: true };
        case 'held':
          if (await slots.releaseLeftOvers([answer.holder], alive)) break;
          return { result: 'held', holder: answer.holder };
        case 'full':
          if (await slots.releaseLeftOvers(answer.holders, alive)) break;
          return { result: 'refused', refusal: proven('session_limit', sessionLimit(logon.max_sessions)) };
        case 'epoch_changed': {
          const again = await recheck(logon);
          if (again.result === 'refused') return { result: 'refused', refusal: again };
          logon = again;
          onItsWay.taking = { ...onItsWay.taking, epoch: logon.user.epoch };
          // What the command was about is a session of the older epoch, which never came to be.
          onItsWay.ended = undefined;
        }
      }
    }
    return { result: 'refused', refusal: unavailable() };
  }

  /** For the edge of a session that is taken over, this one too: whether it is told must not hang on who takes it. */
  #endOf(session_id: string): AddressedCommand {
    const { clock, random } = this.#ports;
    const at = clock.now();
    const body = { type: 'end_session', session_id, cause: 'superseded', reason: SUPERSEDED } as const;
    return { edge_id: session_id.split('.').slice(0, -2).join('.'), command: { id: ulid(at, random), at, ...body } };
  }

  /**
   * The policy is read once more: a lock that came after the logon was judged either shows now, or comes after the slot
   * was taken and finds the session.
   */
  async #taken(
    onItsWay: OnItsWay,
    logon: LogonAccepted,
    { slot, holding }: Extract<SlotResult, { result: 'taken' }>,
  ): Promise<Registration> {
    const session = { ...onItsWay.taking, slot };
    try {
      await Promise.all([this.#ports.lookAgain(), this.#noteLogon(logon)]);
    } catch (error) {
      void this.#ports.slots.release(session);
      throw error;
    }
    return { result: 'taken', session, holding, logon, ended: onItsWay.ended };
  }

  /**
   * The first logon by a password or secret retires the ones before it. Written before the session is live, so that who
   * logs on by the new one can count on the old one being gone; the store's absence is made good at the next logon.
   */
  async #noteLogon(logon: LogonAccepted): Promise<void> {
    const { directory, clock, log } = this.#ports;
    let { credential } = logon;
    try {
      for (let attempt = 0; attempt < REGISTER_ATTEMPTS; attempt++) {
        const now = clock.now();
        const after = retiredBy(credential.proof, logon.verifier_version, now);
        if (credential.first_logon_at !== undefined && after === credential.proof) return;
        if (await directory.noteLogon(credential, now, logon.verifier_version)) return;
        const fresh = await directory.credential(credential.sender_comp_id);
        if (!fresh) return;
        credential = fresh.credential;
      }
      log.warn(
        { sender_comp_id: credential.sender_comp_id },
        'a first logon could not be noted: the credential keeps changing',
      );
    } catch (error) {
      log.warn({ error, sender_comp_id: credential.sender_comp_id }, 'a first logon could not be noted');
    }
  }
}

function sessionLimit(max: number): string {
  return `Logon refused: session limit reached (${max} at once)`;
}
