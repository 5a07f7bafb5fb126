/**
 * What a deployment needs besides its resources: the branch key, and the rules and tiers that a new installation begins
 * with. A custom resource runs it at each deployment, a schedule each day to rotate the branch key when it is due.
 */
import { KMSClient } from '@aws-sdk/client-kms';
import type { CloudFormationCustomResourceEvent, ScheduledEvent } from 'aws-lambda';
import * as z from 'zod';
import { KMS_KEY_VARIABLES, openStoresOf, readVariables, STORE_VARIABLES } from '../../adapters/environment.ts';
import { type BranchKeyOptions, ensureBranchKey, rotateBranchKey } from '../../adapters/kms/branch-key.ts';
import { systemClock } from '../../adapters/node/clock.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import { answering, type Outcome } from '../custom-resource.ts';
import { logger } from '../log.ts';

const DAY_MS = 86_400_000;
const Environment = z.object({
  ...STORE_VARIABLES,
  ...KMS_KEY_VARIABLES,
  FIXGATE_BRANCH_KEY_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
});
/** Who stands in the audit for what a deployment does by itself. */
const ACTOR = { principal: 'fixgate:deployment' } as const;

type Event = CloudFormationCustomResourceEvent | ScheduledEvent;

export async function handler(event: Event): Promise<void> {
  if (!('RequestType' in event)) {
    logger.info(await rotate(), 'branch key looked at');
    return;
  }
  const physicalId = event.RequestType === 'Create' ? 'fixgate-prepared' : event.PhysicalResourceId;
  // Keys and policy outlive the stack, as the tables do.
  await answering(event, physicalId, async () => {
    if (event.RequestType === 'Delete') return {};
    const outcome = await prepare().catch((error: unknown) => {
      logger.error({ err: error }, 'preparing failed');
      throw error;
    });
    logger.info(outcome, 'prepared');
    return outcome;
  });
}

async function prepare(): Promise<Outcome> {
  const { stores, branchKey } = open();
  const key = await ensureBranchKey(branchKey, systemClock.now());
  const ports = { policy: stores.policy, digests: nodeDigests, random: systemRandom, clock: systemClock };
  const defaults = await ensureDefaults(ports, ACTOR);
  return { branch_key: key.result, defaults };
}

async function rotate() {
  const { branchKey, days } = open();
  return rotateBranchKey(branchKey, days * DAY_MS, systemClock.now());
}

function open() {
  const variables = readVariables(Environment, process.env);
  const { stores, client } = openStoresOf(variables);
  const branchKey: BranchKeyOptions = {
    kms: new KMSClient({ region: variables.AWS_REGION }),
    dynamodb: client,
    tableName: variables.FIXGATE_TABLE_BRANCH_KEYS,
    logicalName: variables.FIXGATE_TABLE_BRANCH_KEYS,
    kmsKeyArn: variables.FIXGATE_ENVELOPE_KEY_ARN,
    branchKeyId: variables.FIXGATE_BRANCH_KEY_ID,
  };
  return { stores, branchKey, days: variables.FIXGATE_BRANCH_KEY_DAYS };
}
