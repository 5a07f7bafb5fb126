/**
 * Calls to DynamoDB without the SDK's middle: JSON over a kept connection, signed here. An edge makes thousands of calls a
 * second when all log on at once, and of the half millisecond that one costs in the SDK nine tenths are what every service
 * might need (docs/adr/0039-calls-to-the-store-without-the-sdk.md). Where requests go and by whose credentials is still found
 * by the SDK; tries, their times and what is tried again are as it has them.
 */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterRunning } from '../../core/running-time.ts';
import type { Random, Timer } from '../../core/time.ts';
import { systemClock } from '../node/clock.ts';
import { systemTimers } from '../node/timers.ts';
import type { Operation, Operations, Output, StoreCalls } from './calls.ts';
import { type ClientOptions, connectTimeoutMs, MAX_ATTEMPTS, MAX_SOCKETS, REQUEST_TIMEOUT_MS } from './client.ts';
import { mayPass, Patience } from './patience.ts';
import { Signer, type SigningKeys } from './signature.ts';
import { type FailedTry, failedTry, isPartial } from './tries.ts';

const CONTENT_TYPE = 'application/x-amz-json-1.0';
const TARGET = 'DynamoDB_20120810.';
/** A clock further off than this is not believed: signatures more than five minutes off are refused. */
const SKEW_MS = 240_000;
/** Longest reply: DynamoDB's have at most 16 MB, and JSON's escapes at most double that. */
const REPLY_BYTES = 40 * 1024 * 1024;

export interface DirectOptions extends ClientOptions {
  /** Told of each reply's Date (epoch ms) and of when the request went and the reply came (monotonic ms). */
  readonly onDate?: OnDate | undefined;
  /** Told of each try that brought no answer, or half of one; most are tried again. */
  readonly onFailedTry?: ((operation: Operation, what: FailedTry) => void) | undefined;
}

type OnDate = (date: number, sent: number, heard: number) => void;

/** Where requests go. */
interface Place {
  readonly agent: http.Agent;
  readonly request: typeof http.request;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly path: string;
  /** The Host header. */
  readonly host: string;
  readonly signer: Signer;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly requestId: string | undefined;
}

/** Bytes in an input are those that items.ts makes, which write themselves as base64. */
export class DirectCalls implements StoreCalls {
  readonly #options: DirectOptions;
  readonly #random: Random;
  /** Finds endpoint and credentials; no call goes through it. */
  readonly #sdk: DynamoDBClient;
  readonly #patience = new Patience();
  readonly #tryMs: number;
  #place: Promise<Place> | undefined;
  #agent: http.Agent | undefined;
  /** It has whole seconds, and replies are many. */
  #heardLast = { header: '', date: Number.NaN };
  /** What has to be added to this machine's clock for signatures, ms. */
  #skewMs = 0;

  constructor(options: DirectOptions, random: Random) {
    const { region, endpoint, credentials } = options;
    this.#options = options;
    this.#random = random;
    this.#tryMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#sdk = new DynamoDBClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
  }

