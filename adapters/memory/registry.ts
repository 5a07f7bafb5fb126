/** Edges and their command queues in memory. */
import type { EdgeRegistry } from '../../core/ports.ts';
import {
  type EdgeIdentity,
  type EdgeRow,
  isServing,
  NO_FIGURES,
  QUESTIONS,
  type SessionNumbers,
} from '../../core/sessions/model.ts';
import { compareKeys, numbersKey } from '../keys.ts';
import { copyOf } from './copies.ts';
import { type MemoryWorld, putCommand } from './world.ts';

export function createEdgeRegistry(world: MemoryWorld): EdgeRegistry {
  const serving = (edge: EdgeIdentity): EdgeRow | undefined => {
    const row = world.edges.get(edge.edge_id);
    const mine = row?.incarnation === edge.incarnation && isServing(row);
    return mine ? row : undefined;
  };
  return {
    passIncarnation: async (edgeId, at) => void world.passed.set(edgeId, Math.max(at, world.passed.get(edgeId) ?? 0)),

    register: async (edgeId, version, now) => begin(world, edgeId, version, now),

    async claim(edgeId, version, now) {
      const row = world.edges.get(edgeId);
      return row !== undefined && isServing(row) ? undefined : begin(world, edgeId, version, now);
    },

    async heartbeat(edge, heartbeat, state, figures, now) {
      const row = serving(edge);
      if (row === undefined) return false;
      world.edges.set(edge.edge_id, { ...row, heartbeat, state, figures: copyOf(figures), seen_at: now });
      return true;
    },

    async stop(edge, figures, now) {
      const row = serving(edge);
      if (row === undefined) return;
      world.edges.set(edge.edge_id, { ...row, state: 'stopped', figures: copyOf(figures), seen_at: now });
    },

    async declareDead(edge, heartbeat) {
      const row = world.edges.get(edge.edge_id);
      if (row?.incarnation !== edge.incarnation) return false;
      if (row.state === 'dead') return true;
      if (row.state === 'stopped' || row.heartbeat !== heartbeat) return false;
      world.edges.set(edge.edge_id, { ...row, state: 'dead' });
      return true;
    },

    // A session that is not on its edge any more is not listed, whatever is kept of it.
    removeSessions: async () => {},

    async list() {
      return copyOf([...world.edges.values()].sort((a, b) => compareKeys(a.edge_id, b.edge_id)));
    },

    find: async (edgeId) => copyOf(world.edges.get(edgeId)),

    async following(edgeId, count) {
      const rows = [...world.edges.values()].filter(isServing);
      const sorted = rows.sort((a, b) => compareKeys(a.edge_id, b.edge_id));
      const after = sorted.filter((row) => compareKeys(row.edge_id, edgeId) > 0);
      const before = sorted.filter((row) => compareKeys(row.edge_id, edgeId) < 0);
      return copyOf([...after, ...before].slice(0, count));
    },

    ...commandsOf(world),
    ...told(world),
  };
}

/** Queues of commands. */
function commandsOf(world: MemoryWorld): Pick<EdgeRegistry, 'commands' | 'send' | 'acknowledge'> {
  return {
    async commands(edgeId, after) {
      const queue = [...(world.commands.get(edgeId)?.values() ?? [])];
      const rest = queue.filter(({ id }) => compareKeys(id, after) > 0);
      return copyOf(rest.sort((a, b) => compareKeys(a.id, b.id)));
    },

    async send(commands) {
      for (const { edge_id, command } of commands) putCommand(world, edge_id, command);
    },

    async acknowledge(edgeId, ids) {
      for (const id of ids) world.commands.get(edgeId)?.delete(id);
    },
  };
}

type Told = 'tellNumbers' | 'numbers' | 'tellReceipt' | 'receipts' | 'tellAnswer' | 'answer';

/** What edges tell people, and each other. */
function told(world: MemoryWorld): Pick<EdgeRegistry, Told> {
  return {
    async tellAnswer(commandId, answer) {
      world.answers.set(commandId, copyOf(answer));
    },

    answer: async (commandId) => copyOf(world.answers.get(commandId)),

    async tellNumbers(numbers) {
      for (const one of numbers) world.numbers.set(JSON.stringify(one.key), copyOf(one));
    },

    numbers: async (senderCompId) => numbersOf(world, senderCompId),

    async tellReceipt(receipt) {
      const { notice_id, edge_id } = receipt;
      const receipts = world.receipts.get(notice_id) ?? new Map();
      world.receipts.set(notice_id, receipts.set(edge_id, copyOf(receipt)));
    },

    async receipts(noticeId) {
      const found = [...(world.receipts.get(noticeId)?.values() ?? [])];
      return copyOf(found.sort((a, b) => compareKeys(a.edge_id, b.edge_id)));
    },
  };
}

function numbersOf(world: MemoryWorld, senderCompId: string): readonly SessionNumbers[] {
  const found = [...world.numbers.values()].filter(({ key }) => key.sender_comp_id === senderCompId);
  return copyOf(found.sort((a, b) => compareKeys(numbersKey(a), numbersKey(b))));
}

function begin(world: MemoryWorld, edgeId: string, version: string, now: number): EdgeIdentity {
  const incarnation = Math.max(world.edges.get(edgeId)?.incarnation ?? 0, world.passed.get(edgeId) ?? 0) + 1;
  const row: EdgeRow = {
    edge_id: edgeId,
    incarnation,
    state: 'alive',
    heartbeat: 0,
    version,
    started_at: now,
    seen_at: now,
    figures: NO_FIGURES,
    questions: QUESTIONS,
  };
  world.edges.set(edgeId, row);
  return { edge_id: edgeId, incarnation };
}
