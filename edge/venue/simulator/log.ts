/**
 * What the simulator keeps over a restart. A line is a JSON array of changes that happened in one step or in a part of it,
 * states and not differences. The lines of one flush end with one that has its mark: without it they count as not written, so that a
 * restored book is one that has been, and goes with the journal. A log of an earlier release has no marks; its lines count.
 */

import { viewOf } from '../../fix/words.ts';
import type { Done } from '../../syncs.ts';
import type { VenueSession } from '../venue.ts';
import { type Change, type OrderRecord, recordOf, stateOf } from './changes.ts';
import type { Client, ClientOrder } from './client-order.ts';
import type { Clients } from './clients.ts';
import { Line } from './line.ts';
import type { Markets } from './markets.ts';
import { type OrderTerms, partsOfId } from './order.ts';
import { OrderLines } from './order-lines.ts';

/** A line: UTF-8, buf[0, length). */
export interface LineBytes {
  readonly buf: Buffer;
  /** Of `buf`. */
  readonly words: DataView;
  readonly length: number;
}

/** Of a text that has no line break. */
export function lineOf(text: string): LineBytes {
  const buf = Buffer.from(text);
  return { buf, words: viewOf(buf), length: buf.length };
}

/** One that stays. */
export const copyOf = ({ buf, length }: LineBytes): LineBytes => lineOf(buf.toString('utf8', 0, length));

/** Where lines go; file-log.ts, or memory in tests. */
export interface OrderLog {
  /** The lines of earlier runs. A last line that was cut off is not among them. */
  read(): Iterable<string>;
  /** Adds a line, which is copied like all that are handed over; durable after {@link flush}. */
  append(line: LineBytes): void;
  /** Whether there are lines to be written. */
  readonly pending: boolean;
  /** Writes them and `last` in one piece. Throws when the disk refuses: they are kept. */
  flush(last: LineBytes): void;
  /** Puts what has been flushed on the disk, while others go on. */
  sync(done: Done): void;
  /** Closes the lines that there are, with `last` behind them; {@link flushSealed} writes them. Nothing is sealed already. */
  seal(last: LineBytes): void;
  /** Throws when the disk refuses: they stay sealed. */
  flushSealed(): void;
  /** Writes `lines`, each of which stands until the next is asked for, in place of all that is written or sealed: all of them or none. */
  replace(lines: Iterable<LineBytes>): void;
  /**
   * The same in place of all that is written, while others go on: what is flushed meanwhile is behind them, and until the disk has them
   * the log is what it was. Where it does not take them the log stays so.
   */
  renew(lines: Iterable<LineBytes>): void;
  /** Whether that is under way. */
  readonly renewing: boolean;
  /** Bytes since the last {@link replace}, and those that it wrote. */
  readonly appended: number;
  readonly base: number;
  close(): void;
}

/** Everything there is, one line a session and its orders' ids in the order they were used; each stands until the next is asked for. */
export function* snapshot(clients: Clients, stamp: number, mark: number): Generator<LineBytes> {
  const line = new Line();
  const lines = new OrderLines();
  const said = (changes: readonly Change[]): LineBytes => {
    line.begin().add(changes);
    return line.end();
  };
  yield said([
    ['boot', stamp],
    ['mark', mark],
  ]);
  for (const client of clients.all()) {
    if (client.ids.size === 0) continue;
    yield said([['session', client.session], takenChange(client)]);
    for (const [name, row] of client.ids.entries()) {
      const order = clients.orders.order(row);
      if (client.names.same(name, order.name)) yield lines.of(order);
      else {
        line.begin().addId({ client, name, order });
        yield line.end();
      }
      clients.orders.rest();
    }
  }
  yield said([['mark', mark]]);
}

/** Lines that are written to see how long they are. */
const SAMPLE = 1024;

/** About how long a {@link snapshot} would be: of many lines the first ones are taken for all. */
export function snapshotBytes(clients: Clients): number {
  let all = 2;
  for (const { ids } of clients.all()) if (ids.size > 0) all += ids.size + 1;
  let [lines, bytes] = [0, 0];
  for (const { length } of snapshot(clients, 0, 0)) {
    lines += 1;
    bytes += length + 1;
    if (lines === SAMPLE) break;
  }
  return (bytes / lines) * all;
}

const takenChange = ({ session, generation, taken }: Client): Change => ['taken', session.id, generation, taken];

/** Sessions as the log knows them: each is told before what belongs to it, and again when something about it has changed. */
export class Introductions {
  private readonly known = new Map<string, VenueSession>();
  /** The one made known last. */
  private last: VenueSession | undefined;

  /** Whether nothing about a session is to be told, for sure. */
  knows({ session }: Client): boolean {
    if (session === this.last) return true;
    if (this.known.get(session.id) !== session) return false;
    this.last = session;
    return true;
  }

  make(client: Client, line: Change[]): void {
    if (this.knows(client)) return;
    const { session } = client;
    const known = this.known.get(session.id);
    this.last = session;
    this.known.set(session.id, session);
    if (known === undefined || JSON.stringify(known) !== JSON.stringify(session)) line.push(['session', session]);
  }

  /** After a {@link snapshot}. */
  after(clients: Clients): void {
    this.known.clear();
    this.last = undefined;
    for (const { ids, session } of clients.all()) if (ids.size > 0) this.known.set(session.id, session);
  }
}

/** What a log says. */
export interface Restored {
  /** The latest stamp, 0 when there is none. */
  stamp: number;
  /** Of the last flush that is whole; undefined: the log has no marks. */
  mark: number | undefined;
  /** Rows by OrderID; open and closed ones. */
  readonly orders: Map<string, number>;
  /** What was skipped and why, the first few. */
  readonly problems: string[];
}

