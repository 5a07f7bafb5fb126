/** When numbers of a FIX session may begin anew, and have to: once when its day is over, and when its client asks for it. */
import type { FixMessage } from '../../local/fix-client.ts';
import type { DayPlan } from '../plan.ts';

/** Clocks of edges and of clients are off by up to so much. */
export const EPSILON_MS = 12;

/** A Logon that is answered. */
export interface Answered {
  /** True time at which it reached the edge, and now. */
  readonly since: number;
  readonly now: number;
}

/** Since the numbers of the moment began. */
export interface Begun {
  /** True time of the answer to the Logon with which they did. */
  readonly at: number;
  /** That was the schedule's doing, or the session is of the new day from its first Logon on. */
  readonly scheduled: boolean;
}

export class Calendar {
  readonly #day: DayPlan | undefined;

  constructor(day: DayPlan | undefined) {
    this.#day = day;
  }

  /** Numbers begin, for the first time or anew. */
  begun(answer: FixMessage, { since, now }: Answered, before: Begun | undefined): Begun {
    const opensAt = this.#day?.opensAt;
    if (opensAt === undefined || before?.scheduled === true) return { at: now, scheduled: before?.scheduled === true };
    const bySchedule = before !== undefined && answer.get(141) !== 'Y';
    // A first Logon, or a client that asks for it, leaves the schedule nothing to do, unless that edge's clock is behind.
    return { at: now, scheduled: now >= opensAt - EPSILON_MS && (bySchedule || since >= opensAt + EPSILON_MS) };
  }

  /** @param anew whether the Logon is answered under numbers that begin anew @returns what is wrong with that */
  wrong(answer: FixMessage, { since, now }: Answered, before: Begun, anew: boolean): string | undefined {
    const opensAt = this.#day?.opensAt;
    if (anew) {
      if (answer.get(141) === 'Y') return undefined;
      if (opensAt === undefined || now < opensAt - EPSILON_MS) return 'numbers begin anew, and no day is over';
      return before.scheduled ? 'numbers begin anew a second time for one day' : undefined;
    }
    if (opensAt === undefined || since < opensAt + EPSILON_MS || before.at >= opensAt - EPSILON_MS) return undefined;
    return `the day was over ${(since - opensAt).toFixed(0)} ms before, and its numbers go on`;
  }
}
