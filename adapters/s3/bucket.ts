/** The three operations of S3 that an archive needs, signed and sent as they are: its whole client would be half of a bundle. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { StoreUnavailable } from '../../core/errors.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface BucketOptions {
  readonly region: string;
  readonly bucket: string;
  /** Keys that are valid now. */
  readonly credentials: () => Promise<AwsKeys>;
  /** Another endpoint than AWS's own; then the bucket stands in the path. */
  readonly endpoint?: string | undefined;
}

const TRIES = 4;
const ANSWER_WITHIN_MS = 10_000;
/** Keys of a page of a list (S3's most). */
const PAGE = 1000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class Bucket {
  readonly #options: BucketOptions;
  readonly #signer: SignatureV4;

  constructor(options: BucketOptions) {
    this.#options = options;
    const { region, credentials } = options;
    this.#signer = new SignatureV4({
      service: 's3',
      region,
      sha256: Sha256,
      uriEscapePath: false,
      credentials: async () => {
        const { sessionToken, ...keys } = await credentials();
        return sessionToken === undefined ? keys : { ...keys, sessionToken };
      },
    });
  }

  /** Puts an object where there is none. Rejects with StoreUnavailable. */
  async putIfAbsent(key: string, body: string): Promise<'put' | 'present'> {
    const checksum = createHash('sha256').update(body).digest('base64');
    // Object Lock asks for a checksum of whoever puts.
    const headers = { 'if-none-match': '*', 'content-type': 'application/json', 'x-amz-checksum-sha256': checksum };
    const { status, text } = await this.#send('PUT', key, {}, headers, body);
    if (status === 412) return 'present';
    if (status !== 200) throw new Error(`S3 put of ${key} answered ${status}: ${text.slice(0, 300)}`);
    return 'put';
  }

  /** Undefined: there is no such object. */
  async get(key: string): Promise<string | undefined> {
    const { status, text } = await this.#send('GET', key, {}, {});
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`S3 get of ${key} answered ${status}: ${text.slice(0, 300)}`);
    return text;
  }

  /** Keys that begin so, from the one behind `after` on, in the order of their bytes. */
  async *list(prefix: string, after: string): AsyncGenerator<string> {
    let token: string | undefined;
    do {
      const query: Record<string, string> = {
        'list-type': '2',
        'encoding-type': 'url',
        'max-keys': String(PAGE),
        prefix,
        ...(token === undefined ? { 'start-after': after } : { 'continuation-token': token }),
      };
      const { status, text } = await this.#send('GET', '', query, {});
      if (status !== 200) throw new Error(`S3 list of ${prefix} answered ${status}: ${text.slice(0, 300)}`);
      for (const [, key = ''] of text.matchAll(/<Key>([^<]*)<\/Key>/g))
        yield decodeURIComponent(key.replaceAll('+', ' '));
      token = /<NextContinuationToken>([^<]*)</.exec(text)?.[1]?.replaceAll('&amp;', '&');
    } while (token !== undefined);
  }

  /** Throttling, faults of S3 and of the network are tried again. */
  async #send(
    method: string,
    key: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      let answer: Answer | undefined;
      let cause: unknown;
      try {
        answer = await this.#once(method, key, query, headers, body);
      } catch (error) {
        cause = error;
      }
      // 409: another conditional write of the same key is under way.
      if (answer !== undefined && answer.status < 500 && answer.status !== 409 && answer.status !== 429) return answer;
      if (attempt === TRIES)
        throw new StoreUnavailable(`the archive does not answer: ${answer?.text.slice(0, 300)}`, { cause });
      await sleep(50 * 2 ** attempt);
    }
  }

  async #once(
    method: string,
    key: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer> {
    const { base, path } = this.#address(key);
    const signed = await this.#signer.sign({
      method,
      protocol: base.protocol,
      hostname: base.hostname,
      path,
      query,
      headers: { host: base.host, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const search = Object.entries(query).map(([name, value]) => `${name}=${escaped(value)}`);
    const url = `${base.origin}${path}${search.length === 0 ? '' : `?${search.join('&')}`}`;
    const init = { method, headers: signed.headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
    const response = await fetch(url, body === undefined ? init : { ...init, body });
    return { status: response.status, text: await response.text() };
  }

  #address(key: string): { readonly base: URL; readonly path: string } {
    const { endpoint, bucket, region } = this.#options;
    const path = `/${key.split('/').map(escaped).join('/')}`;
    if (endpoint !== undefined) return { base: new URL(endpoint), path: `/${bucket}${path}` };
    const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    return { base: new URL(`https://${bucket}.s3.${region}.${suffix}`), path };
  }
}

/** Percent-encoding by RFC 3986: only unreserved characters stay. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
