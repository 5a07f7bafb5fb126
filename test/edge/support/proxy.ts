/** PROXY v2 headers as a balancer writes them. */
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);

export function header(command: number, family: number, body: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), length, body]);
}

/** An extension: type, length, value. */
export const tlv = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);

export const tcp4 = (source: readonly number[], ...extensions: Buffer[]): Buffer =>
  header(0x21, 0x11, Buffer.concat([Buffer.from([...source, 10, 0, 0, 1, 0xc0, 0x00, 0x26, 0x96]), ...extensions]));

export const tcp6 = (source: Buffer): Buffer =>
  header(0x21, 0x21, Buffer.concat([source, Buffer.alloc(16, 1), Buffer.from([0xc0, 0x00, 0x26, 0x96])]));

export const local = (): Buffer => header(0x20, 0x00, Buffer.alloc(0));
