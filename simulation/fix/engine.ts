/**
 * A client's FIX engine: numbers and messages outlive its connections, gaps are asked for, what is asked for is sent again.
 * It holds everything it receives against what it has received before.
 */
import { encodeFix, type Field, FixMessage, SESSION_TYPES, utcTimestamp } from '../../local/fix-client.ts';

/** What the engine asks of its owner. */
export interface EngineHost {
  /** True time, epoch ms. */
  now(): number;
  /** Its own clock, epoch ms. */
  clock(): number;
  send(text: string): void;
  /** Logged on: application messages may go. */
  loggedOn(): void;
  /** The other side wants the connection closed. */
  loggedOut(text: string): void;
  /** An application message, in order, once. */
  application(message: FixMessage): void;
  broken(promise: string, text: string): void;
  /** Whether a new day has begun since then, by its own clock. */
  isNewDay(since: number): boolean;
  /** Whether one side may think that it has, and the other not. */
  readonly betweenDays: boolean;
  /** Numbers begin anew: nothing of before is told, or asked for, again. */
  begunAnew(): void;
}

export interface EngineNames {
  readonly sender: string;
  readonly sub: string;
  readonly target: string;
  readonly password: string;
  /** It says with its Logon what it expects next (789), and what is missing comes without being asked for. */
  readonly saysNext: boolean;
}

const BEGIN_STRING = 'FIX.4.4';
const HEARTBEAT_S = 30;
/** Fields that differ each time a message is sent. */
const OF_THE_SENDING = new Set([8, 9, 10, 34, 43, 52, 97, 122]);
const END = /\x0110=\d{3}\x01/g;

/** A message without what differs each time it is sent. */
export function contentOf(message: FixMessage): string {
  return message.fields
    .filter(([tag]) => !OF_THE_SENDING.has(tag))
    .map(([tag, value]) => `${tag}=${value}`)
    .join('|');
}

export class Engine {
  nextOut = 1;
  nextIn = 1;
  on = false;
  readonly #host: EngineHost;
  readonly #names: EngineNames;
  /** Application messages by their numbers. */
  readonly #sent = new Map<number, readonly Field[]>();
  /** Content of what was received under a number, accepted or not. */
  readonly #seen = new Map<number, string>();
  #input = '';
  /** A gap has been asked for, up to here. */
  #askedTo = 0;
  /** By its own clock, when its numbers began. */
  #begunAt = 0;
  /** By its own clock, when a Logon was last over that had not been answered. */
  #unansweredAt = 0;
  /** The other side may have had one Logon more than it knows of since numbers began. */
  crossed = false;
  /** It has closed its connection: what has come on that is not read. */
  #deaf = false;
  /** It has asked for numbers that begin anew, and is not answered. */
  #resets = false;

  constructor(host: EngineHost, names: EngineNames) {
    this.#host = host;
    this.#names = names;
  }

  /** A connection is there. @param resets whether numbers are to begin anew, by ResetSeqNumFlag (141) */
  connected(resets = false): void {
    this.#fresh();
    this.#resets ||= resets;
    if (this.#resets || this.#host.isNewDay(this.#begunAt)) this.#beginAnew();
    this.#host.send(this.logon(this.nextOut++));
  }

  #beginAnew(): void {
    Object.assign(this, { nextOut: 1, nextIn: 1 });
    // A Logon of the day before may have been counted in this one.
    this.crossed = this.#host.isNewDay(0) && !this.#host.isNewDay(this.#unansweredAt);
    this.#begunAt = this.#host.clock();
    this.#sent.clear();
    this.#seen.clear();
    this.#host.begunAnew();
  }

