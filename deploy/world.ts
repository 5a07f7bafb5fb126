/** What one run is made of, and its way down. */
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BASE_PATH } from '../contract/operations.ts';
import type { AdminTarget } from '../local/admin-client.ts';
import { Aws, type Keys, makeUser } from './aws.ts';
import { Cdk } from './cdk.ts';
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

/** An IAM user who may call these methods of the deployed API. */
export async function makeOperator(
  { root, cdk, emulator }: World,
  name: string,
  method: '*' | 'GET',
): Promise<AdminTarget> {
  const api = await cdk.output(STACKS.adminApi, 'ApiId');
  const resource = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${api}/dev/${method}${BASE_PATH}/*`;
  const keys = await makeUser(root, name, [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: resource }]);
  return {
    admin_url: `${emulator.endpoint}/_aws/execute-api/${api}/dev${BASE_PATH}`,
    region: REGION,
    service: 'execute-api',
    access_key_id: keys.accessKeyId,
    secret_access_key: keys.secretAccessKey,
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
