/** A settings file of QuickFIX, QuickFIX/J, quickfixgo or QuickFIX/n: sections, names, values, each with its line. */

/** One `name=value`. */
export interface Said {
  /** As it is spelled. */
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/** By name in lower case: the family is of two minds about case. */
export type Section = ReadonlyMap<string, Said>;

export interface SettingsFile {
  readonly defaults: Section;
  readonly sessions: readonly { readonly line: number; readonly own: Section }[];
}

/**
 * `wrong`: the file is, or cannot be understood; `unsupported`: fixgate does otherwise; `unknown`: no setting of the family;
 * `ignored`: nothing is lost by it.
 */
export type Level = 'wrong' | 'unsupported' | 'unknown' | 'ignored';

export interface Note {
  readonly line: number;
  readonly level: Level;
  readonly text: string;
}

/** Lines; a firm with a thousand counterparties stays below. */
const MAX_LINES = 100_000;
/** Characters of a line: paths and lists of addresses fit. */
const MAX_LINE = 10_000;

/** Reads `text`; what is wrong with its form is told in `notes`. */
export function readSettings(text: string, notes: Note[]): SettingsFile {
  const defaults = new Map<string, Said>();
  const sessions: { line: number; own: Map<string, Said> }[] = [];
  const wrong = (line: number, what: string): void => void notes.push({ line, level: 'wrong', text: what });
  let section: Map<string, Said> | 'ignored' | undefined;
  let hasDefaults = false;
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  if (lines.length > MAX_LINES) {
    wrong(1, `the file has more than ${MAX_LINES} lines`);
    return { defaults, sessions };
  }
  for (const [at, raw] of lines.entries()) {
    const line = at + 1;
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    if (trimmed.length > MAX_LINE) {
      wrong(line, `the line is longer than ${MAX_LINE} characters`);
      continue;
    }
    const heading = /^\[([^\]]*)\]$/.exec(trimmed);
    if (heading !== null) {
      const name = heading[1]!.trim().toUpperCase();
      if (name === 'SESSION') {
        section = new Map();
        sessions.push({ line, own: section });
      } else if (name === 'DEFAULT') {
        if (hasDefaults) wrong(line, 'a second [DEFAULT]: QuickFIX reads the first one only');
        section = hasDefaults ? 'ignored' : defaults;
        hasDefaults = true;
      } else {
        notes.push({
          line,
          level: 'unknown',
          text: `[${heading[1]}] is neither DEFAULT nor SESSION: its lines are passed over`,
        });
        section = 'ignored';
      }
      continue;
    }
    const equals = trimmed.indexOf('=');
    if (equals <= 0) {
      wrong(line, 'neither a section nor name=value');
      continue;
    }
    if (section === 'ignored') continue;
    const name = trimmed.slice(0, equals).trim();
    const value = trimmed.slice(equals + 1).trim();
    if (section === undefined) {
      wrong(line, `${name} stands before any section`);
      continue;
    }
    const key = name.toLowerCase();
    const before = section.get(key);
    if (before !== undefined) wrong(line, `${name} is said in line ${before.line} already`);
    if (/\$\{[^}]*\}/.test(value)) wrong(line, `${name} has a variable in it: write out its value`);
    section.set(key, { name, value, line });
  }
  return { defaults, sessions };
}
