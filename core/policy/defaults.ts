/** What a new installation starts with: four tiers and four rules. */
import type { Actor } from '../audit/model.ts';
import type { Rule } from '../eligibility/model.ts';
import { DEFAULT_TIERS } from '../limits/model.ts';
import { changePolicy, type PolicyPorts } from './change.ts';

export const DEFAULT_RULES: readonly Rule[] = [
  {
    id: 'min_balance',
    name: 'Minimum balance',
    type: 'min_balance',
    parameters: { minimum: 1000 },
    message: 'The account balance is below the minimum.',
    enabled: true,
    added: 0,
    version: 0,
  },
  {
    id: 'min_volume',
    name: 'Minimum 30-day volume',
    type: 'min_volume',
    parameters: { minimum: 10_000 },
    message: 'The 30-day trading volume is below the minimum.',
    enabled: true,
    added: 0,
    version: 0,
  },
  {
    id: 'account_age',
    name: 'Minimum account age',
    type: 'account_age',
    parameters: { minimum: 30 },
    message: 'The account is too young.',
    enabled: true,
    added: 0,
    version: 0,
  },
  {
    id: 'kyc_level',
    name: 'Minimum KYC level',
    type: 'kyc_level',
    parameters: { minimum: 2 },
    message: 'The KYC level is too low.',
    enabled: true,
    added: 0,
    version: 0,
  },
];

/**
 * Seeds the defaults into a policy that nobody has ever changed, with one record. Whoever comes second finds it done:
 * what an admin has removed since does not come back.
 */
export async function ensureDefaults(ports: PolicyPorts, actor: Actor): Promise<'seeded' | 'present'> {
  const result = await changePolicy(ports, { actor, type: 'policy_seeded' }, (policy, version) => {
    if (policy.version > 0) return undefined;
    const tiers = DEFAULT_TIERS.map((tier) => ({ ...tier, version }));
    const rules = DEFAULT_RULES.map((rule) => ({ ...rule, added: version, version }));
    return {
      edits: [...tiers.map((put_tier) => ({ put_tier })), ...rules.map((put_rule) => ({ put_rule }))],
      details: { tiers, rules },
      result: 'seeded' as const,
    };
  });
  return result ?? 'present';
}
