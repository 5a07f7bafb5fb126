/** Services with keys: of what issues credentials, and of the local gateway. */
import { secretBoxOf, vaultOf } from '../adapters/environment.ts';
import type { Log, Services } from './services.ts';
import { type OpenKeys, openServicesWith, servicesOf } from './wiring.ts';

const keys: OpenKeys = (environment, client) => ({
  box: secretBoxOf(environment, environment.AWS_REGION, client),
  vault: vaultOf(environment, environment.AWS_REGION),
});

/** @throws EnvironmentError */
export const openServices = (env: NodeJS.ProcessEnv, log?: Log): Promise<Services> => openServicesWith(keys, env, log);

/** The services of this process. */
export const wiredServices = servicesOf(keys);
