/**
 * A TCP connection before FIX: PROXY header, then TLS handshake, as configured. It is in the lobby from the first moment, under
 * the deadline of a Logon, so that neither is a way around the bounds on connections that have not logged on.
 */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Connection } from './connection.ts';
import type { OpenHouse } from './house.ts';
import { LOGON_WITHIN_MS } from './limits.ts';
import type { Guest } from './lobby.ts';
import { type ProxyHeader, type ProxySources, plainAddress, takeProxyHeader } from './proxy-protocol.ts';
import type { TlsCaller, TlsDoor } from './tls.ts';
import type { Sleeper } from './wheel.ts';

/** What comes before FIX on a connection. */
export interface Doors {
  /** Who may send a PROXY header. Undefined: there are no headers. */
  readonly sources: ProxySources | undefined;
  /** The header may be left out, and others may connect. Without a header the address is that of the socket. */
  readonly headerOptional: boolean;
  readonly tls: TlsDoor | undefined;
}

/** Takes a connection as far as FIX, or closes it. */
export function arrive(socket: Socket, remoteAddress: string, house: OpenHouse<Connection>, doors: Doors): void {
  const address = plainAddress(remoteAddress);
  if (doors.sources === undefined && doors.tls === undefined) new Connection(socket, { address }, house);
  else new Arrival(socket, address, house, doors).begin();
}

class Arrival implements Guest, Sleeper, TlsCaller {
  address: string;
  wakeAt = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #house: OpenHouse<Connection>;
  readonly #doors: Doors;
  readonly #deadline: number;
  #headerBytes = 0;
  #waitsFor: 'proxy_header' | 'tls' | 'nothing' = 'nothing';

  constructor(socket: Socket, address: string, house: OpenHouse<Connection>, doors: Doors) {
    this.#socket = socket;
    this.address = address;
    this.#house = house;
    this.#doors = doors;
    this.#deadline = house.turns.now.monoMs + LOGON_WITHIN_MS;
  }

  begin(): void {
    const { lobby, wheel } = this.#house;
    const { sources, headerOptional } = this.#doors;
    const socket = this.#socket;
    // Errors of such a socket (a reset) need no handling: its close follows.
    socket.on('error', () => socket.destroy());
    const trusted = sources?.has(this.address) ?? false;
    if (sources !== undefined && !trusted && !headerOptional) {
      this.#refuse('untrusted_source', 'the address may not speak for clients (FIXGATE_PROXY_SOURCES)');
      return;
    }
    this.#waitsFor = trusted ? 'proxy_header' : 'tls';
    lobby.enter(this);
    wheel.schedule(this);
    socket.once('close', () => this.#gone());
    if (!trusted) this.#secure();
    else {
      socket.once('end', this.#onEnd);
      takeProxyHeader(socket, (header) => this.#house.turns.run(() => this.#introduced(header)));
    }
  }

  evict(): void {
    this.#house.metrics.closed('pushed_out');
    this.#close();
  }

  nextWake(): number {
    return this.#waitsFor === 'nothing' ? Number.POSITIVE_INFINITY : this.#deadline;
  }

  wake(): void {
    if (this.#waitsFor !== 'nothing') this.#refuse('no_logon', `no end of ${this.#waitsFor} in time`);
  }

  /** A balancer's health check opens a connection and closes it. */
  readonly #onEnd = (): void => this.#close();

  #introduced(header: Exclude<ProxyHeader, { kind: 'more' }>): void {
    this.#socket.off('end', this.#onEnd);
    switch (header.kind) {
      case 'absent':
        if (this.#doors.headerOptional) break;
        this.#refuse('proxy_header', 'the connection does not begin with a PROXY v2 header');
        return;
      case 'wrong':
        this.#refuse('proxy_header', `the PROXY header ${header.why}`);
        return;
      case 'proxied':
        this.#house.lobby.leave(this);
        this.address = header.address;
        this.#house.lobby.enter(this);
        break;
      case 'local':
        break;
    }
    if (header.kind !== 'absent') this.#headerBytes = header.bytes;
    this.#secure();
  }

  #secure(): void {
    const { tls } = this.#doors;
    if (tls === undefined) {
      this.#handOver(this.#socket, undefined);
      return;
    }
    this.#waitsFor = 'tls';
    tls.receive(this.#socket, this);
  }

  secured(secure: TLSSocket): void {
    if (this.#waitsFor === 'tls') this.#house.turns.run(() => this.#handOver(secure, fingerprint(secure)));
    else secure.destroy();
  }

  failed(error: Error): void {
    if (this.#waitsFor !== 'tls') return;
    const { code, message } = error as NodeJS.ErrnoException;
    this.#house.turns.run(() => this.#refuse('tls', code ?? message));
  }

  #handOver(socket: Socket, certificate: string | undefined): void {
    this.#leave();
    new Connection(socket, { address: this.address, deadline: this.#deadline, certificate }, this.#house);
  }

  #refuse(cause: string, why: string): void {
    const { metrics, strangers, turns } = this.#house;
    metrics.closed(cause);
    strangers.note({ address: this.address, cause, why }, 'a connection was turned away before FIX', turns.now.monoMs);
    this.#close();
  }

  /** If the peer sent nothing it was no failure: somebody checked whether the port is open. */
  #gone(): void {
    if (this.#waitsFor === 'tls' && this.#socket.bytesRead > this.#headerBytes)
      this.failed(new Error('the connection ended in the handshake, or its certificate is not taken'));
    else this.#leave();
  }

  #close(): void {
    this.#leave();
    this.#socket.destroy();
  }

  #leave(): void {
    this.#waitsFor = 'nothing';
    this.#house.lobby.leave(this);
    this.#house.wheel.forget(this);
  }
}

/** Of the client's certificate, as credentials have it; TLS has verified it, or there is none. */
const fingerprint = (secure: TLSSocket): string | undefined =>
  secure.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
