import { createSecretKey, randomBytes } from 'node:crypto';
import { buildDecrypt } from '@aws-crypto/decrypt-node';
import { buildEncrypt } from '@aws-crypto/encrypt-node';
import { CommitmentPolicy } from '@aws-crypto/material-management-node';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isBoundAsWritten, openByKeyring, openByRawKey, rawKeyName } from '../../adapters/kms/open-message.ts';
import { readHeader, readMessage, type SealedMessage, SUITE } from '../../adapters/kms/sealed-message.ts';

const { encrypt } = buildEncrypt(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const { decrypt } = buildDecrypt(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

const NAMESPACE = 'ours';
const bare = new Uint8Array(32).map(() => randomBytes(1)[0] as number);
const master = createSecretKey(bare);
const keyring = new RawAesKeyringNode({
  keyNamespace: NAMESPACE,
  keyName: 'naïve #1',
  unencryptedMasterKey: bare,
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
});

async function sealed(plaintext: Uint8Array, encryptionContext: Record<string, string>): Promise<Buffer> {
  return (await encrypt(keyring, Buffer.from(plaintext), { suiteId: SUITE, encryptionContext })).result;
}

const read = (message: Buffer): SealedMessage => {
  const found = readMessage(message);
  if (found === undefined) throw new Error('it is read by nobody');
  return found;
};

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
  .filter((one) => !one.startsWith('aws-crypto-'));
const contexts = fc.dictionary(fc.oneof(name, fc.constant('__proto__')), fc.string({ unit: 'grapheme' }), {
  maxKeys: 5,
  noNullPrototype: true,
});

describe('what the library has sealed', () => {
  test('is opened by the raw key and by the keyring, with its context', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), contexts, async (plaintext, context) => {
        const message = read(await sealed(plaintext, context));
        expect(new Map(Object.entries(message.context))).toEqual(new Map(Object.entries(context)));
        expect(rawKeyName(message)).toBe('naïve #1');
        if (isBoundAsWritten(message)) expect([...openByRawKey(master, NAMESPACE, message)]).toEqual([...plaintext]);
        expect([...(await openByKeyring(keyring, message))]).toEqual([...plaintext]);
      }),
      { numRuns: 40 },
    );
  });

  test('under plain names is bound as it is written, under others it may not be', async () => {
    const about = { table: 'credentials', sender_comp_id: 'A', version: '1' };
    const message = read(await sealed(Buffer.from('x'), about));
    expect(isBoundAsWritten(message)).toBe(true);
    expect(openByRawKey(master, NAMESPACE, message).toString()).toBe('x');
    const mixed = read(await sealed(Buffer.from('x'), { B: '1', a: '2' }));
    expect(isBoundAsWritten(mixed)).toBe(false);
    expect((await openByKeyring(keyring, mixed)).toString()).toBe('x');
  });

  test('and altered in any bit it is opened by neither, nor by the library', async () => {
    const whole = await sealed(Buffer.from('whole'), { table: 't', version: '1' });
    let reached = 0;
    for (let at = 0; at < whole.length; at++) {
      const altered = Buffer.from(whole);
      altered[at]! ^= 1 << (at % 8);
      const message = readMessage(altered);
      // What is not read is the library's to refuse.
      await expect(decrypt(keyring, altered)).rejects.toThrow();
      if (message === undefined) continue;
      reached++;
      expect(() => openByRawKey(master, NAMESPACE, message)).toThrow();
      await expect(openByKeyring(keyring, message)).rejects.toThrow();
    }
    expect(reached).toBeGreaterThan(whole.length / 2);
  });

  test('under another key or name it does not open', async () => {
    const message = read(await sealed(Buffer.from('x'), {}));
    expect(() => openByRawKey(createSecretKey(randomBytes(32)), NAMESPACE, message)).toThrow();
    expect(() => openByRawKey(master, 'theirs', message)).toThrow('not known here');
  });

  test('cut off anywhere, or with more behind it, it is not read', async () => {
    const whole = await sealed(Buffer.from('whole'), { table: 't' });
    for (let at = 0; at < whole.length; at++) expect(readMessage(whole.subarray(0, at))).toBeUndefined();
    expect(readMessage(Buffer.concat([whole, Buffer.alloc(1)]))).toBeUndefined();
  });

  test('in several frames it is not read, but its header is', async () => {
    const whole = await sealed(randomBytes(10_000), { table: 't' });
    expect(readMessage(whole)).toBeUndefined();
    expect(readHeader(whole)?.context).toEqual({ table: 't' });
  });
});

test('bytes of any kind are read or are not, and never throw', () => {
  const head = Buffer.from([2, 4, 0x78]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(readMessage(Buffer.concat([head, bytes]))?.key.provider ?? '').not.toBe(NAMESPACE);
    }),
  );
});
