/** What the templates promise, one property at a time. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { TABLES } from '../../adapters/dynamodb/tables.ts';
import { ERRORS, type ErrorCode } from '../../contract/errors.ts';
import { OPERATIONS } from '../../contract/operations.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';
import { IMAGE, makeStacks, PRODUCTION, SECRET } from './support.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));
const make = (context: Record<string, unknown>) => makeStacks(OUT, context);

describe('the stacks', () => {
  let made: ReturnType<typeof make>;
  let storage: Template;
  let api: Template;
  let edge: Template;
  let audit: Template;

  beforeAll(() => {
    made = make(PRODUCTION);
    storage = Template.fromStack(made.storage);
    api = Template.fromStack(made.adminApi);
    edge = Template.fromStack(made.edge);
    audit = Template.fromStack(made.audit);
  }, 60_000);

  test('cdk-nag finds nothing', () => {
    for (const pack of [new AwsSolutionsChecks(made.app), new ServerlessChecks(made.app)])
      expect(pack.validateScope(made.app).violations).toEqual([]);
  });

  test('cdk-nag finds nothing whatever is asked for', () => {
    const everything = {
      ...PRODUCTION,
      alarmEmail: 'a@example.com',
      adminCidrs: '192.0.2.0/24',
      adminDomain: 'fix.example.com',
      adminCertificateArn: PRODUCTION.certificateArn,
      quietHourUtc: '22',
      zones: '3',
    };
    const container = {
      ...PRODUCTION,
      certificateArn: undefined,
      fixTlsSecretArn: SECRET,
      adminVpcEndpoint: 'vpce-12345678',
    };
    for (const context of [everything, container, IMAGE]) {
      const { app } = make(context);
      for (const pack of [new AwsSolutionsChecks(app), new ServerlessChecks(app)])
        expect(pack.validateScope(app).violations).toEqual([]);
    }
  }, 60_000);

  test.each(Object.values(TABLES).map((table) => [table.suffix, table] as const))(
    'table %s has the keys, indexes and protection of its definition',
    (suffix, table) => {
      const found = Object.values(
        storage.findResources('AWS::DynamoDB::Table', { Properties: { TableName: `fixgate-production-${suffix}` } }),
      );
      expect(found).toHaveLength(1);
      const [resource] = found as [{ Properties: Record<string, unknown>; DeletionPolicy: string }];
      expect(resource.DeletionPolicy).toBe(table.retain ? 'Retain' : 'Delete');
      expect(resource.Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: table.pointInTimeRecovery },
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
        DeletionProtectionEnabled: table.retain,
      });
      const indexes = (resource.Properties.GlobalSecondaryIndexes ?? []) as { IndexName: string }[];
      expect(indexes.map(({ IndexName }) => IndexName).sort()).toEqual(table.indexes.map(({ name }) => name).sort());
      expect(resource.Properties.TimeToLiveSpecification !== undefined).toBe(table.ttlAttribute !== undefined);
    },
  );

  test('audit rows never expire', () => {
    expect(TABLES.audit.ttlAttribute).toBeUndefined();
    storage.resourcePropertiesCountIs(
      'AWS::DynamoDB::Table',
      { TableName: 'fixgate-production-audit', TimeToLiveSpecification: Match.anyValue() },
      0,
    );
  });

  test('every key that can rotates; the one that signs is of a curve', () => {
    const keys = Object.values(storage.findResources('AWS::KMS::Key')).map(({ Properties }) => Properties);
    const signing = keys.filter(({ KeyUsage }) => KeyUsage === 'SIGN_VERIFY');
    expect(signing).toMatchObject([{ KeySpec: 'ECC_NIST_P256' }]);
    for (const key of keys) if (!signing.includes(key)) expect(key.EnableKeyRotation).toBe(true);
    expect(keys.length).toBeGreaterThan(3);
  });

  test.each([
    ['production', 'COMPLIANCE', 2557],
    ['staging', 'GOVERNANCE', 1],
    ['dev', 'GOVERNANCE', 1],
  ])('in %s the archive is locked by %s for %d days, and outlives the stack', (stage, Mode, Days) => {
    const template = stage === 'production' ? storage : Template.fromStack(make({ ...IMAGE, stage }).storage);
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: Match.objectLike({
        ObjectLockEnabled: true,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode, Days } } },
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: Match.objectLike({ BlockPublicAcls: true, RestrictPublicBuckets: true }),
        BucketEncryption: Match.anyValue(),
      }),
    });
  });

  test('what holds data is never removed with its stack', () => {
    for (const stage of ['dev', 'production']) {
      const template = stage === 'production' ? storage : Template.fromStack(make(IMAGE).storage);
      const kept = Object.values(
        template.toJSON().Resources as Record<string, { Type: string; DeletionPolicy?: string }>,
      )
        .filter(({ Type }) => ['AWS::S3::Bucket', 'AWS::KMS::Key'].includes(Type))
        .map(({ DeletionPolicy }) => DeletionPolicy);
      expect(new Set(kept)).toEqual(new Set(['Retain']));
    }
  });

  test('nobody may remove, overwrite or unlock what is archived, and the stream has a dead letter queue', () => {
    const statements = Object.values(audit.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[] }[],
    );
    const actions = new Set(statements.flatMap(({ Action }) => Action).filter((action) => action.startsWith('s3:')));
    expect([...actions].sort()).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject']);
    audit.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
    });
  });

  test('every method of the API asks for IAM authorization, and every operation has one', () => {
    api.allResourcesProperties('AWS::ApiGateway::Method', { AuthorizationType: 'AWS_IAM' });
    api.resourceCountIs('AWS::ApiGateway::Method', OPERATIONS.length + 1);
  });

  test('whatever the gateway or the web ACL refuses speaks the catalogue', () => {
    const catalogue = (text: string) => JSON.parse(text) as { success: boolean; error: Record<string, unknown> };
    const responses = Object.values(api.findResources('AWS::ApiGateway::GatewayResponse')).map(
      ({ Properties: { ResponseType, StatusCode, ResponseTemplates } }) => {
        const { success, error } = catalogue(ResponseTemplates['application/json']);
        expect([success, error.request_id, error.details]).toEqual([false, '$context.requestId', []]);
        expect(StatusCode).toBe(String(ERRORS[error.code as ErrorCode].status));
        return [ResponseType, StatusCode, error.code];
      },
    );
    expect(responses.sort()).toEqual([
      ['ACCESS_DENIED', '403', 'access_denied'],
      ['DEFAULT_4XX', '400', 'invalid_request'],
      ['DEFAULT_5XX', '500', 'internal'],
      ['EXPIRED_TOKEN', '403', 'signature_expired'],
      ['INVALID_SIGNATURE', '403', 'signature_invalid'],
      ['MISSING_AUTHENTICATION_TOKEN', '403', 'unsigned'],
      ['QUOTA_EXCEEDED', '429', 'throttled'],
      ['REQUEST_TOO_LARGE', '413', 'too_large'],
      ['THROTTLED', '429', 'throttled'],
      ['WAF_FILTERED', '403', 'access_denied'],
    ]);
    const [acl] = Object.values(api.findResources('AWS::WAFv2::WebACL'));
    const { CustomResponseBodies, Rules } = acl!.Properties as {
      CustomResponseBodies: Record<string, { Content: string }>;
      Rules: { Action: { Block: { CustomResponse: { ResponseCode: number; CustomResponseBodyKey: string } } } }[];
    };
    for (const { Action } of Rules) {
      const { ResponseCode, CustomResponseBodyKey } = Action.Block.CustomResponse;
      const { error } = catalogue(CustomResponseBodies[CustomResponseBodyKey]!.Content);
      expect(ResponseCode).toBe(ERRORS[error.code as ErrorCode].status);
    }
  });

  test('each method has a throttle of its own, and what stops clients the widest', () => {
    const [stage] = Object.values(api.findResources('AWS::ApiGateway::Stage'));
    const settings = stage?.Properties.MethodSettings as {
      HttpMethod: string;
      ResourcePath: string;
      ThrottlingRateLimit: number;
    }[];
    for (const { method, path } of OPERATIONS) {
      // CloudFormation, MethodSetting: slashes are ~1, but for the first.
      const ResourcePath = `/${`/admin/fix${path}`.replaceAll('/', '~1')}`;
      expect(settings).toContainEqual(expect.objectContaining({ HttpMethod: method, ResourcePath }));
    }
    const rate = (end: string) => settings.find(({ ResourcePath }) => ResourcePath.endsWith(end))?.ThrottlingRateLimit;
    expect(rate('sessions~1kill')).toBeGreaterThan(rate('~1audit') ?? Number.POSITIVE_INFINITY);
  });

  test('production keeps concurrency for each function', () => {
    const reserved = Object.values(api.findResources('AWS::Lambda::Function'))
      .map(({ Properties }) => Properties.ReservedConcurrentExecutions as number | undefined)
      .filter((one) => one !== undefined);
    expect(reserved.sort()).toEqual([10, 20, 20, 30]);
  });

  test('the admin API can be for some addresses, for one endpoint, or under a name of one’s own', () => {
    const of = (context: Record<string, unknown>) => Template.fromStack(make({ ...IMAGE, ...context }).adminApi);
    of({ adminCidrs: '192.0.2.0/24' }).hasResourceProperties('AWS::ApiGateway::RestApi', {
      Policy: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { NotIpAddress: { 'aws:SourceIp': ['192.0.2.0/24'] } } }),
        ]),
      }),
    });
    of({ adminVpcEndpoint: 'vpce-0123456789abcdef0' }).hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: Match.objectLike({ Types: ['PRIVATE'] }),
      Policy: Match.objectLike({
        Statement: Match.arrayWith([Match.objectLike({ Effect: 'Deny', Condition: Match.anyValue() })]),
      }),
    });
    const named = of({ adminDomain: 'fix.example.com', adminCertificateArn: PRODUCTION.certificateArn });
    named.hasResourceProperties('AWS::ApiGateway::DomainName', {
      SecurityPolicy: 'TLS_1_2',
      DomainName: 'fix.example.com',
    });
    named.hasResourceProperties('AWS::ApiGateway::RestApi', { DisableExecuteApiEndpoint: true });
  }, 60_000);

  test('the access log has no header, query or body', () => {
    const [stage] = Object.values(api.findResources('AWS::ApiGateway::Stage'));
    expect(stage?.Properties.AccessLogSetting.Format).not.toMatch(/header|query|body|Authorization/i);
    const settings = stage?.Properties.MethodSettings as { DataTraceEnabled: boolean; LoggingLevel: string }[];
    expect(settings.length).toBeGreaterThan(30);
    for (const one of settings) expect(one).toMatchObject({ DataTraceEnabled: false, LoggingLevel: 'ERROR' });
  });

  test('a body above 64 KiB is answered 413 before any function', () => {
    api.hasResourceProperties('AWS::WAFv2::WebACL', {
      Rules: Match.arrayWith([
        Match.objectLike({
          Statement: { SizeConstraintStatement: Match.objectLike({ Size: 65_536 }) },
          Action: { Block: { CustomResponse: Match.objectLike({ ResponseCode: 413 }) } },
        }),
      ]),
    });
  });

  test('the edge runs as nobody in particular, on a file system it cannot change, with time to drain', () => {
    edge.hasResourceProperties('AWS::ECS::TaskDefinition', {
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
      ContainerDefinitions: [
        Match.objectLike({ User: '1000:1000', ReadonlyRootFilesystem: true, StopTimeout: 60, Image: IMAGE.edgeImage }),
      ],
    });
    edge.hasResourceProperties('AWS::ECS::Service', {
      EnableExecuteCommand: false,
      DeploymentConfiguration: Match.objectLike({ DeploymentCircuitBreaker: { Enable: true, Rollback: true } }),
    });
  });

  test('an edge keeps its journal in the store, under one of enough names for a deployment that doubles the tasks', () => {
    const of = (template: Template) => {
      const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
      const [{ Environment }] = task!.Properties.ContainerDefinitions as [
        { Environment: { Name: string; Value: string }[] },
      ];
      const variables = Object.fromEntries(Environment.map(({ Name, Value }) => [Name, Value]));
      const [policy] = Object.entries(template.findResources('AWS::IAM::Policy'))
        .find(([id]) => id.startsWith('TaskTaskRole'))!
        .slice(1) as {
        Properties: { PolicyDocument: { Statement: { Action: string | string[]; Resource: unknown }[] } };
      }[];
      const rights = policy!.Properties.PolicyDocument.Statement.filter(({ Resource }) =>
        JSON.stringify(Resource).includes('Tablejournal'),
      ).flatMap(({ Action }) => Action);
      return { variables, rights };
    };
    const stored = of(edge);
    expect(stored.variables).toMatchObject({ FIXGATE_JOURNAL: 'store', FIXGATE_EDGE_POOL: 'edge:20' });
    expect(stored.variables).not.toHaveProperty('FIXGATE_EDGE_ID');
    expect(stored.rights).toEqual(expect.arrayContaining(['dynamodb:PutItem', 'dynamodb:Query']));
    const filed = of(Template.fromStack(make({ ...IMAGE, journal: 'file' }).edge));
    expect(filed.variables).toMatchObject({ FIXGATE_JOURNAL: 'file' });
    expect(filed.variables).not.toHaveProperty('FIXGATE_EDGE_POOL');
    expect(filed.rights).toEqual([]);
  });

  test('FIX is TLS in production, health is asked of /ready, deregistration is quick', () => {
    edge.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Protocol: 'TLS', Port: 9878 });
    edge.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
      HealthCheckPath: '/ready',
      TargetGroupAttributes: Match.arrayWith([{ Key: 'deregistration_delay.timeout_seconds', Value: '10' }]),
    });
  });

  test('only the named addresses reach the FIX port', () => {
    edge.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: [Match.objectLike({ CidrIp: '192.0.2.0/24', FromPort: 9878 })],
    });
    const groups = JSON.stringify(edge.findResources('AWS::EC2::SecurityGroup'));
    expect(groups).not.toContain('"CidrIp":"0.0.0.0/0","Description":"FIX');
  });
});

describe('where TLS and client addresses come from', () => {
  const edgeOf = (context: Record<string, unknown>): Template =>
    Template.fromStack(make({ ...IMAGE, ...context }).edge);
  const environment = (template: Template): Map<string, unknown> => {
    const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
    const [container] = task!.Properties.ContainerDefinitions as [{ Environment: { Name: string; Value: unknown }[] }];
    return new Map(container.Environment.map(({ Name, Value }) => [Name, Value]));
  };
  const proxied = (Value: string) => ({
    TargetGroupAttributes: Match.arrayWith([{ Key: 'proxy_protocol_v2.enabled', Value }]),
  });

  test('by default the balancer says who the client is, and edges believe nobody outside the VPC', () => {
    const template = edgeOf({});
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', proxied('true'));
    const env = environment(template);
    expect(env.get('FIXGATE_PROXY_PROTOCOL')).toBe('on');
    expect(env.get('FIXGATE_CLIENT_ADDRESSES')).toBe('real');
    expect(env.get('FIXGATE_PROXY_SOURCES')).toBe('10.0.0.0/16');
  });

  test('off, both sides are off', () => {
    const template = edgeOf({ proxyProtocol: 'off', fixTls: 'off' });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', proxied('false'));
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Protocol: 'TCP' });
    const env = environment(template);
    expect(env.get('FIXGATE_PROXY_PROTOCOL')).toBe('off');
    expect(env.get('FIXGATE_CLIENT_ADDRESSES')).toBe('shared');
    expect(env.has('FIXGATE_PROXY_SOURCES')).toBe(false);
  });

  test('in the container: the balancer passes it through, and the edge may read its secret and no other', () => {
    const template = edgeOf({ ...PRODUCTION, certificateArn: undefined, fixTlsSecretArn: SECRET });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Protocol: 'TCP', Port: 9878 });
    expect(environment(template).get('FIXGATE_TLS_SECRET_ARN')).toBe(SECRET);
    const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Action: unknown; Resource: unknown }[],
    );
    expect(statements.filter(({ Action }) => JSON.stringify(Action).includes('secretsmanager'))).toEqual([
      { Action: 'secretsmanager:GetSecretValue', Effect: 'Allow', Resource: SECRET },
    ]);
  });

  test('at the listener no secret is given to the edge', () => {
    expect(environment(edgeOf(PRODUCTION)).has('FIXGATE_TLS_SECRET_ARN')).toBe(false);
  });
});
