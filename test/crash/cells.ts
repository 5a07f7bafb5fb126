/**
 * What may go wrong, and with which journal: each cell is a test of this folder, named by its row and column, or a reason why it
 * cannot happen there. docs/DURABILITY.md shows the table, and is held equal to this.
 */

export const COLUMNS = [
  'file, before-send',
  'file, reserve',
  'file_sync',
  'store, before-send',
  'store, reserve',
  'both side by side',
] as const;
export type Column = (typeof COLUMNS)[number];

/** A test in the file of this name, or why there is none. */
export type Cell = { readonly test: string } | { readonly why: string };

const tested = (test: string): Cell => ({ test });
const not = (why: string): Cell => ({ why });

const everywhere = (test: string): Record<Column, Cell> =>
  Object.fromEntries(COLUMNS.map((column) => [column, tested(test)])) as Record<Column, Cell>;

const NO_STORE = not('nothing of it is in the store');
const NO_BLOCK = not('no numbers are reserved');

export const CELLS = {
  'killed at each write of a commit': everywhere('killed'),
  'killed at random under load': everywhere('killed'),
  'killed again while it recovers': everywhere('killed'),
  'killed while a segment is begun, carried forward, taken away': everywhere('segments'),
  'killed at the write of a reserved block': {
    ...everywhere('reserved'),
    'file, before-send': NO_BLOCK,
    file_sync: NO_BLOCK,
    'store, before-send': NO_BLOCK,
  },
  'killed in a drain': everywhere('drained'),
  'a full disk': everywhere('disk'),
  'a slow disk': everywhere('disk'),
  'a truncated last segment': everywhere('damaged'),
  'a flipped bit in a segment on disk': everywhere('damaged'),
  'a flipped bit in an item of the store': {
    ...everywhere('damaged'),
    'file, before-send': NO_STORE,
    'file, reserve': NO_STORE,
    file_sync: NO_STORE,
  },
  'the machine lost': {
    ...everywhere('machine-lost'),
    'file, before-send': not(
      'promises nothing: what the system had not put on disk is gone, and its numbers may come again',
    ),
  },
  'the store slow, throttled, its answers lost, away': {
    ...everywhere('store'),
    'file, before-send': NO_STORE,
    'file, reserve': NO_STORE,
    file_sync: NO_STORE,
  },
} as const satisfies Record<string, Record<Column, Cell>>;
export type Row = keyof typeof CELLS;

/** The columns in which a row has a test, for `test.each`: one cannot be called tested and not be run. */
export const columnsOf = (row: Row): Column[] => COLUMNS.filter((column) => 'test' in CELLS[row][column]);
