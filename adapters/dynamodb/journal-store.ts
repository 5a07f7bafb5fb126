/**
 * Journals of edges in DynamoDB. One row says which process writes, one row for each segment says that it exists. Pieces are in
 * partitions of their own, used by turns: a partition takes 1,000 KB of plain writes a second, and half of that in transactions.
 */
import {
  APPEND_PIECES,
  type JournalStore,
  PIECE_BYTES,
  type Piece,
  REVOKED_TOGETHER,
  type Revocation,
  type Written,
} from '../../core/sessions/journal-store.ts';
import type { EdgeIdentity } from '../../core/sessions/model.ts';
import { key } from '../keys.ts';
import type { Database, Key, Row, Write } from './database.ts';
import { fenceKey, JOURNAL_FENCE } from './edges.ts';
import { absent, type Expression, equals } from './expressions.ts';

/** Partitions of a segment: 64 take 32 MB of pieces a second together. */
const SHARDS = 64;
/** So many bytes of a segment go to one partition before the next: a small segment is read in one query. */
const STRETCH = 4 * PIECE_BYTES;
/** Partitions that are read at once, after the first. */
const READERS = 16;

const TABLE = 'journal';
const HEAD = 'HEAD';

/** Ten digits: larger numbers come later in the order of strings too. */
const digits = (value: number): string => String(value).padStart(10, '0');
const homeOf = (edgeId: string): string => key('J', edgeId);
const segmentKey = (edgeId: string, segment: number) =>
  ({ table: TABLE, pk: homeOf(edgeId), sk: key('SEG', digits(segment)) }) as const;
const goneKey = (edgeId: string, segment: number) =>
  ({ table: TABLE, pk: homeOf(edgeId), sk: key('GONE', digits(segment)) }) as const;
const partition = (edgeId: string, segment: number, shard: number): string =>
  key('J', edgeId, digits(segment), String(shard).padStart(2, '0'));

/** The place of a piece depends on its offset only: written again it replaces itself. */
const shardOf = (offset: number): number => Math.floor(offset / STRETCH) % SHARDS;

const pieceKey = (edgeId: string, { segment, offset }: Pick<Piece, 'segment' | 'offset'>) =>
  ({ table: TABLE, pk: partition(edgeId, segment, shardOf(offset)), sk: digits(offset) }) as const;

/** Condition: this incarnation of the edge is alive. */
const alive = ({ edge_id, incarnation }: EdgeIdentity): Write => ({
  check: fenceKey(edge_id, JOURNAL_FENCE),
  when: equals({ incarnation }),
});

/** Condition: the edge is alive, and no sessions were revoked that it does not know of. */
function heard({ incarnation }: EdgeIdentity, revoked: number): Expression {
  if (revoked > 0) return equals({ incarnation, revoked });
  const { text, names } = absent('revoked');
  const mine = equals({ incarnation });
  return { ...mine, text: `${mine.text} AND ${text}`, names: [...mine.names, ...names] };
}

const headPut = ({ edge_id, incarnation }: EdgeIdentity, writer: string): Write & { put: typeof TABLE } => ({
  put: TABLE,
  row: { pk: homeOf(edge_id), sk: HEAD, writer, incarnation },
});

