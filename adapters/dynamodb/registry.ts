/** Edges and their command queues in DynamoDB. */
import type { EdgeRegistry } from '../../core/ports.ts';
import {
  type EdgeFigures,
  type EdgeIdentity,
  type EdgeState,
  isServing,
  NO_FIGURES,
  QUESTIONS,
} from '../../core/sessions/model.ts';
import { compareKeys, key, numbersKey } from '../keys.ts';
import { commandRow } from './accounts.ts';
import { type Database, type Key, LAST_KEY, type Row, type Write } from './database.ts';
import { checkName, type EdgeRows, toEdge } from './edge-rows.ts';
import { ALL_FENCES, fenceKey, fenceRemovals, toSession } from './edges.ts';
import { absent, type Expression } from './expressions.ts';
import type { JoinedReads } from './together.ts';

/** How long an edge's row outlives its last heartbeat: for people, and so that its slots are known to be free. */
const ROW_LIFE_S = 7 * 86_400;

/** How long answers and receipts are kept; they are read within seconds. */
const RECEIPT_LIFE_S = 86_400;

interface Parts {
  readonly database: Database;
  readonly edgeRows: EdgeRows;
}

/** @param reads joins reads of answers: each waiting Logon reads its answer twenty times a second */
export function createEdgeRegistry(
  database: Database,
  reads: Pick<JoinedReads, 'get'>,
  edgeRows: EdgeRows,
): EdgeRegistry {
  const parts = { database, edgeRows };
  return {
    register: (edgeId, version, now) => register(parts, edgeId, version, now),

    async claim(edgeId, version, now) {
      await checkBegin(edgeRows, edgeId);
      const identity = await nextOf(database, edgeId);
      return (await begin(parts, identity, version, now, true)) ? identity : undefined;
    },

    passIncarnation: (edgeId, incarnation) => passIncarnation(database, edgeId, incarnation),

    async heartbeat({ edge_id, incarnation }, heartbeat, state, figures, now) {
      await edgeRows.mark(edge_id, now, expiry(now), false);
      const change = told(state, figures, now, { heartbeat });
      return database.write({ update: edgeRows.places(edge_id).own, change, when: serving({ edge_id, incarnation }) });
    },

    async stop(edge, figures, now) {
      const change = told('stopped', figures, now);
      const end: Write = { update: edgeRows.places(edge.edge_id).own, change, when: serving(edge) };
      const outcome = await database.transact([end, ...fenceRemovals(edge)]);
      // Refused: there is a newer incarnation, or this one was declared dead. Either way it is over.
      if (outcome.result === 'done') await removeSessions(database, edge);
    },

    declareDead: (edge, heartbeat) => declareDead(parts, edge, heartbeat),
    removeSessions: (edge) => removeSessions(database, edge),

    list: () => edgeRows.list(),

    async find(edgeId) {
      const row = await edgeRows.find(edgeId);
      return row && toEdge(row);
    },

    following: (edgeId, count) => edgeRows.following(edgeId, count),

    async tellNumbers(numbers) {
      await database.batch(
        numbers.map((one) => ({
          put: 'sessions',
          row: { pk: key('NUM', one.key.sender_comp_id), sk: numbersKey(one), numbers: JSON.stringify(one) },
        })),
      );
    },

    async numbers(senderCompId) {
      const rows = await database.all('sessions', key('NUM', senderCompId));
      return rows.map((row) => JSON.parse(row.numbers as string));
    },

    ...receiptsOf(database),
    ...answersOf(database, reads),
    ...commandsOf(database),
  };
}

/** Queues of commands. */
function commandsOf(database: Database): Pick<EdgeRegistry, 'commands' | 'send' | 'acknowledge'> {
  return {
    async commands(edgeId, after) {
      const from = after === '' ? ' ' : after;
      const range = { table: 'sessions', pk: ['pk', key('CMD', edgeId)], sk: 'sk', from, to: LAST_KEY } as const;
      const commands = [];
      for await (const row of database.rows(range)) {
        if (compareKeys(row.sk, after) > 0) commands.push(JSON.parse(row.command as string));
      }
      return commands;
    },

    async send(commands) {
      await database.batch(
        commands.map(({ edge_id, command }) => ({ put: 'sessions', row: commandRow(edge_id, command) })),
      );
    },

    async acknowledge(edgeId, ids) {
      const pk = key('CMD', edgeId);
      await database.batch([...new Set(ids)].map((sk) => ({ remove: { table: 'sessions', pk, sk } })));
    },
  };
}

