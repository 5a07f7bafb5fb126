/** Signatures by an asymmetric KMS key, which never leaves KMS. */
import { type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import type { AuditSigner } from '../../core/audit/checkpoint-port.ts';

/** @param keyArn of a key of ECC_NIST_P256 for SIGN_VERIFY */
export function createKmsSigner(kms: KMSClient, keyArn: string): AuditSigner {
  return {
    key: keyArn,
    async sign(sha256) {
      const { Signature } = await kms.send(
        new SignCommand({
          KeyId: keyArn,
          Message: Buffer.from(sha256, 'hex'),
          MessageType: 'DIGEST',
          SigningAlgorithm: 'ECDSA_SHA_256',
        }),
      );
      if (Signature === undefined) throw new Error('KMS gave no signature');
      return Buffer.from(Signature).toString('base64');
    },
  };
}
