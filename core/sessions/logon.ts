/**
 * Who may log on. Identity, proof and address first, with one answer for every failure of theirs; then, for who has
 * proved itself, status, expiry and eligibility with an answer that says so.
 */
import { addressAllowed } from '../addresses.ts';
import type { AdminPorts } from '../admin.ts';
import { hasExpired } from '../credentials/expiry.ts';
import { COMP_ID_PATTERN, type Credential, type ProofType, type User } from '../credentials/model.ts';
import { proofItems, stillWorks } from '../credentials/proof.ts';
import type { SignedOnce, Verifiers } from '../credentials/verify.ts';
import { type CompiledExpressions, evaluate, failureText } from '../eligibility/evaluate.ts';
import { StoreUnavailable } from '../errors.ts';
import { ulid } from '../ids.ts';
import { lockOf, lockText } from '../locks/model.ts';
import { limitsOf, maxSessions } from '../policy/assignment.ts';
import type { Policy, SignedLogons } from '../ports.ts';
import type { Clock, Random } from '../time.ts';
import type {
  GateLog,
  LogonAccepted,
  LogonRefused,
  LogonRequest,
  LogonResult,
  ProvenReason,
  UnprovedReason,
} from './api.ts';
import type { BadLogons } from './bad-logons.ts';
import { EXPIRY_WARNING_MS, REFUSAL_TEXT, SIGNED_LOGON_LIFE_MS, UNPROVED_TEXT } from './bounds.ts';
import type { PolicyCache } from './policy-cache.ts';

/** What is compared with the credential beside names and proof. */
type Origin = Pick<LogonRequest, 'address' | 'certificate'>;

/** One text for every failure of identity, proof or address: it must not tell which. */
export const UNPROVED = 'Logon refused: SenderCompID, TargetCompID, password or address not accepted';
export const UNAVAILABLE = 'Service temporarily unavailable, try again';

/** Stands in the lookup for a name that cannot exist, so that it costs what others cost. */
const NOBODY = '(nobody)';

export interface LogonPorts extends Pick<AdminPorts, 'directory'> {
  readonly signedLogons: SignedLogons;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: GateLog;
  readonly verifiers: Verifiers;
  readonly expressions: CompiledExpressions;
  readonly policies: PolicyCache;
  readonly badLogons: BadLogons;
  /** See GateSettings. */
  readonly windowMs: number;
}

type Subject = { readonly credential: Credential; readonly user: User };

/** What was found out besides the answer: for the record, never for an unproved peer. */
export interface LogonOutcome {
  readonly result: LogonResult;
  readonly user_id: string | undefined;
  /** Set when the refusal was for its expiry. */
  readonly expired?: Credential | undefined;
}

export class Logons {
  readonly #ports: LogonPorts;

  constructor(ports: LogonPorts) {
    this.#ports = ports;
  }

