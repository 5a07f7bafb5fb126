/** A session's stream read both ways: by patterns where they say something, and framed, split and validated. */

import {
  DEFAULT_VALIDATION,
  type Dictionary,
  Patterns,
  Verdict,
  validate,
} from '../../../../edge/fix/dictionary/index.ts';
import { FRAME_GARBLED, FRAME_MORE, FRAME_OK, FRAME_TOO_LARGE, Frame, nextFrame } from '../../../../edge/fix/framer.ts';
import { nextMessage } from '../../../../edge/fix/incoming.ts';
import { byteSum } from '../../../../edge/fix/integers.ts';
import { bitOf, Message, tokenise } from '../../../../edge/fix/message.ts';

const MAX_BYTES = 65_536;
const WHATS = [FRAME_OK, FRAME_MORE, FRAME_GARBLED, FRAME_TOO_LARGE];

/** All that anybody reads of a message. */
function told(message: Message, verdict: Verdict): string {
  const { start, end, count, msgType, filled, bodyFrom, bodyTo, badTag, slots } = message;
  const fields = Array.from({ length: count }, (_, i) => [message.tags[i], message.from(i), message.to(i)]);
  const places = Array.from(slots, (slot, i) => (((filled >>> i) & 1) === 0 ? -1 : slot));
  const body = bodyFrom < 0 ? -1 : [bodyFrom, bodyTo];
  const { reason, refTagId } = verdict;
  const number = message.sequenceNumber();
  return JSON.stringify([start, end, count, msgType, filled, body, badTag, fields, places, number, reason, refTagId]);
}

const valuesOf = (message: Message): string[] => Array.from({ length: message.count }, (_, i) => message.text(i));

/** Messages of this sender to this target are of the session. */
export interface Names {
  readonly begin: string;
  readonly sender: string;
  readonly target: string;
}

export class TwoWays {
  /** Messages that were found to be like one before, and all. */
  like = 0;
  messages = 0;
  readonly #dictionary: Dictionary;
  readonly #names: Names;
  readonly patterns = new Patterns();
  /** SendingTime by what `timeOf` says of it. */
  readonly #times = new Map<number, string>();
  /** The values of the messages that others are like, by their `places`. */
  readonly #values = new Map<number, readonly string[]>();
  readonly #message: Message;
  readonly #plain = new Message();
  readonly #frame = new Frame();
  readonly #plainFrame = new Frame();

  /** @param message the view that is read by patterns: connections of an edge share one */
  constructor(dictionary: Dictionary, names: Names, message = new Message()) {
    this.#dictionary = dictionary;
    this.#names = names;
    this.#message = message;
  }

  /** Reads a stream of its own. @returns the first difference */
  read(stream: Buffer, checkSumCounts = true): string | undefined {
    const [frame, plainFrame] = [this.#frame, this.#plainFrame];
    frame.skipping = false;
    plainFrame.skipping = false;
    for (let at = 0; at < stream.length; at = frame.resume) {
      const { length } = stream;
      const found = nextMessage(
        { buf: stream, start: at, end: length },
        MAX_BYTES,
        frame,
        checkSumCounts,
        this.#message,
        this.patterns,
      );
      const plain = nextFrame(stream, at, length, MAX_BYTES, plainFrame, checkSumCounts);
      const { tokens: _, ...said } = frame;
      const { tokens: __, ...right } = plainFrame;
      if (found !== plain || JSON.stringify(said) !== JSON.stringify(right))
        return `framed ${found} ${JSON.stringify(said)} in place of ${plain} ${JSON.stringify(right)}`;
      if (!WHATS.includes(found) || found === FRAME_MORE || found === FRAME_TOO_LARGE) return undefined;
      const difference = found === FRAME_OK ? this.#compare(stream) : undefined;
      if (difference !== undefined) return difference;
    }
    return undefined;
  }

  #compare(stream: Buffer): string | undefined {
    const [message, plain, frame] = [this.#message, this.#plain, this.#frame];
    const [verdict, plainVerdict] = [new Verdict(), new Verdict()];
    const tokens = tokenise(stream, frame.start, frame.end, plain);
    const fine = validate(this.#dictionary, plain, DEFAULT_VALIDATION, plainVerdict, tokens);
    this.messages += 1;
    const { like } = message;
    if (like === undefined) validate(this.#dictionary, message, DEFAULT_VALIDATION, verdict, frame.tokens);
    else {
      this.like += 1;
      if (!this.#isOfSession(plain)) return 'another session’s message is like one of this one';
      if (this.patterns.dictionary !== this.#dictionary) return 'another dictionary';
      const same = this.#differsFrom(like.places, plain);
      if (same !== undefined) return same;
      const { bodyFrom, bodyTo, bodySum } = message;
      const sum = byteSum(stream, message.to(bodyFrom - 1) + 1, message.to(bodyTo - 1) + 1) & 0xff;
      if (bodyFrom >= 0 && (bodySum & 0xff) !== sum) return `a body of sum ${bodySum & 0xff} in place of ${sum}`;
    }
    if (message.timeOf !== 0) {
      const time = plain.text(plain.sendingTime);
      const known = this.#times.get(message.timeOf) ?? time;
      this.#times.set(message.timeOf, time);
      if (time !== known) return `SendingTime ${time} is to be ${known}`;
    }
    if (frame.tokens !== tokens) return `tokens ${frame.tokens} in place of ${tokens}`;
    const [said, right] = [told(message, verdict), told(plain, plainVerdict)];
    if (said !== right) return `${like === undefined ? 'split' : 'like'} ${said} in place of ${right}`;
    if (fine && like === undefined && this.#isOfSession(plain)) {
      this.patterns.learn(message, this.#dictionary);
      if (message.places !== 0) this.#values.set(message.places, valuesOf(plain));
    }
    return undefined;
  }

  /** @returns the first field of a message that is like another which is said to be the same and is not */
  #differsFrom(places: number, plain: Message): string | undefined {
    const { differs } = this.#message;
    const values = valuesOf(plain);
    const known = this.#values.get(places);
    if (known === undefined) {
      // It has become this message.
      if (differs !== 0) return `nothing is known of ${places}`;
      this.#values.set(places, values);
      return undefined;
    }
    const wrong = values.findIndex(
      (value, i) => i < plain.count - 1 && (differs & bitOf(i)) === 0 && value !== known[i],
    );
    return wrong < 0 ? undefined : `field ${wrong} is ${values[wrong]}, and said to be as before, ${known[wrong]}`;
  }

  #isOfSession(message: Message): boolean {
    const { begin, sender, target } = this.#names;
    return (
      message.equals(message.beginString, begin) &&
      message.equals(message.senderCompId, sender) &&
      message.equals(message.targetCompId, target)
    );
  }
}
