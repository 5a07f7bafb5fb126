/** A secret that prints as `[redacted]` wherever it is printed by accident. */

const REDACTED = '[redacted]';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The one way to the value: a reply that shows a password once, or a computation that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  /** util.inspect and console.log ask for this (the symbol is global: no import is needed). */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}
