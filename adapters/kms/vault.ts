/** Secrets that have to be recovered, behind the SecretVault port: by KMS itself, or under a local master key. */
import { DecryptCommand, EncryptCommand, InvalidCiphertextException, type KMSClient } from '@aws-sdk/client-kms';
import { StoreUnavailable } from '../../core/errors.ts';
import type { KeyAge, SecretVault } from '../../core/ports.ts';
import { isOutage } from '../dynamodb/errors.ts';
import { systemRandom } from '../node/random.ts';
import type { MasterKeys } from './master-keys.ts';
import { createRawAesSecretBox } from './secret-box.ts';

/** About what KMS gives for a secret of 43 bytes. */
const DECOY_BYTES = 195;
/** A call with all its tries ends within this: a Logon waits for it. */
const DEADLINE_MS = 3_000;

export interface KmsVaultOptions {
  readonly kms: KMSClient;
  /** A key of its own: its grants say who may seal and who may open, and under which encryption context. */
  readonly keyArn: string;
}

/** Each secret by a call of its own: no data key lies beside it, and KMS has every opening in its log. */
export function createKmsVault({ kms, keyArn }: KmsVaultOptions): SecretVault & KeyAge {
  return {
    async seal(plaintext, context) {
      const command = new EncryptCommand({ KeyId: keyArn, Plaintext: plaintext, EncryptionContext: { ...context } });
      const { CiphertextBlob } = await reach((options) => kms.send(command, options));
      if (CiphertextBlob === undefined) throw new Error('KMS gave no ciphertext');
      return new Uint8Array(CiphertextBlob);
    },

    /** KMS itself compares the context with the one that was sealed. */
    async open(ciphertext, context) {
      const command = new DecryptCommand({
        KeyId: keyArn,
        CiphertextBlob: ciphertext,
        EncryptionContext: { ...context },
      });
      const { Plaintext } = await reach((options) => kms.send(command, options)).catch((error: unknown) => {
        if (error instanceof InvalidCiphertextException) throw new Error('the ciphertext belongs to another row');
        throw error;
      });
      if (Plaintext === undefined) throw new Error('KMS gave no plaintext');
      return new Uint8Array(Plaintext);
    },

    // KMS rotates the key behind its ARN by itself, and opens what it has sealed before.
    isCurrent: async () => true,

    async decoy() {
      return systemRandom.bytes(DECOY_BYTES);
    },
  };
}

/** The same for a local installation: AES-256-GCM under the master keys, the context bound in. */
export function createRawAesVault(keys: MasterKeys): SecretVault & KeyAge {
  const box = createRawAesSecretBox(keys);
  return { ...box, decoy: (context) => box.seal(systemRandom.bytes(43), context) };
}

async function reach<T>(run: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
  try {
    return await run({ abortSignal: AbortSignal.timeout(DEADLINE_MS) });
  } catch (error) {
    if (isOutage(error)) throw new StoreUnavailable('the key service does not answer', { cause: error });
    throw error;
  }
}
