/** Defects around the end of a day: numbers that begin anew, and orders that end by time. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VenueSession } from '../edge/venue/venue.ts';
import { heldAs } from './moving-mutations.ts';
import type { Mutation } from './mutation.ts';
import { over, overSessions } from './over.ts';

const DAY_MS = 86_400_000;
const WRITTEN_LATER_MS = 1_000;
/** Of an order in the log, behind its account and before its place: when it ends. */
const ENDS_AT = /(?<=",)\d{13}(?=,)/g;

const dayOf = (epochMs: number): number => Math.floor(epochMs / DAY_MS);

/** Says, of each time that it is told, whether a day has ended since the one before. */
function dayEnds(): (now: number) => boolean {
  let day = Number.NaN;
  return (now) => {
    const before = day;
    day = dayOf(now);
    return before < day;
  };
}

export const DAYS: readonly Mutation[] = [
  {
    name: 'reset_undated',
    what: 'when numbers began anew is not kept: each Logon of the new day has them begin anew',
    breaks: 'numbers',
    journal: (journal) => overSessions(journal, ({ createdAt }) => ({ createdAt })),
  },
  {
    name: 'day_left_behind',
    what: 'who takes a session over takes its numbers for those of the day of the move',
    breaks: 'numbers',
    journal: (journal, process) =>
      over(journal, {
        export(key, after) {
          const state = journal.export(key, after);
          return state && { ...state, createdAt: process.machine.clock.now() };
        },
      }),
  },
  {
    name: 'block_undated',
    what: 'who goes on above the block of a journal that is lost takes its numbers for those of the moment',
    breaks: 'numbers',
    ports: heldAs((holding) => {
      const { reserved } = holding;
      return reserved === undefined ? holding : { ...holding, reserved: { ...reserved, began: undefined } };
    }),
  },
  {
    name: 'expiry_forgotten',
    what: 'a venue that begins again does not know when the orders end that it has',
    breaks: 'end of day',
    boot(directory) {
      for (const path of [join(directory, 'orders.jsonl'), join(directory, 'venue', 'orders.jsonl')])
        if (existsSync(path)) writeFileSync(path, readFileSync(path, 'latin1').replace(ENDS_AT, 'null'), 'latin1');
    },
  },
  {
    name: 'expiry_written_later',
    what: 'the venue tells of orders that the end of the day has ended before that is on its disk, which follows a moment later',
    breaks: 'end of day',
    exchange(venue, process) {
      const ends = dayEnds();
      let writesAt = 0;
      return over(venue, {
        tick(now) {
          if (ends(now)) writesAt = now + WRITTEN_LATER_MS;
          return venue.tick(now);
        },
        flush() {
          if (process.machine.clock.now() >= writesAt) venue.flush();
        },
      });
    },
  },
  {
    name: 'expiry_flushed_anyway',
    what: 'the end of the day flushes the venue at once, whether or not what keeps its reports has them',
    breaks: 'end of day',
    exchange(venue) {
      const ends = dayEnds();
      return over(venue, {
        tick(now) {
          const next = venue.tick(now);
          if (ends(now)) venue.flush();
          return next;
        },
      });
    },
  },
  {
    name: 'day_ended_by_two',
    what: 'each edge ends the orders of its sessions at the end of the day by its own clock, beside the venue',
    breaks: 'cancel on disconnect',
    venue(venue) {
      const ends = dayEnds();
      const sessions = new Map<string, VenueSession>();
      return over(venue, {
        sessionStarted(session, now) {
          sessions.set(session.id, session);
          venue.sessionStarted(session, now);
        },
        tick(now) {
          if (ends(now)) for (const session of sessions.values()) venue.cancelAll(session, now);
          return venue.tick(now);
        },
      });
    },
  },
];
