// Secrets that have to be recovered: under a local key, and by KMS.
import { randomBytes } from 'node:crypto';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fixedMasterKeys } from '../../adapters/kms/master-keys.ts';
import { createKmsVault, createRawAesVault } from '../../adapters/kms/vault.ts';
import { secretContext } from '../../core/credentials/model.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import type { SecretVault } from '../../core/ports.ts';
import { TestKms } from '../support/kms.ts';

const kms = new TestKms();
beforeAll(() => kms.start());
afterAll(() => kms.stop());

const bytes = (text: string) => new TextEncoder().encode(text);
const key = { id: 'k', key: new Uint8Array(randomBytes(32)) };

describe.each<[string, () => SecretVault]>([
  ['raw AES', () => createRawAesVault(fixedMasterKeys([key]))],
  ['KMS', () => createKmsVault({ kms: kms.client(), keyArn: kms.keyArn })],
])('%s', (_name, open) => {
  test('what is sealed opens in its own context', async () => {
    const vault = open();
    const sealed = await vault.seal(bytes('a secret'), secretContext('A', 1));
    expect(Buffer.from(sealed).includes('a secret')).toBe(false);
    expect(await vault.open(sealed, secretContext('A', 1))).toEqual(bytes('a secret'));
  });

  test('two rows swapped do not open, nor does another version of the same', async () => {
    const vault = open();
    const [a, b] = [
      await vault.seal(bytes('a'), secretContext('A', 1)),
      await vault.seal(bytes('b'), secretContext('B', 1)),
    ];
    await expect(vault.open(b, secretContext('A', 1))).rejects.toThrow('another row');
    await expect(vault.open(a, secretContext('B', 1))).rejects.toThrow('another row');
    await expect(vault.open(a, secretContext('A', 2))).rejects.toThrow('another row');
  });

  test('a decoy is tried as a real one is, and is no outage', async () => {
    const vault = open();
    const decoy = await vault.decoy(secretContext('(nobody)', 1));
    const tried = await vault.open(decoy, secretContext('(nobody)', 1)).catch((error: unknown) => error);
    expect(tried).not.toBeInstanceOf(StoreUnavailable);
  });
});

test('KMS is told the whole context with each call, and who may only open can make decoys', async () => {
  const vault = createKmsVault({ kms: kms.client(), keyArn: kms.keyArn });
  kms.calls.length = 0;
  const sealed = await vault.seal(bytes('x'), secretContext('A', 3));
  kms.denied.add('Encrypt');
  await vault.open(sealed, secretContext('A', 3));
  await vault.open(await vault.decoy(secretContext('A', 3)), secretContext('A', 3)).catch(() => undefined);
  await expect(vault.seal(bytes('x'), secretContext('A', 3))).rejects.toThrow('AccessDenied');
  kms.denied.clear();
  const context = { table: 'credentials', sender_comp_id: 'A', version: '3', proof: 'hmac_sha256' };
  expect(kms.calls).toEqual(['Encrypt', 'Decrypt', 'Decrypt', 'Encrypt'].map((action) => ({ action, context })));
});

test('KMS out of reach is an outage', async () => {
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
  const dead = new KMSClient({ endpoint: 'http://127.0.0.1:1', region: 'us-east-1', credentials, maxAttempts: 1 });
  const vault = createKmsVault({ kms: dead, keyArn: kms.keyArn });
  await expect(vault.seal(bytes('x'), secretContext('A', 1))).rejects.toThrow(StoreUnavailable);
  await expect(vault.open(bytes('x'), secretContext('A', 1))).rejects.toThrow(StoreUnavailable);
});
