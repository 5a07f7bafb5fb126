/** The queue of Logons before the store: which may ask it now, and how many at once, which depends on how fast it answers. */
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
  /** When the turn of each Logon that is in began, monotonic ms. */
  readonly #turnsBegan = new WeakMap<Comer, number>();

  constructor(turns: Pick<Turns, 'monotonic'>) {
    this.#turns = turns;
  }

  /** How many may ask at once, and how many wait. */
  get figures(): { readonly width: number; readonly waiting: number } {
    return { width: this.#width.now, waiting: this.#turnstile.waiting };
  }

  /** See {@link Turnstile.enter}. */
  async enter(comer: Comer, since: number): Promise<Turn> {
    const turn = await this.#turnstile.enter(comer, since, this.#turns.monotonic());
    if (turn === 'in') this.#turnsBegan.set(comer, this.#turns.monotonic());
    return turn;
  }

  /** A Logon that was in is about to be accepted, or its client has given up. Refused ones are not measured: they take less. */
  served(comer: Comer): void {
    const began = this.#turnsBegan.get(comer);
    const now = this.#turns.monotonic();
    if (began !== undefined) this.#patience.took(now - began, now);
  }

  leave(): void {
    this.#turnstile.leave(this.#turns.monotonic());
  }

  /** Waits for something other than the store, and lets another Logon in meanwhile. */
  async aside<T>(work: Promise<T>): Promise<T> {
    this.leave();
    try {
      return await work;
    } finally {
      await this.#turnstile.again();
    }
  }

  /** Waits for the gate's answer, and measures it: how many may ask depends on that. */
  async asked<T extends LogonResult | RegisterResult>(question: Promise<T>): Promise<T> {
    const begun = this.#turns.monotonic();
    const answer = await question;
    const refused = answer.result === 'refused';
    const heard = !refused ? 'went_on' : answer.reason === 'unavailable' ? 'unanswered' : 'refused';
    this.#width.heard(heard, begun, this.#turns.monotonic(), this.#turnstile.full);
    return answer;
  }
}
