/** What happens at the venue without a client's message: the passing of time, and an admin's command to cancel. */

import type { OrdersOf } from '../core/sessions/api.ts';
import type { House } from './house.ts';
import { sessionId } from './sessions.ts';
import { nobody } from './turn.ts';

/** Cancels orders at the venue for a kill or a lock. */
export function cancelling({ turns, venue, sessions, log }: House): (whose: OrdersOf) => void {
  return (whose) =>
    turns.run(() => {
      turns.touch(nobody());
      log.info({ of: whose.of }, 'an admin has orders cancelled');
      try {
        venue.massCancel(
          whose.of === 'session' ? { of: 'session', id: sessionId(whose.key) } : whose,
          turns.now.epochMs,
        );
      } catch (error) {
        sessions.abandon();
        log.error({ error, of: whose.of }, 'orders could not be cancelled');
      }
    });
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
