/** An authority of this run alone, and what it issues for 127.0.0.1. */
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = (args: readonly string[]) => promisify(execFile)('openssl', [...args], { timeout: 20_000 });
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];

export interface Issued {
  /** Files; the certificate is followed by its authority's. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes the authority and one certificate under `<directory>/tls`. */
export async function makeAuthority(directory: string): Promise<Issued> {
  const folder = join(directory, 'tls');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  const ca = at('ca.crt');
  const authority = ['-subj', '/CN=fixgate deploy:local authority', '-addext', 'basicConstraints=critical,CA:TRUE'];
  const use = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  await openssl(['req', '-x509', ...CURVE, ...authority, ...use, '-keyout', at('ca.key'), '-out', ca]);
  const cert = at('server.crt');
  const key = at('server.key');
  // The emulator keeps its certificate only when it has the names that it would put in itself.
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost';
  const leaf = ['-subj', '/CN=127.0.0.1', '-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE'];
  await openssl(['req', '-x509', ...CURVE, ...leaf, '-CA', ca, '-CAkey', at('ca.key'), '-keyout', key, '-out', cert]);
  appendFileSync(cert, readFileSync(ca));
  return { ca, cert, key };
}
