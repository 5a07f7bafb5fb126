/**
 * `npm run doctor`: what a deployment would trip over, found by reading the account, before anything is made. Each check
 * says what it found, and what to do when that is not enough.
 */
import { App } from 'aws-cdk-lib';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { type Context, ContextError, deploymentName, readContext } from '../lib/context.ts';
import { type Aws, AwsError, element } from './aws.ts';
import { isThere } from './process.ts';

export type Finding =
  | { readonly state: 'ok' | 'warn'; readonly says: string }
  | { readonly state: 'missing'; readonly says: string; readonly todo: string };

const ok = (says: string): Finding => ({ state: 'ok', says });
const warn = (says: string): Finding => ({ state: 'warn', says });
const missing = (says: string, todo: string): Finding => ({ state: 'missing', says, todo });

/** Of the modern bootstrap that the CLI of this project wants. */
const BOOTSTRAP_VERSION = 6;
/** What AWS keeps unreserved in any account. */
const UNRESERVED = 100;
/** lib/admin-api-stack.ts reserves so much for the functions together. */
const RESERVED = 80;
const DAY_MS = 86_400_000;

/** @param given `-c name=value` as they will be given to cdk @param now epoch ms */
export async function examine(
  aws: Aws,
  given: Readonly<Record<string, string>>,
  now: number,
): Promise<readonly Finding[]> {
  let context: Context;
  try {
    context = readContext(new App({ context: given }));
  } catch (error) {
    if (!(error instanceof ContextError)) throw error;
    return [missing(error.message, 'correct the -c options: docs/DEPLOY.md lists them')];
  }
  const findings: Finding[] = [ok(`context: ${deploymentName(context)}, FIX TLS ${context.fixTls}`)];
  const who = await caller(aws);
  findings.push(who);
  // Nothing else can be asked without.
  if (who.state === 'missing') return findings;
  for (const check of [bootstrap, image, certificates, secret, concurrency, network, names])
    findings.push(...(await unlessDenied(check.name, () => check(aws, context, now))));
  return findings;
}

async function unlessDenied(name: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof AwsError && /Denied|Unauthorized/.test(error.code))
      return [warn(`${name}: not allowed to look (${error.code})`)];
    return [warn(`${name}: could not be looked at: ${(error as Error).message.slice(0, 200)}`)];
  }
}

async function caller(aws: Aws): Promise<Finding> {
  try {
    const xml = await aws.query('sts', '2011-06-15', 'GetCallerIdentity', {});
    return ok(`account ${element(xml, 'Account')}, region ${aws.region}, as ${element(xml, 'Arn')}`);
  } catch (error) {
    return missing(
      `AWS does not know who asks: ${(error as Error).message.slice(0, 200)}`,
      'sign in: aws sso login, or set AWS_PROFILE',
    );
  }
}

async function bootstrap(aws: Aws): Promise<readonly Finding[]> {
  const todo = `npx cdk bootstrap, in region ${aws.region}`;
  try {
    const Name = '/cdk-bootstrap/hnb659fds/version';
    const { Parameter } = await aws.json('ssm', 'AmazonSSM.GetParameter', { Name });
    const version = Number(Parameter.Value);
    if (version >= BOOTSTRAP_VERSION) return [ok(`bootstrap version ${version}`)];
    return [missing(`bootstrap version ${version} is too old`, todo)];
  } catch (error) {
    if (error instanceof AwsError && error.code === 'ParameterNotFound')
      return [missing('the region is not bootstrapped', todo)];
    throw error;
  }
}

async function image(aws: Aws, { edgeImage }: Context): Promise<readonly Finding[]> {
  if (edgeImage === undefined) {
    if (isThere('docker')) return [ok('docker is there to build the image of the edge')];
    return [
      missing('no docker to build the image of the edge', 'start docker, or give -c edgeImage=URI of a published one'),
    ];
  }
  const ecr = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)(?::([^@]+)|@(sha256:\S+))$/.exec(
    edgeImage,
  );
  if (ecr === null) return [warn(`edgeImage is not in ECR: edges have no way out of their VPC to ${edgeImage}`)];
  const [, registryId, region, repositoryName, imageTag, imageDigest] = ecr;
  if (region !== aws.region) return [warn(`edgeImage is in region ${region}`)];
  try {
    const imageIds = [imageTag === undefined ? { imageDigest } : { imageTag }];
    await aws.json('ecr', 'AmazonEC2ContainerRegistry_V20150921.DescribeImages', {
      registryId,
      repositoryName,
      imageIds,
    });
    return [ok('the image of the edge is published')];
  } catch (error) {
    if (error instanceof AwsError && /NotFound/.test(error.code))
      return [missing(`there is no image ${edgeImage}`, 'build and push it: docs/DEPLOY.md')];
    throw error;
  }
}

