// The doctor over a stand-in for AWS: one HTTP endpoint that answers each call as AWS words it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Aws } from '../../deploy/aws.ts';
import { examine, type Finding } from '../../deploy/doctor.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';
const NOW = Date.UTC(2026, 5, 1);
const DAY_S = 86_400;
const arn = (service: string, rest: string, region = REGION, account = ACCOUNT) =>
  `arn:aws:${service}:${region}:${account}:${rest}`;
const CERTIFICATE = arn('acm', 'certificate/abc');
const SECRET = arn('secretsmanager', 'secret:fix-tls-AbCdEf');
const IMAGE = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/fixgate-edge:1`;

type Answer = readonly [status: number, body: string | object];
const fails = (type: string, status = 400): Answer => [status, { __type: type, message: type }];
const failsXml = (code: string, status = 400): Answer => [
  status,
  `<ErrorResponse><Error><Code>${code}</Code><Message>m</Message></Error></ErrorResponse>`,
];
const issued = (more: object = {}): Answer => [
  200,
  {
    Certificate: {
      Status: 'ISSUED',
      NotAfter: NOW / 1000 + 300 * DAY_S,
      DomainName: '*.example.com',
      SubjectAlternativeNames: ['*.example.com'],
      ...more,
    },
  },
];
const quota = (Value: number): Answer => [200, { Quota: { Value } }];
const times = (count: number, xml: string): string => Array.from({ length: count }, () => xml).join('');

/** An account in which nothing is missing; by operation, or `operation argument`. */
const GOOD: Readonly<Record<string, Answer>> = {
  GetCallerIdentity: [200, `<r><Account>${ACCOUNT}</Account><Arn>arn:aws:iam::${ACCOUNT}:user/ann</Arn></r>`],
  GetParameter: [200, { Parameter: { Value: '28' } }],
  DescribeAvailabilityZones: [200, times(3, '<zoneName>z</zoneName>')],
  DescribeImages: [200, { imageDetails: [{}] }],
  DescribeCertificate: issued(),
  DescribeSecret: [200, {}],
  'account-settings': [200, { AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 1000 } }],
  DescribeStacks: failsXml('ValidationError'),
  DescribeVpcs: [200, times(1, '<vpcId>vpc-1</vpcId>')],
  DescribeLoadBalancers: [200, times(2, '<Type>network</Type>') + times(60, '<Type>application</Type>')],
  'GetServiceQuota L-3032A538': quota(100),
  'GetServiceQuota L-F678F1CE': fails('com.amazonaws.servicequotas#NoSuchResourceException'),
  'GetAWSDefaultServiceQuota L-F678F1CE': quota(5),
  'GetServiceQuota L-69A177A2': quota(50),
  DescribeTable: fails('com.amazonaws.dynamodb.v20120810#ResourceNotFoundException'),
};

let server: Server;
let answers: Record<string, Answer>;
let asked: string[];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const target = request.headers['x-amz-target'] as string | undefined;
    const action =
      target?.split('.').at(-1) ??
      new URLSearchParams(body).get('Action') ??
      (request.url ?? '').split('/').at(-2) ??
      '';
    const argument = target === undefined ? undefined : (JSON.parse(body).QuotaCode as string | undefined);
    asked.push(action);
    const [status, answer] = answers[`${action} ${argument}`] ?? answers[action] ?? fails('UnknownOperation', 404);
    response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
beforeEach(() => {
  answers = { ...GOOD };
  asked = [];
});
afterAll(() => void server.close());

const endpoint = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const look = (given: Record<string, string> = {}): Promise<readonly Finding[]> =>
  examine(new Aws(endpoint(), { accessKeyId: 'a', secretAccessKey: 'b' }, REGION), { edgeImage: IMAGE, ...given }, NOW);
const lacking = async (given: Record<string, string> = {}) =>
  (await look(given)).flatMap((one) => (one.state === 'missing' ? [`${one.says} -> ${one.todo}`] : []));
const warned = async (given: Record<string, string> = {}) =>
  (await look(given)).flatMap((one) => (one.state === 'warn' ? [one.says] : []));

const LISTENER = { certificateArn: CERTIFICATE };
const CONTAINER = { fixTlsSecretArn: SECRET };
const DOMAIN = { adminDomain: 'fix.example.com', adminCertificateArn: CERTIFICATE };

test('an account with everything lacks nothing, and is only read', async () => {
  for (const given of [{}, LISTENER, CONTAINER, DOMAIN])
    expect((await look(given)).filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(asked.filter((action) => !/^(Get|Describe|account-settings)/.test(action))).toEqual([]);
});

const LACKS: readonly (readonly [string, Record<string, string>, Record<string, Answer>, string | RegExp])[] = [
  ['a wrong context', { stage: 'prod', zones: '9' }, {}, /stage=prod[\s\S]*zones=9/],
  ['what production refuses', { stage: 'production' }, {}, /fixTls=off[\s\S]*allowedCidrs/],
  [
    'keys that AWS does not know',
    {},
    { GetCallerIdentity: failsXml('InvalidClientTokenId', 403) },
    /does not know who asks[\s\S]* -> other keys, or a region that is enabled: eu-west-1/,
  ],
  ['keys that are over', {}, { GetCallerIdentity: failsXml('ExpiredToken', 403) }, / -> sign in: aws sso login/],
  [
    'a region that is not bootstrapped',
    {},
    { GetParameter: fails('ParameterNotFound') },
    'the region is not bootstrapped -> npx cdk bootstrap, in region eu-west-1',
  ],
  ['an old bootstrap', {}, { GetParameter: [200, { Parameter: { Value: '5' } }] }, /version 5 is too old/],
  [
    'too few zones',
    { zones: '3' },
    { DescribeAvailabilityZones: [200, times(2, '<zoneName>z</zoneName>')] },
    /2 availability zones, 3 are wanted/,
  ],
  [
    'an image that is not there',
    {},
    { DescribeImages: fails('ImageNotFoundException') },
    /there is no image .*:1 -> build/,
  ],
  ['a repository that is not there', {}, { DescribeImages: fails('RepositoryNotFoundException') }, /there is no image/],
  [
    'an image in another region',
    { edgeImage: IMAGE.replace(REGION, 'us-east-1') },
    {},
    /edgeImage is in region us-east-1: tasks reach the registry of eu-west-1 alone/,
  ],
  [
    'a certificate that is not there',
    LISTENER,
    { DescribeCertificate: fails('ResourceNotFoundException') },
    /no such certificate/,
  ],
  [
    'a certificate that waits',
    LISTENER,
    { DescribeCertificate: issued({ Status: 'PENDING_VALIDATION' }) },
    /PENDING_VALIDATION/,
  ],
  [
    'a certificate that has expired',
    LISTENER,
    { DescribeCertificate: issued({ Status: 'EXPIRED' }) },
    'certificateArn has expired',
  ],
  [
    'a certificate whose time is over',
    LISTENER,
    { DescribeCertificate: issued({ NotAfter: NOW / 1000 - DAY_S }) },
    'certificateArn has expired -> renew it in ACM, or import another',
  ],
  [
    'a certificate in another region',
    { certificateArn: arn('acm', 'certificate/abc', 'us-east-1') },
    {},
    'certificateArn is in region us-east-1 -> one in eu-west-1 is needed',
  ],
  [
    'a certificate of another account',
    { certificateArn: arn('acm', 'certificate/abc', REGION, '999999999999') },
    {},
    'certificateArn is of account 999999999999',
  ],
  [
    'a certificate for another name',
    DOMAIN,
    { DescribeCertificate: issued({ DomainName: 'x.org', SubjectAlternativeNames: ['*.x.org'] }) },
    'adminCertificateArn is not for fix.example.com',
  ],
  [
    'a wildcard too short',
    { ...DOMAIN, adminDomain: 'a.b.example.com' },
    {},
    'adminCertificateArn is not for a.b.example.com',
  ],
  ['a secret that is not there', CONTAINER, { DescribeSecret: fails('ResourceNotFoundException') }, /no such secret/],
  [
    'a secret in another region',
    { fixTlsSecretArn: SECRET.replace(REGION, 'us-east-1') },
    {},
    /fixTlsSecretArn is in region us-east-1/,
  ],
  [
    'concurrency of functions',
    { reservedConcurrency: 'on' },
    { 'account-settings': [200, { AccountLimit: { UnreservedConcurrentExecutions: 120 } }] },
    /120 functions may run at once, 180 are needed/,
  ],
  [
    'vCPUs of Fargate',
    { desiredCount: '4' },
    { 'GetServiceQuota L-3032A538': quota(6) },
    'vCPUs of Fargate: 6 are allowed, 8 more are needed -> ask for more in Service Quotas (fargate, L-3032A538)',
  ],
  [
    'a VPC',
    {},
    { DescribeVpcs: [200, times(5, '<vpcId>v</vpcId>')] },
    /VPCs in the region: 5 are allowed, 5 are there, 1 more/,
  ],
  ['a balancer', {}, { 'GetServiceQuota L-69A177A2': quota(2) }, /network load balancers: 2 are allowed, 2 are there/],
  [
    'a name that is taken',
    {},
    { DescribeTable: [200, { Table: {} }] },
    /table fixgate-dev-credentials is there without its stack/,
  ],
];

test.each(LACKS)('it tells of %s, and what to do', async (_what, given, other, said) => {
  Object.assign(answers, other);
  const found = await lacking(given);
  expect(found.length).toBeGreaterThan(0);
  expect(found.join('\n')).toMatch(
    typeof said === 'string' ? new RegExp(said.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : said,
  );
});

test('nothing else is asked of AWS with a wrong context, or by nobody', async () => {
  await look({ stage: 'prod' });
  expect(asked).toEqual([]);
  answers.GetCallerIdentity = failsXml('ExpiredToken', 403);
  await look();
  expect(asked).toEqual(['GetCallerIdentity']);
});

describe('what is no reason to stop is to be looked at', () => {
  test.each([
    [
      'a certificate that expires soon',
      LISTENER,
      { DescribeCertificate: issued({ NotAfter: NOW / 1000 + 9 * DAY_S }) },
      /expires in 9 days/,
    ],
    ['an image that is not in ECR', { edgeImage: 'ghcr.io/x/y:1' }, {}, /not in ECR/],
    [
      'vCPUs for all that it may scale to',
      {},
      { 'GetServiceQuota L-3032A538': quota(6) },
      /up to 10 more as it scales/,
    ],
    [
      'what may not be looked at',
      {},
      { GetServiceQuota: fails('AccessDeniedException'), 'GetServiceQuota L-3032A538': fails('AccessDeniedException') },
      /quotas: not allowed to look \(AccessDeniedException\)/,
    ],
    [
      'what cannot be looked at',
      {},
      { GetParameter: fails('InternalServerError', 500) },
      /bootstrap: could not be looked at/,
    ],
  ] as const)('%s', async (_what, given, other, said) => {
    Object.assign(answers, other);
    expect((await warned(given)).join('\n')).toMatch(said);
    expect(await lacking(given)).toEqual([]);
  });
});

test('what is deployed already has its names and its share', async () => {
  answers.DescribeStacks = [200, '<StackStatus>UPDATE_COMPLETE</StackStatus>'];
  answers.DescribeVpcs = [200, times(5, '<vpcId>v</vpcId>')];
  expect(await lacking()).toEqual([]);
});

test('a region that does not exist has no endpoint, and is told so', async () => {
  const nowhere = new Aws('http://no-such-host.invalid', { accessKeyId: 'a', secretAccessKey: 'b' }, 'mars-east-1');
  const [, last] = await examine(nowhere, { edgeImage: IMAGE }, NOW);
  expect(last).toMatchObject({ state: 'missing', says: 'AWS cannot be reached in region mars-east-1' });
});

describe('as a command', () => {
  const run = async (env: Record<string, string>, ...args: string[]) => {
    const home = temporaryDirectory();
    const given = args.length > 0 ? args : ['-c', `edgeImage=${IMAGE}`];
    const child = spawn(process.execPath, [join(ROOT, 'scripts', 'doctor.ts'), ...given], {
      env: { PATH: process.env.PATH ?? '', HOME: home, AWS_EC2_METADATA_DISABLED: 'true', ...env },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    removeDirectory(home);
    return { code, said };
  };
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };

  test('without a region, or without keys, it says what to set', async () => {
    expect(await run(keys)).toEqual({
      code: 1,
      said: expect.stringMatching(/^MISSING no region\n +-> set AWS_REGION/),
    });
    expect(await run({ AWS_REGION: REGION })).toEqual({
      code: 1,
      said: expect.stringMatching(/^MISSING no keys of AWS: .*\n +-> sign in: aws sso login/),
    });
  }, 30_000);

  test.each([
    ['there is no docker', undefined],
    ['docker does not answer', '#!/bin/sh\ntest "$1" = --version'],
  ])(
    'without an image that is published, %s',
    async (said, script) => {
      const bin = temporaryDirectory();
      if (script !== undefined) writeFileSync(join(bin, 'docker'), script, { mode: 0o755 });
      const env = { ...keys, AWS_REGION: REGION, AWS_ENDPOINT_URL: endpoint(), PATH: bin };
      const ran = await run(env, '-c', 'stage=dev');
      removeDirectory(bin);
      expect(ran).toEqual({
        code: 1,
        said: expect.stringMatching(new RegExp(`^MISSING ${said}, to build the image`, 'm')),
      });
    },
    30_000,
  );

  test('its exit code says whether something is missing', async () => {
    const env = { ...keys, AWS_REGION: REGION, AWS_ENDPOINT_URL: endpoint() };
    expect(await run(env)).toEqual({ code: 0, said: expect.not.stringContaining('MISSING') });
    answers.GetParameter = fails('ParameterNotFound');
    expect(await run(env)).toEqual({
      code: 1,
      said: expect.stringMatching(/^MISSING the region is not bootstrapped$/m),
    });
  }, 30_000);
});
