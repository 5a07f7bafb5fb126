/** What happens at the venue though no client asked for it: its own time, and an admin's word. */

import type { OrdersOf } from '../core/sessions/api.ts';
import type { House } from './house.ts';
import { sessionId } from './sessions.ts';
import type { Player } from './turn.ts';

/** What an admin's kill or lock does at the venue; its reports are written as those of the venue's own time are. */
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

/** Stands for who is told what a turn has made, when nobody may be there: the turn is written all the same. */
function nobody(): Player {
  return { dirty: false, settle() {}, writeOut() {}, unwritable() {} };
}

/**
 * A venue's defect in its own time concerns no connection: it is logged, and met again at the next tick. What time
 * does is written whether or not anybody is there to be told.
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
