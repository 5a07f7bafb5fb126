/** Structured logs: one JSON object a line on stdout. Secrets have a type that prints as [redacted]; names they go by are covered beside. */
import { type Logger, type LoggerOptions, pino } from 'pino';
import { LogLines, lostLine } from '../adapters/node/log-lines.ts';
import { STRANGER_LOGS_PER_SECOND } from './limits.ts';

export type { Logger };

const STDOUT = 1;
const SECRET_NAMES = ['password', 'raw_data', 'new_password', 'secret', 'proof', 'salt', 'sealed', 'authorization'];

/** @param edgeId stands in each line, for logs of many edges come together */
export function createLogger(level: string, edgeId: string): Logger {
  const base = { service: 'fixgate-edge', edge: edgeId };
  const options: LoggerOptions = {
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
  };
  return pino(options, new LogLines(STDOUT, lostLine(base)));
}

/** Lines about peers that have not logged on: a flood of them must not become a flood of lines. */
export class StrangerLog {
  readonly #log: Logger;
  #second = 0;
  #told = 0;
  #untold = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param monoMs monotonic ms */
  note(fields: object, message: string, monoMs: number): void {
    const second = Math.floor(monoMs / 1000);
    if (second !== this.#second) {
      if (this.#untold > 0) this.#log.warn({ count: this.#untold }, 'more connections were turned away');
      this.#second = second;
      this.#told = 0;
      this.#untold = 0;
    }
    if (this.#told < STRANGER_LOGS_PER_SECOND) {
      this.#told += 1;
      this.#log.info(fields, message);
    } else this.#untold += 1;
  }
}
