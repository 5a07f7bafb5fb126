/**
 * PROXY protocol, version 2: what a balancer says before a connection's own bytes, so that the client's address is known
 * behind it. Version 1, a line of text, is not taken: two parsers of what strangers may try to forge are one too many.
 */

import { type Socket, SocketAddress } from 'node:net';
import { type AddressRange, parseAddress, parseAddressRule } from '../core/addresses.ts';
import { PROXY_BODY_BYTES } from './limits.ts';

/** The twelve bytes of section 2.2: no protocol with text at its beginning starts so. */
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Signature, version and command, family and transport, length of the rest. */
const FIXED_BYTES = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
/** Over TCP: bytes of source, destination and two ports. */
const TCP4 = 0x11;
const TCP4_BYTES = 12;
const TCP6 = 0x21;
const TCP6_BYTES = 36;

export type ProxyHeader =
  | { readonly kind: 'more' }
  /** `absent`: not even the signature. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'wrong'; readonly why: string }
  /** The balancer speaks for itself, as in a health check: the connection's own address holds. */
  | { readonly kind: 'local'; readonly bytes: number }
  | { readonly kind: 'proxied'; readonly bytes: number; readonly address: string };

/** What the first bytes of a connection say; `bytes`: where its own begin. Extensions (TLVs) are passed over. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, seen, 0, seen) !== 0) return { kind: 'absent' };
  if (bytes.length < FIXED_BYTES) return { kind: 'more' };
  const length = bytes.readUInt16BE(14);
  if (length > PROXY_BODY_BYTES) return { kind: 'wrong', why: `is ${length} bytes long` };
  const command = bytes[12]!;
  const family = bytes[13]!;
  if (command !== LOCAL && command !== PROXY) return { kind: 'wrong', why: `has version and command ${hex(command)}` };
  const whole = FIXED_BYTES + length;
  if (command === LOCAL) return bytes.length < whole ? { kind: 'more' } : { kind: 'local', bytes: whole };
  if (family !== TCP4 && family !== TCP6) return { kind: 'wrong', why: `has family and transport ${hex(family)}` };
  if (length < (family === TCP4 ? TCP4_BYTES : TCP6_BYTES))
    return { kind: 'wrong', why: 'is shorter than its addresses' };
  if (bytes.length < whole) return { kind: 'more' };
  return { kind: 'proxied', bytes: whole, address: family === TCP4 ? v4(bytes) : v6(bytes) };
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;

const v4 = (bytes: Buffer): string => bytes.subarray(FIXED_BYTES, FIXED_BYTES + 4).join('.');

/** One spelling per address, for it is counted by: that of RFC 5952. */
function v6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(FIXED_BYTES + 2 * i).toString(16));
  return plainAddress(new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address);
}

/** IPv4 as IPv4: a socket that takes both shows it as `::ffff:1.2.3.4`. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** Who may say where a connection comes from. */
export class ProxySources {
  readonly #ranges: readonly AddressRange[];

  /** @param rules checked by `edge/config.ts` */
  constructor(rules: readonly string[]) {
    this.#ranges = rules.map(parseAddressRule).filter((range) => range !== undefined);
  }

  has(address: string): boolean {
    const subject = parseAddress(address);
    if (subject === undefined) return false;
    return this.#ranges.some(
      ({ family, first, last }) => family === subject.family && first <= subject.value && subject.value <= last,
    );
  }
}

/**
 * Reads a header off a socket; what follows it stays in the socket, which is left paused. The caller bounds the time and
 * hears itself of the socket's end.
 */
export function takeProxyHeader(socket: Socket, done: (header: Exclude<ProxyHeader, { kind: 'more' }>) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === 'more') return;
    socket.off('data', onData).pause();
    const own = header.kind === 'local' || header.kind === 'proxied' ? bytes.subarray(header.bytes) : bytes;
    if (own.length > 0) socket.unshift(own);
    done(header);
  };
  socket.on('data', onData);
}
