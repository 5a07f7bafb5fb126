/**
 * `npm run localstack`: the same app deployed by cdklocal into LocalStack, for who has Docker and a token of LocalStack's. What
 * it needs is looked for before anything is started.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../local/product.ts';

export const COMPOSE_FILE = join(import.meta.dirname, 'localstack', 'compose.yaml');
/** Of the wrapper around the CDK's CLI that was looked at; the CLI itself is this project's. */
export const CDKLOCAL = 'aws-cdk-local@3.0.4';
const REGION = 'us-east-1';
const ACCOUNT = '000000000000';
const LOOK_WITHIN_MS = 30_000;

export interface LocalStackOptions {
  /** Of the edge, on this machine's Docker; undefined: it is built. */
  readonly edgeImage?: string | undefined;
  /** `-c name=value` for the CDK. */
  readonly context: readonly string[];
}

export interface Lack {
  readonly what: string;
  readonly todo: string;
}

const BUILT_IMAGE = 'fixgate-edge:localstack';

/** Whether a program ends well. */
function works(env: NodeJS.ProcessEnv, program: string, ...args: readonly string[]): boolean {
  const { status } = spawnSync(program, args, { env, cwd: ROOT, stdio: 'ignore', timeout: LOOK_WITHIN_MS });
  return status === 0;
}

/** What is missing, and how to get it; all of it at once. */
export function lacking(env: NodeJS.ProcessEnv): readonly Lack[] {
  const lacks: Lack[] = [];
  if (!works(env, 'docker', '--version'))
    lacks.push({ what: 'there is no docker', todo: 'install Docker Engine or Docker Desktop' });
  else {
    if (!works(env, 'docker', 'info'))
      lacks.push({ what: 'the Docker engine does not answer', todo: 'start it, and see that `docker info` works' });
    if (!works(env, 'docker', 'compose', 'version'))
      lacks.push({
        what: 'docker has no compose',
        todo: 'install the plugin docker-compose-plugin, version 2 or newer',
      });
  }
  if (!env.LOCALSTACK_AUTH_TOKEN)
    lacks.push({
      what: 'LOCALSTACK_AUTH_TOKEN is not set',
      todo: 'LocalStack starts with a token only: get one at https://app.localstack.cloud',
    });
  if (!works(env, 'cdklocal', '--version'))
    lacks.push({ what: 'there is no cdklocal', todo: `npm install --no-save ${CDKLOCAL}` });
  return lacks;
}

/**
 * This project's programs first. Of AWS nothing: cdklocal finds LocalStack where it is by default, under
 * localhost.localstack.cloud, and nobody's own keys or endpoints are meant.
 */
export function environmentFor(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...Object.fromEntries(others),
    PATH: `${join(ROOT, 'node_modules', '.bin')}:${env.PATH ?? ''}`,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  };
}

/** Its commands, in order. @param assembly directory for the synthesized app: bootstrapping would overwrite that of another */
export function stepsUp({ edgeImage, context }: LocalStackOptions, assembly: string): readonly (readonly string[])[] {
  const image = edgeImage ?? BUILT_IMAGE;
  const options = ['emulator=true', `edgeImage=${image}`, ...context].flatMap((pair) => ['-c', pair]);
  return [
    ['docker', 'compose', '--file', COMPOSE_FILE, 'up', '--detach', '--wait'],
    ...(edgeImage === undefined ? [['docker', 'build', '--tag', BUILT_IMAGE, ROOT]] : []),
    ['cdklocal', 'synth', '--quiet', '--output', assembly, ...options],
    ['cdklocal', 'bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', assembly],
    ['cdklocal', 'deploy', '--all', '--require-approval', 'never', '--app', assembly],
  ];
}

export const STEPS_DOWN: readonly (readonly string[])[] = [
  ['docker', 'compose', '--file', COMPOSE_FILE, 'down', '--volumes'],
];

/** Runs commands one after the other, their words being ours. @throws Error naming the first that does not end well */
export async function runSteps(steps: readonly (readonly string[])[], env: NodeJS.ProcessEnv): Promise<void> {
  for (const [program = '', ...args] of steps) {
    const child = spawn(program, args, { env, cwd: ROOT, stdio: 'inherit' });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code !== 0) throw new Error(`${program} ${args.slice(0, 3).join(' ')} … ended with ${code}`);
  }
}
