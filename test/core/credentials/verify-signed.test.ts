// Proof by HMAC and by Ed25519: what proves, what does not, and what each attempt costs.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fixedMasterKeys } from '../../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../../adapters/kms/vault.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { systemRandom } from '../../../adapters/node/random.ts';
import { firstProof, renewProof, type SecretProof } from '../../../core/credentials/issue.ts';
import { acceptedKey } from '../../../core/credentials/keys.ts';
import type { Credential, CredentialProof, HmacSecret } from '../../../core/credentials/model.ts';
import type { LogonProof } from '../../../core/credentials/signed.ts';
import { Verifiers } from '../../../core/credentials/verify.ts';
import { StoreUnavailable } from '../../../core/errors.ts';
import type { Digests, SecretBox, SecretVault } from '../../../core/ports.ts';
import { type ClientProof, proofFields } from '../../../local/fix-client.ts';

const NOW = 1_000_000;
const AT = '20260105-12:00:00.123';

/** Keys, boxes and digests as they are, counted. */
const count = { box: 0, vault: 0, verified: 0 };
const key = fixedMasterKeys([{ id: 'k', key: systemRandom.bytes(32) }]);
const vaultAway = { yes: false };
const counted = <T extends SecretBox>(of: T, what: 'box' | 'vault'): T => ({
  ...of,
  open: (sealed: Uint8Array, context: Readonly<Record<string, string>>) => {
    count[what] += 1;
    if (what === 'vault' && vaultAway.yes) return Promise.reject(new StoreUnavailable('KMS is away'));
    return of.open(sealed, context);
  },
});
const digests: Digests = {
  ...nodeDigests,
  verifyEd25519: (...args) => {
    count.verified += 1;
    return nodeDigests.verifyEd25519(...args);
  },
};
const ports = {
  box: counted<SecretBox>(createRawAesSecretBox(key), 'box'),
  vault: counted<SecretVault>(createRawAesVault(key), 'vault'),
  digests,
  random: systemRandom,
};

let verifiers: Verifiers;
beforeEach(() => {
  verifiers = new Verifiers(ports);
  vaultAway.yes = false;
});

function having(name: string, proof: CredentialProof): Credential {
  return {
    sender_comp_id: name,
    target_comp_id: 'GATEWAY',
    user_id: 'u',
    status: 'active',
    proof,
    allowed_ips: [],
    tier: 'basic',
    created_at: NOW,
    updated_at: NOW,
    version: 1,
  };
}

interface Made {
  readonly credential: Credential;
  readonly by: ClientProof;
}

async function hmac(name: string): Promise<Made & { readonly proof: SecretProof }> {
  const { proof, issued } = await firstProof(ports, name, 'hmac_sha256', undefined, NOW);
  if (issued.proof !== 'hmac_sha256' || proof.type !== 'hmac_sha256') throw new Error(issued.proof);
  return { credential: having(name, proof), proof, by: { type: 'hmac_sha256', secret: issued.secret.reveal() } };
}

const pem = (publicKey: KeyObject) => publicKey.export({ type: 'spki', format: 'pem' }) as string;

async function ed25519(name: string, key_id?: string): Promise<Made> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const accepted = acceptedKey({ public_key: pem(publicKey), key_id });
  const { proof } = await firstProof(ports, name, 'ed25519', accepted, NOW);
  return { credential: having(name, proof), by: { type: 'ed25519', private_key: privateKey } };
}

