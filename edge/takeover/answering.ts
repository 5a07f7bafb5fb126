/** Answers what other edges ask about sessions here (core/sessions/model.ts, Question). */

import type { EdgeRegistry } from '../../core/ports.ts';
import type { JournalStore, Revocation } from '../../core/sessions/journal-store.ts';
import type { Answer, Asked } from '../../core/sessions/model.ts';
import type { Clock, Random, Timers } from '../../core/time.ts';
import type { House } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import type { KeyBox } from '../journal/keys.ts';
import { DECIDED_SOON_MS, PROBED_MS } from '../limits.ts';
import { epochOf, sessionId, TAKEN_OVER } from '../sessions.ts';
import { probed } from './holders.ts';
import { afterOf, flushAll } from './mover.ts';
import { wrapped } from './parcel.ts';

export interface AnsweringParts {
  readonly house: Pick<House, 'live' | 'log' | 'turns' | 'sessions' | 'mover'>;
  readonly journal: Journal;
  readonly edges: Pick<EdgeRegistry, 'tellAnswer'>;
  readonly store: Pick<JournalStore, 'leave'>;
  readonly box: KeyBox;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

const pause = (timers: Timers, ms: number): Promise<undefined> =>
  new Promise((resolve) => void timers.after(ms, () => resolve(undefined)));

/** Never rejects: an edge that is not answered takes it for a no. */
export function answering(parts: AnsweringParts): (asked: Asked) => Promise<void> {
  const { house, edges, clock, timers } = parts;
  const decided = (asked: Asked): Promise<Answer> =>
    asked.type === 'probe' ? isThere(parts, asked) : givenAway(parts, asked);
  return async (asked) => {
    const tell = (answer: Answer): Promise<void> => edges.tellAnswer(asked.id, answer, clock.now());
    try {
      const deciding = decided(asked);
      // Where the store is away for the word before it, nobody is left to hear this one.
      deciding.catch(() => {});
      // What is decided at once needs no other word before it.
      const soon = await Promise.race([deciding, pause(timers, DECIDED_SOON_MS)]);
      if (soon === undefined) await tell({ said: 'acknowledged' });
      await tell(soon ?? (await deciding));
    } catch (error) {
      house.log.warn({ error, asked: asked.type }, 'another edge could not be answered');
      await tell({ said: 'failed' }).catch(() => {});
    }
  };
}

async function isThere({ house }: AnsweringParts, { session_id }: Extract<Asked, { type: 'probe' }>): Promise<Answer> {
  const holder = house.live.get(session_id);
  const there = holder !== undefined && (await probed(holder, PROBED_MS));
  return { said: there ? 'there' : 'gone' };
}

/**
 * Ends the session here and hands over all of it. From here on nothing of it is written here; what the other edge makes of
 * it is its own. Asked again, it is given again: the one that asked may have died.
 */
async function givenAway(parts: AnsweringParts, asked: Extract<Asked, { type: 'yield' }>): Promise<Answer> {
  const { house, journal, store, box, clock, random } = parts;
  const { sessions, turns, mover, log } = house;
  const { epoch, after, id: ask } = asked;
  const id = sessionId(asked.key);
  // A question that has been overtaken: it has come back since.
  if (mover.hereBy(id) > epoch) return { said: 'failed' };
  sessions.known(id)?.holder?.end('superseded', TAKEN_OVER);
  if (sessions.known(id)?.holder !== undefined) throw new Error('the session does not end');
  flushAll(turns);
  const state = journal.export(id, afterOf(after));
  // The same, where a process before this one had it back: what the venue has for it is told here.
  if (state !== undefined && epochOf(state.terms.about) > epoch) return { said: 'failed' };
  mover.left(id);
  sessions.gaveAway(id, epoch);
  if (state === undefined) return { said: 'nothing' };
  const parcel = await wrapped({ box, session: id, epoch }, state, (length) => random.bytes(length));
  await store.leave(ask, parcel, clock.now());
  const bytes = parcel.reduce((sum, part) => sum + part.length, 0);
  log.info(
    { session: id, epoch, messages: state.sent.length, waiting: state.waiting.length, bytes },
    'a session has gone to another edge',
  );
  return { said: 'yielded' };
}

/**
 * Other edges have taken these sessions without waiting for this one. Their clients hear nothing more here, not even that:
 * a Logout would have a number that is given elsewhere.
 */
export function taken(
  { turns, sessions, mover, metrics, log }: Pick<House, 'turns' | 'sessions' | 'mover' | 'metrics' | 'log'>,
  revocations: readonly Revocation[],
): void {
  for (const { session, epoch } of revocations) {
    // It has come back since.
    if (mover.hereBy(session) > epoch) continue;
    const holder = sessions.known(session)?.holder;
    // One that has ended, by itself or to be given away, may have yet to say what it had to.
    sessions.leaver(session)?.forsake?.();
    if (holder !== undefined) {
      turns.run(() => holder.end('superseded', TAKEN_OVER));
      holder.forsake?.();
      log.warn({ session, epoch }, 'another edge has taken a session that this one had');
    }
    metrics.gate.wrested('others');
    mover.left(session);
    sessions.gaveAway(session, epoch);
  }
}
