/** The admin API: a REST API under IAM authorization before four functions, each with the rights its operations need. */
import { CfnOutput, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  DomainName,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type MethodDeploymentOptions,
  MethodLoggingLevel,
  type Resource,
  ResponseType,
  RestApi,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import { ERRORS, type ErrorCode } from '../contract/errors.ts';
import { BASE_PATH, MAX_BODY_BYTES, OPERATIONS, type Rights } from '../contract/operations.ts';
import { ProductFunction } from './constructs/product-function.ts';
import type { Context } from './context.ts';
import type { StorageStack } from './storage-stack.ts';

export interface AdminApiStackProps extends StackProps {
  readonly context: Context;
  readonly storage: StorageStack;
}

/** Requests of one address in five minutes before the web ACL refuses more. */
const REQUESTS_PER_FIVE_MINUTES = 3000;

/**
 * Concurrency that is kept for each, and its most: readers cannot starve who stops sessions, and none of them the functions
 * of others in the account. An account needs a hundred besides.
 */
const RESERVED: Readonly<Record<Rights, number>> = { read: 30, credentials: 20, policy: 10, sessions: 20 };

/** Of the stage and of each method: one that has settings of its own takes none of the stage's. */
const WATCHED = { dataTraceEnabled: false, metricsEnabled: true, loggingLevel: MethodLoggingLevel.ERROR } as const;

const DESCRIPTIONS: Readonly<Record<Rights, string>> = {
  read: 'admin operations that change nothing',
  credentials: 'admin operations that give, take and change access',
  policy: 'admin operations on limits, tiers, rules, overrides, locks and edges',
  sessions: 'admin operations that end live sessions and tell them something',
};

export class AdminApiStack extends Stack {
  readonly functions: Readonly<Record<Rights, ProductFunction>>;
  readonly api: RestApi;

  constructor(scope: Construct, id: string, { context, storage, ...props }: AdminApiStackProps) {
    super(scope, id, props);
    const make = (rights: Rights) => this.#function(rights, context, storage);
    this.functions = {
      read: make('read'),
      credentials: make('credentials'),
      policy: make('policy'),
      sessions: make('sessions'),
    };
    this.#grant(storage);
    this.api = this.#api(context);
    this.#routes(context);
    this.#gatewayResponses();
    this.#webAcl();
    new CfnOutput(this, 'AdminUrl', { value: `${this.api.url}${BASE_PATH.slice(1)}`, description: 'admin API' });
    new CfnOutput(this, 'ApiId', { value: this.api.restApiId, description: 'for policies: execute-api:Invoke' });
  }

  #function(rights: Rights, context: Context, storage: StorageStack): ProductFunction {
    return new ProductFunction(this, `Function-${rights}`, {
      context,
      entry: rights,
      description: DESCRIPTIONS[rights],
      reserved: context.reservedConcurrency === 'on' ? RESERVED[rights] : undefined,
      environment: {
        ...storage.variables(),
        FIXGATE_CURSOR_KEY_SECRET_ARN: storage.cursorKey.secretArn,
        FIXGATE_ON_INELIGIBLE: context.onIneligible,
      },
    });
  }

  /** Who may touch which table. */
  #grant(storage: StorageStack): void {
    for (const [rights, fn] of Object.entries(this.functions) as [Rights, ProductFunction][])
      grantRights(storage, fn, rights);
  }

  #api(context: Context): RestApi {
    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: context.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const api = new RestApi(this, 'Api', {
      restApiName: `${context.prefix}-${context.stage}-admin`,
      description: 'fixgate admin API',
      ...reach(context),
      defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
      cloudWatchRole: true,
      deployOptions: {
        stageName: context.stage,
        tracingEnabled: true,
        ...WATCHED,
        throttlingRateLimit: 100,
        throttlingBurstLimit: 200,
        methodOptions: throttles(),
        accessLogDestination: new LogGroupLogDestination(accessLog),
        accessLogFormat: accessLogFormat(),
      },
    });
    if (context.adminDomain !== undefined && context.adminCertificateArn !== undefined)
      this.#domain(api, context.adminDomain, context.adminCertificateArn);
    Validations.of(api).acknowledge(
      {
        id: 'AwsSolutions-APIG2',
        reason:
          'The zod schemas in contract/ are the only validator; a second one in the gateway would answer in another form.',
      },
      { id: 'AwsSolutions-COG4', reason: 'Callers are IAM principals: every method has AWS_IAM authorization.' },
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
        reason: 'The managed policy lets API Gateway write its own logs.',
      },
    );
    return api;
  }

  /** The name is the API's only one then; who owns its zone points it at the output. */
  #domain(api: RestApi, domainName: string, certificateArn: string): void {
    const domain = new DomainName(this, 'Domain', {
      domainName,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
    });
    domain.addBasePathMapping(api, { stage: api.deploymentStage });
    new CfnOutput(this, 'AdminDomainTarget', {
      value: domain.domainNameAliasDomainName,
      description: `CNAME of ${domainName}`,
    });
  }

  #routes(context: Context): void {
    const integrations = Object.fromEntries(
      Object.entries(this.functions).map(([rights, fn]) => [rights, new LambdaIntegration(fn)]),
    ) as Record<Rights, LambdaIntegration>;
    const base: Resource = this.api.root.resourceForPath(BASE_PATH);
    for (const { method, path, rights } of OPERATIONS)
      base.resourceForPath(path.slice(1)).addMethod(method, integrations[rights]);
    const unknown = new ProductFunction(this, 'Function-unknown', {
      context,
      entry: 'unknown',
      description: 'paths and methods that are no operation',
    });
    base.addProxy({ defaultIntegration: new LambdaIntegration(unknown) });
  }

  /** What API Gateway refuses by itself speaks the catalogue too. */
  #gatewayResponses(): void {
    const respond = (type: ResponseType, code: ErrorCode) =>
      this.api.addGatewayResponse(`Response-${type.responseType}`, {
        type,
        statusCode: String(ERRORS[code].status),
        templates: { 'application/json': said(code, '$context.requestId') },
      });
    respond(ResponseType.MISSING_AUTHENTICATION_TOKEN, 'unsigned');
    respond(ResponseType.INVALID_SIGNATURE, 'signature_invalid');
    respond(ResponseType.EXPIRED_TOKEN, 'signature_expired');
    respond(ResponseType.ACCESS_DENIED, 'access_denied');
    respond(ResponseType.REQUEST_TOO_LARGE, 'too_large');
    respond(ResponseType.THROTTLED, 'throttled');
    respond(ResponseType.QUOTA_EXCEEDED, 'throttled');
    respond(ResponseType.WAF_FILTERED, 'access_denied');
    // Whatever else the gateway finds wrong with a request before a function sees it.
    respond(ResponseType.DEFAULT_4XX, 'invalid_request');
    respond(ResponseType.DEFAULT_5XX, 'internal');
  }

  #webAcl(): void {
    const visibility = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName,
      sampledRequestsEnabled: false,
    });
    const acl = new CfnWebACL(this, 'WebAcl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility('fixgate-admin'),
      customResponseBodies: Object.fromEntries(
        (['too_large', 'throttled'] as const).map((code) => [
          code,
          // It knows no id of the request.
          { contentType: 'APPLICATION_JSON', content: said(code, '') },
        ]),
      ),
      rules: [
        {
          name: 'body-size',
          priority: 0,
          action: blocked('too_large'),
          statement: {
            sizeConstraintStatement: {
              fieldToMatch: { body: { oversizeHandling: 'MATCH' } },
              comparisonOperator: 'GT',
              size: MAX_BODY_BYTES,
              textTransformations: [{ priority: 0, type: 'NONE' }],
            },
          },
          visibilityConfig: visibility('fixgate-admin-body-size'),
        },
        {
          name: 'rate',
          priority: 1,
          action: blocked('throttled'),
          statement: { rateBasedStatement: { aggregateKeyType: 'IP', limit: REQUESTS_PER_FIVE_MINUTES } },
          visibilityConfig: visibility('fixgate-admin-rate'),
        },
      ],
      // The default inspects 16 KiB of a body; the limit above needs all of it.
      associationConfig: { requestBody: { API_GATEWAY: { defaultSizeInspectionLimit: 'KB_64' } } },
    });
    new CfnWebACLAssociation(this, 'WebAclAssociation', {
      webAclArn: acl.attrArn,
      resourceArn: this.api.deploymentStage.stageArn,
    });
  }
}

