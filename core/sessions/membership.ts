/**
 * An edge among edges: it registers, renews its lease with a heartbeat, watches the heartbeats of the others and takes
 * its commands. All durations are on this edge's own monotonic clock: no two clocks are ever compared.
 *
 * Lease: counted from before the renewal was sent, so that it ends here before anybody else, who counts from after the
 * renewal was seen, may call the edge dead. At its end orders stop, cancels pass and connections stay; the next
 * renewal that succeeds brings orders back, for it succeeds only while nobody has declared the edge dead.
 */
import type { EdgeRegistry } from '../ports.ts';
import type { Clock, Timer, Timers } from '../time.ts';
import type { Done, GateLog } from './api.ts';
import {
  COMMAND_POLL_MS,
  DEAD_AFTER_MS,
  HEARTBEAT_MS,
  LEASE_MS,
  LEFT_OVERS_MS,
  ORDERS_A_LOOK,
  WATCH_MS,
  WATCHED_EDGES,
} from './bounds.ts';
import {
  type Claimed,
  type EdgeCommand,
  type EdgeFigures,
  type EdgeIdentity,
  type EdgeRow,
  isKnownCommand,
  isServing,
} from './model.ts';
import { Unbroken } from './unbroken.ts';

export interface MembershipPorts {
  readonly edges: EdgeRegistry;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: GateLog;
}

export interface MembershipEvents {
  figures(): EdgeFigures;
  draining(): boolean;
  /** In the order of the commands, each once. @returns when the store may forget it; undefined: now */
  onCommand(command: EdgeCommand): Done | undefined;
  onOrders(allowed: boolean): void;
  /** This incarnation was declared dead or superseded: it has ended. */
  onFenced(): void;
}

/** Another edge's heartbeat. `since`: when it was first seen; monotonic ms, after the reply that showed it. */
interface Watched {
  readonly incarnation: number;
  readonly heartbeat: number;
  readonly since: number;
}

export class Membership {
  readonly identity: EdgeIdentity;
  readonly #ports: MembershipPorts;
  readonly #events: MembershipEvents;
  #state: 'member' | 'fenced' | 'stopped' = 'member';
  #leaseEnd: number;
  #ordersTold = true;
  /** The batch for which the lease was last checked, and for how many more of its orders it is not checked. */
  #lookedMs = Number.NaN;
  #unlooked = 0;
  #heartbeat = 0;
  /** Whether the store has answered this edge's own heartbeats: an edge that cannot write its own declares nobody dead. */
  readonly #unbroken: Unbroken;
  /** One call of each kind at a time: a slow store must not pile them up. */
  readonly #busy = new Set<string>();
  readonly #failing = new Set<string>();
  readonly #timers = new Set<Timer>();
  #watchTimer: Timer | undefined;
  readonly #watched = new Map<string, Watched>();
  /** There are so many edges that each watches only some of them. */
  #many = false;
  /** Commands that were applied and may still be in the store. */
  readonly #applied = new Set<string>();
  /** Commands that were applied and have not been done for good: the store keeps them for a later process. */
  readonly #unfinished = new Map<string, Done>();

  private constructor(ports: MembershipPorts, identity: EdgeIdentity, events: MembershipEvents, registeredAt: number) {
    this.#ports = ports;
    this.#events = events;
    this.identity = identity;
    this.#leaseEnd = registeredAt + LEASE_MS;
    this.#unbroken = new Unbroken(ports.clock.monotonic());
  }

  /** Registers by `begin` and starts the heartbeat. Rejects as `begin` does. */
  static async join(
    ports: MembershipPorts,
    begin: () => Promise<Claimed>,
    events: MembershipEvents,
  ): Promise<Membership> {
    const { identity, since } = await begin();
    const membership = new Membership(ports, identity, events, since);
    membership.#start();
    return membership;
  }

  get state(): 'member' | 'fenced' | 'stopped' {
    return this.#state;
  }

