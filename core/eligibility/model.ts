/** Facts about a user and the rules that read them. */

export interface Facts {
  readonly account_balance: number;
  /** 30-day volume. */
  readonly trading_volume: number;
  readonly account_age_days: number;
  readonly kyc_level: number;
  readonly groups: readonly string[];
}

export const RULE_TYPES = [
  'min_balance',
  'min_volume',
  'account_age',
  'kyc_level',
  'group_membership',
  'custom',
] as const;
export type RuleType = (typeof RULE_TYPES)[number];

interface RuleBase {
  readonly id: string;
  readonly name: string;
  /** Shown to whoever fails the rule. */
  readonly message: string;
  readonly enabled: boolean;
  /** The policy version at which it was added: an override from before then was of another rule under the same id. */
  readonly added: number;
  readonly version: number;
}

/** Thresholds are inclusive: a fact equal to its minimum passes. */
export type Rule =
  | (RuleBase & {
      readonly type: 'min_balance' | 'min_volume' | 'account_age' | 'kyc_level';
      readonly parameters: { readonly minimum: number };
    })
  | (RuleBase & {
      readonly type: 'group_membership';
      readonly parameters: { readonly groups: readonly string[]; readonly match: 'any' | 'all' };
    })
  | (RuleBase & { readonly type: 'custom'; readonly expression: string });

/** What an admin decided for one user and one rule; void once the rule was removed, also when another takes its id. */
export type Override = {
  readonly user_id: string;
  readonly rule_id: string;
  readonly reason: string;
  readonly by: string;
  readonly created_at: number;
  readonly expires_at?: number;
  readonly version: number;
} & ({ readonly exempt: true } | { readonly exempt: false; readonly threshold: number });

/** One rule's answer; `distance` is how far a number is from its minimum (0 when it passes), null where there is no number. */
export interface RuleResult {
  readonly rule: string;
  readonly type: RuleType;
  readonly passed: boolean;
  readonly message: string;
  readonly required: unknown;
  readonly actual: unknown;
  readonly distance: number | null;
  readonly override?: 'exempt' | 'threshold';
  /** Set when a custom expression failed to run; such a rule does not pass. */
  readonly error?: string;
}

export interface Evaluation {
  readonly eligible: boolean;
  /** Set when the user was provisioned with a bypass: eligible whatever the rules say. */
  readonly bypassed: boolean;
  readonly results: readonly RuleResult[];
  readonly policy_version: number;
}
