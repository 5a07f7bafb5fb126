// npm run localstack [-- up | down]: the app deployed into LocalStack. Exit code 0: done; 1: a step failed; 2: something is missing.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  environmentFor,
  type LocalStackOptions,
  lacking,
  runSteps,
  STEPS_DOWN,
  stepsUp,
} from '../deploy/localstack.ts';

const env = environmentFor(process.env);

function stopUnlessComplete(): void {
  const lacks = lacking(env);
  if (lacks.length === 0) return;
  for (const { what, todo } of lacks) process.stderr.write(`MISSING ${what}\n        -> ${todo}\n`);
  process.exit(2);
}

async function run(steps: readonly (readonly string[])[]): Promise<void> {
  try {
    await runSteps(steps, env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

const program = new Command('npm run localstack --').description(
  'Deploys into LocalStack by cdklocal. Needs Docker with compose, LOCALSTACK_AUTH_TOKEN and cdklocal.',
);
program
  .command('up', { isDefault: true })
  .description('starts LocalStack on 127.0.0.1:4566 and deploys')
  .option('--edge-image <image>', 'of the edge, on this Docker; built from the Dockerfile without')
  .option('-c, --context <name=value...>', 'as for cdk', (pair: string, all: string[]) => [...all, pair], [])
  .action(async (options: LocalStackOptions) => {
    stopUnlessComplete();
    const directory = mkdtempSync(join(tmpdir(), 'fixgate-localstack-'));
    try {
      await run(stepsUp(options, join(directory, 'cdk.out')));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
program
  .command('down')
  .description('stops it; what it held is gone')
  .action(async () => {
    stopUnlessComplete();
    await run(STEPS_DOWN);
  });
await program.parseAsync();