  /** Whether the lease is in force. Compared with the clock at each call, so that a late timer cannot prolong it. */
  get mayPlaceOrders(): boolean {
    return this.#state === 'member' && this.#ports.clock.monotonic() < this.#leaseEnd;
  }

  /**
   * The same for an order of a batch that came at `nowMs`, but the clock is read only once for {@link ORDERS_A_LOOK} orders.
   * Admitted orders take effect when the batch ends. So a process that is suspended within a batch may have orders later than
   * its lease however often it looks; this adds at most that many.
   */
  mayPlaceOrder(nowMs: number): boolean {
    if (nowMs === this.#lookedMs && this.#unlooked > 0) {
      this.#unlooked -= 1;
      return this.#state === 'member';
    }
    const may = this.mayPlaceOrders;
    this.#lookedMs = nowMs;
    this.#unlooked = may ? ORDERS_A_LOOK - 1 : 0;
    return may;
  }

  /** Sends a heartbeat now. */
  async beat(): Promise<void> {
    await this.#exclusively('heartbeat', () => this.#renew());
  }

  /** Reads and applies waiting commands now. */
  async poll(): Promise<void> {
    await this.#exclusively('commands', () => this.#takeCommands());
  }

  /** Registers as `stopped`, which frees every slot of this incarnation. Rejects with StoreUnavailable. */
  async stop(): Promise<void> {
    if (this.#state !== 'member') return;
    this.#halt('stopped');
    await this.#ports.edges.stop(this.identity, this.#events.figures(), this.#ports.clock.now());
  }

  #start(): void {
    const { timers } = this.#ports;
    this.#timers.add(timers.every(HEARTBEAT_MS, () => void this.beat()));
    this.#timers.add(timers.every(COMMAND_POLL_MS, () => void this.poll()));
    // A lease that ended between heartbeats is told soon; whether orders pass is read from the clock anyway.
    this.#timers.add(timers.every(COMMAND_POLL_MS, () => this.#tellOrders()));
    this.#watchLater(WATCH_MS);
    const { edge_id, incarnation } = this.identity;
    if (incarnation > 1) this.#clearLater({ edge_id, incarnation: incarnation - 1 });
  }

