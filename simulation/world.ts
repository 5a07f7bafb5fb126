/** A world drawn from a seed: the store, machines with edges on them, clients, an admin, and what goes wrong. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyChain } from '../core/audit/chain.ts';
import type { GatePorts } from '../core/gate.ts';
import { ensureDefaults } from '../core/policy/defaults.ts';
import { provision } from '../core/provisioning.ts';
import type { VenueSession } from '../edge/venue/venue.ts';
import { Admin, CONTEXT } from './admin.ts';
import { befallAll, befallEdge, befallGreeting, befallStart } from './befall.ts';
import { Cancels } from './cancels.ts';
import { type Account, Client } from './client.ts';
import { drawPlan } from './drawing.ts';
import { EdgeHost } from './edge-host.ts';
import { Absences } from './fix/absences.ts';
import { Calendar } from './fix/calendar.ts';
import { Decisions } from './fix/decisions.ts';
import { FixHost } from './fix/fix-host.ts';
import { Market, marketDictionary } from './fix/market.ts';
import { Returns } from './fix/returns.ts';
import { Sent } from './fix/sent.ts';
import { standIn } from './fix/timers.ts';
import { LAST_ORDERS_MS, Trader } from './fix/trader.ts';
import type { Host } from './host.ts';
import type { Mutation } from './mutation.ts';
import { Oracle } from './oracle.ts';
import { type Kind, type Plan, type Trouble, type UserPlan, unreported } from './plan.ts';
import { Machine, Process } from './process.ts';
import { Refusals } from './refusals.ts';
import { Chance, Scheduler } from './scheduler.ts';
import { type Network, StoreClient } from './store/client.ts';
import { Tables } from './store/tables.ts';
import { CALM, isRough } from './store/weather.ts';
import { portsOf, type StorePorts } from './wiring.ts';

/** What goes wrong has an end, and this is how long the world has to be whole again. */
const REST_MS = 20_000;
/** Who goes for good does so when it may have orders, and long enough before the end that they are to be gone. */
const LEAVES_FROM_MS = 3_000;
const LEAVES_BEFORE_MS = 4_000;
const DOWN_MS = 11_000;
/** A drain that goes on, or has just come to its end, has its own bound: so often so much longer. */
const DRAIN_REST_MS = 6_000;
const DRAIN_RESTS = 6;

/** Where there is one, disks of a run are in memory: what a machine that dies would lose is not what is looked at. */
const MEMORY = '/dev/shm';

/** What a seed is about, by turns. */
const KINDS: readonly Kind[] = ['home', 'gates', 'moves', 'gates'];
/** One of so many, in place of gates. */
const DEATHS = { every: 64, at: 61 };

const kindOf = (seed: number): Kind => (seed % DEATHS.every === DEATHS.at ? 'deaths' : KINDS[seed % KINDS.length]!);

export interface Violation {
  /** Which promise. */
  readonly promise: string;
  readonly text: string;
  /** Ms since the run began. */
  readonly at: number;
}

export interface WorldOptions {
  readonly seed: number;
  /** Ms of things going wrong. */
  readonly busyMs: number;
  readonly mutation?: Mutation | undefined;
  /** Told of everything that happens; undefined: nobody is. */
  readonly trace?: ((line: string) => void) | undefined;
}

