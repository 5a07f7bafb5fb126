/** Whether the venue takes what it is sent: one whose disk refuses keeps its link and acknowledges nothing. */

import { STANDSTILL_MS } from './limits.ts';
import type { Mailbox } from './mailbox.ts';
import type { LinkVenueOptions } from './options.ts';

export class Standstill {
  /** Nothing of what waits has been acknowledged for {@link STANDSTILL_MS}. */
  now = false;
  readonly #log: LinkVenueOptions['log'];
  /** Number of the frame that waits longest, as of the last look, and since when it is that one, monotonic ms. */
  #oldest = 0;
  #since = 0;

  constructor(log: LinkVenueOptions['log']) {
    this.#log = log;
  }

  /**
   * Called now and then.
   * @param linked while it is not, nothing is expected
   */
  look(box: Mailbox, linked: boolean, monoMs: number): void {
    const waiting = box.count;
    const oldest = box.due;
    if (!linked || waiting === 0 || oldest !== this.#oldest) {
      this.#oldest = oldest;
      this.#since = monoMs;
    }
    const stands = monoMs - this.#since >= STANDSTILL_MS;
    if (stands === this.now) return;
    this.now = stands;
    if (stands) this.#log.error({ waiting }, 'the venue takes nothing: orders are refused');
    else if (linked) this.#log.info({ waiting }, 'the venue takes what it is sent again');
  }
}