  #halt(state: 'fenced' | 'stopped'): void {
    this.#state = state;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#watchTimer?.cancel();
  }

  async #exclusively(what: string, run: () => Promise<void>): Promise<void> {
    if (this.#state !== 'member' || this.#busy.has(what)) return;
    this.#busy.add(what);
    try {
      await run();
      if (this.#failing.delete(what)) this.#ports.log.info({ what }, 'the store answers again');
    } catch (error) {
      if (!this.#failing.has(what)) this.#ports.log.warn({ error, what }, 'the store does not answer');
      this.#failing.add(what);
    } finally {
      this.#busy.delete(what);
    }
  }

  async #renew(): Promise<void> {
    const { clock, edges } = this.#ports;
    const sent = clock.monotonic();
    const state = this.#events.draining() ? 'draining' : 'alive';
    this.#heartbeat += 1;
    const alive = await edges.heartbeat(this.identity, this.#heartbeat, state, this.#events.figures(), clock.now());
    if (this.#state !== 'member') return;
    this.#unbroken.answered(clock.monotonic());
    if (!alive) {
      this.#halt('fenced');
      this.#tellOrders();
      this.#events.onFenced();
      return;
    }
    this.#leaseEnd = Math.max(this.#leaseEnd, sent + LEASE_MS);
    this.#tellOrders();
  }

  #tellOrders(): void {
    const allowed = this.mayPlaceOrders;
    if (allowed === this.#ordersTold) return;
    this.#ordersTold = allowed;
    this.#events.onOrders(allowed);
  }

  /**
   * Commands come from many writers whose clocks differ, so a later one may sort before one already applied: each read
   * takes all that the store has. What was applied is remembered until a read shows that the store has forgotten it.
   */
  async #takeCommands(): Promise<void> {
    const { edges } = this.#ports;
    const commands = await edges.commands(this.identity.edge_id, '');
    const there = new Set(commands.map(({ id }) => id));
    for (const id of this.#applied) {
      if (!there.has(id)) this.#applied.delete(id);
    }
    for (const command of commands) {
      if (this.#state !== 'member') return;
      const known = isKnownCommand(command);
      // A command of a newer release: it stays for a process that knows it.
      if (!known) there.delete(command.id);
      if (this.#applied.has(command.id)) continue;
      this.#applied.add(command.id);
      const done = known ? this.#events.onCommand(command) : undefined;
      if (done !== undefined) this.#unfinished.set(command.id, done);
      if (!known)
        this.#ports.log.warn({ type: command.type, id: command.id }, 'a command of a later release was left alone');
    }
    for (const [id, done] of this.#unfinished) {
      if (done()) this.#unfinished.delete(id);
      else there.delete(id);
    }
    if (there.size > 0) await edges.acknowledge(this.identity.edge_id, [...there]);
  }

  #watchLater(ms: number): void {
    if (this.#state !== 'member') return;
    this.#watchTimer = this.#ports.timers.after(ms, () => void this.#watch());
  }

  async #watch(): Promise<void> {
    let next = WATCH_MS;
    await this.#exclusively('watch', async () => {
      const sent = this.#ports.clock.monotonic();
      const { edges } = this.#ports;
      const rows = await (this.#many ? edges.following(this.identity.edge_id, WATCHED_EDGES) : edges.list());
      const seen = this.#ports.clock.monotonic();
      const others = rows.filter((row) => row.edge_id !== this.identity.edge_id && isServing(row));
      // Fewer than were asked for: there are no others.
      this.#many = this.#many ? others.length === WATCHED_EDGES : others.length > WATCHED_EDGES;
      for (const id of this.#watched.keys()) {
        if (!others.some((row) => row.edge_id === id)) this.#watched.delete(id);
      }
      // All at once: edges that died together are not to wait for each other, nor for one that could not be declared dead.
      const judged = await Promise.allSettled(others.map((row) => this.#judge(row, sent, seen)));
      for (const one of judged) {
        if (one.status === 'rejected') throw one.reason;
        next = Math.min(next, one.value);
      }
    });
    this.#watchLater(Math.max(next, COMMAND_POLL_MS));
  }

  /**
   * Declares an edge dead whose heartbeat has stood still for its lease + 1 s, if this edge could write its own all that time.
   * Returns after how many ms to look again.
   */
  async #judge(row: EdgeRow, sent: number, seen: number): Promise<number> {
    const known = this.#watched.get(row.edge_id);
    if (known?.incarnation !== row.incarnation || known.heartbeat !== row.heartbeat) {
      this.#watched.set(row.edge_id, { incarnation: row.incarnation, heartbeat: row.heartbeat, since: seen });
      return WATCH_MS;
    }
    const remaining = Math.max(known.since, this.#unbroken.since(seen)) + DEAD_AFTER_MS - sent;
    if (remaining > 0) return remaining;
    const dead = await this.#ports.edges.declareDead(
      { edge_id: row.edge_id, incarnation: row.incarnation },
      row.heartbeat,
    );
    this.#watched.delete(row.edge_id);
    if (!dead) return WATCH_MS;
    const { edge_id, incarnation } = row;
    this.#ports.log.warn({ edge: edge_id, incarnation }, 'declared an edge dead');
    this.#clearLater({ edge_id, incarnation });
    return WATCH_MS;
  }

  /** Removes the session rows of an ended incarnation after a while; tries again if that fails. A later edge of the same name does it, too. */
  #clearLater(ended: EdgeIdentity): void {
    const timer = this.#ports.timers.after(LEFT_OVERS_MS, () => {
      this.#timers.delete(timer);
      this.#ports.edges.removeSessions(ended).catch((error: unknown) => {
        this.#ports.log.warn({ error, edge: ended.edge_id }, 'session rows of an ended edge could not be removed yet');
        if (this.#state === 'member') this.#clearLater(ended);
      });
    });
    this.#timers.add(timer);
  }
}
