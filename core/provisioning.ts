/** Provisioning: a user gets a credential, if the rules say so. The other changes of an account are in core/credentials. */
import { parseAddressRule } from './addresses.ts';
import type { AdminPorts, ChangeContext } from './admin.ts';
import { canonicalJson } from './audit/canonical.ts';
import { changeAccount, checkVersion, type Decision, present, type Skip } from './credentials/change.ts';
import { evaluateUser, withoutUndefined } from './credentials/facts.ts';
import { DEFAULT_TARGET_COMP_ID, generateSenderCompId } from './credentials/generate.ts';
import { firstProof, type Issued, renewProof } from './credentials/issue.ts';
import { type AcceptedKey, acceptedKey, type KeyInput } from './credentials/keys.ts';
import { type Credential, MAX_CREDENTIALS_PER_USER, type User } from './credentials/model.ts';
import { checkTogether } from './credentials/profile.ts';
import { failures, failureText } from './eligibility/evaluate.ts';
import type { Facts } from './eligibility/model.ts';
import { FixgateError } from './errors.ts';
import type { Tier } from './limits/model.ts';
import { limitsOf, tierNamed } from './policy/assignment.ts';
import type { Account, Policy } from './ports.ts';
import type { ProfileOverrides } from './sessions/profile.ts';

/** For how long a provision request may be repeated. */
const IDEMPOTENCY_MS = 24 * 3_600_000;

export interface ProvisionInput {
  readonly user_id: string;
  readonly rate_limit_tier: string;
  readonly max_sessions?: number | undefined;
  /** Without groups: those that the user has, if one of its credentials is in use. */
  readonly facts: Omit<Facts, 'groups'> & { readonly groups?: readonly string[] | undefined };
  readonly allowed_ips: readonly string[];
  /** SHA-256 of client certificates, checked by the contract. */
  readonly certificate_fingerprints?: readonly string[] | undefined;
  /** Epoch ms. */
  readonly expires_at?: number | undefined;
  readonly sender_comp_id?: string | undefined;
  readonly target_comp_id?: string | undefined;
  readonly session_profile?: ProfileOverrides | undefined;
  /** How the client proves itself; left out: by a password. */
  readonly proof?: ProofInput | undefined;
  readonly additional_credential: boolean;
  readonly idempotency_key?: string | undefined;
  readonly bypass?: { readonly reason: string } | undefined;
}

export type ProofInput = { readonly type: 'password' | 'hmac_sha256' } | ({ readonly type: 'ed25519' } & KeyInput);

export interface Provisioned {
  readonly issued: Issued;
  readonly user: User;
  readonly tier: Tier;
}

/**
 * Gives a user a credential. Refuses with not_eligible, already_provisioned, too_many_credentials,
 * sender_comp_id_taken, tier_not_found, idempotency_conflict, version_conflict, invalid_request (an expiry that has
 * passed, addresses or a public key that are none).
 */
export function provision(ports: AdminPorts, context: ChangeContext, input: ProvisionInput): Promise<Provisioned> {
  const digest = ports.digests.sha256(canonicalJson({ ...input, reason: context.reason }));
  const request = {
    ...context,
    type: 'provision' as const,
    user_id: input.user_id,
    sender_comp_id: input.sender_comp_id,
  };
  return changeAccount(ports, request, async (account, now) => {
    const policy = await ports.policy.read();
    const earlier = repeated(account, input, context, now);
    if (earlier) return repeat(ports, account, earlier, digest, policy, now);
    checkVersion(context.if_version, account.user.state === 'present' ? account.user.version : 0);
    if (input.expires_at !== undefined && input.expires_at <= now) {
      throw new FixgateError('invalid_request', undefined, [{ path: 'expires_at', message: 'has passed' }]);
    }
    checkAddresses(input.allowed_ips);
    checkTogether(input.session_profile ?? {});
    const { proof: asked } = input;
    const key = asked?.type === 'ed25519' ? acceptedKey(asked, 'proof.') : undefined;
    const tier = tierNamed(policy, input.rate_limit_tier);
    checkRoom(account, input);
    const user = userAfter(account, input, context, now);
    await checkEligible(ports, user, policy, now);
    return grant(ports, context, input, { account, user, tier, digest, now, key });
  });
}

