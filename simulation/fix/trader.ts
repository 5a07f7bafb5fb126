/** A client that trades over FIX, on its edge or on any, comes back whenever it is cut off, and knows what it is owed. */
import type { Field, FixMessage } from '../../local/fix-client.ts';
import { utcTimestamp } from '../../local/fix-client.ts';
import type { Account } from '../client.ts';
import type { FixPlan, UserPlan } from '../plan.ts';
import type { World } from '../world.ts';
import { EPSILON_MS } from './calendar.ts';
import { Engine, type EngineHost } from './engine.ts';
import { FixHost } from './fix-host.ts';
import { Knowledge } from './knowledge.ts';
import type { Peer, SimSocket } from './socket.ts';
import { Twin } from './twin.ts';

const BACK_MS = [100, 1_500] as const;
/** The same of all that go to one edge. */
const CROWD_MS = [5, 150] as const;
/** How long it waits for an answer to its Logon. */
const PATIENCE_MS = 12_000;
const HEARTBEAT_MS = 10_000;
const STAY_MS = [800, 10_000] as const;
const DOUBT_MS = 500;
const TWIN_MS = [200, 5_000] as const;
/** What it does not know to have been done by the end is missing; so much before it sends nothing new any more. */
export const LAST_ORDERS_MS = 6_000;
export const SYMBOLS = ['AAPL', 'GOOG'] as const;
/** Clocks apart, and a Logon on its way. */
const BETWEEN_MS = 200;
/** What it sends last is on its way. */
const WAY_MS = 50;

/** The number of a cancel. */
const CANCEL = /\x0135=F\x01.*?\x0134=(\d+)\x01/;

export class Trader implements Peer, EngineHost {
  readonly name: string;
  readonly account: Account;
  readonly rival = false;
  retired = false;
  state: 'away' | 'logging_on' | 'on' = 'away';
  refusedFor = '';
  readonly #world: World;
  readonly #home: FixHost;
  readonly #engine: Engine;
  readonly #everyMs: number;
  /** As edges name it. */
  readonly #session: string;
  #socket: SimSocket | undefined;
  #attempt = 0;
  readonly #knows: Knowledge;
  /** Its clock minus true time, ms. */
  readonly #clockMs: number;
  reports = 0;
  /** True time. */
  #heardAt = 0;
  /** The first number that it may have sent since it logged on. */
  #since = 0;
  /** The edge that it is connected to. */
  #at = '';
  /** True time at which it was last there, as far as whoever it was with knows. */
  #leftAt = 0;
  #lastHost: FixHost | undefined;
  /** Another connection is tried: nothing new is sent meanwhile. */
  #twin: Twin | undefined;
  readonly #moves: NonNullable<FixPlan['moves']> | undefined;
  /** The edge that everybody goes to. */
  #towards: FixHost | undefined;

  constructor(world: World, home: FixHost, account: Account, sub: string, { pace, saysNext = false }: UserPlan) {
    this.#world = world;
    this.#home = home;
    this.#moves = world.plan.fix?.moves;
    this.account = account;
    this.name = `${account.user_id}/${sub}`;
    this.#everyMs = 1000 / pace;
    const { day } = world.plan.fix ?? {};
    this.#knows = new Knowledge(world, this.name);
    this.#clockMs = day === undefined ? 0 : world.chance.between(-EPSILON_MS, EPSILON_MS);
    const { sender_comp_id: sender, password } = account;
    this.#session = `FIX.4.4|GATEWAY|${sender}|${sub}`;
    this.#engine = new Engine(this, { sender, sub, target: 'GATEWAY', password, saysNext });
  }

  /** The number of its next message. */
  get nextOut(): number {
    return this.#engine.nextOut;
  }

  /** The edge that it is on at. */
  get where(): string {
    return this.state === 'on' && this.#twin === undefined ? this.#at : '';
  }

  /** Whether this is its FIX session. */
  is(sender: string, sub: string): boolean {
    return this.account.sender_comp_id === sender && this.name.endsWith(`/${sub}`);
  }

  /** It goes for good, whatever it is about, as it goes at other times. */
  retire(): void {
    this.retired = true;
    this.#world.returns.over(this.name);
    if (this.state === 'on') this.#go();
    else if (this.state === 'logging_on') this.#hangUp();
  }

  /** By what a balancer knows of edges, where they share what clients have; now and then it is wrong. */
  #host(): FixHost {
    const { hosts, chance } = this.#world;
    if (this.#moves === undefined) return this.#home;
    const towards = this.#towards;
    this.#towards = undefined;
    if (towards !== undefined) return towards;
    const edges = hosts.filter((host) => host instanceof FixHost);
    const ready = edges.filter((host) => host.ready);
    return ready.length === 0 || chance.hit(0.02) ? chance.pick(edges) : chance.pick(ready);
  }

