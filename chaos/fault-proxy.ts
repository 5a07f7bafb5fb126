/**
 * A TCP proxy before the store that can be told to delay, throttle, stall or cut: each edge reaches the store through one of
 * its own, so that one edge can lose the store while the others have it.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type LineFault =
  | { readonly type: 'none' }
  /** Each piece, each way, comes so much later. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Each connection, each way. */
  | { readonly type: 'throttle'; readonly bytes_per_second: number }
  /** Nothing passes and nobody is told: a partition. */
  | { readonly type: 'stall' }
  /** Connections are reset, new ones as well. */
  | { readonly type: 'cut' };

export interface FaultProxy {
  readonly port: number;
  /** In force at once, also for what is on its way. */
  set(fault: LineFault): void;
  close(): void;
}

/** Bytes held of one direction before its sender is not read any more. */
const HELD = 1 << 20;
/** Pieces in which a throttled line passes what it holds. */
const SLICE_MS = 20;

/** Rejects when no port can be listened on. @param to the port of the loopback that it leads to */
export async function startFaultProxy(to: number): Promise<FaultProxy> {
  const line = new Line(to);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => line.take(near));
  const port = await listen(server);
  return {
    port,
    set: (fault) => line.set(fault),
    close: () => {
      server.close();
      line.set({ type: 'cut' });
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

class Line {
  readonly #to: number;
  readonly #ways = new Set<Way>();
  readonly #sockets = new Set<Socket>();
  fault: LineFault = { type: 'none' };

  constructor(to: number) {
    this.#to = to;
  }

  set(fault: LineFault): void {
    this.fault = fault;
    if (fault.type === 'cut') for (const socket of [...this.#sockets]) socket.resetAndDestroy();
    for (const way of this.#ways) way.pump();
  }

  take(near: Socket): void {
    if (this.fault.type === 'cut') {
      near.on('error', () => {});
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const ways = [new Way(this, near, far), new Way(this, far, near)];
    for (const way of ways) this.#ways.add(way);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.resetAndDestroy());
      one.once('close', () => {
        this.#sockets.delete(one);
        for (const way of ways) {
          way.stop();
          this.#ways.delete(way);
        }
        other.destroy();
      });
    }
  }
}

/** One direction of a connection. */
class Way {
  readonly #line: Line;
  readonly #from: Socket;
  readonly #to: Socket;
  /** Undefined: the sender's FIN. */
  readonly #queue: { readonly piece: Buffer | undefined; readonly at: number }[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;
  #passedAt = 0;

  constructor(line: Line, from: Socket, to: Socket) {
    this.#line = line;
    this.#from = from;
    this.#to = to;
    from.on('data', (piece: Buffer) => this.#add(piece));
    from.once('end', () => this.#add(undefined));
    to.on('drain', () => this.pump());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  /** Passes on what the fault in force lets pass now. */
  pump(): void {
    clearTimeout(this.#timer);
    const { fault } = this.#line;
    if (fault.type === 'stall' || fault.type === 'cut') return;
    const now = performance.now();
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const wait = this.#waits(fault, first.at, now);
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait);
        return;
      }
      if (this.#to.writableNeedDrain) return;
      this.#pass(fault, first.piece, now);
    }
  }

  #waits(fault: LineFault, at: number, now: number): number {
    if (fault.type === 'delay') return at + fault.ms - now;
    return fault.type === 'throttle' ? this.#passedAt + SLICE_MS - now : 0;
  }

  #pass(fault: LineFault, piece: Buffer | undefined, now: number): void {
    const entry = this.#queue.shift();
    if (piece === undefined) {
      this.#to.end();
      return;
    }
    const most =
      fault.type === 'throttle' ? Math.max(1, Math.floor((fault.bytes_per_second * SLICE_MS) / 1000)) : piece.length;
    const part = piece.subarray(0, most);
    if (part.length < piece.length) this.#queue.unshift({ piece: piece.subarray(most), at: entry?.at ?? now });
    this.#passedAt = now;
    this.#held -= part.length;
    this.#to.write(part);
    if (this.#held < HELD) this.#from.resume();
  }

  #add(piece: Buffer | undefined): void {
    this.#queue.push({ piece, at: performance.now() });
    this.#held += piece?.length ?? 0;
    if (this.#held >= HELD) this.#from.pause();
    this.pump();
  }
}
