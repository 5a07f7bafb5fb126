/**
 * Proof of a Logon. Of a password is stored HMAC-SHA-256(salt, password), sealed: it is long and random (or chosen by
 * the policy of new-password.ts), so no slow key derivation is owed. A secret of an HMAC is opened to compute what the
 * client has computed. An unknown name costs what a wrong proof costs.
 */
import { fromBase64 } from '../encoding.ts';
import { StoreUnavailable } from '../errors.ts';
import type { Digests, SecretBox, SecretVault } from '../ports.ts';
import type { Random } from '../time.ts';
import { KEY_BYTES, SIGNATURE_BYTES } from './ed25519.ts';
import { sealVerifier } from './issue.ts';
import {
  type Credential,
  type CredentialProof,
  type HmacSecret,
  MAX_KEYS,
  type PasswordVerifier,
  secretContext,
  verifierContext,
} from './model.ts';
import { Opened, type OpenedBounds } from './opened.ts';
import { WORKING_SECRETS, working } from './proof.ts';
import { ed25519Prehash, hmacPrehash, type LogonProof, latin1, signatureOf } from './signed.ts';

/** No SenderCompID can be this: the pattern has no parentheses. */
const NOBODY = '(nobody)';
/** Stands where nothing opened: shorter than any digest, so that none equals it. */
const NOTHING = new Uint8Array(0);
const MAC_BYTES = 32;

export interface VerifierPorts {
  readonly digests: Digests;
  readonly box: SecretBox;
  readonly vault: Pick<SecretVault, 'open' | 'decoy'>;
  readonly random: Random;
}

const DEFAULT_BOUNDS: OpenedBounds = { entries: 10_000, life_ms: 300_000 };

/** Names one signed Logon among all, and when it was said. */
export interface SignedOnce {
  /** SHA-256 of what was signed, hex. */
  readonly digest: string;
  /** Epoch ms. */
  readonly sent_at: number;
  readonly received_at: number;
}

export type Proof =
  | {
      readonly proved: false;
      /** Set when something stored did not open: damaged, or moved from another row. For logs; the client is told nothing. */
      readonly fault?: string;
    }
  | {
      readonly proved: true;
      readonly verifier_version: number;
      /** Set when it was proved by a signature, which may be a copy of an older one: the caller sees to that. */
      readonly signed?: SignedOnce;
    };

/** What a Logon says to prove itself, beside its name. */
export interface Claimed {
  readonly proof: LogonProof;
  /** Username (553): the id of an Ed25519 key, or the SenderCompID. */
  readonly username?: string | undefined;
}

type RawData = Extract<LogonProof, { kind: 'raw_data' }>;

/** What one attempt has cost and found so far. */
interface Attempt {
  readonly name: string;
  readonly now: number;
  readonly faults: string[];
  boxOpens: number;
  vaultOpens: number;
}

/** Compares proofs with what is stored, and keeps what it opened for a few minutes. One per process. */
export class Verifiers {
  readonly #ports: VerifierPorts;
  readonly #macs: Opened;
  readonly #secrets: Opened;
  #dummy: Promise<PasswordVerifier> | undefined;
  #decoy: Promise<Uint8Array> | undefined;

  constructor(ports: VerifierPorts, bounds: OpenedBounds = DEFAULT_BOUNDS) {
    this.#ports = ports;
    this.#macs = new Opened(ports.digests, bounds);
    this.#secrets = new Opened(ports.digests, bounds);
  }

