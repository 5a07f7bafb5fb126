/** Stacks as the tests of templates make them. */
import { App } from 'aws-cdk-lib';
import { assemble } from '../../lib/app.ts';

export const IMAGE = { edgeImage: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/fixgate-edge:1' };
export const PRODUCTION = {
  ...IMAGE,
  stage: 'production',
  certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/abc',
  allowedCidrs: '192.0.2.0/24',
};
export const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:fix-tls-AbCdEf';

/** Bundling is a matter of the end-to-end tests; templates do not need it. */
const NO_BUNDLING = { 'aws:cdk:bundling-stacks': [] };

export function makeStacks(outdir: string, context: Record<string, unknown>) {
  const app = new App({ outdir, context: { ...NO_BUNDLING, ...context } });
  return { app, ...assemble(app) };
}
