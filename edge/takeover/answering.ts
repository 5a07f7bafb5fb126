/** Answers what other edges ask about sessions here (core/sessions/model.ts, Question). */

import type { EdgeRegistry } from '../../core/ports.ts';
import type { JournalStore, Revocation } from '../../core/sessions/journal-store.ts';
import type { Answer, Asked, Yielding } from '../../core/sessions/model.ts';
import type { Clock, Random, Timers } from '../../core/time.ts';
import type { House } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import type { KeyBox } from '../journal/keys.ts';
import type { SessionState } from '../journal/session-state.ts';
import { DECIDED_SOON_MS, MOVED_TOGETHER_BYTES, PROBED_MS } from '../limits.ts';
import { epochOf, sessionId, TAKEN_OVER } from '../sessions.ts';
import { probed } from './holders.ts';
import { afterOf, flushAll } from './mover.ts';
import { type Moved, wrapped, wrappedMany } from './parcel.ts';

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
  const decided = (asked: Asked): Promise<Answer> => {
    if (asked.type === 'probe') return isThere(parts, asked);
    return asked.type === 'yield' ? givenAway(parts, asked) : allGivenAway(parts, asked);
  };
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

/** Ends the session here and hands over all of it. */
async function givenAway(parts: AnsweringParts, asked: Extract<Asked, { type: 'yield' }>): Promise<Answer> {
  const { store, box, clock, random, house } = parts;
  const [one] = released(parts, [asked]);
  if (one === undefined) return { said: 'failed' };
  const { session, epoch, state } = one;
  if (state === undefined) return { said: 'nothing' };
  const parcel = await wrapped({ box, session, epoch }, state, (length) => random.bytes(length));
  await store.leave(asked.id, parcel, clock.now());
  const bytes = bytesOf(parcel);
  house.log.info(
    { session, epoch, messages: state.sent.length, waiting: state.waiting.length, bytes },
    'a session has gone to another edge',
  );
  return { said: 'yielded' };
}

/** The same of several, in one parcel. */
async function allGivenAway(parts: AnsweringParts, asked: Extract<Asked, { type: 'yield_many' }>): Promise<Answer> {
  const { store, box, clock, random, house } = parts;
  const { id: ask, sessions } = asked;
  const gone = released(parts, sessions);
  if (gone.length === 0) return { said: 'failed' };
  if (gone.length === sessions.length && gone.every(({ state }) => state === undefined)) return { said: 'nothing' };
  const parcel = await wrappedMany({ box, ask }, gone, (length) => random.bytes(length));
  await store.leave(ask, parcel, clock.now());
  const counts = { sessions: gone.length, asked: sessions.length, bytes: bytesOf(parcel) };
  house.log.info(counts, 'sessions have gone to another edge');
  return { said: 'yielded' };
}

const bytesOf = (parcel: readonly Uint8Array[]): number => parcel.reduce((sum, part) => sum + part.length, 0);

/**
 * Ends sessions here, and shows all of each. From here on nothing of them is written here; what the other edge makes of them
 * is its own. Asked again, they are given again: the one that asked may have died. Those that are not shown are not to be given away, or not
 * this time.
 */
function released({ house, journal }: AnsweringParts, asked: readonly Yielding[]): readonly Moved[] {
  const { sessions, turns, mover, log } = house;
  const ours = asked
    .map((one) => ({ ...one, session: sessionId(one.key) }))
    // A question that has been overtaken: it has come back since.
    .filter(({ session, epoch }) => mover.hereBy(session) <= epoch);
  turns.run(() => {
    for (const { session } of ours) sessions.known(session)?.holder?.end('superseded', TAKEN_OVER);
  });
  flushAll(turns);
  const gone: Moved[] = [];
  let bytes = 0;
  for (const { session, epoch, after } of ours) {
    if (bytes > MOVED_TOGETHER_BYTES) break;
    try {
      if (sessions.known(session)?.holder !== undefined) throw new Error('the session does not end');
      const state = journal.export(session, afterOf(after));
      // Overtaken, too, where a process before this one had it back: what the venue has for it is told here.
      if (state !== undefined && epochOf(state.terms.about) > epoch) continue;
      mover.left(session);
      sessions.gaveAway(session, epoch);
      gone.push({ session, epoch, state });
      bytes += state === undefined ? 0 : weightOf(state);
    } catch (error) {
      log.warn({ error, session, epoch }, 'a session cannot be given away');
    }
  }
  return gone;
}

/** Bytes of its messages. */
function weightOf({ sent, waiting, submitted }: SessionState): number {
  let bytes = 0;
  for (const { message } of sent) bytes += message.length;
  for (const { message } of waiting) bytes += message.length;
  for (const { message } of submitted) bytes += message.length;
  return bytes;
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
