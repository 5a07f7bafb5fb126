/**
 * Proof of a password. What is stored is HMAC-SHA-256(salt, password), sealed: the password is random and long, so no
 * slow key derivation is owed. An unknown name costs what a wrong password costs.
 */
import { utf8 } from '../encoding.ts';
import { StoreUnavailable } from '../errors.ts';
import type { Digests, SecretBox } from '../ports.ts';
import type { Secret } from '../secret.ts';
import type { Random } from '../time.ts';
import { type Credential, type PasswordVerifier, verifierContext } from './model.ts';

const SALT_BYTES = 32;
/** Two passwords may work at a time (a grace); every attempt is compared with two. */
const COMPARED = 2;
/** No SenderCompID can be this: the pattern has no parentheses. */
const NOBODY = '(nobody)';
/** Stands where no verifier opened: shorter than any HMAC, so that none equals it. */
const NO_MAC = new Uint8Array(0);

export interface VerifierPorts {
  readonly digests: Digests;
  readonly box: SecretBox;
  readonly random: Random;
}

export interface VerifierCacheBounds {
  /** Most opened verifiers kept. */
  readonly entries: number;
  /** For how long, in ms. */
  readonly life_ms: number;
}

const DEFAULT_BOUNDS: VerifierCacheBounds = { entries: 10_000, life_ms: 300_000 };

export type Proof =
  | {
      readonly proved: false;
      /** Set when a stored verifier did not open: damaged, or moved from another row. For logs; the client is told nothing. */
      readonly fault?: string;
    }
  | { readonly proved: true; readonly verifier_version: number };

interface Opened {
  readonly sealed: Uint8Array;
  readonly mac: Uint8Array;
  readonly until: number;
}

/** The verifier of a new password. `version` is one above the newest of the credential (1 for the first). */
export async function sealVerifier(
  ports: VerifierPorts,
  senderCompId: string,
  version: number,
  password: Secret,
  now: number,
): Promise<PasswordVerifier> {
  const salt = ports.random.bytes(SALT_BYTES);
  const mac = ports.digests.hmacSha256(salt, utf8(password.reveal()));
  const sealed = await ports.box.seal(mac, verifierContext(senderCompId, version));
  return { version, salt, sealed, created_at: now };
}

/** Verifiers that work at `now`, newest first. */
export function workingVerifiers(credential: Credential, now: number): readonly PasswordVerifier[] {
  return credential.verifiers.filter((one) => one.retires_at === undefined || now < one.retires_at).slice(0, COMPARED);
}

/** Compares passwords with sealed verifiers, and keeps what it opened for a few minutes. One per process. */
export class Verifiers {
  readonly #ports: VerifierPorts;
  readonly #bounds: VerifierCacheBounds;
  readonly #opened = new Map<string, Opened>();
  #dummy: Promise<PasswordVerifier> | undefined;

  constructor(ports: VerifierPorts, bounds: VerifierCacheBounds = DEFAULT_BOUNDS) {
    this.#ports = ports;
    this.#bounds = bounds;
  }

  /**
   * Does the password belong to the credential at `now`? `credential` undefined: the name is unknown. Looks at nothing
   * but passwords: status, expiry and address are the caller's. Every attempt compares two verifiers (dummies fill
   * up), and every one that fails opens two, cached or not: neither the answer nor its time tells which names exist,
   * which have a grace, or which logged on lately. Rejects with StoreUnavailable when the keys cannot be reached.
   */
  async proves(credential: Credential | undefined, password: Uint8Array, now: number): Promise<Proof> {
    const name = credential?.sender_comp_id ?? NOBODY;
    const working = credential ? workingVerifiers(credential, now) : [];
    const dummy = await this.#dummyVerifier();
    const faults: string[] = [];
    let opens = 0;
    let version: number | undefined;
    for (let index = 0; index < COMPARED; index++) {
      const verifier = working[index];
      let mac = verifier ? this.#kept(name, verifier, now) : NO_MAC;
      if (!mac && verifier) {
        opens += 1;
        mac = await this.#open(name, verifier, now, faults);
      }
      const found = this.#ports.digests.hmacSha256((verifier ?? dummy).salt, password);
      const same = this.#ports.digests.equal(found, mac ?? NO_MAC);
      if (same && verifier && version === undefined) version = verifier.version;
    }
    if (version !== undefined) return { proved: true, verifier_version: version };
    for (; opens < COMPARED; opens++) await this.#open(NOBODY, dummy, now, faults);
    return faults.length === 0 ? { proved: false } : { proved: false, fault: faults.join('; ') };
  }

  /** A verifier that does not open proves nothing; the reason goes to `faults`. */
  async #open(name: string, verifier: PasswordVerifier, now: number, faults: string[]): Promise<Uint8Array> {
    let mac: Uint8Array;
    try {
      mac = await this.#ports.box.open(verifier.sealed, verifierContext(name, verifier.version));
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      faults.push(`verifier ${verifier.version} of ${name}: ${(error as Error).message}`);
      return NO_MAC;
    }
    if (name !== NOBODY) this.#keep(name, verifier, mac, now);
    return mac;
  }

  #kept(name: string, verifier: PasswordVerifier, now: number): Uint8Array | undefined {
    const opened = this.#opened.get(cacheKey(name, verifier));
    if (!opened || opened.until <= now) return undefined;
    // The row may hold another ciphertext under the same version: then what was opened is not what is stored.
    return this.#ports.digests.equal(opened.sealed, verifier.sealed) ? opened.mac : undefined;
  }

  #keep(name: string, verifier: PasswordVerifier, mac: Uint8Array, now: number): void {
    const key = cacheKey(name, verifier);
    this.#opened.delete(key);
    if (this.#opened.size >= this.#bounds.entries) {
      const oldest = this.#opened.keys().next();
      if (!oldest.done) this.#opened.delete(oldest.value);
    }
    this.#opened.set(key, { sealed: verifier.sealed, mac, until: now + this.#bounds.life_ms });
  }

  /** A verifier of a password that nobody has. Sealing it anew is tried again after a failure. */
  #dummyVerifier(): Promise<PasswordVerifier> {
    this.#dummy ??= this.#sealDummy().catch((error: unknown) => {
      this.#dummy = undefined;
      throw error;
    });
    return this.#dummy;
  }

  async #sealDummy(): Promise<PasswordVerifier> {
    const { random, box } = this.#ports;
    const sealed = await box.seal(random.bytes(32), verifierContext(NOBODY, 1));
    return { version: 1, salt: random.bytes(SALT_BYTES), sealed, created_at: 0 };
  }
}

function cacheKey(name: string, verifier: PasswordVerifier): string {
  return `${verifier.version} ${name}`;
}
