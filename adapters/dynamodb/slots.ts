/** Session slots in DynamoDB. Conditions on rows make the bound exact; counting alone would not. */
import type { AddressedCommand, SessionSlots, SlotResult } from '../../core/ports.ts';
import { type Holding, isServing, type LiveSession, type Reserving } from '../../core/sessions/model.ts';
import type { Random } from '../../core/time.ts';
import { edgeOf, type Held, holdingAfter, sameReserved, sessionKey, takeable } from '../changes.ts';
import { key } from '../keys.ts';
import { commandRow, userKey } from './accounts.ts';
import { type Database, type Key, LAST_KEY, TRANSACTION, type Write } from './database.ts';
import type { EdgeRows, Liveness } from './edge-rows.ts';
import { fenceKey, fenceOf, sessionRowKey, toSession } from './edges.ts';
import { absent, absentOr, type Expression, equals } from './expressions.ts';
import { epochOf, holdingKey, holdingPut, homes, passNumbers, reserve, settling, toHeld } from './holdings.ts';
import { readPage } from './pages.ts';
import type { JoinedTransactions } from './together.ts';

type Asked = Omit<LiveSession, 'slot'>;

interface Parts {
  readonly database: Database;
  readonly joined: JoinedTransactions;
  readonly random: Random;
  readonly edgeRows: EdgeRows;
}

export function createSessionSlots(parts: Parts): SessionSlots {
  const { database, edgeRows, joined } = parts;
  return {
    async take(session, maxSessions, supersedes, told, numbers) {
      const superseding = supersedes === undefined ? undefined : { supersedes, told };
      for (let attempt = 0; ; attempt++) {
        const result = await tryTake(parts, session, maxSessions, superseding, numbers);
        if (result !== 'again') return result;
        await database.backOff(attempt, 'others keep taking slots of the same user');
      }
    },

    async settle(session, epoch, reserved) {
      return (await joined.transact([settling(session, epoch, reserved)])).result === 'done';
    },

    reserve: (reservations) => reserve(database, reservations),
    passNumbers: (userId, session, beyond) => passNumbers(database, userId, session, beyond),
    epoch: (session) => epochOf(database, session),
    homes: (userId, senderCompIds) => homes(database, userId, senderCompIds),

    async release(sessions) {
      for (let at = 0; at < sessions.length; at += RELEASED_TOGETHER) {
        await releaseSome(database, sessions.slice(at, at + RELEASED_TOGETHER));
      }
    },

    async ofUser(userId) {
      const rows = await database.all('sessions', key('U', userId), 'SLOT#');
      const sessions = rows.map(toSession);
      return sessions.filter(await edgeRows.livenessOf(sessions));
    },

    async session(sessionId) {
      const edge_id = edgeOf(sessionId);
      if (edge_id === undefined) return undefined;
      const row = await database.get(sessionRowKey({ edge_id, session_id: sessionId }));
      if (row === undefined) return undefined;
      const session = toSession(row);
      return (await edgeRows.livenessOf([session]))(session) ? session : undefined;
    },

    async list(page) {
      const serving = (await edgeRows.list()).filter(isServing);
      const segments = serving.map(({ edge_id }) => ({
        name: edge_id,
        ranges: [
          {
            table: 'sessions' as const,
            pk: ['pk', key('E', edge_id)] as const,
            sk: 'sk',
            from: 'SESS#',
            to: `SESS#${LAST_KEY}`,
          },
        ],
      }));
      const { rows, next } = await readPage(database, segments, page);
      const incarnations = new Map(serving.map((edge) => [edge.edge_id, edge.incarnation]));
      const items = rows.map(toSession).filter((one) => one.incarnation === incarnations.get(one.edge_id));
      return next === undefined ? { items } : { items, next };
    },
  };
}

/** Sessions whose three rows each are removed in one transaction. */
const RELEASED_TOGETHER = Math.floor(TRANSACTION / 3);

