/**
 * The edge's settings: read from the environment once, checked, frozen. A wrong value stops the start with a message
 * that names the variable.
 */
import { hostname } from 'node:os';
import * as z from 'zod';
import { parseAddressRule } from '../core/addresses.ts';
import { MAX_LOGON_WINDOW_MS } from '../core/sessions/bounds.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { type ProfileOverrides, profileSchema, sessionProfile } from './profile-schema.ts';
import { MOST_OPEN_ORDERS_PER_USER, OPEN_ORDERS_PER_USER } from './venue/limits.ts';

/** A setting that is wrong or cannot be met; its message is all the reader needs. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is not a whole number')
    .transform(Number)
    .pipe(z.number().min(least, `is below ${least}`).max(most, `is above ${most}`));
const port = whole(0, 65_535);
const text = z.string().min(1, 'is empty');
const oneOf = <T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `is none of ${values.join(', ')}` });

const json = z
  .string()
  .transform((value, context): unknown => {
    try {
      return JSON.parse(value);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(profileSchema);

/** The name of an edge that was given none: that of its host, which on Fargate is one task's alone. */
function hostName(): string {
  return hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 64);
}

const perhaps = z.string().transform((value) => (value === '' ? undefined : value));
const arn = perhaps.pipe(
  z
    .string()
    .regex(/^arn:[^\s:]+:secretsmanager:[^\s:]+:\d{12}:secret:\S+$/, 'is no ARN of a secret')
    .optional(),
);
const sources = z
  .string()
  .transform((value) => value.split(',').map((one) => one.trim()))
  .transform((rules) => rules.filter((rule) => rule !== ''))
  .pipe(z.array(z.string().refine((rule) => parseAddressRule(rule) !== undefined, 'is no address, CIDR or range')));

/** More than machines have cores. */
const MOST_WORKERS = 64;
/** Names that processes share. */
const MOST_NAMES = 1000;
const pool = z.string().transform((value, context): readonly string[] => {
  if (value === '') return [];
  const [, name, count = '0'] = /^([A-Za-z0-9_-]{1,59}):(\d{1,4})$/.exec(value) ?? [];
  if (name !== undefined && Number(count) > 0 && Number(count) <= MOST_NAMES)
    return Array.from({ length: Number(count) }, (_, i) => `${name}-${i + 1}`);
  context.addIssue({ code: 'custom', message: `is no name with a number up to ${MOST_NAMES}, such as edge:20` });
  return z.NEVER;
});

