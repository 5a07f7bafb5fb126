import { beforeEach, describe, expect, test } from '@jest/globals';
import { fixedMasterKeys } from '../../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../../adapters/kms/vault.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { systemRandom } from '../../../adapters/node/random.ts';
import { generatePassword, generateSenderCompId } from '../../../core/credentials/generate.ts';
import { sealVerifier } from '../../../core/credentials/issue.ts';
import { COMP_ID_PATTERN, type Credential, type PasswordVerifier } from '../../../core/credentials/model.ts';
import { Verifiers } from '../../../core/credentials/verify.ts';
import { utf8 } from '../../../core/encoding.ts';
import { StoreUnavailable } from '../../../core/errors.ts';
import type { SecretBox, SecretVault } from '../../../core/ports.ts';
import { Secret } from '../../../core/secret.ts';

const NOW = 1_000_000;

/** The real box, counting what it opens. */
class CountingBox implements SecretBox {
  opened = 0;
  failing: Error | undefined;
  readonly #box = createRawAesSecretBox(fixedMasterKeys([{ id: 'k', key: systemRandom.bytes(32) }]));
  seal(plaintext: Uint8Array, context: Readonly<Record<string, string>>) {
    return this.#box.seal(plaintext, context);
  }
  open(ciphertext: Uint8Array, context: Readonly<Record<string, string>>) {
    this.opened += 1;
    return this.failing ? Promise.reject(this.failing) : this.#box.open(ciphertext, context);
  }
}

let box: CountingBox;
let ports: { box: CountingBox; vault: SecretVault; digests: typeof nodeDigests; random: typeof systemRandom };
let verifiers: Verifiers;
beforeEach(() => {
  box = new CountingBox();
  const vault = createRawAesVault(fixedMasterKeys([{ id: 'v', key: systemRandom.bytes(32) }]));
  ports = { box, vault, digests: nodeDigests, random: systemRandom };
  verifiers = new Verifiers(ports);
});

async function credential(name: string, ...passwords: Secret[]): Promise<Credential> {
  const sealed = await Promise.all(
    passwords.map((one, n) => sealVerifier(ports, name, passwords.length - n, utf8(one.reveal()), NOW)),
  );
  return {
    sender_comp_id: name,
    target_comp_id: 'GATEWAY',
    user_id: 'u',
    status: 'active',
    proof: { type: 'password', verifiers: sealed },
    allowed_ips: [],
    tier: 'basic',
    created_at: NOW,
    updated_at: NOW,
    version: 1,
  };
}
const secret = () => generatePassword(systemRandom);
const proves = (of: Credential | undefined, password: string, now = NOW) =>
  verifiers.proves(of, { proof: { kind: 'password', password: utf8(password) } }, now);
const stored = ({ proof }: Credential): readonly PasswordVerifier[] =>
  proof.type === 'password' ? proof.verifiers : [];
const having = (of: Credential, ...list: readonly PasswordVerifier[]): Credential => ({
  ...of,
  proof: { type: 'password', verifiers: list },
});

describe('what is made up', () => {
  test('passwords have 256 bits and characters that FIX, shells and URLs leave alone; no two are the same', () => {
    const made = Array.from({ length: 200 }, () => secret().reveal());
    for (const one of made) expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(made).size).toBe(200);
  });

  test('SenderCompIDs fit their pattern', () => {
    const made = Array.from({ length: 200 }, () => generateSenderCompId(systemRandom));
    for (const one of made) expect(one).toMatch(/^USER_[A-Z2-7]{10}$/);
    expect(made.every((one) => COMP_ID_PATTERN.test(one))).toBe(true);
  });

  test('a secret prints as [redacted] in every way there is', async () => {
    const one = new Secret('hush');
    const { inspect } = await import('node:util');
    expect([String(one), JSON.stringify({ one }), inspect(one), inspect({ one }), `${one}`].join()).not.toContain(
      'hush',
    );
    expect(String(one)).toBe('[redacted]');
    expect(Object.keys(one)).toEqual([]);
  });
});

