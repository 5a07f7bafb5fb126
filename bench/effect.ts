/** How long an admin's word takes until it is in force on every edge that has the user: three edges, a session on each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Field, FixClient, type FixMessage, utcTimestamp } from '../local/fix-client.ts';
import type { Credentials } from '../local/product.ts';
import { type Figure, figure, percentile } from './figures.ts';
import type { Sizes } from './sizes.ts';
import { onStage, type Stage } from './stage.ts';

const EDGES = 3;
const HOST = '127.0.0.1';
/** How often an edge looks for commands. */
const COMMAND_POLL_MS = 250;
/** What is promised of each. */
const AIM = { of: 'value', most: 500 } as const;
/** Orders of a session that shows which limits it has. */
const ORDER_EVERY_MS = 10;
const FELT_WITHIN_MS = 10_000;
const REASON = 'benchmark';
const USER = 'effect';
/** One order in a hundred seconds' worth of them is admitted, or every one. */
const SLOW = { orders_per_second: 1, messages_per_second: 1000, burst: 1, max_sessions: EDGES } as const;
const FAST = { orders_per_second: 1000, messages_per_second: 5000, burst: 1000, max_sessions: EDGES } as const;

interface Scene {
  readonly stage: Stage;
  readonly credentials: Credentials;
  readonly ports: readonly number[];
}

async function post({ stage }: Scene, path: string, body: object): Promise<void> {
  const { status, body: answer } = await stage.product.admin.post(path, body);
  if (status !== 200) throw new Error(`${path} answered ${status} ${JSON.stringify(answer)}`);
}

/** One session, on one edge. */
class Trader {
  readonly #scene: Scene;
  readonly #n: number;
  /** When it was on last: its Logout, or the end of its line. */
  endedAt = 0;
  /** Logons that were answered, since it last was told to look. */
  answered: boolean[] = [];
  /** Why its last Logon was refused. */
  refusal = '';
  #client: FixClient | undefined;
  #again = false;
  #heard: (message: FixMessage) => void = () => {};

  constructor(scene: Scene, n: number) {
    this.#scene = scene;
    this.#n = n;
  }

  /** @returns whether it is on */
  async logOn(): Promise<boolean> {
    const { credentials, ports } = this.#scene;
    const client = new FixClient({
      host: HOST,
      port: ports[this.#n] as number,
      sender: credentials.sender_comp_id,
      target: credentials.target_comp_id,
      sender_sub_id: `s${this.#n}`,
      onMessage: (direction, raw) => {
        if (direction === '<') this.#heard(this.#noted(client, raw));
      },
    });
    this.#client = client;
    const answer = await client.logon(credentials.password, [[141, 'Y']], FELT_WITHIN_MS);
    const accepted = answer.type === 'A';
    this.refusal = answer.get(58) ?? '';
    // Told to leave while it was on its way.
    const wanted = this.#client === client;
    if (wanted) this.answered.push(accepted);
    if (!accepted || !wanted) {
      client.destroy();
      return false;
    }
    void client.closed(2 ** 31 - 1).then(() => {
      if (client !== this.#client) return;
      this.endedAt = Math.max(this.endedAt, performance.now());
      if (this.#again) void this.#comeBack();
    });
    return true;
  }

  #noted(client: FixClient, raw: string): FixMessage {
    const at = performance.now();
    const message = { type: /\x0135=([^\x01]*)/.exec(raw)?.[1] };
    if (message.type === '5' && this.#client === client && this.answered.at(-1) === true) {
      this.endedAt = at;
      client.destroy();
    }
    return message as FixMessage;
  }

  /** Comes at once, again and again, whatever it is told. */
  async #comeBack(): Promise<void> {
    while (this.#again && !(await this.logOn().catch(() => false))) await sleep(ORDER_EVERY_MS);
  }

  comesBack(again: boolean): void {
    this.#again = again;
  }

  /** Sends orders until two in a row are answered by messages of this type. @returns when the first of them was */
  async until(type: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    let first: number | undefined;
    this.#heard = (message) => {
      if (message.type !== '8' && message.type !== 'j') return;
      if (message.type !== type) first = undefined;
      else if (first === undefined) first = performance.now();
      else resolve(first);
    };
    let n = 0;
    const sending = setInterval(
      () => this.#client?.send('D', order(`${type}-${performance.now()}-${n++}`)),
      ORDER_EVERY_MS,
    );
    const late = sleep(FELT_WITHIN_MS).then(() => Promise.reject(new Error(`no ${type} within ${FELT_WITHIN_MS} ms`)));
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearInterval(sending);
      this.#heard = () => {};
      late.catch(() => {});
    }
  }

  leave(): void {
    this.#again = false;
    this.#client?.destroy();
    this.#client = undefined;
  }
}

/** One that is cancelled at once: it is not to fill a book. */
const order = (id: string): Field[] => [
  [11, id],
  [38, 10],
  [40, 2],
  [44, '1.00'],
  [54, 1],
  [55, 'INTC'],
  [59, 3],
  [60, utcTimestamp(new Date())],
];