/** Answers of edges to each other. */
function answersOf(database: Database, reads: Pick<JoinedReads, 'get'>): Pick<EdgeRegistry, 'tellAnswer' | 'answer'> {
  const keyOf = (commandId: string) => ({ table: 'sessions', pk: key('ASK', commandId), sk: 'ANSWER' }) as const;
  return {
    async tellAnswer(commandId, answer, now) {
      const { pk, sk } = keyOf(commandId);
      const expires_at = Math.ceil(now / 1000) + RECEIPT_LIFE_S;
      await database.batch([{ put: 'sessions', row: { pk, sk, answer: JSON.stringify(answer), expires_at } }]);
    },

    async answer(commandId) {
      const row = await reads.get(keyOf(commandId));
      return row && JSON.parse(row.answer as string);
    },
  };
}

/** How far notices have reached. */
function receiptsOf(database: Database): Pick<EdgeRegistry, 'tellReceipt' | 'receipts'> {
  return {
    async tellReceipt(receipt, now) {
      const { notice_id, edge_id } = receipt;
      const row = { pk: key('NOTE', notice_id), sk: key(edge_id), receipt: JSON.stringify(receipt) };
      const expires_at = Math.ceil(now / 1000) + RECEIPT_LIFE_S;
      await database.batch([{ put: 'sessions', row: { ...row, expires_at } }]);
    },

    async receipts(noticeId) {
      const rows = await database.all('sessions', key('NOTE', noticeId));
      return rows.map((row) => JSON.parse(row.receipt as string));
    },
  };
}

/** Condition: the row has this incarnation, and it has not ended. */
function serving({ incarnation }: EdgeIdentity): Expression {
  return {
    text: '#incarnation = :incarnation AND #state IN (:alive, :draining)',
    names: ['incarnation', 'state'],
    values: { ':incarnation': incarnation, ':alive': 'alive', ':draining': 'draining' },
  };
}

/** Sets what an edge reports of itself. */
function told(
  state: EdgeState,
  figures: EdgeFigures,
  now: number,
  more: Readonly<Record<string, number>> = {},
): Expression {
  const values: Record<string, unknown> = {
    state,
    figures: JSON.stringify(figures),
    seen_at: now,
    expires_at: expiry(now),
    ...more,
  };
  const names = Object.keys(values);
  return {
    text: `SET ${names.map((name) => `#${name} = :new_${name}`).join(', ')}`,
    names,
    values: Object.fromEntries(names.map((name) => [`:new_${name}`, values[name]])),
  };
}

function expiry(now: number): number {
  return Math.ceil(now / 1000) + ROW_LIFE_S;
}

async function passIncarnation(database: Database, edgeId: string, incarnation: number): Promise<void> {
  await database.write({
    update: counterOf(edgeId),
    change: { text: 'SET #incarnation = :at', names: ['incarnation'], values: { ':at': incarnation } },
    when: { text: 'attribute_not_exists(#incarnation) OR #incarnation < :at', names: ['incarnation'] },
  });
}

const counterOf = (edgeId: string): Key => ({ table: 'sessions', pk: key('E', edgeId), sk: 'INCARNATION' });

/** Takes the next incarnation. The counter is a row of its own that never expires, so that no number is used twice. */
async function nextOf(database: Database, edgeId: string): Promise<EdgeIdentity> {
  return { edge_id: edgeId, incarnation: await database.increment(counterOf(edgeId), 'incarnation') };
}

async function register(parts: Parts, edgeId: string, version: string, now: number): Promise<EdgeIdentity> {
  await checkBegin(parts.edgeRows, edgeId);
  for (let attempt = 0; ; attempt++) {
    const identity = await nextOf(parts.database, edgeId);
    if (await begin(parts, identity, version, now, false)) return identity;
    // A later process of the same edge was quicker: the latest one shall win, so try again.
    await parts.database.backOff(attempt, `several processes begin as edge ${edgeId}`);
  }
}

