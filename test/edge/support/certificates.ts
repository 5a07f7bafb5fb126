/** Certificates for the tests, made by openssl where it is, each run anew: nothing that expires lies in the tree. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  /** Files. */
  readonly cert: string;
  readonly key: string;
  /** PEM texts. */
  readonly certText: string;
  readonly keyText: string;
}

export class CertificateMaker {
  readonly directory = mkdtempSync(join(tmpdir(), 'fixgate-tls-'));

  /** Self-signed, for 127.0.0.1; with an `issuer`, signed by it. */
  make(name: string, issuer?: Certificate, days = 30): Certificate {
    const at = (what: string): string => join(this.directory, `${name}.${what}`);
    const cert = at('crt');
    const key = at('key');
    const signed = issuer === undefined ? [] : ['-CA', issuer.cert, '-CAkey', issuer.key];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    const args = ['req', '-x509', ...curve, ...names, ...signed, '-days', String(days), '-keyout', key, '-out', cert];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return { cert, key, certText: readFileSync(cert, 'utf8'), keyText: readFileSync(key, 'utf8') };
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }
}
