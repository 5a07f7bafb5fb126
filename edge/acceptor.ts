/** Listens for FIX clients: every connection starts in the lobby, before a header, TLS or FIX has been read of it. */

import { type AddressInfo, createServer, type Server } from 'node:net';
import { arrive, type Doors } from './arrival.ts';
import { ConfigError } from './config.ts';
import type { Connection } from './connection.ts';
import type { OpenHouse } from './house.ts';
import { LISTEN_BACKLOG } from './limits.ts';

/** When TCP itself asks whether a quiet peer is there; heartbeats of FIX ask sooner. */
const KEEP_ALIVE_MS = 30_000;
/** Connections that are being closed: within the descriptors to spare. */
const LEAVING = 512;

export interface Acceptor {
  readonly port: number;
  connections(): number;
  /** No more connections; those there stay. */
  close(): void;
}

/** Rejects with ConfigError when the port cannot be listened on. */
export async function startAcceptor(house: OpenHouse<Connection>, doors: Doors): Promise<Acceptor> {
  const { fix_host, fix_port, shared_port } = house.config;
  let count = 0;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
    count += 1;
    socket.once('close', () => {
      count -= 1;
    });
    const { remoteAddress } = socket;
    // The peer was gone before it was accepted: an error of this socket concerns nobody.
    if (remoteAddress === undefined) socket.on('error', () => socket.destroy()).destroy();
    else house.turns.run(() => arrive(socket, remoteAddress, house, doors));
  });
  // One more than sessions and guests, for whom the lobby makes room at once, and a few that are on their way out.
  server.maxConnections = house.connections + LEAVING;
  await listening(server, fix_host, fix_port, shared_port === 'on');
  server.on('error', (error) => house.log.error({ error }, 'the FIX acceptor met an error'));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    close: () => void server.close(),
  };
}

/** Workers share a port among themselves, not with whoever else has it. Rejects with ConfigError when it is taken. */
export async function portIsFree(host: string, port: number): Promise<void> {
  const server = createServer();
  await listening(server, host, port, false);
  await new Promise((resolve) => server.close(resolve));
}

function listening(server: Server, host: string, port: number, reusePort: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${error.code})`;
      reject(new ConfigError(`FIXGATE_FIX_PORT (--fix-port): port ${port} of ${host} ${why}`));
    });
    server.listen({ host, port, backlog: LISTEN_BACKLOG, reusePort }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
