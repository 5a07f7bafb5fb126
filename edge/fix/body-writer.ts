/** The half of the encoder that those see who may write a body, but neither header nor trailer. */

import type { Message } from './message.ts';
import type { TimestampDecimals } from './timestamp.ts';

/** What a venue or a session handler writes a body with. Fields come out in the order of the calls. */
export interface BodyWriter {
  /** Of timestamps that are written without saying how many. */
  readonly decimals: TimestampDecimals;
  /** A non-negative integer up to 2^53 - 1. */
  uint(tag: number, value: number): this;
  /** Any safe integer. */
  int(tag: number, value: number): this;
  /** Latin-1 text; an SOH in it becomes a space, a character above U+00FF a question mark. */
  text(tag: number, value: string): this;
  /** Latin-1 text as {@link text} writes it, and the digits of a non-negative integer behind it. */
  label(tag: number, text: string, n: number): this;
  /** The bytes [from, to), which hold no SOH: RangeError otherwise, for they could forge fields. */
  bytes(tag: number, buf: Uint8Array, from?: number, to?: number): this;
  /** One byte, given by its code. */
  char(tag: number, code: number): this;
  /** `Y` or `N`. */
  flag(tag: number, value: boolean): this;
  /** mantissa × 10^-scale, at least `decimals` decimals; scale 0 to 15. */
  decimal(tag: number, mantissa: number, scale: number, decimals?: number): this;
  /** A UTCTimestamp of milliseconds since 1970 and the nanoseconds within the millisecond. */
  utc(tag: number, epochMs: number, decimals?: TimestampDecimals, nanos?: number): this;
  /** A length field and its data field; the bytes may hold anything. */
  data(lengthTag: number, dataTag: number, buf: Uint8Array, from?: number, to?: number): this;
  /**
   * Field i of a received message, byte for byte; as `tag` when given. Nothing when i is -1. A data field brings its length
   * field along, and a length field alone is passed over: in whatever order the fields of a message are copied, the two
   * stay together, and no value can become fields. Only a data field copied as another tag may throw, as `bytes` does.
   */
  copy(message: Message, i: number, tag?: number): this;
  /**
   * The fields `first` to `end` - 1 of a received message, byte for byte, data fields with the lengths before them.
   * @throws RangeError for a range that begins with a data field: what its value holds could become fields
   */
  copyFields(message: Message, first: number, end: number): this;
  /**
   * Whole fields, `tag=value` and SOH each, which are not looked at.
   * @param sum of the bytes, modulo 256 or not, where it is known
   */
  fields(bytes: Uint8Array, sum?: number): this;
}