export function createJournalStore(database: Database): JournalStore {
  const write: WriteAlive = async (edge, writes) => {
    const { result } = await database.transact([alive(edge), ...writes]);
    return result === 'done' ? 'done' : 'fenced';
  };
  return {
    async claim(edge, writer) {
      return write(edge, [headPut(edge, writer)]);
    },

    async reclaim(edge, writer) {
      const outcome = await database.transact([alive(edge), { ...headPut(edge, writer), when: equals({ writer }) }]);
      if (outcome.result === 'done') return 'done';
      return outcome.failed.includes(0) ? 'fenced' : 'lost';
    },

    ...revocations(database),

    async append(edge, pieces, revoked = 0) {
      const { edge_id, incarnation } = edge;
      const begun = pieces.filter(({ offset }) => offset === 0).map(({ segment }) => segment);
      const fence = fenceKey(edge_id, JOURNAL_FENCE);
      const { result } = await database.transact([
        { check: fence, when: heard(edge, revoked) },
        ...begun.map((segment): Write => {
          const { pk, sk } = segmentKey(edge_id, segment);
          return { put: TABLE, row: { pk, sk } };
        }),
        ...pieces.map((piece): Write => ({ put: TABLE, row: pieceRow(edge_id, piece) })),
      ]);
      if (result === 'done') return 'done';
      return (await database.get(fence))?.incarnation === incarnation ? 'revoked' : 'fenced';
    },

    async segments(edgeId) {
      const rows = await database.all(TABLE, homeOf(edgeId), 'SEG#');
      return rows.map(({ sk }) => Number(sk.slice('SEG#'.length)));
    },

    async pieces(edgeId, segment) {
      const found = await piecesOf(database, edgeId, segment);
      return found.sort((a, b) => a.offset - b.offset);
    },

    async first(edgeId, segment) {
      const row = await database.get(pieceKey(edgeId, { segment, offset: 0 }));
      return row && pieceOf(segment, row);
    },

    ...parcels(database),

    truncate: (edge, segment, size) => truncate(database, write, edge, segment, size),

    async remove(edge, segment) {
      const { edge_id } = edge;
      const { pk, sk } = goneKey(edge_id, segment);
      const gone: Write = { put: TABLE, row: { pk, sk } };
      if ((await write(edge, [{ remove: segmentKey(edge_id, segment) }, gone])) === 'fenced') return 'fenced';
      await removePieces(database, edge_id, segment);
      return 'done';
    },

    async sweep({ edge_id }) {
      const rows = await database.all(TABLE, homeOf(edge_id), 'GONE#');
      for (const { sk } of rows) await removePieces(database, edge_id, Number(sk.slice('GONE#'.length)));
    },
  };
}

/** An edge that would read a revocation later than this was declared dead long before. */
const REVOCATION_LIFE_S = 7 * 86_400;

/**
 * This incarnation, or one before it, has claimed the journal. An incarnation that has only begun will find the revocation when it
 * appends for the first time.
 */
const claimedBy = (incarnation: number): Expression => ({
  text: '#incarnation <= :incarnation',
  names: ['incarnation'],
  values: { ':incarnation': incarnation },
});

const revocationsOf = (incarnation: number): string => key('REV', digits(incarnation), '');

function revocations(database: Database): Pick<JournalStore, 'revoke' | 'revoked'> {
  const countOf = async ({ edge_id, incarnation }: EdgeIdentity): Promise<number | undefined> => {
    const fence = await database.get(fenceKey(edge_id, JOURNAL_FENCE));
    return fence?.incarnation === incarnation ? ((fence.revoked as number | undefined) ?? 0) : undefined;
  };
  return {
    async revoke(edge, some, now) {
      if (some.length > REVOKED_TOGETHER) throw new RangeError(`${some.length} revocations in one call`);
      const { edge_id, incarnation } = edge;
      const head: Key = { table: TABLE, pk: homeOf(edge_id), sk: HEAD };
      for (let attempt = 0; ; attempt++) {
        const before = await countOf(edge);
        if (before === undefined) return 'fenced';
        const sk = `${revocationsOf(incarnation)}${digits(before + 1)}`;
        const expires_at = Math.ceil(now / 1000) + REVOCATION_LIFE_S;
        const change: Expression = {
          text: 'SET #revoked = :next',
          names: ['revoked'],
          values: { ':next': before + 1 },
        };
        const outcome = await database.transact([
          { update: fenceKey(edge_id, JOURNAL_FENCE), change, when: heard(edge, before) },
          { check: head, when: claimedBy(incarnation) },
          { put: TABLE, row: { pk: head.pk, sk, expires_at, revocations: JSON.stringify(some) } },
        ]);
        if (outcome.result === 'done') return 'done';
        if (!outcome.failed.includes(0)) return 'elsewhere';
        await database.backOff(attempt, `others revoke sessions of edge ${edge_id}`);
      }
    },

    async revoked(edge, since) {
      const upTo = (await countOf(edge)) ?? since;
      const prefix = revocationsOf(edge.incarnation);
      const rows = await database.all(TABLE, homeOf(edge.edge_id), prefix);
      const found = rows
        .filter(({ sk }) => Number(sk.slice(prefix.length)) > since && Number(sk.slice(prefix.length)) <= upTo)
        .map((row): readonly Revocation[] => JSON.parse(row.revocations as string));
      return { upTo, revocations: found.flat() };
    },
  };
}

