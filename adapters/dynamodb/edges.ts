/** How edges stand in the sessions table, and what their rows say about those who hold slots. */
import type { EdgeIdentity, LiveSession } from '../../core/sessions/model.ts';
import { key, shardOf } from '../keys.ts';
import type { Key, Row, Write } from './database.ts';
import { absentOr, equals } from './expressions.ts';

/**
 * Each taking of a slot checks, in its transaction, that its edge still counts. If all checked the edge's one row, the
 * logons of an edge would cancel one another and its heartbeat (DynamoDB cancels whichever of two transactions meets
 * an item that the other has). So the row has a fence of these many copies beside it, each of which says "this
 * incarnation is served"; a taking checks one at random, and ending an incarnation removes all of them with it.
 */
export const FENCES = 16;
/** One more, for the commits of the edge's journal: they come one after the other, and meet nobody there. */
export const JOURNAL_FENCE = FENCES;
/** Every copy of the fence. */
export const ALL_FENCES: number = FENCES + 1;

export function fenceKey(edgeId: string, fence: number): Key {
  return { table: 'sessions', pk: key('E', edgeId), sk: key('FENCE', String(fence).padStart(2, '0')) };
}

/** Which fence a session's taking checks. */
export function fenceOf(sessionId: string): number {
  return Number(shardOf(sessionId, FENCES));
}

/** Removes the fence of an incarnation: it can take nothing from then on. */
export function fenceRemovals({ edge_id, incarnation }: EdgeIdentity): readonly Write[] {
  return Array.from({ length: ALL_FENCES }, (_, fence) => ({
    remove: fenceKey(edge_id, fence),
    // An edge of an older release has no fence for its journal.
    when: (fence === JOURNAL_FENCE ? absentOr : equals)({ incarnation }),
  }));
}

export function sessionRowKey({ edge_id, session_id }: Pick<LiveSession, 'edge_id' | 'session_id'>): Key {
  return { table: 'sessions', pk: key('E', edge_id), sk: key('SESS', session_id) };
}

export function toSession(row: Row): LiveSession {
  return JSON.parse(row.session as string);
}
