/** Where a Unix socket of a data directory is. */

import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In the directory itself, unless the path is longer than a socket's may be (108 bytes on Linux, 104 on macOS). */
export function socketPath(dataDir: string, what: string): string {
  const inside = join(dataDir, `${what}.sock`);
  const name = `fixgate-${what}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 24)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return Buffer.byteLength(inside) < 100 ? inside : join(tmpdir(), `${name}.sock`);
}
