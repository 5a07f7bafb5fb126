/** From what API Gateway hands over to a request that fits its schema, or the path of each thing wrong with it. */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { z } from 'zod';
import { MAX_BODY_BYTES } from '../contract/operations.ts';
import { FixgateError } from '../core/errors.ts';

/** Most problems that a reply lists; a body of 64 KiB can have thousands. */
const MAX_PROBLEMS = 100;

interface Problem {
  readonly path: string;
  readonly message: string;
}

/** The query as an object; a key that is given twice is no value of any schema. */
export function queryOf(event: APIGatewayProxyEvent): unknown {
  const given = Object.entries(event.multiValueQueryStringParameters ?? {});
  const twice = given.filter(([, values]) => (values?.length ?? 0) > 1);
  if (twice.length > 0) throw refusal(twice.map(([path]) => ({ path, message: 'is given more than once' })));
  return Object.fromEntries(
    Object.entries(event.queryStringParameters ?? {}).filter(([, value]) => value !== undefined),
  );
}

/**
 * The body as JSON. A name that stands twice in one object is refused: RFC 8259 section 4 leaves open which one counts,
 * and what an admin's tool meant is not to be guessed.
 */
export function bodyOf(event: APIGatewayProxyEvent): unknown {
  const unknown = Object.keys(event.queryStringParameters ?? {});
  if (unknown.length > 0) {
    throw refusal(unknown.map((path) => ({ path, message: 'no query parameter is known here' })));
  }
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > MAX_BODY_BYTES) throw new FixgateError('too_large');
  const text = decoded(bytes);
  const value = parsed(text);
  const twice = doubledNames(text);
  if (twice.length > 0) throw refusal(twice.map((path) => ({ path, message: 'is given more than once' })));
  return value;
}

/** The value as the schema makes it. @throws FixgateError invalid_request with the path of each problem */
export function checked(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusal(result.error.issues.flatMap(problems));
}

function refusal(all: readonly Problem[]): FixgateError {
  const shown = all.slice(0, MAX_PROBLEMS);
  const rest = all.length - shown.length;
  return new FixgateError('invalid_request', undefined, [
    ...shown,
    ...(rest > 0 ? [{ path: '', message: `and ${rest} more` }] : []),
  ]);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FixgateError('malformed_json', undefined, [{ message: 'not UTF-8' }]);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the text; where it stands is all that is told.
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    throw new FixgateError('malformed_json', undefined, [
      { message: 'not JSON', ...(position === undefined ? {} : { position: Number(position) }) },
    ]);
  }
}

/** Objects and lists that are open at some place of a JSON text. */
type Frame =
  | { readonly kind: 'object'; readonly names: Set<string>; name: string; awaitsName: boolean }
  | { readonly kind: 'list'; index: number };

/** Paths of names that stand twice in one object. @param text valid JSON */
function doubledNames(text: string): readonly string[] {
  const open: Frame[] = [];
  const doubled: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const top = open.at(-1);
    switch (text[at]) {
      case '{':
        open.push({ kind: 'object', names: new Set(), name: '', awaitsName: true });
        break;
      case '[':
        open.push({ kind: 'list', index: 0 });
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (top?.kind === 'object') top.awaitsName = true;
        else if (top) top.index++;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (top?.kind === 'object' && top.awaitsName) {
          top.name = JSON.parse(text.slice(at, end + 1));
          top.awaitsName = false;
          if (top.names.has(top.name)) doubled.push(pathText(open.map(partOf)));
          top.names.add(top.name);
        }
        at = end;
      }
    }
  }
  return doubled;
}

function partOf(frame: Frame): string | number {
  return frame.kind === 'list' ? frame.index : frame.name;
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/** One line a problem; each unknown key is one, at its own path. */
function problems(issue: z.core.$ZodIssue): readonly Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: 'is not a key of this object' }));
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ path: pathText(issue.path), message: missing ? 'is required' : issue.message }];
}

/** `groups[1]`, `bypass.reason`; a name that would read as something else stands in brackets: `["a.b"]`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = String(part);
    if (!/^[\p{L}\p{N}_$-]+$/u.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}
