/** How policy changes: as accounts do, one chain for all of it. */
import { type AdminPorts, type ChangeContext, MAX_ROUNDS } from '../admin.ts';
import { link, POLICY_CHAIN } from '../audit/chain.ts';
import type { AuditType } from '../audit/model.ts';
import { refusalDetails } from '../audit/refusals.ts';
import { policyNotes } from '../audit/state.ts';
import { FixgateError } from '../errors.ts';
import { ulid } from '../ids.ts';
import type { AddressedCommand, Policy, PolicyEdit } from '../ports.ts';

/** Every logon asks each rule, and every edge reads the policy whole whenever it changes. */
const MAX_RULES = 100;
const MAX_TIERS = 100;

/** Refuses with `policy_full` when there is no room for one more. */
export function checkRoom(policy: Policy, kind: 'rules' | 'tiers'): void {
  const maximum = kind === 'rules' ? MAX_RULES : MAX_TIERS;
  const held = policy[kind].length;
  if (held >= maximum) throw new FixgateError('policy_full', undefined, [{ [kind]: held, maximum }]);
}

export type PolicyPorts = Pick<AdminPorts, 'policy' | 'digests' | 'random' | 'clock'>;

export interface PolicyDecision<R> {
  readonly edits: readonly PolicyEdit[];
  readonly details: Readonly<Record<string, unknown>>;
  /** For edges, in the same transaction. */
  readonly commands?: readonly AddressedCommand[];
  readonly result: R;
}

export interface PolicyRequest extends ChangeContext {
  readonly type: AuditType;
  /** Of whom the change is, when it is of one user (an override). */
  readonly user_id?: string | undefined;
}

/**
 * Runs one change of policy. `decide` gets the policy and the version it will have (the version of what it puts), and
 * throws a FixgateError to refuse; answering undefined it asks for nothing, and nothing is recorded. Throws `busy`
 * when others keep changing the policy.
 */
export async function changePolicy<R>(
  ports: PolicyPorts,
  request: PolicyRequest,
  decide: (
    policy: Policy,
    version: number,
    now: number,
  ) => Promise<PolicyDecision<R> | undefined> | PolicyDecision<R> | undefined,
): Promise<R | undefined> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const policy = await ports.policy.read();
    const now = ports.clock.now();
    let decision: PolicyDecision<R> | undefined;
    try {
      decision = await decide(policy, policy.version + 1, now);
    } catch (error) {
      if (!(error instanceof FixgateError)) throw error;
      const refusal = { edits: [], details: refusalDetails(error) };
      if (await committed(ports, request, policy, refusal, 'refused', now)) throw error;
      continue;
    }
    if (decision === undefined) return undefined;
    if (await committed(ports, request, policy, decision, 'done', now)) return decision.result;
  }
  throw new FixgateError('busy');
}

async function committed(
  ports: PolicyPorts,
  request: PolicyRequest,
  policy: Policy,
  { edits, details, commands = [] }: Omit<PolicyDecision<unknown>, 'result'>,
  outcome: 'done' | 'refused',
  at: number,
): Promise<boolean> {
  const state = policyNotes(ports.digests, edits);
  const record = link(ports.digests, POLICY_CHAIN, policy.chain, {
    id: ulid(at, ports.random),
    at,
    type: request.type,
    outcome,
    actor: request.actor,
    ...(request.user_id === undefined ? {} : { user_id: request.user_id }),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    details,
    ...(state ? { state } : {}),
  });
  const { chain: expected, version: expected_version } = policy;
  const result = await ports.policy.commit({ expected, expected_version, edits, record, commands });
  return result === 'committed';
}
