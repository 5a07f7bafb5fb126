// The documents speak of what is there: links, files, commands, variables, settings and metrics that they name exist; and
// beside each rule a text that it has to catch.

import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SETTINGS } from '../core/sessions/profile.ts';
import { VARIABLES } from '../edge/config.ts';
import { type File, readTree } from './tidy/source.ts';

const root = join(import.meta.dirname, '..');
const tree = readTree(root);
const documents = tree.filter(({ path }) => path.endsWith('.md'));
const code = tree
  .filter(({ path }) => /\.(?:ts|mjs|json)$/.test(path) && !/^(?:test\/|docs\/|package-lock\.json)/.test(path))
  .map(({ text }) => text)
  .join('\n');
const scripts: Readonly<Record<string, string>> = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts;

const TOP =
  'bin|lib|lambdas|edge|core|adapters|contract|deploy|simulation|local|scripts|test|docs|bench|cli|console|\\.ci';
const FENCE = /^```[\s\S]*?^```$/gm;

const exists = (path: string) => existsSync(join(root, path));
const prose = (text: string) => text.replace(FENCE, '');
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
/** What stands between backticks, fenced blocks left out. */
const spans = (text: string) => all(prose(text), /`([^`\n]+)`/g);
const report = (path: string, wrong: readonly string[]) => [...new Set(wrong)].map((what) => `${path}: ${what}`);

/** A heading's anchor, as renderers of Markdown make it. */
function anchor(heading: string): string {
  const plain = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '');
  return plain.trim().replace(/\s/g, '-');
}

const anchorsIn = (text: string) => all(prose(text), /^#{1,6} +(.+)$/gm).map(anchor);

/** Links to files of the project, and to headings in them. */
function brokenLinks({ path, text }: File): string[] {
  const local = all(prose(text), /\]\(([^()\s]+)\)/g).filter((target) => !/^[a-z]+:/.test(target));
  const wrong = local.filter((target) => {
    const [file = '', heading] = target.split('#');
    const there = posix.join(posix.dirname(path), file);
    if (file !== '' && !exists(there)) return true;
    if (heading === undefined) return false;
    return !anchorsIn(file === '' ? text : readFileSync(join(root, there), 'utf8')).includes(heading);
  });
  return report(path, wrong);
}

/** Files named anywhere, pictures included; folders named in backticks with a slash at the end; `*` stands for any name. */
function missingFiles({ path, text }: File): string[] {
  const files = all(text, new RegExp(`(?<![\\w./-])((?:${TOP})/[\\w./-]+\\.(?:ts|tsx|mjs|json|md|xml))\\b`, 'g'));
  const folders = spans(text).filter((span) => new RegExp(`^(?:${TOP})/(?:[\\w.-]+/)*$`).test(span));
  const globs = spans(text).filter((span) => new RegExp(`^(?:${TOP})/[\\w./-]*\\*[\\w./-]*$`).test(span));
  const unmatched = globs.filter((glob) => {
    const pattern = new RegExp(`^${glob.replace(/\./g, '\\.').replace(/\*/g, '[^/]+')}$`);
    return !tree.some((file) => pattern.test(file.path));
  });
  return report(path, [...[...files, ...folders].filter((name) => !exists(name)), ...unmatched]);
}

/** `npm run x`, `npm start`, `npm test`. */
function unknownCommands({ path, text }: File): string[] {
  const named = [...all(text, /\bnpm run ([a-z][\w:-]*)/g), ...all(text, /\bnpm (start|test)\b/g)];
  return report(
    path,
    named.filter((name) => scripts[name] === undefined),
  );
}

/** Variables of the environment; one that ends in an underscore stands for all that begin so. */
function unknownVariables({ path, text }: File): string[] {
  const named = all(text, /\b((?:FIXGATE|AWS|GATEWAY)_[A-Z0-9_]+)/g);
  const known = (name: string) => new RegExp(`\\b${name}${name.endsWith('_') ? '' : '\\b'}`).test(code);
  const defined = (name: string) => text.includes(`{ ${name}`) || text.includes(`, ${name} =`);
  return report(
    path,
    named.filter((name) => !known(name) && !defined(name)),
  );
}

/** Flags and metrics in backticks; flags of other programs stand in longer spans. */
function unknownNames({ path, text }: File): string[] {
  const flags = spans(text).flatMap((span) => all(span, /^(--[a-z][a-z-]+)/g));
  const metrics = spans(text).flatMap((span) => all(span, /^(fix_[a-z_]+)/g));
  const known = (name: string) => new RegExp(`[^\\w-]${name}[^\\w-]`).test(code);
  return report(
    path,
    [...flags, ...metrics].filter((name) => !known(name)),
  );
}

const RULES = { brokenLinks, missingFiles, unknownCommands, unknownVariables, unknownNames };

describe('what the documents name exists', () => {
  test('they are read', () => {
    const paths = documents.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/ARCHITECTURE.md', 'docs/RUNBOOK.md']),
    );
    expect(paths.filter((path) => path.startsWith('docs/adr/')).length).toBeGreaterThan(10);
    expect(code).toContain('FIXGATE_FIX_PORT');
  });

  test.each(documents.map((file) => [file.path, file] as const))('%s', (_path, file) => {
    expect(Object.values(RULES).flatMap((rule) => rule(file))).toEqual([]);
  });
});

describe('each rule bites', () => {
  test.each<[keyof typeof RULES, string]>([
    ['brokenLinks', 'see [it](docs/NOWHERE.md)'],
    ['brokenLinks', 'see [it](docs/ERRORS.md#no-such-heading)'],
    ['brokenLinks', '# Here\n[it](#there)'],
    ['missingFiles', 'as `core/nowhere.ts` says'],
    ['missingFiles', '```\nedge/nowhere.ts -> core/gate.ts\n```'],
    ['missingFiles', 'all of `core/nowhere/`'],
    ['missingFiles', 'all of `core/nowhere/*.ts`'],
    ['unknownCommands', 'type `npm run nowhere`'],
    ['unknownVariables', 'set FIXGATE_NOWHERE to 1'],
    ['unknownVariables', 'set FIXGATE_NOWHERE_ and so on'],
    ['unknownNames', 'with `--nowhere`'],
    ['unknownNames', 'watch `fix_nowhere_total`'],
  ])('%s: %s', (rule, text) => {
    expect(RULES[rule]({ path: 'README.md', text })).toHaveLength(1);
  });

  test.each<[keyof typeof RULES, string]>([
    ['brokenLinks', '# A b, c\n[web](https://example.com/x) [up](docs/ERRORS.md) [here](#a-b-c)'],
    ['missingFiles', '`core/gate.ts` `core/limits/` `core/limits/*.ts` https://example.com/core/x.ts'],
    ['unknownCommands', 'npm start, npm test, npm run audit:verify'],
    ['unknownVariables', 'FIXGATE_FIX_PORT and FIXGATE_TABLE_ with AWS_REGION'],
    ['unknownNames', '`--refused-logon` and `--refused-logon silent`, `fix_login_attempts_total{status}`'],
  ])('%s passes: %s', (rule, text) => {
    expect(RULES[rule]({ path: 'README.md', text })).toEqual([]);
  });
});

describe('settings', () => {
  const text = documents.find(({ path }) => path === 'docs/SETTINGS.md')?.text ?? '';
  /** Name and default of each row; `none` is said of what has no default. */
  const rows = (part: string) =>
    all(text.split(part)[1]?.split('\n## ')[0] ?? '', /^(\| `.*)$/gm).flatMap((row) => {
      const [, names = '', defaults = ''] = row.split('|');
      const values = all(defaults, /`([^`]*)`/g);
      return all(names, /`([^`]*)`/g).map((name, i) => [name, values[i] ?? defaults.trim()]);
    });

  test('of a session are all there, with their defaults', () => {
    const settings = Object.entries(SETTINGS).map(([name, { fallback }]) => [name, JSON.stringify(fallback) ?? 'none']);
    expect(rows('## Of a session').sort()).toEqual(settings.sort());
  });

  test('of the edge are all there, with their defaults', () => {
    const shown = ([name, , fallback]: (typeof VARIABLES)[keyof typeof VARIABLES]) => [
      name,
      name === 'FIXGATE_EDGE_ID' ? 'host name' : fallback || 'none',
    ];
    expect(rows('## Of the edge').sort()).toEqual(Object.values(VARIABLES).map(shown).sort());
  });
});

describe('decisions', () => {
  const decisions = documents.filter(({ path }) => /^docs\/adr\/\d{4}-/.test(path));
  const index = documents.find(({ path }) => path === 'docs/adr/README.md')?.text ?? '';

  test('have each a number of its own, and the index has each', () => {
    const numbers = decisions.map(({ path }) => Number(path.slice('docs/adr/'.length).slice(0, 4)));
    expect(numbers.every((number) => number > 0)).toBe(true);
    expect(new Set(numbers).size).toBe(numbers.length);
    const row = (path: string) => `](${posix.basename(path)}) |`;
    expect(decisions.filter(({ path }) => !index.includes(row(path)))).toEqual([]);
  });

  test('have each a status in the index: in force, or which one replaces it', () => {
    const rows = index.split('\n').filter((line) => line.startsWith('| [0'));
    expect(rows).toHaveLength(decisions.length);
    expect(rows.filter((row) => !/\| (in force|replaced by \[\d{4}\])[^|]*\|$/.test(row))).toEqual([]);
  });

  test.each(decisions.map((file) => [file.path, file] as const))('%s has its parts, and is short', (path, { text }) => {
    expect(all(text, /^## (.+)$/gm)).toEqual(['Context', 'Decision', 'Consequences', 'What would change it']);
    expect(text).toMatch(new RegExp(`^# ${posix.basename(path).slice(0, 4)} `));
    expect(text.split('\n').length).toBeLessThanOrEqual(61);
  });
});
