/**
 * A process of its own for the client that behaves: an order every few milliseconds, each timed until it is echoed, and
 * Logons of a second client, timed when asked for.
 */
import { connect, type Socket } from 'node:net';
import { type Account, header, logon, message, order } from './payloads.ts';

/** Asked of the process, in this order: `begin` once. */
export type Wish =
  | { readonly kind: 'begin'; readonly port: number; readonly resident: Account; readonly visitor: Account }
  /** The delays since the last of these. */
  | { readonly kind: 'delays' }
  /** A Logon of the visitor, and its Logout. */
  | { readonly kind: 'logon' };

/** Milliseconds. `own`: the longest that this process itself was late, which delays cannot tell apart. */
export type Told =
  | { readonly kind: 'begun' }
  | {
      readonly kind: 'delays';
      readonly count: number;
      readonly median: number;
      readonly worst: number;
      readonly own: number;
      /** Orders, and what was said of the last one. */
      readonly refused: number;
      readonly why: string;
    }
  | { readonly kind: 'logon'; readonly ms: number }
  | { readonly kind: 'failed'; readonly why: string };

const HOST = '127.0.0.1';
const EVERY_MS = 4;
const LOGON_WITHIN_MS = 10_000;

const tell = (told: Told): void => void process.send?.(told);

function dialled(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Resolves with what is heard first. */
function heard(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no answer to a Logon')), LOGON_WITHIN_MS);
    const end = (done: () => void) => () => {
      clearTimeout(late);
      done();
    };
    socket.once('data', (chunk) => end(() => resolve(chunk.toString('latin1')))());
    socket.once(
      'close',
      end(() => reject(new Error('the connection was closed'))),
    );
  });
}

async function entered(port: number, account: Account): Promise<Socket> {
  const socket = await dialled(port);
  socket.on('error', () => socket.destroy());
  const answer = heard(socket);
  socket.write(logon(account));
  const text = await answer;
  if (text.includes('\x0135=A\x01')) return socket;
  throw new Error(`a Logon is refused: ${text.replaceAll('\x01', '|')}`);
}

/** The session that is always there. */
class Resident {
  readonly #account: Account;
  readonly #socket: Socket;
  #next = 2;
  /** When each order was sent that has not come back, by its number. */
  readonly #sent = new Map<number, number>();
  #delays: number[] = [];
  #own = 0;
  #refused = 0;
  #why = '';
  #due = performance.now() + EVERY_MS;
  #tail = '';

  constructor(account: Account, socket: Socket) {
    this.#account = account;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
    socket.on('close', () => tell({ kind: 'failed', why: 'the session of the bystander was ended' }));
    setInterval(() => this.#order(), EVERY_MS);
  }

  #order(): void {
    const now = performance.now();
    this.#own = Math.max(this.#own, now - this.#due);
    this.#due = now + EVERY_MS;
    const n = this.#next++;
    this.#sent.set(n, now);
    this.#socket.write(order(this.#account, n, `o${n}`));
  }

  #take(text: string): void {
    const now = performance.now();
    const all = this.#tail + text;
    const end = all.lastIndexOf('\x01');
    this.#tail = all.slice(Math.max(0, end));
    // Echoed, or refused (379).
    for (const [, tag, n] of all.slice(0, end + 1).matchAll(/\x01(11|379)=o(\d+)(?=\x01)/g)) {
      if (tag === '379') {
        this.#refused += 1;
        this.#why = /\x0158=([^\x01]*)/.exec(all)?.[1] ?? '';
      }
      const since = this.#sent.get(Number(n));
      if (since === undefined) continue;
      this.#sent.delete(Number(n));
      this.#delays.push(now - since);
    }
    if (all.includes('\x0135=1\x01'))
      this.#socket.write(message([...header(this.#account, '0', this.#next++), [112, 'TEST']]));
  }

  /** Orders that are still on their way count with the time they have taken so far. */
  delays(): Told {
    const now = performance.now();
    const all = [...this.#delays, ...[...this.#sent.values()].map((since) => now - since)].sort((a, b) => a - b);
    const told = {
      kind: 'delays',
      count: all.length,
      median: all[all.length >> 1] ?? 0,
      worst: all.at(-1) ?? 0,
      own: this.#own,
      refused: this.#refused,
      why: this.#why,
    } as const;
    this.#delays = [];
    this.#own = 0;
    this.#refused = 0;
    return told;
  }
}

async function timedLogon(port: number, visitor: Account): Promise<Told> {
  const since = performance.now();
  const socket = await entered(port, visitor);
  const ms = performance.now() - since;
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(message(header(visitor, '5', 2)));
  await gone;
  return { kind: 'logon', ms };
}

let begun: { readonly port: number; readonly visitor: Account; readonly resident: Resident } | undefined;

async function answered(wish: Wish): Promise<Told> {
  if (wish.kind === 'begin') {
    const { port, visitor, resident } = wish;
    begun = { port, visitor, resident: new Resident(resident, await entered(port, resident)) };
    return { kind: 'begun' };
  }
  if (begun === undefined) throw new Error('nothing has begun');
  return wish.kind === 'delays' ? begun.resident.delays() : timedLogon(begun.port, begun.visitor);
}

process.on('message', (wish: Wish) => {
  answered(wish).then(tell, (error: Error) => tell({ kind: 'failed', why: error.message }));
});
process.on('disconnect', () => process.exit(0));
