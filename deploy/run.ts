/** `npm run deploy:local`, from an empty account to what must stay when the stacks are gone. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import type { AdminTarget } from '../local/admin-client.ts';
import { type LocalJson, writeAddresses } from '../local/data-dir.ts';
import { ROOT } from '../local/product.ts';
import { readAccount } from './access.ts';
import { archiveOf, keysOf, tryArchive } from './archive.ts';
import { tryBackground, tryEdgeEnds } from './background.ts';
import { tryBundles } from './bundles.ts';
import { tryDoors } from './doors.ts';
import { playWorstDay } from './drills/worst-day.ts';
import { cleanEnvironment, NoEmulator, REGION } from './emulator.ts';
import { playOperations, unanswered } from './operations.ts';
import type { Options } from './options.ts';
import { run } from './process.ts';
import { tryReplacement } from './replaced.ts';
import { Rights } from './rights.ts';
import { tryUpgrade } from './upgrade.ts';
import { BEHIND_BALANCER, deployVariant, PLAIN, type Running, stageOf, startVariant, tryVariant } from './variants.ts';
import { closeWorld, makeOperator, openWorld, STACKS, type World } from './world.ts';

/** Nothing was tried. */
export const EXIT_NO_EMULATOR = 3;
const TABLES = tableNames('fixgate-dev');
const KEPT = [TABLES.credentials, TABLES.policy, TABLES.audit, TABLES.journal, 'fixgate-dev-branch-keys'];

/** @param stop resolves with the reason when the run is to end @returns the exit code */
export async function deployLocal(
  options: Options,
  say: (line: string) => void,
  stop: Promise<string>,
): Promise<number> {
  const addresses = join(options.dataDir, 'deployed.json');
  // Of a run that was killed.
  rmSync(addresses, { force: true });
  let world: World;
  try {
    world = await openWorld(options.dataDir, say);
  } catch (error) {
    if (!(error instanceof NoEmulator)) throw error;
    say(`skipped: ${error.message}`);
    return EXIT_NO_EMULATOR;
  }
  const { report } = world;
  const interrupted = stop.then((why) => {
    throw new Error(why);
  });
  interrupted.catch(() => {});
  try {
    await Promise.race([everything(world, options, addresses, say), interrupted]);
    if (options.keep) say(`\nfixgate stops: ${await stop}`);
  } catch (error) {
    say(`stopped: ${(error as Error).message.split('\n')[0]}; logs are in ${world.directory}`);
    if (report.failed === 0) report.failed = 1;
  } finally {
    rmSync(addresses, { force: true });
    await closeWorld(world);
  }
  say(`${report.passed} passed, ${report.failed} failed`);
  return report.failed === 0 ? 0 : 1;
}

async function everything(
  world: World,
  options: Options,
  addresses: string,
  say: (line: string) => void,
): Promise<void> {
  const { report, cdk } = world;
  await report.step('the doctor finds that the region is not bootstrapped', async () => {
    await rejects(doctor(world), /MISSING the region is not bootstrapped\n +-> npx cdk bootstrap/);
  });
  await report.step('cdk bootstrap', () => cdk.bootstrap());
  await report.step('the doctor finds nothing missing then', async () => {
    match(await doctor(world), /^ok +bootstrap version \d+$/m);
  });
  await deployVariant(world, BEHIND_BALANCER);
  const rights = new Rights(world);
  await rights.note(await readAccount(world));
  const answered = new Set<string>();
  const operator = await makeOperator(world, 'operator', '*');
  const reader = await makeOperator(world, 'reader', 'GET');
  await tryDoors(report, operator, reader);
  const behind = await report.step('the edge starts with the environment of its task', () =>
    startVariant(world, BEHIND_BALANCER),
  );
  await tryVariant(world, BEHIND_BALANCER, behind, operator, answered);
  await tryEdgeEnds(stageOf(world, BEHIND_BALANCER, behind, operator, 'ends', answered), () => behind.task.pid);
  await behind.stop();
  const assembly = await deployVariant(world, PLAIN);
  await tryBundles(world, assembly);
  const first = await report.step('the edge starts with the environment of its task', () => startVariant(world, PLAIN));
  strictEqual(first.task.definition.FIXGATE_PROXY_PROTOCOL, 'off');
  await tryVariant(world, PLAIN, first, operator, answered);
  const plain = await tryReplacement(world, PLAIN, first, operator);
  const account = await readAccount(world);
  await rights.note(account);
  const stage = stageOf(world, PLAIN, plain, operator, 'operations', answered);
  await playOperations(stage);
  await tryBackground(world, account, stage);
  await report.step('no operation of the contract was left out', async () => deepStrictEqual(unanswered(answered), []));
  const last = await playWorstDay(world, operator, plain);
  await changesNothing(world, assembly);
  await tryArchive(world, { ...last.task.definition, ...awsEnvironment(world) });
  await rights.prove(account);
  await tryUpgrade(world, assembly, options.dataDir);
  if (options.keep) {
    writeAddresses(addresses, describe(world, options, operator, last));
    say(`\naddresses and keys: ${addresses}\n${report.passed} passed, ${report.failed} failed\nfixgate deployed`);
    return;
  }
  await last.stop();
  await destroyed(world, assembly);
}

