/** Orders of one session that end by time: they do so once, at their time and not before, and nothing happens to them afterwards. */
import { type Field, type FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import { endOfDay } from '../days.ts';
import type { DayPlan } from '../plan.ts';
import type { World } from '../world.ts';

const PROMISE = 'end of day';
const EXPIRED = 'C';
const TIF = { day: '0', gtc: '1', gtd: '6' } as const;
/** An order good till date is so for so long, ms. */
const GOOD_FOR_MS = [500, 9_000] as const;
/** Units of the price that reference markets begin at, and how far off orders are. */
const REFERENCE: Readonly<Record<string, number>> = { AAPL: 19_000, GOOG: 16_500 };
const OFF = 40;
/** Who is told at all has been by then. */
const TOLD_MS = 3_000;

interface Timed {
  readonly expiresAt: number;
  readonly about: readonly Field[];
  readonly order: string;
  readonly executions: Set<string>;
  /** ExecID of the report that told of its end by time. */
  expired: string | undefined;
  /** It has been told to be over. */
  ended: boolean;
  /** The venue, asked about it, says that it is over. */
  over: boolean;
  /** Numbers have begun anew since it was taken. */
  before: boolean;
  /** What told of its end by time may have been said under numbers that have begun anew since. */
  blind: boolean;
}

const epochOf = (text: string | undefined): number =>
  Date.parse((text ?? '').replace(/^(\d{4})(\d\d)(\d\d)-(.*)$/, '$1-$2-$3T$4Z'));
const rests = (message: FixMessage): boolean => message.get(39) === '0' || message.get(39) === '1';

export class Orders {
  readonly #world: World;
  readonly #name: string;
  readonly #day: DayPlan | undefined;
  readonly #known = new Map<string, Timed>();

  constructor(world: World, name: string, day: DayPlan | undefined) {
    this.#world = world;
    this.#name = name;
    this.#day = day;
  }

  /** Price and time in force of a limit order, near the market; undefined: no day ends in this run. */
  terms(symbol: string): readonly Field[] | undefined {
    if (this.#day === undefined) return undefined;
    const { chance, scheduler } = this.#world;
    const price = ((REFERENCE[symbol] ?? 0) + chance.whole(-OFF, OFF)) / 100;
    const tif = chance.pick([TIF.day, TIF.day, TIF.day, TIF.gtc, TIF.gtd, TIF.gtd]);
    const until = utcTimestamp(new Date(scheduler.now + chance.between(...GOOD_FOR_MS)));
    return [[44, price.toFixed(2)], [59, tif], ...(tif === TIF.gtd ? [[126, until] as Field] : [])];
  }

  /** A report that this session is told, in order, once under its number. */
  told(message: FixMessage): void {
    if (this.#day === undefined) return;
    const id = message.get(41) ?? message.get(11) ?? '';
    const type = message.get(150);
    const at = epochOf(message.get(60));
    const timed = this.#known.get(id) ?? this.#taken(id, type, at, message);
    if (timed === undefined) return;
    if (type === 'I') {
      if (rests(message) && at >= timed.expiresAt) this.#fail('rests', timed, message);
      // It may have ended otherwise under numbers of before.
      if (timed.before && message.get(39) !== EXPIRED) timed.ended ||= !rests(message);
      else timed.over ||= !rests(message);
      return;
    }
    const execution = message.get(17) ?? '';
    if (timed.executions.has(execution)) return;
    timed.executions.add(execution);
    timed.ended ||= !rests(message);
    if (type === 'C') {
      if (timed.expired !== undefined) this.#fail(`ends a second time, after ${timed.expired},`, timed, message);
      if (at < timed.expiresAt) this.#fail('ends early', timed, message);
      timed.expired = execution;
    } else if (at >= timed.expiresAt) this.#fail('acts', timed, message);
  }

  #taken(id: string, type: string | undefined, at: number, message: FixMessage): Timed | undefined {
    const [tif, until] = [message.get(59), message.get(126)];
    const NEW = '0';
    if (type !== NEW || (tif !== TIF.day && tif !== TIF.gtd)) return undefined;
    const timed: Timed = {
      expiresAt: tif === TIF.day ? endOfDay(at) : epochOf(until),
      about: [
        [55, message.get(55) ?? ''],
        [54, message.get(54) ?? ''],
      ],
      order: message.get(37) ?? '',
      executions: new Set(),
      expired: undefined,
      ended: false,
      over: false,
      before: false,
      blind: false,
    };
    this.#known.set(id, timed);
    return timed;
  }

  /** @param leftAt true time until which the session may have been told something under the numbers of before */
  begunAnew(leftAt: number): void {
    for (const timed of this.#known.values()) {
      timed.before = true;
      if (timed.expiresAt <= leftAt) timed.blind = true;
    }
  }

  /** One whose time has come and that has not been told to be over; undefined: there is none. */
  get asks(): readonly [string, readonly Field[]] | undefined {
    const { now } = this.#world.scheduler;
    for (const [id, { expiresAt, ended, over, about }] of this.#known)
      if (!ended && !over && expiresAt + TOLD_MS < now) return [id, about];
    return undefined;
  }

  /** At the end: what the venue has ended, and nobody was told of. */
  settle(): void {
    const { sent, plan } = this.#world;
    if (plan.fix?.commit === 'reserve' || plan.fix?.lost) return;
    for (const [id, { over, ended, blind, order, expiresAt }] of this.#known)
      if (over && !ended && !blind && !sent.hasExpired(order))
        this.#world.fail(PROMISE, `${this.#name}: order ${id} ended by ${utcTimestamp(new Date(expiresAt))}, untold`);
  }

  #fail(does: string, { expiresAt }: Timed, message: FixMessage): void {
    const until = utcTimestamp(new Date(expiresAt));
    this.#world.fail(PROMISE, `${this.#name}: an order that is good until ${until} ${does}: ${message}`);
  }
}
