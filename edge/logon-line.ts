/** The line of Logons before the store: who may ask it now, and how many at once, by how it answers them. */
import type { LogonResult, RegisterResult } from '../core/sessions/api.ts';
import { LogonPatience } from './logon-patience.ts';
import { LogonWidth } from './logon-width.ts';
import type { Turns } from './turn.ts';
import { type Comer, type Turn, Turnstile } from './turnstile.ts';

export class LogonLine {
  readonly #turns: Pick<Turns, 'monotonic'>;
  readonly #width = new LogonWidth();
  readonly #patience = new LogonPatience();
  readonly #turnstile = new Turnstile(this.#width, this.#patience);
  /** When the turns of those who are in began, monotonic ms. */
  readonly #turnsBegan = new WeakMap<Comer, number>();

  constructor(turns: Pick<Turns, 'monotonic'>) {
    this.#turns = turns;
  }

  /** How many may ask at once, and how many wait to. */
  get figures(): { readonly width: number; readonly waiting: number } {
    return { width: this.#width.now, waiting: this.#turnstile.waiting };
  }

  /** See {@link Turnstile.enter}. */
  async enter(comer: Comer, since: number): Promise<Turn> {
    const turn = await this.#turnstile.enter(comer, since, this.#turns.monotonic());
    if (turn === 'in') this.#turnsBegan.set(comer, this.#turns.monotonic());
    return turn;
  }

  /** One that was in is about to be answered by a Logon, or its client has given up meanwhile. Those that are refused say nothing of what that takes. */
  served(comer: Comer): void {
    const began = this.#turnsBegan.get(comer);
    const now = this.#turns.monotonic();
    if (began !== undefined) this.#patience.took(now - began, now);
  }

  leave(): void {
    this.#turnstile.leave(this.#turns.monotonic());
  }

  /** Waits for what is no work of the store's, and keeps nobody from a turn meanwhile. */
  async aside<T>(work: Promise<T>): Promise<T> {
    this.leave();
    try {
      return await work;
    } finally {
      await this.#turnstile.again();
    }
  }

  /** A question to the gate, by whose answer more or fewer may ask. */
  async asked<T extends LogonResult | RegisterResult>(question: Promise<T>): Promise<T> {
    const begun = this.#turns.monotonic();
    const answer = await question;
    const refused = answer.result === 'refused';
    const heard = !refused ? 'went_on' : answer.reason === 'unavailable' ? 'unanswered' : 'refused';
    this.#width.heard(heard, begun, this.#turns.monotonic(), this.#turnstile.full);
    return answer;
  }
}