/** `npm run doctor` as a deployer calls it. Rejects, with what it said, when something is missing. */
const doctor = (world: World): Promise<string> =>
  run(process.execPath, [join(ROOT, 'scripts', 'doctor.ts'), '-c', `edgeImage=${IMAGE}`], {
    env: awsEnvironment(world),
    cwd: ROOT,
    timeoutMs: 60_000,
    log: join(world.directory, 'doctor.log'),
  });
/** Anywhere but in ECR, where the doctor would look for it. */
const IMAGE = 'registry.example/fixgate-edge:1';

async function changesNothing({ report, cdk }: World, assembly: string): Promise<void> {
  await report.step('cdk diff finds no difference, and cdk deploy again changes nothing', async () => {
    await cdk.nothingDiffers(assembly);
    const said = await cdk.deploy(assembly);
    for (const stack of Object.values(STACKS)) match(said, new RegExp(`${stack} \\(no changes\\)`));
  });
}

const awsEnvironment = ({ directory, emulator }: Pick<World, 'directory' | 'emulator'>): NodeJS.ProcessEnv => ({
  ...cleanEnvironment(directory),
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL: emulator.endpoint,
  NODE_EXTRA_CA_CERTS: emulator.caFile,
});

/** What holds data outlives its stack; what does not is gone. */
async function destroyed(world: World, assembly: string): Promise<void> {
  const { report, cdk, emulator, root } = world;
  await report.step('cdk destroy leaves tables, keys and archive with all that is in them', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const dynamodb = new DynamoDBClient({ region: REGION, endpoint: emulator.endpoint, credentials });
    const count = async (TableName: string): Promise<number> =>
      (await dynamodb.send(new ScanCommand({ TableName, Select: 'COUNT' }))).Count ?? 0;
    const before = await Promise.all(KEPT.map(count));
    ok(
      before.every((rows) => rows > 0),
      `rows before: ${before}`,
    );
    const archive = await archiveOf(world);
    const archived = (await keysOf(archive, '')).length;
    const keys = await Promise.all(['EnvelopeKeyArn', 'AuditKeyArn'].map((name) => cdk.output(STACKS.storage, name)));
    await cdk.destroy(assembly);
    for (const stack of Object.values(STACKS)) strictEqual(await cdk.exists(stack), false, `${stack} is still there`);
    // The stack that goes revokes the canary: that is on record.
    const after = await Promise.all(KEPT.map(count));
    ok(
      after.every((rows, i) => rows >= (before[i] ?? 0)),
      `rows before: ${before}; after: ${after}`,
    );
    ok(archived > 0 && (await keysOf(archive, '')).length >= archived, 'the archive has lost something');
    for (const KeyId of keys) {
      const { KeyMetadata } = await root.json('kms', 'TrentService.DescribeKey', { KeyId });
      strictEqual(KeyMetadata.KeyState, 'Enabled');
    }
    await count(TABLES.sessions).then(
      () => ok(false, 'the table of live sessions is still there'),
      (error: Error) => strictEqual(error.name, 'ResourceNotFoundException'),
    );
    dynamodb.destroy();
  });
}

function describe(world: World, options: Options, operator: AdminTarget, { task, balancer }: Running): LocalJson {
  return {
    ...operator,
    fix_host: '127.0.0.1',
    fix_port: balancer.port,
    metrics_url: `http://127.0.0.1:${task.ready.metrics_port}/metrics`,
    data_dir: options.dataDir,
    pid: process.pid,
    dynamodb_endpoint: world.emulator.endpoint,
    ca_file: world.emulator.caFile,
  };
}
