/**
 * Opens a message of the AWS Encryption SDK that is here as a whole: header and keyrings are the library's own parts. What is left
 * out are the five streams that it makes for each message, six turns of the event loop, and keys as plain bytes: of each of these
 * Node asks by exceptions what kind of key it is, which takes four times what the cipher does. Format: AWS Encryption SDK,
 * message format reference, version 2, one final frame; keys: algorithms reference, "key derivation" and "key commitment".
 */
import { createDecipheriv, createSecretKey, hkdfSync, KeyObject, timingSafeEqual } from 'node:crypto';
import {
  AlgorithmSuiteIdentifier,
  type EncryptionContext,
  type KeyringNode,
  MessageFormat,
  NodeAlgorithmSuite,
  NodeDefaultCryptographicMaterialsManager,
  unwrapDataKey,
} from '@aws-crypto/material-management-node';
import { aadFactory, decodeBodyHeader, deserializeFactory, kdfCommitKeyInfo } from '@aws-crypto/serialize';

/** What is sealed here: key commitment, no signature. */
export const SUITE = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
const SUITE_TERMS = new NodeAlgorithmSuite(SUITE);
const { keyLabel: KEY_LABEL, commitLabel: COMMIT_LABEL } = kdfCommitKeyInfo(SUITE_TERMS);
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const NOTHING = Buffer.alloc(0);

const { deserializeMessageHeader } = deserializeFactory(
  (input) => Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('utf8'),
  NodeAlgorithmSuite,
);
const { messageAADContentString, messageAAD } = aadFactory((text) => Buffer.from(text, 'utf8'));

export interface OpenedMessage {
  readonly plaintext: Buffer;
  readonly context: EncryptionContext;
}

/**
 * Undefined: it is of another form than what is sealed here, and is left to the library. Rejects when it is not what was
 * sealed, or when its key cannot be had.
 */
export async function openMessage(keyring: KeyringNode, message: Buffer): Promise<OpenedMessage | undefined> {
  const header = deserializeMessageHeader(message, { maxEncryptedDataKeys: false });
  if (!header || header.algorithmSuite.id !== SUITE) return undefined;
  const { messageHeader, rawHeader, headerAuth } = header;
  if (messageHeader.version !== MessageFormat.V2) return undefined;
  const frame = decodeBodyHeader(message, header, rawHeader.byteLength + headerAuth.headerAuthLength);
  if (frame === false || !frame.isFinalFrame || frame.sequenceNumber !== 1) return undefined;
  const end = frame.readPos + frame.contentLength;
  if (message.length !== end + TAG_BYTES || frame.tagLength !== TAG_BYTES * 8) return undefined;
  const { messageId, encryptionContext, encryptedDataKeys, contentType } = messageHeader;
  const material = await new NodeDefaultCryptographicMaterialsManager(keyring).decryptMaterials({
    suite: SUITE_TERMS,
    encryptionContext,
    encryptedDataKeys: [...encryptedDataKeys],
  });
  try {
    const dataKey = material.getUnencryptedDataKey();
    const from = dataKey instanceof KeyObject ? dataKey : createSecretKey(unwrapDataKey(dataKey));
    const key = messageKey(from, messageId, messageHeader.suiteData);
    opened(key, headerAuth.headerIv, rawHeader, NOTHING, headerAuth.headerAuthTag);
    const kind = messageAADContentString({ contentType, isFinalFrame: true });
    const about = messageAAD(messageId, kind, frame.sequenceNumber, frame.contentLength);
    const plaintext = opened(key, frame.iv, about, message.subarray(frame.readPos, end), message.subarray(end));
    return { plaintext, context: encryptionContext };
  } finally {
    material.zeroUnencryptedDataKey();
  }
}

/** @throws Error when the data key is not the one that the header commits to */
function messageKey(dataKey: KeyObject, messageId: Uint8Array, commitment: Uint8Array): KeyObject {
  const derived = (label: Uint8Array) => new Uint8Array(hkdfSync('sha512', dataKey, messageId, label, KEY_BYTES));
  if (!timingSafeEqual(derived(COMMIT_LABEL), commitment)) throw new Error('the key is not what the header commits to');
  return createSecretKey(derived(KEY_LABEL));
}

/** @throws Error when the tag is not of these bytes and what they go with */
function opened(key: KeyObject, iv: Uint8Array, about: Uint8Array, bytes: Uint8Array, tag: Uint8Array): Buffer {
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(about).setAuthTag(tag);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}
