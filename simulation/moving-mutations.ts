/** Defects around sessions that move, the venue that edges share, and journals in the store. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Holding } from '../core/sessions/model.ts';
import { BLOCK_NUMBERS } from '../edge/limits.ts';
import { ENDED, frameOf, STARTED, setNumber, Unframer } from '../edge/venue/link/frames.ts';
import * as heads from '../edge/venue/link/heads.ts';
import { LINK_FILE } from '../edge/venue/link/mailroom.ts';
import type { Mutation } from './mutation.ts';
import { over, overSessions } from './over.ts';
import { isJournalFence, spoiling } from './tampering.ts';

/** A frame in a log of a link. */
const FRAME = /(?<=\["out","venue",\d+,")[^"]+/g;

/** That a client is there is not said; that it has left is harmless. */
function unsaid(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  const [frame] = new Unframer().add(bytes);
  if (frame?.type !== STARTED) return text;
  const { session } = heads.aboutSession.parse(frame.head);
  const left = frameOf(ENDED, JSON.stringify({ session }));
  setNumber(left, frame.number);
  return left.toString('base64');
}

/** What an edge hears about a session that it has taken. */
export function heldAs(see: (holding: Holding, edgeId: string) => Holding): NonNullable<Mutation['ports']> {
  return (ports) => {
    const { slots } = ports;
    /** Epochs as the store has them, by session. */
    const epochs = new Map<string, number>();
    return {
      ...ports,
      slots: {
        ...slots,
        async take(session, ...more) {
          const result = await slots.take(session, ...more);
          if (result.result !== 'taken') return result;
          epochs.set(session.session_id, result.holding.epoch);
          return { ...result, holding: see(result.holding, session.edge_id) };
        },
        settle: (session, epoch, reserved) => slots.settle(session, epochs.get(session.session_id) ?? epoch, reserved),
      },
    };
  };
}

const WRITTEN_LATER_MS = 100;

export const MOVES: readonly Mutation[] = [
  {
    name: 'epoch_not_raised',
    what: 'whoever takes a session speaks for it under the epoch of the one before',
    breaks: 'reports',
    ports: heldAs((holding) => ({ ...holding, epoch: 1 })),
  },
  {
    name: 'venue_unfenced',
    what: 'the venue does not keep the epoch of who speaks for a session, and takes older ones',
    breaks: 'reports',
    mailroom: (mailroom) =>
      over(mailroom, { own: (session, edge, _epoch, there) => mailroom.own(session, edge, 0, there) }),
  },
  {
    name: 'state_unasked',
    what: 'an edge that takes a session does not ask for what the edge before has of it',
    breaks: 'numbers',
    ports: heldAs(({ epoch }, edgeId) => ({ epoch, home: edgeId, from: edgeId })),
  },
  {
    name: 'block_begun_anew',
    what: 'an edge that takes a session whose journal is lost goes on where the block of numbers began, not above its end',
    breaks: 'numbers',
    ports: heldAs((holding, edgeId) => {
      const { home, reserved } = holding;
      if (reserved === undefined || home === edgeId) return holding;
      return { ...holding, reserved: { ...reserved, out: Math.max(2, reserved.out - BLOCK_NUMBERS) } };
    }),
  },
  {
    name: 'refused_forgotten',
    what: 'an edge that takes a session back does not look for what the venue has refused meanwhile',
    breaks: 'reports',
    ports: heldAs((holding, edgeId) => (holding.home === edgeId ? { ...holding, from: edgeId } : holding)),
  },
  {
    name: 'orders_left_behind',
    what: 'orders that the venue has not had do not go along with their session',
    breaks: 'reports',
    journal: (journal) => over(journal, { export: (key) => journal.export(key) }),
  },
  {
    name: 'reports_left_behind',
    what: 'reports that wait for their client do not go along with the session',
    breaks: 'reports',
    journal: (journal) =>
      over(journal, {
        export(key, after) {
          const state = journal.export(key, after);
          return state && { ...state, waiting: [] };
        },
      }),
  },
  {
    name: 'told_twice',
    what: 'a report that comes again is not known by its number',
    breaks: 'reports',
    journal: (journal) => over(journal, { told: () => 0 }),
  },
  {
    name: 'acknowledged_early',
    what: 'the venue acknowledges what it has done before its mailboxes are on disk, which follows a moment later',
    breaks: 'reports',
    mailroom: (mailroom, process) => {
      let waits = false;
      return over(mailroom, {
        box(peer) {
          const box = mailroom.box(peer);
          return over(box, {
            get acknowledgeable() {
              return box.received;
            },
          });
        },
        flush(mark) {
          if (waits) return;
          waits = true;
          process.timers.after(WRITTEN_LATER_MS, () => {
            waits = false;
            mailroom.flush(mark);
          });
        },
      });
    },
  },
  {
    name: 'mark_forgotten',
    what: 'an edge that begins takes back what its venue has, with the last flush before',
    breaks: 'numbers',
    journal: (journal) =>
      over(journal, { settle: (mark) => journal.settle(mark === undefined ? mark : Math.max(0, mark - 1)) }),
  },
  {
    name: 'durable_unawaited',
    what: 'messages leave when they are on their way to the store, not when it has them',
    breaks: 'numbers',
    journal: (journal) => {
      const { later } = journal;
      if (later === undefined) return journal;
      const released = over(later, {
        get released() {
          return later.ticket;
        },
      });
      return over(journal, { later: released });
    },
  },
  {
    name: 'journal_unfenced',
    what: 'an edge that was declared dead, or lost sessions to others, goes on writing its journal in the store',
    breaks: 'numbers',
    tamper: spoiling((kind, change) => (kind === 'ConditionCheck' && isJournalFence(change) ? undefined : change)),
  },
  {
    name: 'revocation_unasked',
    what: 'an edge writes its journal in the store without asking whether sessions were taken from it',
    breaks: 'numbers',
    tamper: spoiling((kind, change) =>
      kind === 'ConditionCheck' && isJournalFence(change)
        ? { ...change, ConditionExpression: (change.ConditionExpression ?? '').replace(/ AND .*/, '') }
        : change,
    ),
  },
  {
    name: 'revoked_speaks',
    what: 'an edge that hears that a session was taken from it tells its client the rest',
    breaks: 'numbers',
    journal: (journal) => {
      const { later } = journal;
      if (later === undefined) return journal;
      const attend: typeof later.attend = (attendant) => later.attend(over(attendant, { revoked() {} }));
      return over(journal, { later: over(later, { attend }) });
    },
  },
  {
    name: 'read_unrevoked',
    what: 'a session is read out of the journal of an edge that hangs without being taken from it first',
    breaks: 'numbers',
    ports: (ports) => ({ ...ports, journals: { ...ports.journals, revoke: async () => 'done' } }),
  },
  {
    name: 'death_awaited',
    what: 'a session is not taken from an edge that hangs before that is declared dead',
    breaks: 'decision',
    ports: (ports) => ({ ...ports, journals: { ...ports.journals, revoke: async () => 'fenced' } }),
  },
  {
    name: 'inside_the_block',
    what: 'who takes a session over from the journal of another edge goes on where that ends, and not above the numbers it reserved',
    breaks: 'numbers',
    estate: (state) => state && { ...state, nextOut: (state.sent.at(-1)?.msgSeqNum ?? state.nextOut - 1) + 1 },
  },
  {
    name: 'block_unawaited',
    what: 'messages leave ahead of the journal without waiting for the block of numbers that they are out of',
    breaks: 'numbers',
    journal: (journal) => overSessions(journal, () => ({ ahead: true })),
  },
  {
    name: 'together_forgotten',
    what: 'of sessions that are given away together all but the first begin with nothing',
    breaks: 'numbers',
    journal: (journal, process) => {
      let at = Number.NaN;
      return over(journal, {
        export(key, after) {
          const now = process.machine.clock.monotonic();
          const [first, state] = [at !== now, journal.export(key, after)];
          at = now;
          return first ? state : undefined;
        },
      });
    },
  },
  {
    name: 'grace_runs_on',
    what: 'orders of who was away are cancelled when the grace would be over, although the session is back, here or elsewhere',
    breaks: 'cancel on disconnect',
    venue: (venue, process) =>
      over(venue, {
        sessionEnded(session, now) {
          venue.sessionEnded(session, now);
          const { cancel_after_ms } = session;
          if (cancel_after_ms === undefined) return;
          process.timers.after(cancel_after_ms, () => venue.cancelAll(session, process.machine.clock.now()));
        },
      }),
  },
  {
    name: 'grace_of_two',
    what: 'an edge whose session went elsewhere goes on owning its grace, and the venue takes its word for it',
    breaks: 'cancel on disconnect',
    venue: (venue, process) => {
      const here = new Set<string>();
      return over(venue, {
        sessionStarted(session, now) {
          here.add(session.id);
          venue.sessionStarted(session, now);
        },
        sessionEnded(session, now) {
          here.delete(session.id);
          venue.sessionEnded(session, now);
          const { cancel_after_ms } = session;
          if (cancel_after_ms === undefined) return;
          const own = { ...session, epoch: Number.MAX_SAFE_INTEGER };
          process.timers.after(cancel_after_ms, () => {
            if (!here.has(session.id)) venue.cancelAll(own, process.machine.clock.now());
          });
        },
      });
    },
  },
  {
    name: 'nobody_counts',
    what: 'an edge has no orders cancelled of who does not come back',
    breaks: 'cancel on disconnect',
    venue: (venue) => over(venue, { cancelAll() {} }),
  },
  {
    name: 'start_unsaid',
    what: 'who was on while an edge had no link is forgotten with its process, and the next one does not tell the venue',
    breaks: 'cancel on disconnect',
    boot(directory) {
      const path = join(directory, 'venue', LINK_FILE);
      if (existsSync(path)) writeFileSync(path, readFileSync(path, 'latin1').replace(FRAME, unsaid), 'latin1');
    },
  },
];