  async call<K extends Operation>(operation: K, input: Operations[K][0], deadlineMs: number): Promise<Output<K>> {
    const until = performance.now() + deadlineMs;
    const body = JSON.stringify(operation === 'TransactWriteItems' ? withToken(input) : input);
    for (let attempt = 1; ; attempt++) {
      try {
        const output = await this.#try(operation, body, until);
        this.#patience.succeeded(attempt);
        if (isPartial(output)) this.#options.onFailedTry?.(operation, 'throttled');
        return output as Output<K>;
      } catch (error) {
        const what = failedTry(error);
        if (what !== undefined) this.#options.onFailedTry?.(operation, what);
        const pause = attempt < MAX_ATTEMPTS && mayPass(error) ? this.#patience.pauseFor(error, attempt) : undefined;
        if (pause === undefined) throw error;
        const ms = Math.floor(pause * this.#share());
        if (performance.now() + ms >= until) throw error;
        await sleep(ms);
      }
    }
  }

  /** Closes idle connections. */
  destroy(): void {
    this.#agent?.destroy();
    this.#sdk.destroy();
  }

  /** Of 0 to 1. */
  #share(): number {
    return (this.#random.bytes(1)[0] ?? 0) / 256;
  }

  async #try(operation: Operation, body: string, until: number): Promise<object> {
    this.#place ??= this.#find();
    const place = await this.#place.catch((error: unknown) => {
      this.#place = undefined;
      throw error;
    });
    const keys: SigningKeys = await this.#sdk.config.credentials();
    const target = TARGET + operation;
    const { host, path, signer } = place;
    const request = { host, path, target, contentType: CONTENT_TYPE, body };
    const headers = signer.headers(request, keys, Date.now() + this.#skewMs);
    const ms = Math.min(this.#tryMs, until - performance.now());
    const reply = await this.#exchange(place, headers, body, ms);
    if (reply.status === 200) return parsed(reply.text);
    throw failureOf(reply);
  }

  #exchange(place: Place, headers: Record<string, string>, body: string, ms: number): Promise<Reply> {
    const { agent, hostname, port, path, host } = place;
    const sent = performance.now();
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', agent, hostname, port, path };
      const length = Buffer.byteLength(body);
      const request = place.request({ ...options, headers: { ...headers, host, 'content-length': length } });
      const late = whenRun(ms, () => request.destroy(noAnswer('the store has not answered in time')));
      const end = (tell: () => void): void => {
        late.cancel();
        tell();
      };
      const connectWithin = connectTimeoutMs(this.#tryMs);
      request.once('socket', (socket) => {
        if (!socket.connecting) return;
        const unreached = whenRun(connectWithin, () => request.destroy(noAnswer('the store is not reached')));
        socket.once('connect', () => unreached.cancel());
        socket.once('close', () => unreached.cancel());
      });
      request.on('error', (error) => end(() => reject(error)));
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > REPLY_BYTES) request.destroy(new RangeError('a reply longer than DynamoDB gives'));
          else chunks.push(chunk);
        });
        response.on('error', (error) => end(() => reject(error)));
        response.once('end', () => {
          this.#heard(response.headers.date, sent);
          const text = chunks.length === 1 ? (chunks[0] as Buffer).toString() : Buffer.concat(chunks).toString();
          const requestId = response.headers['x-amzn-requestid']?.toString();
          end(() => resolve({ status: response.statusCode ?? 0, text, requestId }));
        });
      });
      request.end(body);
    });
  }

  #heard(header: string | undefined, sent: number): void {
    if (header === undefined) return;
    if (header !== this.#heardLast.header) this.#heardLast = { header, date: Date.parse(header) };
    const { date } = this.#heardLast;
    if (Number.isNaN(date)) return;
    this.#options.onDate?.(date, sent, performance.now());
    if (Math.abs(date - (Date.now() + this.#skewMs)) > SKEW_MS) this.#skewMs = date - Date.now();
  }

  /** Asks the SDK where it would send a request: by region, partition, environment and shared configuration. */
  async #find(): Promise<Place> {
    const { protocol, hostname, port, path } = await endpointOf(this.#options);
    const secure = protocol === 'https:';
    const { Agent, request } = secure ? https : http;
    this.#agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
    const host = port === undefined ? hostname : `${hostname}:${port}`;
    return {
      agent: this.#agent,
      request,
      hostname,
      port,
      path,
      host,
      signer: new Signer(await this.#sdk.config.region()),
    };
  }
}

interface Endpoint {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
}

/** A request is begun and not sent. */
async function endpointOf({ region, endpoint, credentials }: ClientOptions): Promise<Endpoint> {
  const probe = new DynamoDBClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  });
  let found: Endpoint | undefined;
  probe.middlewareStack.add(
    () => async (args) => {
      found = args.request as Endpoint;
      return { output: { $metadata: {} }, response: undefined };
    },
    { step: 'finalizeRequest', priority: 'low', name: 'whereTo' },
  );
  await probe.send(new GetItemCommand({ TableName: 'none', Key: {} }));
  probe.destroy();
  if (found === undefined) throw new Error('the SDK names no endpoint');
  return found;
}

/** The name under which errors.ts knows that there was no answer. */
function noAnswer(message: string): Error {
  return Object.assign(new Error(message), { name: 'TimeoutError' });
}

/** By the time in which this process runs: an answer that came while it stood still is no late one. */
const whenRun = (ms: number, run: () => void): Timer =>
  afterRunning({ clock: systemClock, timers: systemTimers }, Math.max(0, ms), run);

/** A transaction that is tried again is one transaction (API reference, ClientRequestToken). */
function withToken<T>(input: T): T {
  return { ClientRequestToken: randomUUID(), ...input };
}

/** What DynamoDB says in place of an answer: the exception's name, its text, and the fields that it has. */
function failureOf({ status, text, requestId }: Reply): Error {
  const metadata = { $metadata: { httpStatusCode: status, requestId } };
  let said: Record<string, unknown>;
  try {
    said = parsed(text) as Record<string, unknown>;
  } catch {
    // A proxy, or a load balancer without a server.
    return Object.assign(new Error(`the store answers ${status} without saying why`), metadata);
  }
  const { __type: type, message, Message, ...fields } = said;
  // com.amazonaws.dynamodb.v20120810#ValidationException, or of stores that stand for it without what is before the #.
  const name = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : `Status${status}`;
  return Object.assign(new Error(String(message ?? Message ?? name)), { ...fields, name, ...metadata });
}

function parsed(text: string): object {
  const value = JSON.parse(text) as object;
  if (text.includes('"B":')) readBytes(value);
  return value;
}

/** In place. An attribute of an item may be named B as well; then what stands there is no text. */
function readBytes(value: object): void {
  for (const [name, one] of Object.entries(value)) {
    if (typeof one === 'object' && one !== null) readBytes(one);
    else if (name === 'B' && typeof one === 'string') (value as { B: unknown }).B = Buffer.from(one, 'base64');
  }
}
