/** States of a connection between accept and close, and the names of causes of a session's end. */

import type { Socket } from 'node:net';
import type { EndCause } from '../core/sessions/model.ts';
import type { CloseCause } from './fix/session/ports.ts';
import { CLOSING_BYTES, LOGON_BYTES, LOGON_WITHIN_MS, ON_ITS_WAY_MS, READ_PORTION, WITHHELD_BYTES } from './limits.ts';
import type { Seat } from './seat.ts';

/** What is known of a connection before FIX begins. */
export interface Origin {
  readonly address: string;
  /** Monotonic ms by which it has to log on. Undefined: the time begins now. */
  readonly deadline?: number;
  /** SHA-256 of the client's certificate, verified in TLS, in hex. */
  readonly certificate?: string | undefined;
}

/** Deadlines are monotonic ms. */
export type State =
  | { readonly name: 'awaiting_logon'; readonly deadline: number }
  /** The Logon stays in the input until the gate has answered; reading pauses when much follows it. */
  | { readonly name: 'authenticating'; readonly deadline: number; readonly since: number }
  | { readonly name: 'live'; readonly seat: Seat }
  /** FIN has been sent or is about to be. Input is ignored. */
  | { readonly name: 'closing'; readonly deadline: number }
  | { readonly name: 'closed' };

/** The latest time at which a Logon that is here now can have been sent, by the deadline that its connection got when accepted; monotonic ms. */
export const sentBy = (deadline: number, now: number): number =>
  Math.max(now - ON_ITS_WAY_MS, deadline - LOGON_WITHIN_MS);

/** Why a session has to end. It ends at the end of the turn. */
export interface Ending {
  readonly cause: EndCause;
  readonly text: string;
}

/** Result of beginning a session that the gate has accepted. */
export type Begun =
  | { readonly begun: true }
  | { readonly begun: false; readonly reason: string; readonly text: string };

/** How a session's end is recorded, by why the session layer closes. */
export const END_CAUSES: Readonly<Record<CloseCause, EndCause>> = {
  logout: 'logout',
  logout_answered: 'logout',
  logout_timeout: 'timeout',
  ended: 'killed',
  logon_refused: 'protocol',
  msg_seq_num_too_low: 'protocol',
  msg_seq_num_missing: 'protocol',
  heartbeat_timeout: 'timeout',
};

/**
 * Decides whether a socket is read: not while much has come behind a message that waits for the gate, nor while too much output waits for the
 * journal, or for the client to read it; and in portions, so that other connections get their turn.
 */
export class Reading {
  /** A message waits for the gate: no further ones are processed. */
  held = false;
  #choked = false;
  #dropped = 0;
  readonly #socket: Pick<Socket, 'pause' | 'resume' | 'destroy'>;

  constructor(socket: Pick<Socket, 'pause' | 'resume' | 'destroy'>) {
    this.#socket = socket;
  }

  /** So much has come before the Logon is answered. Reading goes on while it is little, to notice when the client gives up. */
  early(bytes: number): void {
    if (bytes > LOGON_BYTES) this.#socket.pause();
  }

  /** So much has come behind the message that waits; likewise. */
  behind(bytes: number): void {
    if (bytes > READ_PORTION) this.#socket.pause();
  }

  goOn(): void {
    if (!this.held && !this.#choked) this.#socket.resume();
  }

  /** So many bytes of a session have been read and processed. Without a pause the system would hand over megabytes of one connection in a row. */
  took(bytes: number): void {
    if (bytes < READ_PORTION || this.held || this.#choked) return;
    this.#socket.pause();
    setImmediate(() => this.goOn());
  }

  /** So many bytes have been read of a connection that is being closed. */
  drop(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped > CLOSING_BYTES) this.#socket.destroy();
  }

  /**
   * @param withheld bytes of output that wait for the journal
   * @param unread too much waits for the client to read it: its next messages stay where they are, and what they would make need not be kept
   * @returns whether reading goes on now
   */
  choke(withheld: number, unread: boolean): boolean {
    const choked = unread || withheld > (this.#choked ? WITHHELD_BYTES / 2 : WITHHELD_BYTES);
    if (choked === this.#choked) return false;
    this.#choked = choked;
    if (choked) this.#socket.pause();
    return !choked;
  }

  get choked(): boolean {
    return this.#choked;
  }
}

/** Callers that wait to hear whether the client is there. */
export class Probes {
  #waiting: ((there: boolean) => void)[] = [];

  add(answered: (there: boolean) => void): void {
    this.#waiting.push(answered);
  }

  answer(there: boolean): void {
    if (this.#waiting.length === 0) return;
    for (const answered of this.#waiting.splice(0)) answered(there);
  }
}
