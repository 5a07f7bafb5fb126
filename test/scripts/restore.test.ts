// `npm run restore` as an operator runs it after tables were restored to a moment.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchWriteItemCommand, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';
import { createCheckpointStore } from '../../adapters/dynamodb/checkpoints.ts';
import { Database } from '../../adapters/dynamodb/database.ts';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { folderOf } from '../../adapters/s3/archive.ts';
import type { AdminPorts } from '../../core/admin.ts';
import { makeCheckpoint } from '../../core/audit/checkpointer.ts';
import type { AuditRecord } from '../../core/audit/model.ts';
import { recordsOf } from '../../core/audit/walk.ts';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { lock } from '../../core/locks/locks.ts';
import { BEYOND } from '../../core/restore/reconcile.ts';
import { createMemoryCheckpointArchive } from '../support/checkpoints.ts';
import { run } from '../support/stores.ts';
import { ADMIN, adminPorts, client } from './admin-world.ts';
import { overTables } from './tool.ts';

const MOMENT = '2026-11-25T08:00:00Z';
let ports: AdminPorts;

const over = overTables(async (each) => {
  rmSync(archive, { recursive: true, force: true });
  mkdirSync(archive);
  ports = await adminPorts(each);
});
const archive = join(over.folder, 'archive');

const restore = (...args: readonly string[]) => over.run('restore', ...args);
const reconcile = (...more: readonly string[]) =>
  restore('reconcile', '--archive', archive, '--moment', MOMENT, '--reason', 'drill', ...more);
const verify = () => over.run('audit-verify');

/** What stands for a restored table: AWS makes one of another name. */
async function copied(names: readonly (keyof TableNames)[]): Promise<TableNames> {
  const copy = await over.store.tables();
  for (const name of names) await copyRows(over.store.client, over.tables[name], copy[name]);
  return copy;
}

async function copyRows(dynamodb: DynamoDBClient, from: string, to: string): Promise<void> {
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: from, ConsistentRead: true }));
  for (let at = 0; at < Items.length; at += 25) {
    const requests = Items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } }));
    await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [to]: requests } }));
  }
}

/** As the stream would have put them. */
async function archived(): Promise<void> {
  for await (const chain of ports.trail.chains())
    for await (const record of recordsOf(ports.trail, chain)) {
      const directory = join(archive, folderOf(chain));
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `${String(record.seq).padStart(16, '0')}.json`), JSON.stringify(record));
    }
}

const records = async (chain: string): Promise<readonly AuditRecord[]> => {
  const found: AuditRecord[] = [];
  for await (const record of recordsOf(ports.trail, chain)) found.push(record as AuditRecord);
  return found;
};

