/** What the stacks keep ready for the first day and the worst: boundaries, the way in by the tables, who wrote them. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';
import { makeStacks, PRODUCTION } from './support.ts';

// One for each app: a template is read from there.
const [OUT, BARE, BOUND] = [temporaryDirectory(), temporaryDirectory(), temporaryDirectory()] as const;
afterAll(() => [OUT, BARE, BOUND].forEach(removeDirectory));
const PRINCIPAL = 'arn:aws:iam::123456789012:role/on-call';
const NAME = 'fixgate-production-break-glass';

const made = makeStacks(OUT, { ...PRODUCTION, breakGlassPrincipal: PRINCIPAL, dataEvents: 'on' });
const bare = makeStacks(BARE, PRODUCTION);
const templates = (stacks: typeof made) =>
  [stacks.storage, stacks.audit, stacks.adminApi, stacks.edge, stacks.monitoring].map((stack) =>
    Template.fromStack(stack),
  );

test('cdk-nag finds nothing', () => {
  for (const pack of [new AwsSolutionsChecks(made.app), new ServerlessChecks(made.app)])
    expect(pack.validateScope(made.app).violations).toEqual([]);
}, 60_000);

test('with a permissions boundary in the context no role is without it', () => {
  const stacks = makeStacks(BOUND, {
    ...PRODUCTION,
    breakGlassPrincipal: PRINCIPAL,
    permissionsBoundary: 'limits',
  });
  const roles = templates(stacks).flatMap((template) => Object.entries(template.findResources('AWS::IAM::Role')));
  expect(roles.length).toBeGreaterThan(15);
  const without = roles.filter(
    ([, { Properties }]) => !JSON.stringify(Properties.PermissionsBoundary ?? '').includes('policy/limits'),
  );
  expect(without.map(([id]) => id)).toEqual([]);
  expect(() => makeStacks(BOUND, { ...PRODUCTION, permissionsBoundary: '{"name":"limits"}' })).toThrow(
    'permissionsBoundary',
  );
}, 60_000);

describe('break-glass', () => {
  const storage = Template.fromStack(made.storage);

  test('is nobody’s unless somebody is named', () => {
    const roles = templates(bare).flatMap((template) => Object.values(template.findResources('AWS::IAM::Role')));
    expect(JSON.stringify(roles)).not.toContain('break-glass');
    expect(JSON.stringify(templates(bare)[4]?.toJSON())).not.toContain('AssumeRole"],"requestParameters');
  });

  test('is assumed by the one named, with a second factor, for an hour', () => {
    storage.hasResourceProperties('AWS::IAM::Role', {
      RoleName: NAME,
      MaxSessionDuration: 3600,
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Effect: 'Allow',
            Principal: { AWS: PRINCIPAL },
            Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
          },
        ],
      },
    });
  });

  test('may lock everybody, and neither read credentials nor change a record', () => {
    const [[id] = []] = Object.entries(storage.findResources('AWS::IAM::Role', { Properties: { RoleName: NAME } }));
    const policies = Object.values(storage.findResources('AWS::IAM::Policy')).filter(({ Properties }) =>
      JSON.stringify(Properties.Roles).includes(`"${id}"`),
    );
    const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement) as {
      Action: string | string[];
      Resource: unknown;
    }[];
    const rights = statements
      .flatMap(({ Action, Resource }) =>
        [Action]
          .flat()
          .map((action) => `${/Table(\w+?)[0-9A-F]{8}/.exec(JSON.stringify(Resource))?.[1] ?? 'key'} ${action}`),
      )
      .filter((right) => !right.includes('kms:'))
      .sort();
    expect(rights).toEqual([
      'audit dynamodb:GetItem',
      'audit dynamodb:PutItem',
      'policy dynamodb:DeleteItem',
      'policy dynamodb:GetItem',
      'policy dynamodb:PutItem',
      'policy dynamodb:Query',
      'sessions dynamodb:BatchWriteItem',
      'sessions dynamodb:PutItem',
      'sessions dynamodb:Query',
    ]);
  });

  test('wakes somebody when it is used, over a topic whose key lets that through', () => {
    const monitoring = Template.fromStack(made.monitoring);
    monitoring.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.sts'],
        'detail-type': ['AWS API Call via CloudTrail'],
        detail: { eventName: ['AssumeRole'], requestParameters: { roleArn: [Match.anyValue()] } },
      },
      Targets: [Match.objectLike({ Arn: { Ref: Match.stringLikeRegexp('^Alarms') } })],
    });
    expect(JSON.stringify(monitoring.findResources('AWS::KMS::Key'))).toContain('events.amazonaws.com');
  });

  test.each(['everybody', 'arn:aws:iam::123456789012:root', '*'])('%s cannot be the one', (breakGlassPrincipal) => {
    expect(() => makeStacks(BOUND, { ...PRODUCTION, breakGlassPrincipal })).toThrow('breakGlassPrincipal');
  });
});

describe('data events', () => {
  const audit = Template.fromStack(made.audit);

  test('are off unless asked for', () => {
    Template.fromStack(bare.audit).resourceCountIs('AWS::CloudTrail::Trail', 0);
  });

  test('record each write to what the past and rights stand in, and no management event twice', () => {
    const [trail] = Object.values(audit.findResources('AWS::CloudTrail::Trail'));
    expect(trail?.Properties.EventSelectors).toBeUndefined();
    const [tables, objects] = (trail?.Properties.AdvancedEventSelectors ?? []) as {
      FieldSelectors: { Field: string; Equals?: unknown[]; StartsWith?: unknown[] }[];
    }[];
    expect(tables?.FieldSelectors.find(({ Field }) => Field === 'readOnly')?.Equals).toEqual(['false']);
    const arns = JSON.stringify(tables?.FieldSelectors.find(({ Field }) => Field === 'resources.ARN')?.Equals);
    for (const name of ['credentials', 'policy', 'audit', 'BranchKeys']) expect(arns).toContain(name);
    expect(JSON.stringify(objects?.FieldSelectors)).toContain('Archive');
  });

  test('alarm on whoever is none of the deployment’s roles, users among them', () => {
    audit.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern:
        '{ ($.userIdentity.sessionContext.sessionIssuer.userName NOT EXISTS) || ($.userIdentity.sessionContext.sessionIssuer.userName != "fixgate-production-*") }',
      MetricTransformations: [
        Match.objectLike({ MetricName: 'DirectWrites', MetricNamespace: 'fixgate/fixgate-production' }),
      ],
    });
    Template.fromStack(made.monitoring).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'DirectWrites',
      Namespace: 'fixgate/fixgate-production',
      Threshold: 0,
    });
  });
});
