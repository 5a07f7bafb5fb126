/** Clients that look at one promise each while something is broken. */
import type { Crowd } from './crowd.ts';
import type { AnswerKind, Asked, Freed, LateOrder, Outage, SessionLog, Takeover } from './ledger.ts';
import type { Trader } from './trader.ts';

const ON_WITHIN_MS = 60_000;
const TRY_EVERY_MS = 200;
const FREED_WITHIN_MS = 60_000;
const CANCELS_EACH = 3;
const ORDER_TRIES = 20;
const ANSWER_WITHIN_MS = 4_000;
/** Once the store is back, what was withheld comes. */
const HEARD_WITHIN_MS = 20_000;
const LOGONS = 4;
/** Into an outage, orders are asked for by this time: the lease of 6 s is over, wherever its last renewal stood. */
const FAIL_CLOSED_AFTER_MS = 7_500;

const LIMITED_EVERY_MS = 20;
const AT_ONCE = 3;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function logOn(trader: Trader): Promise<void> {
  trader.start();
  if (!(await trader.until(() => trader.on, ON_WITHIN_MS))) throw new Error(`${trader.log.name} could not log on`);
}

/** A user with a session on each edge, whose limits are changed. */
export interface Limited {
  readonly user: string;
  start(): Promise<void>;
  stop(): void;
  /** Each session sends orders until two in a row are answered as by these limits. @returns when the first of them was; undefined: not in time */
  felt(narrow: boolean, withinMs: number): Promise<readonly (number | undefined)[]>;
}

export class Probes {
  readonly logs: SessionLog[] = [];
  readonly #crowd: Crowd;
  readonly #edges: number;
  #made = 0;

  constructor(crowd: Crowd, edges: number) {
    this.#crowd = crowd;
    this.#edges = edges;
  }

