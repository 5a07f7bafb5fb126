/** What happens at the venue without a client's message: the passing of time, and an admin's command to cancel. */

import type { Done, OrdersOf } from '../core/sessions/api.ts';
import type { House } from './house.ts';
import { sessionId } from './sessions.ts';
import { nobody } from './turn.ts';

/**
 * Cancels orders at the venue for a kill or a lock. What is returned says whether that is on the venue's own disk; where the venue
 * failed, it tries again each time.
 */
export function cancelling({ turns, venue, sessions, log }: House): (whose: OrdersOf, askedAt?: number) => Done {
  /** @returns the mark of the flush that it is in; undefined: it failed */
  const asked = (whose: OrdersOf, askedAt: number | undefined): number | undefined => {
    const how = askedAt === undefined ? {} : { asked_at: askedAt };
    const named = whose.of === 'session' ? { of: whose.of, id: sessionId(whose.key) } : whose;
    let mark: number | undefined;
    turns.run(() => {
      turns.touch(nobody());
      try {
        venue.massCancel(named, turns.now.epochMs, how);
        mark = (venue.mark ?? 0) + (venue.sealed ? 1 : 0) + (venue.pending ? 1 : 0);
      } catch (error) {
        sessions.abandon();
        log.error({ error, of: whose.of }, 'orders could not be cancelled');
      }
    });
    return mark;
  };
  return (whose, askedAt) => {
    log.info({ of: whose.of }, 'an admin has orders cancelled');
    let mark = asked(whose, askedAt);
    return () => {
      mark ??= asked(whose, askedAt);
      return mark !== undefined && (venue.had ?? venue.mark ?? mark) >= mark;
    };
  };
}

/**
 * Gives the venue its ticks. An exception concerns no connection: it is logged, and the next tick tries again. What a tick changes is
 * written whether or not a client is logged on.
 */
export function venueTime({ turns, venue, attendance, sessions, log }: House): () => void {
  const player = nobody();
  const step = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      sessions.abandon();
      log.error({ error }, 'the venue failed in its own time');
    }
  };
  const tick = (): void => {
    turns.touch(player);
    step(() => attendance.tick(turns.now));
    step(() => void venue.tick(turns.now.epochMs));
  };
  return () => turns.run(tick);
}
