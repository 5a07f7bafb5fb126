/** The order log in a file: appended to by batch, written anew beside itself and renamed. */

import {
  close,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { copyWords, SLACK, viewOf } from '../../fix/words.ts';
import { type Done, SYSTEM_SYNCS, type Syncs } from '../../syncs.ts';
import { LOG_LINE_BYTES } from '../limits.ts';
import type { LineBytes, OrderLog } from './log.ts';

const FILE = 'orders.jsonl';
const CHUNK = 1 << 20;
const NEWLINE = 0x0a;
const INITIAL = 16_384;
/** Up to so many bytes a loop over words is quicker than the call to the machine's own copy. */
const SHORT = 512;
/** A buffer that a burst has made larger is not kept. */
const KEPT = 1 << 20;

/** Lines in a row, each with its end: buf[0, used). */
class Lines {
  buf: Buffer<ArrayBuffer>;
  used = 0;
  #words: DataView;

  constructor(bytes: number) {
    this.buf = Buffer.allocUnsafeSlow(bytes);
    this.#words = viewOf(this.buf);
  }

  append({ buf, words, length }: LineBytes): void {
    const { used } = this;
    const most = used + length + SLACK + 1;
    if (most > this.buf.length) this.#grow(most);
    if (length <= SHORT && length + SLACK <= buf.length) copyWords(words, 0, length, this.#words, used);
    else buf.copy(this.buf, used, 0, length);
    this.#words.setUint8(used + length, NEWLINE);
    this.used = used + length + 1;
  }

  forget(): void {
    this.used = 0;
    if (this.buf.length > KEPT) this.#become(Buffer.allocUnsafeSlow(INITIAL));
  }

  #grow(most: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(most, this.buf.length * 2));
    this.buf.copy(grown, 0, 0, this.used);
    this.#become(grown);
  }

  #become(buf: Buffer<ArrayBuffer>): void {
    this.buf = buf;
    this.#words = viewOf(buf);
  }
}

/** A log that is being written anew: what is flushed meanwhile is written to it too. */
interface Beside {
  readonly fd: number;
  /** Bytes that it began with, and has. */
  readonly base: number;
  size: number;
}

/** What of a machine's loss the log outlives: `flushed`: all that has been flushed; `asked`: what had been before a {@link FileLog.sync}. */
export type Synced = 'flushed' | 'asked';

export interface FileLogOptions {
  readonly file?: string;
  readonly syncs?: Pick<Syncs, 'data' | 'dataNow' | 'namesNow'>;
  /** Told of what failed and nothing depends on: there is another file that has all of it. */
  readonly warn?: (problem: string) => void;
  /** Undefined: the system writes to the disk when it sees fit. */
  readonly synced?: Synced | undefined;
}

export class FileLog implements OrderLog {
  appended = 0;
  base = 0;
  private readonly path: string;
  private fd: number;
  /** To be written. */
  private readonly lines = new Lines(INITIAL);
  private sealed: Buffer | undefined;
  private beside: Beside | undefined;

  private readonly directory: string;
  private readonly syncs: Pick<Syncs, 'data' | 'dataNow' | 'namesNow'>;
  private readonly warn: (problem: string) => void;
  private readonly synced: Synced | undefined;

  /** @param directory made when it is not there */
  constructor(directory: string, options: FileLogOptions = {}) {
    const { file = FILE, syncs = SYSTEM_SYNCS, warn = (problem) => process.emitWarning(problem), synced } = options;
    this.directory = directory;
    this.syncs = syncs;
    this.warn = warn;
    this.synced = synced;
    mkdirSync(directory, { recursive: true });
    this.path = join(directory, file);
    this.fd = openSync(this.path, existsSync(this.path) ? 'r+' : 'w+', 0o600);
    this.base = fstatSync(this.fd).size;
  }

