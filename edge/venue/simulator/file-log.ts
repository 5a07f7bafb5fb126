/** The order log in a file: appended to by batch, written anew beside itself and renamed. */

import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LOG_LINE_BYTES } from '../limits.ts';
import type { OrderLog } from './log.ts';

const FILE = 'orders.jsonl';
const CHUNK = 1 << 20;
const NEWLINE = 0x0a;

export class FileLog implements OrderLog {
  appended = 0;
  base = 0;
  private readonly path: string;
  private fd: number;
  private lines: string[] = [];

  /** @param directory made when it is not there */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.path = join(directory, FILE);
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

  append(line: string): void {
    this.lines.push(line);
  }

  get pending(): boolean {
    return this.lines.length > 0;
  }

  flush(last: string): void {
    const bytes = Buffer.from(`${this.lines.join('\n')}\n${last}\n`);
    writeAll(this.fd, bytes, this.base + this.appended);
    this.lines = [];
    this.appended += bytes.length;
  }

  replace(lines: Iterable<string>): void {
    const temporary = `${this.path}.new`;
    const fd = openSync(temporary, 'w+', 0o600);
    let at = 0;
    let batch: string[] = [];
    const write = () => {
      const bytes = Buffer.from(batch.map((line) => `${line}\n`).join(''));
      writeAll(fd, bytes, at);
      at += bytes.length;
      batch = [];
    };
    for (const line of lines) if (batch.push(line) >= 1000) write();
    write();
    fsyncSync(fd);
    renameSync(temporary, this.path);
    closeSync(this.fd);
    this.fd = fd;
    this.lines = [];
    this.base = at;
    this.appended = 0;
  }

  close(): void {
    fsyncSync(this.fd);
    closeSync(this.fd);
  }
}

/** A write may take less than it was given. */
function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