const MAX_PROBLEMS = 20;

/** A log that is being read. */
interface Reading extends Restored {
  /** Ids and the orders that they name: session, ClOrdID, OrderID. */
  readonly aliases: [string, string, string][];
  /** The last whole order of each kind, and what its OrderID begins with. */
  readonly wholes: Map<number, { readonly run: string; readonly record: OrderRecord }>;
}

/** Reads lines into `clients`. What cannot be understood is skipped and named in `problems`. */
export function restore(lines: Iterable<string>, clients: Clients, markets: Markets): Restored {
  const start = { stamp: 0, mark: undefined, orders: new Map(), problems: [] };
  const reading: Reading = { ...start, aliases: [], wholes: new Map() };
  let number = 0;
  for (const line of wholeFlushes(lines)) {
    number++;
    try {
      for (const change of changesOf(line, reading)) apply(change, reading, clients, markets);
      clients.orders.rest();
    } catch (error) {
      if (reading.problems.length < MAX_PROBLEMS) {
        reading.problems.push(`line ${number}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  // An id may stand before the order it names, which a replacement has moved on.
  for (const [session, clOrdId, orderId] of reading.aliases) {
    const client = clients.get(session);
    const row = reading.orders.get(orderId);
    if (client === undefined || row === undefined) continue;
    const id = clients.names.ofText(clOrdId);
    clients.remember(client, id, clients.orders.order(row));
    clients.names.drop(id);
    clients.orders.rest();
  }
  return reading;
}

function changesOf(line: string, { wholes }: Reading): Change[] {
  try {
    return JSON.parse(line) as Change[];
  } catch (error) {
    wholes.clear(); // it may have been that of any kind
    throw error;
  }
}

const MARK = /\["mark",\d+\]\]$/;

/** Lines of flushes that have their mark; all of them where there is none. */
function* wholeFlushes(lines: Iterable<string>): Generator<string> {
  let flush: string[] = [];
  let marked = false;
  for (const line of lines) {
    flush.push(line);
    if (!MARK.test(line)) continue;
    marked = true;
    yield* flush;
    flush = [];
  }
  if (!marked) yield* flush;
}

function apply(change: Change, reading: Reading, clients: Clients, markets: Markets): void {
  switch (change[0]) {
    case 'boot':
      reading.stamp = Math.max(reading.stamp, change[1]);
      return;
    case 'mark':
      reading.mark = change[1];
      return;
    case 'taken': {
      const client = clients.get(change[1]);
      if (client === undefined) throw new Error(`messages of the unknown session ${change[1]}`);
      client.generation = change[2];
      client.taken = change[3];
      return;
    }
    case 'session':
      clients.of(change[1]);
      return;
    case 'order':
      restoreOrder(change[1], reading, clients, markets);
      return;
    case 'whole':
      restoreOrder(wholeOf(change, reading), reading, clients, markets);
      return;
    case 'like':
      restoreOrder(likeOf(change, reading), reading, clients, markets);
      return;
    case 'fill': {
      const row = reading.orders.get(change[1]);
      if (row === undefined) throw new Error(`a fill of the unknown order ${change[1]}`);
      setState(clients.orders.order(row), change[2], change[3], change[4]);
      return;
    }
    case 'id':
      reading.aliases.push([change[1], change[2], change[3]]);
      return;
    default:
      throw new Error(`an unknown change ${JSON.stringify(change)}`);
  }
}

/** What later orders of its kind are like, even if it cannot be restored itself: neither can they then. */
function wholeOf([, ...whole]: Extract<Change, readonly ['whole', ...unknown[]]>, { wholes }: Reading): OrderRecord {
  const record = recordOf(whole);
  const kind = whole[17];
  if (kind !== undefined) wholes.set(kind, { run: partsOfId(record.id).run, record });
  return record;
}

function likeOf(
  [, kind, serial, c, priority]: Extract<Change, readonly ['like', ...unknown[]]>,
  { wholes }: Reading,
): OrderRecord {
  const whole = wholes.get(kind);
  if (whole === undefined) throw new Error(`order ${c} like one of the kind ${kind}, of which there is none`);
  return { ...whole.record, id: `${whole.run}${serial}`, c, priority };
}

function restoreOrder(record: OrderRecord, restored: Restored, clients: Clients, markets: Markets): void {
  const client = clients.get(record.s);
  const instrument = markets.of(record.symbol)?.book.instrument;
  if (client === undefined) throw new Error(`order ${record.id} of the unknown session ${record.s}`);
  if (instrument === undefined) throw new Error(`order ${record.id} for the unknown symbol ${record.symbol}`);
  const expires_at = record.terms.expires_at ?? Number.POSITIVE_INFINITY;
  const terms: OrderTerms = { ...record.terms, instrument, expires_at };
  const name = clients.names.ofText(record.c);
  const row = restored.orders.get(record.id);
  let order: ClientOrder;
  if (row === undefined) {
    order = clients.orders.add({ ...partsOfId(record.id), owner: client, name }, terms, record.priority);
    restored.orders.set(record.id, order.row);
  } else {
    order = clients.orders.order(row);
    clients.names.drop(order.name);
    order.name = name;
    order.ask(terms);
    order.priority = record.priority;
  }
  setState(order, record.state, record.cum, record.notional);
  clients.remember(client, name, order);
}

function setState(order: ClientOrder, state: string, cum: number, notional: number): void {
  const known = stateOf(state);
  if (known === undefined) throw new Error(`order ${order.id} in the unknown state ${state}`);
  order.state = known;
  order.cum = cum;
  order.notional = notional;
  order.leaves = order.open ? order.qty - cum : 0;
}