async function certificates(aws: Aws, context: Context, now: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, CertificateArn] of Object.entries({
    certificateArn: context.certificateArn,
    adminCertificateArn: context.adminCertificateArn,
  })) {
    if (CertificateArn === undefined) continue;
    const region = CertificateArn.split(':')[3];
    if (region !== aws.region) {
      findings.push(missing(`${name} is in region ${region}`, `request one in ${aws.region}`));
      continue;
    }
    try {
      const { Certificate } = await aws.json('acm', 'CertificateManager.DescribeCertificate', { CertificateArn });
      const days = Math.floor((Number(Certificate.NotAfter ?? 0) * 1000 - now) / DAY_MS);
      if (Certificate.Status !== 'ISSUED')
        findings.push(missing(`${name} is ${Certificate.Status}`, 'finish its validation in ACM'));
      else findings.push(days < 30 ? warn(`${name} expires in ${days} days`) : ok(`${name} is issued`));
    } catch (error) {
      if (!(error instanceof AwsError && /NotFound/.test(error.code))) throw error;
      findings.push(missing(`${name}: there is no such certificate`, 'request or import it in ACM'));
    }
  }
  return findings;
}

async function secret(aws: Aws, { fixTlsSecretArn: SecretId }: Context): Promise<readonly Finding[]> {
  if (SecretId === undefined) return [];
  try {
    // Its value is for the edges alone.
    await aws.json('secretsmanager', 'secretsmanager.DescribeSecret', { SecretId });
    return [ok('the secret with certificate and key of FIX is there')];
  } catch (error) {
    if (!(error instanceof AwsError && /NotFound/.test(error.code))) throw error;
    return [missing('fixTlsSecretArn: there is no such secret', 'put certificate and key into one: docs/DEPLOY.md')];
  }
}

async function concurrency(aws: Aws, { reservedConcurrency }: Context): Promise<readonly Finding[]> {
  const { AccountLimit } = await aws.get('lambda', '/2016-08-19/account-settings/');
  const free = Number(AccountLimit?.UnreservedConcurrentExecutions ?? AccountLimit?.ConcurrentExecutions);
  const wanted = reservedConcurrency === 'on' ? RESERVED + UNRESERVED : 10;
  if (free >= wanted) return [ok(`${free} functions may run at once`)];
  return [
    missing(
      `${free} functions may run at once, ${wanted} are needed`,
      'ask for more in Service Quotas (Lambda, concurrent executions), or -c reservedConcurrency=off',
    ),
  ];
}

/** VPCs of a region, unless AWS was asked for more. */
const VPCS = 5;

async function network(aws: Aws, context: Context): Promise<readonly Finding[]> {
  if (await stackIs(aws, `${deploymentName(context)}-edge`)) return [];
  const xml = await aws.query('ec2', '2016-11-15', 'DescribeVpcs', {});
  const used = xml.match(/<vpcId>/g)?.length ?? 0;
  if (used < VPCS) return [ok(`${used} VPCs in the region, one more fits`)];
  return [warn(`${used} VPCs in the region: the default quota is ${VPCS}`)];
}

/** Tables outlive their stack: a new one would find their names taken. */
async function names(aws: Aws, context: Context): Promise<readonly Finding[]> {
  if (await stackIs(aws, `${deploymentName(context)}-storage`)) return [ok('an update of what is deployed already')];
  const findings: Finding[] = [];
  for (const TableName of Object.values(tableNames(deploymentName(context)))) {
    const there = await aws.json('dynamodb', 'DynamoDB_20120810.DescribeTable', { TableName }).then(
      () => true,
      (error: unknown) => {
        if (error instanceof AwsError && /NotFound/.test(error.code)) return false;
        throw error;
      },
    );
    if (there)
      findings.push(
        missing(
          `table ${TableName} is there without its stack`,
          'import it (docs/DEPLOY.md), or choose another -c prefix',
        ),
      );
  }
  return findings.length > 0 ? findings : [ok('all names are free')];
}

async function stackIs(aws: Aws, StackName: string): Promise<boolean> {
  try {
    const xml = await aws.query('cloudformation', '2010-05-15', 'DescribeStacks', { StackName });
    return !xml.includes('<StackStatus>DELETE_COMPLETE</StackStatus>');
  } catch (error) {
    if (error instanceof AwsError && error.code === 'ValidationError') return false;
    throw error;
  }
}
