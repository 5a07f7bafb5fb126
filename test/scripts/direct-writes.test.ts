// Rows that were written past the product, as `npm run audit:verify` finds them.
import { DeleteItemCommand, PutItemCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from '@jest/globals';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import type { AdminPorts } from '../../core/admin.ts';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { lock, unlock } from '../../core/locks/locks.ts';
import { setOverride } from '../../core/policy/rules.ts';
import { ADMIN, adminPorts, client } from './admin-world.ts';
import { overTables } from './tool.ts';

let ports: AdminPorts;
let sender: string;

const over = overTables(async (each) => {
  ports = await adminPorts(each);
  sender = (await client(ports, 'alice')).sender_comp_id;
});

const verify = () => over.run('audit-verify');
const keyOf = (pk: string, sk: string) => ({ Key: marshall({ pk, sk }) });

/** Changes what a JSON attribute of a row says, as whoever may write the table could. */
async function rewrite(
  table: keyof TableNames,
  pk: string,
  sk: string,
  attribute: string,
  change: (value: never) => object,
) {
  const { Items = [] } = await over.store.client.send(new ScanCommand({ TableName: over.tables[table] }));
  const row = Items.map((item) => unmarshall(item)).find((one) => one.pk === pk && one.sk === sk);
  const text = JSON.stringify(change(JSON.parse(row?.[attribute]) as never));
  await over.store.client.send(
    new UpdateItemCommand({
      TableName: over.tables[table],
      ...keyOf(pk, sk),
      UpdateExpression: 'SET #a = :v',
      ExpressionAttributeNames: { '#a': attribute },
      ExpressionAttributeValues: marshall({ ':v': text }),
    }),
  );
}

test('nothing is found while all goes through the product, logons and every kind of change among it', async () => {
  await regeneratePassword(ports, ADMIN, { user_id: 'alice' }, 3600);
  const found = await ports.directory.credential(sender);
  expect(found && (await ports.directory.noteLogon(found.credential, Date.now(), 2))).toBe(true);
  await lock(ports, ADMIN, { target: { kind: 'user', user_id: 'alice' }, reason: 'r', cancel_orders: false });
  await lock(ports, ADMIN, { target: { kind: 'tier', tier: 'basic' }, reason: 'r', cancel_orders: false });
  await lock(ports, ADMIN, { target: { kind: 'everybody' }, reason: 'r', cancel_orders: false });
  await unlock(ports, ADMIN, { kind: 'everybody' });
  await changeStatus(ports, ADMIN, 'suspend', { user_id: 'alice' });
  const [rule] = (await ports.policy.read()).rules;
  await setOverride(ports, ADMIN, { user_id: 'alice', rule_id: rule?.id ?? '', exempt: true, reason: 'r' });
  const { code, out } = await verify();
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/^\d+ rows as their records left them, 0 of an earlier release, 0 written directly$/m),
  ]);
}, 60_000);

test('what was changed, put or removed past it is named', async () => {
  await changeStatus(ports, ADMIN, 'suspend', { user_id: 'alice' });
  await rewrite('credentials', `S#${sender}`, 'CRED', 'credential', (value: object) => ({
    ...value,
    status: 'active',
  }));
  await rewrite('credentials', 'U#alice', 'META', 'user', (value: object) => ({ ...value, tier: 'premium' }));
  await rewrite('policy', 'TIERS', 'basic', 'value', (value: object) => ({ ...value, burst: 10_000 }));
  await over.store.client.send(new DeleteItemCommand({ TableName: over.tables.policy, ...keyOf('TIERS', 'premium') }));
  const { Items = [] } = await over.store.client.send(new ScanCommand({ TableName: over.tables.credentials }));
  const [own] = Items.map((item) => unmarshall(item)).filter((row) => row.sk === 'CRED');
  const copied = {
    ...own,
    pk: 'S#MINE',
    credential: JSON.stringify({ ...JSON.parse(own?.credential), sender_comp_id: 'MINE' }),
  };
  await over.store.client.send(new PutItemCommand({ TableName: over.tables.credentials, Item: marshall(copied) }));
  await over.store.client.send(
    new PutItemCommand({ TableName: over.tables.credentials, Item: marshall({ pk: 'x', sk: 'y' }) }),
  );
  const { code, out } = await verify();
  expect(code).toBe(1);
  expect(
    out
      .split('\n')
      .filter((line) => line.startsWith('DIRECT'))
      .sort(),
  ).toEqual([
    'DIRECT credentials: x y is nothing of ours',
    'DIRECT policy: tier:basic is not as its record left it (record 1)',
    'DIRECT policy: tier:premium is gone, and no record removed it (record 1)',
    'DIRECT user:alice: credential:MINE was put there by no record',
    `DIRECT user:alice: credential:${sender} is not as its record left it (record 2)`,
    'DIRECT user:alice: user is not as its record left it (record 2)',
  ]);
  expect(out).toMatch(/, 0 chains broken$/m);
}, 60_000);

test('an old password that is given a longer life is found, one that a logon has ended is not', async () => {
  await regeneratePassword(ports, ADMIN, { user_id: 'alice' }, 3600);
  const found = await ports.directory.credential(sender);
  const { Items = [] } = await over.store.client.send(new ScanCommand({ TableName: over.tables.credentials }));
  const [row] = Items.map((item) => unmarshall(item)).filter((one) => one.sk === 'CRED');
  const put = (retires_at: number) => {
    const verifiers = row?.verifiers.map((one: { version: number }) =>
      one.version === 1 ? { ...one, retires_at } : one,
    );
    return over.store.client.send(
      new PutItemCommand({
        TableName: over.tables.credentials,
        Item: marshall({ ...row, verifiers }, { removeUndefinedValues: true }),
      }),
    );
  };
  expect(found?.credential.version).toBe(2);
  await put(Date.now());
  expect((await verify()).code).toBe(0);
  await put(Date.now() + 86_400_000);
  expect((await verify()).out).toMatch(
    /^DIRECT user:alice: credential:\S+ is not as its record left it \(record 2\)$/m,
  );
}, 60_000);
