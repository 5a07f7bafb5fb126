/**
 * Who is there, by true time, of the sessions whose orders go with them: what cancels their orders does so once their grace is
 * over, not before and not for one that is there, on whichever edge; and it does not stay undone.
 */
import type { VenueSession } from '../../edge/venue/venue.ts';
import type { Host } from '../host.ts';
import type { World } from '../world.ts';

/** An edge whose link is gone, and whoever began to log on there, has at least so long, whatever grace its sessions have. */
const RELINK_MS = 5_000;
const CLAIMED_MS = 20_000;
/** Timers are late, and what is asked for is on its way. */
const LATE_MS = 1_500;
/** Clocks of machines, over a grace. */
const EARLY_MS = 5;
/** An edge has not told yet who is there, or who has come. */
const TELLING_MS = 100;
const LOOK_MS = 500;

/** The edge that has a session, or had it last. */
interface Stay {
  readonly host: Host;
  readonly epoch: number;
  readonly graceMs: number;
  /** True time. */
  readonly since: number;
  /** True time at which the venue could hear of that: when its edge was linked. Undefined: it has not been since. */
  heardAt: number | undefined;
  /** Undefined: it is there. */
  until: number | undefined;
  /** Its grace was over when it came: the venue may cancel its orders before it hears of that… */
  readonly late: boolean;
  /** …which it has. */
  heard: boolean;
  /** Its edge has it on its disk: the venue hears of it in the end, if from a later process. */
  kept: boolean;
}

/** Links to the venue that edges share. */
export interface Linked {
  /** True time since which this edge is linked; undefined: it is not. */
  since(edge: string): number | undefined;
}