/** What rows of this release say of themselves. */
const KNOWS_SPREAD = 1;

/**
 * An edge of an older release does not see rows that are spread, and would take the slots and sessions of such an edge. So an
 * edge with a spread row does not start beside it. @throws Error that names the older edge
 */
async function checkBegin(edgeRows: EdgeRows, edgeId: string): Promise<void> {
  checkName(edgeId);
  if (edgeRows.layout === 'together') return;
  const blind = (await edgeRows.together()).find(
    (row) => row.sk !== edgeId && isServing(toEdge(row)) && row.knows !== KNOWS_SPREAD,
  );
  if (blind === undefined) return;
  throw new Error(
    `FIXGATE_EDGE_ROWS=spread: edge ${blind.sk} is of a release that does not see such rows; begin all edges together first`,
  );
}

/**
 * Makes the incarnation the serving one. False: there is a later one or, with `onlyFree`, one that serves.
 */
async function begin(
  { database, edgeRows }: Parts,
  { edge_id, incarnation }: EdgeIdentity,
  version: string,
  now: number,
  onlyFree: boolean,
): Promise<boolean> {
  const above = absent('incarnation');
  const when: Expression = {
    ...above,
    text: `${above.text} OR #incarnation < :incarnation`,
    values: { ':incarnation': incarnation },
  };
  const free: Expression = {
    text: `${above.text} OR (#incarnation < :incarnation AND #state IN (:dead, :stopped))`,
    names: ['incarnation', 'state'],
    values: { ':incarnation': incarnation, ':dead': 'dead', ':stopped': 'stopped' },
  };
  const { own, other } = edgeRows.places(edge_id);
  const row: Row = {
    ...own,
    incarnation,
    state: 'alive',
    heartbeat: 0,
    version,
    started_at: now,
    seen_at: now,
    figures: JSON.stringify(NO_FIGURES),
    questions: QUESTIONS,
    expires_at: expiry(now),
    knows: KNOWS_SPREAD,
  };
  // Of a process that dies in between nobody would find the row, and with it what the edge has left.
  await edgeRows.mark(edge_id, now, expiry(now), true);
  const outcome = await database.transact([
    put(row, onlyFree ? free : when),
    { remove: other, when: onlyFree ? free : when },
    ...Array.from({ length: ALL_FENCES }, (_, fence) => put({ ...fenceKey(edge_id, fence), incarnation }, when)),
  ]);
  return outcome.result === 'done';
}

function put({ pk, sk, ...attributes }: Row, when: Expression): Write {
  const { table: _, ...rest } = attributes as Record<string, unknown>;
  return { put: 'sessions', row: { ...rest, pk, sk }, when };
}

async function declareDead({ database, edgeRows }: Parts, edge: EdgeIdentity, heartbeat: number): Promise<boolean> {
  const at = await edgeRows.keyOf(edge);
  if (at === undefined) return false;
  const condition = serving(edge);
  const when: Expression = {
    text: `${condition.text} AND #heartbeat = :heartbeat`,
    names: [...condition.names, 'heartbeat'],
    values: { ...condition.values, ':heartbeat': heartbeat },
  };
  const change: Expression = { text: 'SET #state = :dead', names: ['state'], values: { ':dead': 'dead' } };
  const outcome = await database.transact([{ update: at, change, when }, ...fenceRemovals(edge)]);
  if (outcome.result === 'refused') {
    const row = await database.get(at);
    return row !== undefined && row.incarnation === edge.incarnation && row.state === 'dead';
  }
  return true;
}

async function removeSessions(database: Database, { edge_id, incarnation }: EdgeIdentity): Promise<void> {
  const filter: Expression = {
    // Rows of an older release do not have it.
    text: 'attribute_not_exists(#incarnation) OR #incarnation <= :incarnation',
    names: ['incarnation'],
    values: { ':incarnation': incarnation },
  };
  const rows = await database.all('sessions', key('E', edge_id), 'SESS#', filter);
  const ended = rows.filter((row) => toSession(row).incarnation <= incarnation);
  await database.batch(ended.map(({ pk, sk }) => ({ remove: { table: 'sessions', pk, sk } })));
}
