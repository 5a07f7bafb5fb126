/** /health, /ready and /metrics for whoever watches the edge: orchestrators, balancers, Prometheus. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ProxySources, takeProxyHeader } from './proxy-protocol.ts';

/** Why no new client should be sent here; undefined: one may. */
export type Readiness = () => string | undefined | Promise<string | undefined>;

/** What /metrics says, such as a registry of prom-client. */
export interface Figures {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface WatchServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A watcher asks in one packet: who takes longer is none. */
const REQUEST_WITHIN_MS = 5000;
/** Watchers are few. */
const WATCHERS = 256;

/**
 * Rejects when the port cannot be listened on.
 * @param sources balancers that may begin with a PROXY header: their health checks do, other watchers do not
 */
export async function startHttp(
  host: string,
  port: number,
  figures: Figures,
  ready: Readiness,
  sources?: ProxySources,
): Promise<WatchServer> {
  const routes: Readonly<Record<string, (response: ServerResponse) => void | Promise<void>>> = {
    '/health': (response) => json(response, 200, { status: 'ok' }),
    '/ready': async (response) => {
      const reason = await ready();
      if (reason === undefined) json(response, 200, { status: 'ready' });
      else json(response, 503, { status: 'not_ready', reason });
    },
    '/metrics': async (response) => {
      const body = await figures.metrics();
      response.writeHead(200, { 'content-type': figures.contentType }).end(body);
    },
  };
  const server = createServer((request: IncomingMessage, response) => {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      json(response, 405, { error: 'method_not_allowed' });
      return;
    }
    const path = (request.url ?? '').split('?', 1)[0]!;
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) json(response, 404, { error: 'not_found' });
    else Promise.resolve(route(response)).catch((error: Error) => response.destroy(error));
  });
  server.requestTimeout = REQUEST_WITHIN_MS;
  server.headersTimeout = REQUEST_WITHIN_MS;
  server.maxConnections = WATCHERS;
  const introduced = sources === undefined ? new Set<Socket>() : withoutHeaders(server, sources);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of introduced) socket.destroy();
      }),
  };
}

/** Puts the reading of PROXY headers before HTTP. @returns the connections that have not got as far as HTTP */
function withoutHeaders(server: Server, sources: ProxySources): Set<Socket> {
  const waiting = new Set<Socket>();
  const onHttp = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const toHttp = (): void => {
      for (const listener of onHttp) listener.call(server, socket);
    };
    if (!sources.has(socket.remoteAddress ?? '')) {
      toHttp();
      return;
    }
    waiting.add(socket);
    const gone = (): void => void socket.destroy();
    const late = setTimeout(gone, REQUEST_WITHIN_MS).unref();
    socket.on('error', gone).once('end', gone);
    socket.once('close', () => {
      clearTimeout(late);
      waiting.delete(socket);
    });
    takeProxyHeader(socket, (header) => {
      clearTimeout(late);
      waiting.delete(socket);
      socket.off('error', gone).off('end', gone);
      if (header.kind === 'wrong') {
        socket.destroy();
        return;
      }
      toHttp();
      socket.resume();
    });
  });
  return waiting;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
