/** Passes events of the gate on to the edge. Events that come before the edge is complete wait. */

import type { Done, GateEvents, OrdersOf } from '../core/sessions/api.ts';
import type { Revocation } from '../core/sessions/journal-store.ts';
import type { Asked, NumbersCommand } from '../core/sessions/model.ts';
import type { House } from './house.ts';
import { announceTo } from './notices.ts';
import type { Numbers } from './numbers.ts';
import { taken } from './takeover/answering.ts';
import { cancelling } from './venue-time.ts';

class Later<T> {
  #waiting: T[] = [];
  #taker: ((one: T) => void) | undefined;

  readonly put = (one: T): void => {
    if (this.#taker === undefined) this.#waiting.push(one);
    else this.#taker(one);
  };

  open(taker: (one: T) => void): void {
    this.#taker = taker;
    for (const one of this.#waiting.splice(0)) taker(one);
  }
}

/** Orders that are to be cancelled. */
class ToCancel {
  readonly whose: OrdersOf;
  /** Epoch ms; undefined: now. */
  readonly askedAt: number | undefined;
  /** Undefined: nobody could be told yet. */
  done: Done | undefined;

  constructor(whose: OrdersOf, askedAt?: number) {
    this.whose = whose;
    this.askedAt = askedAt;
  }
}

export interface Hearing {
  readonly events: GateEvents;
  /** Resolves with the reason when an admin drains this edge. */
  readonly drainAsked: Promise<string>;
  /** Has the venue cancel orders, as a command by an admin does. */
  readonly cancel: (whose: OrdersOf) => void;
  /** Other edges have taken sessions away from this edge. */
  readonly revoked: (revocations: readonly Revocation[]) => void;
  /** The edge is complete: events that waited are passed on. */
  begin(house: House, numbers: Numbers, answer: (asked: Asked) => Promise<void>): void;
}

export function hearing({ turns, notices, log }: Pick<House, 'turns' | 'notices' | 'log'>): Hearing {
  const changes = new Later<NumbersCommand>();
  const cancels = new Later<ToCancel>();
  const questions = new Later<Asked>();
  const revocations = new Later<readonly Revocation[]>();
  const drainAsked = Promise.withResolvers<string>();
  let mover: House['mover'] | undefined;
  return {
    drainAsked: drainAsked.promise,
    cancel: (whose) => cancels.put(new ToCancel(whose)),
    revoked: revocations.put,
    events: {
      onNumbers: changes.put,
      onAsked: questions.put,
      onCancelOrders: (whose, askedAt) => {
        const one = new ToCancel(whose, askedAt);
        cancels.put(one);
        return () => one.done?.() ?? false;
      },
      onDrain: drainAsked.resolve,
      onFenced: () => {
        mover?.leftAll();
        turns.forsake();
      },
      onNotice: (notice, to) => announceTo({ turns, notices, log }, notice, to),
    },
    begin(house, numbers, answer) {
      mover = house.mover;
      changes.open((command) => numbers.apply(command));
      const cancel = cancelling(house);
      cancels.open((one) => {
        one.done = cancel(one.whose, one.askedAt);
      });
      questions.open((asked) => void answer(asked));
      revocations.open((some) => taken(house, some));
    },
  };
}
