/** Plays a schedule against the world and writes the ledger: calm, a fault, its end, and until all are back; then the end. */
import { setTimeout as pause } from 'node:timers/promises';
import { AdminClient } from '../local/admin-client.ts';
import { edgeId } from '../local/environment.ts';
import { type Crowd, makeCrowd } from './crowd.ts';
import type { Seen } from './evidence.ts';
import type { LineFault } from './fault-proxy.ts';
import type { Drain, Ending, Fault, FaultKind, Freed, Ledger, Outage, Storm, Takeover } from './ledger.ts';
import { Operator } from './operator.ts';
import { type Limited, Probes } from './probes.ts';
import { NEEDED_STEPS, type Step, schedule, seeded } from './schedule.ts';
import { type Connected, stormOf } from './storm.ts';
import type { Trader } from './trader.ts';
import { Watch } from './watch.ts';
import type { Addresses } from './world.ts';
import type { WorldHandle } from './world-handle.ts';

export interface Plan {
  readonly seed: number;
  /** Faults begin within these. */
  readonly minutes: number;
  readonly sessions: number;
  readonly edges: number;
  readonly journal: 'store' | 'file';
  /** Kinds of faults; none: all. */
  readonly only: readonly FaultKind[];
  /** Faults that are to last longer are left out, s. */
  readonly atMost: number;
  readonly patience: number;
  readonly say: (text: string) => void;
}

/** Between faults, while an operator acts and is timed. */
const CALM_MS = 4_000;
const HEALED_WITHIN_MS = 60_000;
const LOOK_MS = 100;
/** Drains that are never done. */
const EXIT_WITHIN_MS = 60_000;
/** What a process's end cuts is seen by its clients within this. */
const CUT_MS = 1_000;
const ANSWERED_WITHIN_MS = 60_000;
const VENUE_TRIES = 10;
/** A kill that is longer than this is one after which the slots are looked at. */
const LONG_MS = 10_000;
/** Of an edge that stands still for longer than this a session is taken meanwhile. */
const TAKEN_WITHIN_MS = 4_500;

const now = (): number => performance.now();

export class Conductor {
  readonly #plan: Plan;
  readonly #world: WorldHandle;
  readonly #crowd: Crowd;
  readonly #admin: AdminClient;
  readonly #watch: Watch;
  readonly #operator: Operator;
  readonly #probes: Probes;
  readonly #limited: Limited;
  readonly #faults: Fault[] = [];
  readonly #outages: Outage[] = [];
  readonly #storms: Storm[] = [];
  readonly #drains: Drain[] = [];
  readonly #freed: Freed[] = [];
  readonly #takeovers: Takeover[] = [];
  readonly #exits = new Map<number, (code: number | null) => void>();
  #calm = false;

  static async open(plan: Plan, world: WorldHandle, addresses: Addresses): Promise<Conductor> {
    const { seed, sessions } = plan;
    // What a dead edge has in its files is had again only by that edge.
    const homes = plan.journal === 'file';
    const making = { admin: addresses.admin, ports: addresses, sessions, homes, chance: seeded(seed + 1) };
    const crowd = await makeCrowd(making);
    const probes = new Probes(crowd, plan.edges);
    return new Conductor(plan, world, addresses, crowd, probes, await probes.limited());
  }

