/**
 * TLS of the FIX port, after the FIX-over-TLS profile of the FIX Trading Community (FIXS): 1.2 and 1.3, forward secrecy,
 * authenticated ciphers, no renegotiation, no resumption. Certificate and key are looked at again while the edge runs.
 */

import { constants, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import type { Clock, Timers } from '../core/time.ts';
import { ConfigError, type TlsSource } from './config.ts';
import { LOGON_WITHIN_MS, TLS_FILES_POLL_MS, TLS_SECRET_POLL_MS } from './limits.ts';
import type { Logger } from './log.ts';

const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');
const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET, SSL_OP_NO_COMPRESSION } = constants;
const DAY_MS = 86_400_000;
/** Warned of at each load from then on: time enough for whoever issues certificates by hand. */
const EXPIRES_SOON_MS = 14 * DAY_MS;

/** PEM texts. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Given: clients must show a certificate that one of these has issued. */
  readonly clientCa: string | undefined;
}

export interface TlsCaller {
  secured(secure: TLSSocket): void;
  /** The handshake failed or the peer has gone. The socket is being closed. */
  failed(error: Error): void;
}

export interface TlsDoor {
  /** Begins a handshake. */
  receive(socket: Socket, caller: TlsCaller): void;
  /** Reads certificate and key again now. Never rejects: if they are wrong, that is logged and the old ones stay. */
  reload(): Promise<void>;
  close(): void;
}

export interface TlsPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** @throws ConfigError when certificate or key cannot be read or do not go together */
export async function openTlsDoor(source: TlsSource, ports: TlsPorts): Promise<TlsDoor> {
  const read = source.kind === 'files' ? () => fromFiles(source) : await secretReader(source.arn);
  let current = await read().catch((error: Error) => {
    throw new ConfigError(error.message);
  });
  const server = createServer({
    ...contextOf(current, ports),
    requestCert: current.clientCa !== undefined,
    rejectUnauthorized: true,
    // The lobby's own deadline counts from the accept, and comes first.
    handshakeTimeout: LOGON_WITHIN_MS,
  });
  const waiting = new Map<string, TlsCaller>();
  server.on('secureConnection', (secure) => {
    const caller = waiting.get(peer(secure));
    if (caller === undefined) secure.destroy();
    else caller.secured(secure);
  });
  server.on('tlsClientError', (error, secure) => waiting.get(peer(secure))?.failed(error));
  let problem = '';
  const reload = async (): Promise<void> => {
    try {
      const next = await read();
      if (next.cert === current.cert && next.key === current.key && next.clientCa === current.clientCa) {
        problem = '';
        return;
      }
      // Whether clients are asked for certificates can only be set when the server is made.
      if ((next.clientCa === undefined) !== (current.clientCa === undefined))
        throw new Error('whether clients show certificates cannot change while the edge runs');
      server.setSecureContext(contextOf(next, ports));
      current = next;
      problem = '';
      ports.log.info({ expires: expiry(next).toISOString() }, 'the TLS certificate was replaced');
    } catch (error) {
      // Logged once, not at each look: while files are being replaced they may not match for a moment.
      const { message } = error as Error;
      if (message !== problem) ports.log.error({ problem: message }, 'the new TLS certificate is not used');
      problem = message;
    }
  };
  let looking: Promise<void> | undefined;
  const look = (): Promise<void> => {
    looking ??= reload().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const every = source.kind === 'files' ? TLS_FILES_POLL_MS : TLS_SECRET_POLL_MS;
  const poll = ports.timers.every(every, () => void look());
  return {
    receive: (socket, caller) => {
      const name = peer(socket);
      waiting.set(name, caller);
      socket.once('close', () => waiting.delete(name));
      server.emit('connection', socket);
    },
    // A look under way may have read the files before they were changed.
    reload: () => (looking === undefined ? look() : looking.then(look)),
    close: () => poll.cancel(),
  };
}

/** A connection by its other end, which is one at a time: TLS gives no other way from its socket back to TCP's. */
const peer = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

const expiry = ({ cert }: TlsMaterial): Date => new X509Certificate(cert).validToDate;

/** @throws ConfigError when certificate and key do not go together */
function contextOf(material: TlsMaterial, { clock, log }: TlsPorts): SecureContextOptions {
  const { cert, key, clientCa } = material;
  const options: SecureContextOptions = {
    cert,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // A session ticket would let in a client whose certificate is no longer accepted.
    secureOptions: SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION,
  };
  try {
    createSecureContext(options);
    const expires = expiry(material);
    if (expires.getTime() - clock.now() < EXPIRES_SOON_MS)
      log.warn({ expires: expires.toISOString() }, 'the TLS certificate expires soon, or has expired');
  } catch (error) {
    throw new ConfigError(`TLS certificate and key cannot be used together: ${(error as Error).message}`);
  }
  return options;
}

async function fromFiles({ cert, key, clientCa }: Extract<TlsSource, { kind: 'files' }>): Promise<TlsMaterial> {
  const text = async (variable: string, path: string): Promise<string> => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new Error(`${variable}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
  return {
    cert: await text('FIXGATE_TLS_CERT', cert),
    key: await text('FIXGATE_TLS_KEY', key),
    clientCa: clientCa === undefined ? undefined : await text('FIXGATE_TLS_CLIENT_CA', clientCa),
  };
}

/** Imported only if it is needed, to keep other starts short. */
async function secretReader(arn: string): Promise<() => Promise<TlsMaterial>> {
  const { secretReaderOf } = await import('../adapters/secrets-manager.ts');
  const read = secretReaderOf(arn);
  return async () => {
    try {
      return materialOf(await read());
    } catch (error) {
      throw new Error(`FIXGATE_TLS_SECRET_ARN: ${(error as Error).message}`);
    }
  };
}

/** @throws Error that names the wrong part and nothing of what is in it */
function materialOf(text: string): TlsMaterial {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the secret is not JSON');
  }
  const { cert, key, client_ca } = (value ?? {}) as Record<string, unknown>;
  if (typeof cert !== 'string' || typeof key !== 'string') throw new Error('the secret has no texts "cert" and "key"');
  if (client_ca !== undefined && typeof client_ca !== 'string') throw new Error('"client_ca" of the secret is no text');
  return { cert, key, clientCa: client_ca };
}
