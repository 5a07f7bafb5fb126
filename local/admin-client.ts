/** Signed requests to the admin API, as any AWS client signs them. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { LocalJson } from './data-dir.ts';

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of whatever operation was called; callers look at what they expect
  readonly body: any;
}

export type AdminTarget = Pick<LocalJson, 'admin_url' | 'region' | 'service' | 'access_key_id' | 'secret_access_key'>;

export class AdminClient {
  readonly #target: AdminTarget;
  readonly #signer: SignatureV4;

  constructor(target: AdminTarget) {
    this.#target = target;
    this.#signer = new SignatureV4({
      service: target.service,
      region: target.region,
      credentials: { accessKeyId: target.access_key_id, secretAccessKey: target.secret_access_key },
      sha256: Sha256,
    });
  }

  /** @param path under admin_url, for example `credentials` @param query names and values, undefined ones left out */
  get(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<Reply> {
    const search = Object.entries(query)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]): [string, string] => [name, String(value)]);
    return this.request('GET', path, search, undefined);
  }

  post(path: string, body: unknown): Promise<Reply> {
    return this.request('POST', path, [], JSON.stringify(body));
  }

  /** One request with this very body. @throws when the API cannot be reached */
  async request(
    method: string,
    path: string,
    query: readonly (readonly [string, string])[],
    body: string | undefined,
  ): Promise<Reply> {
    const url = new URL(`${this.#target.admin_url}/${path}`);
    const headers: Record<string, string> = { host: url.host };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const signed = await this.#signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(query),
      headers,
      ...(body === undefined ? {} : { body }),
    });
    url.search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
    const response = await fetch(url, { method, headers: signed.headers, ...(body === undefined ? {} : { body }) });
    return { status: response.status, body: await response.json() };
  }
}
