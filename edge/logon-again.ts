/**
 * A Logon within a session (141=Y) that brings a password or a signature: it is verified like a first Logon, so that a wrong one is
 * never accepted. One that brings neither relies on the proof that its connection began with.
 */

import type { GateSession, LogonRefused, LogonRequest, LogonResult } from '../core/sessions/api.ts';
import { forgetProof, proofOf, wipeSecrets } from './first-message.ts';
import type { Message } from './fix/message.ts';
import { HOLD, type UnprovedLogon } from './fix/session/ports.ts';
import { Tag } from './fix/tags.ts';
import type { House } from './house.ts';
import { statusOfRefusal } from './session-status.ts';
import type { Comer } from './turnstile.ts';

type State =
  | { readonly name: 'idle' }
  /** The gate has been asked. Nothing more of the connection is processed until it has answered. */
  | { readonly name: 'asked' }
  | { readonly name: 'decided'; readonly refused: UnprovedLogon | undefined }
  | { readonly name: 'left' };

const IDLE: State = { name: 'idle' };

type Shared = Pick<House, 'gate' | 'metrics' | 'log' | 'turns' | 'line'>;

export class LogonAgain implements Comer {
  readonly address: string;
  readonly #house: Shared;
  readonly #session: GateSession;
  /** The answer is here: process the same message again. */
  readonly #decided: () => void;
  #state: State = IDLE;

  constructor(house: Shared, session: GateSession, decided: () => void) {
    this.address = session.session.address;
    this.#house = house;
    this.#session = session;
    this.#decided = decided;
  }

  /**
   * @param certificate as the client has shown it in TLS
   * @returns undefined: it may go on; HOLD: the same message is to come again
   */
  look(message: Message, certificate: string | undefined): UnprovedLogon | undefined | typeof HOLD {
    const state = this.#state;
    if (state.name === 'decided') {
      wipeSecrets(message);
      this.#state = IDLE;
      return state.refused;
    }
    if (message.index(Tag.Password) < 0 && message.index(Tag.RawData) < 0) return undefined;
    if (state.name === 'idle') {
      this.#state = { name: 'asked' };
      void this.#ask(message, certificate);
    }
    return HOLD;
  }

  /** Whether an answer is still waited for. */
  get waits(): boolean {
    return this.#state.name === 'asked';
  }

  /** The connection has gone: the answer is no longer needed. */
  leave(): void {
    this.#state = { name: 'left' };
  }

  /** In the line of all Logons, so that who is in a loop of these asks the store for no more. Never rejects: the gate does not. */
  async #ask(message: Message, certificate: string | undefined): Promise<void> {
    const { line, turns } = this.#house;
    const { address } = this;
    const { key } = this.#session.session;
    const name = message.index(Tag.Username);
    const proof = proofOf(message, message.utc(message.sendingTime), turns.now.epochMs);
    const username = name < 0 ? undefined : message.text(name);
    const { sender_comp_id, target_comp_id } = key;
    const asks = { sender_comp_id, target_comp_id, username, proof, address, certificate };
    const turn = await line.enter(this, turns.monotonic());
    const answer = turn === 'in' ? await this.#answer(asks) : undefined;
    forgetProof(proof);
    if (!this.waits) return;
    this.#state = { name: 'decided', refused: answer?.result === 'refused' ? this.#refusal(answer) : undefined };
    this.#decided();
  }

  async #answer(asks: LogonRequest): Promise<LogonResult> {
    const { gate, line } = this.#house;
    try {
      return await line.asked(gate.validateLogon(asks));
    } finally {
      line.leave();
    }
  }

  /** If the store is away, or too many ask it, the connection's first proof is enough: a live session must not end because of that. */
  #refusal({ reason, text }: LogonRefused): UnprovedLogon | undefined {
    const { metrics, log } = this.#house;
    if (reason === 'unavailable') return undefined;
    metrics.logon(reason);
    const { session_id, user_id } = this.#session.session;
    log.info({ session_id, user_id, reason }, 'a Logon within a session was refused');
    return { text, status: statusOfRefusal(reason) };
  }
}
