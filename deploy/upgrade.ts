/**
 * What a deployment of the release before held is there after the upgrade: its stacks are deployed by its own app, filled through
 * its own API and edge, and then deployed over by this one.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { AdminClient, type AdminTarget } from '../local/admin-client.ts';
import { type ClientProof, FixClient } from '../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import { archiveOf, keysOf } from './archive.ts';
import { REGION } from './emulator.ts';
import { edgeOf, unpackReleaseBefore } from './release-before.ts';
import { type AnyTemplate, lost, type Stateful, statefulOf } from './stateful.ts';
import { PLAIN, startVariant } from './variants.ts';
import { closeWorld, makeOperator, openWorld, STACKS, type World } from './world.ts';

const TABLES = tableNames('fixgate-dev');
/** Tables whose rows stay as they are while nobody does anything. */
const KEPT = [TABLES.credentials, TABLES.policy, TABLES.audit, 'fixgate-dev-branch-keys'];
const USERS = ['before-password', 'before-hmac', 'before-suspended'] as const;
const RULE = 'before-rule';
const KNOWN = join(import.meta.dirname, 'release-before.json');
const ARCHIVED_WITHIN_MS = 30_000;

type Issued = Credentials & { readonly secret?: string };
type Rows = ReadonlyMap<string, string>;

interface Before {
  readonly operator: AdminTarget;
  readonly stateful: Readonly<Record<string, Readonly<Record<string, Stateful>>>>;
  /** Physical ids by stack and logical id. */
  readonly physical: Readonly<Record<string, string>>;
  readonly rows: readonly Rows[];
  readonly archived: readonly string[];
  readonly issued: ReadonlyMap<string, Issued>;
  /** What its API said of each user, and of the rules. */
  readonly shown: readonly unknown[];
  readonly audit: readonly unknown[];
}

/** In an account of its own. @param assembly of this release, which is deployed over the one before */
export async function tryUpgrade({ report }: World, assembly: string, dataDir: string): Promise<void> {
  const folder = join(dataDir, 'upgrade');
  const tree = unpackReleaseBefore(folder);
  if (tree === undefined) {
    report.note('not tried: an upgrade from the release before, which is not in the history of this copy');
    return;
  }
  const world = { ...(await openWorld(folder, () => {})), report };
  try {
    const before = await deployBefore(world, tree);
    await report.step('cdk deploy of this release over it', () => world.cdk.deploy(assembly));
    await keptByUpgrade(world, before, assembly);
    await servedAfterUpgrade(world, before);
  } finally {
    await closeWorld(world);
  }
}

async function deployBefore(world: World, tree: string): Promise<Before> {
  const { report, cdk } = world;
  const made = await report.step('cdk deploy of the release before, by its own app, in another account', async () => {
    await cdk.bootstrap();
    const assembly = await cdk.synth('asm-before', await PLAIN.context(world), tree);
    await cdk.deploy(assembly);
    return assembly;
  });
  const operator = await makeOperator(world, 'operator', '*');
  const issued = await report.step('its API, its edge and its clients fill it', () => fill(world, operator, tree));
  const admin = new AdminClient(operator);
  const stateful = statefulIn(made);
  // test/deploy/stateful.test.ts holds the templates of this release to what stands there.
  deepStrictEqual(JSON.parse(JSON.stringify(stateful)), JSON.parse(readFileSync(KNOWN, 'utf8')));
  return {
    operator,
    stateful,
    physical: await physicalIds(world, stateful),
    rows: await Promise.all(KEPT.map((name) => rowsOf(world, name))),
    archived: await archivedAll(world),
    issued,
    shown: await shown(admin),
    audit: await trail(admin),
  };
}

async function fill(world: World, operator: AdminTarget, tree: string): Promise<ReadonlyMap<string, Issued>> {
  const admin = new AdminClient(operator);
  const done = async (status: number, path: string, body: object) => {
    const reply = await admin.post(path, body);
    strictEqual(reply.status, status, `${path}: ${JSON.stringify(reply.body).slice(0, 300)}`);
    return reply.body;
  };
  const issued = new Map<string, Issued>();
  for (const user_id of USERS) {
    const proof = user_id === 'before-hmac' ? { proof: { type: 'hmac_sha256' } } : {};
    const made = await done(201, 'provision', { user_id, rate_limit_tier: 'basic', ...ELIGIBLE, ...proof });
    issued.set(user_id, made.credentials);
  }
  await done(200, 'suspend', { user_id: 'before-suspended', reason: 'under review' });
  await done(200, 'rate-limits/update', { user_id: 'before-hmac', tier: 'standard' });
  const expression = 'user.account_balance > 1.0';
  await done(200, 'rules/add', { id: RULE, name: 'Before', type: 'custom', expression, message: 'No.' });
  await done(200, 'rules/override', { user_id: USERS[0], rule_id: RULE, exempt: true, reason: 'known' });
  const startTask = await edgeOf(tree);
  const { cdk, root, emulator, directory } = world;
  const task = await startTask(root, emulator, await cdk.output(STACKS.edge, 'EdgeTask'), directory);
  try {
    await logonAll(issued, task.ready.fix_port);
  } finally {
    await task.stop();
  }
  return issued;
}

async function logonAll(issued: ReadonlyMap<string, Issued>, port: number): Promise<void> {
  for (const user of USERS)
    strictEqual(await logon(issued.get(user), port), user === 'before-suspended' ? '5' : 'A', user);
}

