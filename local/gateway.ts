/**
 * A local API Gateway: takes HTTP, verifies Signature Version 4, builds the REST API proxy event and calls the same
 * lambda handlers that are deployed. What AWS answers by gateway responses is answered here with the same bodies.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { MAX_BODY_BYTES } from '../contract/operations.ts';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { type VerifierOptions, verifySignature } from './sigv4.ts';

/** Most bytes of a refused body that are read so that its sender can read the answer. */
const MAX_DRAIN_BYTES = 32 * 1024 * 1024;
/** Requests in flight at once; more wait in the listen queue or are answered 503. */
const MAX_IN_FLIGHT = 256;

export type Handler = (event: APIGatewayProxyEvent) => Promise<APIGatewayProxyResult>;

export interface Refused {
  readonly code: ErrorCode;
  readonly source_ip: string;
  readonly path: string;
  readonly text: string;
}

export interface GatewayOptions {
  readonly port: number;
  readonly host: string;
  readonly verifier: VerifierOptions;
  /** IAM principal of an access key that proved itself. */
  principalOf(accessKeyId: string): string;
  /** The function that serves a path and method. */
  route(method: string, path: string): Handler;
  /** A refused request: code, address and a key that claimed to sign it. */
  onRefused(refused: Refused): void;
  /** A handler that threw, which a deployed one would answer with 502. */
  onFailure(error: unknown, requestId: string): void;
}

export interface Gateway {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens; rejects with the listen error (EADDRINUSE, EACCES). */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  let inFlight = 0;
  const server = createServer((request, response) => {
    if (inFlight >= MAX_IN_FLIGHT) {
      refuse(response, 'store_unavailable', randomUUID(), 'Too many requests are in flight.');
      return;
    }
    inFlight += 1;
    serve(request, response, options)
      .catch((error: unknown) => failed(error, response, options))
      .finally(() => {
        inFlight -= 1;
      });
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  server.maxRequestsPerSocket = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 2000).unref();
  });
}

async function serve(request: IncomingMessage, response: ServerResponse, options: GatewayOptions): Promise<void> {
  const requestId = randomUUID();
  const body = await readBody(request);
  if (body === undefined) {
    response.setHeader('connection', 'close');
    refuse(response, 'too_large', requestId);
    return;
  }
  const target = request.url ?? '/';
  const method = request.method ?? 'GET';
  const sourceIp = request.socket.remoteAddress ?? '';
  const verdict = verifySignature(
    { method, target, rawHeaders: request.rawHeaders, body },
    options.verifier,
    Date.now(),
  );
  const url = new URL(target, 'http://local');
  if (!verdict.ok) {
    options.onRefused({ code: verdict.code, source_ip: sourceIp, path: url.pathname, text: verdict.text });
    refuse(response, verdict.code, requestId, verdict.text);
    return;
  }
  const event = proxyEvent(
    request,
    url,
    body,
    requestId,
    options.principalOf(verdict.access_key_id),
    verdict.access_key_id,
  );
  const result = await options.route(method, url.pathname)(event);
  response.writeHead(result.statusCode, {
    'x-amzn-requestid': requestId,
    ...(result.headers as Record<string, string> | undefined),
  });
  response.end(result.isBase64Encoded === true ? Buffer.from(result.body, 'base64') : result.body);
}

function failed(error: unknown, response: ServerResponse, options: GatewayOptions): void {
  const requestId = randomUUID();
  options.onFailure(error, requestId);
  if (response.headersSent) response.destroy();
  else refuse(response, 'internal', requestId);
}

/** The whole body; undefined when it is too large (what still comes is read and dropped, within a bound). */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else if (size > MAX_DRAIN_BYTES) request.destroy();
      else chunks.length = 0;
    });
    request.once('end', () => resolve(size > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client closed the connection before the end of its request')));
  });
}

/** The error body of the catalogue, as gateway responses give it in AWS. */
function refuse(response: ServerResponse, code: ErrorCode, requestId: string, text?: string): void {
  const body = JSON.stringify({
    success: false,
    error: { code, message: text ?? ERRORS[code].message, details: [], request_id: requestId },
  });
  response.writeHead(ERRORS[code].status, { 'content-type': 'application/json', 'x-amzn-requestid': requestId });
  response.end(body);
}

function proxyEvent(
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  requestId: string,
  principal: string,
  accessKey: string,
): APIGatewayProxyEvent {
  const headers: Record<string, string> = {};
  const multiValueHeaders: Record<string, string[]> = {};
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] as string;
    const value = request.rawHeaders[i + 1] as string;
    headers[name] = value;
    multiValueHeaders[name] = [...(multiValueHeaders[name] ?? []), value];
  }
  const single: Record<string, string> = {};
  const multi: Record<string, string[]> = {};
  for (const [name, value] of url.searchParams) {
    single[name] = value;
    multi[name] = [...(multi[name] ?? []), value];
  }
  const at = new Date();
  const method = request.method ?? 'GET';
  return {
    resource: url.pathname,
    path: url.pathname,
    httpMethod: method,
    headers,
    multiValueHeaders,
    queryStringParameters: url.search === '' ? null : single,
    multiValueQueryStringParameters: url.search === '' ? null : multi,
    pathParameters: null,
    stageVariables: null,
    body: body.length === 0 ? null : body.toString('utf8'),
    isBase64Encoded: false,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      authorizer: null,
      protocol: `HTTP/${request.httpVersion}`,
      httpMethod: method,
      path: url.pathname,
      stage: 'local',
      requestId,
      requestTime: at.toUTCString(),
      requestTimeEpoch: at.getTime(),
      resourceId: 'local',
      resourcePath: url.pathname,
      identity: {
        accessKey,
        accountId: '000000000000',
        apiKey: null,
        apiKeyId: null,
        caller: accessKey,
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: request.socket.remoteAddress ?? '',
        user: accessKey,
        userAgent: request.headers['user-agent'] ?? null,
        userArn: principal,
      },
    },
  };
}
