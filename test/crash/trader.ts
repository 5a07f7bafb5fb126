/**
 * A client that forgets nothing, over all its connections: it holds what comes to the rules of FIX, asks for what it missed,
 * sends again what it is asked for, and says what it has been told of each order.
 */
import { connect, type Socket } from 'node:net';
import { encodeFix, type Field, SESSION_TYPES, utcTimestamp } from '../../local/fix-client.ts';
import type { Account } from '../edge/support/desk.ts';

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
const DRAINING = 'Gateway is shutting down, log on again';

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
  /** Those that were refused once more, by who said that this may be so. */
  readonly refusedAgain: string[] = [];
  /** Reports that came once more under another number, and said that they might. */
  repeated = 0;
  /** What is wrong with what came. */
  readonly faults: string[] = [];
  readonly #account: Account;
  readonly #sent = new Map<number, Sent>();
  /** Application messages by number: what they said, and when they were sent first. */
  readonly #heard = new Map<number, { readonly content: string; readonly at: string | undefined }>();
  /** Numbers of such that have come once more since {@link again} asked, and up to where it has been answered. */
  readonly #resent = new Set<number>();
  #answered = 0;
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
  until(so: () => boolean, ms = 30_000): Promise<void> {
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
    await this.until(() => this.#socket?.closed ?? true);
  }

  /** A TestRequest's answer comes after all that was due before it, and is itself in its turn. */
  async inStep(): Promise<void> {
    const id = this.probe();
    let stepped = false;
    this.#step = (answered) => {
      stepped ||= answered === id;
    };
    await this.until(() => stepped);
  }
  #step: (id: string | undefined) => void = () => {};

  /** A TestRequest, whose answer nobody waits for. @returns its TestReqID */
  probe(): string {
    const id = `step-${this.#nextOut}`;
    this.#write('1', [[112, id]], this.#nextOut++);
    return id;
  }

  /**
   * Asks for everything that it has been sent: what was an application message comes again as it was, with PossDupFlag and the time at
   * which it was sent first; the rest is gap-filled.
   * @param forgives whether a message need not come, by its number
   */
  async again(forgives: (seq: number) => boolean = () => false): Promise<void> {
    const end = this.#nextIn;
    this.ask();
    await this.until(() => this.#answered >= end);
    for (const seq of this.#heard.keys())
      if (seq < end && !this.#resent.has(seq) && !forgives(seq)) this.faults.push(`${seq} was gap-filled: it is lost`);
  }

  /** For everything, and waits for nothing. */
  ask(): void {
    this.#resent.clear();
    this.#answered = 1;
    const all: Field[] = [
      [7, 1],
      [16, 0],
    ];
    this.#write('2', all, this.#nextOut++);
  }

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
    if (type === '5') this.#takeLogout(message.get(58) ?? '');
    if (isDup && message.get(122) === undefined) this.faults.push(`${seq} is a PossDup without OrigSendingTime`);
    if (seq < this.#nextIn) {
      this.#takeAgain(message, isDup);
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
      const id = String(about?.fields.find(([tag]) => tag === 11)?.[1]);
      const again = this.refused.includes(id);
      if (!again) this.refused.push(id);
      else if (message.get(97) === 'Y') this.refusedAgain.push(id);
      else this.faults.push(`${id} was refused twice`);
    }
    if (!SESSION_TYPES.has(type))
      this.#heard.set(seq, { content: message.content, at: message.get(122) ?? message.get(52) });
    if (type !== '8' && type !== '9') return;
    const [execId, doubtful] = [message.get(17), message.get(97) === 'Y'];
    if (execId !== undefined && this.#execIds.has(execId)) {
      if (!doubtful) this.faults.push(`ExecID ${execId} came under two numbers`);
      this.repeated += 1;
      return;
    }
    this.reports.push(message);
    if (execId !== undefined) this.#execIds.add(execId);
  }

  #takeLogout(text: string): void {
    if (text === DRAINING) this.#write('5', [], this.#nextOut++);
    else this.faults.push(`Logout: ${text}`);
  }

  /** A number that has been there. */
  #takeAgain(message: Fields, isDup: boolean): void {
    const { type, seq } = message;
    if (seq <= this.#answered)
      this.#answered = Math.max(this.#answered, type === '4' ? Number(message.get(36)) : seq + 1);
    if (!isDup) {
      this.faults.push(`${seq} came again without PossDupFlag: ${message.content}`);
      return;
    }
    if (type === '4') return;
    const before = this.#heard.get(seq);
    if (before?.content !== message.content)
      this.faults.push(`${seq} was "${before?.content}" and is "${message.content}"`);
    if (before?.at !== message.get(122)) this.faults.push(`${seq} was sent at ${before?.at}, not ${message.get(122)}`);
    this.#resent.add(seq);
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
