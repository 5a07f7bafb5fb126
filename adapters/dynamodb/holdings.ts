/** Holdings in DynamoDB: which edge acts for a FIX session, whose journal has it, and which numbers are reserved. */
import type { FixSessionKey, Holding, LiveSession, Reservation, Reserved } from '../../core/sessions/model.ts';
import { type Held, keyOfSession, sessionKey } from '../changes.ts';
import { key, partsOf } from '../keys.ts';
import { type Database, type Key, type Row, TRANSACTION, type Write } from './database.ts';
import { absent, type Expression, equals } from './expressions.ts';

type Whose = Pick<LiveSession, 'user_id' | 'key'>;

/** Transactions of reservations under way at a time: an edge that ends has thousands. */
const AT_ONCE = 4;

/** Row that says which edge acts for a FIX session and whose journal has it. Never removed. */
export function holdingKey(session: Whose): Key {
  return { table: 'sessions', pk: key('U', session.user_id), sk: key('FIX', ...sessionKey(session)) };
}

export function toHeld(row: Row): Held {
  const { epoch, home, from_edge, edge_id, incarnation, reserved_out, reserved_in } = row;
  const { reserved_generation: generation, reserved_by: by } = row;
  const began = beganOf(row);
  const reserved = { out: reserved_out, next_in: reserved_in, generation, ...began, by } as Reserved;
  const held = { epoch, home, from: from_edge, edge_id, incarnation } as Held;
  return reserved_out === undefined ? held : { ...held, reserved };
}

/** `reserved_began` names its generation too: an older release changes the other attributes and leaves this one. */
function beganOf({ reserved_began, reserved_generation }: Row): Pick<Reserved, 'began'> {
  const [generation, began] = typeof reserved_began === 'string' ? reserved_began.split(' ') : [];
  return Number(generation) === reserved_generation ? { began: Number(began) } : {};
}

function reservedRow({ generation, next_in, out, began, by }: Reserved): Record<string, string | number> {
  const row = { reserved_out: out, reserved_in: next_in, reserved_generation: generation, reserved_by: by };
  return began === undefined ? row : { ...row, reserved_began: `${generation} ${began}` };
}

const RESERVED = ['reserved_out', 'reserved_in', 'reserved_generation', 'reserved_by', 'reserved_began'] as const;

export function holdingPut(session: LiveSession, held: Held | undefined, holding: Holding): Write {
  const { pk, sk } = holdingKey(session);
  const { epoch, home, from, reserved } = holding;
  const { edge_id, incarnation } = session;
  const row = { pk, sk, epoch, home, from_edge: from, edge_id, incarnation };
  const when = held === undefined ? absent('epoch') : equals({ epoch: held.epoch, home: held.home });
  return { put: 'sessions', row: reserved === undefined ? row : { ...row, ...reservedRow(reserved) }, when };
}

/** Sets all attributes of a reservation. */
function reservedSet(reserved: Reserved): Expression {
  const row = reservedRow(reserved);
  const names = Object.keys(row);
  return {
    text: names.map((name) => `#${name} = :${name}`).join(', '),
    names,
    values: Object.fromEntries(names.map((name) => [`:${name}`, row[name]])),
  };
}

/** Records that this edge's journal has everything of the session, and its numbers. */
export function settling(
  session: Whose & Pick<LiveSession, 'edge_id'>,
  epoch: number,
  reserved: Reserved | undefined,
): Write {
  const { edge_id } = session;
  const set = reserved && reservedSet(reserved);
  const rest = set === undefined ? ` REMOVE ${RESERVED.map((name) => `#${name}`).join(', ')}` : `, ${set.text}`;
  const change: Expression = {
    text: `SET #home = :edge, #from_edge = :edge${rest}`,
    names: ['home', 'from_edge', ...(set?.names ?? RESERVED)],
    values: { ':edge': edge_id, ...set?.values },
  };
  return { update: holdingKey(session), change, when: equals({ epoch, edge_id }) };
}

function reserving({ session, epoch, reserved, kind }: Reservation): Exclude<Write, { check: Key }> {
  const { edge_id, incarnation } = session;
  const mine = equals({ epoch, edge_id, incarnation });
  const set = reservedSet(reserved);
  const change = { ...set, text: `SET ${set.text}` };
  // A request that was delayed must not lower what was reserved since.
  const more =
    '(attribute_not_exists(#reserved_out) OR #reserved_generation < :reserved_generation ' +
    'OR (#reserved_generation = :reserved_generation AND #reserved_out <= :reserved_out))';
  const still = '#reserved_by = :reserved_by';
  const names = [...mine.names, ...set.names];
  const when = { ...mine, names, text: `${mine.text} AND ${kind === 'extend' ? more : still}` };
  return { update: holdingKey(session), change, when };
}

/** Makes reservations together, as many as fit into a transaction. If one of them cannot be done, the others are made one by one. */
export async function reserve(database: Database, reservations: readonly Reservation[]): Promise<readonly boolean[]> {
  const done: boolean[] = [];
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < reservations.length) {
      const at = next;
      next += TRANSACTION;
      const writes = reservations.slice(at, next).map(reserving);
      const together = writes.length > 1 ? await database.transact(writes) : undefined;
      for (const [i, write] of writes.entries()) {
        done[at + i] = together?.result === 'done' || (await database.write(write));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  return done;
}

/** See SessionSlots.epoch. */
export async function epochOf(database: Database, session: Whose): Promise<number> {
  const row = await database.get(holdingKey(session));
  return row === undefined ? 0 : toHeld(row).epoch;
}

/** See SessionSlots.homes. */
export async function homes(database: Database, userId: string, senderCompIds: readonly string[]) {
  const rows = await database.all('sessions', key('U', userId), 'FIX#');
  const found = rows.map((row) => ({ key: keyOfSession(partsOf(row.sk).slice(1)), edge_id: toHeld(row).home }));
  return found.filter((one) => senderCompIds.includes(one.key.sender_comp_id));
}

export async function passNumbers(database: Database, userId: string, session: FixSessionKey, beyond: number) {
  await database.write({
    update: holdingKey({ user_id: userId, key: session }),
    change: { text: 'ADD #reserved_out :beyond', names: ['reserved_out'], values: { ':beyond': beyond } },
    when: { text: 'attribute_exists(#reserved_out)', names: ['reserved_out'] },
  });
}
