/** FIX in readable form: `|` stands for SOH. */

import { byteSum } from '../../../edge/fix/integers.ts';
import { Message, tokenise } from '../../../edge/fix/message.ts';

/** The bytes of a text with `|` for SOH. */
export const wire = (text: string): Buffer => Buffer.from(text.replaceAll('|', '\x01'), 'latin1');

/** Bytes as text with `|` for SOH. */
export const shown = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1').replaceAll('\x01', '|');

/** A whole message of `8=…|` and a body from `35=` on: BodyLength and CheckSum are added. */
export function framed(body: string, beginString = 'FIX.4.4'): Buffer {
  const head = wire(`8=${beginString}|9=${body.length}|${body}`);
  const sum = byteSum(head, 0, head.length) & 0xff;
  return Buffer.concat([head, wire(`10=${String(sum).padStart(3, '0')}|`)]);
}

/** A tokenised view and what the tokeniser returned. */
export function viewOf(bytes: Buffer): { message: Message; result: number } {
  const message = new Message();
  return { result: tokenise(bytes, 0, bytes.length, message), message };
}
