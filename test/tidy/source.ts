// The tree as the tidy rules see it: every text file, and of every source file its imports, functions and calls.

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from '@swc/core';

export interface File {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  /** `import type` or a type query: nothing of it is left at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Facts {
  readonly imports: readonly Import[];
  /** Every string literal: also how a worker, a child process or a bundler entry names a file. */
  readonly literals: readonly string[];
  /** Every function with its length in lines; `suite` is true for the callback of a `describe`. */
  readonly functions: readonly { name: string; line: number; lines: number; suite: boolean }[];
  /** What is called, read or made, by its dotted name; a `new` without arguments ends in `()`. */
  readonly uses: readonly { name: string; line: number }[];
}

type Node = { readonly type: string; readonly [key: string]: unknown };

const IGNORED = new Set(['node_modules', 'cdk.out', 'coverage', 'dist', 'package-lock.json']);
const HIDDEN_BUT_OURS = new Set(['.ci', '.github', '.gitignore', '.gitattributes', '.npmrc', '.editorconfig']);
const LARGEST_FILE = 4 * 1024 * 1024;

/** The text files of the repository at `root`, without what is installed or generated into ignored folders. */
export function readTree(root: string, folder = ''): File[] {
  const found: File[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (IGNORED.has(entry.name) || /\.log$/.test(entry.name)) continue;
    if (entry.name.startsWith('.') && !HIDDEN_BUT_OURS.has(entry.name)) continue;
    if (entry.isDirectory()) found.push(...readTree(root, path));
    else if (entry.isFile()) {
      const bytes = readFileSync(join(root, path));
      if (bytes.length <= LARGEST_FILE && !bytes.includes(0)) found.push({ path, text: bytes.toString('utf8') });
    }
  }
  return found;
}

export const isSource = (path: string) => /\.(?:ts|tsx|mjs|js)$/.test(path) && !/\.d\.ts$/.test(path);

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

const span = (node: Node) => node.span as { readonly start: number; readonly end: number };

const text = (value: unknown) => (isNode(value) && typeof value.value === 'string' ? value.value : undefined);

/** `a.b.c` for a chain of plain names, else undefined. */
function dotted(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return text(node);
  if (node.type === 'CallExpression') return dotted(node.callee);
  if (node.type !== 'MemberExpression') return undefined;
  const object = dotted(node.object);
  const property =
    isNode(node.property) && node.property.type === 'Computed' ? node.property.expression : node.property;
  const name = text(property);
  return object === undefined || name === undefined ? undefined : `${object}.${name}`;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'ClassMethod']);
for (const type of ['PrivateMethod', 'Constructor', 'MethodProperty', 'GetterProperty', 'SetterProperty'])
  FUNCTIONS.add(type);

const cache = new Map<string, Facts>();

/** What stands in a source file. Throws when it does not parse. */
export function facts(file: File): Facts {
  const key = `${file.path}\0${file.text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const typescript = /\.tsx?$/.test(file.path);
  const module = parseSync(file.text, {
    target: 'es2024',
    ...(typescript ? { syntax: 'typescript', tsx: file.path.endsWith('x') } : { syntax: 'ecmascript' }),
  }) as unknown as Node;
  const made = collect(module, lineOf(file.text));
  cache.set(key, made);
  return made;
}

/** Line of a byte offset; swc counts from 1. */
function lineOf(source: string): (offset: number) => number {
  const bytes = Buffer.from(source);
  const ends: number[] = [];
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) ends.push(at);
  return (offset) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < offset - 1) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}

function collect(module: Node, line: (offset: number) => number): Facts {
  const imports: Import[] = [];
  const literals: string[] = [];
  const functions: Facts['functions'][number][] = [];
  const uses: Facts['uses'][number][] = [];
  const suites = new Set<unknown>();

  const visit = (node: Node): void => {
    const at = isNode(node) && node.span !== undefined ? line(span(node).start) : 0;
    const imported = importOf(node);
    if (imported !== undefined) imports.push({ ...imported, line: at });
    if (node.type === 'StringLiteral') literals.push(node.value as string);
    if (FUNCTIONS.has(node.type)) {
      const lines = line(span(node).end - 1) - at + 1;
      functions.push({ name: nameOf(node), line: at, lines, suite: suites.has(node) });
    }
    const name = useOf(node);
    if (name !== undefined) uses.push({ name, line: at });
    if (node.type === 'CallExpression' && /^describe\b/.test(name ?? '')) {
      for (const { expression } of node.arguments as { expression: unknown }[]) suites.add(expression);
    }
    for (const value of Object.values(node)) descend(value);
  };
  const descend = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) descend(item);
    else if (isNode(value)) visit(value);
    else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) descend(item);
  };
  visit(module);
  return { imports, literals, functions, uses };
}

function importOf(node: Node): Omit<Import, 'line'> | undefined {
  if (/^(?:Import|ExportAll|ExportNamed)Declaration$/.test(node.type)) {
    const specifier = text(node.source);
    return specifier === undefined ? undefined : { specifier, typeOnly: node.typeOnly === true };
  }
  if (node.type === 'TsImportType') return { specifier: text(node.argument) ?? '', typeOnly: true };
  if (node.type !== 'CallExpression' || !isNode(node.callee) || node.callee.type !== 'Import') return undefined;
  const [first] = node.arguments as { expression: unknown }[];
  return { specifier: text(first?.expression) ?? '', typeOnly: false };
}

function useOf(node: Node): string | undefined {
  if (node.type === 'MemberExpression') return dotted(node);
  if (node.type === 'CallExpression') return dotted(node.callee);
  if (node.type !== 'NewExpression') return undefined;
  const name = dotted(node.callee);
  const args = (node.arguments as unknown[] | null) ?? [];
  return name === undefined ? undefined : `new ${name}${args.length === 0 ? '()' : ''}`;
}

function nameOf(node: Node): string {
  const named = [node.identifier, node.key].map(text).find((name) => name !== undefined);
  return named ?? (node.type === 'Constructor' ? 'constructor' : 'a function');
}