export class World {
  readonly chance: Chance;
  readonly scheduler: Scheduler;
  readonly tables: Tables;
  readonly network: Network = { weather: CALM, away: false, cut: new Set() };
  readonly oracle: Oracle;
  readonly plan: Plan;
  readonly hosts: Host[] = [];
  readonly clients: (Client | Trader)[] = [];
  /** Of this run; made when an edge keeps something. */
  directory = '';
  /** The venue that edges share; undefined: each has its own. */
  market: Market | undefined;
  readonly sent: Sent;
  readonly decisions: Decisions = new Decisions(this);
  readonly absences: Absences = new Absences(this);
  readonly returns: Returns = new Returns(this);
  readonly refusals: Refusals = new Refusals(this);
  readonly cancels: Cancels = new Cancels(this);
  violation: Violation | undefined;
  /** True time until which something is wrong between processes and the store. */
  troubledUntil = 0;
  /** The same of what a Logon waits for besides edges: the store, the venue, disks. */
  detainedUntil = 0;
  /** Nothing goes wrong any more. */
  calm = false;
  began: number;
  /** Of all writes: two runs of one seed have one. */
  fingerprint = 0;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.chance = new Chance(options.seed);
    this.plan = drawPlan(this.chance.fork(), options.busyMs, kindOf(options.seed));
    const { fix } = this.plan;
    this.sent = new Sent(fix?.lost === true || fix?.commit === 'reserve', new Calendar(fix?.day));
    this.scheduler = new Scheduler(this.plan.startAt, this.chance.fork());
    this.began = this.plan.startAt;
    this.tables = new Tables(() => this.scheduler.now);
    this.oracle = new Oracle(this);
    this.tables.onWrite = (table, pk, sk, item) => {
      this.#print(`${this.scheduler.now} ${table} ${pk} ${sk}`);
      this.decisions.written(table, sk, item);
      this.oracle.written(table, pk, sk, item);
      this.refusals.written(table, pk, sk, item);
    };
  }

  #print(text: string): void {
    let hash = this.fingerprint ^ 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.fingerprint = hash >>> 0;
  }

  trace(who: string, text: () => string): void {
    const { trace } = this.#options;
    if (trace === undefined) return;
    const at = ((this.scheduler.now - this.began) / 1000).toFixed(4).padStart(9);
    trace(`${at}  ${who.padEnd(6)} ${text()}`);
  }

  fail(promise: string, text: string): void {
    // What follows from what is broken is nobody's fault.
    if (this.violation !== undefined || (promise === 'reports' && unreported(this.plan.fix))) return;
    this.violation = { promise, text, at: this.scheduler.now - this.began };
    this.trace('oracle', () => `BROKEN ${promise}: ${text}`);
  }

  /** Something is wrong with the way to the store, or with a process, for so long. */
  trouble(ms: number): void {
    this.troubledUntil = Math.max(this.troubledUntil, this.scheduler.now + ms);
  }

  /** What Logons wait for is not there for so long. */
  detain(ms: number): void {
    this.detainedUntil = Math.max(this.detainedUntil, this.scheduler.now + ms);
  }

  #client(process: Process): StoreClient {
    const { scheduler, network, tables } = this;
    const tamper = this.#options.mutation?.tamper ?? ((_command, input) => input);
    const trace = (text: () => string): void => this.trace(process.name, text);
    return new StoreClient({ scheduler, network, tables, process, tamper, chance: this.chance.fork(), trace });
  }

  /** What a gate in this process is given. */
  gatePorts(process: Process): GatePorts & StorePorts {
    const ports = portsOf(process, this.#client(process));
    const mutated = this.#options.mutation?.ports?.(ports, process) ?? ports;
    return { ...mutated, timers: process.timers, limiter: this.plan.limiter };
  }

  #process(name: string): Process {
    const machine = new Machine(this.scheduler, { offset: 0, drift: 0 });
    return new Process(name, machine, this.scheduler, this.chance.fork());
  }

  #adminPorts(name: string): StorePorts {
    const process = this.#process(name);
    const ports = portsOf(process, this.#client(process));
    return this.#options.mutation?.adminPorts?.(ports, process) ?? ports;
  }

  get mutation(): Mutation | undefined {
    return this.#options.mutation;
  }

  /** Nothing new is ordered any more. */
  get closing(): boolean {
    return this.scheduler.now > this.began + this.plan.busyMs + REST_MS - LAST_ORDERS_MS;
  }

  /** @returns what was found wrong first; undefined: everything held */
  async run(): Promise<Violation | undefined> {
    if (this.plan.fix === undefined) return await this.#run();
    if (this.plan.fix.moves !== undefined) this.market = new Market(this, this.#machine(), await marketDictionary());
    this.directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'fixgate-simulation-'));
    const restore = standIn(this.scheduler);
    try {
      return await this.#run();
    } finally {
      for (const host of this.hosts) if (host instanceof FixHost) host.dispose();
      this.market?.dispose();
      restore();
      rmSync(this.directory, { recursive: true });
    }
  }

  async #run(): Promise<Violation | undefined> {
    const over = (): boolean => this.violation !== undefined;
    const { scheduler, plan, oracle } = this;
    const accounts = this.#settle();
    for (let done = false; !done; ) {
      void accounts.then(() => {
        done = true;
      });
      await scheduler.run(scheduler.now + 100);
    }
    this.#open(await accounts);
    scheduler.onStep = () => {
      oracle.step();
      this.decisions.step();
      this.refusals.step();
    };
    await scheduler.run(this.began + plan.busyMs, over);
    if (over()) return this.violation;
    this.#rest();
    await scheduler.run(this.began + plan.busyMs + REST_MS, over);
    for (let more = 0; this.#drains() && !over() && more < DRAIN_RESTS; more++)
      await scheduler.run(scheduler.now + DRAIN_REST_MS, over);
    if (over()) return this.violation;
    oracle.atRest();
    for (const client of this.clients) if (client instanceof Trader && !client.retired) client.settle();
    const unknown = this.sent.settle();
    if (unknown !== undefined) this.fail('reports', unknown);
    await this.#audit();
    return this.violation;
  }

  /** An edge is on its way out, or back. */
  #drains(): boolean {
    const since = this.scheduler.now - DRAIN_REST_MS;
    return this.hosts.some(({ draining, changedAt }) => draining !== undefined || changedAt > since);
  }

  /** The store as a deployment finds it: defaults, users. */
  async #settle(): Promise<readonly Account[]> {
    const process = this.#process('setup');
    const ports = portsOf(process, this.#client(process));
    await ensureDefaults(ports, CONTEXT.actor);
    const accounts: Account[] = [];
    for (const { user_id, tier, max_sessions } of this.plan.users) {
      this.oracle.user(user_id, max_sessions);
      const { issued } = await provision(ports, CONTEXT, {
        user_id,
        rate_limit_tier: tier,
        max_sessions,
        facts: { account_balance: 1e6, trading_volume: 1e6, account_age_days: 400, kyc_level: 3, groups: [] },
        allowed_ips: [],
        additional_credential: false,
      });
      if (issued.proof !== 'password') throw new TypeError('passwords were asked for');
      accounts.push({ user_id, sender_comp_id: issued.sender_comp_id, password: issued.password.reveal() });
    }
    return accounts;
  }

  #machine(): Machine {
    const { plan, scheduler, chance } = this;
    const offset = chance.between(-plan.clockErrorMs, plan.clockErrorMs);
    return new Machine(scheduler, { offset, drift: chance.between(-1e-4, 1e-4) });
  }

  #open(accounts: readonly Account[]): void {
    const { plan, scheduler, chance, network } = this;
    this.began = scheduler.now;
    network.weather = plan.weather;
    if (isRough(plan.weather)) {
      this.trouble(plan.busyMs);
      this.detain(plan.busyMs);
    }
    this.market?.start();
    if (plan.fix?.profile.cancel_on_disconnect !== undefined) this.absences.watch();
    for (let index = 0; index < plan.edges; index++) {
      const machine = this.#machine();
      const { fix } = plan;
      const host = fix === undefined ? new EdgeHost(this, index, machine) : new FixHost(this, index, machine, fix);
      this.hosts.push(host);
      scheduler.after(chance.between(0, 300), () => host.start());
    }
    for (const [index, user] of plan.users.entries()) this.#clients(user, accounts[index]!);
    for (const client of this.clients) scheduler.after(chance.between(50, 1500), () => client.connect());
    for (const { at, edge } of plan.fix?.moves?.crowds ?? [])
      scheduler.after(at, () => {
        const host = this.hosts[edge];
        for (const client of this.clients) if (client instanceof Trader && host instanceof FixHost) client.crowd(host);
      });
    for (const trouble of plan.troubles) scheduler.after(trouble.at, () => this.befall(trouble));
    const admin = new Admin(this, this.#adminPorts('admin'));
    for (const act of plan.acts) scheduler.after(act.at, () => void this.#guarded(admin.act(act)));
    // What an admin has asked for last may still be on its way.
    scheduler.after(plan.busyMs + 3_500, () => void this.#guarded(admin.pardon()));
  }

  /** A defect in what runs beside the scheduler ends the run as one that was found. */
  async #guarded(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.fail('no defects', (error as Error).stack ?? String(error));
    }
  }

  #clients(user: UserPlan, account: Account): void {
    const { sessions, rivals, pace } = user;
    const names = Array.from({ length: sessions }, (_none, index) => `s${index}`);
    const all = [...names.map((sub) => ({ sub, rival: false }))];
    for (const [index, kind] of rivals.entries())
      all.push({ sub: kind === 'same_key' ? this.chance.pick(names) : `r${index}`, rival: true });
    for (const { sub, rival } of all) {
      const home = this.chance.pick(this.hosts);
      if (home instanceof FixHost) this.#trader(new Trader(this, home, account, sub, user));
      else this.clients.push(new Client(this, account, sub, rival, pace));
    }
  }

  /** Some go for good, and their orders with them. */
  #trader(trader: Trader): void {
    const { plan, chance, scheduler } = this;
    this.clients.push(trader);
    const { leaving = 0 } = plan.fix ?? {};
    if (leaving > 0 && chance.hit(leaving))
      scheduler.after(chance.between(LEAVES_FROM_MS, plan.busyMs - LEAVES_BEFORE_MS), () => trader.retire());
  }

  /** Whose FIX session this is. */
  traderOf(sender: string, sub: string): Trader | undefined {
    for (const one of this.clients) if (one instanceof Trader && one.is(sender, sub)) return one;
    return undefined;
  }

  /** Something goes wrong now. */
  befall(trouble: Trouble): void {
    this.trace('world', () => JSON.stringify(trouble));
    this.returns.befalls(trouble);
    if ('edge' in trouble) befallEdge(this, trouble);
    else befallAll(this, trouble);
  }

  /** A session begins at this edge, and is about to be told to its venue. */
  begins(host: Host, { sender_comp_id, sender_sub_id }: VenueSession): void {
    const { plan, chance, calm } = this;
    const { unheard = 0 } = plan.fix ?? {};
    if (calm || unheard === 0 || !chance.hit(unheard)) return;
    befallStart(this, host, this.traderOf(sender_comp_id, sender_sub_id));
  }

  /** An edge answers a Logon. */
  greets(host: Host): void {
    const { plan, chance, calm } = this;
    const { lostGreeting = 0 } = plan.fix ?? {};
    if (!calm && lostGreeting > 0 && chance.hit(lostGreeting)) befallGreeting(this, host);
  }

  /** All faults end, rivals go, locks are lifted: what is left has to be as it should within {@link REST_MS}. */
  #rest(): void {
    this.trace('world', () => 'nothing goes wrong any more');
    this.calm = true;
    this.network.weather = CALM;
    this.network.away = false;
    this.network.cut.clear();
    for (const host of this.hosts) if (host instanceof FixHost) host.disk.full = false;
    if (this.market !== undefined) this.market.disk.full = false;
    // Whoever is down stays so for as long as others may need to notice.
    for (const host of this.hosts) this.scheduler.after(DOWN_MS, () => host.start());
    for (const client of this.clients) if (client.rival) client.retire();
  }

  /** Every chain of the trail proves to be whole. */
  async #audit(): Promise<void> {
    const process = this.#process('auditor');
    const ports = portsOf(process, this.#client(process));
    const walk = async (): Promise<void> => {
      for await (const chain of ports.trail.chains()) {
        const records = [];
        for (let after: string | undefined; ; ) {
          const page = await ports.trail.chain(chain, { limit: 1000, ...(after === undefined ? {} : { after }) });
          records.push(...page.items);
          after = page.next;
          if (after === undefined) break;
        }
        const verdict = await verifyChain(ports.digests, chain, records, await ports.trail.expectedHead(chain));
        if (!verdict.whole) this.oracle.broken(chain, `is broken at ${verdict.seq}: ${verdict.text}`);
      }
    };
    let done = false;
    const walking = walk().finally(() => {
      done = true;
    });
    while (!done) await this.scheduler.run(this.scheduler.now + 1000);
    await walking;
  }
}
