/**
 * `npm run doctor`: what a deployment would trip over, found by reading the account, before anything is made. Each check
 * says what it found, and what to do when that is not enough.
 */
import { App } from 'aws-cdk-lib';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { type Context, ContextError, deploymentName, readContext } from '../lib/context.ts';
import { type Aws, AwsError, element } from './aws.ts';
import { type Finding, missing, ok, stackIs, warn } from './finding.ts';
import { isThere, isWell } from './process.ts';
import { quotas } from './quotas.ts';

export type { Finding };

/** Of the modern bootstrap that the CLI of this project wants. */
const BOOTSTRAP_VERSION = 6;
/** What AWS keeps unreserved in any account. */
const UNRESERVED = 100;
/** lib/admin-api-stack.ts reserves so much for the functions together. */
const RESERVED = 80;
const DAY_MS = 86_400_000;
const WARNED_DAYS = 30;

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
  findings.push(who.finding);
  // Nothing else can be asked without.
  if (who.account === undefined) return findings;
  findings.push(...elsewhere(aws, context, who.account));
  for (const check of [bootstrap, zones, image, certificates, secret, concurrency, quotas, names])
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

/** Who asks; without an account nothing else can be asked. */
async function caller(aws: Aws): Promise<{ readonly finding: Finding; readonly account?: string }> {
  try {
    const xml = await aws.query('sts', '2011-06-15', 'GetCallerIdentity', {});
    const account = element(xml, 'Account');
    return { finding: ok(`account ${account}, region ${aws.region}, as ${element(xml, 'Arn')}`), account };
  } catch (error) {
    if (isUnreachable(error))
      return {
        finding: missing(
          `AWS cannot be reached in region ${aws.region}`,
          'is AWS_REGION the name of a region, such as eu-west-1, and is there a way out?',
        ),
      };
    const code = error instanceof AwsError ? error.code : '';
    const todo =
      code === 'InvalidClientTokenId'
        ? `other keys, or a region that is enabled: ${aws.region} may have to be opted into`
        : 'sign in: aws sso login, or set AWS_PROFILE';
    return { finding: missing(`AWS does not know who asks: ${(error as Error).message.slice(0, 200)}`, todo) };
  }
}

/** No such host: what a region is that is none. */
function isUnreachable(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  return ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED'].includes(cause?.code ?? '');
}

/** What is named by its ARN must be of this account and region: neither a balancer nor a task takes another's. */
function elsewhere(aws: Aws, context: Context, account: string): readonly Finding[] {
  const { certificateArn, adminCertificateArn, fixTlsSecretArn } = context;
  return Object.entries({ certificateArn, adminCertificateArn, fixTlsSecretArn }).flatMap(([name, arn]) => {
    const [, , , region, owner] = arn?.split(':') ?? [];
    if (arn === undefined) return [];
    if (region !== aws.region) return [missing(`${name} is in region ${region}`, `one in ${aws.region} is needed`)];
    return owner === account ? [] : [missing(`${name} is of account ${owner}`, `one of account ${account} is needed`)];
  });
}

async function zones(aws: Aws, { zones: wanted }: Context): Promise<readonly Finding[]> {
  const xml = await aws.query('ec2', '2016-11-15', 'DescribeAvailabilityZones', {});
  const there = xml.match(/<zoneName>/g)?.length ?? 0;
  if (there >= wanted) return [];
  return [missing(`${there} availability zones, ${wanted} are wanted`, 'another region, or fewer with -c zones=2')];
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
    if (isThere('docker') && isWell('docker', 'info')) return [ok('docker is there to build the image of the edge')];
    const what = isThere('docker') ? 'docker does not answer' : 'there is no docker';
    return [
      missing(`${what}, to build the image of the edge`, 'start it, or give -c edgeImage=URI of a published one'),
    ];
  }
  const ecr = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)(?::([^@]+)|@(sha256:\S+))$/.exec(
    edgeImage,
  );
  if (ecr === null) return [warn(`edgeImage is not in ECR: edges have no way out of their VPC to ${edgeImage}`)];
  const [, registryId, region, repositoryName, imageTag, imageDigest] = ecr;
  if (region !== aws.region)
    return [
      missing(
        `edgeImage is in region ${region}: tasks reach the registry of ${aws.region} alone`,
        `push it, or replicate the repository, to ${aws.region}`,
      ),
    ];
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
    // Said already: it cannot be looked at from here.
    if (CertificateArn.split(':')[3] !== aws.region) continue;
    try {
      const { Certificate } = await aws.json('acm', 'CertificateManager.DescribeCertificate', { CertificateArn });
      findings.push(certificate(name, Certificate, now));
      if (
        name === 'adminCertificateArn' &&
        context.adminDomain !== undefined &&
        !covers(Certificate, context.adminDomain)
      )
        findings.push(missing(`${name} is not for ${context.adminDomain}`, 'request one with this name in ACM'));
    } catch (error) {
      if (!(error instanceof AwsError && /NotFound/.test(error.code))) throw error;
      findings.push(missing(`${name}: there is no such certificate`, 'request or import it in ACM'));
    }
  }
  return findings;
}

/** Of ACM's DescribeCertificate. */
interface Certificate {
  readonly Status: string;
  /** Epoch seconds; of what was issued. */
  readonly NotAfter?: number;
  readonly DomainName?: string;
  readonly SubjectAlternativeNames?: readonly string[];
}

function certificate(name: string, { Status, NotAfter = 0 }: Certificate, now: number): Finding {
  const days = Math.floor((NotAfter * 1000 - now) / DAY_MS);
  if (Status === 'EXPIRED' || (Status === 'ISSUED' && days < 0))
    return missing(`${name} has expired`, 'renew it in ACM, or import another');
  if (Status !== 'ISSUED') return missing(`${name} is ${Status}`, 'finish its validation in ACM');
  return days < WARNED_DAYS ? warn(`${name} expires in ${days} days`) : ok(`${name} is issued`);
}

/** A wildcard stands for one label (RFC 6125, 6.4.3). */
function covers({ DomainName, SubjectAlternativeNames = [] }: Certificate, host: string): boolean {
  const wild = host.replace(/^[^.]+/, '*');
  return [DomainName, ...SubjectAlternativeNames].some((name) => name === host || name === wild);
}

async function secret(aws: Aws, { fixTlsSecretArn: SecretId }: Context): Promise<readonly Finding[]> {
  if (SecretId === undefined || SecretId.split(':')[3] !== aws.region) return [];
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
