/**
 * A wire between a client and the edge that can lose what is on it and break, so that every engine meets the same
 * accident at the same moment: reports swallowed, the connection cut, the edge out of reach.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

const REPORT = Buffer.from('\x0135=8\x01', 'latin1');
const CUT_WITHIN_MS = 10_000;

export class Wire {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #down = false;
  #swallowing = false;
  #swallowed = Buffer.alloc(0);
  #onSwallowed: () => void = () => undefined;

  private constructor(server: Server, port: number, host: string, target: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (client) => this.#join(client, host, target));
  }

  static async open(host: string, target: number): Promise<Wire> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the wire has no port');
    return new Wire(server, address.port, host, target);
  }

  #join(client: Socket, host: string, target: number): void {
    client.on('error', () => undefined);
    if (this.#down) {
      client.destroy();
      return;
    }
    const edge = dial({ host, port: target, noDelay: true });
    const pair = [client, edge] as const;
    this.#pairs.add(pair);
    // An error is followed by a close, which is what ends the other side.
    edge.on('error', () => undefined);
    client.on('data', (chunk) => edge.write(chunk)).on('end', () => edge.end());
    edge.on('data', (chunk) => this.#fromEdge(client, chunk)).on('end', () => client.end());
    for (const [side, other] of [pair, [edge, client] as const])
      side.on('close', () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
  }

  #fromEdge(client: Socket, chunk: Buffer): void {
    if (!this.#swallowing) {
      client.write(chunk);
      return;
    }
    this.#swallowed = Buffer.concat([this.#swallowed, chunk]);
    this.#onSwallowed();
  }

  /** From now on nothing that the edge sends arrives. */
  swallow(): void {
    this.#swallowed = Buffer.alloc(0);
    this.#swallowing = true;
  }

  /** Cuts once so many execution reports have been swallowed. @throws when they do not come */
  async cutAfter(reports: number): Promise<void> {
    await new Promise<void>((done, fail) => {
      const late = setTimeout(
        () => fail(new Error(`only ${count(this.#swallowed)} of ${reports} reports were swallowed`)),
        CUT_WITHIN_MS,
      );
      this.#onSwallowed = () => {
        if (count(this.#swallowed) < reports) return;
        clearTimeout(late);
        done();
      };
      this.#onSwallowed();
    }).finally(() => {
      this.#swallowing = false;
      this.#onSwallowed = () => undefined;
      this.#cut();
    });
  }

  /** Breaks what is connected and lets nobody through. */
  down(): void {
    this.#down = true;
    this.#cut();
  }

  up(): void {
    this.#down = false;
  }

  #cut(): void {
    for (const [client, edge] of this.#pairs) {
      client.resetAndDestroy();
      edge.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.#cut();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

function count(bytes: Buffer): number {
  let found = 0;
  for (let at = bytes.indexOf(REPORT); at >= 0; at = bytes.indexOf(REPORT, at + 1)) found++;
  return found;
}
