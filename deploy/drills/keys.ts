/** The branch key: rotated at once with all sealed anew, and its table lost and put back. */
import { match, strictEqual } from 'node:assert';
import { join } from 'node:path';
import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Running } from '../variants.ts';
import { clientAt, openDynamo, provisioned, refusing, type Stage, tool } from './stage.ts';
import { copyTable } from './tables.ts';

export async function keys(stage: Stage, running: Running): Promise<void> {
  const { world, names } = stage;
  const credentials = await provisioned(stage, 'sealed');
  const logsOn = async (): Promise<void> => {
    const client = clientAt(running, credentials);
    strictEqual((await client.logon(credentials.password, [[141, 'Y']])).type, 'A');
    await client.logout();
    client.destroy();
  };
  await world.report.step(
    'the branch key is rotated at once, and all that was sealed is sealed anew, on record',
    async () => {
      await logsOn();
      match(await tool(stage, 'keys', ['check']), /, 0 under an older key, 0 do not open/);
      match(await tool(stage, 'keys', ['rotate-branch', '--yes']), /: rotated; /);
      match(await refusing(stage, 'keys', ['check']), /, [1-9]\d* under an older key/m);
      const said = await tool(stage, 'keys', ['reseal', '--reason', 'drill', '--yes']);
      match(said, /, [1-9]\d* sealed anew, 0 do not open, 0 busy$/m);
      match(await tool(stage, 'keys', ['check']), /, 0 under an older key, 0 do not open/);
      await logsOn();
      match(await tool(stage, 'audit-verify', []), /, 0 written directly$/m);
    },
  );
  await world.report.step(
    'the table of branch keys is lost: that is seen, and the copy of a moment brings it back',
    async () => {
      const dynamodb = openDynamo(stage);
      const table = names.FIXGATE_TABLE_BRANCH_KEYS as string;
      const copy = await copyTable(dynamodb, table, 'restored-branch-keys');
      const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: table }));
      for (const { 'branch-key-id': id, type } of Items)
        if (id !== undefined && type !== undefined)
          await dynamodb.send(new DeleteItemCommand({ TableName: table, Key: { 'branch-key-id': id, type } }));
      match(await refusing(stage, 'keys', ['check']), /CLOSED/);
      const out = join(world.directory, 'reissued.jsonl');
      match(await refusing(stage, 'keys', ['reissue', '--out', out, '--reason', 'drill']), /would issue anew/);
      match(
        await tool(stage, 'restore', ['put-back', '--table', 'branch-keys', '--from', copy, '--yes']),
        /put as there/,
      );
      match(await tool(stage, 'keys', ['check']), /, 0 do not open/);
      await logsOn();
      dynamodb.destroy();
    },
  );
}
