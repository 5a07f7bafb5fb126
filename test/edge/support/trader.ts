/**
 * A client that forgets nothing, over all its connections: it holds what comes to the rules of FIX, asks for what it missed,
 * sends again what it is asked for, and says what it has been told of each order.
 */
import { connect, type Socket } from 'node:net';
import { encodeFix, type Field, utcTimestamp } from '../../../local/fix-client.ts';
import type { Account } from './desk.ts';

const SOH = '\x01';

interface Sent {
  readonly type: string;
  readonly fields: readonly Field[];
  readonly at: string;
}

interface Fields {
  readonly type: string;
  readonly seq: number;
  get(tag: number): string | undefined;
  /** Without what a resend changes. */
  readonly content: string;
}

const CHANGED = new Set(['8', '9', '10', '43', '52', '122']);

function parse(raw: string): Fields {
  const fields = raw
    .split(SOH)
    .slice(0, -1)
    .map((field) => field.split(/=(.*)/s, 2) as [string, string]);
  const values = new Map(fields.toReversed());
  const content = fields
    .filter(([tag]) => !CHANGED.has(tag))
    .map(([tag, value]) => `${tag}=${value}`)
    .join('|');
  return { type: values.get('35')!, seq: Number(values.get('34')), content, get: (tag) => values.get(String(tag)) };
}

export class Trader {
  /** Reports in the order in which they were due, each once. */
  readonly reports: Fields[] = [];
  /** ClOrdIDs of orders and cancels that were refused on the way to the venue (35=j or 3), each once. */
  readonly refused: string[] = [];
  /** Reports that came once more under another number, and said that they might. */
  repeated = 0;
  /** What is wrong with what came. */
  readonly faults: string[] = [];
  readonly #account: Account;
  readonly #sent = new Map<number, Sent>();
  readonly #heard = new Map<number, string>();
  readonly #execIds = new Set<string>();
  #nextIn = 1;
  #nextOut = 1;
  #socket: Socket | undefined;
  #rest = '';
  #asked = 0;
  #changed = (): void => {};
  #loggedOn = false;

  constructor(account: Account) {
    this.#account = account;
  }

  /** The number that is due. */
  get next(): number {
    return this.#nextIn;
  }

  /** Logs on; resolves with the answer, or when the connection is gone. */
  async logon(port: number): Promise<boolean> {
    this.#rest = '';
    this.#asked = 0;
    this.#loggedOn = false;
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    this.#socket = socket;
    let gone = false;
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', () => {});
    socket.on('close', () => {
      gone = true;
      this.#changed();
    });
    const { password } = this.#account;
    this.#write(
      'A',
      [
        [98, 0],
        [108, 30],
        [554, password],
      ],
      this.#nextOut++,
    );
    await this.until(() => this.#loggedOn || gone);
    return this.#loggedOn;
  }

  /** In one piece: the edge reads them in one turn. */
  send(messages: readonly (readonly [string, readonly Field[]])[]): void {
    const text = messages.map(([type, fields]) => {
      const seq = this.#nextOut++;
      this.#sent.set(seq, { type, fields, at: utcTimestamp(new Date()) });
      return this.#encode(type, fields, seq);
    });
    this.#socket!.write(text.join(''), 'latin1');
  }

  /** Resolves when `so` is true; looks again whenever something came. */
  until(so: () => boolean, ms = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not within ${ms} ms: ${so}`)), ms);
      this.#changed = () => {
        if (!so()) return;
        clearTimeout(late);
        this.#changed = () => {};
        resolve();
      };
      this.#changed();
    });
  }

  /** The connection is gone, by whomever. */
  async gone(): Promise<void> {
    await this.until(() => this.#socket!.closed);
  }

  /** A TestRequest's answer comes after all that was due before it, and is itself in its turn. */
  async inStep(): Promise<void> {
    const id = `step-${this.#nextOut}`;
    this.#write('1', [[112, id]], this.#nextOut++);
    let stepped = false;
    this.#step = (answered) => {
      stepped ||= answered === id;
    };
    await this.until(() => stepped);
  }
  #step: (id: string | undefined) => void = () => {};

  close(): void {
    this.#socket?.destroy();
  }

  #encode(type: string, fields: readonly Field[], seq: number, header: readonly Field[] = []): string {
    const { sender_comp_id, target_comp_id } = this.#account;
    const now = utcTimestamp(new Date());
    return encodeFix('FIX.4.4', [
      [35, type],
      [34, seq],
      [49, sender_comp_id],
      [52, now],
      [56, target_comp_id],
      ...header,
      ...fields,
    ]);
  }

  #write(type: string, fields: readonly Field[], seq: number, header: readonly Field[] = []): void {
    this.#socket!.write(this.#encode(type, fields, seq, header), 'latin1');
  }

  #read(text: string): void {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.search(/\x0110=\d{3}\x01/);
      if (end < 0) break;
      const raw = this.#rest.slice(0, end + 8);
      this.#rest = this.#rest.slice(end + 8);
      this.#take(parse(raw));
    }
    this.#changed();
  }

  #take(message: Fields): void {
    const { type, seq } = message;
    const isDup = message.get(43) === 'Y';
    if (type === '2') this.#resend(Number(message.get(7)), Number(message.get(16)));
    if (type === 'A') this.#loggedOn = true;
    if (type === '5') this.faults.push(`Logout: ${message.get(58)}`);
    if (seq < this.#nextIn) {
      if (!isDup) this.faults.push(`${seq} came again without PossDupFlag: ${message.content}`);
      else if (type !== '4' && this.#heard.get(seq) !== message.content)
        this.faults.push(`${seq} was "${this.#heard.get(seq)}" and is "${message.content}"`);
      return;
    }
    if (seq > this.#nextIn) {
      if (this.#asked === this.#nextIn) return;
      this.#asked = this.#nextIn;
      this.#write(
        '2',
        [
          [7, this.#nextIn],
          [16, 0],
        ],
        this.#nextOut++,
      );
      return;
    }
    if (type === '4') {
      this.#nextIn = Number(message.get(36));
      return;
    }
    this.#nextIn += 1;
    if (type === '0') this.#step(message.get(112));
    if (type === 'j' || type === '3') {
      const about = this.#sent.get(Number(message.get(45)));
      this.refused.push(String(about?.fields.find(([tag]) => tag === 11)?.[1]));
    }
    if (type !== '8' && type !== '9') return;
    this.#heard.set(seq, message.content);
    const [execId, doubtful] = [message.get(17), message.get(97) === 'Y'];
    if (execId !== undefined && this.#execIds.has(execId)) {
      if (!doubtful) this.faults.push(`ExecID ${execId} came under two numbers`);
      this.repeated += 1;
      return;
    }
    this.reports.push(message);
    if (execId !== undefined) this.#execIds.add(execId);
  }

  /** Orders as they were, with PossDupFlag; the rest by gap fills. */
  #resend(from: number, to: number): void {
    const last = to === 0 ? this.#nextOut - 1 : to;
    for (let seq = from; seq <= last; seq++) {
      const sent = this.#sent.get(seq);
      if (sent === undefined)
        this.#write(
          '4',
          [
            [36, seq + 1],
            [123, 'Y'],
          ],
          seq,
          [[43, 'Y']],
        );
      else
        this.#write(sent.type, sent.fields, seq, [
          [43, 'Y'],
          [122, sent.at],
        ]);
    }
  }
}
