/**
 * The venue's side of the link: one venue for many edges. What edges ask and what the venue answers is on disk together, in
 * two logs that count together (the mailroom's line names the venue's flush), before an edge is told or its frame is
 * acknowledged: whatever dies is asked again by what is numbered, and nothing is done or told twice.
 */

import { ORDER } from '../../../core/limits/kinds.ts';
import { kindOf } from '../../classes.ts';
import type { BodyWriter } from '../../fix/body-writer.ts';
import { Encoder } from '../../fix/encoder.ts';
import { Message, TOKENS_OK, tokenise } from '../../fix/message.ts';
import { msgTypeCode } from '../../fix/tags.ts';
import type { SubmitContext, Venue, VenueSession, VenueSink } from '../venue.ts';
import { BUSINESS_REJECT, Templates, writeRefusal } from './answers.ts';
import type { Frame } from './frames.ts';
import * as frames from './frames.ts';
import * as heads from './heads.ts';
import { LINK_VERSION } from './heads.ts';
import { SINCE_MS } from './limits.ts';
import { Missing } from './lost.ts';
import type { Mailroom } from './mailroom.ts';
import { Missed } from './missed.ts';
import { Owed } from './owed.ts';
import { Presence } from './presence.ts';
import type { LinkWire } from './wire.ts';

/** Market data: worth nothing to who comes later. */
const FLEETING: ReadonlySet<number> = new Set([msgTypeCode('W'), msgTypeCode('X')]);

export interface HostParts {
  /** @param counts whether a flush of the mailroom with this mark of the venue has happened */
  readonly mailroom: (counts: (mark: number) => boolean) => Mailroom;
  readonly venue: (sink: VenueSink) => Venue;
  /** The dictionary of a session's messages. */
  readonly dictionaryOf: (session: VenueSession) => SubmitContext['dictionary'];
  /** Epoch ms. */
  readonly now: () => number;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
}

/** An edge that is connected. */
interface Link {
  readonly edge_id: string;
  readonly boot: string;
  readonly wire: LinkWire;
  /** Orders of numbers up to this one have waited for too long. */
  readonly stale: number;
}