/** Variable, check and default. docs/SETTINGS.md has each. */
export const VARIABLES = {
  edge_id: [
    'FIXGATE_EDGE_ID',
    z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'is no name (letters, digits, _ and -)'),
    hostName(),
  ],
  edge_pool: ['FIXGATE_EDGE_POOL', pool, ''],
  deployment: ['FIXGATE_DEPLOYMENT', z.string().regex(/^[\w.-]{0,100}$/, 'is no name'), ''],
  fix_host: ['FIXGATE_FIX_HOST', text, '0.0.0.0'],
  fix_port: ['FIXGATE_FIX_PORT', port, '9878'],
  shared_port: ['FIXGATE_SHARED_PORT', oneOf('on', 'off'), 'off'],
  workers: ['FIXGATE_WORKERS', whole(1, MOST_WORKERS), '1'],
  metrics_host: ['FIXGATE_METRICS_HOST', text, '0.0.0.0'],
  metrics_port: ['FIXGATE_METRICS_PORT', port, '9464'],
  data_dir: ['FIXGATE_DATA_DIR', text, '.fixgate'],
  journal: ['FIXGATE_JOURNAL', oneOf('file', 'file_sync', 'store', 'memory'), 'file'],
  journal_beside: ['FIXGATE_JOURNAL_BESIDE', oneOf('none', 'file'), 'none'],
  commit: ['FIXGATE_COMMIT', oneOf('before-send', 'reserve'), 'before-send'],
  journal_encryption: ['FIXGATE_JOURNAL_ENCRYPTION', oneOf('on', 'off'), 'on'],
  archive: ['FIXGATE_ARCHIVE', oneOf('on', 'off'), 'off'],
  venue: ['FIXGATE_VENUE', oneOf('simulator', 'echo'), 'simulator'],
  venue_address: ['FIXGATE_VENUE_ADDRESS', perhaps, ''],
  simulator_open_orders: [
    'FIXGATE_SIMULATOR_OPEN_ORDERS',
    whole(1, MOST_OPEN_ORDERS_PER_USER),
    String(OPEN_ORDERS_PER_USER),
  ],
  refused_logon: ['FIXGATE_REFUSED_LOGON', oneOf('logout', 'silent'), 'logout'],
  new_password: ['FIXGATE_NEW_PASSWORD', oneOf('allow', 'refuse'), 'allow'],
  logon_window_ms: ['FIXGATE_LOGON_WINDOW_MS', whole(1000, MAX_LOGON_WINDOW_MS), '5000'],
  bad_logon_limit: ['FIXGATE_BAD_LOGON_LIMIT', whole(0, 1_000_000), '15'],
  client_addresses: ['FIXGATE_CLIENT_ADDRESSES', oneOf('real', 'shared'), 'real'],
  proxy_protocol: ['FIXGATE_PROXY_PROTOCOL', oneOf('on', 'off', 'optional'), 'off'],
  proxy_sources: ['FIXGATE_PROXY_SOURCES', sources, ''],
  tls_cert: ['FIXGATE_TLS_CERT', perhaps, ''],
  tls_key: ['FIXGATE_TLS_KEY', perhaps, ''],
  tls_client_ca: ['FIXGATE_TLS_CLIENT_CA', perhaps, ''],
  tls_secret_arn: ['FIXGATE_TLS_SECRET_ARN', arn, ''],
  session_profile: ['FIXGATE_SESSION_PROFILE', json, '{}'],
  dictionaries: ['FIXGATE_DICTIONARIES', perhaps, ''],
  idle_timeout_s: ['FIXGATE_IDLE_TIMEOUT_S', whole(0, 31_536_000), '0'],
  absolute_timeout_s: ['FIXGATE_ABSOLUTE_TIMEOUT_S', whole(0, 31_536_000), '0'],
  order_limit_reason: ['FIXGATE_REJECT_REASON_380', whole(0, 99), '0'],
  log_level: ['FIXGATE_LOG_LEVEL', oneOf('trace', 'debug', 'info', 'warn', 'error'), 'info'],
  clock_error_ms: ['FIXGATE_CLOCK_ERROR_MS', whole(0, 10_000), '10'],
  clock_bound_ms: ['FIXGATE_CLOCK_BOUND_MS', whole(0, 600_000), '500'],
  store_away: ['FIXGATE_STORE_AWAY', oneOf('continue', 'fail_closed'), 'continue'],
} as const satisfies Record<string, readonly [string, z.ZodType<unknown, string>, string]>;

/** Where certificate and key of the FIX port are. */
export type TlsSource =
  | { readonly kind: 'files'; readonly cert: string; readonly key: string; readonly clientCa: string | undefined }
  /** In Secrets Manager: JSON {cert, key, client_ca?}, PEM texts. */
  | { readonly kind: 'secret'; readonly arn: string };

