/**
 * The balancer that `npm start -- --edges N` puts before its edges: least connections among those that are ready, the
 * client's address by PROXY v2. For one machine only: in AWS a network load balancer does this.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { proxyHeader } from './proxy-header.ts';

export interface Backend {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Answers 200 while new clients may be sent there. */
  readonly ready_url: string;
}

export interface BackendState {
  readonly name: string;
  readonly ready: boolean;
  readonly connections: number;
}

export interface Balancer {
  readonly port: number;
  readonly backends: () => readonly BackendState[];
  /** Looks at all backends now. */
  check(): Promise<void>;
  /** No more connections; those there stay. */
  refuse(): void;
  /** Cuts what is left. */
  close(): void;
}

/** Between looks at whether a backend is ready. */
const CHECK_MS = 500;
const CHECK_WITHIN_MS = 1_000;
/** An edge on this machine accepts at once, or does not. */
const CONNECT_WITHIN_MS = 2_000;
/** Connections in all; each is two sockets. As many as two edges take. */
const CONNECTIONS = 40_000;
/** All clients come back at once when an edge has died. */
const BACKLOG = 4096;
/** Once one side has ended, the other has this long to say the rest. */
const HALF_CLOSED_MS = 30_000;

interface State {
  readonly backend: Backend;
  ready: boolean;
  connections: number;
}

/** Rejects when the port cannot be listened on. @param note told when a backend becomes ready or ceases to be */
export async function startBalancer(
  host: string,
  port: number,
  backends: readonly Backend[],
  note: (text: string) => void = () => {},
): Promise<Balancer> {
  const states = backends.map((backend): State => ({ backend, ready: true, connections: 0 }));
  const pairs = new Set<Pair>();
  // Half-open both ways: what one side still has to say after the other's FIN is passed on.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    pairs.add(new Pair(client, states, (pair) => pairs.delete(pair)));
  });
  server.maxConnections = CONNECTIONS;
  await listening(server, host, port);
  const check = async (): Promise<void> => {
    await Promise.all(states.map((state) => look(state, note)));
  };
  const timer = setInterval(() => void check(), CHECK_MS);
  const refuse = (): void => {
    clearInterval(timer);
    server.close();
  };
  return {
    port: (server.address() as AddressInfo).port,
    backends: () => states.map(({ backend, ready, connections }) => ({ name: backend.name, ready, connections })),
    check,
    refuse,
    close: () => {
      refuse();
      for (const pair of [...pairs]) pair.cut();
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function look(state: State, note: (text: string) => void): Promise<void> {
  const { name, ready_url } = state.backend;
  let ready = false;
  try {
    const reply = await fetch(ready_url, { signal: AbortSignal.timeout(CHECK_WITHIN_MS) });
    await reply.arrayBuffer();
    ready = reply.ok;
  } catch {
    // It does not answer: the same as not ready.
  }
  if (ready !== state.ready) note(`${name} ${ready ? 'takes new clients' : 'takes no new clients'}`);
  state.ready = ready;
}

/** The best first: ready ones with the fewest connections. After them the others: an edge that takes nobody says why. */
function candidates(states: readonly State[]): State[] {
  return [...states].sort((a, b) => Number(b.ready) - Number(a.ready) || a.connections - b.connections);
}

/** A client and the edge it was sent to. */
class Pair {
  readonly #client: Socket;
  readonly #gone: (pair: Pair) => void;
  #upstream: Socket | undefined;

  constructor(client: Socket, states: readonly State[], gone: (pair: Pair) => void) {
    this.#client = client;
    this.#gone = gone;
    client.once('error', (error) => failed(error, this.#upstream));
    client.once('close', () => this.#closed(this.#upstream));
    this.#tryNext(candidates(states));
  }

  cut(): void {
    this.#client.destroy();
    this.#upstream?.destroy();
  }

  #tryNext(rest: State[]): void {
    const state = rest.shift();
    if (state === undefined || this.#client.destroyed) {
      this.#upstream = undefined;
      this.#client.destroy();
      return;
    }
    const { host, port } = state.backend;
    const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#upstream = upstream;
    // Counted before it is there, so that a burst of newcomers is spread.
    state.connections += 1;
    upstream.once('close', () => {
      state.connections -= 1;
    });
    const refused = (): void => {
      upstream.off('error', refused).on('error', () => {});
      upstream.destroy();
      // Until the next look says otherwise.
      state.ready = false;
      this.#tryNext(rest);
    };
    upstream.setTimeout(CONNECT_WITHIN_MS, refused);
    upstream.once('error', refused);
    upstream.once('connect', () => {
      upstream.setTimeout(0).removeAllListeners('timeout').off('error', refused);
      this.#join(upstream);
    });
  }

  #join(upstream: Socket): void {
    const client = this.#client;
    upstream.once('error', (error) => failed(error, client));
    upstream.once('close', () => this.#closed(client));
    const { remoteAddress, remotePort = 0, localAddress, localPort = 0 } = client;
    // The client was gone before its turn came.
    if (remoteAddress === undefined || localAddress === undefined) {
      this.cut();
      return;
    }
    upstream.write(proxyHeader(remoteAddress, remotePort, localAddress, localPort));
    for (const side of [client, upstream]) side.once('end', () => setTimeout(() => this.cut(), HALF_CLOSED_MS).unref());
    // pipe pauses the one while the other's buffer is full, and passes a FIN on.
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** One side is gone for good. What it said last is still on its way to the other, unless it was cut. */
  #closed(other: Socket | undefined): void {
    if (other !== undefined && !other.writableEnded) other.destroy();
    if (this.#client.closed && (this.#upstream?.closed ?? true)) this.#gone(this);
  }
}

/** A reset is passed on as one: an edge frees the session at once by it. */
function failed(error: NodeJS.ErrnoException, other: Socket | undefined): void {
  if (error.code === 'ECONNRESET') other?.resetAndDestroy();
  else other?.destroy();
}
