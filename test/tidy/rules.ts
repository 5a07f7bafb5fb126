// The rules of the house that a machine can check: each takes the tree and returns what breaks it, as `path:line: what`.

import { posix } from 'node:path';
import { type File, facts, isSource } from './source.ts';

export type Rule = (tree: readonly File[]) => string[];

interface Arrows {
  /** Files (exact) and folders (ending in `/`) that may be imported. */
  readonly may: readonly string[];
  /** The same, for `import type` only. */
  readonly types?: readonly string[];
  /** May packages and node: modules be imported? */
  readonly packages: boolean;
}

const PRODUCT = [
  'bin/',
  'lib/',
  'lambdas/',
  'edge/',
  'core/',
  'adapters/',
  'contract/',
  'cli/',
  'console/',
  'index.ts',
];

/** One way through the house. The longest key that a path begins with is its row; a source file without a row has no place. */
const ARROWS: Readonly<Record<string, Arrows>> = {
  'bin/': { may: ['bin/', 'lib/'], packages: true },
  'lib/': { may: ['lib/', 'contract/', 'adapters/dynamodb/tables.ts'], packages: true },
  'lambdas/': { may: ['lambdas/', 'core/', 'adapters/', 'contract/'], packages: true },
  'edge/': { may: ['edge/', 'core/', 'adapters/'], packages: true },
  'edge/fix/': { may: ['edge/fix/'], packages: false },
  'core/': { may: ['core/'], packages: false },
  'adapters/': { may: ['adapters/', 'core/'], packages: true },
  // Beside types, the lists of names that wire and domain share.
  'contract/': {
    may: [
      'contract/',
      'core/errors.ts',
      'core/sessions/profile.ts',
      'core/audit/model.ts',
      'core/eligibility/model.ts',
    ],
    types: ['core/'],
    packages: true,
  },
  'cli/': { may: ['cli/', 'contract/'], packages: true },
  'console/': { may: ['console/', 'contract/'], packages: true },
  'index.ts': { may: ['core/', 'adapters/', 'contract/'], packages: true },
  'local/': { may: [...PRODUCT, 'local/'], packages: true },
  'bench/': { may: [...PRODUCT, 'local/', 'bench/'], packages: true },
  'interop/': { may: ['interop/'], packages: true },
  'chaos/': { may: [...PRODUCT, 'local/', 'chaos/'], packages: true },
  'simulation/': { may: [...PRODUCT, 'local/', 'simulation/'], packages: true },
  'deploy/': { may: [...PRODUCT, 'local/', 'deploy/'], packages: true },
  'scripts/': {
    may: [...PRODUCT, 'local/', 'bench/', 'interop/', 'deploy/', 'simulation/', 'scripts/'],
    packages: true,
  },
  'test/': {
    may: [...PRODUCT, 'local/', 'bench/', 'chaos/', 'interop/', 'deploy/', 'simulation/', 'scripts/', 'test/'],
    packages: true,
  },
  'jest.config.mjs': { may: [], packages: true },
};

/** Where running begins. Everything else is reached from here by imports, or is dead. */
const ENTRIES = [
  /^bin\/[^/]+$/,
  /^lambdas\/functions\/[^/]+$/,
  // In bundles, by an alias of lib/constructs/bundling.ts.
  /^lambdas\/role-keys\.ts$/,
  /^edge\/(?:venue\/)?main\.ts$/,
  /^chaos\/main\.ts$/,
  /^(?:cli|console)\/main\.tsx?$/,
  /^(?:local|scripts|bench)\/[^/]+$/,
  /^(?:index\.ts|jest\.config\.mjs)$/,
];

const PURE = /^(?:core|edge\/fix)\//;
const IMPURE = new Set(['Date', 'new Date()', 'Date.now', 'Math.random', 'process.env', 'performance.now']);
for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'process.hrtime', 'process.hrtime.bigint'])
  IMPURE.add(name);
for (const name of ['crypto.randomUUID', 'crypto.getRandomValues']) IMPURE.add(name);

const LONGEST_FUNCTION = 70;
const LONGEST_FILE = 400;

/** Files over the length above, each with the reason why it is one file. */
export const LONG_FILES: Readonly<Record<string, string>> = {};

const within = (path: string, places: readonly string[]) =>
  places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));

const sources = (tree: readonly File[]) => tree.filter(({ path }) => isSource(path));

const written = (tree: readonly File[]) => sources(tree).filter(({ path }) => !path.includes('.generated.'));

function rowOf(path: string): Arrows | undefined {
  const keys = Object.keys(ARROWS).filter((key) => within(path, [key]));
  const longest = keys.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : ARROWS[longest];
}

/** Imports run one way, and every source file has a place in the layout. */
export const arrows: Rule = (tree) =>
  sources(tree).flatMap((file) => {
    const row = rowOf(file.path);
    if (row === undefined) return [`${file.path}:1: has no place in the layout`];
    return facts(file).imports.flatMap(({ specifier, typeOnly, line }) => {
      if (!specifier.startsWith('.')) {
        return row.packages ? [] : [`${file.path}:${line}: imports the package '${specifier}'`];
      }
      const target = posix.join(posix.dirname(file.path), specifier);
      const allowed = within(target, row.may) || (typeOnly && within(target, row.types ?? []));
      const data = row.packages && !isSource(target);
      return allowed || data ? [] : [`${file.path}:${line}: imports ${target}`];
    });
  });

/** Where imports of types alone may make a circle, still. */
const TYPE_CIRCLES = /^simulation\//;

