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

/** Never rejects. An edge that gets no answer treats that as a refusal. */
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
      // If the store was away for the acknowledgement, the asking edge has given up by now.
      deciding.catch(() => {});
      // No acknowledgement is needed before an answer that comes at once.
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

/** Ends the session here and hands over its state. */
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

/** The same for several sessions, in one parcel. */
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
 * Ends sessions here and returns the state of each. This edge writes nothing more of them. If it is asked again it gives the
 * same again: the edge that asked first may have died. A session that is missing in the result is not handed over, at least
 * not this time.
 */
function released({ house, journal }: AnsweringParts, asked: readonly Yielding[]): readonly Moved[] {
  const { sessions, turns, mover, log } = house;
  const ours = asked
    .map((one) => ({ ...one, session: sessionId(one.key) }))
    // An outdated question: the session has come back to this edge since.
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
      // Also outdated if it came back to an earlier process of this edge: the venue knows it under a later epoch here.
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

/** Size of its messages in bytes. */
function weightOf({ sent, waiting, submitted }: SessionState): number {
  let bytes = 0;
  for (const { message } of sent) bytes += message.length;
  for (const { message } of waiting) bytes += message.length;
  for (const { message } of submitted) bytes += message.length;
  return bytes;
}

/**
 * Other edges have taken these sessions without waiting for this one. Their connections are closed without a Logout: its
 * number may be in use elsewhere already.
 */
export function taken(
  { turns, sessions, mover, metrics, log }: Pick<House, 'turns' | 'sessions' | 'mover' | 'metrics' | 'log'>,
  revocations: readonly Revocation[],
): void {
  for (const { session, epoch } of revocations) {
    // The session has come back to this edge since.
    if (mover.hereBy(session) > epoch) continue;
    const holder = sessions.known(session)?.holder;
    // A connection whose session has just ended may still have output to send: that is discarded too.
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
