/** Tables go back to a moment before a suspension: nobody gets in by that, no number comes twice, and the audit says it. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { type Field, utcTimestamp } from '../../local/fix-client.ts';
import type { Credentials } from '../../local/product.ts';
import { PLAIN, type Running, startVariant } from '../variants.ts';
import { STACKS } from '../world.ts';
import { clientAt, expecting, openDynamo, provisioned, refusing, type Stage, tool } from './stage.ts';
import { copyTable } from './tables.ts';

const TABLES = ['credentials', 'policy'] as const;

const order = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 1],
];

/** @returns the edge that runs then */
export async function restore(stage: Stage, running: Running): Promise<Running> {
  const { world, admin, names } = stage;
  const { report } = world;
  const dynamodb = openDynamo(stage);
  const [out, renewed] = [await provisioned(stage, 'put-out'), await provisioned(stage, 'renewed')];
  const moment = new Date().toISOString();
  for (const table of TABLES)
    await copyTable(dynamodb, names[`FIXGATE_TABLE_${table.toUpperCase()}`] as string, `restored-${table}`);

  const client = clientAt(running, out);
  await report.step(
    'a client trades, is suspended, and a password is replaced; then the tables go back to before that',
    async () => {
      strictEqual((await client.logon(out.password, [[141, 'Y']])).type, 'A');
      client.send('D', order('before-1'));
      await client.next((one) => one.type === '8' && one.get(11) === 'before-1' && one.get(39) === '2');
      await expecting(200, admin.post('suspend', { user_id: 'put-out', reason: 'margin call' }));
      await client.next(({ type }) => type === '5');
      client.destroy();
      await expecting(200, admin.post('regenerate-password', { user_id: 'renewed' }));
      await provisioned(stage, 'after-the-moment');
      await running.stop();
      for (const table of TABLES)
        await tool(stage, 'restore', ['put-back', '--table', table, '--from', `restored-${table}`, '--yes']);
    },
  );
  const archive = await world.cdk.output(STACKS.storage, 'ArchiveBucket');
  await report.step('what the restore has undone is named, and reconciled by one command', async () => {
    match(await refusing(stage, 'restore', ['check', '--archive', archive]), /undone: 1 suspend$/m);
    const args = ['reconcile', '--archive', archive, '--moment', moment, '--reason', 'drill', '--yes'];
    const said = await tool(stage, 'restore', args);
    const lines = said
      .split('\n')
      .filter((line) => /user:(put-out|renewed|after-the-moment)\b/.test(line) && !/^BEHIND/.test(line));
    deepStrictEqual(lines.sort(), [
      'GONE user:after-the-moment; undone: 1 provision',
      `RESTORED user:put-out; done again: ${out.sender_comp_id} suspended; undone: 1 suspend`,
      `RESTORED user:renewed; done again: ${renewed.sender_comp_id} suspended; undone: 1 regenerate_password`,
    ]);
    match(await tool(stage, 'restore', ['check', '--archive', archive]), / 0 behind, 0 faults, 0 checkpoints/);
    match(await tool(stage, 'audit-verify', []), /, 0 chains broken\n\d+ rows .*, 0 written directly/);
  });
  dynamodb.destroy();
  const next = await startVariant(world, PLAIN);
  await report.step('nobody who was put out is let in, and numbers go on where they were', async () => {
    for (const one of [out, renewed]) match(await textOf(next, one), /^Logon refused: credential suspended$/);
    await expecting(200, admin.post('reactivate', { user_id: 'put-out', reason: 'cleared' }));
    const back = clientAt(next, out);
    back.nextOut = client.nextOut;
    const answer = await back.logon(out.password);
    const last = Math.max(...client.received.map((message) => Number(message.get(34))));
    ok(answer.type === 'A' && Number(answer.get(34)) > last, `${answer}; the last before was ${last}`);
    await back.logout();
    back.destroy();
  });
  return next;
}

async function textOf(running: Running, credentials: Credentials): Promise<string> {
  const client = clientAt(running, credentials);
  const answer = await client.logon(credentials.password);
  client.destroy();
  return answer.get(58) ?? answer.type;
}
