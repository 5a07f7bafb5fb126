/**
 * What orders have in common with others of their session, of each order one number: whose it is, in which run it came, and its Account.
 * Most sessions have one Account, some have thousands.
 */

import type { Client, Common } from './client-order.ts';

/** The part of an order that counts here. */
type Parts = Pick<Common, 'owner' | 'run' | 'account'>;

export class Commons {
  /** By number. */
  readonly #all: (Common | undefined)[] = [];
  readonly #free: number[] = [];
  /** Of each owner by Account, and by run: an OrderID without a serial number, which none is that this release gives, is one by itself. */
  readonly #byOwner = new Map<Client, Map<string, Map<string, Common>>>();

  /** How many there are. */
  get size(): number {
    return this.#all.length - this.#free.length;
  }

  /** Of how many sessions. */
  get owners(): number {
    return this.#byOwner.size;
  }

  /** The number of what an order has in common with others, of which there is one more. Nothing is allocated where there are others. */
  keep(order: Parts): number {
    const { owner } = order;
    let common = owner.common;
    if (common === undefined || common.account !== order.account || common.run !== order.run) {
      common = this.#find(order) ?? this.#make(order);
      owner.common = common;
    }
    common.count += 1;
    return common.number;
  }

  /** The same for an order that has had `n`: its Account may be another now. */
  keepInPlace(order: Parts, n: number): number {
    const common = this.#all[n]!;
    if (common.account === order.account && common.run === order.run && common.owner === order.owner) return n;
    const other = this.keep(order);
    this.drop(n);
    return other;
  }

  /** There is one order fewer that has it. */
  drop(n: number): void {
    const common = this.#all[n]!;
    common.count -= 1;
    if (common.count === 0) this.#remove(common);
  }

  at(n: number): Common {
    return this.#all[n]!;
  }

  #find({ owner, run, account }: Parts): Common | undefined {
    return this.#byOwner.get(owner)?.get(account)?.get(run);
  }

  #make({ owner, run, account }: Parts): Common {
    const common: Common = { number: this.#free.pop() ?? this.#all.length, owner, run, account, count: 0 };
    this.#all[common.number] = common;
    let accounts = this.#byOwner.get(owner);
    if (accounts === undefined) {
      accounts = new Map();
      this.#byOwner.set(owner, accounts);
    }
    const runs = accounts.get(account);
    if (runs === undefined) accounts.set(account, new Map([[run, common]]));
    else runs.set(run, common);
    return common;
  }

  #remove(common: Common): void {
    const { number, owner, account, run } = common;
    this.#all[number] = undefined;
    this.#free.push(number);
    if (owner.common === common) owner.common = undefined;
    const accounts = this.#byOwner.get(owner)!;
    const runs = accounts.get(account)!;
    runs.delete(run);
    if (runs.size > 0) return;
    accounts.delete(account);
    if (accounts.size === 0) this.#byOwner.delete(owner);
  }
}
