/** A connection, and the path of its messages: bytes → frame → fields → session, dictionary → gate → venue, and back in one write. */

import type { Socket } from 'node:net';
import type { GateSession } from '../core/sessions/api.ts';
import type { EndCause } from '../core/sessions/model.ts';
import { type Begun, END_CAUSES, type Ending, type Origin, Probes, Reading, type State } from './connection-state.ts';
import { readFirstFrame, splitAgain } from './first-frame.ts';
import { OutputFull } from './fix/encoder.ts';
import { FRAME_GARBLED, FRAME_MORE, FRAME_OK, FRAME_TOO_LARGE, Frame } from './fix/framer.ts';
import { nextMessage } from './fix/incoming.ts';
import type { Message } from './fix/message.ts';
import { AGAIN, ENDED, FED, type Fed, type Greeting, HELD, QUIET } from './fix/session/ports.ts';
import { isSessionType } from './fix/tags.ts';
import type { LiveConnection, OpenHouse } from './house.ts';
import { Input } from './input.ts';
import { AUTHENTICATE_WITHIN_MS, LINGER_MS, LOGON_WITHIN_MS, OUTPUT_BYTES, SLOW_READER_MS } from './limits.ts';
import type { Guest } from './lobby.ts';
import { readsOf, wipe } from './reads.ts';
import { refusalOf, type Says, type Sender } from './refusal.ts';
import { NO_NUMBERS, Seat } from './seat.ts';
import { statusOfEnd } from './session-status.ts';
import { type Entry, type Holder, vacate } from './sessions.ts';
import type { Sleeper } from './wheel.ts';
import { Wire } from './wire.ts';

export class Connection implements Holder, Sleeper, Guest, LiveConnection {
  readonly address: string;
  /** SHA-256 of the certificate that it has shown; see LogonRequest. */
  readonly certificate: string | undefined;
  dirty = false;
  wakeAt = Number.POSITIVE_INFINITY;
  readonly #house: OpenHouse<Connection>;
  readonly #socket: Socket;
  readonly #input = new Input();
  readonly #frame = new Frame();
  readonly #wire: Wire;
  #state: State;
  /** Set when the session has to end, which happens at the end of the turn. */
  #ending: Ending | undefined;
  /** Why we sent a Logout: recorded as the cause of the end, whatever the client answers. */
  #why: EndCause | undefined;
  readonly #reading: Reading;
  readonly #probes = new Probes();

