/**
 * What Prometheus is told. Counting on a message's way is an addition to an integer; names and labels are put on when
 * somebody asks. Labels that come from outside are bounded in number.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from '../core/sessions/api.ts';
import type { ClockReading } from '../core/sessions/clock-watch.ts';
import { msgTypeText, SOH } from './fix/tags.ts';
import { viewOf } from './fix/words.ts';
import { GateMetrics } from './gate-metrics.ts';
import { LAG_LOOK_MS, METRIC_TYPES, METRIC_USERS } from './limits.ts';
import { Durations, readCounter, readDurations, readGauge } from './read-metrics.ts';
import type { LinkFigures } from './venue/venue.ts';

/** What is asked when the metrics are read. */
export interface Watched {
  readonly gate: Gate;
  /** Why `/ready` says that it is not; undefined: it is. */
  unready(): string | undefined;
  /** Undefined: not known. */
  clock(): ClockReading | undefined;
  notLoggedOn(): number;
  /** Of Logons that wait for their turn at the store. */
  logonLine(): { readonly width: number; readonly waiting: number };
  connections(): number;
  journalHealthy(): boolean;
  /** Bytes. */
  journalWaiting(): number;
  /** Undefined: the venue is in this process. */
  link(): LinkFigures | undefined;
}

const ZERO = 0x30;
const LOGON_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const ORDER_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1];
/** A number that stays a machine integer with what one turn adds. */
const MOST_IN_A_ROW = 1_000_000_000;
/** Other label values for what has no name any more. */
const OTHER = 'other';

/** Counts by packed MsgType; the first {@link METRIC_TYPES} types have a count each. Most messages are of the type of the one before. */
class TypeCounts {
  readonly #slots = new Map<number, number>();
  /** Of types of one character, slot + 1: nearly all messages are of one. */
  readonly #short = new Uint8Array(128);
  readonly #counts = new Float64Array(METRIC_TYPES + 1);
  /** The last type, and how many of it in a row are not in {@link #counts} yet. */
  #type = 0;
  #row = 0;

  add(msgType: number, count = 1): void {
    if (msgType !== this.#type || this.#row > MOST_IN_A_ROW) {
      this.#settle();
      this.#type = msgType;
    }
    this.#row += count;
  }

  #settle(): void {
    if (this.#row === 0) return;
    const short = this.#type < 128 ? this.#short[this.#type]! : 0;
    this.#counts[short > 0 ? short - 1 : this.#slotOf(this.#type)]! += this.#row;
    this.#row = 0;
  }

  #slotOf(msgType: number): number {
    let slot = this.#slots.get(msgType);
    if (slot === undefined) {
      slot = Math.min(this.#slots.size, METRIC_TYPES);
      if (slot < METRIC_TYPES) this.#slots.set(msgType, slot);
    }
    if (msgType < 128) this.#short[msgType] = slot + 1;
    return slot;
  }