const allOn = async (traders: readonly Trader[]): Promise<void> => {
  for (const trader of traders) {
    const end = performance.now() + FELT_WITHIN_MS;
    while (!(await trader.logOn())) {
      if (performance.now() > end) throw new Error(`the Logon is refused: ${trader.refusal}`);
      await sleep(ORDER_EVERY_MS);
    }
  }
};

/** From asking to each session's end; with `again` its client comes back at once, and its last end counts. */
async function ended(
  scene: Scene,
  traders: readonly Trader[],
  path: string,
  again: boolean,
): Promise<readonly number[]> {
  await allOn(traders);
  await sleep(Math.random() * COMMAND_POLL_MS);
  for (const trader of traders) {
    trader.comesBack(again);
    trader.answered = [true];
  }
  const since = performance.now();
  await post(scene, path, { user_id: USER, reason: REASON });
  const done = performance.now();
  // Refused once by who was asked after the answer, it stays out.
  const shut = again && path in OPENERS;
  const over = (trader: Trader): boolean =>
    trader.endedAt > since &&
    (!shut || (performance.now() > done + FELT_WITHIN_MS / 10 && trader.answered.at(-1) === false));
  const late = since + FELT_WITHIN_MS;
  while (!traders.every(over)) {
    if (performance.now() > late) throw new Error(`${path} has not ended everything within ${FELT_WITHIN_MS} ms`);
    await sleep(1);
  }
  for (const trader of traders) trader.leave();
  return traders.map(({ endedAt }) => endedAt - since);
}

const OPENERS: Readonly<Record<string, string>> = { lock: 'unlock', suspend: 'reactivate' };

async function ends(scene: Scene, times: number, path: string, again: boolean): Promise<readonly number[]> {
  const took: number[] = [];
  const traders = scene.ports.map((_, n) => new Trader(scene, n));
  for (let i = 0; i < times; i++) {
    took.push(...(await ended(scene, traders, path, again)));
    const opener = OPENERS[path];
    if (opener !== undefined) await post(scene, opener, { user_id: USER, reason: REASON });
  }
  return took;
}

/** From asking for other limits to each edge's going by them. */
async function limits(
  scene: Scene,
  times: number,
  change: (fast: boolean) => Promise<void>,
): Promise<readonly number[]> {
  const took: number[] = [];
  const traders = scene.ports.map((_, n) => new Trader(scene, n));
  await change(false);
  await allOn(traders);
  await Promise.all(traders.map((trader) => trader.until('j')));
  for (let i = 0; i < times; i++) {
    const fast = i % 2 === 0;
    await sleep(Math.random() * COMMAND_POLL_MS);
    const since = performance.now();
    const felt = Promise.all(traders.map((trader) => trader.until(fast ? '8' : 'j')));
    await change(fast);
    took.push(...(await felt).map((at) => at - since));
  }
  for (const trader of traders) trader.leave();
  return took;
}

export const effect = (sizes: Sizes): Promise<Figure[]> =>
  onStage(['--edges', String(EDGES), '--bad-logon-limit', '0'], async (stage) => {
    const credentials = await stage.user(USER);
    const scene: Scene = { stage, credentials, ports: stage.product.local.fix_ports ?? [] };
    for (const [name, tier] of Object.entries({ slow: SLOW, fast: FAST }))
      await post(scene, 'rate-limits/tiers/put', { name: `effect-${name}`, ...tier });
    const times = Math.max(2, Math.round(sizes.kills / 2));
    const put = (tier: string): Promise<void> =>
      post(scene, 'rate-limits/update', { user_id: USER, tier, reason: REASON });
    const define = (tier: object): Promise<void> =>
      post(scene, 'rate-limits/tiers/put', { name: 'effect-own', ...tier });
    const found: (readonly [string, readonly number[]])[] = [
      ['kill', await ends(scene, times, 'sessions/kill', false)],
      ['kill, clients that come back', await ends(scene, times, 'sessions/kill', true)],
      ['lock', await ends(scene, times, 'lock', false)],
      ['lock, clients that come back', await ends(scene, times, 'lock', true)],
      ['suspend', await ends(scene, times, 'suspend', false)],
      ['suspend, clients that come back', await ends(scene, times, 'suspend', true)],
      ['other tier', await limits(scene, times, (fast) => put(`effect-${fast ? 'fast' : 'slow'}`))],
    ];
    await define(SLOW);
    await put('effect-own');
    found.push(['tier defined anew', await limits(scene, times, (fast) => define(fast ? FAST : SLOW))]);
    const beside = ['command poll', COMMAND_POLL_MS] as const;
    return found.flatMap(([what, took]) => {
      const settings = `${times} times on ${EDGES} edges, a session on each`;
      const name = (p: number): string => `effect of ${what} p${p * 100}`;
      return [
        figure(name(0.5), percentile(took, 0.5), 'ms', beside, settings),
        figure(name(0.99), percentile(took, 0.99), 'ms', beside, settings, AIM),
      ];
    });
  });
