/** The session layer of a client that keeps its numbers across connections: what FIX asks of an initiator, and a log of what came. */
import { encodeFix, type Field, FixMessage, SESSION_TYPES, utcTimestamp } from '../local/fix-client.ts';
import type { SessionLog } from './ledger.ts';

const SOH = '\x01';
const BEGIN_STRING = 'FIX.4.4';
/** What a repetition may change: BeginString, BodyLength, CheckSum, MsgSeqNum, PossDupFlag, SendingTime, PossResend, OrigSendingTime. */
const CHANGING = new Set(['8', '9', '10', '34', '43', '52', '97', '122']);

interface Kept {
  readonly type: string;
  readonly fields: readonly Field[];
  readonly at: string;
}

export interface Identity {
  readonly sender: string;
  readonly target: string;
  readonly sub: string;
}

export interface Heard {
  /** An application message that had not come before. */
  application(message: FixMessage): void;
  /** A session-level Reject of something of ours, by its MsgSeqNum. */
  rejected(seq: number, text: string): void;
}

export class FixState {
  nextOut = 1;
  nextIn = 1;
  generation = 1;
  readonly #who: Identity;
  readonly #log: SessionLog;
  readonly #heard: Heard;
  readonly #write: (raw: string) => void;
  /** Application messages of this generation that may be asked for again. */
  readonly #sent = new Map<number, Kept>();
  /** Up to which number a gap has been asked for. */
  #askedTo = 0;

  constructor(who: Identity, log: SessionLog, heard: Heard, write: (raw: string) => void) {
    this.#who = who;
    this.#log = log;
    this.#heard = heard;
    this.#write = write;
  }

  /** Both numbers begin at 1. */
  beginAnew(): void {
    this.nextOut = 1;
    this.nextIn = 1;
    this.generation += 1;
    this.#sent.clear();
    this.#askedTo = 0;
  }

  /** A new connection: what was asked for on the last one is asked for again. */
  connected(): void {
    this.#askedTo = 0;
  }

  /** Sends one message under the next number. @returns the number */
  send(type: string, fields: readonly Field[] = []): number {
    const seq = this.nextOut;
    this.nextOut += 1;
    const at = utcTimestamp(new Date());
    if (!SESSION_TYPES.has(type)) this.#sent.set(seq, { type, fields, at });
    this.#put(type, seq, at, [], fields);
    return seq;
  }

  /** The Logon was refused: it has used no number. */
  takeBack(seq: number): void {
    this.nextOut = seq;
  }

  /** @param raw one whole message */
  take(raw: string, at: number): FixMessage {
    const message = new FixMessage(raw);
    const seq = Number(message.get(34));
    const possDup = message.get(43) === 'Y';
    const { type } = message;
    if (!SESSION_TYPES.has(type)) this.#record(message, seq, possDup, at);
    // In reset mode the number of a SequenceReset does not count.
    if (type === '4' && message.get(123) !== 'Y') {
      this.nextIn = Number(message.get(36));
      return message;
    }
    if (type === '2') this.#resend(Number(message.get(7)), Number(message.get(16)));
    if (seq > this.nextIn) {
      this.#askFor(seq);
      return message;
    }
    if (seq < this.nextIn) {
      if (!possDup && type !== 'A' && type !== '5')
        this.#log.faults.push(`${type} came as ${this.generation}/${seq}, ${this.nextIn} was due, without PossDupFlag`);
      return message;
    }
    this.nextIn = type === '4' ? Number(message.get(36)) : seq + 1;
    if (type === '3') this.#heard.rejected(Number(message.get(45)), message.get(58) ?? '');
    if (!SESSION_TYPES.has(type)) this.#heard.application(message);
    return message;
  }

  #record(message: FixMessage, seq: number, poss_dup: boolean, at: number): void {
    const content = message.raw
      .split(SOH)
      .filter((field) => !CHANGING.has(field.slice(0, field.indexOf('='))))
      .join('|');
    const exec = message.type === '8' && message.get(150) !== 'I' ? (message.get(17) ?? '') : '';
    this.#log.received.push({
      at,
      generation: this.generation,
      seq,
      poss_dup,
      msg_type: message.type,
      content,
      exec_id: exec,
    });
  }

  #askFor(seq: number): void {
    if (this.#askedTo >= seq) return;
    this.#askedTo = seq;
    this.send('2', [
      [7, this.nextIn],
      [16, 0],
    ]);
  }

  /** FIX.4.4 volume 2: application messages with PossDupFlag and OrigSendingTime, gap fills for the others. */
  #resend(from: number, to: number): void {
    const end = to === 0 ? this.nextOut - 1 : Math.min(to, this.nextOut - 1);
    let gap = from;
    for (let seq = from; seq <= end; seq++) {
      const kept = this.#sent.get(seq);
      if (kept === undefined) continue;
      if (gap < seq) this.#fill(gap, seq);
      const again: readonly Field[] = [
        [43, 'Y'],
        [122, kept.at],
      ];
      this.#put(kept.type, seq, utcTimestamp(new Date()), again, kept.fields);
      gap = seq + 1;
    }
    if (gap <= end) this.#fill(gap, end + 1);
  }

  #fill(from: number, next: number): void {
    const fields: readonly Field[] = [
      [123, 'Y'],
      [36, next],
    ];
    this.#put(
      '4',
      from,
      utcTimestamp(new Date()),
      [
        [43, 'Y'],
        [122, utcTimestamp(new Date())],
      ],
      fields,
    );
  }

  #put(type: string, seq: number, at: string, header: readonly Field[], fields: readonly Field[]): void {
    const { sender, target, sub } = this.#who;
    const all: readonly Field[] = [
      [35, type],
      [34, seq],
      [49, sender],
      ...(sub === '' ? [] : ([[50, sub]] as const)),
      [52, at],
      [56, target],
      ...header,
      ...fields,
    ];
    this.#write(encodeFix(BEGIN_STRING, all));
  }
}

/** Cuts a stream into whole messages. */
export class Framer {
  #text = '';

  *take(chunk: Buffer): Generator<string> {
    this.#text += chunk.toString('latin1');
    for (;;) {
      const mark = this.#text.indexOf(`${SOH}10=`);
      const end = mark < 0 ? -1 : this.#text.indexOf(SOH, mark + 1);
      if (end < 0) return;
      yield this.#text.slice(0, end + 1);
      this.#text = this.#text.slice(end + 1);
    }
  }
}
