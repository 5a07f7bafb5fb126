/** What a client knows of its orders by what it was told, and what it is owed. */
import type { Field, FixMessage } from '../../local/fix-client.ts';
import type { World } from '../world.ts';
import { Orders } from './orders.ts';

const UNKNOWN_ORDER = '1';

/** Its orders are numbered, and have that in their ClOrdIDs before the number of their message. */
const ordinalOf = (id: string): number => Number(id.slice(0, id.indexOf('-')));
const numberOf = (id: string): number => Number(id.slice(id.lastIndexOf('-') + 1));

export class Knowledge {
  /** Orders that end by time. */
  readonly timed: Orders;
  readonly #world: World;
  readonly #name: string;
  /** How many orders and cancels there have been. */
  #asked = 0;
  /** Those up to this one may have been told of under numbers that have begun anew since. */
  #blindTo = 0;
  /** ClOrdIDs nobody has said anything about, by the number of their message. */
  readonly #owed = new Map<number, string>();
  /** Number of the message that told of each execution. */
  readonly #executions = new Map<string, string>();
  /** Orders' quantities done, as their reports add up. */
  readonly #done = new Map<string, number>();
  /** What became of an order that rested may have gone with its machine's power: its venue does not tell it again (docs/adr/0041). */
  readonly #mayMiss: boolean;
  /** Orders that rest, by what they were told: ClOrdID and symbol with side. */
  readonly #open = new Map<string, readonly Field[]>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    const { fix } = world.plan;
    this.timed = new Orders(world, name, fix?.day);
    this.#mayMiss = fix?.power === true && fix.commit === 'reserve' && fix.moves === undefined;
  }

  /** An order or a cancel goes under this number. @returns its ClOrdID */
  asks(number: number): string {
    const id = `${++this.#asked}-${number}`;
    this.#owed.set(number, id);
    return id;
  }

  /** Whether it is owed something by whoever it has talked to since this number. */
  owedSince(number: number): boolean {
    for (const one of this.#owed.keys()) if (one >= number) return true;
    return false;
  }

  get open(): readonly (readonly [string, readonly Field[]])[] {
    return [...this.#open];
  }

  /** @param leftAt true time until which it may have been told something that it does not know of */
  begunAnew(leftAt: number): void {
    this.#owed.clear();
    this.#open.clear();
    this.#blindTo = this.#asked;
    this.timed.begunAnew(leftAt);
  }

  /** An application message, in order, once. */
  told(message: FixMessage): void {
    const refers = message.get(45);
    if (refers !== undefined) this.#owed.delete(Number(refers));
    const id = message.get(11);
    if (id !== undefined && this.#owed.get(numberOf(id)) === id) this.#owed.delete(numberOf(id));
    if (message.type === '8') {
      this.timed.told(message);
      this.#report(message);
    }
    if (message.type === '9') this.#cancelRefused(message);
  }

  /** Of an order that rests by all that was told. */
  #cancelRefused(message: FixMessage): void {
    if (this.#mayMiss) return;
    const order = message.get(41) ?? '';
    if (message.get(102) === UNKNOWN_ORDER && this.#open.has(order))
      this.#broken(`order ${order} rests by what was told, and the venue does not know it: ${message}`);
  }

  #report(message: FixMessage): void {
    this.#note(message);
    const execution = message.get(17) ?? '';
    const number = message.get(34) ?? '';
    const before = this.#executions.get(execution);
    // Told again after a loss, and it says so.
    if (before !== undefined && message.get(97) === 'Y') return;
    if (before !== undefined && before !== number && message.get(150) !== 'I')
      this.#broken(`execution ${execution} was told by ${before} and by ${number}`);
    this.#executions.set(execution, number);
    const order = message.get(37) ?? '';
    const last = message.get(150) === 'F' ? Number(message.get(32)) : 0;
    const cum = Number(message.get(14));
    const known = (this.#done.get(order) ?? 0) + last;
    const done = this.#mayMiss ? Math.max(known, cum) : known;
    this.#done.set(order, done);
    if (ordinalOf(message.get(41) ?? message.get(11) ?? '') <= this.#blindTo) return;
    if (message.get(150) !== 'I' && cum !== done)
      this.#broken(`order ${order} is said to have ${cum} done, its reports add up to ${done}: ${message}`);
  }

  #note(message: FixMessage): void {
    const id = message.get(41) ?? message.get(11) ?? '';
    const rests = message.get(39) === '0' || message.get(39) === '1';
    const [symbol, side] = [message.get(55) ?? '', message.get(54) ?? ''];
    if (!rests) this.#open.delete(id);
    else
      this.#open.set(id, [
        [55, symbol],
        [54, side],
      ]);
  }

  /** At the end: what it was never told about. @param session as edges name it */
  settle(session: string): void {
    this.timed.settle();
    const owed = [...this.#owed].filter(([number]) => !this.#world.sent.mayBeUnanswered(session, number));
    if (owed.length === 0) return;
    const [[number, id] = []] = owed;
    this.#broken(`${owed.length} orders were never answered, such as ${id} (34=${number})`);
  }

  #broken(text: string): void {
    this.#world.fail('reports', `${this.#name}: ${text}`);
  }
}
