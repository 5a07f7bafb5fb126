/** The environment that lambdas and edge get locally: the same variables that the CDK stacks give them in AWS. */
import { join } from 'node:path';
import { EDGES_FOLDER } from './data-dir.ts';
import { secretsFile } from './secrets.ts';
import type { Settings } from './settings.ts';

export const REGION = 'us-east-1';
/** The service name of API Gateway in a signature's scope. */
export const SERVICE = 'execute-api';
/** The name of a local edge, 1 for the first; it stays the same over restarts. */
export const edgeId = (number: number): string => `local-${number}`;

/** For whoever uses the embedded store, which syncs its file for each row of a batch. */
export const EMBEDDED_STORE: NodeJS.ProcessEnv = { FIXGATE_STORE_BATCHES: 'whole' };

/** @param env settings of an expert that pass through (table names, timeouts) */
export function productEnvironment(settings: Settings, endpoint: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const tables = Object.fromEntries(
    ['credentials', 'sessions', 'limits', 'policy', 'audit', 'journal'].map((name) => {
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
    FIXGATE_FIX_HOST: '127.0.0.1',
    FIXGATE_METRICS_HOST: '127.0.0.1',
    FIXGATE_WORKERS: String(settings.workers),
    FIXGATE_VENUE: settings.venue,
    FIXGATE_ARCHIVE: settings.archive,
    FIXGATE_JOURNAL: settings.journal,
    FIXGATE_COMMIT: settings.commit,
    FIXGATE_REFUSED_LOGON: settings.refused_logon,
    FIXGATE_BAD_LOGON_LIMIT: String(settings.bad_logon_limit),
    FIXGATE_DICTIONARIES: settings.dictionaries,
    FIXGATE_TLS_CERT: settings.fix_tls_cert,
    FIXGATE_TLS_KEY: settings.fix_tls_key,
    FIXGATE_TLS_CLIENT_CA: settings.fix_tls_client_ca,
  };
}

/** What edge `number` has beside {@link productEnvironment}. The first keeps its data where a single one has it. */
export function edgeEnvironment(settings: Settings, number: number): NodeJS.ProcessEnv {
  const { edges, fix_port, data_dir } = settings;
  const id = edgeId(number);
  const own = {
    FIXGATE_EDGE_ID: id,
    FIXGATE_METRICS_PORT: String(metricsPortOf(settings, number)),
    FIXGATE_DATA_DIR: number === 1 ? data_dir : join(data_dir, EDGES_FOLDER, id),
  };
  if (edges === 1) return { ...own, FIXGATE_FIX_PORT: String(fix_port) };
  // The balancer has the port; who knows an edge's own may go there straight.
  const proxied = { FIXGATE_PROXY_PROTOCOL: 'optional', FIXGATE_PROXY_SOURCES: '127.0.0.1' };
  return { ...own, ...proxied, FIXGATE_FIX_PORT: '0' };
}

/** Ports of metrics follow each other; 0: any free one. */
export function metricsPortOf({ metrics_port }: Settings, number: number): number {
  return metrics_port === 0 ? 0 : metrics_port + number - 1;
}
