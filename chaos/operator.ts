/** Whoever holds the admin API during a run: kills, locks, suspends, changes tiers, and notes how long it took to be felt. */
import type { AdminClient } from '../local/admin-client.ts';
import { TIERS } from './crowd.ts';
import type { AdminAct } from './ledger.ts';
import type { Limited } from './probes.ts';
import { REASON } from './storm.ts';
import type { Trader } from './trader.ts';

type Kind = AdminAct['kind'];

interface Options {
  readonly admin: AdminClient;
  readonly traders: readonly Trader[];
  readonly chance: () => number;
  /** Nothing is broken now. */
  readonly calm: () => boolean;
  /** A user with a session on each edge, whose limits are changed. */
  readonly limited: Limited;
}

const BETWEEN_MS = 600;
/** Longer than any fault: who is cut off from the store hears of a kill when it is back. */
const REACHED_WITHIN_MS = 30_000;
const TRIED_WITHIN_MS = 15_000;
const OWN_TIER = 'limited-own';
const OPENERS = { lock: 'unlock', suspend: 'reactivate' } as const;

export class Operator {
  readonly acts: AdminAct[] = [];
  readonly #options: Options;
  /** Users that may be shut out, and by what. */
  readonly #shut = new Map<string, keyof typeof OPENERS>();
  /** What the limited user has now. */
  #narrow = true;
  #calms = 0;
  #going = false;
  #ended: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(options: Options) {
    this.#options = options;
  }

  /** Acts until it is told to rest. */
  begin(): void {
    if (this.#going) return;
    this.#going = true;
    this.#ended = this.#work();
  }

  /** Whoever is shut out is let in again. Resolves when the last act has had its answer. */
  async rest(): Promise<void> {
    this.#going = false;
    this.#wake();
    await this.#ended;
    for (const [user, how] of [...this.#shut]) await this.#open(user, how);
  }

  async #work(): Promise<void> {
    this.#calms += 1;
    // A short run has few acts: what is drawn least comes first.
    await this.#tier(this.#calms % 2 === 0 ? 'tier_put' : 'tier');
    while (this.#going) {
      const draw = this.#options.chance();
      if (draw < 0.4) await this.#kill('kill_user');
      else if (draw < 0.6) await this.#kill('kill_session');
      else if (draw < 0.84) await this.#shutOut(draw < 0.72 ? 'lock' : 'suspend');
      else await this.#tier(draw < 0.92 ? 'tier' : 'tier_put');
      if (this.#going) await this.#wait(BETWEEN_MS);
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One of the role that is on. */
  #any(roles: readonly Trader['log']['role'][]): Trader | undefined {
    const some = this.#options.traders.filter(({ on, log }) => on && roles.includes(log.role));
    return some[Math.floor(this.#options.chance() * some.length)];
  }

  #ofUser(user: string): readonly Trader[] {
    return this.#options.traders.filter(({ log, on }) => log.user === user && on);
  }

  async #kill(kind: 'kill_user' | 'kill_session'): Promise<void> {
    const one = this.#any(['keeper', 'crowd', 'victim']);
    if (one === undefined) return;
    const { user } = one.log;
    if (kind === 'kill_user') {
      await this.#act(kind, user, this.#ofUser(user), 'sessions/kill', { user_id: user, reason: REASON });
      return;
    }
    const session_id = await this.#idOf(one);
    if (session_id !== undefined && one.on)
      await this.#act(kind, user, [one], 'sessions/kill', { session_id, reason: REASON });
  }

  /** Undefined: the API does not answer, or lists it no more. */
  async #idOf({ log, sub }: Trader): Promise<string | undefined> {
    try {
      const { status, body } = await this.#options.admin.get('sessions/user', { user_id: log.user });
      if (status !== 200) return undefined;
      const listed = body.sessions as readonly { readonly session_id: string; readonly sender_sub_id: string }[];
      return listed.find(({ sender_sub_id }) => sender_sub_id === sub)?.session_id;
    } catch {
      return undefined; // the store is away: the acts note that themselves
    }
  }

  async #shutOut(kind: keyof typeof OPENERS): Promise<void> {
    const user = this.#any(['victim'])?.log.user;
    if (user === undefined) return;
    this.#shut.set(user, kind);
    const path = kind === 'lock' ? 'lock' : 'suspend';
    const whom = this.#ofUser(user);
    const status = await this.#act(kind, user, whom, path, { user_id: user, reason: REASON });
    const since = performance.now();
    // Until one of them has tried in vain: what nobody tries shows nothing.
    const tried = ({ log }: Trader): boolean =>
      log.attempts.some(({ at, answered }) => at >= since && answered !== undefined);
    if (status === 200) await Promise.all(whom.map((trader) => trader.until(() => tried(trader), TRIED_WITHIN_MS)));
    await this.#open(user, kind);
  }

  /** Until it is certain that nobody is shut out: the answer to an earlier try may have been lost. */
  async #open(user: string, kind: keyof typeof OPENERS): Promise<void> {
    const how = OPENERS[kind];
    for (let tries = 0; tries < 60 && this.#shut.has(user); tries++) {
      const status = await this.#act(how, user, [], how, { user_id: user, reason: REASON });
      // 404, 409: it is not shut out.
      if (status === 200 || status === 404 || status === 409) this.#shut.delete(user);
      else await this.#wait(BETWEEN_MS);
    }
  }

  /** Another tier, or the same one defined anew: how long until every edge goes by it. */
  async #tier(kind: 'tier' | 'tier_put'): Promise<void> {
    const { limited } = this.#options;
    const narrow = !this.#narrow;
    const reach = async (at: number): Promise<readonly (number | undefined)[]> =>
      (await limited.felt(narrow, REACHED_WITHIN_MS)).map((felt) => felt && felt - at);
    const tier = narrow ? 'limited-narrow' : 'limited-wide';
    const status =
      kind === 'tier'
        ? await this.#timed(kind, limited.user, reach, 'rate-limits/update', {
            user_id: limited.user,
            tier,
            reason: REASON,
          })
        : await this.#redefined(narrow, reach);
    if (status === 200) this.#narrow = narrow;
  }

  async #redefined(narrow: boolean, reach: (at: number) => Promise<readonly (number | undefined)[]>): Promise<number> {
    const { user } = this.#options.limited;
    const { 'limited-narrow': narrower, 'limited-wide': wider } = TIERS;
    const own = { name: OWN_TIER, ...(this.#narrow ? narrower : wider) };
    const { admin } = this.#options;
    // The same limits by another name, from which nothing is felt.
    const moved = async (): Promise<boolean> =>
      (await admin.post('rate-limits/tiers/put', own)).status === 200 &&
      (await admin.post('rate-limits/update', { user_id: user, tier: OWN_TIER, reason: REASON })).status === 200;
    if (!(await moved().catch(() => false))) return 0;
    return this.#timed('tier_put', user, reach, 'rate-limits/tiers/put', { ...own, ...(narrow ? narrower : wider) });
  }

  /** @returns the HTTP status; 0: no answer */
  #act(kind: Kind, user: string, whom: readonly Trader[], path: string, body: unknown): Promise<number> {
    const connections = whom.map((trader) => ({ trader, attempt: trader.log.attempts.at(-1) }));
    const ends = (at: number) =>
      Promise.all(
        connections.map(async ({ trader, attempt }) => {
          await trader.until(() => attempt?.ended !== undefined, REACHED_WITHIN_MS);
          return attempt?.ended === undefined ? undefined : attempt.ended.at - at;
        }),
      );
    return this.#timed(kind, user, ends, path, body);
  }

  /** @param reach how long it took until each session felt it; undefined: it did not @returns as #act */
  async #timed(
    kind: Kind,
    user: string,
    reach: (at: number) => Promise<readonly (number | undefined)[]>,
    path: string,
    body: unknown,
  ): Promise<number> {
    const { admin, calm } = this.#options;
    const calmBefore = calm();
    const at = performance.now();
    const status = await admin.post(path, body).then(
      (reply) => reply.status,
      () => 0,
    );
    const done = performance.now();
    const times = status === 200 ? await reach(at) : [];
    const reached = times.filter((ms) => ms !== undefined);
    const missed = status === 200 ? times.length - reached.length : 0;
    this.acts.push({ kind, user, at, done, status, reached, missed, calm: calmBefore && calm() });
    return status;
  }
}
