import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fileMasterKeys, fixedMasterKeys } from '../../adapters/kms/master-keys.ts';
import { createHierarchicalSecretBox, createRawAesSecretBox } from '../../adapters/kms/secret-box.ts';
import { StoreUnavailable } from '../../core/errors.ts';

const masterKey = (id: string) => ({ id, key: new Uint8Array(randomBytes(32)) });
const context = (name: string, version = '1') => ({ table: 'credentials', sender_comp_id: name, version });
const bytes = (text: string) => new TextEncoder().encode(text);

describe('raw AES', () => {
  const box = createRawAesSecretBox(fixedMasterKeys([masterKey('one')]));

  test('what is sealed opens, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.string(), async (plaintext, name) => {
        const sealed = await box.seal(plaintext, context(name));
        expect(await box.open(sealed, context(name))).toEqual(new Uint8Array(plaintext));
      }),
      { numRuns: 30 },
    );
  });

  test.each([0, 4096, 4097, 10_000])('so do %i bytes, in however many frames the library puts them', async (size) => {
    const plaintext = new Uint8Array(randomBytes(size));
    const sealed = await box.seal(plaintext, context('A'));
    expect(await box.open(sealed, context('A'))).toEqual(plaintext);
    for (const at of [sealed.length - 1, sealed.length - 20, sealed.length >> 1]) {
      const altered = Uint8Array.from(sealed);
      altered[at]! ^= 1;
      await expect(box.open(altered, context('A'))).rejects.toThrow();
    }
  });

  test('two rows swapped do not open', async () => {
    const [a, b] = [await box.seal(bytes('of a'), context('A')), await box.seal(bytes('of b'), context('B'))];
    await expect(box.open(b, context('A'))).rejects.toThrow('another row');
    await expect(box.open(a, context('B'))).rejects.toThrow('another row');
    await expect(box.open(a, context('A', '2'))).rejects.toThrow('another row');
    await expect(box.open(a, { ...context('A'), more: '1' })).rejects.toThrow('another row');
    const { version: _, ...less } = context('A');
    await expect(box.open(a, less)).rejects.toThrow('another row');
  });

  test('no bit may be flipped, none cut off', async () => {
    const sealed = await box.seal(bytes('whole'), context('A'));
    for (let at = 0; at < sealed.length; at++) {
      const altered = Uint8Array.from(sealed);
      altered[at]! ^= 1 << (at % 8);
      await expect(box.open(altered, context('A'))).rejects.toThrow();
      await expect(box.open(sealed.slice(0, at), context('A'))).rejects.toThrow();
    }
    expect(sealed.length).toBeGreaterThan(100);
  });

  test('the plaintext does not show, and the same one seals differently', async () => {
    const [a, b] = [
      await box.seal(bytes('correct horse'), context('A')),
      await box.seal(bytes('correct horse'), context('A')),
    ];
    expect(Buffer.from(a).includes('correct horse')).toBe(false);
    expect(a).not.toEqual(b);
  });

  test('a name of the library is refused in a context', async () => {
    await expect(box.seal(bytes('x'), { 'aws-crypto-public-key': 'x' })).rejects.toThrow(RangeError);
  });
});

describe('master keys', () => {
  test('after a rotation old ciphertexts open, until their key is gone', async () => {
    const [old, young] = [masterKey('old'), masterKey('young')];
    const sealed = await createRawAesSecretBox(fixedMasterKeys([old])).seal(bytes('x'), context('A'));
    const rotated = createRawAesSecretBox(fixedMasterKeys([young, old]));
    expect(await rotated.open(sealed, context('A'))).toEqual(bytes('x'));
    const renewed = await rotated.seal(bytes('y'), context('A'));
    const without = createRawAesSecretBox(fixedMasterKeys([young]));
    expect(await without.open(renewed, context('A'))).toEqual(bytes('y'));
    await expect(without.open(sealed, context('A'))).rejects.toThrow('no master key old');
  });

  test('another key of the same name does not open', async () => {
    const sealed = await createRawAesSecretBox(fixedMasterKeys([masterKey('k')])).seal(bytes('x'), context('A'));
    await expect(createRawAesSecretBox(fixedMasterKeys([masterKey('k')])).open(sealed, context('A'))).rejects.toThrow();
  });

  test('a file gives them, and a broken one is named without being quoted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fixgate-keys-'));
    try {
      const path = join(folder, 'secrets.json');
      const { id, key } = masterKey('file');
      const entry = { id, key: Buffer.from(key).toString('base64') };
      await writeFile(path, JSON.stringify({ master_key: entry, other: 1 }));
      expect(await fileMasterKeys(path).current()).toEqual({ id, key });
      for (const [content, problem] of [
        [`{"master_key": ${entry.key}`, 'not JSON'],
        ['{}', 'without id or key'],
        ['{"master_key": {"id": "x", "key": "c2hvcnQ="}}', '256 are needed'],
      ] as const) {
        await writeFile(path, content);
        const error = await fileMasterKeys(path)
          .current()
          .catch((e: Error) => e);
        expect(String(error)).toContain(problem);
        expect(String(error)).not.toContain(entry.key);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test('the hierarchical box says so when the key store does not answer', async () => {
  const dead = {
    endpoint: 'http://127.0.0.1:1',
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  };
  const box = createHierarchicalSecretBox({
    kms: new KMSClient(dead),
    dynamodb: new DynamoDBClient(dead),
    tableName: 'fixgate-branch-keys',
    logicalName: 'fixgate-branch-keys',
    kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555',
    branchKeyId: 'credentials',
  });
  await expect(box.seal(bytes('x'), context('A'))).rejects.toThrow(StoreUnavailable);
});