export class Absences {
  readonly #world: World;
  readonly #stays = new Map<string, Stay>();
  /** By session: how often the edge that has it has said that its grace is over, and the venue has not done what follows. */
  readonly #decided = new Map<string, number>();
  /** When somebody last tried to log on, by session. */
  readonly #knocked = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  watch(): void {
    this.#world.scheduler.after(LOOK_MS, () => {
      this.#look();
      this.watch();
    });
  }

  knocks(session: string): void {
    this.#knocked.set(session, this.#world.scheduler.now);
  }

  started(host: Host, { id, epoch = 0, cancel_after_ms }: VenueSession): void {
    const known = this.#stays.get(id);
    if (cancel_after_ms === undefined || (known !== undefined && known.epoch > epoch)) return;
    const { now } = this.#world.scheduler;
    const { market } = this.#world;
    const heardAt = market === undefined || market.since(host.name) !== undefined ? now : undefined;
    const late = known?.until !== undefined && !this.#tooSoon(known);
    this.#stays.set(id, {
      host,
      epoch,
      graceMs: cancel_after_ms,
      since: now,
      heardAt,
      until: undefined,
      late,
      heard: false,
      kept: false,
    });
  }

  /** The edge has written what it had to say to the venue. */
  kept(host: Host): void {
    for (const stay of this.#stays.values()) if (stay.host === host && stay.until === undefined) stay.kept = true;
  }

  /** A venue that edges share hears of it. */
  heard({ id, epoch = 0 }: VenueSession): void {
    const stay = this.#stays.get(id);
    if (stay?.epoch === epoch) stay.heard = true;
  }

  ended(host: Host, { id }: VenueSession): void {
    const stay = this.#stays.get(id);
    if (stay?.host === host) stay.until ??= this.#world.scheduler.now;
  }

  /** The edge's process is gone, and every connection with it. */
  gone(host: Host): void {
    for (const stay of this.#stays.values()) if (stay.host === host) stay.until ??= this.#world.scheduler.now;
  }

  /** An edge has a session's orders cancelled. That it may not any more, when the session has moved, is for others to see to. */
  decided(host: Host, session: VenueSession): void {
    if (session.cancel_after_ms === undefined)
      this.#world.fail('cancel on disconnect', `${host.name} has orders of ${session.id} cancelled, which stay`);
    const stay = this.#stays.get(session.id);
    if (stay === undefined) return;
    // An edge that has taken the session since, and where nobody got on, says so sooner than one that hangs could.
    if (stay.host !== host && (session.epoch ?? 0) <= stay.epoch) return;
    if (stay.host === host && this.#tooSoon(stay))
      this.#fail(session.id, stay, `${host.name} has its orders cancelled`);
    this.#decided.set(session.id, (this.#decided.get(session.id) ?? 0) + 1);
  }

  /** A venue that edges share does so. */
  cancelled({ id }: VenueSession, links: Linked): void {
    const stay = this.#stays.get(id);
    if (stay === undefined) return;
    // Perhaps before it was there: what its edge said then may have been on its way.
    const decided = this.#decided.get(id) ?? 0;
    this.#decided.set(id, Math.max(0, decided - 1));
    if (decided > 0) return;
    if (!this.#tooSoon(stay)) return;
    if (stay.late && this.#world.scheduler.now - this.#saidFrom(stay) < TELLING_MS) return;
    // Whoever is out of reach is as good as gone, after a while.
    const linked = links.since(stay.host.name);
    if (linked === undefined || this.#world.scheduler.now - linked < TELLING_MS) return;
    this.#fail(id, stay, 'the venue cancels its orders');
  }

  /** What an edge has to say waits in its journal, and with that for the store. */
  #saidFrom({ since, heard, host }: Stay): number {
    const { plan, detainedUntil } = this.#world;
    if (heard || plan.fix?.journal !== 'store') return since;
    return Math.max(since, detainedUntil, host.detainedUntil);
  }

  #tooSoon({ until, graceMs }: Stay): boolean {
    return until === undefined || this.#world.scheduler.now - until < graceMs - EARLY_MS;
  }

  #fail(id: string, { host, until, graceMs }: Stay, text: string): void {
    const { scheduler } = this.#world;
    const where =
      until === undefined
        ? `it is on at ${host.name}`
        : `it has left ${host.name} ${(scheduler.now - until).toFixed(0)} ms ago`;
    this.#world.fail('cancel on disconnect', `${text}, of ${id}; ${where}, and has ${graceMs} ms`);
  }

  /** Orders that rest although nobody has been there for them for long. */
  #look(): void {
    const { scheduler, detainedUntil, plan, market } = this.#world;
    for (const [venue, sessions] of this.#resting())
      for (const { id } of sessions) {
        const stay = this.#stays.get(id);
        if (stay?.until === undefined) continue;
        const { host, graceMs, until, since } = stay;
        this.#hear(stay);
        const { heardAt } = stay;
        const knocked = this.#knocked.get(id) ?? 0;
        const stood = host.process?.stoodStillUntil ?? 0;
        // An edge that died before it had written that its client was there has claimed it, and no more.
        const unsaid = market !== undefined && !stay.kept;
        const claimed = knocked > since || heardAt === undefined || unsaid;
        const [from, least] = claimed ? [Math.max(knocked, since), CLAIMED_MS] : [heardAt, RELINK_MS];
        // What it has decided waits in its journal, as all does that is for the venue.
        const cutOff = plan.fix?.journal === 'store' ? host.detainedUntil : 0;
        const ms = scheduler.now - Math.max(from, until, stood, detainedUntil, cutOff, host.changedAt);
        if (ms <= Math.max(graceMs, least) + LATE_MS) continue;
        const away = (scheduler.now - until).toFixed(0);
        const text = `orders of ${id} rest at ${venue}, which left ${host.name} ${away} ms ago and has ${graceMs} ms`;
        this.#world.fail('cancel on disconnect', text);
      }
  }

  /** What a process of the edge had no link for, the one that is linked next says for it. */
  #hear(stay: Stay): void {
    const { market, scheduler } = this.#world;
    const linked = market?.since(stay.host.name);
    if (linked !== undefined && scheduler.now - linked >= TELLING_MS) stay.heardAt ??= linked;
  }

  *#resting(): Iterable<readonly [string, Iterable<VenueSession>]> {
    const { market, hosts } = this.#world;
    if (market !== undefined) yield [market.name, market.resting()];
    else for (const host of hosts) yield [host.name, host.resting()];
  }
}
