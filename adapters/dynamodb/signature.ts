/**
 * Signs requests to DynamoDB by AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"). The key of a day
 * is derived once: what a call costs is two digests of what is sent.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'dynamodb';

export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface Unsigned {
  /** As the Host header will be. */
  readonly host: string;
  readonly path: string;
  readonly target: string;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export class Signer {
  readonly #region: string;
  /** The key of this day and secret. */
  #derived: { readonly day: string; readonly secret: string; readonly key: KeyObject } | undefined;

  constructor(region: string) {
    this.#region = region;
  }

  /** The headers to be sent with the request, Host and Content-Length left out. @param now epoch ms */
  headers(request: Unsigned, keys: SigningKeys, now: number): Record<string, string> {
    const { host, path, target, contentType, body } = request;
    const { accessKeyId, secretAccessKey, sessionToken } = keys;
    // 20261126T011213Z, out of 2026-11-26T01:12:13.456Z.
    const stamp = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    const day = stamp.slice(0, 8);
    const token = sessionToken === undefined ? '' : `x-amz-security-token:${sessionToken}\n`;
    const names = `content-type;host;x-amz-date;${token === '' ? '' : 'x-amz-security-token;'}x-amz-target`;
    const lines = `content-type:${contentType}\nhost:${host}\nx-amz-date:${stamp}\n${token}x-amz-target:${target}\n`;
    const canonical = `POST\n${path}\n\n${lines}\n${names}\n${hash('sha256', body)}`;
    const scope = `${day}/${this.#region}/${SERVICE}/aws4_request`;
    const text = `${ALGORITHM}\n${stamp}\n${scope}\n${hash('sha256', canonical)}`;
    const signature = createHmac('sha256', this.#keyOf(day, secretAccessKey)).update(text).digest('hex');
    return {
      'content-type': contentType,
      'x-amz-date': stamp,
      'x-amz-target': target,
      ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
      authorization: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    };
  }

  #keyOf(day: string, secret: string): KeyObject {
    const known = this.#derived;
    if (known?.day === day && known.secret === secret) return known.key;
    // Of bytes Node makes such an object each time, at the price of the digest.
    const key = createSecretKey(hmac(hmac(hmac(hmac(`AWS4${secret}`, day), this.#region), SERVICE), 'aws4_request'));
    this.#derived = { day, secret, key };
    return key;
  }
}
