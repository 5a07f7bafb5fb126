/** Listens for FIX clients. Every connection starts in the lobby, before anything is read from it. */

import { type AddressInfo, createServer, type Server } from 'node:net';
import { arrive, type Doors } from './arrival.ts';
import { ConfigError } from './config.ts';
import type { Connection } from './connection.ts';
import type { OpenHouse } from './house.ts';
import { LISTEN_BACKLOG } from './limits.ts';

/** Idle time before TCP keep-alive probes. FIX heartbeats notice a dead peer sooner. */
const KEEP_ALIVE_MS = 30_000;
/** Further connections, for those that are being closed: within the spare file descriptors. */
const LEAVING = 512;

export interface Acceptor {
  readonly port: number;
  connections(): number;
  /** Accepts no more connections. Open ones stay. */
  close(): void;
}

/** Rejects with ConfigError when the port cannot be listened on. */
export async function startAcceptor(house: OpenHouse<Connection>, doors: Doors): Promise<Acceptor> {
  const { fix_host, fix_port, shared_port } = house.config;
  // Above all sessions and guests, so that the lobby can make room for a newcomer, and for those being closed.
  const most = house.connections + LEAVING;
  let count = 0;
  const gone = (): void => {
    count -= 1;
  };
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
    if (count >= most) {
      socket.destroy();
      return;
    }
    count += 1;
    socket.on('close', gone);
    const { remoteAddress } = socket;
    // The peer had gone before it was accepted: errors of this socket are of no interest.
    if (remoteAddress === undefined) socket.on('error', () => socket.destroy()).destroy();
    else house.turns.run(() => arrive(socket, remoteAddress, house, doors));
  });
  await listening(server, fix_host, fix_port, shared_port === 'on');
  server.on('error', (error) => house.log.error({ error }, 'the FIX acceptor met an error'));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    close: () => void server.close(),
  };
}

/** Checks that no other program has the port, before workers share it among themselves. Rejects with ConfigError. */
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
