/** Somebody writes the tables past the product: the audit says which rows. */
import { match, ok, strictEqual } from 'node:assert';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { expecting, openDynamo, provisioned, refusing, type Stage, tool } from './stage.ts';

export async function directWrites(stage: Stage): Promise<void> {
  const { world, admin, names } = stage;
  await world.report.step(
    'a row that was written past the product is named by audit:verify, and no other',
    async () => {
      const { sender_comp_id } = await provisioned(stage, 'written');
      await expecting(200, admin.post('suspend', { user_id: 'written', reason: 'under review' }));
      const dynamodb = openDynamo(stage);
      const TableName = names.FIXGATE_TABLE_CREDENTIALS as string;
      const Key = { pk: { S: `S#${sender_comp_id}` }, sk: { S: 'CRED' } };
      const { Item } = await dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
      const text = Item?.credential?.S ?? '';
      ok(text.includes('"suspended"'), text);
      const forged = { ...Item, credential: { S: text.replace('"suspended"', '"active"') } };
      await dynamodb.send(new PutItemCommand({ TableName, Item: forged }));
      const said = await refusing(stage, 'audit-verify', []);
      const found = said.split('\n').filter((line) => line.includes('DIRECT'));
      strictEqual(found.length, 1, said);
      match(
        found[0] ?? '',
        new RegExp(`DIRECT user:written: credential:${sender_comp_id} is not as its record left it`),
      );
      match(said, /, 0 chains broken$/m);
      // Put right by the product: the next record says the state anew.
      await expecting(200, admin.post('suspend', { user_id: 'written', reason: 'was written directly' }));
      match(await tool(stage, 'audit-verify', []), /, 0 written directly$/m);
      dynamodb.destroy();
    },
  );
}
