/**
 * Opens a sealed message that is here as a whole. The library would make five streams for it and six turns of the event loop, and
 * hands keys on as plain bytes: of each of these Node asks by exceptions what kind of key it is, which takes four times what
 * the cipher does. Keys: AWS Encryption SDK, algorithms reference, "key derivation" and "key commitment"; what is
 * authenticated: "body additional authenticated data".
 */
import { createDecipheriv, createSecretKey, hkdfSync, KeyObject, timingSafeEqual } from 'node:crypto';
import {
  EncryptedDataKey,
  type KeyringNode,
  NodeAlgorithmSuite,
  NodeDefaultCryptographicMaterialsManager,
  unwrapDataKey,
} from '@aws-crypto/material-management-node';
import { kdfCommitKeyInfo } from '@aws-crypto/serialize';
import { IV_BYTES, type MessageHeader, type SealedMessage, SUITE, TAG_BYTES } from './sealed-message.ts';

const SUITE_TERMS = new NodeAlgorithmSuite(SUITE);
const { keyLabel: KEY_LABEL, commitLabel: COMMIT_LABEL } = kdfCommitKeyInfo(SUITE_TERMS);
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NOTHING = Buffer.alloc(0);
/** Of a header's tag: no other message has its key. */
const HEADER_IV = Buffer.alloc(IV_BYTES);
const FINAL_FRAME = Buffer.from('AWSKMSEncryptionClient Final Frame');

/** The name of the raw AES key that has wrapped the data key: provider info begins with it. */
export function rawKeyName({ key }: Pick<MessageHeader, 'key'>): string {
  return key.info.toString('utf8', 0, Math.max(0, key.info.length - 8 - IV_BYTES));
}

/**
 * Whether the raw keyring has bound the wrapped key to the context as the header has it. The header is sorted by bytes, the keyring
 * by locale (the library's `utf8Sorting`): the same for names that are plain words.
 */
export function isBoundAsWritten({ context }: Pick<MessageHeader, 'context'>): boolean {
  const names = Object.keys(context);
  return names.every((name, at) => at === 0 || (names[at - 1] as string).localeCompare(name) < 0);
}

/**
 * By an AES key of 32 bytes, where {@link isBoundAsWritten} ("Raw AES keyring": after its name provider info has tag length in bits, IV length and IV). @throws Error
 * when it is not what was sealed under it
 */
export function openByRawKey(master: KeyObject, namespace: string, message: SealedMessage): Buffer {
  const { provider, info, wrapped } = message.key;
  const terms = info.subarray(-8 - IV_BYTES);
  const known = provider === namespace && terms.length === 8 + IV_BYTES;
  if (!known || terms.readUInt32BE(0) !== TAG_BYTES * 8 || terms.readUInt32BE(4) !== IV_BYTES)
    throw new Error('the data key is wrapped in a way that is not known here');
  const end = Math.max(0, wrapped.length - TAG_BYTES);
  const bare = opened(master, terms.subarray(8), message.contextBytes, wrapped.subarray(0, end), wrapped.subarray(end));
  const dataKey = createSecretKey(bare);
  bare.fill(0);
  return openByDataKey(dataKey, message);
}

/** By a keyring of the library. Rejects when it is not what was sealed, or when its key cannot be had. */
export async function openByKeyring(keyring: KeyringNode, message: SealedMessage): Promise<Buffer> {
  const { provider: providerId, info, wrapped: encryptedDataKey } = message.key;
  const providerInfo = info.toString('utf8');
  const material = await new NodeDefaultCryptographicMaterialsManager(keyring).decryptMaterials({
    suite: SUITE_TERMS,
    encryptionContext: { ...message.context },
    encryptedDataKeys: [new EncryptedDataKey({ providerId, providerInfo, encryptedDataKey, rawInfo: info })],
  });
  try {
    const dataKey = material.getUnencryptedDataKey();
    return openByDataKey(dataKey instanceof KeyObject ? dataKey : createSecretKey(unwrapDataKey(dataKey)), message);
  } finally {
    material.zeroUnencryptedDataKey();
  }
}

function openByDataKey(dataKey: KeyObject, message: SealedMessage): Buffer {
  const { messageId, commitment, bytes, tag, frame } = message;
  const derived = (label: Uint8Array) => new Uint8Array(hkdfSync('sha512', dataKey, messageId, label, KEY_BYTES));
  if (!timingSafeEqual(derived(COMMIT_LABEL), commitment)) throw new Error('the key is not what the header commits to');
  const key = createSecretKey(derived(KEY_LABEL));
  opened(key, HEADER_IV, bytes, NOTHING, tag);
  return opened(key, frame.iv, aboutFrame(messageId, frame.sealed.length), frame.sealed, frame.tag);
}

/** Message id, what kind of frame it is, its number (1), and eight bytes of length. */
function aboutFrame(messageId: Buffer, length: number): Buffer {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(1, 0);
  numbers.writeUInt32BE(length, 8);
  return Buffer.concat([messageId, FINAL_FRAME, numbers]);
}

/** @throws Error when the tag is not of these bytes and what they go with */
function opened(key: KeyObject, iv: Uint8Array, about: Uint8Array, bytes: Uint8Array, tag: Uint8Array): Buffer {
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(about).setAuthTag(tag);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}
