/** What ends a session whose Logon has not been answered yet: an admin, or a Logon elsewhere. Its connection hears of it as the answer. */
import type { EndCause } from '../core/sessions/model.ts';
import type { Ended } from '../core/sessions/registrar.ts';

export class LogonEnd {
  /** Undefined: nobody has said so yet. */
  ended: Ended | undefined;
  readonly #told = Promise.withResolvers<Ended>();
  #seated: ((cause: EndCause, text: string) => void) | undefined;

  /** For the gate. */
  readonly onEnd = (cause: EndCause, text: string): void => {
    if (this.#seated !== undefined) {
      this.#seated(cause, text);
      return;
    }
    this.ended = { cause, text };
    this.#told.resolve(this.ended);
  };

  /** Resolves once the gate has said why: up to a moment after the session has ended, when its slot is free. */
  told(): Promise<Ended> {
    return this.#told.promise;
  }

  /** From now on its connection hears of it by itself. */
  seated(end: (cause: EndCause, text: string) => void): void {
    this.#seated = end;
  }
}
