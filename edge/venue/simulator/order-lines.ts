/** Lines of the order log for steps in which one order alone has changed: short where one that is like it stands before. */

import type { ClientOrder } from './client-order.ts';
import { Line } from './line.ts';

const KINDS = 512;

/** What is likely to be told alike. The low bits tell the codes of each field apart, most of them. */
function kindOf({ status, side_code, ord_type, tif }: ClientOrder): number {
  return (status & 7) | ((side_code & 1) << 3) | ((ord_type & 3) << 4) | ((tif & 7) << 6);
}

/** Of one kind. */
class Kind {
  /** Whether {@link #whole} stands in the log, so that {@link short} may point at it. */
  stands = false;
  readonly #kind: number;
  readonly #whole = new Line();
  readonly #short = new Line();

  constructor(kind: number) {
    this.#kind = kind;
  }

  /** Whether {@link short} tells of an order, as far as one look tells. */
  tells(order: ClientOrder): boolean {
    return this.stands && this.#whole.isAlike(order);
  }

  short(order: ClientOrder): Line {
    return this.#short.like(order, this.#kind);
  }

  of(order: ClientOrder): Line {
    const whole = this.#whole;
    if (this.stands && whole.differsInIds(order)) return this.short(order);
    this.stands = order.serial >= 0;
    return whole.only(order, this.#kind);
  }
}

/**
 * A whole line says its kind, and those of orders that differ from it in their ids alone point at the last whole one of that kind. All that is asked
 * for goes into one file, in this order. Each kind takes a kilobyte or two once there is such an order.
 */
export class OrderLines {
  readonly #kinds: (Kind | undefined)[] = new Array(KINDS).fill(undefined);
  /** That of the last order. */
  #last = new Kind(0);

  /** It stands until the next one is asked for. */
  of(order: ClientOrder): Line {
    if (this.#last.tells(order)) return this.#last.short(order);
    const kind = kindOf(order);
    this.#last = this.#kinds[kind] ?? this.#make(kind);
    return this.#last.of(order);
  }

  /** What comes next goes into another file, too: nothing points at what came before. */
  begin(): void {
    for (const kind of this.#kinds) if (kind !== undefined) kind.stands = false;
  }

  #make(kind: number): Kind {
    const made = new Kind(kind);
    this.#kinds[kind] = made;
    return made;
  }
}
