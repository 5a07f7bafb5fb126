/**
 * Inputs as text, one line of the file for each line of the input: `|` for SOH, `\xNN` for other bytes that a text cannot
 * show. Lines that begin with `# ` are comments.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seedOf } from './random.ts';
import type { Lines } from './target.ts';

export const CORPUS: string = join(import.meta.dirname, 'corpus');

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

export function show(line: Uint8Array): string {
  let text = '';
  for (const byte of line) {
    if (byte === 0x01) text += '|';
    else if (byte < 0x20 || byte > 0x7e || byte === 0x7c || byte === 0x5c) text += hex(byte);
    else text += String.fromCharCode(byte);
  }
  if (text === '') return '\\x'; // an empty line is none
  return text.startsWith('# ') ? `\\x23${text.slice(1)}` : text;
}

export function read(text: string): Buffer {
  const bytes = text
    .replaceAll('|', '\x01')
    .replaceAll(/\\x([0-9a-f]{2})?/g, (_, code?: string) =>
      code === undefined ? '' : String.fromCharCode(Number.parseInt(code, 16)),
    );
  return Buffer.from(bytes, 'latin1');
}

/** A number in a line, whatever stands there: whole, from 0 to `most`. */
export const numberIn = (text: string, most: number): number => Math.floor(Math.min(Math.abs(Number(text)) || 0, most));

export interface Kept {
  readonly file: string;
  readonly lines: Lines;
}

/** The inputs kept for a target, by name of file. */
export function corpusOf(target: string, folder: string = CORPUS): Kept[] {
  const place = join(folder, target);
  mkdirSync(place, { recursive: true });
  return readdirSync(place)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => ({ file, lines: linesOf(readFileSync(join(place, file), 'utf8')) }));
}

function linesOf(text: string): Lines {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# '))
    .map(read);
}

/** @returns the name of the file */
export function keep(target: string, lines: Lines, prefix: string, comment = '', folder: string = CORPUS): string {
  const place = join(folder, target);
  mkdirSync(place, { recursive: true });
  const file = `${prefix}-${seedOf(lines).toString(16).padStart(8, '0')}.txt`;
  const head = comment === '' ? '' : `# ${comment.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 200)}\n`;
  writeFileSync(join(place, file), `${head}${lines.map(show).join('\n')}\n`);
  return join(place, file);
}
