/** The CDK app: reads the context, makes the stacks. `npx cdk synth -c stage=dev` */
import { App } from 'aws-cdk-lib';
import { assemble } from '../lib/app.ts';
import { ContextError } from '../lib/context.ts';

try {
  assemble(new App());
} catch (error) {
  if (!(error instanceof ContextError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