  async #trader(
    user: string,
    subs: readonly (readonly [sub: string, through: number])[],
    most: number,
    tier?: Parameters<Crowd['provision']>[2],
    keeps = false,
  ) {
    const credentials = await this.#crowd.provision(user, most, tier);
    return subs.map(([sub, through]) => {
      const trader = this.#crowd.client(credentials, user, sub, through, undefined, keeps);
      this.logs.push(trader.log);
      return trader;
    });
  }

  /** Begins with the narrow ones. */
  async limited(): Promise<Limited> {
    const user = 'limited';
    const ways = Array.from({ length: this.#edges }, (_, i) => [`e${i + 1}`, i + 1] as const);
    const traders = await this.#trader(user, ways, this.#edges, 'limited-narrow');
    return {
      user,
      start: async () => void (await Promise.all(traders.map(logOn))),
      stop: () => {
        for (const trader of traders) trader.stop();
      },
      felt: (narrow, withinMs) =>
        Promise.all(traders.map((trader) => felt(trader, narrow ? 'limit' : 'report', withinMs))),
    };
  }

  /** A user with one slot, held on the edge that is about to die. @returns what waits for the slot, from the kill on */
  async hostage(edge: number): Promise<(killed: number) => Promise<Freed>> {
    this.#made += 1;
    const other = 1 + (edge % this.#edges);
    const [holder, heir] = (await this.#trader(
      `hostage-${this.#made}`,
      [
        ['a', edge],
        ['b', other],
      ],
      1,
    )) as [Trader, Trader];
    await logOn(holder);
    return async (killed) => {
      holder.stop();
      while (performance.now() - killed < FREED_WITHIN_MS) {
        if ((await heir.tryOnce()) === 'accepted') {
          const free = performance.now();
          heir.stop();
          return { edge, killed, free };
        }
        await pause(TRY_EVERY_MS);
      }
      return { edge, killed };
    };
  }

  /**
   * A session on an edge that is about to stand still. @returns what asks for it elsewhere; and that, what looks at the
   * connection before once the edge goes on
   */
  async captive(edge: number): Promise<() => Promise<(within_reach: boolean) => Promise<Takeover>>> {
    this.#made += 1;
    const other = 1 + (edge % this.#edges);
    const ways = [
      ['a', edge],
      ['a', other],
    ] as const;
    const [holder, heir] = (await this.#trader(`captive-${this.#made}`, ways, 1)) as [Trader, Trader];
    await logOn(holder);
    // Whatever ends it: its place is the other's.
    holder.wanted = false;
    return async () => {
      const at = performance.now();
      await heir.tryOnce();
      const answered = heir.log.attempts.at(-1)?.answered;
      return async (within_reach) => {
        await holder.until(() => !holder.on, ON_WITHIN_MS);
        const said_after = answered?.accepted === true ? holder.heardSince(answered.at) : [];
        heir.stop();
        return { edge, at, within_reach, said_after, ...(answered === undefined ? {} : { answered }) };
      };
    };
  }

  /** On each edge a client with orders that rest. @returns what acts in an outage, from its beginning on; and that, what reads its answers after it */
  async beforeOutage(): Promise<(from: number) => Promise<() => Promise<Seen>>> {
    this.#made += 1;
    const ways = Array.from({ length: this.#edges }, (_, i) => [`e${i + 1}`, i + 1] as const);
    // With their numbers: what was withheld when a connection ended is told on the next.
    const traders = await this.#trader(`outage-${this.#made}`, ways, this.#edges, undefined, true);
    await Promise.all(traders.map(logOn));
    const late = await this.#trader(
      `late-${this.#made}`,
      Array.from({ length: LOGONS }, (_, i) => [`l${i}`, 1 + (i % this.#edges)] as const),
      LOGONS,
    );
    for (const trader of traders) {
      // One that is refused, for a store that is slow at the moment, is asked again.
      for (let tries = 0; tries < ORDER_TRIES && trader.resting.length < CANCELS_EACH; tries++) {
        trader.order(true);
        await trader.until(() => trader.waiting === 0, ANSWER_WITHIN_MS);
      }
    }
    return async (from) => {
      const logons = Promise.all(late.map((one) => one.tryOnce()));
      const cancels = traders.flatMap((trader) =>
        trader.resting.map((order) => ({ trader, asked: trader.cancel(order) })),
      );
      await pause(from + FAIL_CLOSED_AFTER_MS - performance.now());
      const orders = traders.map((trader) => ({
        trader,
        asked: trader.order(true),
        connections: trader.log.attempts.length,
      }));
      const texts = await logons;
      return async () => {
        const to = performance.now();
        const kinds = await Promise.all(cancels.map(answerOf));
        const done = cancels.filter((_, i) => kinds[i] === 'report');
        const seen = {
          from,
          cancels: cancels.length,
          cancelled: done.length,
          meanwhile: done.filter(({ asked }) => (asked?.answered?.at ?? to) < to).length,
          logons: texts.map((text) => (text === 'accepted' ? '' : text)),
          orders: await Promise.all(orders.map(lateOrder)),
        };
        for (const trader of [...traders, ...late]) trader.stop();
        return seen;
      };
    };
  }
}

/** Of three orders at once narrow limits refuse two, however slowly they are answered. */
async function felt(trader: Trader, kind: AnswerKind, withinMs: number): Promise<number | undefined> {
  const late = performance.now() + withinMs;
  const needed = kind === 'limit' ? AT_ONCE - 1 : AT_ONCE;
  while (performance.now() < late) {
    const asked = Array.from({ length: AT_ONCE }, () => trader.order(false));
    await pause(LIMITED_EVERY_MS);
    await trader.until(() => asked.every((one) => one?.answered !== undefined), ANSWER_WITHIN_MS);
    const so = asked.flatMap((one) => (one?.answered?.kind === kind ? [one.answered.at] : []));
    if (so.length >= needed) return Math.min(...so);
  }
  return undefined;
}

/** What an outage looked like, but for its end. */
type Seen = Omit<Outage, 'to' | 'withheld'>;

interface Late {
  /** How many it had had when it asked. */
  readonly connections: number;
}

interface Question {
  readonly trader: Trader;
  readonly asked: Asked | undefined;
}

async function lateOrder({ trader, asked, connections }: Question & Late): Promise<LateOrder> {
  const answer = asked === undefined ? 'off' : await answerOf({ trader, asked });
  const { answered } = asked ?? {};
  // The connection that it went out on is not the last one.
  const later = trader.log.attempts.slice(connections);
  const again = answered !== undefined && later.some(({ at }) => at < answered.at);
  const after = asked === undefined || answered === undefined ? undefined : answered.at - asked.at;
  return { answer, text: answered?.text ?? '', again, ...(after === undefined ? {} : { after }) };
}

async function answerOf({ trader, asked }: Question): Promise<AnswerKind | 'none'> {
  if (asked === undefined) return 'none';
  await trader.until(() => asked.answered !== undefined, HEARD_WITHIN_MS);
  return asked.answered?.kind ?? 'none';
}
