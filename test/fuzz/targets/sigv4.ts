/**
 * Signature Version 4 of the local admin API. Lines: method, request target, body, then headers as `name: value`; lines
 * `tamper …` change the request after an independent signer has signed it. What it signed verifies; what was tampered
 * with does not, unless it means the same; nothing throws.
 */

import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { type SignedRequest, verifySignature } from '../../../local/sigv4.ts';
import { numberIn } from '../corpus.ts';
import { changeBytes } from '../mutate.ts';
import type { Random } from '../random.ts';
import { hold, type Lines, type Target } from '../target.ts';

const KEY = 'AKIALOCALEXAMPLE';
const NOW = Date.parse('2026-03-01T12:00:00Z');
const CODES: ReadonlySet<string> = new Set(['unsigned', 'signature_invalid', 'signature_expired']);
const OPTIONS = {
  region: 'us-east-1',
  service: 'execute-api',
  secretOf: (id: string) => (id === KEY ? 'a secret of the local product' : undefined),
};

const SIGNER = new SignatureV4({
  service: OPTIONS.service,
  region: OPTIONS.region,
  credentials: { accessKeyId: KEY, secretAccessKey: 'a secret of the local product' },
  sha256: Sha256,
});

interface Request {
  readonly method: string;
  readonly target: string;
  readonly body: Buffer;
  readonly headers: readonly (readonly [string, string])[];
}

const isTamper = (line: string): boolean => line.startsWith('tamper ');

