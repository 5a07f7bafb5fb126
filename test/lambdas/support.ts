/** The deployed functions over memory adapters, called with events as API Gateway makes them. */
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { createExpressions } from '../../adapters/cel/expressions.ts';
import { fixedMasterKeys } from '../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../adapters/kms/vault.ts';
import { createMemoryAdapters } from '../../adapters/memory/stores.ts';
import { createWorld, type MemoryWorld } from '../../adapters/memory/world.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { Stores } from '../../adapters/stores.ts';
import { BASE_PATH, OPERATIONS, type OperationId } from '../../contract/operations.ts';
import { error as errorSchema, replies } from '../../contract/replies.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import type { SecretBox } from '../../core/ports.ts';
import type { EdgeIdentity, LiveSession } from '../../core/sessions/model.ts';
import type { Clock } from '../../core/time.ts';
import { assemble } from '../../lambdas/assemble.ts';
import { operations as credentialOperations } from '../../lambdas/functions/credentials.ts';
import { operations as policyOperations } from '../../lambdas/functions/policy.ts';
import { operations as readOperations } from '../../lambdas/functions/read.ts';
import { operations as sessionOperations } from '../../lambdas/functions/sessions.ts';
import { type AdminHandler, createHandler } from '../../lambdas/handler.ts';
import type { Services } from '../../lambdas/services.ts';

export const START = Date.UTC(2026, 0, 15, 12);
export const ADMIN = 'arn:aws:iam::111122223333:user/alice';
export const FACTS = { account_balance: 5000, trading_volume: 50_000, account_age_days: 90, kyc_level: 3 };

/** A clock that moves only when it is told to. */
export class TestClock implements Clock {
  ms = START;
  now(): number {
    return this.ms;
  }
  nowNanos(): bigint {
    return BigInt(this.ms) * 1_000_000n;
  }
  monotonic(): number {
    return this.ms;
  }
}

export interface Logged {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export function aesBox(): SecretBox {
  return createRawAesSecretBox(fixedMasterKeys([{ id: 'test', key: systemRandom.bytes(32) }]));
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a reply is whatever the operation's schema says, checked before it gets here
  readonly body: any;
}

export class Api {
  readonly clock = new TestClock();
  readonly world: MemoryWorld = createWorld();
  readonly stores: Stores;
  readonly services: Services;
  readonly logged: Logged[] = [];
  /** What happens while an operation waits. */
  meanwhile: (ms: number) => void | Promise<void> = () => {};
  readonly #functions: Record<string, AdminHandler>;

  constructor(more: { onIneligible?: 'warn' | 'suspend'; stores?: (stores: Stores) => Stores; box?: SecretBox } = {}) {
    const stores = createMemoryAdapters(this.world);
    this.stores = more.stores?.(stores) ?? stores;
    const log = (level: string) => (fields: object, message: string) => {
      this.logged.push({ level, fields: fields as Record<string, unknown>, message });
    };
    this.services = assemble({
      stores: this.stores,
      leases: { read: async () => undefined },
      box: more.box ?? aesBox(),
      vault: createRawAesVault(fixedMasterKeys([{ id: 'test', key: systemRandom.bytes(32) }])),
      digests: nodeDigests,
      random: systemRandom,
      clock: this.clock,
      expressions: createExpressions(),
      cursorKey: systemRandom.bytes(32),
      onIneligible: more.onIneligible ?? 'warn',
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      pause: async (ms) => this.meanwhile(ms),
    });
    const wired = async () => this.services;
    this.#functions = {
      read: createHandler(readOperations, wired, this.services.log),
      credentials: createHandler(credentialOperations, wired, this.services.log),
      policy: createHandler(policyOperations, wired, this.services.log),
      sessions: createHandler(sessionOperations, wired, this.services.log),
    };
  }

  static async create(more: ConstructorParameters<typeof Api>[0] = {}): Promise<Api> {
    const api = new Api(more);
    await ensureDefaults(api.services, { principal: 'deployment' });
    return api;
  }