/** Releases many sessions in one transaction. If a row belongs to another session by now, each is released by itself. */
async function releaseSome(database: Database, sessions: readonly LiveSession[]): Promise<void> {
  const writes = sessions.flatMap(releasing);
  const distinct = new Set(writes.map(({ remove: { pk, sk } }) => `${pk} ${sk}`)).size === writes.length;
  if (sessions.length > 1 && distinct && (await database.transact(writes)).result === 'done') return;
  for (const session of sessions) {
    // Not one transaction for all: what is left when this fails goes when the call is repeated, or when the slot is taken.
    for (const write of releasing(session)) await database.write(write);
  }
}

function releasing(session: LiveSession) {
  const mine = absentOr({ session_id: session.session_id });
  return [
    { remove: keyRowKey(session), when: mine },
    { remove: slotRowKey(session.user_id, session.slot), when: mine },
    { remove: sessionRowKey(session) },
  ];
}

function slotRowKey(userId: string, slot: number): Key {
  return { table: 'sessions', pk: key('U', userId), sk: key('SLOT', String(slot).padStart(6, '0')) };
}

/** Row of a FIX session's key: of two edges that take a slot for the same FIX session only one succeeds. */
function keyRowKey(session: Pick<LiveSession, 'user_id' | 'key'>): Key {
  return { table: 'sessions', pk: key('U', session.user_id), sk: key('KEY', ...sessionKey(session)) };
}

/** What is read of a user's partition: its slots and its FIX sessions. */
interface Standing {
  /** By slot number. */
  readonly slots: ReadonlyMap<number, LiveSession>;
  /** By sort key of the key row. */
  readonly keys: ReadonlyMap<string, LiveSession>;
  /** The holding of the FIX session that is asked for. Undefined: it never had one. */
  readonly held: Held | undefined;
  readonly live: Liveness;
}

async function read({ database, edgeRows }: Parts, session: Asked): Promise<Standing> {
  const rows = await database.all('sessions', key('U', session.user_id));
  const slots = new Map<number, LiveSession>();
  const keys = new Map<string, LiveSession>();
  let held: Held | undefined;
  const mine = holdingKey(session).sk;
  for (const row of rows) {
    if (row.sk.startsWith('FIX#')) {
      if (row.sk === mine) held = toHeld(row);
      continue;
    }
    const holder = toSession(row);
    if (row.sk.startsWith('SLOT#')) slots.set(holder.slot, holder);
    else keys.set(row.sk, holder);
  }
  return { slots, keys, held, live: await edgeRows.livenessOf([...slots.values(), ...keys.values()]) };
}

/** The session that is superseded, and the command for its edge. */
interface Superseding {
  readonly supersedes: string;
  readonly told: AddressedCommand | undefined;
}

async function tryTake(
  parts: Parts,
  session: Asked,
  maxSessions: number,
  superseding: Superseding | undefined,
  numbers: Reserving | 'none' | undefined,
): Promise<SlotResult | 'again'> {
  const fence = fenceKey(session.edge_id, fenceOf(session.session_id));
  const { database, joined, random } = parts;
  const standing = await read(parts, session);
  const mine = [...standing.slots.values()].find((held) => held.session_id === session.session_id);
  // An earlier try succeeded and its reply was lost.
  if (mine !== undefined && standing.held !== undefined)
    return { result: 'taken', slot: mine.slot, holding: holdingAfter(session, standing.held, undefined) };

  const { slots, keys, live } = standing;
  const keyHolder = keys.get(keyRowKey(session).sk);
  const holder = keyHolder && live(keyHolder) ? keyHolder : undefined;
  if (holder !== undefined && holder.session_id !== superseding?.supersedes)
    return (await guarded(database, session, fence)) ?? { result: 'held', holder };
  const others = [...slots.values()].filter((held) => live(held) && held.session_id !== holder?.session_id);
  const slot = choose(random, slots, others, keyHolder, holder !== undefined, maxSessions);
  if (slot === undefined) return (await guarded(database, session, fence)) ?? { result: 'full', holders: others };

  // Edge and epoch are checked by the transaction itself: mostly a taking costs one query and one write.
  const holding = holdingAfter(session, standing.held, numbers);
  const writes = takingWrites({ ...session, slot }, fence, standing, holding);
  const told = holder === undefined ? undefined : superseding?.told;
  if (told !== undefined) writes.push({ put: 'sessions', row: commandRow(told.edge_id, told.command) });
  const outcome = await joined.transact(writes);
  if (outcome.result === 'done') return { result: 'taken', slot, holding };
  if (outcome.failed.includes(0)) return { result: 'fenced' };
  return outcome.failed.includes(1) ? { result: 'epoch_changed' } : 'again';
}

