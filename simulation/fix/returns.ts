/**
 * How often a client says Logon until it is on again whose edge has died: twice at most, where nothing else is wrong, neither just before
 * nor until then, and the client does nothing but come back.
 */
import type { Host } from '../host.ts';
import type { Trouble } from '../plan.ts';
import { isRough } from '../store/weather.ts';
import type { World } from '../world.ts';
import { Trader } from './trader.ts';

const LOGONS = 2;
/** What was under way when something was wrong last is over by then, and links are up. */
const QUIET_MS = 4_000;

interface Return {
  readonly from: Host;
  /** True time at which that died. */
  readonly at: number;
  logons: number;
}

export class Returns {
  readonly #world: World;
  /** By client. */
  readonly #open = new Map<string, Return>();
  /** True time. */
  #wrongUntil = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** An edge's death is looked at when it comes, for it may have another cause. */
  befalls(trouble: Trouble): void {
    const { kind } = trouble;
    if (kind !== 'crash') this.disturbed(kind === 'jump' || kind === 'machine' || kind === 'power' ? 0 : trouble.ms);
  }

  /** Something else is wrong for so long: who is on the way back may have to wait for that. */
  disturbed(ms: number): void {
    this.#wrongUntil = Math.max(this.#wrongUntil, this.#world.scheduler.now + ms);
    this.#open.clear();
  }

  /** The process of an edge is about to be gone. */
  ends(host: Host): void {
    const { scheduler, clients } = this.#world;
    const quiet = host.draining === undefined && this.#isQuietBut(host);
    this.#open.clear();
    if (!quiet) return;
    for (const client of clients)
      if (client instanceof Trader && client.where === host.name)
        this.#open.set(client.name, { from: host, at: scheduler.now, logons: 0 });
  }

  #isQuietBut(host: Host): boolean {
    const { hosts, plan, scheduler, troubledUntil, detainedUntil } = this.#world;
    const changes = hosts.map(({ changedAt }) => changedAt);
    const wrongUntil = Math.max(this.#wrongUntil, troubledUntil, detainedUntil, ...changes);
    const others = hosts.every((one) => one === host || one.ready);
    // With `refuse` whoever has a session keeps it until it is declared dead; a journal that is lost is waited for as long.
    const waits = plan.fix?.profile.duplicate_logon === 'refuse' || plan.fix?.lost === true;
    return others && !waits && !isRough(plan.weather) && scheduler.now >= wrongUntil + QUIET_MS;
  }

  /** The client is on again, or does something else. */
  over(client: string): void {
    this.#open.delete(client);
  }

  /** It says Logon. @param ready whether the edge is one that a balancer would choose */
  logon(client: string, edge: string, ready: boolean): void {
    const one = this.#open.get(client);
    if (one === undefined) return;
    if (!ready) {
      this.over(client);
      return;
    }
    one.logons += 1;
    if (one.logons <= LOGONS) return;
    const ms = (this.#world.scheduler.now - one.at).toFixed(0);
    const text = `${client} says Logon for the third time, to ${edge}, ${ms} ms after ${one.from.name} has died`;
    this.#world.fail('return', text);
  }
}