/** The credential that the same principal's same key made, while the key is remembered. */
function repeated(
  account: Account,
  input: ProvisionInput,
  context: ChangeContext,
  now: number,
): Credential | undefined {
  if (input.idempotency_key === undefined) return undefined;
  return account.credentials.find(
    ({ idempotency }) =>
      idempotency !== undefined &&
      idempotency.key === input.idempotency_key &&
      idempotency.principal === context.actor.principal &&
      now < idempotency.until,
  );
}

/**
 * A repeated request: its caller may never have seen the password or secret, so there is a new one and the old one is
 * gone. Of a public key there is nothing to be seen, and nothing to change.
 */
async function repeat(
  ports: AdminPorts,
  account: Account,
  earlier: Credential,
  digest: string,
  policy: Policy,
  now: number,
): Promise<Decision<Provisioned> | Skip<Provisioned>> {
  const { sender_comp_id, target_comp_id, proof } = earlier;
  if (earlier.idempotency?.digest !== digest || earlier.first_logon_at !== undefined || earlier.status !== 'active') {
    throw new FixgateError('idempotency_conflict', undefined, [{ sender_comp_id }]);
  }
  const user = present(account);
  const tier = tierNamed(policy, user.tier);
  const names = { sender_comp_id, target_comp_id };
  if (proof.type === 'ed25519') {
    return { skip: { issued: { ...names, proof: 'ed25519', key_id: proof.keys[0]?.key_id ?? '' }, user, tier } };
  }
  const renewed = await renewProof(ports, sender_comp_id, proof, now);
  return {
    user,
    changed: [{ ...earlier, proof: renewed.proof }],
    sender_comp_id,
    details: { repeated: true, verifier_version: renewed.version },
    result: (after) => ({
      issued: { ...names, ...renewed.issued },
      user: after.user ?? user,
      tier,
    }),
  };
}

function checkAddresses(rules: readonly string[]): void {
  const wrong = [...rules.entries()].filter(([, rule]) => parseAddressRule(rule) === undefined);
  if (wrong.length === 0) return;
  const message = 'is no IPv4 or IPv6 address, CIDR block or range a-b';
  throw new FixgateError(
    'invalid_request',
    undefined,
    wrong.map(([index]) => ({ path: `allowed_ips[${index}]`, message })),
  );
}

/** One credential a user, unless another is asked for by name; ten at most. */
function checkRoom(account: Account, input: ProvisionInput): void {
  const held = account.credentials.filter((one) => one.status !== 'revoked');
  if (held.length > 0 && !input.additional_credential) {
    const details = held.map(({ sender_comp_id, status }) => ({ sender_comp_id, status }));
    throw new FixgateError('already_provisioned', undefined, details);
  }
  if (held.length >= MAX_CREDENTIALS_PER_USER) {
    throw new FixgateError('too_many_credentials', undefined, [
      { credentials: held.length, maximum: MAX_CREDENTIALS_PER_USER },
    ]);
  }
}

/** The user as this request leaves it: facts and tier are what was said last; epoch and assignment go on from what they were. */
function userAfter(account: Account, input: ProvisionInput, context: ChangeContext, now: number): User {
  const bypass = input.bypass && { reason: input.bypass.reason, by: context.actor.principal, at: now };
  const own = input.max_sessions === undefined ? {} : { max_sessions: input.max_sessions };
  const base = {
    user_id: input.user_id,
    facts: { ...input.facts, groups: input.facts.groups ?? [] },
    tier: input.rate_limit_tier,
    status: 'active' as const,
    updated_at: now,
  };
  if (account.user.state === 'absent') {
    return {
      ...base,
      ...own,
      ...(bypass ? { bypass } : {}),
      tier_assignment: 1,
      epoch: 1,
      created_at: now,
      version: 0,
    };
  }
  const before = present(account);
  // Beside a credential that is in use, what the request does not say stays; after the last one was revoked, all is new.
  const inUse = account.credentials.some((one) => one.status !== 'revoked');
  const reassigned = !inUse || before.tier !== input.rate_limit_tier;
  const kept = inUse
    ? {
        ...before,
        ...base,
        facts: { ...before.facts, ...withoutUndefined(input.facts) },
        ...own,
        ...(bypass ? { bypass } : {}),
      }
    : { ...base, ...own, ...(bypass ? { bypass } : {}) };
  return {
    ...kept,
    // Locked is locked, with new credentials too.
    ...(before.lock ? { lock: before.lock } : {}),
    tier_assignment: before.tier_assignment + (reassigned ? 1 : 0),
    epoch: before.epoch + (reassigned ? 1 : 0),
    created_at: before.created_at,
    version: before.version,
  };
}

