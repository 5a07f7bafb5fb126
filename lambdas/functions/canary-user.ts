/** At each deployment: the canary has a credential, whose password nobody but a secret knows; revoked when the stack goes. */
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { CloudFormationCustomResourceEvent } from 'aws-lambda';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { FixgateError } from '../../core/errors.ts';
import { provision } from '../../core/provisioning.ts';
import { answering, type Outcome } from '../custom-resource.ts';
import { wiredServices } from '../keyed.ts';
import { logger } from '../log.ts';
import type { Services } from '../services.ts';

const USER = process.env.FIXGATE_CANARY_USER ?? 'fixgate-canary';
const CONTEXT = { actor: { principal: 'fixgate:deployment' }, reason: 'the canary of the monitoring stack' } as const;
const NO_FACTS = { account_balance: 0, trading_volume: 0, account_age_days: 0, kyc_level: 0 } as const;

export async function handler(event: CloudFormationCustomResourceEvent): Promise<void> {
  await answering(event, USER, async () => {
    const outcome = await (event.RequestType === 'Delete' ? remove() : ensure()).catch((error: unknown) => {
      logger.error({ err: error }, 'the canary has no credential');
      throw error;
    });
    logger.info(outcome, 'canary’s credential');
    return outcome;
  });
}

async function ensure(): Promise<Outcome> {
  const SecretId = process.env.FIXGATE_CANARY_SECRET_ARN ?? '';
  const secrets = new SecretsManagerClient({});
  const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  if (SecretString.includes('sender_comp_id')) return { credential: 'present' };
  const issued = await issue(await wiredServices());
  if (!('password' in issued)) throw new Error('the canary logs on with a password');
  const { sender_comp_id, target_comp_id, password } = issued;
  const next = JSON.stringify({ sender_comp_id, target_comp_id, password: password.reveal() });
  await secrets.send(new PutSecretValueCommand({ SecretId, SecretString: next }));
  return { credential: 'issued' };
}

/** A new one, or a new password for the one that an earlier deployment made. */
async function issue(services: Services) {
  try {
    const made = await provision(services, CONTEXT, {
      user_id: USER,
      rate_limit_tier: 'basic',
      facts: NO_FACTS,
      allowed_ips: [],
      additional_credential: false,
      bypass: { reason: CONTEXT.reason },
    });
    return made.issued;
  } catch (error) {
    if (!(error instanceof FixgateError) || error.code !== 'already_provisioned') throw error;
    const renewed = await regeneratePassword(services, CONTEXT, { user_id: USER }, 0);
    return renewed.issued;
  }
}

async function remove(): Promise<Outcome> {
  try {
    await changeStatus(await wiredServices(), CONTEXT, 'revoke', { user_id: USER });
    return { credential: 'revoked' };
  } catch (error) {
    const gone = error instanceof FixgateError && ['user_not_found', 'wrong_status'].includes(error.code);
    if (!gone) throw error;
    return { credential: 'absent' };
  }
}
