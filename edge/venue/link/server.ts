/** Listens for edges: the first frame of each says who it is. */

import { createServer, type Server, type Socket } from 'node:net';
import type { Frame } from './frames.ts';
import { HELLO } from './frames.ts';
import { edgeHello } from './heads.ts';
import type { VenueHost } from './host.ts';
import { HELLO_WITHIN_MS, LINKS } from './limits.ts';
import { LinkWire } from './wire.ts';

export interface LinkServer {
  /** No more edges, and those there are cut. */
  close(): void;
}

/** @param address path of a Unix socket, or a port of the loopback. Rejects when it cannot be listened on */
export async function listenForEdges(
  host: VenueHost,
  address: string,
  onRefused: (why: string) => void,
): Promise<LinkServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    welcome(host, socket, onRefused);
  });
  server.maxConnections = LINKS;
  await listening(server, address);
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      server.off('error', reject);
      resolve();
    };
    if (/^\d+$/.test(address)) server.listen(Number(address), '127.0.0.1', done);
    else server.listen({ path: address }, done);
  });
}

/** A connection, whose first frame has to say which edge it is. */
export function welcome(host: VenueHost, socket: Socket, onRefused: (why: string) => void): void {
  let take: ((received: readonly Frame[]) => void) | undefined;
  let edge_id: string | undefined;
  const late = setTimeout(() => wire.end('it does not say who it is'), HELLO_WITHIN_MS);
  const wire = new LinkWire(socket, {
    onFrames: (received) => {
      let rest = received;
      if (take === undefined) {
        const [first] = received;
        if (first === undefined) return;
        if (first.type !== HELLO) throw new RangeError('the first frame says not who it is');
        const hello = edgeHello.parse(first.head);
        clearTimeout(late);
        edge_id = hello.edge_id;
        take = host.meet(hello, wire);
        rest = received.slice(1);
      }
      if (rest.length > 0) take(rest);
    },
    onGone: (why) => {
      clearTimeout(late);
      if (edge_id === undefined) onRefused(why);
      else host.lost(edge_id, wire, why);
    },
  });
}
