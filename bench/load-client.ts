/**
 * The load client where there is no C compiler, a process of its own: frames all orders beforehand, keeps a window of
 * them in flight, finds the replies by BodyLength and counts them by type. Ends with one line of JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeFix, type Field, utcTimestamp } from '../local/fix-client.ts';
import { percentile } from './figures.ts';
import type { LoadResult, LoadTask } from './load.ts';
import { orderStream } from './orders.ts';
import { eachMessage, TRAILER } from './replies.ts';

const HEARTBEAT_S = 60;
/** MsgTypes that answer an order. */
const ANSWERS = new Set(['D', '8', 'j', '3']);
/** Types whose coming ends the run: nobody answers them here. */
const ENDS = new Set(['1', '2', '5']);

/** OrdStatus of an order that is not ended: New, partially filled. */
const OPEN = new Set(['/0', '/1']);
const ORD_STATUS = Buffer.from('\x0139=');

/** `/` and the OrdStatus of the report in [at, end). */
function statusOf(chunk: Buffer, at: number, end: number): string {
  const found = chunk.indexOf(ORD_STATUS, at);
  return found < 0 || found >= end ? '' : `/${String.fromCharCode(chunk[found + ORD_STATUS.length]!)}`;
}

class Replies {
  readonly byType = new Map<string, number>();
  answered = 0;
  readonly #last: boolean;
  #kept: Buffer | undefined;

  /** @param last an order is answered by the report that ends it, not by the first */
  constructor(last: boolean) {
    this.#last = last;
  }

  /** Takes what was read. @throws when the session is not what a benchmark expects */
  take(read: Buffer): void {
    const chunk = this.#kept === undefined ? read : Buffer.concat([this.#kept, read]);
    const rest = eachMessage(chunk, (type, at, end, from) => {
      if (ENDS.has(type)) throw new Error(`unexpected ${chunk.toString('latin1', from, end).replaceAll('\x01', '|')}`);
      const status = type === '8' ? statusOf(chunk, at, end) : '';
      this.byType.set(type + status, (this.byType.get(type + status) ?? 0) + 1);
      if (ANSWERS.has(type) && !(this.#last && OPEN.has(status))) this.answered++;
    });
    this.#kept = rest < chunk.length ? chunk.subarray(rest) : undefined;
  }
}

async function logOn(task: LoadTask): Promise<Socket> {
  const socket = connect({ port: task.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const fields: readonly Field[] = [
    [35, 'A'],
    [34, 1],
    [49, task.sender],
    [52, utcTimestamp(new Date())],
    [56, task.target],
    [98, 0],
    [108, HEARTBEAT_S],
    [141, 'Y'],
    [553, task.sender],
    [554, task.password],
  ];
  socket.write(encodeFix('FIX.4.4', fields), 'latin1');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.includes('\x0135=A\x01')) throw new Error(`the Logon was answered by ${answer.toString('latin1')}`);
  return socket;
}

/** Keeps `task.window` orders in flight until all are answered. */
function drive(socket: Socket, task: LoadTask): Promise<LoadResult> {
  const { count, window } = task;
  const orders = orderStream(task, task.order, 2, count);
  const ends = new Float64Array(count + 1);
  for (let i = 0, at = 0; i < count; i++) {
    at = orders.indexOf('\x0110=', at + TRAILER) + 1 + TRAILER;
    ends[i + 1] = at;
  }
  const replies = new Replies(task.order === 'fills');
  const took: number[] = [];
  const top = Math.max(1, Math.floor(window / 16));
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let sent = 0;
    let sentAt = begun;
    const send = (): void => {
      const due = Math.min(count, replies.answered + window);
      if (due - sent < Math.min(top, count - sent) || due === sent) return;
      sentAt = performance.now();
      socket.write(orders.subarray(ends[sent], ends[due]));
      sent = due;
    };
    socket.on('data', (chunk) => {
      try {
        replies.take(chunk);
      } catch (error) {
        reject(error);
        return;
      }
      if (window === 1) took.push((performance.now() - sentAt) * 1000);
      if (replies.answered < count) return send();
      const seconds = (performance.now() - begun) / 1000;
      resolve({
        per_s: count / seconds,
        p50_us: took.length === 0 ? 0 : percentile(took, 0.5),
        p99_us: took.length === 0 ? 0 : percentile(took, 0.99),
        replies: Object.fromEntries(replies.byType),
      });
    });
    socket.once('close', () => reject(new Error('the connection was closed')));
    send();
  });
}

const task = JSON.parse(process.argv[2] ?? '') as LoadTask;
const socket = await logOn(task);
const result = await drive(socket, task);
socket.destroy();
process.stdout.write(`${JSON.stringify(result)}\n`);
