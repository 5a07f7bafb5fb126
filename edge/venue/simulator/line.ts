/** A line of the order log, written as bytes piece by piece: what log.ts reads, without an object or a string for each change. */

import { Output } from '../../fix/output.ts';
import { copyWords } from '../../fix/words.ts';
import { LOG_LINE_BYTES } from '../limits.ts';
import { type Change, stateName } from './changes.ts';
import type { Client, ClientOrder } from './client-order.ts';
import { Digits } from './digits.ts';
import type { Names } from './names.ts';
import {
  type Changeable,
  copyTerms,
  IN_BOOK,
  NO_NUMBER,
  NO_TERMS,
  type OrderState,
  type OrderTerms,
  sameTerms,
} from './order.ts';
import { type Piece, Pieces, pieceOf } from './piece.ts';

const INITIAL = 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
/** Longest rendering of a number, with what stands behind it. */
const NUMBER = 24;
/** Bytes of a quotation mark and a comma. */
const QUOTED = 2;
/** Most bytes of a UTF-16 code unit. */
const UTF8_BYTES = 3;

const WHOLE = pieceOf('["whole",');
const LIKE = pieceOf('["like",');
const FILL = pieceOf('["fill",');
const ID = pieceOf('["id",');
const TAKEN = pieceOf('["taken",');
const MARK = pieceOf('["mark",');
const NULL = pieceOf('null,');
const EMPTY = pieceOf('"",');
const RUNS = new Pieces((run: string) => JSON.stringify(run).slice(0, -1));
const SYMBOLS = new Pieces((symbol: string) => `${JSON.stringify(symbol)},`);
const STATES = new Pieces((state: OrderState) => `${JSON.stringify(stateName(state))},`);

/** A ClOrdID of a session, one of its names, and the order that it names from now on. */
export interface UsedId {
  readonly client: Client;
  readonly name: number;
  readonly order: ClientOrder;
}

export class Line extends Output {
  // Where the line that stands there is one of {@link only} or {@link like}: whose it is; undefined: it is none,
  private owner: Client | undefined = undefined;
  // what names the order, which it asks for what, when it came, and how it stands.
  private run = '';
  private readonly serial = new Digits();
  private nameAt = 0;
  private nameLength = 0;
  private askedAt = 0;
  private readonly terms: Changeable<OrderTerms> = { ...NO_TERMS };
  /** `ClientOrder.alike` of such an order: of one that has this number neither session and run nor what it asks for need be looked at. */
  private alike = NO_NUMBER;
  private readonly rank = new Digits();
  private state: OrderState = IN_BOOK;
  private cum = NO_NUMBER;
  private notional = NO_NUMBER;

  constructor() {
    super(INITIAL, LOG_LINE_BYTES);
  }

  /** Begins a line in place of the one before. */
  begin(): this {
    this.cancel();
    this.ensure(1);
    this.byte(OPEN);
    return this;
  }

  cancel(): void {
    this.at = 0;
    this.owner = undefined;
    this.alike = Number.NaN;
  }

  add(changes: readonly Change[]): void {
    for (const change of changes) {
      this.next();
      this.text(JSON.stringify(change));
    }
  }

  /** All of an order. */
  addOrder(order: ClientOrder): void {
    this.next();
    this.constant(WHOLE);
    this.id(order);
    this.constant(order.owner.quoted);
    this.name(order.owner.names, order.name);
    this.asked(order);
    this.number(order.priority);
    this.standing(order);
  }

  /**
   * The line of a step in which this order alone has changed, whole; over the last such line where it is like it.
   * @param kind what {@link like} names it by later; the same for all of a `Line`
   */
  only(order: ClientOrder, kind: number): this {
    if (!this.isLike(order)) return this.anew(order, kind);
    const { priority, serial } = order;
    this.serial.put(serial, this.view);
    order.owner.names.over(order.name, this.view, this.nameAt);
    if (sameTerms(this.terms, order) && this.rank.fit(priority)) {
      this.rank.put(priority, this.view);
      if (this.standsSo(order)) return this;
      this.at = this.rank.end + 1;
    } else {
      this.at = this.askedAt;
      this.ask(order);
    }
    return this.stand(order, kind);
  }

