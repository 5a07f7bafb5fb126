/** The sessions of a journal by name. Sessions that have moved to the other journal (pair.ts) keep their index in this one. */

import type { FileSession } from './session.ts';

export class Roll {
  readonly #here = new Map<string, FileSession>();
  readonly #gone = new Map<string, FileSession>();

  get size(): number {
    return this.#here.size;
  }

  get(key: string): FileSession | undefined {
    return this.#here.get(key);
  }

  keys(): Iterable<string> {
    return this.#here.keys();
  }

  add(session: FileSession): void {
    this.#here.set(session.key, session);
  }

  /** To be called after recovery. */
  settle(): void {
    for (const session of [...this.#here.values()]) if (session.gone) this.#part(session);
  }

  /** @throws JournalError `tail_full` */
  remove(key: string): void {
    const session = this.#here.get(key);
    if (session === undefined) return;
    session.leave();
    this.#part(session);
  }

  /** A session that was in this journal before comes back. @throws JournalError `tail_full` */
  back(key: string, epochMs: number): FileSession | undefined {
    const session = this.#gone.get(key);
    if (session === undefined) return undefined;
    session.comeBack(epochMs);
    this.#gone.delete(key);
    this.#here.set(key, session);
    return session;
  }

  #part(session: FileSession): void {
    this.#here.delete(session.key);
    this.#gone.set(session.key, session);
  }
}
