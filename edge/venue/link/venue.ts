/**
 * A venue in a process of its own, as an edge sees it. What goes there is kept in a log of the edge's until the venue has
 * it on disk; what comes from there is told to sessions in turns of the edge, and acknowledged once it is on disk here. The
 * log is the one whose flushes the journal depends on (edge/venue/venue.ts): the two count together.
 */

import { randomUUID } from 'node:crypto';
import type { MessageName } from '../../../core/sessions/model.ts';
import { Message, TOKENS_OK, tokenise } from '../../fix/message.ts';
import { Tag } from '../../fix/tags.ts';
import { simulates } from '../simulator/simulator.ts';
import type { HowToCancel, LinkFigures, OrdersOf, SubmitContext, Venue, VenueSession } from '../venue.ts';
import { Acks } from './acks.ts';
import { figuresOf } from './figures.ts';
import type { Frame } from './frames.ts';
import * as frames from './frames.ts';
import { Had } from './had.ts';
import * as heads from './heads.ts';
import { LINK_VERSION } from './heads.ts';
import { AWAY_MS, OPEN_WITHIN_MS, ORDERS_WAITING_BYTES, RECONNECT_MS, STALE_MS } from './limits.ts';
import { Missing } from './lost.ts';
import type { Mailroom } from './mailroom.ts';
import { type LinkVenueOptions, systemWay } from './options.ts';
import { openOwn } from './own-log.ts';
import { Parsed } from './parsed.ts';
import { Standstill } from './standstill.ts';
import { LinkWire } from './wire.ts';

/** Name of the one peer. */
const VENUE = 'venue';
/** Fields of a report before its body: 8, 9, 35, 34, 49, 52, 56. */
const HEADER_FIELDS = 7;

type State =
  | { readonly name: 'linked'; readonly wire: LinkWire }
  /** `since` is monotonic ms. */
  | { readonly name: 'away'; readonly since: number }
  | { readonly name: 'closed' };

interface Claim {
  readonly session: VenueSession;
  readonly epoch: number;
  readonly resolve: (had: MessageName) => void;
  readonly reject: (error: Error) => void;
}

export class LinkVenue implements Venue {
  readonly name = 'simulator';
  readonly #options: LinkVenueOptions;
  readonly #mailroom: Mailroom;
  readonly #boot = randomUUID();
  readonly #message = new Message();
  /** Text of a session's record; the edge gives the same object each time. */
  readonly #texts = new WeakMap<VenueSession, string>();
  /** Whose clients are there. */
  readonly #present = new Map<string, VenueSession>();
  readonly #parsed = new Parsed();
  readonly dropped = new Missing();
  /** Claims that are not answered, by session. */
  readonly #claims = new Map<string, Claim>();
  readonly #way: NonNullable<LinkVenueOptions['way']>;
  #state: State;
  #opened: (() => void) | undefined;
  #links = 0;
  readonly #acks: Acks;
  readonly #had = new Had();
  readonly #standstill: Standstill;
  #fenced = 0;
  #hung = 0;

  private constructor(options: LinkVenueOptions) {
    this.#options = options;
    this.#standstill = new Standstill(options.log);
    this.#way = options.way ?? systemWay(options.address);
    this.#state = { name: 'away', since: this.#way.monotonic() };
    this.#mailroom = openOwn(options);
    this.#acks = new Acks(options.ahead ?? false);
    this.#had.begin(this.#mailroom.mark, this.#mailroom.box(VENUE));
  }