export interface EdgeConfig {
  /** With {@link edge_pool} the name that was taken of these. */
  readonly edge_id: string;
  /** Names of which the process takes one that nobody has; none: {@link edge_id} is its own. */
  readonly edge_pool: readonly string[];
  /** Given: metrics are told to CloudWatch under this name, by lines of the log. */
  readonly deployment: string;
  readonly fix_host: string;
  /** 0: any free one. */
  readonly fix_port: number;
  /** `on`: other edges of this user may listen on it too. */
  readonly shared_port: 'on' | 'off';
  /** Edges that share the port; with more than one this process only keeps them. */
  readonly workers: number;
  readonly metrics_host: string;
  readonly metrics_port: number;
  /** Holds the journal. */
  readonly data_dir: string;
  /**
   * `file` survives the process, `file_sync` the machine but not its disk (a disk's answer a batch), `store` both (an answer
   * of DynamoDB a batch), `memory` nothing: for trials.
   */
  readonly journal: 'file' | 'file_sync' | 'store' | 'memory';
  /** `file`: sessions whose profile says so are in a journal on local disk, beside the one in the store. */
  readonly journal_beside: 'none' | 'file';
  /**
   * `before-send`: messages leave when they are durable as the journal promises. `reserve`: out of numbers that are reserved
   * durably, as soon as they are written; sessions whose profile says otherwise wait.
   */
  readonly commit: 'before-send' | 'reserve';
  /** Whether what the journal writes is encrypted; what is there is read either way. */
  readonly journal_encryption: 'on' | 'off';
  /** `on`: every application message, in and out, is kept for good. */
  readonly archive: 'on' | 'off';
  readonly venue: 'simulator' | 'echo';
  /** Where the simulator is a process of its own: path of a Unix socket, or a port of the loopback. Undefined: in this process. */
  readonly venue_address: string | undefined;
  /** How many open orders a user may have at the simulator, if that is in this process. */
  readonly simulator_open_orders: number;
  /** What a refused Logon hears. */
  readonly refused_logon: 'logout' | 'silent';
  /** Whether a client may change its password by NewPassword (925). */
  readonly new_password: 'allow' | 'refuse';
  /** How far SendingTime of a signed Logon may be off. */
  readonly logon_window_ms: number;
  readonly bad_logon_limit: number;
  /** `shared`: behind a balancer that hides client addresses. */
  readonly client_addresses: 'real' | 'shared';
  /**
   * `on`: each connection begins with a PROXY v2 header, whose address then is the client's. `optional`: it may, and then
   * counts when it comes from one of the sources; others come from where they come. For one machine, where they are trusted.
   */
  readonly proxy_protocol: 'on' | 'off' | 'optional';
  /** Who may send such a header; with `on` nobody else may connect. */
  readonly proxy_sources: readonly string[];
  /** Undefined: FIX in plain TCP. */
  readonly tls: TlsSource | undefined;
  /** The gateway's default for every counterparty. */
  readonly session_profile: SessionProfile;
  /** Directory of the deployer's own dictionaries; undefined: there are none. */
  readonly dictionaries: string | undefined;
  /** Logout after so many seconds without an application message; 0: never. */
  readonly idle_timeout_s: number;
  /** Logout so many seconds after the Logon; 0: never. */
  readonly absolute_timeout_s: number;
  /** BusinessRejectReason (380) of an order over its limit: 8 and 9 exist in FIX50SP2 only. */
  readonly order_limit_reason: number;
  readonly log_level: string;
  /** The limiter's ε. */
  readonly clock_error_ms: number;
  /** Further off than this the edge is not ready; 0: never for its clock. */
  readonly clock_bound_ms: number;
  readonly store_away: 'continue' | 'fail_closed';
}

/** Of the venue's process. */
export interface VenueConfig {
  readonly address: string;
  readonly data_dir: string;
  /** How many open orders a user may have. */
  readonly simulator_open_orders: number;
  readonly log_level: string;
}

/** @throws ConfigError naming the variable with the wrong value */
export function readVenueConfig(env: Environment): VenueConfig {
  const address = settingOf('venue_address', env) as string | undefined;
  if (address === undefined) throw new ConfigError('FIXGATE_VENUE_ADDRESS: is needed');
  const [data_dir, log_level] = [settingOf('data_dir', env) as string, settingOf('log_level', env) as string];
  const simulator_open_orders = settingOf('simulator_open_orders', env) as number;
  return Object.freeze({ address, data_dir, simulator_open_orders, log_level });
}

type Environment = Readonly<Record<string, string | undefined>>;

function settingOf(name: keyof typeof VARIABLES, env: Environment): unknown {
  const [variable, schema, fallback] = VARIABLES[name];
  // An empty variable is how shells and task definitions say that there is none.
  const given = env[variable] || fallback;
  const checked = schema.safeParse(given);
  if (!checked.success) throw new ConfigError(`${variable}: ${said(given, checked.error)}`);
  return checked.data;
}

