/** Asks the gate about a session's messages: about orders of a batch some at a time, for each is little beside being asked about. */

import { ADMITTED, type Admission } from '../core/limits/admission.ts';
import { type Kind, ORDER } from '../core/limits/kinds.ts';
import type { GateSession } from '../core/sessions/api.ts';

export class Admitting {
  readonly #gate: GateSession;
  /** Orders that are admitted and have not come. */
  #ahead = 0;

  constructor(gate: GateSession) {
    this.#gate = gate;
  }

  /** Whether an order is one of those that were admitted ahead, earlier in this turn; it has come then. */
  took(): boolean {
    if (this.#ahead === 0) return false;
    this.#ahead -= 1;
    return true;
  }

  /** As GateSession.admit. @param follows whether there was an order in this batch already: one alone is asked about alone */
  admit(kind: Kind, nowMs: number, follows: boolean): Admission {
    if (kind !== ORDER) this.giveBack();
    else {
      if (this.#ahead === 0 && follows) this.#ahead = this.#gate.admitAhead(nowMs);
      if (this.took()) return ADMITTED;
    }
    return this.#gate.admit(kind, nowMs);
  }

  /** At the end of each turn: what is admitted and has not come is not. */
  giveBack(): void {
    if (this.#ahead === 0) return;
    this.#gate.giveBack(this.#ahead);
    this.#ahead = 0;
  }
}