test('credentials and policy of a moment: who was put out since is put out again, and the trail says so', async () => {
  const [alice, bob] = [await client(ports, 'alice'), await client(ports, 'bob')];
  await client(ports, 'carol');
  const old = await copied(['credentials', 'policy']);
  await changeStatus(ports, ADMIN, 'suspend', { user_id: 'alice' });
  await regeneratePassword(ports, ADMIN, { user_id: 'bob' }, 0);
  await changeStatus(ports, ADMIN, 'suspend', { user_id: 'carol' });
  await changeStatus(ports, ADMIN, 'reactivate', { user_id: 'carol' });
  await lock(ports, ADMIN, { target: { kind: 'user', user_id: 'carol' }, reason: 'margin', cancel_orders: false });
  await lock(ports, ADMIN, { target: { kind: 'tier', tier: 'basic' }, reason: 'r', cancel_orders: false });
  await client(ports, 'dave');
  const epoch = (await ports.directory.account('carol')).user;

  const shown = await restore('put-back', '--table', 'credentials', '--from', old.credentials);
  expect([shown.code, shown.out]).toEqual([
    1,
    expect.stringMatching(/\d+ differ, \d+ are not there\nnothing was changed/),
  ]);
  expect(await restore('check', '--archive', 'none')).toMatchObject({ code: 0 });
  for (const table of ['credentials', 'policy'] as const)
    expect(await restore('put-back', '--table', table, '--from', old[table], '--yes')).toMatchObject({ code: 0 });
  expect(await restore('put-back', '--table', 'policy', '--from', old.policy)).toMatchObject({ code: 0 });
  const found = await restore('check', '--archive', 'none');
  expect(found.code).toBe(1);
  expect(found.out).toMatch(/^BEHIND user:alice: the row stands at 1, the trail ends at 2; undone: 1 suspend$/m);
  expect((await verify()).out).toMatch(/^BROKEN user:alice: record 2 stands behind the head kept outside the chain$/m);

  expect((await reconcile()).out).toMatch(/nothing was changed: add --yes/);
  const done = await reconcile('--yes');
  expect([done.code, done.err]).toEqual([0, '']);
  expect(
    done.out
      .split('\n')
      .filter((line) => /^(RESTORED|GONE)/.test(line))
      .sort(),
  ).toEqual([
    'GONE user:dave; undone: 1 provision',
    'RESTORED policy; done again: lock tier:basic; undone: 1 lock',
    `RESTORED user:alice; done again: ${alice.sender_comp_id} suspended; undone: 1 suspend`,
    `RESTORED user:bob; done again: ${bob.sender_comp_id} suspended; undone: 1 regenerate_password`,
    'RESTORED user:carol; done again: locked; undone: 1 suspend, 1 reactivate, 1 lock',
  ]);
  const account = await ports.directory.account('carol');
  expect(account).toMatchObject({
    user: { state: 'present', lock: { reason: 'margin' } },
    credentials: [{ status: 'active' }],
  });
  const before = epoch.state === 'present' ? epoch.epoch : 0;
  expect(account.user.state === 'present' && account.user.epoch).toBeGreaterThan(before);
  expect(account.user.state === 'present' && account.user.tier_assignment).toBeGreaterThan(BEYOND);
  expect((await ports.directory.account('alice')).credentials).toMatchObject([{ status: 'suspended' }]);
  expect((await ports.directory.account('dave')).user.state).toBe('absent');
  expect((await ports.policy.read()).locks).toMatchObject([{ target: { tier: 'basic' } }]);
  expect((await records('user:alice')).map(({ type }) => type)).toEqual(['provision', 'suspend', 'restored']);
  expect((await verify()).code).toBe(0);
  expect(await restore('check', '--archive', 'none')).toMatchObject({ code: 0 });
  // A second time nothing is left to do.
  expect((await reconcile('--yes')).out).toMatch(/^0 subjects restored/m);
  expect(await records('user:alice')).toHaveLength(3);
}, 120_000);

test('the trail of a moment as well: the archive brings its records and checkpoints back, and no number is used twice', async () => {
  const database = new Database(over.store.client, over.tables, systemRandom);
  const checkpoints = createCheckpointStore(database);
  const files = createMemoryCheckpointArchive();
  let now = Date.now();
  const checkpoint = async () => {
    now += 10_000;
    for await (const chain of ports.trail.chains())
      await checkpoints.note([{ chain, seq: (await ports.trail.head(chain)).seq }]);
    const signer = { key: 'k', sign: async () => '' };
    return makeCheckpoint(
      {
        trail: ports.trail,
        store: checkpoints,
        archive: files,
        signer,
        digests: nodeDigests,
        clock: { now: () => now },
      },
      'h',
    );
  };
  await client(ports, 'alice');
  await ports.trail.append(run('edge:e:1', 3));
  await checkpoint();
  const old = await copied(['credentials', 'policy', 'audit']);
  await changeStatus(ports, ADMIN, 'revoke', { user_id: 'alice' });
  await ports.trail.append(run('edge:e:2', 2));
  await checkpoint();
  await archived();
  mkdirSync(join(archive, 'checkpoints'));
  for (const [number, file] of files.files)
    writeFileSync(join(archive, 'checkpoints', `${String(number).padStart(16, '0')}.json`), JSON.stringify(file));
  const whole = await records('user:alice');
  for (const table of ['credentials', 'policy', 'audit'] as const)
    expect(await restore('put-back', '--table', table, '--from', old[table], '--yes')).toMatchObject({ code: 0 });

  const found = await restore('check', '--archive', archive);
  expect(found.code).toBe(1);
  expect(found.out).toMatch(/^MISSING 3 records that the archive has and the table has not$/m);
  expect(found.out).toMatch(/ 0 faults, 1 checkpoints to take back, 0 edges/);
  expect(await reconcile('--yes')).toMatchObject({ code: 0, err: '' });
  const [first, second, third] = await records('user:alice');
  expect([first, second]).toEqual(whole);
  expect(third).toMatchObject({ type: 'restored', seq: 3, details: { lost: 1, from_archive: 1, row: { seq: 1 } } });
  expect(await records('edge:e:2')).toHaveLength(2);
  expect((await ports.directory.account('alice')).credentials).toMatchObject([{ status: 'revoked' }]);
  expect((await verify()).code).toBe(0);
  // The next boot of that edge is the third, though no row tells of the others.
  expect(await ports.edges.register('e', '1', 0)).toMatchObject({ incarnation: 3 });
  // Checkpoints go on behind those that were signed.
  expect(await checkpoint()).toMatchObject({ result: 'made', number: 3, broken: [] });
  expect(files.files.size).toBe(3);
}, 120_000);