  /**
   * Does the proof belong to the credential at `now`? `credential` undefined: the name is unknown. Looks at nothing but
   * proofs: status, expiry and address are the caller's, and so is whether a signature is fresh. What an attempt costs
   * depends on what it says (554 or 96) and on whether it succeeds, on nothing stored: every one compares two
   * verifiers, one with 96 also two secrets and three keys (dummies fill up), and every one that fails opens as many,
   * cached or not. Neither the answer nor its time tells which names exist, how they prove themselves, which have a
   * grace, or which logged on lately. Rejects with StoreUnavailable when the keys cannot be reached.
   */
  async proves(credential: Credential | undefined, claimed: Claimed, now: number): Promise<Proof> {
    const name = credential?.sender_comp_id ?? NOBODY;
    const stored = credential?.proof;
    const attempt: Attempt = { name, now, faults: [], boxOpens: 0, vaultOpens: 0 };
    const { proof } = claimed;
    const byPassword = await this.#byPassword(attempt, stored, proof.password);
    if (byPassword !== undefined) return { proved: true, verifier_version: byPassword };
    if (proof.kind === 'raw_data') {
      const byHmac = await this.#byHmac(attempt, stored, proof);
      if (byHmac !== undefined) return this.#signed(byHmac, hmacPrehash(proof.signed), proof);
      const byKey = this.#byKey(attempt, stored, proof, claimed.username);
      if (byKey !== undefined) return this.#signed(byKey, ed25519Prehash(proof.signed), proof);
    }
    await this.#padded(attempt, proof.kind);
    const { faults } = attempt;
    return faults.length === 0 ? { proved: false } : { proved: false, fault: faults.join('; ') };
  }