describe('proof', () => {
  test('is the password of a working verifier, and says which', async () => {
    const [newer, older] = [secret(), secret()];
    const both = await credential('A', newer, older);
    expect(await proves(both, newer.reveal())).toEqual({ proved: true, verifier_version: 2 });
    expect(await proves(both, older.reveal())).toEqual({ proved: true, verifier_version: 1 });
    expect(await proves(both, secret().reveal())).toEqual({ proved: false });
    expect(await proves(both, '')).toEqual({ proved: false });
    expect(await proves(undefined, newer.reveal())).toEqual({ proved: false });
  });

  test('ends when the verifier retires', async () => {
    const password = secret();
    const one = await credential('A', password);
    const [verifier] = stored(one) as [PasswordVerifier];
    const retiring = having(one, { ...verifier, retires_at: NOW + 10 });
    expect((await proves(retiring, password.reveal(), NOW + 9)).proved).toBe(true);
    expect((await proves(retiring, password.reveal(), NOW + 10)).proved).toBe(false);
  });

  test('does not come from a verifier that was moved from another row, or damaged; the log hears why', async () => {
    const password = secret();
    const mine = await credential('MALLORY', password);
    const moved = having(await credential('ALICE', secret()), ...stored(mine));
    expect(await proves(moved, password.reveal())).toEqual({ proved: false, fault: expect.stringContaining('ALICE') });
    const [verifier] = stored(mine) as [PasswordVerifier];
    const damaged = Uint8Array.from(verifier.sealed);
    damaged[damaged.length - 1] = (damaged[damaged.length - 1] as number) ^ 1;
    const broken = having(mine, { ...verifier, sealed: damaged });
    expect(await proves(broken, password.reveal())).toEqual({ proved: false, fault: expect.any(String) });
  });

  test('does not fall for what it opened earlier when the row has another ciphertext since', async () => {
    const [first, second] = [secret(), secret()];
    const before = await credential('A', first);
    expect((await proves(before, first.reveal())).proved).toBe(true);
    const after = await credential('A', second);
    expect((await proves(after, first.reveal())).proved).toBe(false);
    expect((await proves(after, second.reveal())).proved).toBe(true);
  });

  test('without keys is an outage, not a wrong password', async () => {
    const password = secret();
    const one = await credential('A', password);
    await proves(undefined, 'x');
    box.failing = new StoreUnavailable('KMS is away');
    await expect(proves(one, password.reveal())).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe('work', () => {
  const opensOf = async (run: () => Promise<unknown>) => {
    const before = box.opened;
    await run();
    return box.opened - before;
  };

  test('of every failure is the same: unknown name, wrong password, cached or not, with a grace or without', async () => {
    const password = secret();
    const [one, two] = [await credential('A', password), await credential('B', secret(), secret())];
    expect(await opensOf(() => proves(undefined, 'x'))).toBe(2);
    expect(await opensOf(() => proves(one, 'x'))).toBe(2);
    expect(await opensOf(() => proves(two, 'x'))).toBe(2);
    expect(await opensOf(() => proves(two, 'x'))).toBe(2);
    await proves(one, password.reveal());
    expect(await opensOf(() => proves(one, 'x'))).toBe(2);
  });

  test('of a logon storm is one opening a verifier', async () => {
    const password = secret();
    const one = await credential('A', password);
    expect(await opensOf(() => proves(one, password.reveal()))).toBe(1);
    expect(await opensOf(() => proves(one, password.reveal()))).toBe(0);
    expect(await opensOf(() => proves(one, password.reveal(), NOW + 300_000))).toBe(1);
  });

  test('is kept within bounds: the oldest verifier goes', async () => {
    verifiers = new Verifiers(ports, { entries: 2, life_ms: 1000 });
    const passwords = [secret(), secret(), secret()];
    const made = await Promise.all(passwords.map((password, n) => credential(`N${n}`, password)));
    for (const [n, one] of made.entries()) await proves(one, passwords[n]?.reveal() as string);
    expect(await opensOf(() => proves(made[2], passwords[2]?.reveal() as string))).toBe(0);
    expect(await opensOf(() => proves(made[0], passwords[0]?.reveal() as string))).toBe(1);
  });
});
