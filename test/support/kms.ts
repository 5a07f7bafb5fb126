// KMS as far as vaults and key stores ask it (AWS KMS API Reference): on the loopback, for no account.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KMSClient } from '@aws-sdk/client-kms';

const REGION = 'us-east-1';

interface Call {
  readonly KeyId?: string;
  readonly DestinationKeyId?: string;
  readonly NumberOfBytes?: number;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
  readonly SourceEncryptionContext?: Readonly<Record<string, string>>;
  readonly DestinationEncryptionContext?: Readonly<Record<string, string>>;
}

export class TestKms {
  readonly keyArn = `arn:aws:kms:${REGION}:111122223333:key/11111111-2222-3333-4444-555555555555`;
  /** Actions and contexts, as they came. */
  readonly calls: { readonly action: string; readonly context: unknown }[] = [];
  /** Actions that the caller's role has not. */
  readonly denied = new Set<string>();
  readonly #key = randomBytes(32);
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const action = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      const call: Call = JSON.parse(body);
      this.calls.push({ action, context: call.EncryptionContext });
      const answer = this.#answer(action, call);
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(answer.body));
    });
  });
  readonly #clients: KMSClient[] = [];

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  client(): KMSClient {
    const { port } = this.#server.address() as AddressInfo;
    const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
    const client = new KMSClient({ endpoint: `http://127.0.0.1:${port}`, region: REGION, credentials, maxAttempts: 1 });
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(action: string, call: Call): { readonly status: number; readonly body: object } {
    const refuse = (name: string) => ({ status: 400, body: { __type: name, message: name } });
    const answer = (body: object) => ({ status: 200, body: { KeyId: this.keyArn, ...body } });
    if (this.denied.has(action)) return refuse('AccessDeniedException');
    if ((call.KeyId ?? call.DestinationKeyId) !== this.keyArn) return refuse('NotFoundException');
    const blob = Buffer.from(call.CiphertextBlob ?? '', 'base64');
    try {
      switch (action) {
        case 'Encrypt':
          return answer({
            CiphertextBlob: this.#seal(Buffer.from(call.Plaintext ?? '', 'base64'), call.EncryptionContext),
          });
        case 'GenerateDataKeyWithoutPlaintext':
          return answer({ CiphertextBlob: this.#seal(randomBytes(call.NumberOfBytes ?? 32), call.EncryptionContext) });
        case 'ReEncrypt': {
          const plain = this.#open(blob, call.SourceEncryptionContext);
          return answer({ CiphertextBlob: this.#seal(plain, call.DestinationEncryptionContext) });
        }
        default:
          return answer({ Plaintext: this.#open(blob, call.EncryptionContext).toString('base64') });
      }
    } catch {
      return refuse('InvalidCiphertextException');
    }
  }

  #seal(plain: Buffer, context: Call['EncryptionContext']): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(bound(context));
    const sealed = [cipher.update(plain), cipher.final()];
    return Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString('base64');
  }

  #open(blob: Buffer, context: Call['EncryptionContext']): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, blob.subarray(0, 12)).setAAD(bound(context));
    decipher.setAuthTag(blob.subarray(12, 28));
    return Buffer.concat([decipher.update(blob.subarray(28)), decipher.final()]);
  }
}

/** The context is bound in as it is, its names in order. */
const bound = (context: Call['EncryptionContext']): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context ?? {}).sort()));