  private constructor(
    plan: Plan,
    world: WorldHandle,
    addresses: Addresses,
    crowd: Crowd,
    probes: Probes,
    limited: Limited,
  ) {
    this.#plan = plan;
    this.#world = world;
    this.#crowd = crowd;
    this.#admin = new AdminClient(addresses.admin);
    this.#watch = new Watch(addresses.metrics_ports, addresses.store, crowd.users);
    const { traders } = crowd;
    const calm = (): boolean => this.#calm;
    this.#operator = new Operator({ admin: this.#admin, traders, chance: seeded(plan.seed + 2), calm, limited });
    this.#probes = probes;
    this.#limited = limited;
    world.onExit((edge, code) => this.#exits.get(edge)?.(code));
  }

  async run(): Promise<Ledger> {
    const plan = this.#plan;
    const { traders, users } = this.#crowd;
    // From before the first message: an edge may lose the store while all log on at once.
    await this.#watch.begin();
    for (const trader of traders) trader.start();
    if (!(await this.#allBack(now()))) throw new Error('the clients could not log on to begin with');
    await this.#limited.start();
    plan.say(`${this.#on()} sessions on`);
    const end = now() + plan.minutes * 60_000;
    let played = 0;
    for (const step of schedule(plan.seed, plan.edges, plan.only, plan.atMost * 1000)) {
      if (played >= NEEDED_STEPS && now() > end) break;
      await this.#play(step);
      played += 1;
    }
    this.#limited.stop();
    const ending = await this.#end();
    this.#watch.end();
    for (const trader of traders) trader.stop();
    const trail = await this.#watch.trail();
    this.#watch.close();
    return {
      users,
      ...this.seen,
      slots: this.#watch.slots,
      outages: this.#outages,
      storms: this.#storms,
      drains: this.#drains,
      freed: this.#freed,
      takeovers: this.#takeovers,
      ending,
      ...trail,
    };
  }

  /** What is known so far. */
  get seen(): Seen {
    const sessions = [...this.#crowd.traders.map(({ log }) => log), ...this.#probes.logs];
    return { sessions, faults: this.#faults, acts: this.#operator.acts, samples: this.#watch.samples };
  }

  async #play(step: Step): Promise<void> {
    const { say } = this.#plan;
    this.#calm = true;
    this.#operator.begin();
    await pause(CALM_MS);
    const { kind, edge, ms } = step;
    say(`${kind}${edge === 0 ? '' : ` edge ${edge}`}${ms === 0 ? '' : `, ${(ms / 1000).toFixed(1)} s`}`);
    const fault: Fault = { kind, edge, from: now(), to: now() };
    this.#faults.push(fault);
    const took = await this.#break(step, fault);
    await this.#operator.rest();
    if (await this.#allBack(fault.to)) fault.healed = now();
    took();
    say(
      `  healed ${fault.healed === undefined ? 'NOT' : `${((fault.healed - fault.to) / 1000).toFixed(1)} s after its end`}`,
    );
  }

  /** Breaks it and mends it. @returns what is noted once all are back */
  async #break(step: Step, fault: Fault): Promise<() => void> {
    const { kind, edge, ms, amount = 0 } = step;
    const world = this.#world;
    const begin = (): void => {
      this.#calm = false;
      Object.assign(fault, { from: now() });
    };
    const line = async (broken: LineFault): Promise<() => void> => {
      begin();
      await world.line(edge, broken);
      await pause(ms);
      await world.line(edge, { type: 'none' });
      fault.to = now();
      return () => {};
    };
    switch (kind) {
      case 'edge_killed':
        return this.#killEdge(edge, ms, fault, begin);
      case 'edge_drained':
        return this.#drainEdge(edge, fault, begin);
      case 'edge_stopped':
        return this.#stopEdge(edge, ms, fault, begin);
      case 'edge_cut':
        return line(step.ms > LONG_MS ? { type: 'stall' } : { type: 'cut' });
      case 'store_delayed':
        return line({ type: 'delay', ms: amount });
      case 'store_throttled':
        return line({ type: 'throttle', bytes_per_second: amount });
      case 'store_stopped':
        await this.#stopStore(ms, begin);
        break;
      case 'store_killed':
        begin();
        await world.restartStore();
        break;
      case 'venue_killed':
        begin();
        await world.restartVenue();
        break;
    }
    fault.to = now();
    return () => {};
  }

  async #stopEdge(edge: number, ms: number, fault: Fault, begin: () => void): Promise<() => void> {
    const wanted = ms > TAKEN_WITHIN_MS ? await this.#probes.captive(edge) : undefined;
    begin();
    await this.#world.signalEdge(edge, 'SIGSTOP');
    const [looked] = await Promise.all([wanted?.(), pause(ms)]);
    await this.#world.signalEdge(edge, 'SIGCONT');
    fault.to = now();
    const taken = await looked?.(this.#plan.journal === 'store');
    if (taken !== undefined) this.#takeovers.push(taken);
    return () => {};
  }

  async #killEdge(edge: number, ms: number, fault: Fault, begin: () => void): Promise<() => void> {
    const freed = ms > LONG_MS ? await this.#probes.hostage(edge) : undefined;
    begin();
    const before = this.#connections();
    const at = now();
    const gone = this.#exit(edge);
    await this.#world.signalEdge(edge, 'SIGKILL');
    await gone;
    const free = freed?.(at);
    await pause(ms);
    // Its return would free them as well.
    if (free !== undefined) this.#freed.push(await free);
    await this.#world.startEdge(edge);
    fault.to = now();
    return () => this.#noteStorm(edge, 'edge_killed', at, at + CUT_MS, before);
  }

  async #drainEdge(edge: number, fault: Fault, begin: () => void): Promise<() => void> {
    await this.#operator.rest();
    begin();
    const before = this.#connections();
    const at = now();
    const gone = this.#exit(edge);
    const { status } = await this.#admin.post('edges/drain', { edge_id: edgeId(edge), reason: 'chaos' });
    const code = status === 200 ? await Promise.race([gone, pause(EXIT_WITHIN_MS, undefined)]) : undefined;
    const exitedAt = now();
    // The last words of the edge are on their way still.
    await pause(CUT_MS);
    const until = exitedAt + CUT_MS;
    const ended = before.filter(({ attempt }) => attempt.ended !== undefined && attempt.ended.at <= until);
    const told = ended.filter(({ attempt }) => attempt.ended?.text !== '').length;
    const exited = code === undefined ? {} : { exited: { at: exitedAt, code } };
    this.#drains.push({ edge, at, sessions: ended.length, told, ...exited });
    await this.#world.startEdge(edge);
    fault.to = now();
    return () => this.#noteStorm(edge, 'edge_drained', at, until, before);
  }

  async #stopStore(ms: number, begin: () => void): Promise<void> {
    const look = ms > LONG_MS * 0.9 ? await this.#probes.beforeOutage() : undefined;
    begin();
    const from = now();
    await this.#world.signalStore('SIGSTOP');
    const [answers] = await Promise.all([look?.(from), pause(ms)]);
    await this.#world.signalStore('SIGCONT');
    const to = now();
    const seen = await answers?.();
    // With the journal in the store, no word of the gateway's leaves while it is away.
    if (seen !== undefined) this.#outages.push({ ...seen, to, withheld: this.#plan.journal === 'store' });
  }

  #exit(edge: number): Promise<number | null> {
    return new Promise((resolve) => this.#exits.set(edge, resolve));
  }

  #connections(): readonly Connected[] {
    return this.#crowd.traders.flatMap(({ log, on }) => {
      const attempt = log.attempts.at(-1);
      return on && attempt !== undefined ? [{ log, attempt }] : [];
    });
  }

  #noteStorm(edge: number, why: Storm['why'], at: number, until: number, before: readonly Connected[]): void {
    const storm = stormOf({ edge, at, why }, until, before);
    if (storm !== undefined) this.#storms.push(storm);
  }

  #on(): number {
    return this.#crowd.traders.filter(({ on }) => on).length;
  }

  /** Sessions that are to be on: each user's as many as it may have. */
  #wanted(): number {
    const wanting = new Map<string, number>();
    for (const { wanted, log } of this.#crowd.traders)
      if (wanted) wanting.set(log.user, (wanting.get(log.user) ?? 0) + 1);
    let sum = 0;
    for (const [user, count] of wanting) sum += Math.min(count, this.#crowd.users.get(user)?.max_sessions ?? count);
    return sum;
  }

  /** Whether everybody who is to be on is, and every edge is ready, in time after `from`. */
  async #allBack(from: number): Promise<boolean> {
    const until = from + HEALED_WITHIN_MS * this.#plan.patience;
    for (;;) {
      if (this.#on() >= this.#wanted() && (await this.#watch.ready()) === this.#plan.edges) return true;
      if (now() > until) return false;
      await pause(LOOK_MS);
    }
  }

  /** Trading ends, answers come, the venue is asked, the lists are compared. */
  async #end(): Promise<Ending> {
    const { traders } = this.#crowd;
    const since = now();
    // Of those who compete for slots the ones without give up.
    for (const trader of traders) if (!trader.on) trader.stop();
    await this.#allBack(since);
    for (const trader of traders) trader.every = 0;
    const keepers = traders.filter(({ log }) => log.role === 'keeper');
    await this.#answered(keepers);
    // One that is refused, for a store that is slow at the moment, is asked again.
    for (let tries = 0; tries < VENUE_TRIES; tries++) {
      const unsaid = keepers.map((trader) => trader.askVenue());
      if (unsaid.every((count) => count === 0)) break;
      await this.#answered(keepers);
      if (tries > 0) await pause(CUT_MS);
    }
    const listed = await this.#watch.listed();
    const names = new Set(traders.filter(({ on }) => on).map(({ id }) => id));
    return {
      edges: this.#plan.edges,
      ready: await this.#watch.ready(),
      wanted: traders.filter(({ wanted }) => wanted).length,
      on: this.#on(),
      only_in_store: [...listed].filter((name) => !names.has(name)),
      only_at_clients: [...names].filter((name) => !listed.has(name)),
      took_ms: now() - since,
    };
  }

  async #answered(traders: readonly Trader[]): Promise<void> {
    await Promise.all(traders.map((trader) => trader.until(() => trader.waiting === 0, ANSWERED_WITHIN_MS)));
  }
}
