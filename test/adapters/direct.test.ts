// Calls without the SDK: what they look like on the wire, and what becomes of tries that fail. That they do what the SDK's do,
// the suites of the stores hold (test/support/stores.ts).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Sha256 } from '@aws-crypto/sha256-js';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { DirectCalls, type DirectOptions } from '../../adapters/dynamodb/direct.ts';
import { fromItem, toItem, toValues } from '../../adapters/dynamodb/items.ts';
import { mayPass, Patience } from '../../adapters/dynamodb/patience.ts';
import { Signer } from '../../adapters/dynamodb/signature.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { verifySignature } from '../../local/sigv4.ts';

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const KEY = { TableName: 't', Key: { pk: { S: 'ü' } } };

interface Heard {
  readonly operation: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}
type Answer = (response: ServerResponse, heard: Heard, socket: Socket) => void;

const says =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const refuses = (name: string, more: object = {}, headers: Record<string, string> = {}): Answer =>
  says(400, { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'said', ...more }, headers);
const drops: Answer = (_response, _heard, socket) => socket.destroy();

let server: Server;
let endpoint: string;
let heard: Heard[];
/** One after the other, and the last from then on. */
let answers: readonly Answer[];
beforeEach(async () => {
  heard = [];
  answers = [says(200, {})];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const one = {
      operation,
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(chunks).toString(),
    };
    heard.push(one);
    answers[Math.min(heard.length, answers.length) - 1]?.(response, one, request.socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const direct = (more: Partial<DirectOptions> = {}): DirectCalls =>
  new DirectCalls({ region: 'eu-central-1', endpoint, credentials: KEYS, ...more }, systemRandom);
const get = (calls: DirectCalls, deadlineMs = 3_000) => calls.call('GetItem', KEY, deadlineMs);

describe('a request', () => {
  test('is signed so that whoever knows the secret can verify it, and nothing of it can be changed', async () => {
    await get(direct());
    const [{ rawHeaders, body, operation, headers } = {} as Heard] = heard;
    expect([operation, headers['content-type'], JSON.parse(body)]).toEqual([
      'GetItem',
      'application/x-amz-json-1.0',
      KEY,
    ]);
    const region = 'eu-central-1';
    const secretOf = (id: string) => (id === KEYS.accessKeyId ? KEYS.secretAccessKey : undefined);
    const verdict = (changed: Partial<{ body: string; rawHeaders: readonly string[] }> = {}) => {
      const request = { method: 'POST', target: '/', rawHeaders, ...changed, body: Buffer.from(changed.body ?? body) };
      return verifySignature(request, { region, service: 'dynamodb', secretOf }, Date.now());
    };
    expect(verdict()).toEqual({ ok: true, access_key_id: KEYS.accessKeyId });
    expect(verdict({ body: `${body} ` })).toMatchObject({ ok: false, code: 'signature_invalid' });
    const elsewhere = rawHeaders.map((text) => text.replace('GetItem', 'Scan'));
    expect(verdict({ rawHeaders: elsewhere })).toMatchObject({ ok: false, code: 'signature_invalid' });
  });

  test('of a role has its session token, signed', async () => {
    await get(direct({ credentials: { ...KEYS, sessionToken: 'token' } }));
    expect(heard[0]?.headers['x-amz-security-token']).toBe('token');
    expect(heard[0]?.headers.authorization).toContain(';x-amz-security-token;');
  });

  test('has the signature that the SDK would give it', async () => {
    const credentials = { ...KEYS, sessionToken: 'token/+=' };
    const body = JSON.stringify({ TableName: 'ü' });
    const at = new Date(Date.UTC(2026, 1, 28, 23, 59, 59, 999));
    const request = {
      host: 'dynamodb.eu-central-1.amazonaws.com',
      path: '/',
      target: 'DynamoDB_20120810.Scan',
      contentType: 'c',
      body,
    };
    const ours = new Signer('eu-central-1').headers(request, credentials, at.getTime());
    const { host, contentType, target } = request;
    const region = 'eu-central-1';
    const sdk = new SignatureV4({ service: 'dynamodb', region, credentials, sha256: Sha256, applyChecksum: false });
    const headers = { host, 'content-type': contentType, 'x-amz-target': target };
    const theirs = await sdk.sign(
      { method: 'POST', protocol: 'https:', hostname: host, path: '/', headers, body },
      { signingDate: at },
    );
    expect({ host, ...ours }).toEqual(theirs.headers);
  });

  test('is signed by the key of its day', () => {
    const request = { host: 'h', path: '/', target: 't', contentType: 'c', body: '{}' };
    const signer = new Signer('us-east-1');
    const at = (now: number, keys = KEYS) => signer.headers(request, keys, now).authorization;
    const noon = Date.UTC(2026, 0, 1, 12);
    const first = at(noon);
    expect(first).toContain('/20260101/us-east-1/dynamodb/aws4_request');
    expect(at(noon + 86_400_000)).not.toBe(first);
    expect(at(noon, { ...KEYS, secretAccessKey: 'rotated' })).not.toBe(first);
    expect(at(noon)).toBe(first);
  });

  test('goes where the environment says, when no endpoint is named', async () => {
    process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint;
    try {
      await get(new DirectCalls({ region: 'eu-central-1', credentials: KEYS }, systemRandom));
    } finally {
      delete process.env.AWS_ENDPOINT_URL_DYNAMODB;
    }
    expect(heard).toHaveLength(1);
  });

  test('carries bytes both ways, also beside an attribute that is named as they are', async () => {
    const row = { pk: 'a', bytes: new Uint8Array([0, 255, 7]), B: { B: 'B', list: [new Uint8Array(1)] } };
    const Item = toItem({ ...row, bytes: Buffer.from([9, 0, 255, 7]).subarray(1) });
    answers = [(response, { body }) => says(200, { Item: JSON.parse(body).Item })(response, {} as Heard, {} as Socket)];
    const output = await direct().call('PutItem', { TableName: 't', Item }, 3_000);
    expect(JSON.parse(heard[0]?.body ?? '').Item.bytes).toEqual({ B: 'AP8H' });
    expect(fromItem((output as { Item: never }).Item)).toEqual({
      ...row,
      bytes: Buffer.from([0, 255, 7]),
      B: { B: 'B', list: [Buffer.alloc(1)] },
    });
  });

  test('tells the Date of its reply, and when it was heard', async () => {
    answers = [says(200, {}, { date: 'Thu, 15 Jan 2026 12:00:00 GMT' })];
    const told: number[][] = [];
    const before = performance.now();
    await get(direct({ onDate: (...what) => told.push(what) }));
    expect(told).toHaveLength(1);
    const [date, sent = 0, at = 0] = told[0] ?? [];
    expect(date).toBe(Date.UTC(2026, 0, 15, 12));
    expect(before <= sent && sent <= at && at <= performance.now()).toBe(true);
  });
});

describe('a try that fails', () => {
  test.each<[string, Answer]>([
    ['by a store that is broken', says(500, { __type: 'x#InternalServerError' })],
    ['by a proxy that says nothing', says(503, '<html>')],
    ['by throttling', refuses('ThrottlingException')],
    ['by a connection that ends', drops],
    [
      'by a reply that ends midway',
      (response, _heard, socket) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{"Item"', () => socket.destroy());
      },
    ],
  ])('%s is tried again', async (_what, failure) => {
    answers = [failure, says(200, { Item: { n: { N: '1' } } })];
    expect(await get(direct())).toEqual({ Item: { n: { N: '1' } } });
    expect(heard).toHaveLength(2);
  });

  test('three times in all, and the deadline before that', async () => {
    answers = [says(500, {})];
    await expect(get(direct())).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    expect(heard).toHaveLength(3);
    answers = [refuses('ThrottlingException')];
    heard = [];
    await expect(get(direct(), 1)).rejects.toThrow();
    expect(heard.length).toBeLessThan(2);
  });

  test('as one transaction: under one token', async () => {
    answers = [drops, says(500, {}), says(200, {})];
    const calls = direct();
    await calls.call('TransactWriteItems', { TransactItems: [] }, 3_000);
    await calls.call('TransactWriteItems', { TransactItems: [], ClientRequestToken: 'mine' }, 3_000);
    const tokens = heard.map(({ body }) => JSON.parse(body).ClientRequestToken);
    expect(tokens.slice(0, 3)).toEqual([tokens[0], tokens[0], tokens[0]]);
    expect(tokens[0]).toHaveLength(36);
    expect(tokens[3]).toBe('mine');
  });

  test('for lack of an answer is given up in its time, and the connection with it', async () => {
    answers = [() => {}, says(200, {})];
    expect(await get(direct({ requestTimeoutMs: 50 }))).toEqual({});
    answers = [() => {}];
    await expect(get(direct({ requestTimeoutMs: 20 }))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('is none because this process stood still: the answer that came meanwhile is read first', async () => {
    answers = [
      (...request) => {
        says(200, { Item: {} })(...request);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
      },
    ];
    const failed: string[] = [];
    const calls = direct({ requestTimeoutMs: 100, onFailedTry: (_operation, what) => failed.push(what) });
    expect(await get(calls)).toEqual({ Item: {} });
    expect([failed, heard.length]).toEqual([[], 1]);
  });

  test('by a clock that is wrong is signed anew by the time of the store', async () => {
    const day = 86_400_000;
    const headers = { date: new Date(Date.now() + day).toUTCString() };
    answers = [
      refuses('InvalidSignatureException', { message: 'Signature expired: …' }, headers),
      says(200, {}, headers),
    ];
    await get(direct());
    const stamp = String(heard[1]?.headers['x-amz-date']);
    const signedAt = Date.parse(stamp.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
    expect(Math.abs(signedAt - Date.now() - day)).toBeLessThan(day / 2);
  });

  test('for what it asks is not tried again, and says what was wrong', async () => {
    answers = [refuses('ConditionalCheckFailedException', { Item: { pk: { S: 'a' }, b: { B: 'AP8H' } } })];
    await expect(get(direct())).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      message: 'said',
      Item: { pk: { S: 'a' }, b: { B: Buffer.from([0, 255, 7]) } },
    });
    answers = [refuses('TransactionCanceledException', { CancellationReasons: [{ Code: 'None' }] })];
    await expect(get(direct())).rejects.toMatchObject({ CancellationReasons: [{ Code: 'None' }] });
    answers = [refuses('InvalidSignatureException', { message: 'The request signature does not match' })];
    await expect(get(direct())).rejects.toThrow('does not match');
    expect(heard).toHaveLength(3);
  });

  test('is told of: a call that was throttled looks like one that was slow otherwise', async () => {
    const told: string[] = [];
    const calls = direct({ requestTimeoutMs: 50, onFailedTry: (operation, what) => told.push(`${operation} ${what}`) });
    const of = async (...said: readonly Answer[]): Promise<readonly string[]> => {
      answers = said;
      heard = [];
      told.length = 0;
      await get(calls).catch(() => {});
      return [...told];
    };
    const fine = says(200, {});
    const cancelled = (Code: string) =>
      refuses('TransactionCanceledException', { CancellationReasons: [{ Code: 'None' }, { Code }] });
    expect(await of(fine)).toEqual([]);
    expect(await of(refuses('ProvisionedThroughputExceededException'), fine)).toEqual(['GetItem throttled']);
    expect(await of(drops, () => {}, fine)).toEqual(['GetItem unanswered', 'GetItem unanswered']);
    expect(await of(says(503, '<html>'), fine)).toEqual(['GetItem broken']);
    expect(await of(cancelled('ThrottlingError'))).toEqual(['GetItem throttled']);
    for (const answer of [cancelled('ConditionalCheckFailed'), refuses('ConditionalCheckFailedException')])
      expect(await of(answer)).toEqual([]);
    expect(await of(refuses('TransactionInProgressException'), fine)).toEqual([]);
    expect(await of(says(200, { UnprocessedKeys: {} }))).toEqual([]);
    expect(await of(says(200, { UnprocessedKeys: { t: { Keys: [] } } }))).toEqual(['GetItem throttled']);
    expect(await of(says(200, { UnprocessedItems: { t: [] } }))).toEqual(['GetItem throttled']);
  });

  test('is not tried again without end while the store is down', () => {
    const broken = Object.assign(new Error(), { $metadata: { httpStatusCode: 500 } });
    const patience = new Patience();
    let repeated = 0;
    while (patience.pauseFor(broken, 1) !== undefined) repeated++;
    expect(repeated).toBe(35);
    for (let answered = 0; answered < 14; answered++) patience.succeeded(1);
    expect(patience.pauseFor(broken, 1)).toBeGreaterThan(0);
    expect(mayPass(new TypeError('a defect of ours'))).toBe(false);
  });
});

// Names are ours: none is the one that sets an object's prototype.
const name = fc.string().filter((text) => text !== '__proto__');
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.string(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

describe('rows', () => {
  test('are written as the SDK writes them, and come back', () => {
    const rows = fc.dictionary(name, value, { noNullPrototype: true });
    fc.assert(
      fc.property(rows, (row) => {
        const item = toItem(row);
        expect(item).toEqual(marshall(row));
        expect(fromItem(item)).toEqual(unmarshall(item));
      }),
    );
  });

  test('leave out what is undefined, values of an expression do not', () => {
    expect(toItem({ a: undefined, b: { c: undefined } })).toEqual({ b: { M: {} } });
    expect(() => toValues({ ':a': undefined })).toThrow(TypeError);
  });

  test.each([[Number.NaN], [2 ** 53], [Number.POSITIVE_INFINITY], [1n], [() => {}]])('have no %s', (one) => {
    expect(() => toItem({ one })).toThrow(TypeError);
  });

  test('of a foreign type are no silence', () => {
    expect(() => fromItem({ a: { SS: ['x'] } })).toThrow(TypeError);
    expect(() => fromItem({ a: { N: '12345678901234567890' } })).toThrow(TypeError);
  });
});
