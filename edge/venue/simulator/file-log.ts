/** The order log in a file: appended to by batch, written anew beside itself and renamed. */

import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { copyWords, SLACK, viewOf } from '../../fix/words.ts';
import { SYSTEM_SYNCS, type Syncs } from '../../syncs.ts';
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

export class FileLog implements OrderLog {
  appended = 0;
  base = 0;
  private readonly path: string;
  private fd: number;
  /** Lines to be written: buf[0, used). */
  private buf = Buffer.allocUnsafeSlow(INITIAL);
  private used = 0;
  private words = viewOf(this.buf);
  private sealed: Buffer | undefined;

  private readonly syncs: Pick<Syncs, 'dataNow'>;

  /** @param directory made when it is not there */
  constructor(directory: string, file = FILE, syncs: Pick<Syncs, 'dataNow'> = SYSTEM_SYNCS) {
    this.syncs = syncs;
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

  append({ buf, words, length }: LineBytes): void {
    this.room(length + SLACK);
    const { used } = this;
    if (length <= SHORT && length + SLACK <= buf.length) copyWords(words, 0, length, this.words, used);
    else buf.copy(this.buf, used, 0, length);
    this.words.setUint8(used + length, NEWLINE);
    this.used = used + length + 1;
  }

  /** Of a line of so many bytes, at most. */
  private room(bytes: number): void {
    const most = this.used + bytes + 1;
    if (most <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(most, this.buf.length * 2));
    this.buf.copy(grown, 0, 0, this.used);
    this.become(grown);
  }

  private become(buf: Buffer<ArrayBuffer>): void {
    this.buf = buf;
    this.words = viewOf(buf);
  }

  get pending(): boolean {
    return this.used > 0;
  }

  flush(last: LineBytes): void {
    const before = this.used;
    this.append(last);
    try {
      writeAll(this.fd, this.buf, this.used, this.base + this.appended);
    } catch (error) {
      this.used = before;
      throw error;
    }
    this.appended += this.used;
    this.forget();
  }

  private forget(): void {
    this.used = 0;
    if (this.buf.length > KEPT) this.become(Buffer.allocUnsafeSlow(INITIAL));
  }

  seal(last: LineBytes): void {
    this.append(last);
    this.sealed = Buffer.copyBytesFrom(this.buf, 0, this.used);
    this.forget();
  }

  flushSealed(): void {
    if (this.sealed === undefined) return;
    writeAll(this.fd, this.sealed, this.sealed.length, this.base + this.appended);
    this.appended += this.sealed.length;
    this.sealed = undefined;
  }

  replace(lines: Iterable<string>): void {
    const temporary = `${this.path}.new`;
    const fd = openSync(temporary, 'w+', 0o600);
    let at = 0;
    let batch: string[] = [];
    const write = () => {
      const bytes = Buffer.from(batch.map((line) => `${line}\n`).join(''));
      writeAll(fd, bytes, bytes.length, at);
      at += bytes.length;
      batch = [];
    };
    for (const line of lines) if (batch.push(line) >= 1000) write();
    write();
    this.syncs.dataNow(fd);
    renameSync(temporary, this.path);
    closeSync(this.fd);
    this.fd = fd;
    this.sealed = undefined;
    this.base = at;
    this.appended = 0;
  }

  close(): void {
    this.syncs.dataNow(this.fd);
    closeSync(this.fd);
  }
}

/** Writes bytes[0, length): a write may take less than it was given. */
function writeAll(fd: number, bytes: Buffer, length: number, position: number): void {
  for (let done = 0; done < length; ) done += writeSync(fd, bytes, done, length - done, position + done);
}
