/** Session slots in memory. */
import type { SessionSlots, SlotResult } from '../../core/ports.ts';
import type { LiveSession } from '../../core/sessions/model.ts';
import { heldBy, sessionKey, takeable } from '../changes.ts';
import { key } from '../keys.ts';
import { type MemoryWorld, pageOf, putCommand } from './world.ts';

type Take = (...asked: Parameters<SessionSlots['take']>) => SlotResult;

/** Also those that dead edges have left. */
const all = (world: MemoryWorld, userId: string): LiveSession[] => [...(world.sessionsOf.get(userId)?.values() ?? [])];

function put(world: MemoryWorld, session: LiveSession): void {
  const mine = world.sessionsOf.get(session.user_id) ?? new Map<string, LiveSession>();
  world.sessionsOf.set(session.user_id, mine);
  mine.set(session.session_id, session);
  world.sessions.set(session.session_id, session);
}

function remove(world: MemoryWorld, sessionId: string): void {
  const session = world.sessions.get(sessionId);
  if (session === undefined) return;
  world.sessions.delete(sessionId);
  const mine = world.sessionsOf.get(session.user_id);
  mine?.delete(sessionId);
  if (mine?.size === 0) world.sessionsOf.delete(session.user_id);
}

export function createSessionSlots(world: MemoryWorld): SessionSlots {
  const live = ({ edge_id, incarnation }: Pick<LiveSession, 'edge_id' | 'incarnation'>) => {
    const edge = world.edges.get(edge_id);
    if (edge === undefined || edge.state === 'dead' || edge.state === 'stopped') return false;
    return edge.incarnation <= incarnation;
  };
  const liveSessions = () => [...world.sessions.values()].filter(live);
  /** The same answers, in the same order of precedence, as the transaction of the DynamoDB adapter gives. */
  const take: Take = (session, maxSessions, supersedes, told) => {
    const mine = world.sessions.get(session.session_id);
    const name = key(...sessionKey(session));
    const holding = heldBy(session, world.holdings.get(name));
    if (mine !== undefined) return { result: 'taken', slot: mine.slot, holding };
    if (!live(session) || world.edges.get(session.edge_id)?.incarnation !== session.incarnation) {
      return { result: 'fenced' };
    }
    if (world.users.get(session.user_id)?.user?.epoch !== session.epoch) return { result: 'epoch_changed' };
    const holders = all(world, session.user_id).filter(live);
    const holder = holders.find((held) => key(...sessionKey(held)) === name);
    if (holder !== undefined && holder.session_id !== supersedes) return { result: 'held', holder };
    const others = holders.filter((held) => held !== holder);
    if (others.length >= maxSessions) return { result: 'full', holders: others };
    const slot = holder?.slot ?? takeable(new Set(others.map((held) => held.slot)), maxSessions)[0];
    if (slot === undefined) return { result: 'full', holders: others };
    // Whatever dead sessions left under this slot or this key goes with the taking.
    for (const held of all(world, session.user_id)) {
      if (held.slot === slot || key(...sessionKey(held)) === name) remove(world, held.session_id);
    }
    put(world, structuredClone({ ...session, slot }));
    if (holder !== undefined && told !== undefined) putCommand(world, told.edge_id, told.command);
    const { edge_id, incarnation } = session;
    world.holdings.set(name, { ...holding, edge_id, incarnation });
    return { result: 'taken', slot, holding };
  };

  return {
    async take(...asked) {
      return structuredClone(take(...asked));
    },

    async settle(session, epoch) {
      const name = key(...sessionKey(session));
      const held = world.holdings.get(name);
      const { edge_id } = session;
      if (held?.epoch !== epoch || held.edge_id !== edge_id) return false;
      world.holdings.set(name, { ...held, home: edge_id, from: edge_id });
      return true;
    },

    async release(sessions) {
      for (const { session_id } of sessions) remove(world, session_id);
    },

    async ofUser(userId) {
      const mine = all(world, userId).filter(live);
      return structuredClone(mine.sort((a, b) => a.slot - b.slot));
    },

    async session(sessionId) {
      const session = world.sessions.get(sessionId);
      return session && live(session) ? structuredClone(session) : undefined;
    },

    async list(page) {
      return pageOf(liveSessions(), (session) => key(session.edge_id, session.session_id), page);
    },
  };
}
