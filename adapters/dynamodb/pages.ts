/** Pages over lists that are spread over partitions: merged by sort key, segment after segment. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { PageRequest } from '../../core/ports.ts';
import { checkPage, compareKeys } from '../keys.ts';
import type { Database, Range, Row } from './database.ts';

/** Ranges whose rows are merged into one order; sort keys are unique over all of them. */
export interface Segment {
  /** Part of the cursor; unique in the list and the same whenever the list is made. */
  readonly name: string;
  /** All of one direction and one sort attribute. */
  readonly ranges: readonly Range[];
}

export interface RowPage {
  readonly rows: readonly Row[];
  readonly next?: string;
}

/** @throws RangeError when `after` is no cursor of this list */
export async function readPage(database: Database, segments: readonly Segment[], page: PageRequest): Promise<RowPage> {
  checkPage(page);
  const position = page.after === undefined ? undefined : decode(page.after);
  const first = position === undefined ? 0 : segments.findIndex(({ name }) => name === position.segment);
  if (first < 0) throw new RangeError('the cursor is not of this list');
  const rows: Row[] = [];
  let last: string | undefined;
  for (const segment of segments.slice(first)) {
    const after = segment.name === position?.segment ? position.sortKey : undefined;
    for await (const { row, sortKey } of merged(database, segment, page.limit - rows.length, after)) {
      if (rows.length === page.limit) return { rows, next: last as string };
      rows.push(row);
      last = encode(segment.name, sortKey);
    }
  }
  return { rows };
}

function encode(segment: string, sortKey: string): string {
  return JSON.stringify([segment, sortKey]);
}

function decode(cursor: string): { segment: string; sortKey: string } {
  let parts: unknown;
  try {
    parts = JSON.parse(cursor);
  } catch {
    throw new RangeError('the cursor is not one of ours');
  }
  const [segment, sortKey] = Array.isArray(parts) ? parts : [];
  if (typeof segment !== 'string' || typeof sortKey !== 'string') throw new RangeError('the cursor is not one of ours');
  return { segment, sortKey };
}

/** Rows of a segment in order, after `after`. @param wanted how many will likely be asked for */
async function* merged(database: Database, segment: Segment, wanted: number, after: string | undefined) {
  const share = Math.ceil((wanted + 1) / segment.ranges.length) + 4;
  const readers = segment.ranges.map((range) => new Reader(database, range, Math.min(share, wanted + 2), after));
  await Promise.all(readers.map((reader) => reader.fill()));
  for (;;) {
    let least: Reader | undefined;
    for (const reader of readers) if (reader.head !== undefined && (!least || reader.precedes(least))) least = reader;
    const row = least?.head;
    if (least === undefined || row === undefined) return;
    yield { row, sortKey: least.sortKey(row) };
    await least.advance();
  }
}

/** One partition, read ahead a page at a time. */
class Reader {
  readonly #database: Database;
  readonly #range: Range;
  readonly #limit: number;
  readonly #after: string | undefined;
  #rows: Row[] = [];
  #at = 0;
  #last: Record<string, AttributeValue> | undefined;
  #exhausted = false;

  constructor(database: Database, range: Range, limit: number, after: string | undefined) {
    const bounds = range.descending ? { to: after ?? range.to } : { from: after ?? range.from };
    this.#database = database;
    this.#range = { ...range, ...bounds };
    this.#limit = limit;
    this.#after = after;
  }

  /** Undefined once there are no more. */
  get head(): Row | undefined {
    return this.#rows[this.#at];
  }

  sortKey(row: Row): string {
    return row[this.#range.sk] as string;
  }

  precedes(other: Reader): boolean {
    const order = compareKeys(this.sortKey(this.head as Row), other.sortKey(other.head as Row));
    return this.#range.descending ? order > 0 : order < 0;
  }

  async advance(): Promise<void> {
    this.#at++;
    await this.fill();
  }

  /** Reads on until there is a head or an end; a filter can leave pages empty. */
  async fill(): Promise<void> {
    // An empty interval is an error to the store, not an empty result.
    if (compareKeys(this.#range.from, this.#range.to) > 0) this.#exhausted = true;
    while (this.head === undefined && !this.#exhausted) {
      const page = await this.#database.range(this.#range, this.#limit, this.#last);
      // The bounds are inclusive; the row at the cursor was shown already.
      this.#rows = page.rows.filter((row) => this.sortKey(row) !== this.#after);
      this.#at = 0;
      this.#last = page.last;
      this.#exhausted = page.last === undefined;
    }
  }
}