  /** Whether OrderID, ClOrdID and priority are all in which an order differs from that of {@link only}. */
  differsInIds(order: ClientOrder): boolean {
    if (this.isAlike(order)) return true;
    if (order.serial < 0 || !this.standsSo(order) || !this.isOfSame(order) || !sameTerms(this.terms, order))
      return false;
    this.alike = order.alike;
    return true;
  }

  /** Whether that is known without a comparison of what it asks for. */
  isAlike(order: ClientOrder): boolean {
    return order.alike === this.alike && this.standsSo(order);
  }

  /** The same line for an order that {@link differsInIds} from the last whole one of its kind; over the last such line where it fits. */
  like(order: ClientOrder, kind: number): this {
    const { owner, name, serial, priority } = order;
    if (!this.isLike(order) || !this.rank.fit(priority)) return this.likeAnew(order, kind);
    this.serial.put(serial, this.view);
    owner.names.over(name, this.view, this.nameAt);
    this.rank.put(priority, this.view);
    this.alike = order.alike;
    return this;
  }

  private likeAnew(order: ClientOrder, kind: number): this {
    this.begin();
    this.constant(LIKE);
    this.number(kind);
    this.number(order.serial);
    this.serial.set(order.serial, this.at - 1);
    this.named(order);
    this.number(order.priority);
    this.rank.set(order.priority, this.at - 1);
    this.view.setUint8(this.at - 1, CLOSE);
    return this.end();
  }

  private isLike(order: ClientOrder): boolean {
    const { owner, name, serial } = order;
    if (!this.serial.fit(serial) || !this.isOfSame(order)) return false;
    return owner.names.length(name) === this.nameLength && owner.names.isPlain(name);
  }

  private standsSo({ state, cum, notional }: ClientOrder): boolean {
    return state === this.state && cum === this.cum && notional === this.notional;
  }

  /** Whether an order is of the same session and run. */
  private isOfSame({ alike, owner, run }: ClientOrder): boolean {
    return alike === this.alike || (owner === this.owner && run === this.run);
  }

  private anew(order: ClientOrder, kind: number): this {
    const { owner, serial } = order;
    this.begin();
    this.constant(WHOLE);
    this.id(order);
    this.serial.set(serial, this.at - QUOTED);
    this.constant(owner.quoted);
    this.named(order);
    this.askedAt = this.at;
    this.ask(order);
    return this.stand(order, kind);
  }

  /** Its ClOrdID, which the next one's may be written over. */
  private named({ owner, name, run, alike }: ClientOrder): void {
    this.nameAt = this.at + 1;
    this.name(owner.names, name);
    this.nameLength = owner.names.isPlain(name) ? owner.names.length(name) : -1;
    this.owner = owner;
    this.run = run;
    this.alike = alike;
  }

  private ask(order: ClientOrder): void {
    const { priority } = order;
    copyTerms(order, this.terms);
    this.alike = order.alike;
    this.asked(order);
    this.number(priority);
    if (this.rank.end === this.at - 1 && this.rank.fit(priority)) this.rank.put(priority, this.view);
    else this.rank.set(priority, this.at - 1);
  }

  private stand(order: ClientOrder, kind: number): this {
    this.state = order.state;
    this.cum = order.cum;
    this.notional = order.notional;
    this.standing(order);
    this.view.setUint8(this.at - 1, COMMA);
    this.number(kind);
    this.view.setUint8(this.at - 1, CLOSE);
    return this.end();
  }

  /** Its state and fills, all of which changes. */
  addFill(order: ClientOrder): void {
    this.next();
    this.constant(FILL);
    this.id(order);
    this.standing(order);
  }

  /** A ClOrdID that has been used, and the order that it names. */
  addId({ client, name, order }: UsedId): void {
    this.next();
    this.constant(ID);
    this.constant(client.quoted);
    this.name(client.names, name);
    this.id(order);
    this.view.setUint8(this.at - 1, CLOSE);
  }

  /** How far the messages of a session have been seen. */
  addTaken({ quoted, generation, taken }: Client): void {
    this.next();
    this.constant(TAKEN);
    this.constant(quoted);
    this.number(generation);
    this.number(taken);
    this.view.setUint8(this.at - 1, CLOSE);
  }