  /** Never rejects. */
  async validate(request: LogonRequest): Promise<LogonOutcome> {
    const { badLogons, clock } = this.#ports;
    const name = request.sender_comp_id.slice(0, UNPROVED_TEXT + 1);
    if (badLogons.refuses(request.address, name, clock.monotonic()))
      return { result: unproved('too_many_bad_logons'), user_id: undefined };
    try {
      return await this.#decide(request, name);
    } catch (error) {
      return { result: this.#failed(error), user_id: undefined };
    }
  }

  /** Decides again, from fresh reads, for who has proved itself a moment ago: the account changed under its logon. */
  async recheck(accepted: LogonAccepted): Promise<LogonResult> {
    try {
      const policy = this.#ports.policies.fresh();
      policy.catch(ignored);
      const found = await this.#ports.directory.credential(accepted.credential.sender_comp_id);
      const now = this.#ports.clock.now();
      if (!found) return unproved('unknown_sender');
      if (!stillWorks(found.credential, accepted.verifier_version, now)) return unproved(wrongProof(found.credential));
      const mismatch = originMismatch(accepted, found.credential);
      if (mismatch) return unproved(mismatch);
      return await this.#proven(found, accepted.verifier_version, accepted, policy, now);
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #decide(request: LogonRequest, name: string): Promise<LogonOutcome> {
    const { directory, verifiers, clock, badLogons, log, policies } = this.#ports;
    // Begun before anything is known of the peer, so that its time tells nothing; logons that come together share it.
    const policy = policies.fresh();
    policy.catch(ignored);
    const found = await directory.credential(COMP_ID_PATTERN.test(name) ? name : NOBODY);
    const now = clock.now();
    const proof = await verifiers.proves(found?.credential, request, now);
    if (!proof.proved && proof.fault !== undefined)
      log.error({ sender_comp_id: name, fault: proof.fault }, 'a stored verifier does not open');
    const user_id = found?.user.user_id;
    const bad = (refused: LogonRefused): LogonOutcome => {
      badLogons.bad(request.address, name, clock.monotonic());
      return { result: refused, user_id };
    };
    if (!found || !proof.proved) return bad(unproved(found ? wrongProof(found.credential) : 'unknown_sender'));
    const { signed } = proof;
    if (signed && Math.abs(signed.sent_at - signed.received_at) > this.#ports.windowMs)
      return bad(this.#outsideWindow(signed));
    const mismatch = firstMismatch(request, found.credential);
    if (mismatch) return { result: unproved(mismatch), user_id };
    // Last of what is unproved: a copy that comes from elsewhere does not use up the client's own.
    if (signed && !(await this.#isFirst(name, signed, now))) return bad(unproved('replayed'));
    badLogons.good(request.address, name);
    const result = await this.#proven(found, proof.verifier_version, request, policy, now);
    const expired = result.result === 'refused' && result.reason === 'expired' ? found.credential : undefined;
    return { result, user_id, expired };
  }

  /** Each signature once, over all edges: who has seen it on the way cannot use it again. */
  #isFirst(sender_comp_id: string, { digest, sent_at }: SignedOnce, now: number): Promise<boolean> {
    const attempt = ulid(now, this.#ports.random);
    return this.#ports.signedLogons.once({
      sender_comp_id,
      digest,
      attempt,
      until: sent_at + SIGNED_LOGON_LIFE_MS,
      now,
    });
  }

  #outsideWindow({ sent_at, received_at }: SignedOnce): LogonRefused {
    const off = sent_at - received_at;
    const side = off < 0 ? 'behind' : 'ahead of';
    const text = `Logon refused: SendingTime (52) is ${Math.abs(off)} ms ${side} the gateway's clock, a signed Logon may be ${this.#ports.windowMs} ms off`;
    return { ...unproved('outside_window'), text };
  }

  async #proven(
    subject: Subject,
    verifierVersion: number,
    { address, certificate }: Origin,
    fresh: Promise<Policy>,
    now: number,
  ): Promise<LogonResult> {
    const { credential, user } = subject;
    if (credential.status !== 'active')
      return proven(credential.status, `Logon refused: credential ${credential.status}`);
    if (hasExpired(credential, now)) return proven('expired', 'Logon refused: credential expired');
    const policy = await fresh;
    const lock = lockOf(user, policy.locks, now);
    if (lock) return proven('locked', `Logon refused: ${lockText(lock)}`.slice(0, REFUSAL_TEXT));
    const failed = await this.#ineligible(user, policy, now);
    if (failed !== undefined)
      return proven('not_eligible', `Logon refused: not eligible: ${failed}`.slice(0, REFUSAL_TEXT));
    const tier = policy.tiers.find((one) => one.name === user.tier);
    // Removed a moment before it was given to the user: no limits, no access.
    if (!tier) return proven('not_eligible', 'Logon refused: the rate limit tier does not exist');
    return {
      result: 'accepted',
      credential,
      user,
      limits: limitsOf(tier, user.tier_assignment),
      max_sessions: maxSessions(user, tier),
      address,
      certificate,
      verifier_version: verifierVersion,
      policy_version: policy.version,
      warnings: warningsOf(credential, verifierVersion, now),
    };
  }

  /** What the failing rules say; undefined when the user is eligible. An override can also be stricter than its rule: always read. */
  async #ineligible(user: User, policy: Policy, now: number): Promise<string | undefined> {
    if (user.bypass || !policy.rules.some((rule) => rule.enabled)) return undefined;
    const overrides = await this.#ports.policies.overrides(user.user_id, policy);
    const { facts, tier } = user;
    const input = { facts, tier, rules: policy.rules, overrides, policy_version: policy.version, bypassed: false };
    const evaluation = evaluate(input, this.#ports.expressions, now);
    return evaluation.eligible ? undefined : failureText(evaluation);
  }

  /** A defect refuses as a store that is away does: the peer learns nothing from it, the log has it. */
  #failed(error: unknown): LogonRefused {
    if (error instanceof StoreUnavailable) this.#ports.log.warn({ error }, 'logon refused: the store does not answer');
    else this.#ports.log.error({ error }, 'logon refused: something failed inside');
    return unavailable();
  }
}

export function unproved(reason: UnprovedReason): LogonRefused {
  return { result: 'refused', class: 'unproved', reason, text: UNPROVED };
}

export function proven(reason: ProvenReason, text: string): LogonRefused {
  return { result: 'refused', class: 'proven', reason, text };
}

export function unavailable(): LogonRefused {
  return proven('unavailable', UNAVAILABLE);
}

function firstMismatch(request: LogonRequest, credential: Credential): UnprovedReason | undefined {
  if (request.target_comp_id !== undefined && request.target_comp_id !== credential.target_comp_id)
    return 'wrong_target';
  const { username } = request;
  // Whom an Ed25519 client names in 553 was seen with the key.
  const named = credential.proof.type === 'ed25519' || username === undefined || username === credential.sender_comp_id;
  if (!named) return 'wrong_username';
  return originMismatch(request, credential);
}

/** Where it comes from, as far as the credential minds. */
function originMismatch({ address, certificate }: Origin, credential: Credential): UnprovedReason | undefined {
  if (!addressAllowed(credential.allowed_ips, address)) return 'address_not_allowed';
  const { certificate_fingerprints: pinned = [] } = credential;
  const shown = pinned.length === 0 || (certificate !== undefined && pinned.includes(certificate));
  return shown ? undefined : 'wrong_certificate';
}

const PROOF_NAMES: Readonly<Record<ProofType, string>> = {
  password: 'password',
  hmac_sha256: 'secret',
  ed25519: 'key',
};

/** For the audit: an unproved peer hears neither. */
function wrongProof({ proof }: Credential): UnprovedReason {
  return proof.type === 'password' ? 'wrong_password' : 'wrong_signature';
}

function warningsOf(credential: Credential, verifierVersion: number, now: number): string[] {
  const warnings: string[] = [];
  const { proof } = credential;
  const items = proofItems(proof);
  const used = items.find((one) => one.version === verifierVersion);
  const newer = items.some((one) => one.version > verifierVersion) ? '; a newer one was issued' : '';
  if (used?.retires_at !== undefined)
    warnings.push(`This ${PROOF_NAMES[proof.type]} works until ${new Date(used.retires_at).toISOString()}${newer}`);
  const { expires_at } = credential;
  if (expires_at !== undefined && expires_at - now < EXPIRY_WARNING_MS)
    warnings.push(`Credential expires at ${new Date(expires_at).toISOString()}`);
  return warnings;
}

/** The promise is awaited later, or not at all when the logon is refused before: then its failure concerns nobody. */
function ignored(): void {}
