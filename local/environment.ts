/** The environment that lambdas and edge get locally: the same variables that the CDK stacks give them in AWS. */
import { join } from 'node:path';
import { secretsFile } from './secrets.ts';
import type { Settings } from './settings.ts';

export const REGION = 'us-east-1';
/** The service name of API Gateway in a signature's scope. */
export const SERVICE = 'execute-api';
/** The name of the one local edge; it stays the same over restarts. */
export const EDGE_ID = 'local-1';

/** @param env settings of an expert that pass through (table names, timeouts) */
export function productEnvironment(settings: Settings, endpoint: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const tables = Object.fromEntries(
    ['credentials', 'sessions', 'limits', 'policy', 'audit'].map((name) => {
      const variable = `FIXGATE_TABLE_${name.toUpperCase()}`;
      return [variable, env[variable] ?? `fixgate-${name}`];
    }),
  );
  return {
    ...tables,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: env.AWS_ACCESS_KEY_ID ?? 'local',
    AWS_SECRET_ACCESS_KEY: env.AWS_SECRET_ACCESS_KEY ?? 'local',
    FIXGATE_DYNAMODB_ENDPOINT: endpoint,
    FIXGATE_KEY_PROVIDER: 'local',
    FIXGATE_SECRETS_FILE: secretsFile(settings.data_dir),
    FIXGATE_ON_INELIGIBLE: settings.on_ineligible,
    FIXGATE_LOG_LEVEL: settings.log_level,
    FIXGATE_EDGE_ID: EDGE_ID,
    FIXGATE_FIX_HOST: '127.0.0.1',
    FIXGATE_FIX_PORT: String(settings.fix_port),
    FIXGATE_METRICS_HOST: '127.0.0.1',
    FIXGATE_METRICS_PORT: String(settings.metrics_port),
    FIXGATE_DATA_DIR: join(settings.data_dir),
    FIXGATE_VENUE: settings.venue,
    FIXGATE_REFUSED_LOGON: settings.refused_logon,
    FIXGATE_BAD_LOGON_LIMIT: String(settings.bad_logon_limit),
    FIXGATE_DICTIONARIES: settings.dictionaries,
    FIXGATE_TLS_CERT: settings.fix_tls_cert,
    FIXGATE_TLS_KEY: settings.fix_tls_key,
    FIXGATE_TLS_CLIENT_CA: settings.fix_tls_client_ca,
  };
}