  #signed(verifier_version: number, prehash: Uint8Array, { sent_at, received_at }: RawData): Proof {
    const digest = this.#ports.digests.sha256(latin1(prehash));
    return { proved: true, verifier_version, signed: { digest, sent_at, received_at } };
  }

  /** The version of the password's verifier. */
  async #byPassword(
    attempt: Attempt,
    stored: CredentialProof | undefined,
    password: Uint8Array,
  ): Promise<number | undefined> {
    const { digests } = this.#ports;
    const verifiers = stored?.type === 'password' ? working(stored.verifiers, attempt.now, WORKING_SECRETS) : [];
    const dummy = await this.#dummyVerifier();
    let version: number | undefined;
    for (let i = 0; i < WORKING_SECRETS; i++) {
      const verifier = verifiers[i];
      const mac = verifier ? await this.#macOf(attempt, verifier) : NOTHING;
      const found = digests.hmacSha256((verifier ?? dummy).salt, password);
      const same = digests.equal(found, mac);
      if (same && verifier) version ??= verifier.version;
    }
    return version;
  }

  /** The version of the secret under which RawData is the HMAC of this Logon. */
  async #byHmac(attempt: Attempt, stored: CredentialProof | undefined, proof: RawData): Promise<number | undefined> {
    const { digests } = this.#ports;
    const secrets = stored?.type === 'hmac_sha256' ? working(stored.secrets, attempt.now, WORKING_SECRETS) : [];
    const said = signatureOf(proof.raw_data, MAC_BYTES) ?? NOTHING;
    const prehash = hmacPrehash(proof.signed);
    let version: number | undefined;
    for (let i = 0; i < WORKING_SECRETS; i++) {
      const stored = secrets[i];
      const secret = stored ? await this.#secretOf(attempt, stored) : NOTHING;
      const same = digests.equal(digests.hmacSha256(secret, prehash), said);
      // What did not open is an empty key, under which anybody can compute.
      if (same && stored && secret.length > 0) version ??= stored.version;
    }
    return version;
  }

  /** The version of the key whose signature RawData is. `username` may name one of them. */
  #byKey(
    attempt: Attempt,
    stored: CredentialProof | undefined,
    proof: RawData,
    username: string | undefined,
  ): number | undefined {
    const { digests } = this.#ports;
    const all = stored?.type === 'ed25519' ? working(stored.keys, attempt.now, MAX_KEYS) : [];
    const named = all.filter((key) => key.key_id === username);
    const any = username === undefined || username === attempt.name;
    const keys = named.length === 0 && any ? all : named;
    const said = signatureOf(proof.raw_data, SIGNATURE_BYTES) ?? new Uint8Array(SIGNATURE_BYTES);
    const prehash = ed25519Prehash(proof.signed);
    let version: number | undefined;
    for (let i = 0; i < MAX_KEYS; i++) {
      const key = keys[i];
      const bytes = (key && fromBase64(key.public_key)) ?? DUMMY_KEY;
      if (digests.verifyEd25519(bytes, prehash, said) && key) version ??= key.version;
    }
    return version;
  }

  /** Failed: the openings that a credential of the costliest kind would have taken. */
  async #padded(attempt: Attempt, kind: LogonProof['kind']): Promise<void> {
    const dummy = await this.#dummyVerifier();
    const nobody: Attempt = { ...attempt, name: NOBODY };
    for (; attempt.boxOpens < WORKING_SECRETS; attempt.boxOpens++) await this.#openMac(nobody, dummy);
    if (kind !== 'raw_data' || attempt.vaultOpens >= WORKING_SECRETS) return;
    const decoy = await this.#decoyOf();
    for (; attempt.vaultOpens < WORKING_SECRETS; attempt.vaultOpens++) {
      try {
        await this.#ports.vault.open(decoy, secretContext(NOBODY, 1));
      } catch (error) {
        // A decoy need not open; that it was tried is what counts.
        if (error instanceof StoreUnavailable) throw error;
      }
    }
  }

  async #macOf(attempt: Attempt, verifier: PasswordVerifier): Promise<Uint8Array> {
    const kept = this.#macs.kept(attempt.name, verifier, attempt.now);
    if (kept) return kept;
    const mac = await this.#openMac(attempt, verifier);
    attempt.boxOpens += 1;
    if (mac.length > 0) this.#macs.keep(attempt.name, verifier, mac, attempt.now);
    return mac;
  }

  #openMac(attempt: Attempt, verifier: PasswordVerifier): Promise<Uint8Array> {
    const context = verifierContext(attempt.name, verifier.version);
    return opened(attempt, 'verifier', verifier.version, () => this.#ports.box.open(verifier.sealed, context));
  }

  async #secretOf(attempt: Attempt, stored: HmacSecret): Promise<Uint8Array> {
    const kept = this.#secrets.kept(attempt.name, stored, attempt.now);
    if (kept) return kept;
    const context = secretContext(attempt.name, stored.version);
    const open = () => this.#ports.vault.open(stored.sealed, context);
    const secret = await opened(attempt, 'secret', stored.version, open);
    attempt.vaultOpens += 1;
    if (secret.length > 0) this.#secrets.keep(attempt.name, stored, secret, attempt.now);
    return secret;
  }

  /** A verifier of a password that nobody has. Sealing it anew is tried again after a failure. */
  #dummyVerifier(): Promise<PasswordVerifier> {
    this.#dummy ??= sealVerifier(this.#ports, NOBODY, 1, this.#ports.random.bytes(MAC_BYTES), 0).catch(
      (error: unknown) => {
        this.#dummy = undefined;
        throw error;
      },
    );
    return this.#dummy;
  }

  #decoyOf(): Promise<Uint8Array> {
    this.#decoy ??= this.#ports.vault.decoy(secretContext(NOBODY, 1)).catch((error: unknown) => {
      this.#decoy = undefined;
      throw error;
    });
    return this.#decoy;
  }
}

/** What does not open proves nothing; the reason goes to the attempt's faults. */
async function opened(
  attempt: Attempt,
  what: string,
  version: number,
  open: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    attempt.faults.push(`${what} ${version} of ${attempt.name}: ${(error as Error).message}`);
    return NOTHING;
  }
}

/** A point of the curve, its generator, so that verifying costs what it costs. What verifies under it proves nothing. */
const DUMMY_KEY = new Uint8Array(KEY_BYTES).fill(0x66);
DUMMY_KEY[0] = 0x58;
