/** In bundles this stands for `@aws-sdk/credential-provider-node`: a function's keys are in its environment, and nowhere else. */
import { fromEnv } from '@aws-sdk/credential-provider-env';

export const defaultProvider = () => fromEnv();
