/**
 * The floor, a process of its own: the least that a Node server can do for a FIX client. It finds where messages end by
 * BodyLength, answers a Logon, and each order with a fixed message of the same size, in which only MsgSeqNum and CheckSum
 * are new; one write per chunk. It checks nothing, keeps nothing, limits nobody.
 */
import { createServer, type Socket } from 'node:net';
import { encodeFix, type Field } from '../local/fix-client.ts';

const SOH = 1;
const ZERO = 0x30;
const ORDER = 0x44;
const LOGON = 0x41;
const LOGOUT = 0x35;
/** Bytes of `8=FIX.4.4|9=`. */
const HEAD = 12;
const TRAILER = 7;
const SEQ_DIGITS = 8;
const BACKLOG = 4096;
/** Length of a Text that makes a reply of about the right size, whose BodyLength has three digits. */
const SIZED = 40;

interface Reply {
  readonly bytes: Buffer;
  readonly seq: number;
  /** Of all bytes before the CheckSum but those of MsgSeqNum. */
  readonly sum: number;
}

function message(type: string, rest: readonly Field[]): Reply {
  const header: readonly Field[] = [
    [35, type],
    [34, '0'.repeat(SEQ_DIGITS)],
    [49, 'FLOOR'],
    [52, '20260101-00:00:00.000'],
    [56, 'CLIENT'],
  ];
  const bytes = Buffer.from(encodeFix('FIX.4.4', [...header, ...rest]), 'latin1');
  const seq = bytes.indexOf('\x0134=') + 4;
  let sum = 0;
  for (let i = 0; i < bytes.length - TRAILER; i++) {
    if (i < seq || i >= seq + SEQ_DIGITS) sum += bytes[i]!;
  }
  return { bytes, seq, sum };
}

const replies = new Map<number, Reply>();

/** The reply to an order of `size` bytes: as long, by its Text. */
function replyOf(size: number): Reply {
  let reply = replies.get(size);
  if (reply === undefined) {
    const padded = (text: number) =>
      message('8', [
        [39, 2],
        [58, 'x'.repeat(text)],
      ]);
    reply = padded(Math.max(1, SIZED + size - padded(SIZED).bytes.length));
    replies.set(size, reply);
  }
  return reply;
}

const answers: Readonly<Record<number, Reply>> = {
  [LOGON]: message('A', [
    [98, 0],
    [108, 30],
    [141, 'Y'],
  ]),
  [LOGOUT]: message('5', []),
};

function serve(socket: Socket): void {
  let next = 1;
  let kept: Buffer | undefined;

  /** Writes `reply` to `out` at `at`. @returns where it ends */
  const put = (reply: Reply, out: Buffer, at: number): number => {
    out.set(reply.bytes, at);
    let { sum } = reply;
    let rest = next++;
    for (let i = at + reply.seq + SEQ_DIGITS - 1; i >= at + reply.seq; i--) {
      out[i] = ZERO + (rest % 10);
      sum += out[i]!;
      rest = (rest / 10) | 0;
    }
    const end = at + reply.bytes.length;
    sum &= 0xff;
    out[end - 4] = ZERO + ((sum / 100) | 0);
    out[end - 3] = ZERO + (((sum / 10) | 0) % 10);
    out[end - 2] = ZERO + (sum % 10);
    return end;
  };

  socket.on('error', () => socket.destroy());
  socket.on('data', (read: Buffer) => {
    const chunk = kept === undefined ? read : Buffer.concat([kept, read]);
    const out = Buffer.allocUnsafe(chunk.length * 2 + 512);
    let from = 0;
    let filled = 0;
    while (chunk.length - from > HEAD) {
      let at = from + HEAD;
      let body = 0;
      for (; at < chunk.length && chunk[at] !== SOH; at++) body = body * 10 + chunk[at]! - ZERO;
      const end = at + 1 + body + TRAILER;
      if (end > chunk.length) break;
      const type = chunk[at + 4]!;
      const reply = type === ORDER ? replyOf(end - from) : answers[type];
      if (reply !== undefined) filled = put(reply, out, filled);
      if (type === LOGOUT) socket.end(out.subarray(0, filled));
      from = end;
    }
    kept = from < chunk.length ? chunk.subarray(from) : undefined;
    if (filled > 0 && !socket.writableEnded) socket.write(out.subarray(0, filled));
  });
}

const server = createServer({ noDelay: true }, serve);
server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
  const address = server.address();
  process.send?.({ type: 'ready', port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('message', (asked) => {
  if (asked !== 'used') return;
  const { user, system } = process.cpuUsage();
  process.send?.({ type: 'used', seconds: (user + system) / 1e6, bytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit(0));
