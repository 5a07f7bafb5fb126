/**
 * A client's second connection while the first may still be there, as of an engine that fails over: it says Logon elsewhere,
 * and hears whether the session is its own now.
 */
import { FixMessage } from '../../local/fix-client.ts';
import type { World } from '../world.ts';
import type { FixHost } from './fix-host.ts';
import type { Peer, SimSocket } from './socket.ts';

const FIRST = /^.*?\x0110=\d{3}\x01/s;

export type Verdict =
  /** All that has come so far, from the Logon on. */
  | { readonly won: true; readonly socket: SimSocket; readonly bytes: Buffer }
  | { readonly won: false; readonly text: string };

export class Twin implements Peer {
  readonly #socket: SimSocket | undefined;
  readonly #decided: (verdict: Verdict) => void;
  #came = Buffer.alloc(0);
  #over = false;
  /** Who hears what comes once it has won. */
  #heir: Peer | undefined;

  constructor(world: World, host: FixHost, logon: string, patienceMs: number, decided: (verdict: Verdict) => void) {
    this.#decided = decided;
    this.#socket = host.accept(this);
    if (this.#socket === undefined) {
      world.scheduler.after(1, () => this.#decide({ won: false, text: 'nobody listens' }));
      return;
    }
    this.#socket.feed(logon);
    world.scheduler.after(patienceMs, () => this.#decide({ won: false, text: 'no answer' }));
  }

  /** What comes from now on is this one's. */
  goesTo(heir: Peer): void {
    this.#heir = heir;
  }

  received(bytes: Buffer): void {
    if (this.#heir !== undefined) {
      this.#heir.received(bytes);
      return;
    }
    this.#came = Buffer.concat([this.#came, bytes]);
    const [first] = FIRST.exec(this.#came.toString('latin1')) ?? [];
    if (first === undefined || this.#socket === undefined) return;
    const message = new FixMessage(first);
    if (message.type === 'A') this.#decide({ won: true, socket: this.#socket, bytes: this.#came });
    else this.#decide({ won: false, text: message.get(58) ?? '' });
  }

  lost(): void {
    if (this.#heir !== undefined) this.#heir.lost();
    else this.#decide({ won: false, text: 'closed' });
  }

  #decide(verdict: Verdict): void {
    if (this.#over) return;
    this.#over = true;
    if (!verdict.won) this.#socket?.leave();
    this.#decided(verdict);
  }
}
