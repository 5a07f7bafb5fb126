/** The few calls to AWS for which the product has no client: signed and sent as they are. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { REGION } from './emulator.ts';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** AWS said no. */
export class AwsError extends Error {
  readonly code: string;
  constructor(call: string, status: number, text: string) {
    const code =
      /<Code>([^<]+)</.exec(text)?.[1] ?? /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(text)?.[1] ?? String(status);
    super(`${call} answered ${status}: ${text.slice(0, 500)}`);
    this.code = code;
  }
}

/** Of a call that the store did not answer in time. */
const TRIES = 5;

export class Aws {
  readonly #endpoint: string | undefined;
  readonly #keys: Keys;
  readonly region: string;

  /** @param endpoint of all services; undefined: AWS's own, one for each */
  constructor(endpoint: string | undefined, keys: Keys, region = REGION) {
    this.#endpoint = endpoint;
    this.#keys = keys;
    this.region = region;
  }

  /** A call of a service that speaks JSON, for example `ecs`, `AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition`. */
  // biome-ignore lint/suspicious/noExplicitAny: the reply of whatever was called
  async json(service: string, target: string, body: object): Promise<any> {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
    return JSON.parse(await this.#send(service, target, headers, JSON.stringify(body)));
  }

  /** A call of a service that speaks the query protocol. @returns the XML */
  query(
    service: string,
    version: string,
    action: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<string> {
    const body = new URLSearchParams({ Action: action, Version: version, ...parameters }).toString();
    return this.#send(service, action, { 'content-type': 'application/x-www-form-urlencoded' }, body);
  }

  /** Calls a function and waits for what it returns. @throws Error when the function throws */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the function returns
  async invoke(name: string, event: object): Promise<any> {
    const path = `/2015-03-31/functions/${name}/invocations`;
    for (let left = TRIES - 1; ; left--) {
      const text = await this.#send(
        'lambda',
        name,
        { 'content-type': 'application/json' },
        JSON.stringify(event),
        path,
      );
      const answer = text === '' ? undefined : JSON.parse(text);
      if (answer?.errorType === undefined) return answer;
      // On a machine that does other things the emulator answers late; the schedule would call again too.
      if (left === 0 || !/does not answer/.test(answer.errorMessage))
        throw new Error(`${name}: ${answer.errorType} ${answer.errorMessage}`);
    }
  }

  /** Another value for some variables of a function's environment. */
  async setVariables(name: string, variables: Readonly<Record<string, string>>): Promise<void> {
    const path = `/2015-03-31/functions/${name}/configuration`;
    const json = { 'content-type': 'application/json' };
    const { Environment } = JSON.parse(await this.#send('lambda', name, json, undefined, path, 'GET'));
    const body = JSON.stringify({ Environment: { Variables: { ...Environment?.Variables, ...variables } } });
    await this.#send('lambda', name, json, body, path, 'PUT');
  }

  /** A GET of a service that speaks REST and JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: the reply of whatever was called
  async get(service: string, path: string): Promise<any> {
    return JSON.parse(await this.#send(service, path, {}, undefined, path, 'GET'));
  }

  /** A DELETE of a service that speaks REST. */
  async remove(service: string, path: string): Promise<void> {
    await this.#send(service, path, {}, undefined, path, 'DELETE');
  }

  #ownEndpoint(service: string): string {
    const host = { ecr: 'api.ecr', iam: undefined }[service] ?? service;
    const suffix = this.region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    return service === 'iam' ? `https://iam.${suffix}` : `https://${host}.${this.region}.${suffix}`;
  }

  async #send(
    service: string,
    call: string,
    given: Record<string, string>,
    body: string | undefined,
    path = '/',
    method = 'POST',
  ): Promise<string> {
    const url = new URL(path, this.#endpoint ?? this.#ownEndpoint(service));
    const signer = new SignatureV4({ service, region: this.region, credentials: this.#keys, sha256: Sha256 });
    const content = body === undefined ? {} : { body };
    const { headers } = await signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path,
      headers: { host: url.host, ...given },
      ...content,
    });
    const response = await fetch(url, { method, headers, ...content, signal: AbortSignal.timeout(60_000) });
    const text = await response.text();
    if (!response.ok) throw new AwsError(call, response.status, text);
    return text;
  }
}

/** The text of the first element of this name. @throws Error when there is none */
export function element(xml: string, name: string): string {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  if (found === undefined) throw new Error(`no <${name}> in ${xml.slice(0, 300)}`);
  return found.replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
}

const IAM = '2010-05-08';

/** Makes an IAM user with this policy and keys of its own. */
export async function makeUser(aws: Aws, UserName: string, statements: readonly object[]): Promise<Keys> {
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  await aws.query('iam', IAM, 'CreateUser', { UserName });
  await aws.query('iam', IAM, 'PutUserPolicy', { UserName, PolicyName: 'may', PolicyDocument: policy });
  const xml = await aws.query('iam', IAM, 'CreateAccessKey', { UserName });
  return { accessKeyId: element(xml, 'AccessKeyId'), secretAccessKey: element(xml, 'SecretAccessKey') };
}

export interface RoleKeys extends Required<Keys> {
  /** ISO 8601. */
  readonly expiration: string;
}

/** Keys of a role for an hour, as the agent of ECS hands them to a task. */
export async function assumeRole(
  aws: Aws,
  RoleArn: string,
  RoleSessionName: string,
  more: Readonly<Record<string, string>> = {},
): Promise<RoleKeys> {
  const xml = await aws.query('sts', '2011-06-15', 'AssumeRole', { RoleArn, RoleSessionName, ...more });
  return {
    accessKeyId: element(xml, 'AccessKeyId'),
    secretAccessKey: element(xml, 'SecretAccessKey'),
    sessionToken: element(xml, 'SessionToken'),
    expiration: element(xml, 'Expiration'),
  };
}
