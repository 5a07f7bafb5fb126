/** How the exchange keeps its log: flushes with marks, how far the messages of sessions have been seen, and compaction. */

import type { Done } from '../../syncs.ts';
import { LOG_COMPACT_BYTES, LOG_PIECE_BYTES } from '../limits.ts';
import type { Change } from './changes.ts';
import type { Client, ClientOrder } from './client-order.ts';
import type { Clients } from './clients.ts';
import { Line, type UsedId } from './line.ts';
import { copyOf, Introductions, type LineBytes, lineOf, type OrderLog, snapshot, snapshotBytes } from './log.ts';
import { CHANGED, CHANGED_STATE } from './order.ts';
import { OrderLines } from './order-lines.ts';

const NOTHING = lineOf('[]');

export class Keeping {
  /** Of the last flush that is on disk. */
  mark: number;
  /** What was sealed is not on disk: see {@link seal}. */
  sealed = false;
  readonly introductions = new Introductions();
  readonly #log: OrderLog;
  readonly #line = new Line();
  readonly #lines = new OrderLines();
  /** Of sessions, while a line is written. */
  readonly #news: Change[] = [];
  readonly #clients: Clients;
  readonly #stamp: number;
  /** Sessions whose messages came since then, see {@link Client.heard}. */
  readonly #heard: Client[] = [];
  /** The log written anew as of the mark that is sealed. */
  #anew: readonly LineBytes[] | undefined;

  /** By how much the log grows, in bytes, before it is asked whether to write it anew pays; and what has to be appended for the next time. */
  readonly #grows: number;
  #look: number;

  /** Writes the log anew, as what was read from it says. */
  constructor(log: OrderLog, clients: Clients, stamp: number, mark: number, grows = LOG_COMPACT_BYTES) {
    this.#log = log;
    this.#grows = grows;
    this.#look = grows;
    this.#clients = clients;
    this.#stamp = stamp;
    this.mark = mark;
    this.#compact();
  }

  /** What a step has changed, as one line, or several where it is much. @param count how many orders of `changed` */
  step(changed: readonly ClientOrder[], count: number, changes: readonly Change[], used: readonly UsedId[]): void {
    if (count === 1 && changes.length === 0 && used.length === 0) {
      const order = changed[0]!;
      if (order.change === CHANGED && this.introductions.knows(order.owner)) {
        this.#log.append(this.#lines.of(order));
        return;
      }
    }
    const line = this.#line.begin();
    for (let i = 0; i < count; i++) {
      this.#add(line, changed[i]!);
      if (line.written < LOG_PIECE_BYTES) continue;
      this.#log.append(line.end());
      line.begin();
    }
    if (changes.length > 0) line.add(changes);
    for (let i = 0; i < used.length; i++) line.addId(used[i]!);
    this.#log.append(line.end());
  }

  #add(line: Line, order: ClientOrder): void {
    if (order.change === CHANGED_STATE) {
      line.addFill(order);
      return;
    }
    this.#introduce(line, order.owner);
    line.addOrder(order);
  }

  #introduce(line: Line, client: Client): void {
    if (this.introductions.knows(client)) return;
    const news = this.#news;
    this.introductions.make(client, news);
    if (news.length > 0) line.add(news.splice(0));
  }

  hear(client: Client): void {
    if (client.heard) return;
    client.heard = true;
    this.#heard.push(client);
  }

  /** Has something to write though nothing may have changed: the journal is not to ask for this mark again. */
  touch(): void {
    this.#log.append(NOTHING);
  }

  get pending(): boolean {
    return this.#log.pending;
  }

  /** Throws when the disk refuses; what was to be written is kept. */
  flush(): void {
    const log = this.#log;
    if (this.sealed) {
      this.#flushSealed();
      return;
    }
    if (!log.pending) return;
    log.flush(this.#end());
    this.mark += 1;
    this.#forget();
    if (!this.#isDue()) return;
    log.renew(snapshot(this.#clients, this.#stamp, this.mark));
    this.#begin();
  }

  sync(done: Done): void {
    this.#log.sync(done);
  }

  /** See Venue: what has happened so far is for the next flush. */
  seal(): void {
    const log = this.#log;
    if (this.sealed || !log.pending) return;
    log.seal(this.#end());
    this.sealed = true;
    this.#forget();
    if (!this.#isDue()) return;
    // All orders are now as they are at this mark, and will not be so later.
    this.#anew = Array.from(snapshot(this.#clients, this.#stamp, this.mark + 1), copyOf);
    this.#begin();
  }

  close(): void {
    this.#log.close();
  }

  #flushSealed(): void {
    this.#log.flushSealed();
    if (this.#anew !== undefined) this.#log.renew(this.#anew);
    this.#anew = undefined;
    this.sealed = false;
    this.mark += 1;
  }

  #forget(): void {
    for (let client = this.#heard.pop(); client !== undefined; client = this.#heard.pop()) client.heard = false;
  }

  /** The line that ends a flush. */
  #end(): LineBytes {
    const line = this.#line.begin();
    const heard = this.#heard;
    for (let i = 0; i < heard.length; i++) {
      const client = heard[i]!;
      if (client.ids.size === 0) continue; // nothing of it is kept, and nothing it sent can be done twice
      this.#introduce(line, client);
      line.addTaken(client);
    }
    line.addMark(this.mark + 1);
    return line.end();
  }

  /** Whether the log has doubled, and would be half of that at most if it were written anew: with orders that all rest nothing in it is in vain. */
  #isDue(): boolean {
    const { appended, base, renewing } = this.#log;
    if (renewing || appended <= this.#look || appended <= base) return false;
    const pays = 2 * snapshotBytes(this.#clients) <= base + appended;
    this.#look = this.#grows + (pays ? 0 : appended);
    return pays;
  }

  #compact(): void {
    this.#log.replace(snapshot(this.#clients, this.#stamp, this.mark));
    this.#begin();
  }

  /** What comes next stands behind a {@link snapshot}, and may stand behind all before as well. */
  #begin(): void {
    this.introductions.after(this.#clients);
    this.#lines.begin();
  }
}
