// npm run doctor -- -c stage=production …: reads the account and says what a deployment with these options would lack.
// Exit code 0: nothing is missing; 1: something is; 2: it could not be asked.

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import { Aws } from '../deploy/aws.ts';
import { examine } from '../deploy/doctor.ts';

const { context: pairs } = new Command('doctor')
  .description('Reads the account, changes nothing, and says what a deployment would lack.')
  .option('-c, --context <name=value...>', 'as for cdk', (pair: string, all: string[]) => [...all, pair], [])
  .parse()
  .opts<{ context: string[] }>();

const region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
if (region === undefined) {
  process.stderr.write('MISSING no region\n        -> set AWS_REGION, to eu-west-1 for example\n');
  process.exit(1);
}
const found = await new DynamoDBClient({ region }).config.credentials().catch((error: Error) => error);
if (found instanceof Error) {
  process.stderr.write(
    `MISSING no keys of AWS: ${found.message}\n        -> sign in: aws sso login, or set AWS_PROFILE\n`,
  );
  process.exit(1);
}
try {
  const { sessionToken, ...keys } = found;
  const aws = new Aws(
    process.env.AWS_ENDPOINT_URL,
    sessionToken === undefined ? keys : { ...keys, sessionToken },
    region,
  );
  const given = Object.fromEntries(pairs.map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)]));
  const findings = await examine(aws, given, Date.now());
  for (const finding of findings) {
    const label = { ok: 'ok     ', warn: 'look at', missing: 'MISSING' }[finding.state];
    process.stdout.write(`${label} ${finding.says}\n`);
    if (finding.state === 'missing') process.stdout.write(`        -> ${finding.todo}\n`);
  }
  process.exitCode = findings.some(({ state }) => state === 'missing') ? 1 : 0;
} catch (error) {
  process.stderr.write(`the account could not be looked at: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
