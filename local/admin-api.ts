/** The admin API locally: tables and defaults made, then the deployed handlers behind the local gateway. */
import { openStores } from '../adapters/environment.ts';
import { BASE_PATH, OPERATIONS, type Rights } from '../contract/operations.ts';
import { recordRefusal } from '../core/audit/refusals.ts';
import { FixgateError } from '../core/errors.ts';
import { ensureDefaults } from '../core/policy/defaults.ts';
import type { AdminHandler } from '../lambdas/handler.ts';
import type { Services } from '../lambdas/services.ts';
import { REGION, SERVICE } from './environment.ts';
import { type Refused, startGateway } from './gateway.ts';
import { RefusalMeter } from './refusals.ts';
import type { LocalSecrets } from './secrets.ts';

/** The principal that the local admin keys stand for. */
export const ADMIN_PRINCIPAL = 'arn:aws:iam::000000000000:user/local-admin';
const LOCAL_ACTOR = { principal: 'fixgate:local' } as const;

export interface AdminApi {
  readonly port: number;
  stop(): Promise<void>;
}

export interface AdminApiOptions {
  readonly host: string;
  readonly port: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly secrets: LocalSecrets;
}

/** Rejects when the port cannot be listened on or the store does not answer. */
export async function startAdminApi({ host, port, environment, secrets }: AdminApiOptions): Promise<AdminApi> {
  // The handlers read their environment once, when they are first asked: it must stand before they are loaded.
  Object.assign(process.env, environment);
  const { logger: log } = await import('../lambdas/log.ts');
  const { wiredServices } = await import('../lambdas/keyed.ts');
  await makeTables(environment);
  const services = await wiredServices();
  await ensureDefaults(services, LOCAL_ACTOR);
  const handlers = await loadHandlers();
  const meter = new RefusalMeter();
  const { access_key_id, secret_access_key } = secrets.admin;
  const gateway = await startGateway({
    host,
    port,
    verifier: {
      region: REGION,
      service: SERVICE,
      secretOf: (id) => (id === access_key_id ? secret_access_key : undefined),
    },
    principalOf: () => ADMIN_PRINCIPAL,
    route: (method, path) => handlers.get(`${method} ${path}`) ?? handlers.unknown,
    onRefused: (refused) => {
      log.warn(refused, 'request refused');
      if (meter.admit(refused.code, refused.source_ip, performance.now())) record(services, refused, log);
    },
    onFailure: (error, requestId) => log.error({ err: error, request_id: requestId }, 'handler failed'),
  });
  return { port: gateway.port, stop: () => gateway.close() };
}

async function makeTables(environment: NodeJS.ProcessEnv): Promise<void> {
  const open = openStores(environment);
  await open.makeTables();
  open.close();
}

/** An unsigned or wrongly signed request, in the audit under the address it came from. */
function record(services: Services, refused: Refused, log: Services['log']): void {
  recordRefusal(services, {
    type: 'access_refused',
    actor: { principal: `unauthenticated:${refused.source_ip}`, source_ip: refused.source_ip },
    error: new FixgateError(refused.code, refused.text, [{ path: refused.path }]),
  }).catch((error: unknown) => log.error({ err: error, ...refused }, 'a refusal could not be recorded'));
}

interface Handlers extends Map<string, AdminHandler> {
  unknown: AdminHandler;
}

async function loadHandlers(): Promise<Handlers> {
  const [read, credentials, policy, sessions, unknown] = await Promise.all([
    import('../lambdas/functions/read.ts'),
    import('../lambdas/functions/credentials.ts'),
    import('../lambdas/functions/policy.ts'),
    import('../lambdas/functions/sessions.ts'),
    import('../lambdas/functions/unknown.ts'),
  ]);
  const byRights: Readonly<Record<Rights, AdminHandler>> = {
    read: read.handler,
    credentials: credentials.handler,
    policy: policy.handler,
    sessions: sessions.handler,
  };
  const handlers = new Map(
    OPERATIONS.map(({ method, path, rights }) => [`${method} ${BASE_PATH}${path}`, byRights[rights]]),
  );
  return Object.assign(handlers, { unknown: unknown.handler });
}
