/** The admin API's domain calls, from a process of their own that meets the same weather as edges do. */
import type { AdminPorts, ChangeContext } from '../core/admin.ts';
import { killSession, killUser } from '../core/credentials/kill.ts';
import { changeStatus } from '../core/credentials/status.ts';
import { FixgateError, StoreUnavailable } from '../core/errors.ts';
import { lock, unlock } from '../core/locks/locks.ts';
import type { LockTarget } from '../core/locks/model.ts';
import { assignTier } from '../core/policy/assignment.ts';
import type { AdminAct } from './plan.ts';
import type { World } from './world.ts';

export const CONTEXT: ChangeContext = {
  actor: { principal: 'arn:aws:iam::111122223333:user/admin' },
  reason: 'simulated',
};

type Done = Promise<unknown>;

export class Admin {
  readonly #world: World;
  readonly #ports: AdminPorts;

  constructor(world: World, ports: AdminPorts) {
    this.#world = world;
    this.#ports = ports;
  }

  /** Never rejects: refusals and an absent store are what an admin has to live with. */
  async act(act: AdminAct): Promise<void> {
    const { refusals, returns } = this.#world;
    const done = 'user' in act ? refusals.acts(`u${act.user}`) : () => {};
    returns.disturbed(0);
    try {
      await this.#run(act);
      this.#world.trace('admin', () => `${JSON.stringify(act)} done`);
    } catch (error) {
      if (!(error instanceof FixgateError) && !(error instanceof StoreUnavailable)) throw error;
      this.#world.trace('admin', () => `${JSON.stringify(act)}: ${String(error)}`);
    } finally {
      done();
      returns.disturbed(0);
    }
  }

  #run(act: AdminAct): Done {
    const ports = this.#ports;
    const user_id = 'user' in act ? `u${act.user}` : '';
    switch (act.act) {
      case 'kill_user':
        return killUser(ports, CONTEXT, user_id);
      case 'kill_session':
        return this.#killOne(user_id);
      case 'suspend':
      case 'reactivate':
        return changeStatus(ports, CONTEXT, act.act, { user_id });
      case 'lock_user':
        return this.#lock({ kind: 'user', user_id });
      case 'unlock_user':
        return unlock(ports, CONTEXT, { kind: 'user', user_id });
      case 'lock_tier':
        return this.#lock({ kind: 'tier', tier: this.#world.plan.users[act.user]?.tier ?? '' });
      case 'unlock_tier':
        return unlock(ports, CONTEXT, { kind: 'tier', tier: this.#world.plan.users[act.user]?.tier ?? '' });
      case 'lock_everybody':
        return this.#lock({ kind: 'everybody' });
      case 'unlock_everybody':
        return unlock(ports, CONTEXT, { kind: 'everybody' });
      case 'tier':
        return assignTier(ports, CONTEXT, user_id, act.tier);
    }
  }

  #lock(target: LockTarget): Done {
    return lock(this.#ports, CONTEXT, { target, reason: 'simulated', cancel_orders: false });
  }

  async #killOne(userId: string): Promise<void> {
    const [one] = await this.#ports.slots.ofUser(userId);
    if (one !== undefined) await killSession(this.#ports, CONTEXT, one.session_id);
  }

  /** Lets everybody in again: what has been locked, suspended or lowered is so no more. Tries until the store has answered. */
  async pardon(): Promise<void> {
    const { users } = this.#world.plan;
    const acts: AdminAct[] = [{ act: 'unlock_everybody' }];
    for (const [user, { tier }] of users.entries()) {
      acts.push({ act: 'unlock_tier', user }, { act: 'unlock_user', user }, { act: 'reactivate', user });
      // Whoever had to go for a tier that allows less has room again.
      acts.push({ act: 'tier', user, tier });
    }
    for (const act of acts) {
      // Twice, for the store may still be on its way back at the first.
      await this.act(act);
      await this.act(act);
    }
  }
}