  constructor(socket: Socket, origin: Origin, house: OpenHouse<Connection>) {
    this.#house = house;
    this.address = origin.address;
    this.certificate = origin.certificate;
    const reads = readsOf(socket, (bytes) => this.#turn(() => this.#read(bytes)));
    this.#socket = reads;
    this.#reading = new Reading(reads);
    this.#wire = new Wire(reads, () => this.#drained());
    this.#state = { name: 'awaiting_logon', deadline: origin.deadline ?? house.turns.now.monoMs + LOGON_WITHIN_MS };
    reads.on('end', () => this.#turn(() => this.#lost('disconnect', 'The client closed the connection')));
    reads.on('error', (error) => this.#turn(() => this.#lost('disconnect', error.message)));
    reads.on('close', () => this.#turn(() => this.#gone()));
    house.lobby.enter(this);
    house.wheel.schedule(this);
  }

  get isLive(): boolean {
    return this.#state.name === 'live' && this.#ending === undefined;
  }

  backlog(): number {
    return this.#wire.backlog;
  }

  /** So many bytes have come, and lie in the buffer of all reads. */
  #read(length: number): void {
    const before = this.#state.name;
    if (before === 'closing' || before === 'closed') this.#reading.drop(length);
    else this.#input.append(length);
    if (before === 'authenticating') this.#reading.early(this.#input.length);
    if (this.#state.name === 'awaiting_logon') this.#readLogon(this.#state.deadline);
    if (this.#state.name === 'live') this.#feed(this.#state.seat);
    this.#input.settle();
    if (this.#reading.held) this.#reading.behind(this.#input.length);
    if (before === 'live') this.#reading.took(length);
    else wipe(length);
  }

  /** Feeds messages to the session until there is none, it ends, or one waits for the gate. */
  #feed(seat: Seat): void {
    const { turns, message, metrics } = this.#house;
    const { fix, profile } = seat.entry;
    const { max_message_bytes, validate_checksum } = profile;
    message.traits = seat.traits;
    const input = this.#input;
    const frame = this.#frame;
    while (!this.#reading.held && this.#ending === undefined) {
      switch (nextMessage(input, max_message_bytes, frame, validate_checksum, message, seat.patterns)) {
        case FRAME_OK: {
          const fed = fix.onMessage(message, frame.tokens, turns.now);
          if (message.like === undefined && fed !== AGAIN && isSessionType(message.msgType)) seat.sessionLevel();
          if (fed === AGAIN || fed === HELD || seat.rests) this.#reading.held = true;
          if (fed !== QUIET || seat.rests) turns.touch(this);
          if (fed === AGAIN) return;
          input.start = frame.resume;
          metrics.received(message.msgType);
          this.#probes.answer(true);
          if (fed === ENDED) return;
          break;
        }
        case FRAME_GARBLED:
          turns.touch(this);
          if (seat.garbled(input.buf, frame) === HELD) this.#reading.held = true;
          input.start = frame.resume;
          metrics.garbled();
          break;
        case FRAME_TOO_LARGE:
          this.#finish('protocol', `Message is longer than ${max_message_bytes} bytes`);
          return;
        case FRAME_MORE:
          input.start = frame.resume;
          return;
      }
    }
  }

  /** The gate has decided about the message that waited, or the session is read again after too many messages. */
  #granted(): void {
    if (this.#state.name !== 'live' || this.#ending !== undefined) return;
    const { seat } = this.#state;
    if (seat.rests) return;
    const { fix } = seat.entry;
    this.#house.turns.touch(this);
    this.#reading.held = false;
    const fed: Fed = fix.held ? fix.resume(this.#house.turns.now) : FED;
    if (fed === HELD) this.#reading.held = true;
    else {
      this.#feed(seat);
      this.#input.settle();
      this.#reading.goOn();
    }
  }

  /** The first message, or as much of it as has come. */
  #readLogon(deadline: number): void {
    const { turns, message, frontDesk, config } = this.#house;
    const tokens = readFirstFrame(this.#input, this.#frame, message, config.session_profile.validate_checksum);
    if (tokens === 'more') return;
    if (tokens === 'garbled') {
      frontDesk.garbled(this);
      return;
    }
    const { monoMs } = turns.now;
    this.#state = { name: 'authenticating', deadline: monoMs + AUTHENTICATE_WITHIN_MS, since: monoMs };
    this.#reading.early(this.#input.length);
    frontDesk.receive(this, message, tokens, deadline);
  }

  /** Whether the peer still waits for an answer to its Logon. */
  get waits(): boolean {
    return this.#state.name === 'authenticating';
  }

  /** The Logon, split anew. */
  logon(): Message {
    const { message } = this.#house;
    splitAgain(this.#input, this.#frame, message);
    return message;
  }

  /** The gate has given it a session. */
  begin(entryOf: () => Entry, gate: GateSession, greeting: Greeting): Begun {
    const { turns, attendance, metrics, live, lobby } = this.#house;
    let begun: Begun = { begun: false, reason: 'internal', text: 'Something failed inside' };
    this.#turn(() => {
      if (this.#state.name !== 'authenticating') throw new Error('the connection does not wait for a Logon');
      const entry = entryOf();
      const seat = new Seat(this.#house, entry, gate, this.#wire, {
        granted: () => this.#turn(() => this.#granted()),
        close: (cause, text) => this.#end(this.#why ?? END_CAUSES[cause], text),
        certificate: this.certificate,
      });
      const [{ since }, message] = [this.#state, this.logon()];
      turns.touch(this);
      const result = entry.fix.onLogon(message, seat, turns.now, greeting);
      if (!result.accepted) {
        begun = { begun: false, reason: result.refusal, text: result.text };
        return;
      }
      this.#input.drop(this.#frame);
      this.#state = { name: 'live', seat };
      entry.holder = this;
      live.set(gate.session.session_id, this);
      lobby.leave(this);
      metrics.received(message.msgType);
      metrics.logonTook(turns.now.monoMs - since);
      seat.begun();
      attendance.started(entry.venue, turns.now);
      begun = { begun: true };
      this.#feed(seat);
      this.#input.settle();
      this.#reading.goOn();
    });
    return begun;
  }

  /** Closes a connection that has not logged on, with a Logout or without. */
  turnAway(claim: Sender | undefined, says: Says): void {
    this.#turn(() => {
      if (this.#state.name !== 'awaiting_logon' && this.#state.name !== 'authenticating') return;
      if (claim !== undefined) refusalOf(this.#wire.unbound(), claim, says, this.#house);
      this.#toClosing();
    });
  }

  writeOut(): void {
    const { turns, metrics, wheel } = this.#house;
    if (this.#state.name === 'closed') return;
    const wire = this.#wire;
    const { monoMs } = turns.now;
    const sent = this.#state.name === 'closing' ? wire.end(monoMs, turns) : wire.flush(monoMs, turns);
    if (sent !== undefined) metrics.sent(sent);
    if (this.#state.name === 'live') {
      if (this.#reading.choke(wire.withheld, wire.backlog > this.#state.seat.unreadAtMost)) this.#reading.goOn();
      if (this.#state.seat.takeOrders() > 0) metrics.ordersTook(turns.elapsed());
      if (wire.backlog > OUTPUT_BYTES && wire.writingMs(monoMs) >= SLOW_READER_MS) this.#cutSlowReader();
      else if (!this.#state.seat.hasNumbers()) this.#finish('no_numbers', NO_NUMBERS);
    }
    wheel.schedule(this);
  }

  unwritable(): void {
    if (this.#wire.backlog > OUTPUT_BYTES) this.#cutSlowReader();
  }

  forsake(): void {
    this.#wire.discard();
  }

  /** The socket has taken the last write. A resend goes on after others have had their turn: the kernel may take it all at once. */
  #drained(): void {
    if (this.#state.name === 'live' && this.#state.seat.entry.fix.resending)
      setImmediate(() => this.#turn(() => this.#resend()));
    // Mostly there is nothing to do: no turn then.
    if (this.#wire.encoder.length > 0 || this.#reading.choked) this.#turn(() => this.#house.turns.touch(this));
  }

  #resend(): void {
    if (this.#state.name !== 'live' || this.#ending !== undefined) return;
    this.#state.seat.entry.fix.resumeResend(this.#house.turns.now);
    this.#house.turns.touch(this);
  }

  #cutSlowReader(): void {
    this.#house.log.warn({ address: this.address, backlog: this.backlog() }, 'a slow reader is cut');
    this.#lost('slow_reader', 'The client does not read');
    this.settle();
    this.#wire.discard();
  }

  nextWake(): number {
    if (this.#state.name === 'live') return this.#state.seat.nextWake();
    return this.#state.name === 'closed' ? Number.POSITIVE_INFINITY : this.#state.deadline;
  }

  wake(): void {
    this.#turn(() => {
      const state = this.#state;
      if (state.name === 'live') this.#wakeLive(state.seat);
      else if (state.name === 'closing') this.#wire.discard();
      else if (state.name !== 'closed') this.#house.frontDesk.tooLate(this, state.name);
    });
  }

  #wakeLive(seat: Seat): void {
    const { turns } = this.#house;
    turns.touch(this);
    const stalled = turns.now.monoMs >= this.#wire.stalledAt;
    const over = stalled ? undefined : seat.wake();
    if (stalled) this.#cutSlowReader();
    else if (over !== undefined) this.#finish('timeout', over);
  }

  /** Sends a Logout with `text` and closes without waiting: for a kill, a takeover, an end by the gate. */
  end(cause: EndCause, text: string): void {
    this.#turn(() => this.#finish(cause, text));
  }

  /** Logout with `text`; the client may answer within the session's bound. */
  logout(cause: EndCause, text: string): void {
    this.#turn(() => {
      if (this.#state.name !== 'live') return;
      this.#why ??= cause;
      this.#house.turns.touch(this);
      this.#state.seat.entry.fix.logout(text, this.#house.turns.now, statusOfEnd(cause));
    });
  }

  /** Asks the client whether it is there; false when it is not, or does not say so before the connection ends. */
  probe(answered: (there: boolean) => void): void {
    this.#turn(() => {
      if (this.#state.name !== 'live' || this.#ending !== undefined || this.#socket.destroyed) {
        answered(false);
        return;
      }
      this.#probes.add(answered);
      this.#state.seat.entry.fix.testRequest(this.#house.turns.now);
      this.#house.turns.touch(this);
    });
  }

  evict(): void {
    this.#house.metrics.closed('pushed_out');
    this.#wire.discard();
    this.#toClosing();
  }

  /** Ends a session with a Logout that says why. */
  #finish(cause: EndCause, text: string): void {
    if (this.#state.name !== 'live') return;
    this.#why ??= cause;
    this.#house.turns.touch(this);
    this.#state.seat.entry.fix.end(text, this.#house.turns.now, statusOfEnd(cause));
    this.#end(cause, text);
  }

  #end(cause: EndCause, text: string): void {
    this.#ending ??= { cause, text };
    this.#house.turns.touch(this);
  }

  /** The peer has gone, or cannot be reached: no Logout is sent. */
  #lost(cause: EndCause, text: string): void {
    if (this.#state.name === 'live') this.#end(this.#why ?? cause, text);
    else if (this.#state.name !== 'closed') this.#toClosing();
  }

  settle(): void {
    if (this.#state.name === 'live') this.#state.seat.admitting.giveBack();
    if (this.#ending === undefined || this.#state.name !== 'live') return;
    const { turns, gate, attendance, live, metrics, log } = this.#house;
    const { cause, text } = this.#ending;
    const { seat } = this.#state;
    const { entry } = seat;
    const { session_id, user_id } = seat.gate.session;
    this.#toClosing();
    seat.leave();
    live.delete(session_id);
    vacate(entry, this);
    void gate.unregisterSession(session_id, cause, text);
    entry.fix.onDisconnect(seat, turns.now);
    metrics.closed(cause);
    log.info({ session_id, user_id, session: entry.venue.id, address: this.address, cause, text }, 'session ended');
    this.#probes.answer(false);
    attendance.ended(entry.venue, cause, turns.now);
  }

  /** Of thousands of strangers that go at once, each costs this; where nothing can be said any more, no turn follows. */
  #toClosing(): void {
    const { turns, lobby, wheel } = this.#house;
    lobby.leave(this);
    this.#input.clear();
    if (this.#socket.destroyed) {
      this.#state = { name: 'closed' };
      wheel.forget(this);
      return;
    }
    this.#state = { name: 'closing', deadline: turns.now.monoMs + LINGER_MS };
    this.#socket.resume(); // to hear of the end; what comes is dropped
    turns.touch(this);
  }

  #gone(): void {
    this.#lost('disconnect', 'The connection is gone');
    this.settle();
  }

  /** Runs `work` as a turn. An exception closes this connection, never the process, and is logged. */
  #turn(work: () => void): void {
    const { turns } = this.#house;
    turns.enter();
    try {
      work();
    } catch (error) {
      this.#failed(error);
    } finally {
      turns.leave();
    }
  }

  #failed(error: unknown): void {
    const { log, sessions } = this.#house;
    sessions.abandon();
    if (error instanceof OutputFull) {
      this.#cutSlowReader();
      return;
    }
    log.error({ error, address: this.address }, 'a connection failed inside and is closed');
    this.#lost('protocol', 'Something failed inside');
    this.settle();
    this.#wire.discard();
  }
}