/** @throws ConfigError naming the variable with the wrong value */
export function readConfig(env: Environment): EdgeConfig {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(VARIABLES)) values[name] = settingOf(name as keyof typeof VARIABLES, env);
  const { tls_cert, tls_key, tls_client_ca, tls_secret_arn, ...rest } = values;
  const session_profile = sessionProfile(rest.session_profile as ProfileOverrides);
  const tls = tlsSource({ tls_cert, tls_key, tls_client_ca, tls_secret_arn } as TlsVariables);
  const config = { ...rest, session_profile, tls } as unknown as EdgeConfig;
  if (config.proxy_protocol !== 'off' && config.proxy_sources.length === 0)
    throw new ConfigError('FIXGATE_PROXY_SOURCES: is needed with FIXGATE_PROXY_PROTOCOL: who may speak for clients');
  // Whoever asks for records must not find out later that there are none.
  if (config.archive === 'on' && config.journal === 'memory')
    throw new ConfigError('FIXGATE_ARCHIVE: needs a journal that has one, not FIXGATE_JOURNAL=memory');
  if (config.archive === 'on' && config.edge_pool.length > 0)
    throw new ConfigError(
      'FIXGATE_ARCHIVE: not together with FIXGATE_EDGE_POOL: the archive does not go where the name goes',
    );
  if (config.commit === 'reserve' && config.journal === 'memory')
    throw new ConfigError('FIXGATE_COMMIT: reserve needs a journal that outlives the process, not memory');
  if (config.journal_beside === 'file') checkBeside(config);
  if (config.edge_pool.length > 0) {
    if (env.FIXGATE_EDGE_ID) throw new ConfigError('FIXGATE_EDGE_POOL: not together with FIXGATE_EDGE_ID');
    // A disk does not go where the name goes.
    if (config.journal !== 'store' && config.journal !== 'memory')
      throw new ConfigError(`FIXGATE_EDGE_POOL: needs FIXGATE_JOURNAL=store or memory, not ${config.journal}`);
  }
  return Object.freeze(config);
}

/** What one of two journals promises must not wait for the other. @throws ConfigError */
function checkBeside({ journal, commit, archive, edge_pool }: EdgeConfig): void {
  if (journal !== 'store' || commit !== 'reserve')
    throw new ConfigError('FIXGATE_JOURNAL_BESIDE: needs FIXGATE_JOURNAL=store and FIXGATE_COMMIT=reserve');
  if (archive === 'on') throw new ConfigError('FIXGATE_JOURNAL_BESIDE: not together with FIXGATE_ARCHIVE');
  if (edge_pool.length > 0)
    throw new ConfigError(
      'FIXGATE_JOURNAL_BESIDE: not together with FIXGATE_EDGE_POOL: a disk does not go where the name goes',
    );
}

type TlsVariables = Readonly<Record<'tls_cert' | 'tls_key' | 'tls_client_ca' | 'tls_secret_arn', string | undefined>>;

function tlsSource({ tls_cert: cert, tls_key: key, tls_client_ca: clientCa, tls_secret_arn }: TlsVariables) {
  if (tls_secret_arn !== undefined) {
    if (cert !== undefined || key !== undefined || clientCa !== undefined)
      throw new ConfigError('FIXGATE_TLS_SECRET_ARN: not together with FIXGATE_TLS_CERT, _KEY or _CLIENT_CA');
    return { kind: 'secret', arn: tls_secret_arn } as const;
  }
  if (cert === undefined && key === undefined) {
    if (clientCa === undefined) return undefined;
    throw new ConfigError('FIXGATE_TLS_CLIENT_CA: needs FIXGATE_TLS_CERT and FIXGATE_TLS_KEY');
  }
  if (cert === undefined) throw new ConfigError('FIXGATE_TLS_CERT: is needed with FIXGATE_TLS_KEY');
  if (key === undefined) throw new ConfigError('FIXGATE_TLS_KEY: is needed with FIXGATE_TLS_CERT');
  return { kind: 'files', cert, key, clientCa } as const;
}

function said(given: string, error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? `"${given.slice(0, 80)}"` : issue.path.join('.');
  return `${where} ${issue?.message ?? 'is wrong'}`;
}
