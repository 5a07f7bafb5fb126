/** Values of settings, as the family writes them. */

import type { Note, Said } from './file.ts';

/** A session's own settings over those of [DEFAULT]. */
export type Merged = ReadonlyMap<string, Said>;

/** Y, N, Yes, No in any case. @returns undefined, with a note, for anything else */
export function yesNo(said: Said, notes: Note[]): boolean | undefined {
  if (/^(?:y|yes)$/i.test(said.value)) return true;
  if (/^(?:n|no)$/i.test(said.value)) return false;
  notes.push({ line: said.line, level: 'wrong', text: `${said.name}: '${said.value}' is neither Y nor N` });
  return undefined;
}

export const isYes = (said: Said, notes: Note[]): boolean => yesNo(said, notes) === true;

/** The file's name at the end of a path of any system, or of a URL. */
export const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? '';
