/**
 * Where the rows of edges are. Together, all of them lie in one partition, which takes a thousand heartbeats a second and is read by
 * one query. Spread, each lies in one of {@link PARTITIONS} by its name. An incarnation stays where it began; who looks for one
 * looks in both places, so that edges of both kinds serve side by side (docs/adr/0045-rows-of-edges-that-are-spread.md).
 */
import { type EdgeIdentity, type EdgeRow, isServing, NO_FIGURES } from '../../core/sessions/model.ts';
import { compareKeys, key, shardOf } from '../keys.ts';
import { type Database, type Key, LAST_KEY, type Range, type Row } from './database.ts';
import type { JoinedReads } from './together.ts';

export type EdgeLayout = 'together' | 'spread';

/** Partition of all rows that are together, and of a mark for each other partition that has had any. */
export const EDGES = 'EDGES';
/** 10,000 edges are 313 heartbeats a second in each, and a list of all is 33 queries. */
export const PARTITIONS = 32;
/** Marks sort before rows. */
const MARK = '#';
const FIRST_ROW = '$';
/** A mark lives as long as a row, and is written again so often. */
const MARK_EVERY_MS = 3_600_000;

/** Where an edge's row may be. */
interface Places {
  /** Where an incarnation that begins by these settings has it. */
  readonly own: Key;
  /** Where it has none, but one before it may have. */
  readonly other: Key;
}

const table = 'sessions';

/** Tells whether a session's edge still serves it: the edge is not dead or stopped, and has no newer incarnation. */
export type Liveness = (session: EdgeIdentity) => boolean;

/** Edges whose ends are kept in mind: some hundreds of bytes each, and those of a week at most have rows that name them. */
const ENDS_KEPT = 10_000;

export class EdgeRows {
  readonly layout: EdgeLayout;
  readonly #database: Database;
  /** Joins those that look for one edge. */
  readonly #reads: Pick<JoinedReads, 'getAll'>;
  /** By edge, the last incarnation that is known to have ended: none that has ended ever comes back. */
  readonly #ended = new Map<string, number>();
  /** When each edge of this process has marked its partition, epoch ms. */
  readonly #marked = new Map<string, number>();

  constructor(database: Database, reads: Pick<JoinedReads, 'getAll'>, layout: EdgeLayout) {
    this.#database = database;
    this.#reads = reads;
    this.layout = layout;
  }

  places(edgeId: string): Places {
    const together: Key = { table, pk: EDGES, sk: edgeId };
    const spread: Key = { table, pk: key(EDGES, shardOf(edgeId, PARTITIONS)), sk: edgeId };
    return this.layout === 'together' ? { own: together, other: spread } : { own: spread, other: together };
  }

