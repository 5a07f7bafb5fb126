/** Settings of `npm start`: flags win over environment, environment over defaults. A wrong value stops the start and names its setting. */
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';

/** A wrong setting or one that cannot be met; its message is all the reader needs. */
export class SettingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SettingError';
  }
}

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'is not a port number')
  .transform(Number)
  .pipe(z.number().max(65_535, 'is above 65535'));
const whole = z
  .string()
  .regex(/^\d{1,9}$/, 'is not a whole number')
  .transform(Number);

/** Each is a process of its own, on a laptop. */
const MAX_EDGES = 16;
/** As the edge has it. */
const MAX_WORKERS = 64;

interface Definition {
  readonly flag: string;
  readonly env: string;
  readonly fallback: string;
  readonly schema: z.ZodType<string | number, string>;
  readonly says: string;
}

/** Every setting with its flag, variable, default and check. */
export const SETTINGS = {
  edges: {
    flag: '--edges',
    env: 'FIXGATE_EDGES',
    fallback: '1',
    schema: whole.pipe(z.number().min(1, 'is below 1').max(MAX_EDGES, `is above ${MAX_EDGES}`)),
    says: 'how many edges, on one store; with more than one a balancer has the FIX port',
  },
  workers: {
    flag: '--workers',
    env: 'FIXGATE_WORKERS',
    fallback: '1',
    schema: whole.pipe(z.number().min(1, 'is below 1').max(MAX_WORKERS, `is above ${MAX_WORKERS}`)),
    says: 'how many processes share the FIX port of an edge, one a core',
  },
  admin_port: {
    flag: '--admin-port',
    env: 'FIXGATE_ADMIN_PORT',
    fallback: '8080',
    schema: port,
    says: 'port of the admin API (0: any free one)',
  },
  fix_port: {
    flag: '--fix-port',
    env: 'FIXGATE_FIX_PORT',
    fallback: '9878',
    schema: port,
    says: 'port of the FIX acceptor (0: any free one)',
  },
  metrics_port: {
    flag: '--metrics-port',
    env: 'FIXGATE_METRICS_PORT',
    fallback: '9464',
    schema: port,
    says: 'port of /health, /ready and /metrics (0: any free one)',
  },
  data_dir: {
    flag: '--data-dir',
    env: 'FIXGATE_DATA_DIR',
    fallback: '.fixgate',
    schema: z.string().min(1, 'is empty'),
    says: 'directory of everything that survives a restart',
  },
  venue: {
    flag: '--venue',
    env: 'FIXGATE_VENUE',
    fallback: 'simulator',
    schema: z.enum(['simulator', 'echo'], { error: 'is neither simulator nor echo' }),
    says: 'where orders go: simulator or echo',
  },
  journal: {
    flag: '--journal',
    env: 'FIXGATE_JOURNAL',
    fallback: 'file',
    schema: z.enum(['file', 'file_sync', 'store', 'memory'], { error: 'is none of file, file_sync, store, memory' }),
    says: 'where sessions are kept: file, file_sync (on the disk itself), store (in DynamoDB) or memory',
  },
  commit: {
    flag: '--commit',
    env: 'FIXGATE_COMMIT',
    fallback: 'before-send',
    schema: z.enum(['before-send', 'reserve'], { error: 'is neither before-send nor reserve' }),
    says: 'when messages leave: before-send (once they are durable) or reserve (out of numbers that are)',
  },
  refused_logon: {
    flag: '--refused-logon',
    env: 'FIXGATE_REFUSED_LOGON',
    fallback: 'logout',
    schema: z.enum(['logout', 'silent'], { error: 'is neither logout nor silent' }),
    says: 'how a refused Logon ends: logout (a Logout with a Text) or silent',
  },
  bad_logon_limit: {
    flag: '--bad-logon-limit',
    env: 'FIXGATE_BAD_LOGON_LIMIT',
    fallback: '15',
    schema: whole,
    says: 'bad logons in 30 s before an address is refused for 30 s (0: no limit)',
  },
  fix_tls_cert: {
    flag: '--fix-tls-cert',
    env: 'FIXGATE_TLS_CERT',
    fallback: '',
    schema: z.string(),
    says: 'PEM file of the FIX port: with it and the key FIX is TLS 1.2 or 1.3; looked at again while running',
  },
  fix_tls_key: {
    flag: '--fix-tls-key',
    env: 'FIXGATE_TLS_KEY',
    fallback: '',
    schema: z.string(),
    says: 'PEM file of its private key',
  },
  fix_tls_client_ca: {
    flag: '--fix-tls-client-ca',
    env: 'FIXGATE_TLS_CLIENT_CA',
    fallback: '',
    schema: z.string(),
    says: 'PEM file: FIX clients must show a certificate that one of these has issued',
  },
  dictionaries: {
    flag: '--dictionaries',
    env: 'FIXGATE_DICTIONARIES',
    fallback: '',
    schema: z.string(),
    says: 'directory of FIX dictionaries of your own, QuickFIX XML, that session profiles name',
  },
  archive: {
    flag: '--archive',
    env: 'FIXGATE_ARCHIVE',
    fallback: 'off',
    schema: z.enum(['on', 'off'], { error: 'is neither on nor off' }),
    says: 'on: every application message, in and out, is kept for good below the data directory',
  },
  on_ineligible: {
    flag: '--on-ineligible',
    env: 'FIXGATE_ON_INELIGIBLE',
    fallback: 'warn',
    schema: z.enum(['warn', 'suspend'], { error: 'is neither warn nor suspend' }),
    says: 'what users/update does with a user who no longer meets the rules',
  },
  log_level: {
    flag: '--log-level',
    env: 'FIXGATE_LOG_LEVEL',
    fallback: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error'], { error: 'is no log level' }),
    says: 'trace, debug, info, warn or error',
  },
} as const satisfies Record<string, Definition>;

