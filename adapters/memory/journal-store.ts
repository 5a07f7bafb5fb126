/** Journals of edges in memory; they outlive the edge's process in tests only. */

import type { JournalStore, Piece, Revocation } from '../../core/sessions/journal-store.ts';
import { type EdgeIdentity, isServing } from '../../core/sessions/model.ts';
import { copyOf } from './copies.ts';
import type { MemoryJournal, MemoryWorld } from './world.ts';

export function createJournalStore(world: MemoryWorld): JournalStore {
  const serves = ({ edge_id, incarnation }: EdgeIdentity): boolean => {
    const row = world.edges.get(edge_id);
    return row?.incarnation === incarnation && isServing(row);
  };
  const of = (edgeId: string): MemoryJournal => {
    const journal = world.journals.get(edgeId) ?? {
      writer: '',
      incarnation: 0,
      revokedOf: 0,
      revocations: [],
      segments: new Map(),
    };
    world.journals.set(edgeId, journal);
    return journal;
  };
  const kept = ({ edge_id, incarnation }: EdgeIdentity, writer: string): void => {
    Object.assign(of(edge_id), { writer, incarnation });
  };
  return {
    async claim(edge, writer) {
      if (!serves(edge)) return 'fenced';
      kept(edge, writer);
      return 'done';
    },

    async reclaim(edge, writer) {
      if (!serves(edge)) return 'fenced';
      if (of(edge.edge_id).writer !== writer) return 'lost';
      kept(edge, writer);
      return 'done';
    },

    ...revocations(of, serves),

    async append(edge, pieces, revoked = 0) {
      if (!serves(edge)) return 'fenced';
      const journal = of(edge.edge_id);
      if (revokedOf(journal, edge).length !== revoked) return 'revoked';
      const { segments } = journal;
      for (const piece of pieces) {
        const there = segments.get(piece.segment) ?? new Map<number, Piece>();
        segments.set(piece.segment, there.set(piece.offset, copyOf(piece)));
      }
      return 'done';
    },

    ...readings(of),

    async truncate(edge, segment, size) {
      if (!serves(edge)) return 'fenced';
      const there = of(edge.edge_id).segments.get(segment);
      for (const offset of [...(there?.keys() ?? [])]) if (offset >= size) there?.delete(offset);
      return 'done';
    },

    async remove(edge, segment) {
      if (!serves(edge)) return 'fenced';
      of(edge.edge_id).segments.delete(segment);
      return 'done';
    },

    async sweep() {},

    ...parcels(world),
  };
}

function readings(of: (edgeId: string) => MemoryJournal): Pick<JournalStore, 'segments' | 'pieces' | 'first'> {
  return {
    async segments(edgeId) {
      return [...of(edgeId).segments.keys()].sort((a, b) => a - b);
    },

    async pieces(edgeId, segment) {
      const found = [...(of(edgeId).segments.get(segment)?.values() ?? [])];
      return found.sort((a, b) => a.offset - b.offset).map(copyOf);
    },

    async first(edgeId, segment) {
      const found = of(edgeId).segments.get(segment)?.get(0);
      return found && copyOf(found);
    },
  };
}

/** Of this incarnation; those of an earlier one end with it. */
function revokedOf(
  journal: MemoryJournal,
  { incarnation }: Pick<EdgeIdentity, 'incarnation'>,
): (readonly Revocation[])[] {
  if (journal.revokedOf < incarnation) Object.assign(journal, { revokedOf: incarnation, revocations: [] });
  return journal.revokedOf === incarnation ? journal.revocations : [];
}

function revocations(
  of: (edgeId: string) => MemoryJournal,
  serves: (edge: EdgeIdentity) => boolean,
): Pick<JournalStore, 'revoke' | 'revoked'> {
  return {
    async revoke(edge, some) {
      if (!serves(edge)) return 'fenced';
      const journal = of(edge.edge_id);
      if (journal.incarnation === 0) return 'elsewhere';
      revokedOf(journal, edge).push(copyOf(some));
      return 'done';
    },

    async revoked({ edge_id, incarnation }, heard) {
      const all = revokedOf(of(edge_id), { incarnation });
      return { upTo: Math.max(heard, all.length), revocations: copyOf(all.slice(heard).flat()) };
    },
  };
}

function parcels({ parcels: left }: MemoryWorld): Pick<JournalStore, 'leave' | 'collect' | 'discard'> {
  const copies = (parts: readonly Uint8Array[]) => parts.map((part) => Uint8Array.from(part));
  return {
    async leave(name, parts) {
      left.set(name, copies(parts));
    },

    collect: async (name) => copies(left.get(name) ?? []),

    async discard(name) {
      left.delete(name);
    },
  };
}
