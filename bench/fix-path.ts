/** The parts of a message's way through the edge, each alone: bytes to a valid message, and a report to bytes. */
import {
  DEFAULT_VALIDATION,
  type Dictionary,
  loadDictionaries,
  Patterns,
  Verdict,
  validate,
} from '../edge/fix/dictionary/index.ts';
import { Encoder, HeaderTemplate } from '../edge/fix/encoder.ts';
import { FRAME_OK, Frame } from '../edge/fix/framer.ts';
import { nextMessage } from '../edge/fix/incoming.ts';
import { Message, TOKENS_OK } from '../edge/fix/message.ts';
import { MsgType } from '../edge/fix/tags.ts';
import { MICRO_NAMES, mixedStream, orderStream } from './orders.ts';

const MAX_MESSAGE_BYTES = 65_536;
/** Different orders in one buffer, so that no branch is learned by heart. */
const ORDERS = 512;
/** Five digits from the first to the last, so that all are of one length. */
const FIRST = 20_000;

/** Takes the next order out of a buffer of them, round and round: framed, proved, split, validated, as a connection does it. */
export class OrderReader {
  readonly bytes: Buffer;
  readonly message = new Message();
  readonly #frame = new Frame();
  readonly #verdict = new Verdict();
  readonly #dictionary;
  readonly #patterns = new Patterns();
  readonly #stream: { readonly buf: Buffer; start: number; readonly end: number };

  private constructor(dictionary: Dictionary, bytes: Buffer) {
    this.bytes = bytes;
    this.#dictionary = dictionary;
    this.#stream = { buf: bytes, start: 0, end: bytes.length };
  }

  /** @param flow `mixed`: no two are alike */
  static async open(flow: 'rests' | 'mixed' = 'rests'): Promise<OrderReader> {
    const dictionary = (await loadDictionaries(['FIX.4.4'])).get('FIX.4.4');
    if (dictionary === undefined) throw new Error('there is no dictionary of FIX.4.4');
    const mixed = flow === 'mixed';
    const bytes = mixed ? mixedStream(MICRO_NAMES, FIRST, ORDERS) : orderStream(MICRO_NAMES, flow, FIRST, ORDERS);
    return new OrderReader(dictionary, bytes);
  }

  /** @throws when the order is not found to be right: the figure would be of something else */
  next(): Message {
    const { message } = this;
    const [frame, stream, patterns] = [this.#frame, this.#stream, this.#patterns];
    if (stream.start === stream.end) stream.start = 0;
    const found = nextMessage(stream, MAX_MESSAGE_BYTES, frame, true, message, patterns);
    if (found !== FRAME_OK) throw new Error(`no frame: ${found}`);
    stream.start = frame.resume;
    if (message.like !== undefined) return message;
    if (
      frame.tokens !== TOKENS_OK ||
      !validate(this.#dictionary, message, DEFAULT_VALIDATION, this.#verdict, TOKENS_OK)
    )
      throw new Error(`a benchmark's order is refused: ${this.#verdict.text} ${this.#verdict.refTagId}`);
    patterns.learn(message, this.#dictionary);
    return message;
  }
}

const SIDE_BUY = 0x31;
const NEW = 0x30;
const LIMIT = 0x32;
const ID = 'ORD000000001';

/** Encodes the report that the simulator gives for a resting order. */
export class ReportWriter {
  readonly encoder = new Encoder(262_144);
  readonly #template = new HeaderTemplate({
    beginString: 'FIX.4.4',
    senderCompId: MICRO_NAMES.target,
    targetCompId: MICRO_NAMES.sender,
  });

  /** @returns where it begins in the encoder's buffer */
  write(msgSeqNum: number, nowMs: number): number {
    const { encoder } = this;
    encoder.begin(this.#template, MsgType.ExecutionReport, msgSeqNum, nowMs);
    encoder.uint(37, msgSeqNum).text(11, ID).uint(17, msgSeqNum).char(150, NEW).char(39, NEW);
    encoder.text(55, 'INTC').char(54, SIDE_BUY).uint(38, 100).char(40, LIMIT).decimal(44, 2550, 2);
    encoder.uint(151, 100).uint(14, 0).uint(6, 0).utc(60, nowMs);
    return encoder.end();
  }
}
