/**
 * What stands in a message of the AWS Encryption SDK as it is sealed here: message format 2, suite 0478, one data key, one final
 * frame (AWS Encryption SDK, message format reference). Of any other form, or cut off: undefined, and the library may say more.
 */
import { AlgorithmSuiteIdentifier } from '@aws-crypto/material-management-node';

/** What is sealed here: key commitment, no signature. */
export const SUITE = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
export const IV_BYTES = 12;
export const TAG_BYTES = 16;
const VERSION = 2;
const MESSAGE_ID_BYTES = 32;
const COMMITMENT_BYTES = 32;
const FRAMED = 2;
const FINAL_FRAME = 0xffffffff;

/** The data key as somebody has wrapped it. */
export interface WrappedKey {
  readonly provider: string;
  readonly info: Buffer;
  readonly wrapped: Buffer;
}

export interface MessageHeader {
  readonly messageId: Buffer;
  readonly context: Readonly<Record<string, string>>;
  /** The same as it is written, which is what wrapped keys and the header's tag are bound to. */
  readonly contextBytes: Buffer;
  readonly key: WrappedKey;
  readonly commitment: Buffer;
  /** All of the above, as it is written. */
  readonly bytes: Buffer;
  readonly tag: Buffer;
}

export interface SealedMessage extends MessageHeader {
  readonly frame: { readonly iv: Buffer; readonly sealed: Buffer; readonly tag: Buffer };
}

/** Reads on from one field to the next; past the end there is nothing, and `short` is set. */
class Reader {
  at = 0;
  short = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return !this.short && this.at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) this.short = true;
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  /** Big-endian. */
  number(length: number): number {
    const bytes = this.take(length);
    return this.short ? 0 : bytes.readUIntBE(0, length);
  }

  /** Two bytes of length, and as many. */
  field(): Buffer {
    return this.take(this.number(2));
  }
}

export function readHeader(message: Buffer): MessageHeader | undefined {
  return headerFrom(new Reader(message), message)?.header;
}

export function readMessage(message: Buffer): SealedMessage | undefined {
  const from = new Reader(message);
  const { header, frameBytes } = headerFrom(from, message) ?? {};
  if (header === undefined || frameBytes === undefined) return undefined;
  if (from.number(4) !== FINAL_FRAME || from.number(4) !== 1) return undefined;
  const iv = from.take(IV_BYTES);
  const sealed = from.take(from.number(4));
  const tag = from.take(TAG_BYTES);
  return from.atEnd && sealed.length <= frameBytes ? { ...header, frame: { iv, sealed, tag } } : undefined;
}

function headerFrom(
  from: Reader,
  message: Buffer,
): { readonly header: MessageHeader; readonly frameBytes: number } | undefined {
  if (from.number(1) !== VERSION || from.number(2) !== SUITE) return undefined;
  const messageId = from.take(MESSAGE_ID_BYTES);
  const contextBytes = from.field();
  const context = contextIn(contextBytes);
  if (context === undefined || from.number(2) !== 1) return undefined;
  const key = { provider: from.field().toString('utf8'), info: from.field(), wrapped: from.field() };
  if (from.number(1) !== FRAMED) return undefined;
  const frameBytes = from.number(4);
  const commitment = from.take(COMMITMENT_BYTES);
  const bytes = message.subarray(0, from.at);
  const tag = from.take(TAG_BYTES);
  if (from.short) return undefined;
  return { header: { messageId, context, contextBytes, key, commitment, bytes, tag }, frameBytes };
}

/** Pairs of name and value; undefined: it is no such thing, or a name stands in it twice. */
function contextIn(bytes: Buffer): Readonly<Record<string, string>> | undefined {
  if (bytes.length === 0) return {};
  const from = new Reader(bytes);
  const pairs = new Map<string, string>();
  const count = from.number(2);
  for (let n = 0; n < count && !from.short; n++)
    pairs.set(from.field().toString('utf8'), from.field().toString('utf8'));
  return from.atEnd && pairs.size === count ? Object.fromEntries(pairs) : undefined;
}
