// `npm run erase`: what is left of a person afterwards.
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from '@jest/globals';
import { changeStatus } from '../../core/credentials/status.ts';
import { lock } from '../../core/locks/locks.ts';
import { setOverride } from '../../core/policy/rules.ts';
import { ADMIN, adminPorts, client } from './admin-world.ts';
import { overTables } from './tool.ts';

const over = overTables();

test('of a revoked user the pseudonyms are left, and a trail that verifies; of another one nothing is touched', async () => {
  const ports = await adminPorts(over);
  const run = (...args: readonly string[]) => over.run('erase', ...args);
  const person = await client(ports, 'p-1');
  await client(ports, 'p-2');
  const [rule] = (await ports.policy.read()).rules;
  const reason = 'Jane Roe, Elm Street';
  await setOverride(ports, ADMIN, { user_id: 'p-1', rule_id: rule?.id ?? '', exempt: true, reason });
  await lock(ports, ADMIN, { target: { kind: 'user', user_id: 'p-1' }, reason, cancel_orders: false });

  expect(await run('--user', 'nobody', '--reason', 'x')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/user_not_found/),
  });
  const early = await run('--user', 'p-1', '--reason', 'ticket', '--yes');
  expect([early.code, early.err]).toEqual([1, expect.stringMatching(/^not done: wrong_status: Revoke the user first/)]);
  await changeStatus(ports, { ...ADMIN, reason }, 'revoke', { user_id: 'p-1' });
  const shown = await run('--user', 'p-1', '--reason', 'ticket');
  expect([shown.code, shown.out]).toEqual([
    1,
    expect.stringMatching(/^would erase: user p-1, 1 credentials, 1 overrides$/m),
  ]);
  expect(await run('--user', 'p-1', '--reason', 'ticket', '--yes')).toMatchObject({ code: 0, err: '' });
  expect((await run('--user', 'p-1', '--reason', 'ticket')).out).toMatch(
    /^would erase: user p-1, 0 credentials, 0 overrides$/m,
  );

  for (const table of [over.tables.credentials, over.tables.policy]) {
    const { Items = [] } = await over.store.client.send(new ScanCommand({ TableName: table }));
    const rows = Items.map((item) => JSON.stringify(unmarshall(item)));
    expect(rows.filter((row) => row.includes('Jane') || (row.includes('p-1') && row.includes('5000.5')))).toEqual([]);
  }
  const { user, credentials } = await ports.directory.account('p-1');
  expect(user).toMatchObject({ status: 'revoked', facts: { account_balance: 0, groups: [] } });
  expect(user).not.toHaveProperty('lock');
  expect(credentials).toMatchObject([
    { sender_comp_id: person.sender_comp_id, proof: { verifiers: [] }, allowed_ips: [] },
  ]);
  expect((await ports.directory.account('p-2')).credentials).toMatchObject([
    { proof: { verifiers: [{ version: 1 }] } },
  ]);
  const { items } = await ports.trail.query({ type: 'erased' }, { limit: 5 }, Date.now());
  expect(items).toMatchObject([{ reason: 'ticket', details: { credentials: [person.sender_comp_id] } }]);
  expect(await over.run('audit-verify')).toMatchObject({ code: 0 });
}, 60_000);