/** Why nothing could be taken, checked before anything about holders is told: the edge is fenced, or the user's epoch has changed. */
async function guarded(database: Database, session: Asked, fence: Key): Promise<SlotResult | undefined> {
  const guards = await database.getAll([fence, userKey(session.user_id)]);
  if (guards.find((row) => row.sk === fence.sk)?.incarnation !== session.incarnation) return { result: 'fenced' };
  if (guards.find((row) => row.sk === 'META')?.epoch !== session.epoch) return { result: 'epoch_changed' };
  return undefined;
}

/** The slot to take. Undefined: all are held. */
function choose(
  random: Random,
  slots: Standing['slots'],
  others: readonly LiveSession[],
  keyHolder: LiveSession | undefined,
  superseding: boolean,
  maxSessions: number,
): number | undefined {
  if (others.length >= maxSessions) return undefined;
  const free = takeable(new Set(others.map((held) => held.slot)), maxSessions);
  // The slot of a session that is taken over is inherited; so is that of a dead session of the same key, if it may be taken.
  if (keyHolder !== undefined && slots.get(keyHolder.slot)?.session_id === keyHolder.session_id) {
    if (superseding || free.has(keyHolder.slot)) return keyHolder.slot;
  }
  // A random one, so that simultaneous takings seldom collide.
  const [high = 0, low = 0] = random.bytes(2);
  return free.at((high * 256 + low) % free.count);
}

/** The transaction of a taking. Its first two conditions are recognised by their place. */
function takingWrites(session: LiveSession, fence: Key, { slots, keys, held }: Standing, holding: Holding): Write[] {
  const slotKey = slotRowKey(session.user_id, session.slot);
  const nameKey = keyRowKey(session);
  const inSlot = slots.get(session.slot);
  const underKey = keys.get(nameKey.sk);
  const writes: Write[] = [
    { check: fence, when: equals({ incarnation: session.incarnation }) },
    { check: userKey(session.user_id), when: equals({ epoch: session.epoch }) },
    { ...sessionPut(slotKey, session), when: stillHeldBy(inSlot) },
    { ...sessionPut(nameKey, session), when: stillHeldBy(underKey) },
    sessionPut(sessionRowKey(session), session),
  ];
  // If the session is this incarnation's already, the condition on its key row is enough.
  if (held?.epoch !== holding.epoch || !sameReserved(held.reserved, holding.reserved))
    writes.push(holdingPut(session, held, holding));
  // A session that is replaced leaves rows to remove: its session row, and the other one of its slot and key rows.
  const gone = new Map([inSlot, underKey].flatMap((one) => (one === undefined ? [] : [[one.session_id, one]])));
  for (const one of gone.values()) writes.push({ remove: sessionRowKey(one) });
  const itsKey = inSlot && keyRowKey(inSlot);
  if (itsKey !== undefined && itsKey.sk !== nameKey.sk && keys.get(itsKey.sk)?.session_id === inSlot?.session_id) {
    writes.push({ remove: itsKey, when: stillHeldBy(inSlot) });
  }
  if (underKey !== undefined && underKey.slot !== session.slot) {
    const itsSlot = slotRowKey(underKey.user_id, underKey.slot);
    if (slots.get(underKey.slot)?.session_id === underKey.session_id) {
      writes.push({ remove: itsSlot, when: stillHeldBy(underKey) });
    }
  }
  return writes;
}

/** Condition: the row is as it was read, that is free, or of a session that is dead or superseded. */
function stillHeldBy(seen: LiveSession | undefined): Expression {
  return seen === undefined ? absent('session_id') : equals({ session_id: seen.session_id });
}

function sessionPut({ pk, sk }: Key, session: LiveSession) {
  const { session_id, incarnation } = session;
  const row = { pk, sk, session_id, incarnation, session: JSON.stringify(session) };
  return { put: 'sessions', row } as const;
}
