/** What holds data keeps its place from one release to the next. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { type AnyTemplate, lost, type Stateful, statefulOf } from '../../deploy/stateful.ts';
import { IMAGE, makeStacks } from '../lib/support.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

/** Of each stack, as the release before has it: `npm run deploy:local` holds it equal to that release's own templates. */
const BEFORE = JSON.parse(readFileSync(join(ROOT, 'deploy', 'release-before.json'), 'utf8')) as Record<
  string,
  Record<string, Stateful>
>;

test('no table, key, bucket or secret of the release before is replaced or let go', () => {
  const { app: _, ...stacks } = makeStacks(OUT, IMAGE);
  const now = new Map(
    Object.values(stacks).map((stack) => [
      stack.stackName,
      statefulOf(Template.fromStack(stack).toJSON() as AnyTemplate),
    ]),
  );
  expect(Object.values(BEFORE).reduce((sum, one) => sum + Object.keys(one).length, 0)).toBeGreaterThan(12);
  for (const [stack, before] of Object.entries(BEFORE))
    expect([stack, lost(before, now.get(stack) ?? {})]).toEqual([stack, []]);
}, 60_000);

describe('it is told', () => {
  const before = BEFORE['fixgate-dev-storage'] ?? {};
  const of = (type: string) => Object.entries(before).find(([, { Type }]) => Type === type) as [string, Stateful];
  const [tableId, table] = of('AWS::DynamoDB::Table');
  const [keyId, key] = of('AWS::KMS::Key');
  const [secretId, secret] = of('AWS::SecretsManager::Secret');

  test.each([
    [
      'under another logical id',
      { ...before, [tableId]: undefined, Other: table },
      `${tableId} (AWS::DynamoDB::Table) is gone`,
    ],
    [
      'with other keys',
      { ...before, [tableId]: { ...table, replacing: { ...table.replacing, KeySchema: [] } } },
      `${tableId} (AWS::DynamoDB::Table): KeySchema has changed`,
    ],
    [
      'under another name',
      { ...before, [tableId]: { ...table, replacing: { ...table.replacing, TableName: 'x' } } },
      `${tableId} (AWS::DynamoDB::Table): TableName has changed`,
    ],
    [
      'of another kind of key',
      { ...before, [keyId]: { ...key, replacing: { KeySpec: 'RSA_2048' } } },
      `${keyId} (AWS::KMS::Key): KeySpec has changed`,
    ],
    [
      'with a value that is generated otherwise',
      { ...before, [secretId]: { ...secret, replacing: { GenerateSecretString: {} } } },
      `${secretId} (AWS::SecretsManager::Secret): GenerateSecretString has changed`,
    ],
    [
      'that would go with its stack',
      { ...before, [keyId]: { ...key, DeletionPolicy: 'Delete' } },
      `${keyId} (AWS::KMS::Key): DeletionPolicy has changed`,
    ],
  ])('of one %s', (_what, after, said) => {
    expect(lost(before, after as Record<string, Stateful>)).toEqual([said]);
  });

  test('of nothing when something is added', () => {
    expect(lost(before, { ...before, Other: table })).toEqual([]);
  });
});
