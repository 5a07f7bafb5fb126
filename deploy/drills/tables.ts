/**
 * A copy of a table at this moment under another name. It stands for what point-in-time recovery makes in AWS, which the
 * emulator has not: a table of another name with the rows of a moment.
 */
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ScanCommand,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb';

const BATCH = 25;

/** @returns the name of the copy */
export async function copyTable(dynamodb: DynamoDBClient, from: string, to: string): Promise<string> {
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: from }));
  const keys = (Table?.KeySchema ?? []).map(({ AttributeName }) => AttributeName);
  const AttributeDefinitions = (Table?.AttributeDefinitions ?? []).filter((one) => keys.includes(one.AttributeName));
  const KeySchema = Table?.KeySchema ?? [];
  await dynamodb.send(
    new CreateTableCommand({ TableName: to, KeySchema, AttributeDefinitions, BillingMode: 'PAY_PER_REQUEST' }),
  );
  let last: ScanCommandOutput['LastEvaluatedKey'];
  do {
    const page: ScanCommandOutput = await dynamodb.send(
      new ScanCommand({
        TableName: from,
        ConsistentRead: true,
        ...(last === undefined ? {} : { ExclusiveStartKey: last }),
      }),
    );
    const items = page.Items ?? [];
    for (let at = 0; at < items.length; at += BATCH) {
      const requests = items.slice(at, at + BATCH).map((Item) => ({ PutRequest: { Item } }));
      await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [to]: requests } }));
    }
    last = page.LastEvaluatedKey;
  } while (last !== undefined);
  return to;
}
