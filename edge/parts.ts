/** What an edge is put together from: the gate and its adapters, the journal, the venue, the clock. */

import type { SessionStore } from './fix/session/ports.ts';

/** Where sessions keep what must survive (journal/). */
export interface EdgeJournal {
  /** The durable part of a session, by its key; the same object each time while it is in use. */
  session(key: string): SessionStore;
  /** One synchronous write of everything appended since the last one. Throws when it cannot be written. */
  flush(): void;
  readonly healthy: boolean;
  close(): Promise<void>;
}
