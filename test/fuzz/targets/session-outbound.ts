/** Everything a session writes, held against what it may: numbers, contents, dictionary. */

import { FRAME_OK, Frame, nextFrame } from '../../../edge/fix/framer.ts';
import { Message, TOKENS_OK, tokenise } from '../../../edge/fix/message.ts';
import { Tag } from '../../../edge/fix/tags.ts';
import { hold } from '../target.ts';

/** Renewed at each sending. */
const OF_THE_SENDING: ReadonlySet<number> = new Set<number>([
  Tag.BeginString,
  Tag.BodyLength,
  Tag.CheckSum,
  Tag.SendingTime,
  Tag.PossDupFlag,
  Tag.OrigSendingTime,
]);

export interface Numbers {
  readonly nextOut: number;
  /** How much had been written each time that both numbers were set to 1, since this was looked at. */
  readonly resets: number[];
}

interface Sent {
  readonly content: string;
  readonly sendingTime: string;
}

export class Outbound {
  #next = 1;
  /** Application messages of this generation, by number. */
  readonly #sent = new Map<number, Sent>();
  #lastNews = 0;
  readonly #kept: boolean;
  readonly #mistake: (message: Message) => string;
  readonly #message = new Message();
  readonly #frame = new Frame();

  /** @param kept whether sent messages may be asked for again; `mistake` says what the dictionary has against one */
  constructor(kept: boolean, mistake: (message: Message) => string) {
    this.#kept = kept;
    this.#mistake = mistake;
  }

  prove(bytes: Buffer, numbers: Numbers): void {
    for (let at = 0; at < bytes.length; at = this.#frame.resume) {
      this.#reset(numbers, at);
      const message = this.#read(bytes, at);
      if (message.possDupFlag >= 0) this.#proveAgain(message);
      else this.#proveNew(message);
    }
    this.#reset(numbers, bytes.length);
    hold(this.#next === numbers.nextOut, () => `nextOut is ${numbers.nextOut}, the last message was ${this.#next - 1}`);
  }

  /** A Logout that uses no number. */
  proveRefusal(bytes: Buffer, next: number): void {
    const message = this.#read(bytes, 0);
    hold(this.#frame.resume === bytes.length, () => 'a refusal has more than one message');
    const said = message.uint(message.msgSeqNum);
    hold(message.text(message.msgTypeField) === '5' && said === next, () => `refused with 34=${said}`);
  }

  #read(bytes: Buffer, at: number): Message {
    const message = this.#message;
    const shown = () => bytes.toString('latin1', at, Math.min(bytes.length, at + 400)).replaceAll('\x01', '|');
    const framed = nextFrame(bytes, at, bytes.length, Number.MAX_SAFE_INTEGER, this.#frame);
    hold(framed === FRAME_OK, () => `what is written is no message: ${shown()}`);
    const tokens = tokenise(bytes, this.#frame.start, this.#frame.end, message);
    hold(tokens === TOKENS_OK, () => `what is written does not parse: ${shown()}`);
    const mistake = this.#mistake(message);
    hold(mistake === '', () => `what is written is not valid: ${mistake}: ${shown()}`);
    return message;
  }

  #reset({ resets }: Numbers, written: number): void {
    while (resets.length > 0 && resets[0]! <= written) {
      resets.shift();
      this.#next = 1;
      this.#sent.clear();
    }
  }

  #proveNew(message: Message): void {
    const n = message.uint(message.msgSeqNum);
    hold(n === this.#next, () => `34=${n} is written, ${this.#next} is next`);
    this.#next = n + 1;
    if ('012345A'.includes(message.text(message.msgTypeField))) return;
    this.#sent.set(n, { content: contentOf(message), sendingTime: message.text(message.sendingTime) });
    const news = /^news (\d+)$/.exec(message.text(message.index(Tag.Text)))?.[1];
    if (news === undefined) return;
    hold(Number(news) === this.#lastNews + 1, () => `news ${news} comes after ${this.#lastNews}`);
    this.#lastNews = Number(news);
  }

  /** Resent: the same content under its number, or a gap fill that passes over no content. */
  #proveAgain(message: Message): void {
    const n = message.uint(message.msgSeqNum);
    hold(n < this.#next, () => `${n} is sent again, and was never sent`);
    if (message.text(message.msgTypeField) === '4') {
      const to = message.uint(message.index(Tag.NewSeqNo));
      hold(to > n && to <= this.#next, () => `a gap fill from ${n} to ${to}`);
      for (const [kept] of this.#sent)
        hold(!this.#kept || kept < n || kept >= to, () => `the gap fill from ${n} to ${to} passes over ${kept}`);
      return;
    }
    const sent = this.#sent.get(n);
    hold(this.#kept && sent !== undefined, () => `${n} was no application message`);
    hold(sent.content === contentOf(message), () => `${n} is sent again with other content: ${contentOf(message)}`);
    const said = message.text(message.origSendingTime);
    hold(said === sent.sendingTime, () => `122 is ${said}, it was sent at ${sent.sendingTime}`);
  }
}

function contentOf(message: Message): string {
  let content = '';
  for (let i = 0; i < message.count; i++) {
    if (!OF_THE_SENDING.has(message.tags[i]!)) content += `${message.tags[i]}=${message.text(i)}\x01`;
  }
  return content;
}
