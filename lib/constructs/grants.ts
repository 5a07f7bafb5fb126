/** Rights on tables and keys by name, without wildcards: exactly the actions the adapters call. */
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { TableDefinition } from '../../adapters/dynamodb/tables.ts';

const READ = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'] as const;
/** A transaction needs the rights of its parts. */
const WRITE = [
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:BatchWriteItem',
  'dynamodb:ConditionCheckItem',
] as const;
/** What DynamoDB asks of the caller on a table under a customer managed key (DynamoDB Developer Guide, "Managing encrypted tables"). */
const USE_TABLE_KEY = [
  'kms:Decrypt',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
  'kms:DescribeKey',
] as const;

/** What adds rows and changes none. */
const APPEND = ['dynamodb:PutItem', 'dynamodb:BatchWriteItem', 'dynamodb:ConditionCheckItem'] as const;

export type Access = 'read' | 'write' | 'read-write' | 'read-append';

const ACTIONS: Readonly<Record<Access, readonly string[]>> = {
  read: READ,
  write: WRITE,
  'read-write': [...READ, ...WRITE],
  'read-append': [...READ, ...APPEND],
};

export function grantTable(
  grantee: IGrantable,
  table: Table,
  definition: TableDefinition | undefined,
  access: Access,
): void {
  Grant.addToPrincipal({ grantee, actions: [...ACTIONS[access]], resourceArns: [table.tableArn] });
  const indexes = (definition?.indexes ?? []).map(({ name }) => `${table.tableArn}/index/${name}`);
  if (indexes.length > 0 && access !== 'write')
    Grant.addToPrincipal({ grantee, actions: ['dynamodb:Query'], resourceArns: indexes });
  if (table.encryptionKey !== undefined) grantKey(grantee, table.encryptionKey, USE_TABLE_KEY);
}

/** These actions on a table, not on its indexes, and the use of its key. */
export function grantActions(grantee: IGrantable, table: Table, actions: readonly string[]): void {
  Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [table.tableArn] });
  if (table.encryptionKey !== undefined) grantKey(grantee, table.encryptionKey, USE_TABLE_KEY);
}

/**
 * One action of a key, under an encryption context that has these values, and these names beside them and no others (AWS
 * KMS Developer Guide, "kms:EncryptionContext:context-key" and "kms:EncryptionContextKeys").
 */
export function grantKeyInContext(
  grantee: IGrantable,
  key: IKey,
  action: string,
  values: Readonly<Record<string, string>>,
  names: readonly string[],
): void {
  const entries = Object.entries(values).map(([name, value]) => [`kms:EncryptionContext:${name}`, value]);
  const given = names.map((name) => [`kms:EncryptionContext:${name}`, 'false']);
  Grant.addToPrincipal({
    grantee,
    actions: [action],
    resourceArns: [key.keyArn],
    conditions: {
      StringEquals: Object.fromEntries(entries),
      Null: Object.fromEntries(given),
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': [...Object.keys(values), ...names] },
    },
  });
}

export function grantKey(grantee: IGrantable, key: IKey, actions: readonly string[]): void {
  key.grant(grantee, ...actions);
}