  /**
   * Those of the edges that have a row, by name, read consistently each. One that begins anew in its other place meanwhile may be
   * missed: then the incarnations before are over.
   */
  async get(edgeIds: readonly string[]): Promise<ReadonlyMap<string, Row>> {
    const rows = new Map<string, Row>();
    for (const place of ['own', 'other'] as const) {
      const keys = edgeIds.filter((id) => !rows.has(id)).map((id) => this.places(id)[place]);
      for (const row of await this.#reads.getAll(keys)) if (row !== undefined) rows.set(row.sk, row);
    }
    return rows;
  }

  /**
   * Reads the edges of these sessions, consistently. To be called AFTER the sessions were read: an incarnation that has ended never
   * comes back, so a session whose edge is found ended is certainly over. An incarnation known to have ended is not read again: when
   * an edge dies, this is asked for thousands of its sessions.
   */
  async livenessOf(sessions: readonly EdgeIdentity[]): Promise<Liveness> {
    const open = sessions.filter((one) => !this.#hasEnded(one));
    const rows = await this.get([...new Set(open.map(({ edge_id }) => edge_id))]);
    const edges = new Map([...rows].map(([id, row]) => [id, toEdge(row)]));
    for (const edge of edges.values()) this.#keepEnd(edge);
    return ({ edge_id, incarnation }) => {
      // No row was read (the incarnation is known to have ended), or it has expired a week after the last heartbeat.
      const edge = edges.get(edge_id);
      return edge !== undefined && isServing(edge) && edge.incarnation <= incarnation;
    };
  }

  #hasEnded({ edge_id, incarnation }: EdgeIdentity): boolean {
    const ended = this.#ended.get(edge_id);
    return ended !== undefined && incarnation <= ended;
  }

  #keepEnd(edge: EdgeRow): void {
    if (this.#ended.size >= ENDS_KEPT) this.#ended.clear();
    this.#ended.set(edge.edge_id, isServing(edge) ? edge.incarnation - 1 : edge.incarnation);
  }

  /** One row, wherever it is. */
  async find(edgeId: string): Promise<Row | undefined> {
    // Twice: what is missed while it changes its place is there when it is looked for again.
    const rows = await this.get([edgeId]);
    return rows.get(edgeId) ?? (await this.get([edgeId])).get(edgeId);
  }

  /** Where the row of this incarnation is. */
  async keyOf({ edge_id, incarnation }: EdgeIdentity): Promise<Key | undefined> {
    const row = (await this.get([edge_id])).get(edge_id);
    return row?.incarnation === incarnation ? { table, pk: row.pk, sk: edge_id } : undefined;
  }

  /** Of those that are together; no marks. */
  async together(): Promise<readonly Row[]> {
    return (await this.#database.all(table, EDGES)).filter(({ sk }) => !sk.startsWith(MARK));
  }

  /** By name. */
  async list(): Promise<readonly EdgeRow[]> {
    const first = await this.#database.all(table, EDGES);
    const marks = first.filter(({ sk }) => sk.startsWith(MARK));
    const others = await Promise.all(marks.map((mark) => this.#database.all(table, partitionOf(mark))));
    const rows = [...first.filter(({ sk }) => !sk.startsWith(MARK)), ...others.flat()].map(toEdge);
    return marks.length === 0 ? rows : rows.sort((a, b) => compareKeys(a.edge_id, b.edge_id));
  }

  /** See EdgeRegistry.following; the circle goes by partition, then by name. Reads no more than it has to, whatever the number of edges. */
  async following(edgeId: string, count: number): Promise<readonly EdgeRow[]> {
    const { pk } = this.places(edgeId).own;
    const found: EdgeRow[] = [];
    const enough = async (partition: string, from: string, to: string): Promise<boolean> => {
      for await (const edge of this.#serving(partition, from, to, count + 1)) {
        if (edge.edge_id !== edgeId) found.push(edge);
        if (found.length === count) return true;
      }
      return false;
    };
    if (await enough(pk, edgeId, LAST_KEY)) return found;
    const marks = await this.#database.all(table, EDGES, MARK);
    const all = [EDGES, ...marks.map(partitionOf)];
    for (const partition of [...all.filter((one) => one > pk), ...all.filter((one) => one < pk)])
      if (await enough(partition, FIRST_ROW, LAST_KEY)) return found;
    await enough(pk, FIRST_ROW, edgeId);
    return found;
  }

  /** Those that have ended stand between for a week. */
  async *#serving(partition: string, from: string, to: string, atOnce: number): AsyncGenerator<EdgeRow> {
    const range: Range = { table, pk: ['pk', partition], sk: 'sk', from, to };
    let last: Parameters<Database['range']>[2];
    do {
      const page = await this.#database.range(range, atOnce, last);
      for (const edge of page.rows.map(toEdge)) if (isServing(edge)) yield edge;
      last = page.last;
    } while (last !== undefined);
  }

  /**
   * Says that the edge's partition has rows: before an incarnation has one there, and every hour.
   * @param expiresAt epoch s
   */
  async mark(edgeId: string, now: number, expiresAt: number, always: boolean): Promise<void> {
    if (this.layout === 'together') return;
    const before = this.#marked.get(edgeId);
    if (!always && before !== undefined && Math.abs(now - before) < MARK_EVERY_MS) return;
    const sk = `${MARK}${shardOf(edgeId, PARTITIONS)}`;
    // To a release that knows no marks it is an edge that has stopped.
    const nobody = {
      incarnation: 0,
      state: 'stopped',
      heartbeat: 0,
      version: '',
      started_at: 0,
      seen_at: 0,
      figures: '{}',
    };
    await this.#database.batch([{ put: table, row: { ...nobody, pk: EDGES, sk, expires_at: expiresAt } }]);
    this.#marked.set(edgeId, now);
  }
}

export function toEdge(row: Row): EdgeRow {
  return {
    edge_id: row.sk,
    incarnation: row.incarnation as number,
    state: row.state as EdgeRow['state'],
    heartbeat: row.heartbeat as number,
    version: row.version as string,
    started_at: row.started_at as number,
    seen_at: row.seen_at as number,
    figures: { ...NO_FIGURES, ...JSON.parse(row.figures as string) },
    questions: (row.questions as number | undefined) ?? 1,
  };
}

const partitionOf = ({ sk }: Row): string => key(EDGES, sk.slice(MARK.length));

/** @throws RangeError of a name that would sort among the marks */
export function checkName(edgeId: string): void {
  if (compareKeys(edgeId, FIRST_ROW) < 0) throw new RangeError(`"${edgeId}" is no name of an edge`);
}
