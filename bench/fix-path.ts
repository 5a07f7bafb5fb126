/** The parts of a message's way through the edge, each alone: bytes to a valid message, and a report to bytes. */
import { DEFAULT_VALIDATION, loadDictionaries, Verdict, validate } from '../edge/fix/dictionary/index.ts';
import { Encoder, HeaderTemplate } from '../edge/fix/encoder.ts';
import { FRAME_OK, Frame, nextFrame } from '../edge/fix/framer.ts';
import { Message, TOKENS_OK, tokenise } from '../edge/fix/message.ts';
import { MsgType } from '../edge/fix/tags.ts';
import { MICRO_NAMES, orderStream } from './orders.ts';

const MAX_MESSAGE_BYTES = 65_536;
/** Different orders in one buffer, so that no branch is learned by heart. */
const ORDERS = 512;
/** Five digits from the first to the last, so that all are of one length. */
const FIRST = 20_000;

/** Takes the next order out of a buffer of them, round and round: framed, proved, tokenised, validated. */
export class OrderReader {
  readonly bytes = orderStream(MICRO_NAMES, 'rests', FIRST, ORDERS);
  readonly message = new Message();
  readonly #frame = new Frame();
  readonly #verdict = new Verdict();
  readonly #dictionary;
  #at = 0;

  private constructor(dictionary: NonNullable<ReturnType<Awaited<ReturnType<typeof loadDictionaries>>['get']>>) {
    this.#dictionary = dictionary;
  }

  static async open(): Promise<OrderReader> {
    const dictionary = (await loadDictionaries(['FIX.4.4'])).get('FIX.4.4');
    if (dictionary === undefined) throw new Error('there is no dictionary of FIX.4.4');
    return new OrderReader(dictionary);
  }

  /** @throws when the order is not found to be right: the figure would be of something else */
  next(): Message {
    const { bytes, message } = this;
    const frame = this.#frame;
    if (this.#at === bytes.length) this.#at = 0;
    const found = nextFrame(bytes, this.#at, bytes.length, MAX_MESSAGE_BYTES, frame);
    if (found !== FRAME_OK) throw new Error(`no frame: ${found}`);
    this.#at = frame.resume;
    const tokens = tokenise(bytes, frame.start, frame.end, message);
    if (tokens !== TOKENS_OK || !validate(this.#dictionary, message, DEFAULT_VALIDATION, this.#verdict, tokens))
      throw new Error(`a benchmark's order is refused: ${this.#verdict.text} ${this.#verdict.refTagId}`);
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
