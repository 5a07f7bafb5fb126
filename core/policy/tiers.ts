/** Definitions of tiers. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { checkVersion } from '../credentials/change.ts';
import { FixgateError } from '../errors.ts';
import { DEFAULT_TIERS, type Tier } from '../limits/model.ts';
import type { AddressedCommand } from '../ports.ts';
import { tierNamed } from './assignment.ts';
import { changePolicy, checkRoom } from './change.ts';
import { telling } from './telling.ts';

interface Put {
  readonly after: Tier;
  readonly rest: readonly AddressedCommand[];
}

/** Puts a tier, new or not; edges are told, for live sessions go by what it says. Refuses with policy_full, version_conflict (0 is the version of what does not exist). */
export async function putTier(ports: AdminPorts, context: ChangeContext, tier: Omit<Tier, 'version'>): Promise<Tier> {
  const put = await changePolicy<Put>(ports, { ...context, type: 'tier_put' }, async (policy, version, now) => {
    const before = policy.tiers.find((one) => one.name === tier.name);
    checkVersion(context.if_version, before?.version ?? 0);
    if (!before) checkRoom(policy, 'tiers');
    const after: Tier = { ...tier, version };
    const details = { tier: after, ...(before ? { before } : {}) };
    // Nobody can have a tier that is new.
    if (before === undefined) return { edits: [{ put_tier: after }], details, result: { after, rest: [] } };
    const { commands, rest } = await telling(ports, version, now);
    return { edits: [{ put_tier: after }], details, commands, result: { after, rest } };
  });
  const { after, rest } = put as Put;
  if (rest.length > 0) await ports.edges.send(rest);
  return after;
}

/**
 * Removes a custom tier. Refuses with tier_not_found, tier_protected, tier_in_use, version_conflict.
 *
 * Users are found by an index that lags: one who was given the tier a moment before can be overlooked. Such a user has
 * no access (`limits` and `max_sessions` are null) until given another tier, or until the tier is put again. To rule it
 * out, every provisioning would have to be in one transaction with a check of the tier's row; transactions that touch
 * the same row get in each other's way, so that a check which is hardly ever needed would slow each of them down.
 */
export async function removeTier(ports: AdminPorts, context: ChangeContext, name: string): Promise<Tier> {
  const removed = await changePolicy(ports, { ...context, type: 'tier_remove' }, async (policy) => {
    const tier = tierNamed(policy, name);
    checkVersion(context.if_version, tier.version);
    if (DEFAULT_TIERS.some((one) => one.name === name)) throw new FixgateError('tier_protected');
    for (const status of ['active', 'suspended'] as const) {
      const users = await ports.directory.listUsers({ status, tier: name }, { limit: 10 });
      if (users.items.length > 0) {
        throw new FixgateError(
          'tier_in_use',
          undefined,
          users.items.map(({ user_id }) => ({ user_id })),
        );
      }
    }
    // A tier of the same name that is put later begins unlocked.
    const lock = policy.locks.find(({ target }) => target.kind === 'tier' && target.tier === name);
    const unlocked = lock ? [{ remove_lock: lock.target }] : [];
    return { edits: [{ remove_tier: name }, ...unlocked], details: { tier }, result: tier };
  });
  return removed as Tier;
}
