/**
 * What a client signs in its Logon, and how its signature is written. Values are the bytes of the wire: a timestamp that
 * was read and written again might have other decimals.
 */
import { fromBase64 } from '../encoding.ts';

const SOH = 0x01;

/** The fields of a Logon that signatures are over, as they came. */
export interface SignedFields {
  /** 35. */
  readonly msg_type: Uint8Array;
  /** 34. */
  readonly msg_seq_num: Uint8Array;
  /** 49. */
  readonly sender_comp_id: Uint8Array;
  /** 56. */
  readonly target_comp_id: Uint8Array;
  /** 52. */
  readonly sending_time: Uint8Array;
}

/** How a Logon says that its sender is who it says. */
export type LogonProof =
  /** Password (554). */
  | { readonly kind: 'password'; readonly password: Uint8Array }
  /** RawData (96): a signature, or the password of a client whose dictionary has no 554. */
  | {
      readonly kind: 'raw_data';
      readonly raw_data: Uint8Array;
      /** 554 where that is there too, else 96. */
      readonly password: Uint8Array;
      readonly signed: SignedFields;
      /** SendingTime (52) read, epoch ms. */
      readonly sent_at: number;
      /** When the Logon came, by the edge's clock, epoch ms. */
      readonly received_at: number;
    };

/** SendingTime SOH MsgType SOH MsgSeqNum SOH SenderCompID SOH TargetCompID. */
export function hmacPrehash(fields: SignedFields): Uint8Array {
  const { sending_time, msg_type, msg_seq_num, sender_comp_id, target_comp_id } = fields;
  return joined([sending_time, msg_type, msg_seq_num, sender_comp_id, target_comp_id]);
}

/** MsgType SOH SenderCompID SOH TargetCompID SOH MsgSeqNum SOH SendingTime. */
export function ed25519Prehash(fields: SignedFields): Uint8Array {
  const { msg_type, sender_comp_id, target_comp_id, msg_seq_num, sending_time } = fields;
  return joined([msg_type, sender_comp_id, target_comp_id, msg_seq_num, sending_time]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, parts.length - 1));
  let at = 0;
  for (const [i, part] of parts.entries()) {
    if (i > 0) whole[at++] = SOH;
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The signature of `length` bytes that RawData (96) writes in base64 (RFC 4648 section 4 or 5, with padding or without),
 * in hex, or as it is. Undefined: it is none.
 */
export function signatureOf(rawData: Uint8Array, length: number): Uint8Array | undefined {
  if (rawData.length === length) return rawData;
  if (rawData.length > 2 * length) return undefined;
  const text = latin1(rawData);
  const bytes = rawData.length === 2 * length ? fromHex(text) : fromBase64(text);
  return bytes?.length === length ? bytes : undefined;
}

/** The bytes as characters of the same codes. */
export function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function fromHex(text: string): Uint8Array | undefined {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
