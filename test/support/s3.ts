// S3 as far as an archive asks it (Amazon S3 API Reference): one bucket on the loopback, whose signatures it checks.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

export const KEYS = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret', sessionToken: 'session' };

export class TestS3 {
  readonly objects = new Map<string, string>();
  /** Statuses to answer first. */
  readonly failing: number[] = [];
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      this.#answer(request, body).then(
        ({ status, text }) => response.writeHead(status).end(text),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, body: string): Promise<{ readonly status: number; readonly text: string }> {
    const failure = this.failing.shift();
    if (failure !== undefined) return { status: failure, text: 'SlowDown' };
    const url = new URL(request.url ?? '', this.endpoint);
    if (!(await this.#signed(request, url, body))) return { status: 403, text: 'SignatureDoesNotMatch' };
    const [, bucket, ...rest] = url.pathname.split('/');
    if (bucket !== 'archive') return { status: 404, text: 'NoSuchBucket' };
    const key = rest.map(decodeURIComponent).join('/');
    if (request.method === 'PUT') return this.#put(request, key, body);
    return key === '' ? this.#list(url.searchParams) : this.#get(key);
  }

  #put(request: IncomingMessage, key: string, body: string) {
    const checksum = createHash('sha256').update(body).digest('base64');
    // As a bucket under object lock.
    if (request.headers['x-amz-checksum-sha256'] !== checksum) return { status: 400, text: 'InvalidRequest' };
    if (request.headers['if-none-match'] === '*' && this.objects.has(key))
      return { status: 412, text: 'PreconditionFailed' };
    this.objects.set(key, body);
    return { status: 200, text: '' };
  }

  #get(key: string) {
    const text = this.objects.get(key);
    return text === undefined ? { status: 404, text: 'NoSuchKey' } : { status: 200, text };
  }

  /** Three keys a page. */
  #list(query: URLSearchParams) {
    const from = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const keys = [...this.objects.keys()]
      .sort()
      .filter((key) => key.startsWith(query.get('prefix') ?? '') && key > from);
    const page = keys.slice(0, 3);
    const next =
      keys.length > 3 ? `<NextContinuationToken>${page.at(-1)?.replaceAll('&', '&amp;')}</NextContinuationToken>` : '';
    return {
      status: 200,
      text: `<L>${page.map((key) => `<Key>${encodeURIComponent(key)}</Key>`).join('')}${next}</L>`,
    };
  }

  async #signed(request: IncomingMessage, url: URL, body: string): Promise<boolean> {
    const given = String(request.headers.authorization);
    const names = /SignedHeaders=([^,]+)/.exec(given)?.[1]?.split(';') ?? [];
    const date = String(request.headers['x-amz-date']);
    const at = new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    const signer = new SignatureV4({
      service: 's3',
      region: 'eu-west-1',
      credentials: KEYS,
      sha256: Sha256,
      uriEscapePath: false,
    });
    const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
    const query = Object.fromEntries(url.searchParams);
    const again = await signer.sign(
      {
        method: request.method ?? '',
        protocol: 'http:',
        hostname: url.hostname,
        path: url.pathname,
        query,
        headers,
        body,
      },
      { signingDate: at },
    );
    return again.headers.authorization === given;
  }
}
