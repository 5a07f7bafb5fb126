/** A line of the order log, written piece by piece: what log.ts reads, without an object for each change of each order. */

import { type Change, stateName } from './log.ts';
import type { ClientOrder } from './order.ts';

/** Text that stands for itself in JSON. */
const PLAIN = /^[ !#-[\]-~]*$/;

const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

export class Line {
  private json = '';

  add(changes: readonly Change[]): void {
    for (const change of changes) this.push(JSON.stringify(change));
  }

  /** All of an order. */
  addOrder(order: ClientOrder): void {
    const { terms } = order;
    const { side, side_code, ord_type, tif, price, stop_price, qty, expires_at } = terms;
    const ends = Number.isFinite(expires_at) ? expires_at : null;
    this.push(
      `["order",{"id":${quoted(order.id)},"s":${quoted(order.session_id)},"c":${quoted(order.cl_ord_id)},` +
        `"symbol":${quoted(terms.instrument.symbol)},"terms":{"side":${side},"side_code":${side_code},` +
        `"ord_type":${ord_type},"tif":${tif},"price":${price},"stop_price":${stop_price},"qty":${qty},` +
        `"account":${quoted(terms.account)},"expires_at":${ends}},"priority":${order.priority},` +
        `"state":"${stateName(order.state)}","cum":${order.cum},"notional":${order.notional}}]`,
    );
  }

  /** Its state and fills, all of which changes. */
  addFill(order: ClientOrder): void {
    const { state, cum, notional } = order;
    this.push(`["fill",${quoted(order.id)},"${stateName(state)}",${cum},${notional}]`);
  }

  text(): string {
    return `[${this.json}]`;
  }

  private push(change: string): void {
    this.json = this.json === '' ? change : `${this.json},${change}`;
  }
}
