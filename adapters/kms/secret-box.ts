/** Envelope encryption behind the SecretBox port, by the AWS Encryption SDK. */
import { createSecretKey } from 'node:crypto';
import { BranchKeyStoreNode } from '@aws-crypto/branch-keystore-node';
import { buildDecrypt } from '@aws-crypto/decrypt-node';
import { buildEncrypt } from '@aws-crypto/encrypt-node';
import { KmsHierarchicalKeyRingNode } from '@aws-crypto/kms-keyring-node';
import { CommitmentPolicy, type KeyringNode } from '@aws-crypto/material-management-node';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { KMSClient } from '@aws-sdk/client-kms';
import { StoreUnavailable } from '../../core/errors.ts';
import type { KeyAge, SecretBox } from '../../core/ports.ts';
import { isOutage } from '../dynamodb/errors.ts';
import { activeBranchKeyVersion } from './branch-key.ts';
import type { MasterKeys } from './master-keys.ts';
import { isBoundAsWritten, openByKeyring, openByRawKey, rawKeyName } from './open-message.ts';
import { type MessageHeader, readHeader, readMessage, type SealedMessage, SUITE } from './sealed-message.ts';

/** Marks our wrapped data keys among those of others; part of every ciphertext. */
const NAMESPACE = 'fixgate';