  *entries(): Generator<[string, number]> {
    this.#settle();
    for (const [msgType, slot] of this.#slots) yield [msgTypeText(msgType) || 'none', this.#counts[slot]!];
    if (this.#counts[METRIC_TYPES]! > 0) yield [OTHER, this.#counts[METRIC_TYPES]!];
  }
}

export class Metrics {
  readonly registry = new Registry();
  readonly gate = new GateMetrics(this.registry);
  readonly #in = new TypeCounts();
  readonly #out = new TypeCounts();
  #garbled = 0;
  #kept = 0;
  #rested = 0;
  readonly #users = new Set<string>();
  readonly #logins: Counter<'status'>;
  readonly #limited: Counter<'user_id' | 'type'>;
  readonly #closed: Counter<'cause'>;
  readonly #logon: Histogram;
  readonly #order = new Durations(ORDER_SECONDS);
  readonly #store: Histogram<'operation' | 'outcome'>;
  readonly #tries: Counter<'operation' | 'why'>;

  constructor() {
    const registers = [this.registry];
    const { registry } = this;
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_LOOK_MS });
    this.#logins = new Counter({
      name: 'fix_login_attempts_total',
      help: 'Logons by outcome: accepted, or the reason of the refusal.',
      labelNames: ['status'],
      registers,
    });
    // There from the start, or a rate would not see the first.
    for (const status of ['accepted', 'unavailable']) this.#logins.inc({ status }, 0);
    this.#limited = new Counter({
      name: 'fix_rate_limit_exceeded_total',
      help: `Messages refused for a rate; the first ${METRIC_USERS} users by name.`,
      labelNames: ['user_id', 'type'],
      registers,
    });
    this.#closed = new Counter({
      name: 'fix_connections_closed_total',
      help: 'Connections closed, by cause.',
      labelNames: ['cause'],
      registers,
    });
    this.#logon = new Histogram({
      name: 'fix_logon_seconds',
      help: 'From a complete Logon to its answer.',
      buckets: LOGON_SECONDS,
      registers,
    });
    readDurations(
      registry,
      'fix_order_to_report_seconds',
      'From reading a batch with orders to writing its reports, one observation a batch.',
      this.#order,
    );
    this.#store = new Histogram({
      name: 'fix_store_seconds',
      help: 'Calls to the store.',
      labelNames: ['operation', 'outcome'],
      buckets: LOGON_SECONDS,
      registers,
    });
    this.#tries = new Counter({
      name: 'fix_store_tries_failed_total',
      help: 'Tries of calls to the store that were throttled, unanswered, or met by an error of its own.',
      labelNames: ['operation', 'why'],
      registers,
    });
    readCounter(this.registry, 'fix_garbled_messages_total', 'Garbled messages dropped.', () => this.#garbled);
    readCounter(this.registry, 'fix_reports_kept_total', 'Messages kept for clients that were away.', () => this.#kept);
    readCounter(
      this.registry,
      'fix_rests_total',
      'Times a client had to wait for sending too many session-level or invalid messages.',
      () => this.#rested,
    );
    const [incoming, outgoing] = [this.#in, this.#out];
    new Counter({
      name: 'fix_messages_total',
      help: 'FIX messages by direction and MsgType.',
      labelNames: ['direction', 'msg_type'],
      registers,
      collect() {
        this.reset();
        for (const [msg_type, count] of incoming.entries()) this.inc({ direction: 'in', msg_type }, count);
        for (const [msg_type, count] of outgoing.entries()) this.inc({ direction: 'out', msg_type }, count);
      },
    });
  }

  /** Gauges of what others keep. */
  watch(watched: Watched): void {
    const { gate } = watched;
    this.gate.watch(gate, watched.clock);
    const { unready } = watched;
    readGauge(this.registry, 'fix_ready', '1 while /ready says so.', () => (unready() === undefined ? 1 : 0), 'min');
    new Gauge({
      name: 'fix_not_ready',
      help: '1 for the reason that /ready gives, while it gives one.',
      labelNames: ['reason'],
      registers: [this.registry],
      collect() {
        this.reset();
        const reason = unready();
        if (reason !== undefined) this.set({ reason }, 1);
      },
    });
    readGauge(this.registry, 'fix_sessions', 'Live sessions.', () => gate.figures().sessions);
    readGauge(this.registry, 'fix_connections', 'TCP connections.', () => watched.connections());
    readGauge(this.registry, 'fix_connections_not_logged_on', 'TCP connections without a session.', () =>
      watched.notLoggedOn(),
    );
    readGauge(
      this.registry,
      'fix_logons_waiting',
      'Logons that wait for their turn.',
      () => watched.logonLine().waiting,
    );
    readGauge(
      this.registry,
      'fix_logon_width',
      'Logons that may ask the store at once.',
      () => watched.logonLine().width,
    );
    readGauge(
      this.registry,
      'fix_orders_allowed',
      '1 while the edge holds its lease.',
      () => (gate.mayPlaceOrders ? 1 : 0),
      'min',
    );
    readGauge(
      this.registry,
      'fix_journal_healthy',
      '1 while the journal can be written.',
      () => (watched.journalHealthy() ? 1 : 0),
      'min',
    );
    readGauge(this.registry, 'fix_journal_waiting_bytes', 'Bytes of the journal that its store has not got yet.', () =>
      watched.journalWaiting(),
    );
    const first = watched.link();
    if (first !== undefined) this.#watchLink(() => watched.link() ?? first);
  }

  #watchLink(link: () => LinkFigures): void {
    const { registry } = this;
    readGauge(registry, 'fix_venue_link_up', '1 while the venue’s process is linked and takes what it is sent.', () =>
      link().up ? 1 : 0,
    );
    readCounter(registry, 'fix_venue_links_total', 'Times the link to the venue came up.', () => link().links);
    const hung = 'Times the link to the venue was given up because the venue said nothing.';
    readCounter(registry, 'fix_venue_link_silences_total', hung, () => link().hung);
    const dropped = 'Reports that the venue dropped, as too much waited for this edge.';
    readCounter(registry, 'fix_venue_reports_dropped_total', dropped, () => link().dropped);
    readCounter(
      registry,
      'fix_venue_fences_total',
      'Sessions that the venue has fenced this edge from.',
      () => link().fenced,
    );
    readGauge(registry, 'fix_venue_link_waiting', 'Frames that the venue has not acknowledged.', () => link().waiting);
    readGauge(registry, 'fix_venue_link_waiting_bytes', 'Bytes of those frames.', () => link().waiting_bytes);
    const cancels = 'Cancels on disconnect, and by an administrator, that the venue has not acknowledged.';
    readGauge(registry, 'fix_venue_link_cancels_waiting', cancels, () => link().cancels_waiting);
  }

  logon(status: string): void {
    this.#logins.inc({ status });
  }

  logonTook(ms: number): void {
    this.#logon.observe(ms / 1000);
  }

  ordersTook(ms: number): void {
    this.#order.add(ms / 1000);
  }

  storeTook(operation: string, ok: boolean, ms: number): void {
    this.#store.observe({ operation, outcome: ok ? 'ok' : 'failed' }, ms / 1000);
  }

  /** One try of a call, by DynamoDB's name of the operation. */
  storeTryFailed(operation: string, why: string): void {
    this.#tries.inc({ operation, why });
  }

  limited(userId: string, type: string): void {
    if (!this.#users.has(userId) && this.#users.size < METRIC_USERS) this.#users.add(userId);
    this.#limited.inc({ user_id: this.#users.has(userId) ? userId : OTHER, type });
  }

  closed(cause: string): void {
    this.#closed.inc({ cause });
  }

  garbled(): void {
    this.#garbled += 1;
  }

  keptForAway(): void {
    this.#kept += 1;
  }

  rested(): void {
    this.#rested += 1;
  }

  received(msgType: number): void {
    this.#in.add(msgType);
  }

  /** Counts the messages in bytes that we wrote, which are of one version: from BodyLength to BodyLength, nothing else is looked at. */
  sent(bytes: Buffer): void {
    const view = viewOf(bytes);
    const end = bytes.length;
    let head = 2; // to the digits of BodyLength: 8=…|9=
    while (head < end && bytes[head] !== SOH) head++;
    head += 3;
    let type = 0;
    let count = 0;
    // Most are as long and of the same type as the one before, so that the same eight bytes stand there: nnn|35=t, as a float, of which none is made.
    let like = Number.NaN;
    let step = 0;
    for (let at = 0; at < end; count++, at += step) {
      let mark = at + head;
      if (view.getFloat64(mark, true) === like && bytes[mark + 8] === SOH) continue;
      let length = 0;
      let code = 0;
      // Nearly all have a BodyLength of three digits, and a type of one character behind `|35=`.
      if (bytes[mark + 3] === SOH && bytes[mark + 8] === SOH) {
        like = view.getFloat64(mark, true);
        length = bytes[mark]! * 100 + bytes[mark + 1]! * 10 + bytes[mark + 2]! - ZERO * 111;
        code = bytes[mark + 7]!;
        mark += 3;
      } else {
        like = Number.NaN;
        for (; mark < end && bytes[mark] !== SOH; mark++) length = length * 10 + bytes[mark]! - ZERO;
        for (let i = mark + 4; i < end && bytes[i] !== SOH; i++) code = code * 256 + bytes[i]!;
      }
      if (code !== type) {
        if (count > 0) this.#out.add(type, count);
        type = code;
        count = 0;
      }
      step = mark + 1 + length + 7 - at;
    }
    if (count > 0) this.#out.add(type, count);
  }
}
