/** A PROXY v2 header, as the balancer writes it before a connection's own bytes. */
import { type Address, parseAddress } from '../core/addresses.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Version 2, command PROXY. */
const PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** IPv4 within IPv6 (RFC 4291, 2.5.5.2). */
const MAPPED = 0xffff_0000_0000n;

/** @throws RangeError when one of them is no address */
export function proxyHeader(source: string, sourcePort: number, target: string, targetPort: number): Buffer {
  const [from, to] = [addressed(source), addressed(target)];
  const v4 = from.family === 4 && to.family === 4;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(targetPort, 2);
  const body = Buffer.concat([bytesOf(from, v4), bytesOf(to, v4), ports]);
  const fixed = Buffer.from([PROXY, v4 ? TCP4 : TCP6, body.length >> 8, body.length & 255]);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

function addressed(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`no address: ${text}`);
  return address;
}

function bytesOf({ family, value }: Address, v4: boolean): Buffer {
  const whole = family === 4 && !v4 ? MAPPED | value : value;
  return Buffer.from(whole.toString(16).padStart(v4 ? 8 : 32, '0'), 'hex');
}
