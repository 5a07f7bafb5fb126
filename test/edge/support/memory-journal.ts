/** A journal that keeps sessions for as long as the test keeps it: an edge that is started over it again finds them. */
import type { EdgeJournal } from '../../../edge/parts.ts';
import { MemorySessionStore } from '../fix/session/memory-store.ts';

export class MemoryJournal implements EdgeJournal {
  healthy = true;
  flushes = 0;
  readonly sessions = new Map<string, MemorySessionStore>();

  session(key: string): MemorySessionStore {
    const known = this.sessions.get(key) ?? new MemorySessionStore();
    this.sessions.set(key, known);
    return known;
  }

  flush(): void {
    if (!this.healthy) throw new Error('the test took the disk away');
    this.flushes += 1;
  }

  async close(): Promise<void> {}
}
