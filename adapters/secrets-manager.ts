/** Texts in AWS Secrets Manager. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** Reads the current version of a secret at each call. The region is the ARN's: a secret may live beside its issuer. */
export function secretReaderOf(arn: string): () => Promise<string> {
  const region = arn.split(':')[3] ?? '';
  const client = new SecretsManagerClient({ region });
  return async () => {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    if (SecretString === undefined) throw new Error('the secret is not a text');
    return SecretString;
  };
}