  /** Rejects when the venue does not answer in time. */
  static async open(options: LinkVenueOptions): Promise<LinkVenue> {
    const venue = new LinkVenue(options);
    const { promise: linked, resolve, reject } = Promise.withResolvers<void>();
    venue.#opened = resolve;
    venue.#connect();
    const late = setTimeout(() => reject(new Error(`the venue at ${options.address} does not answer`)), OPEN_WITHIN_MS);
    try {
      await linked;
    } catch (error) {
      await venue.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
    return venue;
  }

  get available(): boolean {
    const state = this.#state;
    const { most_waiting = ORDERS_WAITING_BYTES } = this.#options;
    if (this.#standstill.now || this.#mailroom.box(VENUE).bytes > most_waiting) return false;
    return state.name === 'linked' || (state.name === 'away' && this.#way.monotonic() - state.since < AWAY_MS);
  }

  get link(): LinkFigures {
    const up = this.#state.name === 'linked' && !this.#standstill.now;
    const counts = { links: this.#links, hung: this.#hung, fenced: this.#fenced, dropped: this.dropped.count };
    return figuresOf(this.#mailroom.boxes.get(VENUE), { up, ...counts });
  }

  supports(msgType: number): boolean {
    return simulates(msgType);
  }

  submit(message: Message, { session, generation, msg_seq_num, recovered }: SubmitContext): void {
    const about = `"generation":${generation},"msg_seq_num":${msg_seq_num},"recovered":${recovered}`;
    const head = `{"session":${this.#textOf(session)},${about}}`;
    this.#post(frames.SUBMIT, head, message.buf.subarray(message.start, message.end));
  }

  async claim(session: VenueSession, withinMs: number): Promise<MessageName> {
    const { id, epoch = 0 } = session;
    const { promise, resolve, reject } = Promise.withResolvers<MessageName>();
    const late = setTimeout(() => reject(new Error('the venue does not answer')), withinMs);
    const claim: Claim = { session, epoch, resolve, reject };
    this.#claims.set(id, claim);
    if (this.#state.name === 'linked') this.#state.wire.say(frames.CLAIM, { session });
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      if (this.#claims.get(id) === claim) this.#claims.delete(id);
    }
  }

  sessionStarted(session: VenueSession): void {
    this.#present.set(session.id, session);
    this.#post(frames.STARTED, `{"session":${this.#textOf(session)},"boot":"${this.#boot}"}`);
  }

  sessionEnded(session: VenueSession): void {
    this.#present.delete(session.id);
    this.#post(frames.ENDED, `{"session":${this.#textOf(session)}}`);
  }

  /** The venue itself sees to those whose edge has gone. */
  resting(): Iterable<VenueSession> {
    return [];
  }

  cancelAll(session: VenueSession): void {
    this.#post(frames.CANCEL_ALL, `{"session":${this.#textOf(session)}}`);
  }

  massCancel(whose: OrdersOf, _now: number, { asked_at }: HowToCancel = {}): void {
    const head = whose.of === 'users' ? { of: whose.of, user_ids: [...whose.user_ids] } : whose;
    this.#post(frames.MASS_CANCEL, JSON.stringify({ ...head, asked_at }));
  }

  /** It has no time of its own: whether it is there is looked at, and what waits for it. */
  tick(): number {
    const now = this.#way.monotonic();
    if (this.#state.name === 'linked') this.#state.wire.look(now);
    this.#standstill.look(this.#mailroom.box(VENUE), this.#state.name === 'linked', now);
    return Number.POSITIVE_INFINITY;
  }

  get mark(): number {
    return this.#mailroom.mark;
  }

  get had(): number {
    return this.#had.mark;
  }

  get pending(): boolean {
    return this.#mailroom.pending;
  }

  flush(): void {
    const { pending, sealed, mark } = this.#mailroom;
    if (!pending && !sealed) return;
    this.#mailroom.flush(mark + 1);
    this.#had.flushed(mark + 1, this.#mailroom.box(VENUE).sendable);
    this.#release();
  }

  seal(): void {
    this.#mailroom.seal();
  }

  closing(): void {
    this.#acks.closing();
  }

  durable(): void {
    this.#acks.durable();
    this.#release();
  }

  get sealed(): boolean {
    return this.#mailroom.sealed;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { name: 'closed' };
    if (state.name === 'linked') {
      state.wire.release();
      state.wire.finish();
    }
    this.#mailroom.close();
  }

  #acked(number: number): void {
    this.#mailroom.acked(VENUE, number);
    this.#had.acked(number);
  }

  #post(type: number, head: string, body?: Uint8Array): void {
    this.#mailroom.post(VENUE, frames.frameOf(type, head, body));
  }

  #textOf(session: VenueSession): string {
    let text = this.#texts.get(session);
    if (text === undefined) {
      text = JSON.stringify(session);
      this.#texts.set(session, text);
    }
    return text;
  }

  #release(): void {
    if (this.#state.name !== 'linked') return;
    this.#state.wire.release();
    this.#state.wire.acknowledge(frames.ACK, this.#acks.most);
  }

  #connect(): void {
    if (this.#state.name !== 'away') return;
    const { edge_id } = this.#options;
    const socket = this.#way.connect();
    const { since } = this.#state;
    let greeted = false;
    const wire = new LinkWire(socket, {
      onFrames: (received) => {
        let rest = received;
        if (!greeted) {
          const [first] = received;
          if (first === undefined) return;
          this.#greeted(wire, first, since);
          greeted = true;
          rest = received.slice(1);
        }
        this.#take(rest);
      },
      onGone: (why) => this.#gone(wire, why),
    });
    socket.once('connect', () => {
      if (this.#state.name !== 'away') {
        socket.destroy();
        return;
      }
      const { id, boxes } = this.#mailroom;
      const box = boxes.get(VENUE);
      const waited = this.#way.monotonic() - since > STALE_MS;
      // What is done and not on disk comes again, and is known by its number: this process may die before it is.
      const received = Math.min(box?.acknowledgeable ?? 0, this.#acks.most);
      const said = { version: LINK_VERSION, edge_id, boot: this.#boot, log: id, knows: box?.theirLog ?? '', received };
      const stale = waited && box !== undefined ? box.next - 1 : 0;
      wire.say(frames.HELLO, { ...said, stale, beats: true, present: [...this.#present.values()] });
    });
  }

  #greeted(wire: LinkWire, frame: Frame, since: number): void {
    if (frame.type !== frames.HELLO) throw new RangeError('the first frame of the venue is no HELLO');
    if (this.#state.name === 'closed') throw new Error('the edge has ended');
    const { log, received, beats } = heads.venueHello.parse(frame.head);
    const box = this.#mailroom.box(VENUE);
    if (box.theirLog !== '' && box.theirLog !== log)
      this.#options.log.error({}, 'the venue has forgotten everything: what waits is sent to it anew');
    if (box.theirLog !== log) {
      this.#acks.begin();
      this.#mailroom.meet(VENUE, log);
      this.#had.begin(this.#mailroom.mark, box);
    }
    this.#acked(received);
    this.#state = { name: 'linked', wire };
    this.#links += 1;
    if (beats === true) wire.beat();
    wire.attach(box, received);
    // What has not been written yet is not released by this.
    this.#options.sink.turn(() => {});
    this.#release();
    for (const { session } of this.#claims.values()) wire.say(frames.CLAIM, { session });
    const awayMs = Math.round(this.#way.monotonic() - since);
    this.#options.log.info({ waiting: box.count, away_ms: awayMs }, 'linked to the venue');
    this.#opened?.();
  }

  #gone(wire: LinkWire, why: string): void {
    if (this.#state.name === 'closed') return;
    if (this.#state.name === 'linked' && this.#state.wire === wire) {
      this.#options.log.warn({ why }, 'the link to the venue is gone');
      if (wire.hungMs > 0) this.#hung += 1;
      this.#state = { name: 'away', since: this.#way.monotonic() - wire.hungMs };
    }
    setTimeout(() => this.#connect(), RECONNECT_MS).unref();
  }

  #take(received: readonly Frame[]): void {
    if (received.length === 0) return;
    this.#options.sink.turn(() => {
      for (const frame of received) this.#takeOne(frame);
    });
    const dropped = this.dropped.news();
    if (dropped > 0) this.#options.log.error({ dropped }, 'the venue has dropped reports for this edge');
    // A frame that had been done before makes nothing pending, and is acknowledged all the same.
    this.#release();
  }

  #takeOne(frame: Frame): void {
    switch (frame.type) {
      case frames.ACK:
        this.#acked(heads.ack.parse(frame.head).received);
        return;
      case frames.FLEETING:
        this.#tell(frame, true);
        return;
    }
    const work = NUMBERED.get(frame.type);
    if (work === undefined) throw new RangeError(`a frame of the unknown type ${frame.type}`);
    const due = this.#mailroom.box(VENUE).received + 1;
    this.#acks.saw(frame.number);
    if (frame.number < due) {
      if (this.#acks.late && frame.type === frames.REPORT) this.report(frame);
      return;
    }
    if (frame.number > due) throw new RangeError(`frame ${frame.number} came where ${due} was due`);
    work(this, frame);
    this.#mailroom.done(VENUE, frame.number);
  }

  report(frame: Frame): void {
    this.#tell(frame, false);
  }

  fenced({ head }: Frame): void {
    const { session } = heads.aboutSession.parse(head);
    this.#fenced += 1;
    this.#options.log.warn(
      { session: session.id, epoch: session.epoch },
      'the venue has fenced this edge from a session',
    );
    const claim = this.#claims.get(session.id);
    if (claim?.epoch === session.epoch) claim?.reject(new Error('somebody has claimed the session since'));
    this.#options.sink.fenced?.(session);
  }

  claimed({ head }: Frame): void {
    const { id, epoch, generation, msg_seq_num } = heads.claimed.parse(head);
    const claim = this.#claims.get(id);
    if (claim?.epoch === epoch) claim.resolve({ generation, msg_seq_num });
  }

  #tell({ head, body }: Frame, fleeting: boolean): void {
    const { sink } = this.#options;
    const { session: said, msg_type, number } = heads.report.parse(head);
    const session = this.#parsed.of(said);
    if (fleeting ? !sink.live(session) : sink.due?.(session, number ?? 0) === false) return;
    const message = this.#message;
    if (tokenise(body, 0, body.length, message) !== TOKENS_OK) {
      this.#options.log.error({ session: session.id }, 'a report of the venue does not parse');
      return;
    }
    const writer = sink.open(session, msg_type);
    const lostAt = sink.lostAt?.(session) ?? 0;
    const may = lostAt > 0 && !(message.utc(message.sendingTime) > lostAt);
    if (may && message.possResend < 0) writer.flag(Tag.PossResend, true);
    writer.copyFields(message, HEADER_FIELDS, message.count - 1);
    sink.close();
  }
}

type Work = (venue: LinkVenue, frame: Frame) => void;

const NUMBERED: ReadonlyMap<number, Work> = new Map<number, Work>([
  [frames.REPORT, (venue, frame) => venue.report(frame)],
  [frames.FENCED, (venue, frame) => venue.fenced(frame)],
  [frames.CLAIMED, (venue, frame) => venue.claimed(frame)],
  [frames.NOTHING, (venue, frame) => venue.dropped.note(frame)],
]);
