/**
 * Verifies AWS Signature Version 4 of a request as API Gateway with IAM authorization does (AWS General Reference,
 * "Signature Version 4 signing process"). Stricter in what it takes: header authorization only, the payload hashed,
 * `host`, the date and every `x-amz-*` header signed.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** Largest difference between the date of the signature and our clock, milliseconds. */
export const MAX_SKEW_MS = 5 * 60 * 1000;

export interface SignedRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly target: string;
  /** Alternating names and values as received (`IncomingMessage.rawHeaders`). */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

export interface VerifierOptions {
  readonly region: string;
  readonly service: string;
  /** The secret of an access key; undefined when there is no such key. */
  secretOf(accessKeyId: string): string | undefined;
}

export type Verdict =
  | { readonly ok: true; readonly access_key_id: string }
  | {
      readonly ok: false;
      readonly code: 'unsigned' | 'signature_invalid' | 'signature_expired';
      readonly text: string;
    };

interface Authorization {
  readonly accessKeyId: string;
  readonly scope: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const invalid = (text: string): Verdict => ({ ok: false, code: 'signature_invalid', text });

/** Verifies one request against the clock `now` (epoch ms). Never throws. */
export function verifySignature(request: SignedRequest, options: VerifierOptions, now: number): Verdict {
  const headers = collectHeaders(request.rawHeaders);
  const [path = '/', query = ''] = splitTarget(request.target);
  const value = headers.get('authorization');
  if (value === undefined) {
    return /(^|&)X-Amz-(Algorithm|Signature)=/i.test(query)
      ? invalid('Query-string authentication is not accepted; sign by the Authorization header.')
      : { ok: false, code: 'unsigned', text: 'The request has no Authorization header.' };
  }
  const authorization = parseAuthorization(value);
  if (authorization === undefined)
    return invalid(
      `The Authorization header is not of the form ${ALGORITHM} Credential=…, SignedHeaders=…, Signature=….`,
    );
  const flaw = headerFlaw(authorization, headers, options);
  if (flaw !== undefined) return invalid(flaw);
  const stamp = headers.get('x-amz-date') ?? '';
  const signedAt = parseStamp(stamp);
  if (signedAt === undefined) return invalid('x-amz-date is missing or not of the form YYYYMMDDTHHMMSSZ.');
  if (stamp.slice(0, 8) !== authorization.date)
    return invalid('The date of the credential scope is not that of x-amz-date.');
  const payloadHash = createHash('sha256').update(request.body).digest('hex');
  const declared = headers.get('x-amz-content-sha256');
  if (declared !== undefined && declared !== payloadHash)
    return invalid('x-amz-content-sha256 is not the SHA-256 of the body; unsigned payloads are not accepted.');
  const secret = options.secretOf(authorization.accessKeyId);
  const given = Buffer.from(authorization.signature, 'hex');
  // curl before 8.0 signs the query as it is sent, not sorted and encoded anew; either way all of it is signed.
  const queries = new Set([canonicalQuery(query), query]);
  let same = false;
  for (const candidate of queries) {
    const canonical = canonicalRequest(
      request.method,
      path,
      candidate,
      headers,
      authorization.signedHeaders,
      payloadHash,
    );
    const digest = createHash('sha256').update(canonical).digest('hex');
    const expected = sign(
      secret ?? 'no such key: the same work is done',
      authorization,
      [ALGORITHM, stamp, authorization.scope, digest].join('\n'),
    );
    same = (given.length === expected.length && timingSafeEqual(given, expected)) || same;
  }
  if (!same || secret === undefined)
    return invalid('The signature does not match: check the keys, the signed headers and the body.');
  if (Math.abs(now - signedAt) > MAX_SKEW_MS) {
    return {
      ok: false,
      code: 'signature_expired',
      text: `x-amz-date is ${Math.round(Math.abs(now - signedAt) / 1000)} s off; at most ${MAX_SKEW_MS / 1000} s are allowed.`,
    };
  }
  return { ok: true, access_key_id: authorization.accessKeyId };
}

/** What is wrong with scope or signed headers; undefined: nothing. */
function headerFlaw(
  authorization: Authorization,
  headers: ReadonlyMap<string, string>,
  options: VerifierOptions,
): string | undefined {
  if (authorization.region !== options.region || authorization.service !== options.service) {
    return `The credential scope is for ${authorization.region}/${authorization.service}; this endpoint is ${options.region}/${options.service}.`;
  }
  if (headers.has('x-amz-security-token')) return 'The session token was not issued here.';
  const signed = new Set(authorization.signedHeaders);
  if (!signed.has('host')) return 'The host header must be signed.';
  for (const name of headers.keys()) {
    if (name.startsWith('x-amz-') && !signed.has(name)) return `The header ${name} must be signed.`;
  }
  for (const name of signed) if (!headers.has(name)) return `The header ${name} is signed but was not sent.`;
  return undefined;
}

function parseAuthorization(value: string): Authorization | undefined {
  const match =
    /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})$/.exec(
      value.trim(),
    );
  if (match === null) return undefined;
  const [, credential = '', signedHeaders = '', signature = ''] = match;
  const parts = credential.split('/');
  if (parts.length !== 5 || parts[4] !== 'aws4_request') return undefined;
  const [accessKeyId = '', date = '', region = '', service = ''] = parts;
  return {
    accessKeyId,
    scope: parts.slice(1).join('/'),
    date,
    region,
    service,
    signedHeaders: signedHeaders.split(';'),
    signature,
  };
}

/** `YYYYMMDDTHHMMSSZ` to epoch ms. */
function parseStamp(stamp: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : at;
}

/** Names in lower case; values of a repeated header joined by commas, outer and repeated spaces removed. */
function collectHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = (rawHeaders[i + 1] as string).trim().replace(/ +/g, ' ');
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

function splitTarget(target: string): [string, string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

function canonicalRequest(
  method: string,
  path: string,
  query: string,
  headers: ReadonlyMap<string, string>,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  const lines = [...signedHeaders].sort().map((name) => `${name}:${headers.get(name) ?? ''}`);
  const uri = path
    .split('/')
    .map((segment) => encode(segment))
    .join('/');
  return [method, uri === '' ? '/' : uri, query, ...lines, '', [...signedHeaders].sort().join(';'), payloadHash].join(
    '\n',
  );
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair): [string, string] => {
    const mark = pair.indexOf('=');
    return mark < 0
      ? [encode(decode(pair)), '']
      : [encode(decode(pair.slice(0, mark))), encode(decode(pair.slice(mark + 1)))];
  });
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/** Percent-encoding by RFC 3986: only unreserved characters stay. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A text that is no valid percent-encoding stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function sign(secret: string, { date, region, service }: Authorization, toSign: string): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of [date, region, service, 'aws4_request']) key = createHmac('sha256', key).update(part).digest();
  return createHmac('sha256', key).update(toSign).digest();
}
