/** What roles may do, as the templates say it: the matrix of single rights is proved in the rehearsal (deploy/rights.ts). */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { secretContext } from '../../core/credentials/model.ts';
import { SECRET_CONTEXT, SECRET_CONTEXT_NAMES } from '../../lib/storage-stack.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';
import { makeStacks, PRODUCTION } from './support.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

describe('rights of roles', () => {
  let made: ReturnType<typeof makeStacks>;
  let storage: Template;
  let api: Template;
  let edge: Template;
  let audit: Template;

  beforeAll(() => {
    made = makeStacks(OUT, PRODUCTION);
    storage = Template.fromStack(made.storage);
    api = Template.fromStack(made.adminApi);
    edge = Template.fromStack(made.edge);
    audit = Template.fromStack(made.audit);
  }, 60_000);

  test('no role of a function may do more to a table than is named', () => {
    const statements = Object.values(api.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[],
    );
    expect(statements.length).toBeGreaterThan(10);
    for (const { Action, Resource } of statements) {
      for (const action of [Action].flat()) {
        expect(action).not.toContain('*');
        if (!action.startsWith('xray:')) expect(Resource).not.toBe('*');
        expect(['dynamodb:Scan', 'dynamodb:DeleteTable', 'kms:*']).not.toContain(action);
      }
    }
  });

  test('whoever writes the audit trail adds to it: nobody but archive and checkpoints updates or deletes there', () => {
    for (const template of [api, edge, storage]) {
      const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
        ({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[],
      );
      const onAudit = statements.filter(({ Resource }) => /Tableaudit/.test(JSON.stringify(Resource)));
      expect(onAudit.length).toBeGreaterThan(0);
      // BatchWriteItem is for removing as well.
      for (const { Action } of onAudit)
        expect([Action].flat().filter((action) => /(Delete|Update|BatchWrite)Item$/.test(action))).toEqual([]);
    }
  });

  test('the key of the tables is used by DynamoDB and S3 for whoever uses these, and by nobody else', () => {
    const monitoring = Template.fromStack(made.monitoring);
    const uses = [storage, api, edge, audit, monitoring].flatMap((template) =>
      Object.entries(template.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
        (Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown; Condition?: object }[])
          .filter(({ Resource }) => /(?<!x)TableKey/.test(JSON.stringify(Resource)))
          .map(({ Action, Condition }) => ({ id, actions: [Action].flat(), via: JSON.stringify(Condition ?? '') })),
      ),
    );
    expect(uses.length).toBeGreaterThan(8);
    const direct = uses.filter(({ via }) => !/"kms:ViaService":.*"(dynamodb|s3)\./.test(via));
    // Lambda reads the stream by the role of the function that it feeds.
    expect(direct).toEqual([
      { id: expect.stringMatching(/^Archiver/), actions: ['kms:Decrypt', 'kms:DescribeKey'], via: '""' },
    ]);
  });

  test('the reading function may not write', () => {
    const policy = Object.entries(api.findResources('AWS::IAM::Policy')).find(([id]) =>
      id.startsWith('Functionread'),
    )?.[1];
    const actions = ((policy?.Properties.PolicyDocument.Statement ?? []) as { Action: string | string[] }[]).flatMap(
      ({ Action }) => Action,
    );
    expect(actions).toContain('dynamodb:Query');
    expect(actions.filter((action) => /dynamodb:(Put|Update|Delete|BatchWrite)/.test(action))).toEqual([]);
  });

  test('secrets of HMAC are sealed by one function and opened by the edge, in their context only', () => {
    const { table, proof, ...rest } = secretContext('X', 1);
    expect({ ...SECRET_CONTEXT, names: SECRET_CONTEXT_NAMES }).toEqual({ table, proof, names: Object.keys(rest) });
    const given = [api, edge].flatMap((template) =>
      Object.entries(template.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
        (Properties.PolicyDocument.Statement as { Resource: unknown }[])
          .filter(({ Resource }) => JSON.stringify(Resource).includes('ProofKey'))
          .map((statement) => ({ id, ...statement })),
      ),
    );
    const statement = (id: string, Action: string) => ({
      id: expect.stringMatching(id),
      Action,
      Effect: 'Allow',
      Resource: expect.anything(),
      Condition: {
        StringEquals: {
          'kms:EncryptionContext:table': 'credentials',
          'kms:EncryptionContext:proof': 'hmac_sha256',
        },
        Null: { 'kms:EncryptionContext:sender_comp_id': 'false', 'kms:EncryptionContext:version': 'false' },
        'ForAllValues:StringEquals': {
          'kms:EncryptionContextKeys': ['table', 'proof', 'sender_comp_id', 'version'],
        },
      },
    });
    expect(given).toEqual([
      statement('^Functioncredentials', 'kms:Encrypt'),
      statement('^TaskTaskRole', 'kms:Decrypt'),
    ]);
  });
});