export class VenueHost implements VenueSink {
  readonly #parts: HostParts;
  readonly #venue: Venue;
  readonly #mailroom: Mailroom;
  readonly #links = new Map<string, Link>();
  readonly #presence = new Presence();
  readonly #missed: Missed;
  readonly #owed = new Owed();
  readonly dropped = new Missing();
  readonly #encoder = new Encoder();
  readonly #message = new Message();
  readonly #templates = new Templates();
  #to: VenueSession | undefined;
  #type = 0;
  /** The disk has refused: nothing more is taken before it writes. */
  #stuck = false;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.#venue = parts.venue(this);
    const { mark } = this.#venue;
    this.#mailroom = parts.mailroom((asked) => mark === undefined || asked <= mark);
    const { owners } = this.#mailroom;
    const { now } = parts;
    this.#missed = new Missed({ resting: () => this.#venue.resting(), ownerOf: (id) => owners.get(id)?.edge, now });
    this.#missed.began();
  }

  get stuck(): boolean {
    return this.#stuck;
  }

  /** An edge has said who it is. @returns what takes its frames from now on */
  meet(hello: heads.EdgeHello, wire: LinkWire): (received: readonly Frame[]) => void {
    const { log } = this.#parts;
    const mailroom = this.#mailroom;
    const { edge_id, boot, stale, beats } = hello;
    const before = this.#links.get(edge_id);
    if (before !== undefined) {
      // The end of that one comes after this, and is nobody's then: whoever it had and this one has not is missed from now on.
      before.wire.end('another connection of the same edge');
      this.#missed.edgeGone(edge_id);
    }
    mailroom.meet(edge_id, hello.log);
    const box = mailroom.box(edge_id);
    // Numbers of another log say nothing; and what is not on disk here the edge is not to forget.
    const received = (hello.knows || mailroom.id) === mailroom.id ? hello.received : 0;
    mailroom.acked(edge_id, received);
    const link: Link = { edge_id, boot, wire, stale };
    if (beats === true) wire.beat();
    this.#links.set(edge_id, link);
    this.#returned(link, hello.present);
    wire.say(frames.HELLO, { version: LINK_VERSION, log: mailroom.id, received: box.acknowledgeable, beats: true });
    wire.attach(box, received);
    log.info({ edge_id, waiting: box.count }, 'an edge is linked');
    this.commit();
    return (received) => this.#take(link, received);
  }

  lost(edge_id: string, wire: LinkWire, why: string): void {
    if (this.#links.get(edge_id)?.wire !== wire) return;
    this.#links.delete(edge_id);
    this.#parts.log.warn({ edge_id, why }, 'an edge is gone');
    this.#missed.edgeGone(edge_id);
  }

  tick(): void {
    for (const { wire } of [...this.#links.values()]) wire.look(this.#parts.monotonic());
    if (!this.#stuck) {
      const now = this.#parts.now();
      for (const session of [...this.#missed.due()]) this.#cancelAll(session);
      this.#owed.look(now);
      this.#guarded('tick', () => void this.#venue.tick(now));
    }
    this.commit();
  }

  /** What has happened is written, then told. While the disk refuses, nothing leaves and nothing more is taken. */
  commit(): void {
    const { log } = this.#parts;
    const mailroom = this.#mailroom;
    const { mark, pending } = this.#venue;
    try {
      if (mailroom.pending) mailroom.flush(mark === undefined || !pending ? 0 : mark + 1);
      this.#venue.flush();
    } catch (error) {
      if (!this.#stuck) log.error({ error }, 'the disk refuses: nothing is taken');
      this.#stuck = true;
      for (const { wire } of this.#links.values()) wire.pause();
      return;
    }
    for (const { wire } of this.#links.values()) {
      if (this.#stuck) wire.resume();
      wire.release();
      wire.acknowledge(frames.ACK);
    }
    if (this.#stuck) log.info({}, 'the disk takes writes again');
    this.#stuck = false;
  }

  /** Writes and tells what there is, and ends. */
  async finish(): Promise<void> {
    this.commit();
    for (const { wire } of this.#links.values()) wire.finish();
    await this.#venue.close();
    this.#mailroom.close();
  }

  open(session: VenueSession, msgType: number): BodyWriter {
    this.#to = session;
    this.#type = msgType;
    return this.#encoder.begin(this.#templates.of(session.begin_string), msgType, 1, this.#parts.now());
  }

  close(): void {
    const session = this.#to;
    if (session === undefined) throw new RangeError('no message has been begun');
    const start = this.#encoder.end();
    const body = this.#encoder.buf.subarray(start, this.#encoder.length);
    const { id } = session;
    const mailroom = this.#mailroom;
    const owner = mailroom.owners.get(id);
    const msg_type = this.#type;
    if (FLEETING.has(msg_type)) {
      const frame = frames.frameOf(frames.FLEETING, JSON.stringify({ session, msg_type }), body);
      if (owner?.there === true) this.#links.get(owner.edge)?.wire.pass(frame);
    } else {
      const number = mailroom.number(id, this.#parts.now());
      const frame = frames.frameOf(frames.REPORT, JSON.stringify({ session, msg_type, number }), body);
      mailroom.post(owner?.there === true ? owner.edge : nobodyFor(id), frame, id);
    }
    this.#forget();
  }

  live(session: VenueSession): boolean {
    const owner = this.#mailroom.owners.get(session.id);
    const link = owner && this.#links.get(owner.edge);
    return link !== undefined && this.#presence.has(session.id) && link.wire.flows;
  }

  turn(work: () => void): void {
    work();
    this.commit();
  }

  #take(link: Link, received: readonly Frame[]): void {
    for (const frame of received) {
      if (frame.type === frames.ACK) {
        this.#mailroom.acked(link.edge_id, heads.ack.parse(frame.head).received);
        continue;
      }
      if (frame.type === frames.CLAIM) {
        this.#guarded(`claim of ${link.edge_id}`, () => this.#claim(link, frame));
        continue;
      }
      const due = this.#mailroom.box(link.edge_id).received + 1;
      // What comes again has been done.
      if (frame.number < due) continue;
      if (frame.number > due) throw new RangeError(`frame ${frame.number} came where ${due} was due`);
      this.#do(link, frame);
      this.#mailroom.done(link.edge_id, frame.number);
    }
    const dropped = this.dropped.news();
    if (dropped > 0)
      this.#parts.log.error({ edge_id: link.edge_id, dropped }, 'an edge has dropped messages for the venue');
    this.commit();
  }

  /** A frame that cannot be done is one that nobody waits for an answer to: it is told of in the log, and passed over. */
  #do(link: Link, frame: Frame): void {
    const work = HANDLERS.get(frame.type);
    if (work === undefined) throw new RangeError(`a frame of the unknown type ${frame.type}`);
    this.#guarded(`frame ${frame.type} of ${link.edge_id}`, () => work(this, link, frame));
  }

  submit(link: Link, { number, head, body }: Frame): void {
    const { session, generation, msg_seq_num, recovered } = heads.submit.parse(head);
    const message = this.#message;
    if (tokenise(body, 0, body.length, message) !== TOKENS_OK) throw new RangeError('a message that does not parse');
    if (!this.#speaksFor(link, session)) {
      // No refusal that its client could hear: whoever has the session now has the message, too, and will give it.
      this.#mailroom.post(link.edge_id, frames.frameOf(frames.FENCED, JSON.stringify({ session })));
      return;
    }
    // It comes again out of a journal, or from a client that was asked, whose edge may not have known that it had come.
    const again = recovered || message.flag(message.possDupFlag);
    const standing = again ? this.#mailroom.heard.standing(session.id, generation, msg_seq_num) : 'new';
    if (standing === 'passed') this.#refuse(session, message, 'Not taken at its time, and too late now', true);
    if (standing !== 'new') return;
    if (!this.#mailroom.owners.has(session.id)) this.#own(link, session);
    this.#mailroom.have(session.id, generation, msg_seq_num);
    if (number <= link.stale && kindOf(message.msgType) === ORDER) {
      this.#refuse(session, message, 'Too late: the order did not reach the market in time');
      return;
    }
    const now = this.#parts.now();
    const dictionary = this.#parts.dictionaryOf(session);
    this.#venue.submit(message, { session, generation, msg_seq_num, dictionary, now, recovered });
    // Out of what an edge had when it died, and comes with now that it is back.
    if (!this.#presence.has(session.id)) this.#missed.notThere(session);
  }

  /** Its reports wait here until it is started, also those that the edge before has not got for sure. */
  #claim(link: Link, { head }: Frame): void {
    const { session } = heads.aboutSession.parse(head);
    const { id, epoch = 0 } = session;
    if (!this.#speaksFor(link, session)) {
      this.#mailroom.post(link.edge_id, frames.frameOf(frames.FENCED, JSON.stringify({ session })));
      return;
    }
    const before = this.#mailroom.owners.get(id);
    if (before?.edge !== link.edge_id || before.epoch !== epoch) {
      this.#mailroom.own(id, link.edge_id, epoch, false);
      if (before !== undefined) this.#mailroom.part(id, before.edge, nobodyFor(id));
      this.#missed.claimed(session);
    }
    const answer = JSON.stringify({ id, epoch, ...this.#mailroom.heard.of(id) });
    this.#mailroom.post(link.edge_id, frames.frameOf(frames.CLAIMED, answer));
  }

  started(link: Link, { head }: Frame): void {
    const { session, boot = link.boot } = heads.aboutSession.parse(head);
    if (!this.#speaksFor(link, session)) return;
    this.#own(link, session);
    // By a process of the edge that is no more: its client is not there, nor where it had been before.
    if (boot !== link.boot) {
      this.#presence.left(session.id);
      this.#missed.wasThere(session);
      this.#venue.sessionStarted(session, this.#parts.now());
      this.#venue.sessionEnded(session, this.#parts.now());
      return;
    }
    this.#missed.there(session.id);
    this.#presence.began({ session, edge_id: link.edge_id, boot: link.boot }, this.#parts.now());
    this.#venue.sessionStarted(session, this.#parts.now());
  }

  ended(link: Link, { head }: Frame): void {
    const { session } = heads.aboutSession.parse(head);
    // It may have moved to another edge before this one had finished with it.
    if (this.#presence.edgeOf(session.id) !== link.edge_id) return;
    this.#presence.left(session.id);
    this.#venue.sessionEnded(session, this.#parts.now());
  }

  cancelAll(link: Link, { head }: Frame): void {
    const { session } = heads.aboutSession.parse(head);
    const there = this.#presence.edgeOf(session.id);
    // Its client is back, with another edge, or was and is away anew: that grace is another's.
    if ((there !== undefined && there !== link.edge_id) || this.#isPast(session)) return;
    this.#cancelAll(session);
  }

  #cancelAll(session: VenueSession): void {
    const work = (): void => this.#venue.cancelAll(session, this.#parts.now());
    if (!this.#guarded('cancel on disconnect', work)) this.#missed.again(session);
  }

  /** It may come late, and again from each edge that was told of it: whoever has logged on since it was asked for is left alone. */
  massCancel({ head }: Frame): void {
    const { asked_at = Number.POSITIVE_INFINITY, ...whose } = heads.massCancel.parse(head);
    const named = whose.of === 'users' ? { of: whose.of, user_ids: new Set(whose.user_ids) } : whose;
    const spared = (id: string): boolean => this.#presence.beganAfter(id, asked_at + SINCE_MS);
    const { now } = this.#parts;
    this.#owed.do(() => this.#guarded('mass cancel', () => this.#venue.massCancel(named, now(), { spared })), now());
  }

  /** Somebody of a later epoch has spoken for the session. */
  #isPast({ id, epoch = 0 }: VenueSession): boolean {
    return epoch < (this.#mailroom.owners.get(id)?.epoch ?? 0);
  }

  #speaksFor({ edge_id }: Link, session: VenueSession): boolean {
    const fenced = this.#isPast(session);
    const owner = this.#mailroom.owners.get(session.id);
    if (fenced) this.#parts.log.warn({ edge_id, session: session.id, owner }, 'an edge is fenced from a session');
    return !fenced;
  }

  #own({ edge_id }: Link, { id, epoch = 0 }: VenueSession): void {
    const before = this.#mailroom.owners.get(id);
    this.#mailroom.own(id, edge_id, epoch);
    if (before !== undefined) this.#mailroom.part(id, before.edge, edge_id);
    this.#mailroom.move(nobodyFor(id), edge_id);
  }

  /** @param repeated whether its client may have heard of it already */
  #refuse(session: VenueSession, message: Message, text: string, repeated = false): void {
    writeRefusal(this.open(session, BUSINESS_REJECT), message, text, repeated);
    this.close();
  }

  /** An edge is linked, and says who is there: of another process of it nobody is, and after our own restart only it knows. */
  #returned({ edge_id, boot }: Link, present: readonly VenueSession[]): void {
    for (const session of this.#presence.forsaken(edge_id, boot))
      this.#guarded('end', () => this.#venue.sessionEnded(session, this.#parts.now()));
    for (const session of present) {
      if ((this.#mailroom.owners.get(session.id)?.edge ?? edge_id) !== edge_id) continue;
      this.#presence.isThere({ session, edge_id, boot });
      this.#missed.there(session.id);
    }
    this.#missed.linkedWithout(edge_id, boot);
  }

  /** @returns whether it was done */
  #guarded(what: string, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (this.#to !== undefined) this.#encoder.cancel();
      this.#forget();
      this.#parts.log.error({ error, what }, 'the venue failed');
      return false;
    }
  }

  #forget(): void {
    this.#encoder.clear();
    this.#to = undefined;
  }
}

/** Where reports wait of a session that no edge has spoken for yet, or that has been claimed. */
const nobodyFor = (id: string): string => `?${id}`;

type Work = (host: VenueHost, link: Link, frame: Frame) => void;

const HANDLERS: ReadonlyMap<number, Work> = new Map<number, Work>([
  [frames.SUBMIT, (host, link, frame) => host.submit(link, frame)],
  [frames.STARTED, (host, link, frame) => host.started(link, frame)],
  [frames.ENDED, (host, link, frame) => host.ended(link, frame)],
  [frames.CANCEL_ALL, (host, link, frame) => host.cancelAll(link, frame)],
  [frames.NOTHING, (host, _link, frame) => host.dropped.note(frame)],
  [frames.MASS_CANCEL, (host, _link, frame) => host.massCancel(frame)],
]);
