/** A client's orders over all its connections, and what it holds against what it is told of them. */
import { expect } from '@jest/globals';
import { type Field, utcTimestamp } from '../../local/fix-client.ts';
import type { Account } from '../edge/support/desk.ts';
import { Trader } from './trader.ts';

type Body = readonly [string, readonly Field[]];

export class Client {
  readonly trader: Trader;
  readonly orders: string[] = [];
  readonly #prefix: string;
  #ids = 0;
  /** ClOrdID of the last message of its last turn; '': there was none. */
  #last = '';

  constructor(account: Account, index: number) {
    this.trader = new Trader(account);
    this.#prefix = 'abcd'[index]!;
  }

  /** @returns its ClOrdID with it */
  order(side: number, price: number, quantity: number): readonly [string, Body] {
    const id = `${this.#prefix}${++this.#ids}`;
    this.orders.push(id);
    const fields: Field[] = [
      [11, id],
      [55, 'INTC'],
      [54, side],
      [60, utcTimestamp(new Date())],
      [38, quantity],
      [40, 2],
      [44, price],
    ];
    return [id, ['D', fields]];
  }

  cancel(id: string): Body {
    const fields: Field[] = [
      [11, `${this.#prefix}-${++this.#ids}`],
      [41, id],
      [55, 'INTC'],
      [54, 1],
      [60, utcTimestamp(new Date())],
      [38, 1],
    ];
    return ['F', fields];
  }

  /** Something of each: rests, trades with what rests, is refused, takes away. */
  turn(): void {
    const [id, resting] = this.order(1, 1, 10);
    const messages = [this.order(1, 35, 30)[1], this.order(2, 35, 20)[1], resting, this.order(1, -1, 5)[1]];
    const last = this.cancel(id);
    this.#last = String(last[1][0]![1]);
    this.trader.send([...messages, last]);
  }

  /** Whether it has heard of all of its last turn: what comes is in the order of what it sent. */
  get hasHeard(): boolean {
    const { reports, refused } = this.trader;
    return this.#last === '' || refused.includes(this.#last) || reports.some((one) => one.get(11) === this.#last);
  }

  /**
   * What it knows of each order, against what the venue says of it; the market may trade meanwhile.
   * @param forgives see {@link Trader.again}
   */
  async reconcile(forgives?: (seq: number) => boolean): Promise<void> {
    const { trader, orders } = this;
    await trader.inStep();
    const before = trader.reports.length;
    const ask = (id: string): Body => [
      'H',
      [
        [11, id],
        [55, 'INTC'],
        [54, 1],
      ],
    ];
    trader.send(orders.map(ask));
    const answers = (): number => trader.reports.slice(before).filter((one) => one.get(150) === 'I').length;
    await trader.until(() => answers() >= orders.length);
    const reports = Map.groupBy(trader.reports, (report) => report.get(41) ?? report.get(11));
    for (const id of orders) this.#check(id, reports.get(id) ?? []);
    await trader.again(forgives);
    expect(trader.faults).toEqual([]);
  }

  #check(id: string, reports: readonly Trader['reports'][number][]): void {
    // Refused ahead of the venue: it knows nothing of it.
    if (this.trader.refused.includes(id)) {
      const own = reports.filter((report) => report.get(11) === id);
      expect([id, own.map((report) => report.get(150))]).toEqual([id, ['I']]);
      return;
    }
    const answer = reports.findLast((report) => report.get(150) === 'I')!;
    const known = reports.slice(0, reports.indexOf(answer));
    const accepted = known.filter((report) => report.get(150) === '0').length;
    const refused = known.filter((report) => report.get(150) === '8').length;
    if (accepted + refused !== 1)
      throw new Error(`${id} was told: ${reports.map(({ content }) => content).join('\n')}`);
    const filled = known.reduce((sum, report) => sum + (report.get(150) === 'F' ? Number(report.get(32)) : 0), 0);
    // An order that was refused is one that the venue does not know.
    expect([id, filled]).toEqual([id, refused === 1 ? 0 : Number(answer.get(14))]);
  }
}
