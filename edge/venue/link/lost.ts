/** What had to go out of mailboxes that were too full: told of together, as there may be hundreds of thousands at once. */

import { type Frame, read } from './frames.ts';
import type { Waiting } from './kept.ts';
import { LOST_SESSIONS } from './limits.ts';

/** @param sessions frames of each session, of LOST_SESSIONS at most; '' is what was about none, or about further ones */
export type OnLost = (peer: string, count: number, sessions: Readonly<Record<string, number>>) => void;

export class Lost {
  readonly #onLost: OnLost;
  /** By peer, then by session. */
  readonly #frames = new Map<string, Map<string, number>>();

  constructor(onLost: OnLost) {
    this.#onLost = onLost;
  }

  /** @param gone undefined: it has stayed */
  note(peer: string, gone: Waiting | undefined): void {
    if (gone === undefined) return;
    const { frame, session } = gone;
    const of = this.#frames.get(peer) ?? new Map<string, number>();
    this.#frames.set(peer, of);
    const about = session ?? aboutOf(frame);
    const id = of.has(about) || of.size < LOST_SESSIONS ? about : '';
    of.set(id, (of.get(id) ?? 0) + 1);
  }

  tell(): void {
    if (this.#frames.size === 0) return;
    for (const [peer, of] of this.#frames) {
      const count = [...of.values()].reduce((sum, one) => sum + one, 0);
      this.#onLost(peer, count, Object.fromEntries(of));
    }
    this.#frames.clear();
  }
}

function aboutOf(frame: Buffer): string {
  const { session } = read(frame).head as { readonly session?: { readonly id?: string } };
  return session?.id ?? '';
}

/** Numbers that came with nothing, as the other side had to drop what they were of. */
export class Missing {
  /** Since the process began. */
  count = 0;
  #told = 0;

  note({ head }: Frame): void {
    if ((head as { readonly dropped?: boolean }).dropped === true) this.count += 1;
  }

  /** How many there are that have not been told of. */
  news(): number {
    const news = this.count - this.#told;
    this.#told = this.count;
    return news;
  }
}
