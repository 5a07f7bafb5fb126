/** What the deployed functions do that nobody asks them for over the API, in all the ways that have occasions. */
import { match, strictEqual } from 'node:assert';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FixClient } from '../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import type { Account } from './access.ts';
import { client, eventually, expecting, outcome, type Stage } from './story.ts';
import type { World } from './world.ts';

/** Its lease ends first, and somebody watches for its heartbeat in vain. */
const BACK_WITHIN_MS = 30_000;

const physical = ({ physical: all }: Account, name: string): string => {
  const found = all.get(name);
  if (found === undefined) throw new Error(`nothing was deployed as ${name}`);
  return found;
};

/** Calls a function as CloudFormation does, and takes the answer that it puts to the address it is given. */
async function customResource(
  { root }: World,
  name: string,
  RequestType: 'Create' | 'Update' | 'Delete',
): Promise<Readonly<Record<string, unknown>>> {
  let answer = '';
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    request.once('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const ids = { StackId: 'arn:aws:cloudformation:deploy:local', RequestId: 'one', LogicalResourceId: 'Resource' };
    await root.invoke(name, {
      RequestType,
      ...ids,
      PhysicalResourceId: 'by-hand',
      ResponseURL: `http://127.0.0.1:${port}/answer`,
      ResourceProperties: {},
    });
    const { Status, Reason, Data } = JSON.parse(answer);
    strictEqual(Status, 'SUCCESS', Reason);
    return Data;
  } finally {
    server.close();
  }
}

export async function tryBackground(world: World, account: Account, stage: Stage): Promise<void> {
  const { report } = world;
  await report.step('deploying again finds branch key and policy; the daily look finds the key young', async () => {
    const name = physical(account, 'PreparationFunction');
    const { branch_key, defaults } = await customResource(world, name, 'Update');
    strictEqual(`${branch_key} ${defaults}`, 'present present');
    await world.root.invoke(name, { source: 'aws.events' });
  });
  await report.step('the canary’s credential: kept, given anew when it is lost, taken and given again', () =>
    canaryUser(world, account, stage),
  );
}

async function canaryUser(world: World, account: Account, { fix }: Stage): Promise<void> {
  const { root } = world;
  const name = physical(account, 'CanaryUser');
  const SecretId = physical(account, 'CanarySecret');
  const secret = (operation: string, more: object) =>
    root.json('secretsmanager', `secretsmanager.${operation}`, { SecretId, ...more });
  const ensured = async (type: 'Create' | 'Update') => (await customResource(world, name, type)).credential;
  strictEqual(await ensured('Update'), 'present');
  await secret('PutSecretValue', { SecretString: 'lost' });
  strictEqual(await ensured('Update'), 'issued');
  const credential = JSON.parse((await secret('GetSecretValue', {})).SecretString) as Credentials;
  const live = new FixClient({ ...fix, sender: credential.sender_comp_id, target: credential.target_comp_id });
  try {
    strictEqual((await live.logon(credential.password, [[141, 'Y']])).type, 'A');
    strictEqual((await customResource(world, name, 'Delete')).credential, 'revoked');
    await live.next(({ type }) => type === '5');
    await live.closed();
  } finally {
    live.destroy();
  }
  strictEqual((await customResource(world, name, 'Delete')).credential, 'absent');
  await secret('PutSecretValue', { SecretString: 'lost' });
  strictEqual(await ensured('Create'), 'issued');
}

/** An edge that is killed comes back under its name and frees its sessions' places; one that is drained ends by itself. */
export async function tryEdgeEnds(stage: Stage, pid: () => number): Promise<void> {
  const { report, admin, user } = stage;
  const owner = { user_id: user, rate_limit_tier: 'basic', ...ELIGIBLE };
  const credentials = (await expecting(201, admin.post('provision', owner))).credentials as Credentials;
  const one = () => client(stage, credentials);
  const logon = async (live: FixClient): Promise<void> =>
    strictEqual((await live.logon(credentials.password, [[141, 'Y']])).type, 'A');
  const [lost, told] = [one(), one()];
  try {
    await report.step('an edge that is killed comes back, and frees the places of its sessions', async () => {
      await logon(lost);
      const before = pid();
      process.kill(before, 'SIGKILL');
      await lost.closed();
      const back = async (): Promise<boolean> => pid() !== before && (await outcome(stage, credentials)) === 'A';
      // Until it is back nobody listens.
      await eventually(() => back().catch(() => false), 'a Logon at the edge that is back', BACK_WITHIN_MS);
    });
    await report.step('an edge that is drained tells its clients and ends', async () => {
      await logon(told);
      const { edges } = await expecting(200, admin.get('edges'));
      const alive = (edges as { edge_id: string; state: string }[]).find(({ state }) => state === 'alive');
      const before = pid();
      await expecting(200, admin.post('edges/drain', { edge_id: alive?.edge_id, reason: 'deploy:local' }));
      match((await told.next(({ type }) => type === '5')).get(58) ?? '', /./);
      await told.closed();
      await eventually(async () => pid() !== before, 'another process in its place', BACK_WITHIN_MS);
    });
  } finally {
    lost.destroy();
    told.destroy();
  }
}
