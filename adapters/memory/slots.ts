/** Session slots in memory. */
import type { SessionSlots, SlotResult } from '../../core/ports.ts';
import type { FixSessionKey, LiveSession, Reservation, Reserved } from '../../core/sessions/model.ts';
import { type Held, holdingAfter, keyOfSession, sessionKey, takeable } from '../changes.ts';
import { compareKeys, key, partsOf } from '../keys.ts';
import { copyOf } from './copies.ts';
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

function reserve(world: MemoryWorld, { session, epoch, reserved, kind }: Reservation): boolean {
  const name = key(...sessionKey(session));
  const held = world.holdings.get(name);
  const { edge_id, incarnation } = session;
  if (held?.epoch !== epoch || held.edge_id !== edge_id || held.incarnation !== incarnation) return false;
  if (!(kind === 'extend' ? isMore(reserved, held) : held.reserved?.by === reserved.by)) return false;
  world.holdings.set(name, { ...held, reserved: copyOf(reserved) });
  return true;
}

function isMore({ generation, out }: Reserved, { reserved }: Held): boolean {
  if (reserved === undefined || reserved.generation < generation) return true;
  return reserved.generation === generation && reserved.out <= out;
}

function settle(world: MemoryWorld, session: Omit<LiveSession, 'slot'>, epoch: number, reserved?: Reserved): boolean {
  const name = key(...sessionKey(session));
  const held = world.holdings.get(name);
  const { edge_id } = session;
  if (held?.epoch !== epoch || held.edge_id !== edge_id) return false;
  world.holdings.set(name, { ...held, home: edge_id, from: edge_id, reserved: copyOf(reserved) });
  return true;
}

function passNumbers(world: MemoryWorld, session: FixSessionKey, beyond: number): void {
  const name = key(...sessionKey({ key: session }));
  const held = world.holdings.get(name);
  if (held?.reserved === undefined) return;
  world.holdings.set(name, { ...held, reserved: { ...held.reserved, out: held.reserved.out + beyond } });
}

function homes(world: MemoryWorld, senderCompIds: readonly string[]) {
  const all = [...world.holdings].map(([name, { home }]) => ({ key: keyOfSession(partsOf(name)), edge_id: home }));
  const found = all.filter((one) => senderCompIds.includes(one.key.sender_comp_id));
  return found.sort((a, b) => compareKeys(key(...sessionKey(a)), key(...sessionKey(b))));
}

export function createSessionSlots(world: MemoryWorld): SessionSlots {
  const live = ({ edge_id, incarnation }: Pick<LiveSession, 'edge_id' | 'incarnation'>) => {
    const edge = world.edges.get(edge_id);
    if (edge === undefined || edge.state === 'dead' || edge.state === 'stopped') return false;
    return edge.incarnation <= incarnation;
  };
  const liveSessions = () => [...world.sessions.values()].filter(live);
  /** The same answers, in the same order of precedence, as the transaction of the DynamoDB adapter gives. */
  const take: Take = (session, maxSessions, supersedes, told, numbers) => {
    const mine = world.sessions.get(session.session_id);
    const name = key(...sessionKey(session));
    const held = world.holdings.get(name);
    if (mine !== undefined)
      return { result: 'taken', slot: mine.slot, holding: holdingAfter(session, held, undefined) };
    if (!live(session) || world.edges.get(session.edge_id)?.incarnation !== session.incarnation) {
      return { result: 'fenced' };
    }
    if (world.users.get(session.user_id)?.user?.epoch !== session.epoch) return { result: 'epoch_changed' };
    const holders = all(world, session.user_id).filter(live);
    const holder = holders.find((one) => key(...sessionKey(one)) === name);
    if (holder !== undefined && holder.session_id !== supersedes) return { result: 'held', holder };
    const others = holders.filter((held) => held !== holder);
    if (others.length >= maxSessions) return { result: 'full', holders: others };
    const slot = holder?.slot ?? takeable(new Set(others.map((held) => held.slot)), maxSessions).at(0);
    // Whatever dead sessions left under this slot or this key goes with the taking.
    for (const held of all(world, session.user_id)) {
      if (held.slot === slot || key(...sessionKey(held)) === name) remove(world, held.session_id);
    }
    put(world, copyOf({ ...session, slot }));
    if (holder !== undefined && told !== undefined) putCommand(world, told.edge_id, told.command);
    const { edge_id, incarnation } = session;
    const holding = holdingAfter(session, held, numbers);
    world.holdings.set(name, { ...holding, edge_id, incarnation });
    return { result: 'taken', slot, holding };
  };

  return {
    async take(...asked) {
      return copyOf(take(...asked));
    },

    settle: async (session, epoch, reserved) => settle(world, session, epoch, reserved),
    reserve: async (reservations) => reservations.map((one) => reserve(world, one)),
    passNumbers: async (_userId, session, beyond) => passNumbers(world, session, beyond),
    epoch: async (session) => world.holdings.get(key(...sessionKey(session)))?.epoch ?? 0,

    homes: async (_userId, senderCompIds) => homes(world, senderCompIds),

    async release(sessions) {
      for (const { session_id } of sessions) remove(world, session_id);
    },

    async ofUser(userId) {
      const mine = all(world, userId).filter(live);
      return copyOf(mine.sort((a, b) => a.slot - b.slot));
    },

    async session(sessionId) {
      const session = world.sessions.get(sessionId);
      return session && live(session) ? copyOf(session) : undefined;
    },

    async list(page) {
      return pageOf(liveSessions(), (session) => key(session.edge_id, session.session_id), page);
    },
  };
}