/** Only what an HTTP server lets through: visible characters in the request line, no line ends in headers. */
function requestOf(lines: Lines): Request {
  const own = lines.filter((line) => !isTamper(line.toString('latin1')));
  const word = (line: Buffer | undefined, other: string) =>
    line?.toString('latin1').replaceAll(/[^\x21-\x7e]/g, '') || other;
  const headers = new Map<string, string>();
  for (const line of own.slice(3)) {
    const parts = /^([!#$%&'*+.^_`~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)$/.exec(line.toString('latin1'));
    const name = parts?.[1]?.toLowerCase();
    // The signer leaves these out or sets them itself.
    if (name === undefined || RESERVED.test(name)) continue;
    headers.set(name, parts![2]!);
  }
  const target = word(own[1], '/admin/fix/stats').replaceAll('#', '');
  return {
    method: word(own[0], 'GET'),
    target: target.startsWith('/') ? target : `/${target}`,
    body: own[2] ?? Buffer.alloc(0),
    headers: [...headers],
  };
}

const RESERVED =
  /^(?:host|authorization|x-amz-.*|cache-control|connection|expect|from|keep-alive|max-forwards|pragma|referer|te|trailer|transfer-encoding|upgrade|user-agent|x-amzn-trace-id|proxy-.*|sec-.*)$/;

/** The query as the signer takes it; undefined when it says something that it cannot be told. */
function queryOf(text: string): Record<string, string[]> | undefined {
  const query: Record<string, string[]> = {};
  for (const pair of text === '' ? [] : text.split('&')) {
    const mark = pair.indexOf('=');
    if (mark < 0 || /[+]/.test(pair)) return undefined;
    try {
      const name = decodeURIComponent(pair.slice(0, mark));
      if (name === '' || /^x-amz-/i.test(name) || name === '__proto__') return undefined;
      query[name] = [...(query[name] ?? []), decodeURIComponent(pair.slice(mark + 1))];
    } catch {
      return undefined;
    }
  }
  return query;
}

async function signed(request: Request): Promise<SignedRequest | undefined> {
  const { method, target, body, headers } = request;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = queryOf(mark < 0 ? '' : target.slice(mark + 1));
  // A path that a signer would make another one of: '.' segments, empty ones, bytes it encodes anew.
  if (query === undefined || /\/\/|\/\.|[^\w/~.-]/.test(path)) return undefined;
  const all = { ...Object.fromEntries(headers), host: '127.0.0.1:8080' };
  const result = await SIGNER.sign(
    { method, protocol: 'http:', hostname: '127.0.0.1', path, query, headers: all, body },
    { signingDate: new Date(NOW) },
  );
  return { method, target, rawHeaders: Object.entries(result.headers).flat(), body };
}

/** What a request says, whatever the letters: equal texts mean the same request. */
function meaning({ method, target, rawHeaders, body }: SignedRequest): string {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!.trim().replaceAll(/ +/g, ' ');
    headers.set(name, headers.has(name) ? `${headers.get(name)},${value}` : value);
  }
  const authorization = (headers.get('authorization') ?? '').replaceAll(/\s/g, '');
  const names = /SignedHeaders=([^,]*)/.exec(authorization)?.[1]?.split(';').sort() ?? [];
  const bare = authorization.replace(/SignedHeaders=[^,]*/, '');
  const others = [...headers.keys()].filter((name) => name.startsWith('x-amz-') && !names.includes(name)).sort();
  const values = [...names, ...others].map((name) => [name, headers.get(name)]);
  return JSON.stringify([
    method,
    target,
    bare,
    values,
    Buffer.from(body).toString('latin1'),
    headers.get('x-amz-content-sha256'),
  ]);
}

/** `tamper body 3 x`: a byte of the method, target, body, or of the nth header's name or value. */
function tampered(request: SignedRequest, line: string): SignedRequest {
  const [, what = '', where = '', ...rest] = line.split(' ');
  const at = numberIn(where, 1_000_000);
  const letter = rest.join(' ');
  const put = (text: string) =>
    text === '' ? letter : text.slice(0, at % text.length) + letter + text.slice((at % text.length) + 1);
  switch (what) {
    case 'method':
      return { ...request, method: put(request.method) };
    case 'target':
      return { ...request, target: put(request.target) };
    case 'body':
      return { ...request, body: Buffer.from(put(Buffer.from(request.body).toString('latin1')), 'latin1') };
    case 'drop': {
      const i = (at % Math.max(1, request.rawHeaders.length / 2)) * 2;
      return { ...request, rawHeaders: request.rawHeaders.toSpliced(i, 2) };
    }
    case 'add':
      return {
        ...request,
        rawHeaders: [...request.rawHeaders, letter.split(':')[0] ?? '', letter.split(':')[1] ?? ''],
      };
    default: {
      const names = request.rawHeaders.map((name) => name.toLowerCase());
      const i = what === 'authorization' ? names.indexOf('authorization') + 1 : at % Math.max(1, names.length);
      if (request.rawHeaders.length === 0) return request;
      return { ...request, rawHeaders: request.rawHeaders.with(i, put(request.rawHeaders[i]!)) };
    }
  }
}

function verify(request: SignedRequest): boolean {
  const verdict = verifySignature(request, OPTIONS, NOW);
  if (!verdict.ok) hold(CODES.has(verdict.code) && verdict.text !== '', () => `code ${verdict.code}`);
  return verdict.ok;
}

async function check(lines: Lines): Promise<void> {
  const own = requestOf(lines);
  const request = await signed(own);
  if (request === undefined) {
    verify({ ...own, rawHeaders: own.headers.flat() });
    return;
  }
  hold(
    verify(request),
    () => `what was signed does not verify: ${JSON.stringify(verifySignature(request, OPTIONS, NOW))}`,
  );
  const before = meaning(request);
  let changed = request;
  for (const line of lines) {
    const text = line.toString('latin1');
    if (!isTamper(text)) continue;
    changed = tampered(changed, text);
    const same = meaning(changed) === before;
    const letters = JSON.stringify([changed.method, changed.target, changed.rawHeaders]);
    hold(
      !verify(changed) || same || sameQuery(changed.target, request.target),
      () => `tampered with, and verified: ${letters}`,
    );
  }
}

/** Names and values in another order, or encoded in another way, are the same query. */
function sameQuery(one: string, other: string): boolean {
  const parts = (target: string) => {
    const [path = '', ...rest] = target.split('?');
    const query = queryOf(rest.join('?'));
    return query === undefined
      ? target
      : JSON.stringify([
          path,
          Object.entries(query)
            .map(([k, v]) => [k, v.toSorted()])
            .sort(),
        ]);
  };
  return one !== other && parts(one) === parts(other);
}

const TAMPERS: readonly string[] = [
  'method',
  'target',
  'body',
  'header',
  'authorization',
  'authorization',
  'drop',
  'add',
];
const LETTERS: readonly string[] = [
  'x',
  '',
  ' ',
  '%',
  '&',
  '=',
  ',',
  ';',
  '/',
  '0',
  'x-amz-a:b',
  'host:other',
  'X:',
  '\xff',
];

export const target: Target = {
  name: 'sigv4',
  inputs: 150,
  line(random: Random) {
    const tamper = `tamper ${random.pick(TAMPERS)} ${random.below(300)} ${random.pick(LETTERS)}`;
    return Buffer.from(random.chance(3) ? `x-a${random.below(9)}: b  c` : tamper, 'latin1');
  },
  mutate: changeBytes,
  check,
};
