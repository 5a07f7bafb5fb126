/**
 * Opens a message of the AWS Encryption SDK that is here as a whole, by the library's own parts: its header, its keyrings, its
 * key derivation and commitment. What is left out are the five streams that it makes for each message, half of what a
 * Logon costs that comes for the first time, and six turns of the event loop. Format: AWS Encryption SDK, message format
 * reference, version 2, one final frame.
 */
import {
  AlgorithmSuiteIdentifier,
  type EncryptionContext,
  getDecryptionHelper,
  type KeyringNode,
  MessageFormat,
  NodeAlgorithmSuite,
  NodeDefaultCryptographicMaterialsManager,
} from '@aws-crypto/material-management-node';
import { aadFactory, decodeBodyHeader, deserializeFactory } from '@aws-crypto/serialize';

/** What is sealed here: key commitment, no signature. */
export const SUITE = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
const TAG_BYTES = 16;

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
    suite: new NodeAlgorithmSuite(SUITE),
    encryptionContext,
    encryptedDataKeys: [...encryptedDataKeys],
  });
  const { getDecipherInfo, dispose } = getDecryptionHelper(material);
  try {
    // Throws when the key does not match what the header commits to.
    const decipherOf = getDecipherInfo(messageId, messageHeader.suiteData);
    const authentic = decipherOf(headerAuth.headerIv);
    authentic.setAAD(bufferOf(rawHeader)).setAuthTag(bufferOf(headerAuth.headerAuthTag));
    authentic.update(Buffer.alloc(0));
    authentic.final();
    const kind = messageAADContentString({ contentType, isFinalFrame: true });
    const about = messageAAD(messageId, kind, frame.sequenceNumber, frame.contentLength);
    const decipher = decipherOf(frame.iv);
    decipher.setAAD(bufferOf(about)).setAuthTag(message.subarray(end));
    const plaintext = decipher.update(message.subarray(frame.readPos, end));
    return { plaintext: Buffer.concat([plaintext, decipher.final()]), context: encryptionContext };
  } finally {
    dispose();
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
