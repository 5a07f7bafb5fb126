/** What one run is made of, and its way down. */
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BASE_PATH } from '../contract/operations.ts';
import type { AdminTarget } from '../local/admin-client.ts';
import { Aws, type Keys, makeUser } from './aws.ts';
import { Cdk, ON_CALL } from './cdk.ts';
import { ACCOUNT, type Emulator, installEmulator, REGION, startEmulator } from './emulator.ts';
import { Report } from './report.ts';

export const STACKS = {
  storage: 'fixgate-dev-storage',
  audit: 'fixgate-dev-audit',
  adminApi: 'fixgate-dev-admin-api',
  edge: 'fixgate-dev-edge',
  monitoring: 'fixgate-dev-monitoring',
};
const ROOT_KEYS: Keys = { accessKeyId: 'test', secretAccessKey: 'test' };

export interface World {
  readonly directory: string;
  readonly emulator: Emulator;
  /** The account's root: makes the first users. */
  readonly root: Aws;
  readonly cdk: Cdk;
  readonly report: Report;
  /** Run in reverse order at the end. */
  readonly atEnd: (() => Promise<void>)[];
}

/** An empty account with a deployer. @throws NoEmulator */
export async function openWorld(dataDir: string, say: (line: string) => void): Promise<World> {
  const directory = join(dataDir, 'deployed');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const report = new Report(say);
  const python = await installEmulator(join(directory, 'install.log'));
  const emulator = await report.step('the emulator starts', () => startEmulator(python, directory));
  const root = new Aws(emulator.endpoint, ROOT_KEYS);
  try {
    const deployer = await makeUser(root, 'deployer', [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
    await makeUser(root, ON_CALL, [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }]);
    const cdk = new Cdk(directory, emulator, deployer, root);
    return { directory, emulator, root, cdk, report, atEnd: [() => emulator.stop()] };
  } catch (error) {
    await emulator.stop();
    throw error;
  }
}

/** Ends everything; what the functions have logged is kept beside the other logs. */
export async function closeWorld(world: World): Promise<void> {
  const { atEnd, directory, report } = world;
  await writeFunctionLogs(world).catch((error: Error) =>
    report.note(`no logs of functions in ${directory}: ${error.message}`),
  );
  for (let end = atEnd.pop(); end !== undefined; end = atEnd.pop()) await end();
}

/** An IAM user who may call these methods of the deployed API; undefined: none. */
export async function makeOperator(
  world: World,
  name: string,
  method: '*' | 'GET' | 'POST' | undefined,
): Promise<AdminTarget> {
  const { root, emulator, cdk } = world;
  const keys = await makeUser(root, name, (await mayInvoke(world, method)).Statement);
  return {
    admin_url: `${emulator.endpoint}/_aws/execute-api/${await cdk.output(STACKS.adminApi, 'ApiId')}/dev${BASE_PATH}`,
    region: REGION,
    service: 'execute-api',
    access_key_id: keys.accessKeyId,
    secret_access_key: keys.secretAccessKey,
  };
}

/** The policy that docs/DEPLOY.md asks for, for these methods; for none one that is about nothing of ours. */
export async function mayInvoke({ cdk }: World, method: '*' | 'GET' | 'POST' | undefined) {
  const api = await cdk.output(STACKS.adminApi, 'ApiId');
  const Resource = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${api}/dev/${method}${BASE_PATH}/*`;
  const Action = method === undefined ? 'sts:GetCallerIdentity' : 'execute-api:Invoke';
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action, Resource: method === undefined ? '*' : Resource }],
  };
}

async function writeFunctionLogs({ root, directory }: World): Promise<void> {
  const call = (operation: string, body: object) => root.json('logs', `Logs_20140328.${operation}`, body);
  const { logGroups } = (await call('DescribeLogGroups', {})) as { logGroups: { logGroupName: string }[] };
  for (const { logGroupName } of logGroups) {
    const { events } = (await call('FilterLogEvents', { logGroupName })) as { events: { message: string }[] };
    if (events.length === 0) continue;
    const lines = events.map(({ message }) => message.trimEnd()).join('\n');
    appendFileSync(join(directory, 'functions.log'), `== ${logGroupName}\n${lines}\n`, { mode: 0o600 });
  }
}
