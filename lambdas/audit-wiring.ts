/** From the environment to what archives and signs the audit trail. */
import { KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import { createAuditAdapters } from '../adapters/dynamodb/stores.ts';
import { createKmsSigner } from '../adapters/kms/signer.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { createAuditArchive, createCheckpointArchive } from '../adapters/s3/archive.ts';
import { Bucket } from '../adapters/s3/bucket.ts';
import { openClient, readVariables, STORE_VARIABLES, tablesOf } from '../adapters/store-environment.ts';

const archiving = {
  ...STORE_VARIABLES,
  FIXGATE_ARCHIVE_BUCKET: z.string().regex(/^[a-z0-9.-]{3,63}$/, 'is no name of a bucket'),
  AWS_ENDPOINT_URL: z.url({ protocol: /^https?$/ }).optional(),
};
const Archiving = z.object(archiving);
const Signing = z.object({ ...archiving, FIXGATE_AUDIT_KEY_ARN: z.string().regex(/^arn:\S+$/, 'is no ARN') });

/** @throws EnvironmentError */
export function openArchive(env: NodeJS.ProcessEnv) {
  return opened(readVariables(Archiving, env));
}

/** The same, with who signs. @throws EnvironmentError */
export function openCheckpoints(env: NodeJS.ProcessEnv) {
  const variables = readVariables(Signing, env);
  const { trail, checkpoints: store, bucket } = opened(variables);
  const signer = createKmsSigner(new KMSClient({ region: variables.AWS_REGION }), variables.FIXGATE_AUDIT_KEY_ARN);
  return { trail, store, archive: createCheckpointArchive(bucket), signer };
}

function opened(variables: z.output<typeof Archiving>) {
  const client = openClient(variables);
  const bucket = new Bucket({
    region: variables.AWS_REGION,
    bucket: variables.FIXGATE_ARCHIVE_BUCKET,
    credentials: () => client.config.credentials(),
    endpoint: variables.AWS_ENDPOINT_URL,
  });
  const adapters = createAuditAdapters({ client, tables: tablesOf(variables), random: systemRandom });
  return { ...adapters, bucket, archive: createAuditArchive(bucket) };
}
