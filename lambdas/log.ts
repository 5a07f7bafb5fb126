/** Structured logs: one JSON object a line. Secrets have a type that prints as [redacted]; names that secrets go by are covered beside. */
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { LogLines, lostLine } from '../adapters/node/log-lines.ts';
import { inSources } from './stacks.ts';

const SECRET_NAMES = [
  'password',
  'secret',
  'secret_access_key',
  'authorization',
  'Authorization',
  'proof',
  'salt',
  'sealed',
];
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

function serialized(error: Error) {
  const found = pino.stdSerializers.err(error);
  // What is thrown need not be an error, and is logged as it is then.
  return typeof found?.stack === 'string' ? { ...found, stack: inSources(found.stack) } : found;
}

/** FIXGATE_LOG_LEVEL, and FIXGATE_LOG_FILE where standard output belongs to somebody else. @throws Error naming the variable */
export function createLogger(env: NodeJS.ProcessEnv, stream?: DestinationStream) {
  const level = env.FIXGATE_LOG_LEVEL || 'info';
  if (!LEVELS.includes(level)) throw new Error(`FIXGATE_LOG_LEVEL is wrong: one of ${LEVELS.join(', ')}`);
  const base = { service: 'fixgate-admin' };
  const options: LoggerOptions = {
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: serialized },
    redact: {
      paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
  };
  if (stream !== undefined) return pino(options, stream);
  const file = env.FIXGATE_LOG_FILE;
  if (!file) return pino(options);
  mkdirSync(dirname(file), { recursive: true });
  return pino(options, new LogLines(openSync(file, 'a', 0o600), lostLine(base)));
}

export const logger = createLogger(process.env);
