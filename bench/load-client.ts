/**
 * The load client where there is no C compiler, a process of its own: frames all orders beforehand, keeps a window of
 * them in flight, finds the replies by BodyLength and counts them by type. Ends with one line of JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeFix, type Field, utcTimestamp } from '../local/fix-client.ts';
import { percentile } from './figures.ts';
import type { LoadResult, NodeTask } from './load.ts';
import { orderStream } from './orders.ts';
import { eachMessage, TRAILER } from './replies.ts';

const HEARTBEAT_S = 60;
const CODES = 128;
const codes = (text: string): ReadonlySet<number> => new Set(Buffer.from(text));
/** MsgTypes that answer an order. */
const ANSWERS = codes('D8j3');
/** Types whose coming ends the run: nobody answers them here. */
const ENDS = codes('125');
const EXECUTION_REPORT = 0x38;

/** OrdStatus of an order that is not ended: New, partially filled. */
const OPEN = codes('01');
const ORD_STATUS = Buffer.from('\x0139=');

/** The OrdStatus of the report in [at, end), as its code; 0: it has none. */
function statusOf(chunk: Buffer, at: number, end: number): number {
  const found = chunk.indexOf(ORD_STATUS, at);
  return found < 0 || found >= end ? 0 : chunk[found + ORD_STATUS.length]!;
}

/** Counts by numbers alone: what a client leaves on its heap is collected in the middle of somebody's round trip. */
class Replies {
  answered = 0;
  /** By MsgType and OrdStatus. */
  readonly #counts = new Uint32Array(CODES * CODES);
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
      const status = type === EXECUTION_REPORT ? statusOf(chunk, at, end) : 0;
      this.#counts[(type * CODES + status) % this.#counts.length]! += 1;
      if (ANSWERS.has(type) && !(this.#last && OPEN.has(status))) this.answered++;
    });
    this.#kept = rest < chunk.length ? chunk.subarray(rest) : undefined;
  }

  /** How many came, by MsgType, and of reports by `/` and OrdStatus. */
  byType(): Readonly<Record<string, number>> {
    const found: Record<string, number> = {};
    this.#counts.forEach((count, of) => {
      if (count === 0) return;
      const [type, status] = [Math.floor(of / CODES), of % CODES];
      found[String.fromCharCode(type) + (status === 0 ? '' : `/${String.fromCharCode(status)}`)] = count;
    });
    return found;
  }
}

async function logOn(task: NodeTask): Promise<Socket> {
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
function drive(socket: Socket, task: NodeTask): Promise<LoadResult> {
  const { count, window } = task;
  const orders = orderStream(task, task.order, 2, count, task.first_id);
  const ends = new Float64Array(count + 1);
  for (let i = 0, at = 0; i < count; i++) {
    at = orders.indexOf('\x0110=', at + TRAILER) + 1 + TRAILER;
    ends[i + 1] = at;
  }
  const replies = new Replies(task.order === 'fills');
  const took = new Float64Array(window === 1 ? count : 0);
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
      // Before it is looked through: an order may have more replies than the floor's, and they have come by now.
      const cameAt = performance.now();
      const before = replies.answered;
      try {
        replies.take(chunk);
      } catch (error) {
        reject(error);
        return;
      }
      if (window === 1 && replies.answered > before) took[before] = (cameAt - sentAt) * 1000;
      if (replies.answered < count) return send();
      const seconds = (performance.now() - begun) / 1000;
      resolve({
        per_s: count / seconds,
        p50_us: took.length === 0 ? 0 : percentile([...took], 0.5),
        p99_us: took.length === 0 ? 0 : percentile([...took], 0.99),
        replies: replies.byType(),
      });
    });
    socket.once('close', () => reject(new Error('the connection was closed')));
    send();
  });
}

const task = JSON.parse(process.argv[2] ?? '') as NodeTask;
const socket = await logOn(task);
const result = await drive(socket, task);
socket.destroy();
process.stdout.write(`${JSON.stringify(result)}\n`);
