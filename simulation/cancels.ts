/**
 * A cancel is how a client gets out: no edge refuses one for the moment because the store is away, its lease is over, its disk is full or
 * its journal does not keep up. What is over a user's limit of cancels is refused as that. Without the store the limit is a share of its
 * rate, and what does not get its turn in time is refused as if for the moment: then there were more than the share allows.
 */
import { CANCEL } from '../core/limits/kinds.ts';
import { ratesOf } from '../core/limits/lease.ts';
import { DEFAULT_TIERS } from '../core/limits/model.ts';
import { DEFAULT_LIMITER_SETTINGS } from '../core/limits/settings.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

const { callTimeoutMs, waitMs, leaseMs } = DEFAULT_LIMITER_SETTINGS;
/** How long a cancel waits; and how much of that is left at least once its edge knows that the store is away. */
const PATIENCE_MS = 2 * callTimeoutMs + waitMs;
const TURNS_MS = PATIENCE_MS - callTimeoutMs - waitMs;
/** Which others may wait for their turns, too. */
const ABOUT_MS = 2 * PATIENCE_MS;
const KEPT = 2_000;
const KEPT_MS = 60_000;

interface Sent {
  readonly user: string;
  readonly name: string;
  readonly at: number;
}

export class Cancels {
  readonly #world: World;
  #sent: Sent[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** A client sends a cancel. @param name of this one, whenever it is sent */
  sent(user: string, name: string): void {
    const { now } = this.#world.scheduler;
    if (this.#sent.length > KEPT) this.#sent = this.#sent.filter(({ at }) => at > now - KEPT_MS);
    this.#sent.push({ user, name, at: now });
  }

  /** An edge refuses one for the moment, of a session that is not over. */
  refused(edge: Host, user: string, name: string): void {
    const { scheduler } = this.#world;
    const one = this.#sent.findLast((sent) => sent.name === name);
    // An edge that stands still does not get to anything.
    if (one === undefined || (edge.process?.stoodStillUntil ?? 0) >= one.at) return;
    const count = this.#sent.filter((sent) => sent.user === user && Math.abs(sent.at - one.at) <= ABOUT_MS).length;
    const most = this.#share(user, one.at);
    if (count > most) return;
    const ago = (scheduler.now - one.at).toFixed(0);
    const text = `${edge.name} refuses cancel ${name} for the moment, ${ago} ms after it was sent, and of ${user} there are ${count}`;
    this.#world.fail('cancels', text);
  }

  /** Cancels of a user that an edge without the store takes in time. */
  #share(user: string, at: number): number {
    const { plan, hosts } = this.#world;
    const index = plan.users.findIndex(({ user_id }) => user_id === user);
    const tiers = new Set([plan.users[index]?.tier]);
    for (const act of plan.acts) if (act.act === 'tier' && act.user === index) tiers.add(act.tier);
    const rates = DEFAULT_TIERS.filter(({ name }) => tiers.has(name)).map(
      (tier) => ratesOf({ ...tier, assignment: 0, definition: 0 })[CANCEL],
    );
    // One that has begun anew counts twice until the lease of its process before is over.
    const begun = hosts.filter(({ changedAt }) => changedAt > at - ABOUT_MS - leaseMs).length;
    const edges = plan.edges + begun;
    return Math.max(1, Math.floor((Math.min(...rates) * TURNS_MS) / 1000 / edges));
  }
}