async function checkEligible(ports: AdminPorts, user: User, policy: Policy, now: number): Promise<void> {
  const evaluation = await evaluateUser(ports, user, policy, now);
  if (!evaluation.eligible) {
    throw new FixgateError('not_eligible', `Not eligible: ${failureText(evaluation)}`, failures(evaluation));
  }
}

interface Ground {
  readonly account: Account;
  readonly user: User;
  readonly tier: Tier;
  readonly digest: string;
  readonly now: number;
  /** Of an Ed25519 credential. */
  readonly key: AcceptedKey | undefined;
}

async function grant(
  ports: AdminPorts,
  context: ChangeContext,
  input: ProvisionInput,
  { account, user, tier, digest, now, key }: Ground,
): Promise<Decision<Provisioned>> {
  const sender_comp_id = input.sender_comp_id ?? generateSenderCompId(ports.random);
  const target_comp_id = input.target_comp_id ?? DEFAULT_TARGET_COMP_ID;
  const type = input.proof?.type ?? 'password';
  const first = await firstProof(ports, sender_comp_id, type, key, now);
  const pins = input.certificate_fingerprints;
  const credential: Credential = {
    sender_comp_id,
    target_comp_id,
    user_id: input.user_id,
    status: 'active',
    proof: first.proof,
    allowed_ips: input.allowed_ips,
    ...(pins === undefined ? {} : { certificate_fingerprints: pins }),
    ...(input.session_profile === undefined ? {} : { session_profile: input.session_profile }),
    ...(input.expires_at === undefined ? {} : { expires_at: input.expires_at }),
    ...(input.idempotency_key === undefined
      ? {}
      : {
          idempotency: {
            key: input.idempotency_key,
            principal: context.actor.principal,
            digest,
            until: now + IDEMPOTENCY_MS,
          },
        }),
    tier: tier.name,
    created_at: now,
    updated_at: now,
    version: 1,
  };
  const stale = account.credentials.filter((one) => one.status !== 'revoked' && one.tier !== tier.name);
  const before = account.user.state === 'present' ? account.user : undefined;
  const moved = before !== undefined && before.tier_assignment !== user.tier_assignment;
  return {
    user,
    created: [credential],
    changed: stale.map((one) => ({ ...one, tier: tier.name })),
    sender_comp_id,
    redraw: input.sender_comp_id === undefined,
    details: {
      target_comp_id,
      facts: user.facts,
      tier: moved ? { from: before.tier, to: tier.name } : tier.name,
      proof: key === undefined ? type : { type, ...key },
      additional_credential: input.additional_credential,
      allowed_ips: input.allowed_ips,
      ...(pins === undefined ? {} : { certificate_fingerprints: pins }),
      ...(input.max_sessions === undefined ? {} : { max_sessions: input.max_sessions }),
      ...(input.session_profile === undefined ? {} : { session_profile: input.session_profile }),
      ...(input.expires_at === undefined ? {} : { expires_at: input.expires_at }),
      ...(input.bypass === undefined ? {} : { bypass: input.bypass }),
    },
    ...(moved
      ? { reach: { kind: 'limits' as const, limits: limitsOf(tier, user.tier_assignment), tier: tier.name } }
      : {}),
    result: (after) => ({
      issued: { sender_comp_id, target_comp_id, ...first.issued },
      user: after.user ?? user,
      tier,
    }),
  };
}