/** An error in the form of the catalogue. */
const said = (code: ErrorCode, request_id: string): string =>
  JSON.stringify({ success: false, error: { code, message: ERRORS[code].message, details: [], request_id } });

const blocked = (code: ErrorCode) => ({
  block: { customResponse: { responseCode: ERRORS[code].status, customResponseBodyKey: code } },
});

/** From where the API is reached: from everywhere with a signature, from addresses, or from one endpoint of a VPC. */
function reach({ adminCidrs, adminVpcEndpoint, adminDomain }: Context) {
  const anybody = { principals: [new AnyPrincipal()], actions: ['execute-api:Invoke'], resources: ['execute-api:/*'] };
  const only = (conditions: Record<string, Record<string, unknown>>) =>
    new PolicyDocument({
      statements: [new PolicyStatement(anybody), new PolicyStatement({ ...anybody, effect: Effect.DENY, conditions })],
    });
  const disableExecuteApiEndpoint = adminDomain !== undefined;
  if (adminVpcEndpoint !== undefined)
    return {
      endpointConfiguration: { types: [EndpointType.PRIVATE] },
      policy: only({ StringNotEquals: { 'aws:SourceVpce': adminVpcEndpoint } }),
    };
  const endpointConfiguration = { types: [EndpointType.REGIONAL] };
  if (adminCidrs === undefined) return { endpointConfiguration, disableExecuteApiEndpoint };
  return {
    endpointConfiguration,
    disableExecuteApiEndpoint,
    policy: only({ NotIpAddress: { 'aws:SourceIp': adminCidrs } }),
  };
}