  connect(): void {
    if (this.state !== 'away' || this.retired) return;
    const host = this.#host();
    const socket = host.accept(this);
    this.#world.absences.knocks(this.#session);
    if (socket === undefined) {
      this.#backLater();
      return;
    }
    this.#socket = socket;
    this.#at = host.name;
    this.#lastHost = host;
    this.state = 'logging_on';
    const attempt = ++this.#attempt;
    const { day } = this.#world.plan.fix ?? {};
    this.#world.trace(this.name, () => `connects to ${host.name}`);
    this.#world.returns.logon(this.name, host.name, host.ready);
    this.#engine.connected(day !== undefined && !this.#world.calm && this.#world.chance.hit(day.resets));
    this.#world.scheduler.after(PATIENCE_MS, () => {
      if (this.#attempt !== attempt || this.state !== 'logging_on') return;
      this.#hangUp();
    });
  }

  #hangUp(): void {
    this.#socket?.leave();
    this.lost();
  }

  // What comes

  received(bytes: Buffer): void {
    this.#heardAt = this.#world.scheduler.now;
    this.#engine.receive(bytes);
  }

  lost(): void {
    if (this.state === 'away') return;
    this.#world.trace(this.name, () => 'has lost its connection');
    this.#away();
  }

  #away(vanishes = false): void {
    this.#socket = undefined;
    this.#attempt += 1;
    this.state = 'away';
    this.#leftAt = vanishes ? Number.POSITIVE_INFINITY : this.#world.scheduler.now;
    this.#engine.disconnected();
    // Or it is about to be on elsewhere.
    if (this.#twin === undefined) this.#backLater();
  }

  #backLater(): void {
    const { scheduler, chance } = this.#world;
    const within: readonly [number, number] = this.#towards === undefined ? BACK_MS : CROWD_MS;
    scheduler.after(chance.between(...within), () => this.connect());
  }

  /** Everybody goes to this edge at about the same time. */
  crowd(host: FixHost): void {
    this.#towards = host;
    this.#world.returns.over(this.name);
    if (this.state === 'on' && this.#at !== host.name) this.#go();
  }

  now(): number {
    return Math.floor(this.#world.scheduler.now);
  }

  clock(): number {
    return this.#world.scheduler.now + this.#clockMs;
  }

  isNewDay(since: number): boolean {
    const { opensAt = Number.POSITIVE_INFINITY } = this.#world.plan.fix?.day ?? {};
    return since < opensAt && this.clock() >= opensAt;
  }

  get betweenDays(): boolean {
    const { opensAt = Number.POSITIVE_INFINITY } = this.#world.plan.fix?.day ?? {};
    return Math.abs(this.#world.scheduler.now - opensAt) < BETWEEN_MS;
  }

  begunAnew(): void {
    const stood = this.#lastHost?.process?.stoodStillUntil ?? 0;
    this.#knows.begunAnew(Math.max(this.#leftAt, stood) + WAY_MS);
  }

  send(text: string): void {
    const number = CANCEL.exec(text)?.[1];
    if (number !== undefined) this.#world.cancels.sent(this.account.user_id, `${this.name} ${number}`);
    this.#socket?.feed(text);
  }

  loggedOn(): void {
    this.#world.trace(
      this.name,
      () => `logged on at ${this.#at}, ${this.#engine.nextOut} next out, ${this.#engine.nextIn} next in`,
    );
    this.state = 'on';
    this.#world.returns.over(this.name);
    this.#since = this.#engine.nextOut;
    const attempt = this.#attempt;
    const { scheduler, chance, plan } = this.#world;
    if (chance.hit(plan.restless))
      scheduler.after(chance.between(...STAY_MS), () => {
        if (this.#attempt === attempt && !this.#world.calm) this.#go();
      });
    if (chance.hit(0.1)) this.#socket?.sleep(chance.between(200, 4_000));
    if (this.#moves !== undefined && chance.hit(this.#moves.twins))
      scheduler.after(chance.between(...TWIN_MS), () => {
        if (this.#attempt === attempt && this.state === 'on' && !this.#world.calm) this.#tryElsewhere();
      });
    this.#trade(attempt);
    this.#beat(attempt);
    if (this.#moves !== undefined) this.#doubt(attempt, chance.between(...this.#moves.patience));
  }

  /** An edge that owes it something and says nothing is left, as by an engine whose TestRequest was not answered. */
  #doubt(attempt: number, patienceMs: number): void {
    const { scheduler, chance } = this.#world;
    scheduler.after(DOUBT_MS, () => {
      if (this.#attempt !== attempt || this.state !== 'on') return;
      const owed = this.#knows.owedSince(this.#since);
      if (!owed || this.#twin !== undefined || scheduler.now - this.#heardAt < patienceMs) {
        this.#doubt(attempt, patienceMs);
        return;
      }
      this.#world.trace(this.name, () => `hears nothing of ${this.#at}, and leaves`);
      const vanishes = chance.hit(this.#moves?.vanishing ?? 0);
      if (vanishes) this.#socket?.vanish();
      else this.#socket?.leave();
      this.#away(vanishes);
    });
  }

  /** Says Logon on another connection while this one is there. */
  #tryElsewhere(): void {
    const { nextOut } = this.#engine;
    const host = this.#host();
    this.#world.trace(this.name, () => `tries ${host.name} while it is on at ${this.#at}`);
    this.#world.absences.knocks(this.#session);
    const twin = new Twin(this.#world, host, this.#engine.logon(nextOut), PATIENCE_MS, (verdict) => {
      this.#twin = undefined;
      if (verdict.won && this.retired) {
        verdict.socket.leave();
        return;
      }
      if (!verdict.won) {
        this.#world.trace(this.name, () => `does not get on at ${host.name}: ${verdict.text}`);
        // It may have been counted there, and the answer lost.
        this.#engine.spent(nextOut);
        if (this.state === 'away') this.#backLater();
        return;
      }
      this.#socket?.leave();
      this.#attempt += 1;
      this.#socket = verdict.socket;
      this.#at = host.name;
      twin.goesTo(this);
      this.#engine.spent(nextOut);
      this.state = 'logging_on';
      this.#engine.moved();
      this.#engine.receive(verdict.bytes);
    });
    this.#twin = twin;
  }

  /** With a Logout, or without a word. */
  #go(): void {
    this.#world.trace(this.name, () => 'goes');
    const socket = this.#socket;
    const vanishes = this.#world.chance.hit(this.#moves?.vanishing ?? 0);
    if (vanishes) socket?.vanish();
    else {
      if (this.#world.chance.hit(0.5)) this.#engine.logout();
      socket?.leave();
    }
    this.#away(vanishes);
  }

  loggedOut(text: string): void {
    this.refusedFor = text;
    this.#world.trace(this.name, () => `is logged out: ${text}`);
    if (/too low|\(789\) is wrong/i.test(text) && !this.betweenDays && !this.#engine.crossed)
      this.broken('numbers', `the edge knows of other numbers than were ever sent: ${text}`);
    this.#socket?.leave();
    if (this.state !== 'away') this.#away();
  }

  broken(promise: string, text: string): void {
    this.#world.fail(promise, `${this.name}: ${text}`);
  }

  application(message: FixMessage): void {
    this.reports += 1;
    this.#knows.told(message);
  }

  // What goes

  #trade(attempt: number): void {
    const { scheduler, chance } = this.#world;
    scheduler.after(this.#everyMs * chance.between(0.2, 1.8), () => {
      if (this.#attempt !== attempt || this.state !== 'on') return;
      if (!this.#world.closing && this.#twin === undefined) {
        const count = chance.hit(0.05) ? chance.whole(3, 12) : 1;
        for (let sent = 0; sent < count; sent++) {
          const over = this.#world.calm && chance.hit(0.3) ? this.#knows.timed.asks : undefined;
          if (chance.hit(0.25)) this.#cancel();
          else if (over !== undefined) this.#ask(over);
          else this.#order();
        }
      }
      this.#trade(attempt);
    });
  }

  #order(): void {
    const { chance } = this.#world;
    const id = this.#knows.asks(this.#engine.nextOut);
    const symbol = chance.pick(SYMBOLS);
    const limit = chance.hit(0.5);
    const rests: readonly Field[] = this.#knows.timed.terms(symbol) ?? [
      [44, '10.00'],
      [59, 0],
    ];
    const type: readonly Field[] = limit ? [[40, 2], ...rests] : [[40, 1]];
    this.#engine.order([
      [35, 'D'],
      [11, id],
      [55, symbol],
      [54, chance.pick([1, 2])],
      [60, utcTimestamp(new Date(this.now()))],
      [38, chance.whole(1, 20)],
      ...type,
    ]);
  }

  /** How an order is whose time is over. */
  #ask([order, about]: readonly [string, readonly Field[]]): void {
    this.#engine.order([[35, 'H'], [11, order], ...about]);
  }

  #cancel(): void {
    const { open } = this.#knows;
    if (open.length === 0) return;
    const { chance } = this.#world;
    const [order, about] = chance.pick(open);
    const id = this.#knows.asks(this.#engine.nextOut);
    this.#engine.order([[35, 'F'], [41, order], [11, id], ...about, [60, utcTimestamp(new Date(this.now()))]]);
  }

  #beat(attempt: number): void {
    this.#world.scheduler.after(HEARTBEAT_MS, () => {
      if (this.#attempt !== attempt || this.state !== 'on') return;
      if (this.#twin === undefined) this.#engine.heartbeat();
      this.#beat(attempt);
    });
  }

  /** At the end: what it was never told about. */
  settle(): void {
    this.#knows.settle(this.#session);
  }
}