/** @returns the type of the answer */
async function logon(issued: Issued | undefined, port: number): Promise<string> {
  if (issued === undefined) throw new Error('nothing was issued');
  const { sender_comp_id: sender, target_comp_id: target, password, secret } = issued;
  const proof: ClientProof = secret === undefined ? { type: 'password', password } : { type: 'hmac_sha256', secret };
  const client = new FixClient({ host: '127.0.0.1', port, sender, target });
  try {
    const { type } = await client.logon(proof, [[141, 'Y']]);
    if (type === 'A') await client.logout();
    else await client.closed();
    return type;
  } finally {
    client.destroy();
  }
}

/** Nothing was replaced, and nothing is gone or different. @param assembly that was deployed over it */
async function keptByUpgrade(world: World, before: Before, assembly: string): Promise<void> {
  const { report } = world;
  await report.step('the upgrade has replaced no table, key, bucket or secret of the release before', async () => {
    const now = statefulIn(assembly);
    const problems = Object.keys(before.stateful).flatMap((stack) =>
      lost(before.stateful[stack] ?? {}, now[stack] ?? {}),
    );
    deepStrictEqual(problems, []);
    deepStrictEqual(await physicalIds(world, before.stateful), before.physical);
  });
  await report.step('and has kept every row and every object of it', async () => {
    for (const [i, name] of KEPT.entries()) {
      const rows = await rowsOf(world, name);
      for (const [key, row] of before.rows[i] as Rows) strictEqual(rows.get(key), row, `${name}: ${key}`);
    }
    const archived = new Set(await keysOf(await archiveOf(world), ''));
    deepStrictEqual(
      before.archived.filter((key) => !archived.has(key)),
      [],
    );
  });
}

/** The new release knows its clients, its rules and its trail. */
async function servedAfterUpgrade(world: World, { operator, issued, ...before }: Before): Promise<void> {
  const admin = new AdminClient(operator);
  await world.report.step(
    'the API shows users, rules and audit of the release before; its clients log on',
    async () => {
      contains(await shown(admin), before.shown, 'shown');
      contains(await trail(admin), before.audit, 'audit');
      const running = await startVariant(world, PLAIN);
      try {
        await logonAll(issued, running.task.ready.fix_port);
      } finally {
        await running.stop();
      }
    },
  );
}

async function shown(admin: AdminClient): Promise<readonly unknown[]> {
  const users = await Promise.all(USERS.map((user_id) => admin.get('credentials/user', { user_id })));
  const rules = await admin.get('rules');
  for (const { status, body } of [...users, rules]) strictEqual(status, 200, JSON.stringify(body));
  return [...users.map(({ body }) => ({ user: body.user, credentials: body.credentials })), rules.body.rules];
}

/** Of the users, oldest first: what comes later stands behind. */
async function trail(admin: AdminClient): Promise<readonly unknown[]> {
  const replies = await Promise.all(USERS.map((user_id) => admin.get('audit', { user_id, limit: 1000 })));
  return replies.map(({ body }) => body.records.toReversed());
}

/** Everything that was said before is said now; there may be more. */
function contains(now: unknown, before: unknown, where: string): void {
  if (typeof before !== 'object' || before === null) {
    strictEqual(now, before, where);
    return;
  }
  ok(typeof now === 'object' && now !== null, where);
  // A logon since is told.
  for (const [name, value] of Object.entries(before))
    if (!/^last_/.test(name)) contains((now as Record<string, unknown>)[name], value, `${where}.${name}`);
}

function statefulIn(assembly: string): Record<string, Readonly<Record<string, Stateful>>> {
  const read = (stack: string) =>
    JSON.parse(readFileSync(join(assembly, `${stack}.template.json`), 'utf8')) as AnyTemplate;
  return Object.fromEntries(Object.values(STACKS).map((stack) => [stack, statefulOf(read(stack))]));
}

async function physicalIds({ root }: World, stateful: Before['stateful']): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const [StackName, resources] of Object.entries(stateful)) {
    const xml = await root.query('cloudformation', '2010-05-15', 'DescribeStackResources', { StackName });
    for (const member of xml.split('<member>')) {
      const [, logical = ''] = /<LogicalResourceId>([^<]+)</.exec(member) ?? [];
      const [, physical = ''] = /<PhysicalResourceId>([^<]+)</.exec(member) ?? [];
      if (logical in resources) found[`${StackName}/${logical}`] = physical;
    }
  }
  const wanted = Object.values(stateful).reduce((sum, one) => sum + Object.keys(one).length, 0);
  strictEqual(Object.keys(found).length, wanted, 'not every resource was made');
  return found;
}

async function rowsOf({ emulator }: World, TableName: string): Promise<Rows> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ region: REGION, endpoint: emulator.endpoint, credentials });
  const { Items = [] } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
  client.destroy();
  const rows = Items.map((item) => unmarshall(item)).map((row): [string, string] => [
    `${row.pk ?? row['branch-key-id']} ${row.sk ?? row.type}`,
    // Sets and bytes too.
    JSON.stringify(row, (_name, value) => (value instanceof Set ? [...value] : value)),
  ]);
  // What checkpoints and days note beside the chains goes on by itself.
  return new Map(rows.filter(([key]) => !key.startsWith('~')));
}

/** Once the archive has a record for each of the trail. */
async function archivedAll(world: World): Promise<readonly string[]> {
  const records = (await rowsOf(world, TABLES.audit)).size;
  for (const from = performance.now(); ; await sleep(250)) {
    const keys = await keysOf(await archiveOf(world), '');
    if (keys.filter((key) => key.startsWith('records/')).length >= records) return keys;
    if (performance.now() - from > ARCHIVED_WITHIN_MS) throw new Error(`${keys.length} of ${records} in the archive`);
  }
}
