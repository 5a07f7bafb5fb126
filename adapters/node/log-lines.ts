/**
 * Where log lines go. A disk that is full, or a pipe that nobody empties, must neither end nor stop whoever has something
 * to say: what is refused waits, within a bound, and what does not fit is counted and told of.
 */

import { writeSync } from 'node:fs';
import type { Timer, Timers } from '../../core/time.ts';
import { systemTimers } from './timers.ts';

/** Of lines that wait for the descriptor to take them: thousands of lines, and nothing beside a process's memory. */
export const LOG_WAITING_BYTES = 1024 * 1024;
/** Between tries while it refuses. */
export const LOG_RETRY_MS = 200;

const LINE_END = 0x0a;

/** Writes some of it. @returns how many bytes; throws as writeSync does */
export type WriteSome = (bytes: Uint8Array) => number;

/** A destination for pino, or for what a child process says. Lines are written before `write` returns, as long as they are taken. */
export class LogLines {
  readonly #writeSome: WriteSome;
  readonly #lost: (lines: number) => string;
  readonly #timers: Timers;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #dropped = 0;
  #trying: Timer | undefined;

  /**
   * @param to a descriptor, or what writes to it
   * @param lost the line that says how many were lost, without its end
   */
  constructor(to: number | WriteSome, lost: (lines: number) => string, timers: Timers = systemTimers) {
    this.#writeSome = typeof to === 'number' ? (bytes) => writeSync(to, bytes) : to;
    this.#lost = lost;
    this.#timers = timers;
  }

  /** @param text whole lines */
  write(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    if (this.#bytes + bytes.length > LOG_WAITING_BYTES && this.#waiting.length > 0) {
      this.#dropped += linesIn(bytes);
      return;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#trying === undefined) this.#drain();
  }

  /** A last try; nothing is written afterwards: the descriptor may be closed. */
  end(): void {
    this.#trying?.cancel();
    this.#drain();
    this.#trying?.cancel();
    this.#forget();
  }

  #drain(): void {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        const written = this.#writeSome(next);
        this.#bytes -= written;
        if (written < next.length) this.#waiting[0] = next.subarray(written);
        else this.#waiting.shift();
        if (this.#waiting.length === 0 && this.#dropped > 0) this.#tellLost();
      }
    } catch (error) {
      // Whoever read this log is gone: there is nobody to keep lines for.
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.#forget();
      else this.#tryLater();
    }
  }

  #tellLost(): void {
    const line = Buffer.from(`${this.#lost(this.#dropped)}\n`);
    this.#dropped = 0;
    this.#waiting.push(line);
    this.#bytes += line.length;
  }

  #tryLater(): void {
    this.#trying = this.#timers.after(LOG_RETRY_MS, () => {
      this.#trying = undefined;
      this.#drain();
    });
  }

  #forget(): void {
    this.#waiting = [];
    this.#bytes = 0;
    this.#dropped = 0;
  }
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_END) lines += 1;
  return lines;
}

/** The line about lost lines, as pino would write it. @param base what stands in each line of the log */
export const lostLine =
  (base: object, now: () => number = Date.now) =>
  (lines: number): string =>
    JSON.stringify({
      level: 40,
      time: new Date(now()).toISOString(),
      ...base,
      lines,
      msg: 'lines of this log were lost',
    });
