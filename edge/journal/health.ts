/** Whether the journal's writes get to the disk. */

import { JournalError, type JournalLog } from './journal.ts';
import { RETRY_FREELY_BYTES, RETRY_MS } from './limits.ts';

export class Health {
  state: 'healthy' | 'failing' | 'closed' = 'healthy';
  readonly #log: JournalLog;
  readonly #now: () => number;
  /** The last try that failed. */
  #last: { readonly error: JournalError; readonly at: number } | undefined;

  constructor(log: JournalLog, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  get failure(): JournalError | undefined {
    return this.#last?.error;
  }

  /** @throws the last failure again, when so many bytes are not to be tried yet */
  mayTry(bytes: number): void {
    if (this.#last === undefined || bytes <= RETRY_FREELY_BYTES) return;
    const since = this.#now() - this.#last.at;
    if (since >= 0 && since < RETRY_MS) throw this.#last.error;
  }

  /** Nothing is waited for at the end. */
  tryNow(): void {
    this.#last = undefined;
  }

  failed(error: unknown, path: string, waiting: number): JournalError {
    const why = (error as Error).message;
    const failure = new JournalError('write_failed', `${path} cannot be written: ${why}`, { cause: error });
    if (this.state === 'healthy') this.#log.error({ error: failure, waiting }, 'the journal cannot be written');
    this.state = 'failing';
    this.#last = { error: failure, at: this.#now() };
    return failure;
  }

  wrote(file: string): void {
    if (this.state !== 'failing') return;
    this.state = 'healthy';
    this.#last = undefined;
    this.#log.info({ file }, 'the journal can be written again');
  }

  close(): void {
    this.state = 'closed';
  }
}