  /** Reads whole lines; cuts off what follows the last newline, which a crash left behind. */
  *read(): Generator<string> {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let rest = Buffer.alloc(0);
    let at = 0;
    for (;;) {
      const bytes = readSync(this.fd, chunk, 0, CHUNK, at);
      if (bytes === 0) break;
      at += bytes;
      const text = Buffer.concat([rest, chunk.subarray(0, bytes)]);
      let from = 0;
      for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE, from)) {
        yield text.toString('utf8', from, end);
        from = end + 1;
      }
      rest = Buffer.from(text.subarray(from));
      if (rest.length > LOG_LINE_BYTES) throw new Error(`${this.path}: a line longer than ${LOG_LINE_BYTES} bytes`);
    }
    if (rest.length > 0) ftruncateSync(this.fd, at - rest.length);
    this.base = at - rest.length;
  }

  append(line: LineBytes): void {
    this.lines.append(line);
  }

  get pending(): boolean {
    return this.lines.used > 0;
  }

  flush(last: LineBytes): void {
    const { lines } = this;
    const before = lines.used;
    lines.append(last);
    try {
      this.write(lines.buf, lines.used);
    } catch (error) {
      lines.used = before;
      throw error;
    }
    lines.forget();
  }

  /** bytes[0, length) behind what is there. */
  private write(bytes: Buffer, length: number): void {
    writeAll(this.fd, bytes, length, this.base + this.appended);
    // What the disk has not said to have is written once more, to the same place.
    if (this.synced === 'flushed') this.syncs.dataNow(this.fd);
    this.appended += length;
    const { beside } = this;
    if (beside === undefined) return;
    try {
      writeAll(beside.fd, bytes, length, beside.size);
      beside.size += length;
    } catch (error) {
      this.abandon(error as Error);
    }
  }

  sync(done: Done): void {
    const { fd } = this;
    // Another file that has taken its place was on the disk before.
    this.syncs.data(fd, (error) => done(fd === this.fd ? error : null));
  }

  seal(last: LineBytes): void {
    const { lines } = this;
    lines.append(last);
    this.sealed = Buffer.copyBytesFrom(lines.buf, 0, lines.used);
    lines.forget();
  }

  flushSealed(): void {
    if (this.sealed === undefined) return;
    this.write(this.sealed, this.sealed.length);
    this.sealed = undefined;
  }

  replace(lines: Iterable<LineBytes>): void {
    const { fd, base } = this.begin(lines);
    this.syncs.dataNow(fd);
    this.become(fd, base, base);
    this.sealed = undefined;
  }

  renew(lines: Iterable<LineBytes>): void {
    let beside: Beside;
    try {
      beside = this.begin(lines);
    } catch (error) {
      this.abandon(error as Error);
      return;
    }
    this.beside = beside;
    this.syncs.data(beside.fd, (error) => {
      if (this.beside !== beside) return;
      try {
        if (error !== null) throw error;
        this.become(beside.fd, beside.base, beside.size);
        this.beside = undefined;
      } catch (reason) {
        this.abandon(reason as Error);
      }
    });
  }

  get renewing(): boolean {
    return this.beside !== undefined;
  }

  private get temporary(): string {
    return `${this.path}.new`;
  }

  /** Writes lines beside what is there. */
  private begin(lines: Iterable<LineBytes>): Beside {
    const fd = openSync(this.temporary, 'w+', 0o600);
    let size = 0;
    const some = new Lines(KEPT);
    const write = () => {
      writeAll(fd, some.buf, some.used, size);
      size += some.used;
      some.used = 0;
    };
    try {
      for (const line of lines) {
        if (some.used + line.length >= KEPT) write();
        some.append(line);
      }
      write();
    } catch (error) {
      closeSync(fd);
      rmSync(this.temporary);
      throw error;
    }
    return { fd, base: size, size };
  }

  /** That is the log from now on. */
  private become(fd: number, base: number, size: number): void {
    if (this.synced !== undefined) this.syncs.dataNow(fd); // with what was flushed after its sync had begun
    renameSync(this.temporary, this.path);
    if (this.synced !== undefined) this.syncs.namesNow(this.directory);
    this.closeAside(this.fd);
    this.fd = fd;
    this.base = base;
    this.appended = size - base;
  }

  /** The log stays as it is, and is written anew once it has doubled. */
  private abandon(error: Error): void {
    this.warn(`${this.path} is not written anew yet: ${error.message}`);
    this.base += this.appended;
    this.appended = 0;
    this.leaveBeside();
  }

  private leaveBeside(): void {
    if (this.beside === undefined) return;
    this.closeAside(this.beside.fd);
    this.beside = undefined;
    try {
      rmSync(this.temporary);
    } catch (error) {
      this.warn(`${this.temporary} stays until the next time: ${(error as Error).message}`);
    }
  }

  /** By another thread: the last descriptor of a file takes its pages along, which for 64 MiB takes milliseconds. */
  private closeAside(fd: number): void {
    close(fd, (error) => {
      if (error !== null) this.warn(`a file that was ${this.path} is not closed: ${error.message}`);
    });
  }

  close(): void {
    this.leaveBeside();
    this.syncs.dataNow(this.fd);
    closeSync(this.fd);
  }
}

/** Writes bytes[0, length): a write may take less than it was given. */
function writeAll(fd: number, bytes: Buffer, length: number, position: number): void {
  for (let done = 0; done < length; ) done += writeSync(fd, bytes, done, length - done, position + done);
}