  /** What ends a flush. */
  addMark(mark: number): void {
    this.next();
    this.constant(MARK);
    this.number(mark);
    this.view.setUint8(this.at - 1, CLOSE);
  }

  /** Bytes of the line that has been begun. */
  get written(): number {
    return this.at;
  }

  /** The line is buf[0, length) from now on. */
  end(): this {
    this.ensure(1);
    this.byte(CLOSE);
    this.length = this.at;
    return this;
  }

  get words(): DataView {
    return this.view;
  }

  override toString(): string {
    return this.buf.toString('utf8', 0, this.length);
  }

  /** A change follows: behind a comma where it is not the first. */
  private next(): void {
    this.ensure(1);
    if (this.at > 1) this.byte(COMMA);
  }

  /** What an order asks for. */
  private asked(terms: OrderTerms): void {
    this.constant(SYMBOLS.of(terms.instrument.symbol));
    this.ensure(7 * NUMBER);
    let at = this.put(terms.side, this.at);
    at = this.put(terms.side_code, at);
    at = this.put(terms.ord_type, at);
    at = this.put(terms.tif, at);
    at = this.put(terms.price, at);
    at = this.put(terms.stop_price, at);
    this.at = this.put(terms.qty, at);
    if (terms.account === '') this.constant(EMPTY);
    else this.quoted(terms.account);
    if (Number.isFinite(terms.expires_at)) this.number(terms.expires_at);
    else this.constant(NULL);
  }

  private standing({ state, cum, notional }: ClientOrder): void {
    this.constant(STATES.of(state));
    this.ensure(2 * NUMBER);
    this.at = this.put(notional, this.put(cum, this.at));
    this.view.setUint8(this.at - 1, CLOSE);
  }

  private constant({ view, length }: Piece): void {
    this.ensure(length);
    this.at = copyWords(view, 0, length, this.view, this.at);
  }

  private byte(code: number): void {
    this.view.setUint8(this.at++, code);
  }

  /** OrderID, with a comma behind it. */
  private id({ run, serial }: ClientOrder): void {
    this.constant(RUNS.of(run));
    this.ensure(NUMBER);
    if (serial >= 0) this.at = this.putUInt(serial, this.at);
    this.byte(QUOTE);
    this.byte(COMMA);
  }

  /** ClOrdID, with a comma behind it. */
  private name(names: Names, name: number): void {
    const { view: from } = names;
    const start = names.at(name);
    const length = names.length(name);
    this.ensure(length + 3);
    const { view } = this;
    let at = this.at;
    view.setUint8(at++, QUOTE);
    for (let i = 0; i < length; i++) {
      const code = from.getUint8(start + i);
      if (!isPlain(code)) {
        this.quoted(names.text(name));
        return;
      }
      view.setUint8(at++, code);
    }
    view.setUint8(at++, QUOTE);
    view.setUint8(at++, COMMA);
    this.at = at;
  }

  /** A whole number, with a comma behind it. */
  private number(value: number): void {
    this.ensure(NUMBER);
    this.at = this.put(value, this.at);
  }

  /** The same, where there is room for it. @returns the position after it */
  private put(value: number, at: number): number {
    if (value < 0) throw new RangeError(`${value} in the order log`);
    const end = this.putUInt(value, at);
    this.view.setUint8(end, COMMA);
    return end + 1;
  }

  /** A text in JSON, with a comma behind it. */
  private quoted(text: string): void {
    const { length } = text;
    this.ensure(length + 3);
    const { view, at: start } = this;
    let at = start;
    view.setUint8(at++, QUOTE);
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (!isPlain(code)) {
        this.text(JSON.stringify(text));
        this.ensure(1);
        this.byte(COMMA);
        return;
      }
      view.setUint8(at++, code);
    }
    view.setUint8(at++, QUOTE);
    view.setUint8(at++, COMMA);
    this.at = at;
  }

  private text(text: string): void {
    this.ensure(text.length * UTF8_BYTES);
    this.at += this.buf.write(text, this.at);
  }
}

/** Whether JSON has it as it is, in one byte. */
const isPlain = (code: number): boolean => code >= 0x20 && code <= 0x7e && code !== QUOTE && code !== BACKSLASH;
