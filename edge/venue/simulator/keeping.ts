/** How the exchange keeps its log: flushes with marks, how far the messages of sessions have been seen, and compaction. */

import { LOG_COMPACT_BYTES } from '../limits.ts';
import type { Client, Clients } from './clients.ts';
import { type Change, Introductions, type OrderLog, snapshot, takenChange } from './log.ts';

export class Keeping {
  /** Of the last flush that is on disk. */
  mark: number;
  readonly introductions = new Introductions();
  readonly #log: OrderLog;
  readonly #clients: Clients;
  readonly #stamp: number;
  /** Sessions whose messages came since then. */
  readonly #heard = new Set<Client>();

  /** Writes the log anew, as what was read from it says. */
  constructor(log: OrderLog, clients: Clients, stamp: number, mark: number) {
    this.#log = log;
    this.#clients = clients;
    this.#stamp = stamp;
    this.mark = mark;
    this.#compact();
  }

  /** A JSON array of changes. */
  append(line: string): void {
    this.#log.append(line);
  }

  hear(client: Client): void {
    this.#heard.add(client);
  }

  /** Has something to write though nothing may have changed: the journal is not to ask for this mark again. */
  touch(): void {
    this.append('[]');
  }

  get pending(): boolean {
    return this.#log.pending;
  }

  /** Throws when the disk refuses; what was to be written is kept. */
  flush(): void {
    const log = this.#log;
    if (!log.pending) return;
    const last: Change[] = [];
    for (const client of this.#heard) {
      if (client.ids.size === 0) continue; // nothing of it is kept, and nothing it sent can be done twice
      this.introductions.make(client, last);
      last.push(takenChange(client));
    }
    last.push(['mark', this.mark + 1]);
    log.flush(JSON.stringify(last));
    this.mark += 1;
    this.#heard.clear();
    // Rewriting costs what is kept: it must not come more often than the log doubles.
    if (log.appended > LOG_COMPACT_BYTES && log.appended > log.base) this.#compact();
  }

  close(): void {
    this.flush();
    this.#log.close();
  }

  #compact(): void {
    this.#log.replace(snapshot(this.#clients, this.#stamp, this.mark));
    this.introductions.after(this.#clients);
  }
}