/** No file imports itself over others: of two that need each other a third holds what both do. */
export const circles: Rule = (tree) => {
  const paths = new Set(sources(tree).map(({ path }) => path));
  const targets = new Map(
    sources(tree).map((file) => {
      const counted = facts(file).imports.filter(({ typeOnly }) => !typeOnly || !TYPE_CIRCLES.test(file.path));
      const all = counted.map(({ specifier }) => posix.join(posix.dirname(file.path), specifier));
      return [file.path, all.filter((path) => paths.has(path))] as const;
    }),
  );
  const open: string[] = [];
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string): void => {
    const from = open.indexOf(path);
    if (from >= 0) found.push(`${path}:1: imports itself over ${[...open.slice(from + 1), path].join(', ')}`);
    if (from >= 0 || done.has(path)) return;
    open.push(path);
    for (const target of targets.get(path) ?? []) visit(target);
    open.pop();
    done.add(path);
  };
  for (const path of paths) visit(path);
  return found;
};

function reachable(tree: readonly File[], entries: readonly string[]): Set<string> {
  const files = new Map(sources(tree).map((file) => [file.path, file]));
  const seen = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = files.get(path);
    if (file === undefined || seen.has(path)) continue;
    seen.add(path);
    const folder = posix.dirname(path);
    for (const literal of facts(file).literals) if (isSource(literal)) queue.push(posix.join(folder, literal));
  }
  return seen;
}

/** Every source file is reached from an entry; a helper of the tests from a test. A test alone keeps no product file alive. */
export const reached: Rule = (tree) => {
  const paths = sources(tree).map(({ path }) => path);
  const live = reachable(
    tree,
    paths.filter((path) => ENTRIES.some((entry) => entry.test(path))),
  );
  const tested = reachable(
    tree,
    paths.filter((path) => /^test\/.*\.test\.ts$/.test(path)),
  );
  const kept = (path: string) => (path.startsWith('test/') ? tested : live).has(path);
  return paths.filter((path) => !kept(path)).map((path) => `${path}:1: is reached by nothing`);
};

/** Time, randomness and the environment are arguments of the domain and of the protocol. */
export const purity: Rule = (tree) =>
  sources(tree)
    .filter(({ path }) => PURE.test(path))
    .flatMap((file) =>
      facts(file)
        .uses.map(({ name, line }) => ({ name: name.replace(/^globalThis\./, ''), line }))
        .filter(({ name }) => IMPURE.has(name))
        .map(({ name, line }) => `${file.path}:${line}: ${name}`),
    );

/** A function fits on a screen. The callback of a `describe` is a chapter, not a function. */
export const functionLength: Rule = (tree) =>
  written(tree).flatMap((file) =>
    facts(file)
      .functions.filter(({ lines, suite }) => lines > LONGEST_FUNCTION && !suite)
      .map(({ name, line, lines }) => `${file.path}:${line}: ${name} has ${lines} lines`),
  );

const lineCount = (text: string) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

/** A long file says why; a reason for a file that is not long, or not there, goes. */
export function fileLength(tree: readonly File[], reasons = LONG_FILES): string[] {
  const long = written(tree).filter(({ text }) => lineCount(text) > LONGEST_FILE);
  const paths = new Set(long.map(({ path }) => path));
  const unexplained = long.filter(({ path }) => (reasons[path] ?? '').trim() === '');
  const needless = Object.keys(reasons).filter((path) => !paths.has(path));
  return [
    ...unexplained.map(({ path, text }) => `${path}:1: has ${lineCount(text)} lines and gives no reason`),
    ...needless.map((path) => `${path}:1: is listed as long and is not`),
  ];
}

const MACHINE = [
  /(?<![\w.$}])\/(?:home|Users)\/[a-z][\w.-]*/,
  /(?<![\w.$}])\/(?:root|work)\/[\w.]/,
  /\b[A-Z]:\\+Users\\/,
];

/** Nothing names a place on the machine where it was written. */
export const machinePaths: Rule = (tree) =>
  tree.flatMap(({ path, text }) =>
    text.split('\n').flatMap((content, index) => {
      const hit = MACHINE.map((pattern) => pattern.exec(content)?.[0]).find((found) => found !== undefined);
      return hit === undefined ? [] : [`${path}:${index + 1}: ${hit}`];
    }),
  );

const WHERE_MESSAGES_PASS = /^(?:edge|core|adapters)\/.*\.ts$/;

/** That no line of these files has anything of the kind. */
const noneThere =
  (files: RegExp, kind: RegExp): Rule =>
  (tree) =>
    written(tree)
      .filter(({ path }) => files.test(path))
      .flatMap(({ path, text }) =>
        text.split('\n').flatMap((content, index) => {
          const hit = kind.exec(content)?.[0];
          return hit === undefined ? [] : [`${path}:${index + 1}: ${hit}`];
        }),
      );

/** Where messages pass no buffer is taken away: edge/untyped.mjs says what that would cost. */
export const detached: Rule = noneThere(
  WHERE_MESSAGES_PASS,
  /\.transfer(?:ToFixedLength|ToImmutable)?\(|\bstructuredClone\(|\btransfer(?:List)?\s*:/,
);

/** What is exported there is assigned once: edge/untyped.mjs has a copy of it in each module that imports it. */
export const assignedAnew: Rule = noneThere(WHERE_MESSAGES_PASS, /^export (?:let|var)\b/);

const FOCUSED = /^(?:(?:describe|test|it)(?:\.\w+)*\.(?:skip|only|todo|skipIf)|(?:x|f)(?:describe|test|it))\b/;

/** Every test runs, always. */
export const focusedTests: Rule = (tree) =>
  sources(tree)
    .filter(({ path }) => path.startsWith('test/'))
    .flatMap((file) =>
      facts(file)
        .uses.filter(({ name }) => FOCUSED.test(name))
        .map(({ name, line }) => `${file.path}:${line}: ${name}`),
    );
