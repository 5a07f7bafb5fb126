/** The optional disconnect of a tier: detects a session that in `seconds` consecutive seconds sends more than `multiple` times its rate. */
import { CANCEL, type Kind, MESSAGE, ORDER } from './kinds.ts';
import { ratesOf } from './lease.ts';
import type { Tier, UserLimits } from './model.ts';

const SECOND_MS = 1000;

/** One per session. Counts what was sent, admitted or not, in seconds that begin with the session's first message. */
export class ExcessMeter {
  readonly #most: Float64Array;
  readonly #seconds: number;
  readonly #sent = new Float64Array(3);
  readonly #running = new Float64Array(3);
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(limits: UserLimits, disconnect: NonNullable<Tier['disconnect']>) {
    this.#most = Float64Array.from(ratesOf(limits), (rate) => rate * disconnect.multiple);
    this.#seconds = disconnect.seconds;
  }

  /** Counts one message. True: the client has now exceeded its limit in each of that many seconds: send Logout. */
  note(kind: Kind, nowMs: number): boolean {
    if (nowMs - this.#beganMs >= SECOND_MS) this.#turn(nowMs);
    const exceeded = this.#count(kind);
    return kind === ORDER ? this.#count(MESSAGE) || exceeded : exceeded;
  }

  #count(kind: Kind): boolean {
    const sent = this.#sent[kind]! + 1;
    this.#sent[kind] = sent;
    return sent > this.#most[kind]! && this.#running[kind]! + 1 >= this.#seconds;
  }

  /** A new second begins; a second without a message ends every run. */
  #turn(nowMs: number): void {
    const follows = nowMs - this.#beganMs < 2 * SECOND_MS;
    for (let kind: number = ORDER; kind <= CANCEL; kind++) {
      const exceeded = follows && this.#sent[kind]! > this.#most[kind]!;
      this.#running[kind] = exceeded ? this.#running[kind]! + 1 : 0;
      this.#sent[kind] = 0;
    }
    this.#beganMs = follows ? this.#beganMs + SECOND_MS : nowMs;
  }
}