  async event(event: APIGatewayProxyEvent, rights = 'read'): Promise<APIGatewayProxyResult> {
    return (this.#functions[rights] as AdminHandler)(event);
  }

  /** Calls an operation through the function that serves it; every reply has to fit its schema. */
  async call(id: OperationId, input: unknown = {}, principal = ADMIN): Promise<Answer> {
    const operation = OPERATIONS.find((one) => one.id === id);
    if (!operation) throw new Error(`no operation ${id}`);
    const event =
      operation.method === 'GET'
        ? restEvent('GET', operation.path, { query: input as Record<string, string>, principal })
        : restEvent('POST', operation.path, { body: JSON.stringify(input), principal });
    const result = await this.event(event, operation.rights);
    const body: unknown = JSON.parse(result.body);
    const schema = result.statusCode < 300 ? replies[id] : errorSchema;
    if (result.statusCode < 300 && result.statusCode !== operation.status)
      throw new Error(`status ${result.statusCode}`);
    const fits = schema.safeParse(body);
    if (!fits.success) throw new Error(`${id}: ${fits.error.message} in ${result.body}`);
    return { status: result.statusCode, body };
  }

  provision(user_id: string, more: object = {}): Promise<Answer> {
    return this.call('provision', { user_id, rate_limit_tier: 'basic', ...FACTS, ...more });
  }

  /** As an edge does it at the first Logon by this version of the credential. */
  async noteLogon(sender: string, version: number): Promise<boolean> {
    const { directory } = this.stores;
    const found = await directory.credential(sender);
    return found !== undefined && directory.noteLogon(found.credential, START, version);
  }

  /** A live session of the user on an edge. */
  async session(edge: EdgeIdentity, sender: string, n = 1, most = 10): Promise<LiveSession> {
    const found = await this.stores.directory.credential(sender);
    if (!found) throw new Error(`no credential ${sender}`);
    const session = {
      session_id: `${edge.edge_id}.${edge.incarnation}.${n}`,
      user_id: found.user.user_id,
      key: { begin_string: 'FIX.4.4', sender_comp_id: sender, sender_sub_id: String(n), target_comp_id: 'GATEWAY' },
      edge_id: edge.edge_id,
      incarnation: edge.incarnation,
      address: '192.0.2.7',
      started_at: this.clock.now(),
      epoch: found.user.epoch,
    };
    const taken = await this.stores.slots.take(session, most);
    if (taken.result !== 'taken') throw new Error(`slot ${taken.result}`);
    return { ...session, slot: taken.slot };
  }
}

/** A REST proxy event (payload 1.0) under IAM auth. */
export function restEvent(
  method: string,
  path: string,
  more: {
    body?: string;
    base64?: boolean;
    query?: Record<string, string>;
    multi?: Record<string, string[]>;
    principal?: string | null;
  } = {},
): APIGatewayProxyEvent {
  const query = more.query && Object.keys(more.query).length > 0 ? more.query : null;
  const multi =
    more.multi ?? (query && Object.fromEntries(Object.entries(query).map(([key, value]) => [key, [value]])));
  const full = BASE_PATH + path;
  return {
    resource: full,
    path: full,
    httpMethod: method,
    headers: { Host: 'abc123.execute-api.eu-west-1.amazonaws.com', 'Content-Type': 'application/json' },
    multiValueHeaders: {},
    queryStringParameters: query,
    multiValueQueryStringParameters: multi,
    pathParameters: null,
    stageVariables: null,
    body: more.body ?? null,
    isBase64Encoded: more.base64 ?? false,
    requestContext: {
      accountId: '111122223333',
      apiId: 'abc123',
      authorizer: undefined,
      protocol: 'HTTP/1.1',
      httpMethod: method,
      path: `/prod${full}`,
      stage: 'prod',
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
      requestTimeEpoch: START,
      resourceId: 'res1',
      resourcePath: full,
      identity: {
        accessKey: 'AKIDEXAMPLE',
        accountId: '111122223333',
        apiKey: null,
        apiKeyId: null,
        caller: 'AIDAEXAMPLE',
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: '203.0.113.9',
        user: 'AIDAEXAMPLE',
        userAgent: 'curl/8.5.0',
        userArn: more.principal === undefined ? ADMIN : more.principal,
      },
    },
  };
}