// The suite has key commitment, no signature: who may seal may open here, and ECDSA would cost a millisecond at each logon.
const { encrypt } = buildEncrypt(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const { decrypt } = buildDecrypt(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

type Context = Readonly<Record<string, string>>;

interface Keyrings {
  forSeal(): Promise<KeyringNode>;
  /** What opens a ciphertext with this header. Undefined: it is of another form than what is sealed here. */
  forOpen(header: MessageHeader | undefined): Promise<Opener>;
}

interface Opener {
  /** For what is of another form than what is sealed here. */
  readonly keyring: KeyringNode;
  open(message: SealedMessage): Promise<Buffer> | Buffer;
}

const byKeyring = (keyring: KeyringNode): Opener => ({ keyring, open: (message) => openByKeyring(keyring, message) });

/** Data keys wrapped by AES-256-GCM under a master key of the provider: for local installations. */
export function createRawAesSecretBox(keys: MasterKeys): SecretBox & KeyAge {
  const openers = new Map<string, Opener>();
  const openerOf = ({ id, key }: { readonly id: string; readonly key: Uint8Array }): Opener => {
    const known = openers.get(id);
    if (known !== undefined) return known;
    const keyring = new RawAesKeyringNode({
      keyNamespace: NAMESPACE,
      keyName: id,
      // The library asks for a buffer whose memory is its own.
      unencryptedMasterKey: Uint8Array.from(key),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    });
    const master = createSecretKey(key);
    const open = (message: SealedMessage) =>
      isBoundAsWritten(message) ? openByRawKey(master, NAMESPACE, message) : openByKeyring(keyring, message);
    const opener: Opener = { keyring, open };
    openers.set(id, opener);
    return opener;
  };
  const box = createBox({
    forSeal: async () => openerOf(await keys.current()).keyring,
    // The current key opens nearly everything; which older one is meant stands in the ciphertext, as the key's name.
    forOpen: async (header) => {
      const current = await keys.current();
      const id = header && rawKeyName(header);
      const named = id === undefined || id === current.id ? current : await keys.byId(id);
      if (named === undefined) throw new Error(`there is no master key ${id}`);
      return openerOf(named);
    },
  });
  return {
    ...box,
    isCurrent: async (ciphertext) => keyNameIn(Buffer.from(ciphertext)) === (await keys.current()).id,
  };
}

export interface HierarchicalOptions {
  readonly kms: KMSClient;
  readonly dynamodb: DynamoDBClient;
  /** Table of branch keys, and the name that is bound into each of them. */
  readonly tableName: string;
  readonly logicalName: string;
  readonly kmsKeyArn: string;
  readonly branchKeyId: string;
  /** How long a branch key is used before KMS is asked again. */
  readonly cacheSeconds?: number;
}

/** Data keys wrapped under a branch key that KMS wraps and that is cached, so that a logon storm asks KMS nothing. */
export function createHierarchicalSecretBox(options: HierarchicalOptions): SecretBox & KeyAge {
  const keyring = new KmsHierarchicalKeyRingNode({
    branchKeyId: options.branchKeyId,
    keyStore: new BranchKeyStoreNode({
      logicalKeyStoreName: options.logicalName,
      storage: { ddbTableName: options.tableName, ddbClient: options.dynamodb },
      keyManagement: { kmsClient: options.kms },
      kmsConfiguration: { identifier: options.kmsKeyArn },
    }),
    cacheLimitTtl: options.cacheSeconds ?? 600,
  });
  let active: Promise<string | undefined> | undefined;
  return {
    ...createBox({ forSeal: async () => keyring, forOpen: async () => byKeyring(keyring) }),
    async isCurrent(ciphertext) {
      // As the keyring itself, which goes on with the version that it has.
      active ??= reach(() => activeBranchKeyVersion(options));
      const version = await active;
      return version !== undefined && branchKeyVersionIn(Buffer.from(ciphertext)) === version;
    },
  };
}

function createBox(keyrings: Keyrings): SecretBox {
  return {
    async seal(plaintext, context) {
      checkContext(context);
      const keyring = await keyrings.forSeal();
      const sealed = await reach(() =>
        encrypt(keyring, Buffer.from(plaintext), { suiteId: SUITE, encryptionContext: { ...context } }),
      );
      return new Uint8Array(sealed.result);
    },

    async open(ciphertext, context) {
      const bytes = Buffer.from(ciphertext);
      const message = readMessage(bytes);
      const opener = await keyrings.forOpen(message ?? readHeader(bytes));
      const { plaintext, context: found } = await reach(async () => {
        if (message !== undefined) return { plaintext: await opener.open(message), context: message.context };
        const { plaintext, messageHeader } = await decrypt(opener.keyring, bytes);
        return { plaintext, context: messageHeader.encryptionContext };
      });
      // It is proved that the context in the header is the one that was sealed; whether it is the one that the
      // row should have, only we can say.
      if (!sameContext(found, context)) {
        throw new Error('the ciphertext belongs to another row');
      }
      return new Uint8Array(plaintext);
    },
  };
}

/** KMS or the key store out of reach is an outage like that of any store; a ciphertext that does not open is none. */
async function reach<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isOutage(error)) throw new StoreUnavailable('the key service does not answer', { cause: error });
    throw error;
  }
}

/** Names beginning so are the library's own. */
function checkContext(context: Context): void {
  const reserved = Object.keys(context).find((name) => name.startsWith('aws-crypto-'));
  if (reserved !== undefined) throw new RangeError(`${reserved} is reserved by the encryption library`);
}

/** Exactly the asked context: no name less, none more, but for the library's own. */
function sameContext(found: Context, asked: Context): boolean {
  const names = Object.keys(found).filter((name) => !name.startsWith('aws-crypto-'));
  return names.length === Object.keys(asked).length && names.every((name) => found[name] === asked[name]);
}

/** The name of the raw AES key that wraps the data key; undefined where that is not to be seen. */
function keyNameIn(message: Buffer): string | undefined {
  const header = readHeader(message);
  return header && rawKeyName(header);
}

/**
 * The version of the branch key in a message of the hierarchical keyring, whose wrapped key is salt (16), IV (12), version
 * (16 bytes of a UUID), and what is wrapped (AWS Encryption SDK specification, "AWS KMS Hierarchical Keyring", ciphertext).
 */
function branchKeyVersionIn(message: Buffer): string | undefined {
  const hex = readHeader(message)?.key.wrapped.toString('hex', 28, 44);
  return hex?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