/** What the operations of these rights need: tables, the cursor key, and who seals may seal. */
function grantRights(storage: StorageStack, fn: ProductFunction, rights: Rights): void {
  storage.grant(fn, rights);
  storage.grantCursorKey(fn);
  if (rights !== 'credentials') return;
  storage.grantEnvelope(fn);
  storage.grantSecrets(fn, 'kms:Encrypt');
}

/**
 * Requests a second of each method before the gateway answers 429. What stops clients is never in the way of what looks at
 * them: it has a share of its own, several times that of the rest.
 */
function throttles(): Record<string, MethodDeploymentOptions> {
  const urgent = new Set(['killSessions', 'lock', 'suspend', 'revoke']);
  return Object.fromEntries(
    OPERATIONS.map(({ id, method, path }) => [
      `${BASE_PATH}${path}/${method}`,
      {
        ...WATCHED,
        throttlingRateLimit: urgent.has(id) ? 100 : 25,
        throttlingBurstLimit: urgent.has(id) ? 200 : 50,
      },
    ]),
  );
}

/** Who asked for what, and what came of it; no header, no body, no query. */
function accessLogFormat(): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      request_id: AccessLogField.contextRequestId(),
      at: AccessLogField.contextRequestTimeEpoch(),
      principal: AccessLogField.contextIdentityUserArn(),
      source_ip: AccessLogField.contextIdentitySourceIp(),
      method: AccessLogField.contextHttpMethod(),
      path: AccessLogField.contextResourcePath(),
      status: AccessLogField.contextStatus(),
      latency_ms: AccessLogField.contextResponseLatency(),
      error: AccessLogField.contextErrorMessage(),
    }),
  );
}