test('a chain that was written to after the restore is a fault, and nothing is done', async () => {
  await client(ports, 'alice');
  const old = await copied(['credentials', 'audit']);
  await changeStatus(ports, ADMIN, 'revoke', { user_id: 'alice' });
  await archived();
  for (const table of ['credentials', 'audit'] as const)
    await restore('put-back', '--table', table, '--from', old[table], '--yes');
  await changeStatus(ports, ADMIN, 'suspend', { user_id: 'alice' });
  const { code, out } = await reconcile('--yes');
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/^FAULT user:alice: the archive has another record where the table ends/m),
  ]);
  expect(await records('user:alice')).toHaveLength(2);
}, 60_000);

test('edges that serve, a table of other keys and a moment that is none are refused', async () => {
  await ports.edges.register('e', '1', Date.now());
  expect((await reconcile('--yes')).out).toMatch(/^1 edges say that they serve/m);
  expect(await reconcile('--edges-stopped', '--yes')).toMatchObject({ code: 0 });
  const none = await restore('put-back', '--table', 'policy', '--from', 'nowhere', '--yes');
  expect([none.code, none.err]).toEqual([2, expect.stringMatching(/^not done: /)]);
  expect(await restore('reconcile', '--archive', 'none', '--moment', 'noon', '--reason', 'x')).toMatchObject({
    code: 1,
  });
}, 60_000);

test('numbers of sessions whose journal is older: each edge is told to go on beyond them, and the trail says so', async () => {
  const alice = await client(ports, 'alice');
  await client(ports, 'bob');
  const key = { begin_string: 'FIX.4.4', sender_comp_id: alice.sender_comp_id, sender_sub_id: '', target_comp_id: 'X' };
  await ports.edges.tellNumbers([{ key, edge_id: 'e-1', next_in: 7, next_out: 9, at: 0 }]);
  const wrong = await restore('numbers', '--beyond', '0', '--reason', 'drill');
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringMatching(/--beyond: 0 is none of 1 to/)]);
  const shown = await restore('numbers', '--reason', 'drill');
  expect([shown.code, shown.out]).toEqual([
    1,
    expect.stringMatching(/1 sessions of 1 users would go on 10000000 further\n.*--yes/),
  ]);
  expect(await ports.edges.commands('e-1', '')).toEqual([]);
  expect(await restore('numbers', '--beyond', '500', '--reason', 'drill', '--yes')).toMatchObject({ code: 0, err: '' });
  expect(await ports.edges.commands('e-1', '')).toMatchObject([
    { type: 'set_numbers', key, next_in: 7, next_out: 9, beyond: 500, reset: false },
  ]);
  expect((await records('user:alice')).at(-1)).toMatchObject({ type: 'sequence_set', details: { beyond: 500 } });
  expect(await records('user:bob')).toHaveLength(1);
}, 60_000);
