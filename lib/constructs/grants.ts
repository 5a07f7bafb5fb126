/** Rights on tables, keys and secrets by name, without wildcards. */
import { Aws } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { TableRights } from '../rights.ts';

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

export function grantTable(grantee: IGrantable, table: Table, { actions, indexes = [] }: TableRights): void {
  grantActions(
    grantee,
    table,
    actions.map((action) => `dynamodb:${action}`),
  );
  if (indexes.length === 0) return;
  const resourceArns = indexes.map((name) => `${table.tableArn}/index/${name}`);
  Grant.addToPrincipal({ grantee, actions: ['dynamodb:Query'], resourceArns });
}

/** These actions on a table, not on its indexes, and the use of its key. */
export function grantActions(grantee: IGrantable, table: Table, actions: readonly string[]): void {
  Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [table.tableArn] });
  if (table.encryptionKey !== undefined) grantKeyVia(grantee, table.encryptionKey, 'dynamodb', USE_TABLE_KEY);
}

/**
 * Actions of a key that a service takes for the grantee, with what it is asked to read or write; the grantee itself may not
 * (AWS KMS Developer Guide, "kms:ViaService").
 */
export function grantKeyVia(
  grantee: IGrantable,
  key: IKey,
  service: 'dynamodb' | 's3',
  actions: readonly string[],
): void {
  Grant.addToPrincipal({
    grantee,
    actions: [...actions],
    resourceArns: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}` } },
  });
}

/** Its value, not what is said about it: the code asks for nothing else. */
export function grantSecretValue(grantee: IGrantable, secret: Pick<ISecret, 'secretArn'>): void {
  Grant.addToPrincipal({
    grantee,
    actions: ['secretsmanager:GetSecretValue'],
    resourceArns: [secret.secretArn],
  });
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
