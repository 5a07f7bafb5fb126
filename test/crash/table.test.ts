// The table of docs/DURABILITY.md is the one that the tests of this folder are made from; a cell that names a test has it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CELLS, COLUMNS, columnsOf, type Row } from './cells.ts';

const rows = Object.keys(CELLS) as Row[];

/** As it stands in the document, reasons below it by number. */
function rendered(): string {
  const reasons: string[] = [];
  const shown = (row: Row, column: (typeof COLUMNS)[number]): string => {
    const cell = CELLS[row][column];
    if ('test' in cell) return `\`${cell.test}\``;
    if (!reasons.includes(cell.why)) reasons.push(cell.why);
    return `– (${reasons.indexOf(cell.why) + 1})`;
  };
  const lines = rows.map((row) => `| ${row} | ${COLUMNS.map((column) => shown(row, column)).join(' | ')} |`);
  const head = [
    `| | ${COLUMNS.map((column) => `\`${column}\``).join(' | ')} |`,
    `|${' --- |'.repeat(COLUMNS.length + 1)}`,
  ];
  return [...head, ...lines, '', ...reasons.map((why, i) => `${i + 1}. ${why}`)].join('\n');
}

test('docs/DURABILITY.md shows it', () => {
  expect(readFileSync(join(import.meta.dirname, '../../docs/DURABILITY.md'), 'utf8')).toContain(rendered());
});

test.each(rows)('%s: its tests are there', (row) => {
  const files = new Set(Object.values(CELLS[row]).flatMap((cell) => ('test' in cell ? [cell.test] : [])));
  expect(columnsOf(row).length).toBeGreaterThan(0);
  for (const file of files) {
    const text = readFileSync(join(import.meta.dirname, `${file}.test.ts`), 'utf8');
    expect(text).toMatch(new RegExp(`columnsOf\\((?:'${row}'|ROW)\\)`));
    expect(text).toContain(row);
  }
});