export interface Settings {
  readonly edges: number;
  readonly workers: number;
  readonly admin_port: number;
  readonly fix_port: number;
  readonly metrics_port: number;
  /** Absolute. */
  readonly data_dir: string;
  readonly venue: 'simulator' | 'echo';
  readonly journal: 'file' | 'file_sync' | 'store' | 'memory';
  readonly commit: 'before-send' | 'reserve';
  readonly refused_logon: 'logout' | 'silent';
  readonly bad_logon_limit: number;
  /** Absolute; empty: FIX in plain TCP. */
  readonly fix_tls_cert: string;
  readonly fix_tls_key: string;
  readonly fix_tls_client_ca: string;
  /** Absolute; empty: none. */
  readonly dictionaries: string;
  readonly archive: 'on' | 'off';
  readonly on_ineligible: 'warn' | 'suspend';
  readonly log_level: string;
  /** Begin with an empty data directory. */
  readonly fresh: boolean;
}

export type Parsed =
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'help'; readonly text: string };

/** @throws SettingError that names the flag or the variable with the wrong value */
export function parseSettings(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Parsed {
  const command = new Command('npm start --')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const { flag, env: variable, fallback, says } of Object.values(SETTINGS))
    command.option(`${flag} <value>`, `${says}; ${variable}; default ${fallback}`);
  command.option('--fresh', 'delete what an earlier run left in the data directory first');
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.helpDisplayed')
      return { kind: 'help', text: command.helpInformation() };
    throw new SettingError(
      `${(error as Error).message.replace(/^error: /, '')}; npm start -- --help lists all settings`,
    );
  }
  const flags = command.opts<Record<string, string | boolean | undefined>>();
  const values: Record<string, unknown> = { fresh: flags.fresh === true };
  for (const [name, definition] of Object.entries(SETTINGS)) {
    const given = flags[name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())];
    const fromEnv = env[definition.env];
    const text = typeof given === 'string' ? given : (fromEnv ?? definition.fallback);
    const source = typeof given === 'string' ? definition.flag : definition.env;
    const checked = definition.schema.safeParse(text);
    if (!checked.success)
      throw new SettingError(
        `${source}: "${text}" ${checked.error.issues[0]?.message ?? 'is wrong'} (${definition.says})`,
      );
    values[name] = checked.data;
  }
  for (const name of ['data_dir', 'fix_tls_cert', 'fix_tls_key', 'fix_tls_client_ca', 'dictionaries'])
    if (values[name] !== '') values[name] = resolve(values[name] as string);
  if ((values.fix_tls_cert === '') !== (values.fix_tls_key === ''))
    throw new SettingError('--fix-tls-cert and --fix-tls-key go together: one of them is missing');
  if (values.fix_tls_client_ca !== '' && values.fix_tls_cert === '')
    throw new SettingError('--fix-tls-client-ca: needs --fix-tls-cert and --fix-tls-key');
  return { kind: 'settings', settings: Object.freeze(values) as unknown as Settings };
}
