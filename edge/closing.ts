/** The orderly end of an edge. */

import type { Timer, Timers } from '../core/time.ts';
import type { Acceptor } from './acceptor.ts';
import type { Doors } from './arrival.ts';
import type { Blocks } from './blocks.ts';
import type { House } from './house.ts';
import type { WatchServer } from './http.ts';
import type { Journal } from './journal/journal.ts';
import { DRAIN_LOGOUT_MS, DRAIN_MS, FAST_DRAIN_MS, TICK_MS } from './limits.ts';
import type { Numbers } from './numbers.ts';
import type { EdgeParts } from './parts.ts';
import { nextMark } from './resubmit.ts';
import type { Estates } from './takeover/estates.ts';
import { nobody } from './turn.ts';
import type { Venue } from './venue/venue.ts';

/** What is closed at the end. */
export interface Opened {
  acceptor?: Acceptor;
  http?: WatchServer;
  doors?: Doors;
  readonly numbers: Numbers;
  readonly blocks: Blocks;
  readonly journal: Journal;
  readonly estates: Estates | undefined;
  readonly venueTime: Timer;
}

const SHUTTING_DOWN = 'Gateway is shutting down, log on again';

/** Logs clients out and gives them a moment, has the gate give everything back, then closes journal and venue. */
export async function closeAll(
  house: House,
  { archive, timers, clock, log }: EdgeParts,
  { acceptor, http, doors, numbers, blocks, journal, estates, venueTime }: Opened,
  ticking: readonly Timer[],
  fast: boolean,
): Promise<void> {
  const { gate, live, lobby, venue, turns } = house;
  const patience = fast ? FAST_DRAIN_MS : DRAIN_MS;
  const end = clock.monotonic() + patience;
  const step = async (what: string, work: () => unknown): Promise<void> => {
    try {
      await within(Promise.resolve(work()), Math.max(100, end - clock.monotonic()), timers);
    } catch (error) {
      log.error({ error, step: what }, 'a step of the drain failed');
    }
  };
  acceptor?.close();
  doors?.tls?.close();
  gate.drain();
  for (const guest of [...lobby.all()]) guest.evict();
  for (const connection of [...live.values()]) {
    if (fast) connection.end('drain', SHUTTING_DOWN);
    else connection.logout('drain', SHUTTING_DOWN);
  }
  if (!fast) await step('logout', () => emptied(live, timers, DRAIN_LOGOUT_MS));
  for (const connection of [...live.values()]) connection.end('drain', SHUTTING_DOWN);
  await step('archive', () => archive?.stop());
  venueTime.cancel();
  // The store accepts no journal of an edge that has stopped.
  await step('commit', () => committed(house, journal, timers));
  // Both write thousands of rows, and do not depend on each other.
  await Promise.all([
    step('gate', () => gate.stop()),
    step('numbers', () => Promise.all([numbers.finish(), blocks.finish()])),
  ]);
  await step('venue', () => {
    if (journal.later === undefined) written(venue, journal);
    return venue.close();
  });
  await step('journal', () => {
    turns.retire();
    journal.later?.forsake();
    return journal.close();
  });
  await step('estates', () => estates?.close());
  for (const timer of ticking) timer.cancel();
  await step('http', () => http?.close());
}

/** Resolves when the journal is durable. If the edge was declared dead the rest never will be; none of it has left. */
async function committed({ turns, gate }: House, journal: Journal, timers: Timers): Promise<void> {
  turns.run(() => {
    turns.touch(nobody());
    journal.endAhead();
  });
  const { later } = journal;
  const look = (): void => {
    if (gate.state === 'fenced') later?.forsake();
  };
  look();
  const looking = timers.every(TICK_MS, look);
  try {
    await later?.drained();
  } finally {
    looking.cancel();
  }
}

/**
 * The journal first, as ever: without it the venue writes nothing, and neither has happened. Of one that is answered later the
 * commit was the end: a venue elsewhere tells again what it has told since, to whoever has the session next.
 */
function written(venue: Venue, journal: Journal): void {
  journal.flush(nextMark(venue));
  venue.flush();
}

/** Resolves when no session is left, or after `ms`. */
async function emptied(live: ReadonlyMap<string, unknown>, timers: Timers, ms: number): Promise<void> {
  for (let waited = 0; live.size > 0 && waited < ms; waited += TICK_MS) {
    await new Promise<void>((resolve) => void timers.after(TICK_MS, resolve));
  }
}

function within<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = timers.after(ms, () => reject(new Error(`it took longer than ${Math.round(ms)} ms`)));
    work.then(resolve, reject).finally(() => late.cancel());
  });
}