async function password(name: string): Promise<Made> {
  const { proof, issued } = await firstProof(ports, name, 'password', undefined, NOW);
  if (issued.proof !== 'password') throw new Error(issued.proof);
  return { credential: having(name, proof), by: { type: 'password', password: issued.password.reveal() } };
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** RawData of a Logon as the client says it; `said` changes the message after it was signed. */
function logon(
  by: ClientProof,
  sender: string,
  said: Partial<Record<'number' | 'at' | 'target' | 'sender', string>> = {},
): LogonProof {
  const signed = { sender, target: 'GATEWAY', number: '1', at: AT };
  const raw = String(proofFields(by, signed).find(([tag]) => tag === 96)?.[1] ?? '');
  return rawData(raw, { ...signed, ...said });
}

function rawData(
  raw: string,
  { sender, target, number, at }: Record<'number' | 'at' | 'target' | 'sender', string>,
): LogonProof {
  return {
    kind: 'raw_data',
    raw_data: bytes(raw),
    password: bytes(raw),
    signed: {
      msg_type: bytes('A'),
      msg_seq_num: bytes(number),
      sender_comp_id: bytes(sender),
      target_comp_id: bytes(target),
      sending_time: bytes(at),
    },
    sent_at: NOW - 5,
    received_at: NOW,
  };
}

const proves = (of: Credential | undefined, proof: LogonProof, username?: string, now = NOW) =>
  verifiers.proves(of, { proof, username }, now);

describe.each<[string, (name: string) => Promise<Made>]>([
  ['hmac_sha256', hmac],
  ['ed25519', ed25519],
])('%s', (_type, make) => {
  test('proves, names what was signed, and fits no other message', async () => {
    const { credential, by } = await make('A');
    const proof = await proves(credential, logon(by, 'A'));
    expect(proof).toEqual({
      proved: true,
      verifier_version: 1,
      signed: { digest: expect.stringMatching(/^[0-9a-f]{64}$/), sent_at: NOW - 5, received_at: NOW },
    });
    expect(await proves(credential, logon(by, 'A', { number: '01' }))).toEqual({ proved: false });
    expect(await proves(credential, logon(by, 'A', { at: '20260105-12:00:00.1230' }))).toEqual({ proved: false });
    expect(await proves(credential, logon(by, 'A', { target: 'GATEWAY2' }))).toEqual({ proved: false });
    expect(await proves(credential, logon(by, 'B', { sender: 'A' }))).toEqual({ proved: false });
    expect(await proves((await make('A')).credential, logon(by, 'A'))).toEqual({ proved: false });
    expect(await proves(undefined, logon(by, 'A'))).toEqual({ proved: false });
  });

  test('is not to be had by a password, empty or not, nor by rubbish in 96', async () => {
    const { credential, by } = await make('A');
    const said = { sender: 'A', target: 'GATEWAY', number: '1', at: AT };
    const secret = by.type === 'hmac_sha256' ? by.secret : 'x';
    for (const text of ['', secret]) {
      expect(await proves(credential, { kind: 'password', password: bytes(text) })).toEqual({ proved: false });
      expect(await proves(credential, rawData(text, said))).toEqual({ proved: false });
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 130 }), async (raw) => {
        expect((await proves(credential, rawData(Buffer.from(raw).toString('latin1'), said))).proved).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a secret', () => {
  test('may be written in hex or raw too, and the older one works in its grace only', async () => {
    const { credential, by, proof } = await hmac('A');
    const renewed = await renewProof(ports, 'A', proof, NOW, NOW + 1000);
    const both = having('A', renewed.proof);
    expect(await proves(both, logon(by, 'A'))).toMatchObject({ proved: true, verifier_version: 1 });
    expect(await proves(both, logon(by, 'A'), undefined, NOW + 1000)).toEqual({ proved: false });
    if (renewed.issued.proof !== 'hmac_sha256') throw new Error(renewed.issued.proof);
    const newer: ClientProof = { type: 'hmac_sha256', secret: renewed.issued.secret.reveal() };
    expect(await proves(both, logon(newer, 'A'))).toMatchObject({ proved: true, verifier_version: 2 });
    const base64 = logon(by, 'A');
    if (base64.kind !== 'raw_data') throw new Error('no RawData');
    const mac = Buffer.from(Buffer.from(base64.raw_data).toString('latin1'), 'base64');
    for (const text of [mac.toString('hex'), mac.toString('latin1')]) {
      const said = { sender: 'A', target: 'GATEWAY', number: '1', at: AT };
      expect(await proves(credential, rawData(text, said))).toMatchObject({ proved: true });
    }
  });

  test('moved to another row, or damaged, proves nothing: not even for an empty key; the log hears why', async () => {
    const [mine, hers] = [await hmac('MALLORY'), await hmac('ALICE')];
    const moved = having('ALICE', mine.proof);
    expect(await proves(moved, logon(mine.by, 'ALICE'))).toEqual({
      proved: false,
      fault: expect.stringContaining('ALICE'),
    });
    expect(await proves(moved, logon({ type: 'hmac_sha256', secret: '' }, 'ALICE'))).toMatchObject({ proved: false });
    expect(await proves(hers.credential, logon(hers.by, 'ALICE'))).toMatchObject({ proved: true });
    // Opened before, and replaced under the same version since.
    expect(await proves(having('ALICE', mine.proof), logon(hers.by, 'ALICE'))).toMatchObject({ proved: false });
  });

  test('a password’s verifier does not open as one, nor the other way round', async () => {
    const { credential } = await password('A');
    const { proof, by } = await hmac('A');
    if (credential.proof.type !== 'password' || proof.type !== 'hmac_sha256') throw new Error('other proofs');
    const verifier: HmacSecret = credential.proof.verifiers[0]!;
    const asSecret = having('A', { type: 'hmac_sha256', secrets: [verifier] });
    expect(await proves(asSecret, logon(by, 'A'))).toEqual({
      proved: false,
      fault: expect.stringContaining('another row'),
    });
  });

  test('without keys is an outage; once opened it needs none', async () => {
    const { credential, by } = await hmac('A');
    await proves(undefined, logon(by, 'A'));
    vaultAway.yes = true;
    await expect(proves(credential, logon(by, 'A'))).rejects.toBeInstanceOf(StoreUnavailable);
    vaultAway.yes = false;
    await proves(credential, logon(by, 'A'));
    vaultAway.yes = true;
    expect(await proves(credential, logon(by, 'A'))).toMatchObject({ proved: true });
  });
});

describe('keys', () => {
  test('are named by 553, or found without; a name that is none proves nothing', async () => {
    const [one, two] = [await ed25519('A', 'one'), await ed25519('A', 'two')];
    if (one.credential.proof.type !== 'ed25519' || two.credential.proof.type !== 'ed25519') throw new Error();
    const keys = [{ ...two.credential.proof.keys[0]!, version: 2 }, one.credential.proof.keys[0]!];
    const both = having('A', { type: 'ed25519', keys });
    for (const name of [undefined, 'A', 'one'])
      expect(await proves(both, logon(one.by, 'A'), name)).toMatchObject({ proved: true, verifier_version: 1 });
    for (const name of [undefined, 'A', 'two'])
      expect(await proves(both, logon(two.by, 'A'), name)).toMatchObject({ proved: true, verifier_version: 2 });
    for (const name of ['two', 'three', ''])
      expect(await proves(both, logon(one.by, 'A'), name)).toEqual({ proved: false });
    const retiring = having('A', { type: 'ed25519', keys: [keys[0]!, { ...keys[1]!, retires_at: NOW + 10 }] });
    expect((await proves(retiring, logon(one.by, 'A'), 'one', NOW + 9)).proved).toBe(true);
    expect((await proves(retiring, logon(one.by, 'A'), 'one', NOW + 10)).proved).toBe(false);
  });
});

describe('work', () => {
  test('of every failure with the same fields is the same, whatever the name has', async () => {
    const makers = [hmac, ed25519, password];
    const names: (Credential | undefined)[] = [undefined];
    for (const make of makers) names.push((await make('A')).credential);
    const { proof } = await hmac('A');
    names.push(having('A', (await renewProof(ports, 'A', proof, NOW, NOW + 1000)).proof));
    const known = await hmac('A');
    await proves(known.credential, logon(known.by, 'A')); // opened before
    names.push(known.credential);
    const stranger: ClientProof = { type: 'hmac_sha256', secret: 'a guess' };
    const costs = new Set<string>();
    for (const name of names) {
      const before = { ...count };
      expect((await proves(name, logon(stranger, 'A'), 'A')).proved).toBe(false);
      const { box, vault, verified } = count;
      costs.add(`${box - before.box} ${vault - before.vault} ${verified - before.verified}`);
    }
    expect([...costs]).toEqual(['2 2 3']);
    costs.clear();
    for (const name of names) {
      const before = { ...count };
      expect((await proves(name, { kind: 'password', password: bytes('a guess') })).proved).toBe(false);
      costs.add(`${count.box - before.box} ${count.vault - before.vault} ${count.verified - before.verified}`);
    }
    expect([...costs]).toEqual(['2 0 0']);
  });

  test('of a logon storm is one opening a secret, for minutes', async () => {
    const { credential, by } = await hmac('A');
    const opens = async (now: number) => {
      const before = count.vault;
      await proves(credential, logon(by, 'A'), undefined, now);
      return count.vault - before;
    };
    expect([await opens(NOW), await opens(NOW), await opens(NOW + 300_000)]).toEqual([1, 0, 1]);
  });
});