  #fresh(): void {
    this.#deaf = false;
    this.#input = '';
    this.#askedTo = 0;
    this.on = false;
  }

  /** A Logon of this number, which it does not count. */
  logon(number: number): string {
    const { sender, password, saysNext } = this.#names;
    const type: Field = [35, 'A'];
    const fields: readonly Field[] = [
      [98, 0],
      [108, HEARTBEAT_S],
      [553, sender],
      [554, password],
      ...(this.#resets ? [[141, 'Y'] as Field] : []),
      ...(saysNext ? [[789, this.nextIn] as Field] : []),
    ];
    return this.#text(number, [type, ...fields], []);
  }

  /** The Logon sent elsewhere is answered there: from now on that is the connection. */
  moved(): void {
    this.#fresh();
  }

  /** A message of this number has been sent. */
  spent(number: number): void {
    this.#unansweredAt = this.#host.clock();
    this.nextOut = Math.max(this.nextOut, number + 1);
  }

  disconnected(): void {
    if (!this.on) this.#unansweredAt = this.#host.clock();
    this.on = false;
  }

  heartbeat(): void {
    if (this.on) this.#session('0', []);
  }

  logout(): void {
    this.#session('5', []);
    this.on = false;
  }

  /** @returns its number */
  order(fields: readonly Field[]): number {
    const number = this.nextOut++;
    this.#sent.set(number, fields);
    if (this.on) this.#put(number, fields, []);
    return number;
  }

  receive(bytes: Buffer): void {
    this.#input += bytes.toString('latin1');
    END.lastIndex = 0;
    let from = 0;
    for (let match = END.exec(this.#input); match !== null && !this.#deaf; match = END.exec(this.#input)) {
      const to = END.lastIndex;
      this.#message(new FixMessage(this.#input.slice(from, to)));
      from = to;
    }
    this.#input = this.#input.slice(from);
  }

  #session(type: string, fields: readonly Field[]): void {
    this.#put(this.nextOut++, [[35, type], ...fields], []);
  }

  #put(number: number, fields: readonly Field[], more: readonly Field[]): void {
    this.#host.send(this.#text(number, fields, more));
  }

  #text(number: number, [type, ...fields]: readonly Field[], more: readonly Field[]): string {
    const { sender, sub, target } = this.#names;
    const sent: Field = [52, utcTimestamp(new Date(this.#host.now()))];
    const head: readonly Field[] = [
      type ?? [35, '0'],
      [49, sender],
      [56, target],
      [50, sub],
      [34, number],
      sent,
      ...more,
      ...(more.length > 0 ? [[122, sent[1]] as Field] : []),
    ];
    return encodeFix(BEGIN_STRING, [...head, ...fields]);
  }

  #message(message: FixMessage): void {
    const type = message.type;
    const number = Number(message.get(34));
    const possDup = message.get(43) === 'Y';
    // Who is refused is no session: its number is not one of the session's.
    if (!this.on && type === '5') {
      this.#host.loggedOut(message.get(58) ?? '');
      return;
    }
    const early = number < this.nextIn && this.#host.betweenDays;
    if (type === 'A' && (early || this.#host.isNewDay(this.#begunAt))) {
      // Its numbers are those of another day: it begins anew with the next connection.
      this.#deaf = true;
      this.#host.loggedOut('another day');
      return;
    }
    this.#compare(type, number, possDup, message);
    if (type === 'A') {
      this.#resets = false;
      this.on = true;
      if (this.#names.saysNext) this.#saidNext(number, message.get(789));
      this.#host.loggedOn();
    }
    if (type === '2') this.#resend(Number(message.get(7)), Number(message.get(16)));
    if (type === '4') this.#reset(message, number);
    else if (number === this.nextIn) this.#accept(message, type);
    else if (number > this.nextIn) this.#ask(number);
    if (type === '5') {
      this.on = false;
      this.#host.loggedOut(message.get(58) ?? '');
    }
  }

  #compare(type: string, number: number, possDup: boolean, message: FixMessage): void {
    const broken = (promise: string, text: string): void => this.#host.broken(promise, text);
    if (number < this.nextIn && !possDup)
      broken('numbers', `${number} came again without PossDup, ${this.nextIn} was next: ${message}`);
    if (SESSION_TYPES.has(type)) return;
    const content = contentOf(message);
    const before = this.#seen.get(number);
    if (before !== undefined && before !== content)
      broken('numbers', `${number} came with two contents: ${before} and ${content}`);
    this.#seen.set(number, content);
  }

  /** What is missing up to the answer to its Logon comes by itself, and what the edge misses goes, where that says so, too. */
  #saidNext(number: number, expected: string | undefined): void {
    this.#askedTo = number;
    if (expected === undefined) return;
    const next = Number(expected);
    if (next > this.nextOut) this.#host.broken('numbers', `the edge expects ${next}, and ${this.nextOut} is next`);
    this.#resend(next, 0);
  }

  #accept(message: FixMessage, type: string): void {
    this.nextIn += 1;
    if (type === '1') this.#session('0', [[112, message.get(112) ?? '']]);
    if (!SESSION_TYPES.has(type) || type === '3') this.#host.application(message);
  }

  #reset(message: FixMessage, number: number): void {
    const next = Number(message.get(36));
    if (message.get(123) !== 'Y') this.#host.broken('numbers', `the numbers were reset: ${message}`);
    else if (number > this.nextIn) this.#ask(number);
    else if (next > this.nextIn) this.nextIn = next;
  }

  #ask(upTo: number): void {
    if (this.nextIn <= this.#askedTo) return;
    this.#askedTo = upTo;
    this.#session('2', [
      [7, this.nextIn],
      [16, 0],
    ]);
  }

  #resend(from: number, to: number): void {
    const last = to === 0 ? this.nextOut - 1 : Math.min(to, this.nextOut - 1);
    let gap = from;
    const fill = (end: number): void => {
      if (gap >= end) return;
      const fields: readonly Field[] = [
        [35, '4'],
        [123, 'Y'],
        [36, end],
      ];
      this.#put(gap, fields, [[43, 'Y']]);
    };
    for (let number = from; number <= last; number++) {
      const fields = this.#sent.get(number);
      if (fields === undefined) continue;
      fill(number);
      this.#put(number, fields, [[43, 'Y']]);
      gap = number + 1;
    }
    fill(last + 1);
  }
}