/** A parcel is taken within seconds; it is kept longer for investigating failures. */
const PARCEL_LIFE_S = 86_400;

function parcels(database: Database): Pick<JournalStore, 'leave' | 'collect' | 'discard'> {
  const pkOf = (name: string): string => key('PARCEL', name);
  return {
    async leave(name, parts, now) {
      const expires_at = Math.ceil(now / 1000) + PARCEL_LIFE_S;
      const of = parts.length;
      const row = (bytes: Uint8Array, i: number): Row => ({ pk: pkOf(name), sk: digits(i), of, bytes, expires_at });
      await database.batch(parts.map((bytes, i) => ({ put: TABLE, row: row(bytes, i) })));
    },

    async collect(name) {
      const rows = await database.all(TABLE, pkOf(name));
      return rows.length > 0 && rows.length === rows[0]?.of ? rows.map(({ bytes }) => bytes as Uint8Array) : [];
    },

    async discard(name, parts) {
      const pk = pkOf(name);
      await database.batch(
        Array.from({ length: parts }, (_, i) => ({ remove: { table: TABLE, pk, sk: digits(i) } as const })),
      );
    },
  };
}

type WriteAlive = (edge: EdgeIdentity, writes: readonly Write[]) => Promise<Written>;

async function truncate(
  database: Database,
  write: WriteAlive,
  edge: EdgeIdentity,
  segment: number,
  size: number,
): Promise<Written> {
  const { edge_id } = edge;
  const behind = (await piecesOf(database, edge_id, segment))
    .filter(({ offset }) => offset >= size)
    // From the end, so that an interruption leaves no gap.
    .sort((a, b) => b.offset - a.offset);
  for (let i = 0; i < behind.length; i += APPEND_PIECES) {
    const some = behind.slice(i, i + APPEND_PIECES).map((piece): Write => ({ remove: pieceKey(edge_id, piece) }));
    if ((await write(edge, some)) === 'fenced') return 'fenced';
  }
  // The condition may also fail because it was done before.
  return write(edge, []);
}

const pieceOf = (segment: number, { sk, length, bytes }: Row): Piece => ({
  segment,
  offset: Number(sk),
  length: length as number,
  bytes: bytes as Uint8Array,
});

function pieceRow(edgeId: string, piece: Piece): Row {
  const { pk, sk } = pieceKey(edgeId, piece);
  return { pk, sk, length: piece.length, bytes: piece.bytes };
}

/** Unordered. */
async function piecesOf(database: Database, edgeId: string, segment: number): Promise<Piece[]> {
  const found: Piece[] = [];
  for await (const rows of shards(database, edgeId, segment, ['sk', 'length', 'bytes']))
    for (const row of rows) found.push(pieceOf(segment, row));
  return found;
}

/** Reads the partitions of a segment, several at a time. They are filled one after the other, so the first empty one is the end. */
async function* shards(database: Database, edgeId: string, segment: number, only: readonly string[]) {
  const rowsOf = async (shard: number): Promise<readonly Row[]> => {
    const pk = ['pk', partition(edgeId, segment, shard)] as const;
    const rows: Row[] = [];
    for await (const row of database.rows({ table: TABLE, pk, sk: 'sk', from: '0', to: ':', only })) rows.push(row);
    return rows;
  };
  for (let shard = 0, most = 1; shard < SHARDS; shard += most, most = READERS) {
    const numbers = Array.from({ length: Math.min(most, SHARDS - shard) }, (_, i) => shard + i);
    for (const rows of await Promise.all(numbers.map(rowsOf))) {
      if (rows.length === 0) return;
      yield rows;
    }
  }
}

/** Removes the pieces of a removed segment, last partitions first, so that an interrupted removal is found again. */
async function removePieces(database: Database, edgeId: string, segment: number): Promise<void> {
  const all: Row[][] = [];
  for await (const rows of shards(database, edgeId, segment, ['pk', 'sk'])) all.push([...rows]);
  for (const rows of all.reverse())
    await database.batch(rows.map(({ pk, sk }) => ({ remove: { table: TABLE, pk, sk } })));
  await database.batch([{ remove: goneKey(edgeId, segment) }]);
}
