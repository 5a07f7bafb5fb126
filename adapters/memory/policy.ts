/** Rules, tiers and overrides in memory. */
import { lockRowName, overrideName, ruleName, tierName } from '../../core/audit/state.ts';
import { lockName } from '../../core/locks/model.ts';
import type { PolicyEdit, PolicyStore } from '../../core/ports.ts';
import { checkFollows } from '../changes.ts';
import { compareKeys } from '../keys.ts';
import { copyOf } from './copies.ts';
import { type MemoryWorld, putCommand, putRecord, sameHead, stands } from './world.ts';

export function createPolicyStore(world: MemoryWorld): PolicyStore {
  return {
    async read() {
      return copyOf({
        version: world.policy.version,
        chain: world.policy.chain,
        rules: [...world.rules.values()].sort((a, b) => compareKeys(a.id, b.id)),
        tiers: [...world.tiers.values()].sort((a, b) => compareKeys(a.name, b.name)),
        locks: [...world.locks].sort(([a], [b]) => compareKeys(a, b)).map(([, lock]) => lock),
      });
    },

    async version() {
      return world.policy.version;
    },

    async overrides(userId) {
      const rows = [...(world.overrides.get(userId)?.values() ?? [])];
      return copyOf(rows.sort((a, b) => compareKeys(a.rule_id, b.rule_id)));
    },

    async *scan() {
      for (const [id, value] of world.rules) yield { name: ruleName(id), value: copyOf(value) };
      for (const [name, value] of world.tiers) yield { name: tierName(name), value: copyOf(value) };
      for (const [name, value] of world.locks) yield { name: lockRowName(name), value: copyOf(value) };
      for (const [user, ofUser] of world.overrides)
        for (const [rule, value] of ofUser) yield { name: overrideName(user, rule), value: copyOf(value) };
    },

    async commit(change) {
      checkFollows(change.expected, change.record);
      if (stands(world, change.record)) return 'committed';
      const { policy } = world;
      if (!sameHead(policy.chain, change.row_head ?? change.expected) || policy.version !== change.expected_version)
        return 'conflict';
      for (const edit of change.edits) apply(world, copyOf(edit));
      policy.chain = { seq: change.record.seq, hash: change.record.hash };
      if (change.edits.length > 0) policy.version++;
      putRecord(world, change.record);
      for (const { edge_id, command } of change.commands ?? []) putCommand(world, edge_id, command);
      return 'committed';
    },
  };
}

function apply(world: MemoryWorld, edit: PolicyEdit): void {
  if ('put_rule' in edit) world.rules.set(edit.put_rule.id, edit.put_rule);
  else if ('remove_rule' in edit) world.rules.delete(edit.remove_rule);
  else if ('put_tier' in edit) world.tiers.set(edit.put_tier.name, edit.put_tier);
  else if ('remove_tier' in edit) world.tiers.delete(edit.remove_tier);
  else if ('put_lock' in edit) world.locks.set(lockName(edit.put_lock.target), edit.put_lock);
  else if ('remove_lock' in edit) world.locks.delete(lockName(edit.remove_lock));
  else if ('put_override' in edit) {
    const { user_id, rule_id } = edit.put_override;
    const ofUser = world.overrides.get(user_id) ?? new Map();
    world.overrides.set(user_id, ofUser.set(rule_id, edit.put_override));
  } else world.overrides.get(edit.remove_override.user_id)?.delete(edit.remove_override.rule_id);
}
