/**
 * What a venue has to hear of in any case, in its order among the rest: that orders are to be cancelled, and who came and left. Where
 * too much waits, messages of clients go, these do not. Of each session the last of a kind says all that those before it said, so that
 * they are bounded by the number of sessions.
 */

import { CANCEL_ALL, ENDED, MASS_CANCEL, read, STARTED, typeOf } from './frames.ts';

/** A frame for a peer. */
export interface Waiting {
  readonly number: number;
  frame: Buffer;
  /** Which session it is about; undefined: none, or it does not matter. */
  session: string | undefined;
}

/** Those of which a later one on the same session stands for those before it. */
const LAST_ONLY: ReadonlySet<number> = new Set([STARTED, ENDED, CANCEL_ALL]);

export class Kept {
  /** By number, rising. */
  readonly #frames = new Map<number, Waiting>();
  /** Number of the last of its kind and session. */
  readonly #last = new Map<string, number>();

  get count(): number {
    return this.#frames.size;
  }

  /**
   * Takes one that is to go, if it has to stay. Its number is above all that are there.
   * @returns how many bytes went for it; undefined: it may go
   */
  keep(one: Waiting): number | undefined {
    const type = typeOf(one.frame);
    if (type !== MASS_CANCEL && !LAST_ONLY.has(type)) return undefined;
    return this.add(one);
  }

  /** One that has stayed. @returns how many bytes went for it */
  add(one: Waiting): number {
    const { type, head } = read(one.frame);
    this.#frames.set(one.number, one);
    if (!LAST_ONLY.has(type)) return 0;
    const about = `${type} ${(head as { readonly session: { readonly id: string } }).session.id}`;
    const before = this.#frames.get(this.#last.get(about) ?? 0);
    this.#last.set(about, one.number);
    if (before === undefined) return 0;
    this.#frames.delete(before.number);
    return before.frame.length;
  }

  *after(number: number): Generator<Waiting> {
    for (const one of this.#frames.values()) if (one.number > number) yield one;
  }

  /** The peer has all up to this number. @returns their bytes */
  acked(number: number): number {
    let bytes = 0;
    for (const [at, { frame }] of this.#frames) {
      if (at > number) break;
      this.#frames.delete(at);
      bytes += frame.length;
    }
    if (this.#frames.size === 0) this.#last.clear();
    return bytes;
  }

  clear(): void {
    this.#frames.clear();
    this.#last.clear();
  }
}
