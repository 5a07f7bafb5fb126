/**
 * The first message of a connection, from somebody who may be anybody: it must be a Logon in order, and says who it is
 * and how it proves it. Nothing is looked up yet.
 */

import type { LogonProof } from '../core/credentials/signed.ts';
import type { Dictionaries } from './dictionaries.ts';
import { APPL_VER_IDS } from './fix/dictionary/index.ts';
import { type Message, TOKENS_OK } from './fix/message.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { MsgType, Tag } from './fix/tags.ts';
import { COMP_ID_BYTES, PROOF_BYTES } from './limits.ts';

/** Why a first message was turned away before anything was looked up. */
export type Hostile =
  | 'framing'
  | 'begin_string'
  | 'not_a_logon'
  | 'comp_ids'
  | 'sending_time'
  | 'default_appl_ver_id'
  | 'msg_seq_num'
  | 'no_proof';

/** What a Logon says of its sender; to be proved. */
export interface Claim {
  readonly begin_string: string;
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  /** '' when absent. */
  readonly sender_sub_id: string;
  /** 553; undefined when absent. */
  readonly username: string | undefined;
  /** Password (554) or RawData (96), copied; to be wiped after use (forget). */
  readonly proof: LogonProof;
  /** NewPassword (925), copied; to be wiped too. Undefined: it asks for none. */
  readonly new_password: Uint8Array | undefined;
  /** DefaultApplVerID (1137) over FIXT.1.1, '' otherwise. */
  readonly appl_ver_id: string;
  /** ResetSeqNumFlag (141) is Y: numbers begin anew. */
  readonly resets: boolean;
  /** SendingTime (52), epoch ms: how far it may be off is the counterparty's own setting. */
  readonly sent_at: number;
}

export type FirstMessage =
  | { readonly kind: 'claim'; readonly claim: Claim }
  | { readonly kind: 'hostile'; readonly reason: Hostile; readonly text: string };

/** Text (58) of a Logout, where the gateway says one at all. */
const TEXTS: Readonly<Record<Hostile, string>> = {
  framing: 'First message is garbled',
  begin_string: 'Incorrect BeginString',
  not_a_logon: 'First message is no Logon',
  comp_ids: 'SenderCompID (49) and TargetCompID (56) are required',
  sending_time: 'SendingTime (52) is missing or no timestamp',
  default_appl_ver_id: 'DefaultApplVerID (1137) is missing or not supported',
  msg_seq_num: 'MsgSeqNum (34) is missing or no number',
  no_proof: 'Logon refused: it has neither Password (554) nor RawData (96)',
};

/** Those that can be answered: their sender is known. */
export const ANSWERABLE: ReadonlySet<Hostile> = new Set([
  'not_a_logon',
  'sending_time',
  'default_appl_ver_id',
  'msg_seq_num',
  'no_proof',
]);

const hostile = (reason: Hostile): FirstMessage => ({ kind: 'hostile', reason, text: TEXTS[reason] });

/**
 * @param tokens what tokenise said
 * @param received_at epoch ms
 */
export function readFirstMessage(
  message: Message,
  tokens: number,
  gateway: SessionProfile,
  dictionaries: Pick<Dictionaries, 'has'>,
  received_at: number,
): FirstMessage {
  if (tokens !== TOKENS_OK) return hostile('framing');
  const begin_string = message.text(message.beginString);
  if (!dictionaries.has(begin_string) || !gateway.begin_strings.some((one) => one === begin_string)) {
    return hostile('begin_string');
  }
  if (message.msgType !== MsgType.Logon) return hostile('not_a_logon');
  const sender = message.length(message.senderCompId);
  const target = message.length(message.targetCompId);
  const sub = message.length(message.senderSubId);
  if (sender === 0 || target === 0 || sender > COMP_ID_BYTES || target > COMP_ID_BYTES || sub > COMP_ID_BYTES) {
    return hostile('comp_ids');
  }
  const sent_at = message.utc(message.sendingTime);
  if (Number.isNaN(sent_at)) return hostile('sending_time');
  if (message.uint(message.msgSeqNum) < 1) return hostile('msg_seq_num');
  const appl_ver_id = begin_string === 'FIXT.1.1' ? message.text(message.index(Tag.DefaultApplVerID)) : '';
  if (begin_string === 'FIXT.1.1' && !Object.hasOwn(APPL_VER_IDS, appl_ver_id)) return hostile('default_appl_ver_id');
  // What a client's engine leaves out unless it is told: no name is looked up for it, and so nothing is said of any.
  if (message.length(message.index(Tag.Password)) <= 0 && message.length(message.index(Tag.RawData)) <= 0) {
    return hostile('no_proof');
  }
  const username = message.index(Tag.Username);
  const claim: Claim = {
    begin_string,
    sender_comp_id: message.text(message.senderCompId),
    target_comp_id: message.text(message.targetCompId),
    sender_sub_id: message.text(message.senderSubId),
    username: username < 0 ? undefined : message.text(username),
    proof: proofOf(message, sent_at, received_at),
    new_password: newPasswordOf(message),
    appl_ver_id,
    resets: message.flag(message.index(Tag.ResetSeqNumFlag)),
    sent_at,
  };
  return { kind: 'claim', claim };
}

/** Password (554), RawData (96), or both. Which of them counts is a matter of the credential. */
export function proofOf(message: Message, sent_at: number, received_at: number): LogonProof {
  const password = message.index(Tag.Password);
  const raw = message.index(Tag.RawData);
  if (raw < 0) return { kind: 'password', password: secretOf(message, password) };
  const signed = {
    msg_type: copyOf(message, message.msgTypeField),
    msg_seq_num: copyOf(message, message.msgSeqNum),
    sender_comp_id: copyOf(message, message.senderCompId),
    target_comp_id: copyOf(message, message.targetCompId),
    sending_time: copyOf(message, message.sendingTime),
  };
  const raw_data = secretOf(message, raw);
  const both = secretOf(message, password < 0 ? raw : password);
  return { kind: 'raw_data', raw_data, password: both, signed, sent_at, received_at };
}

function newPasswordOf(message: Message): Uint8Array | undefined {
  const i = message.index(Tag.NewPassword);
  return i < 0 ? undefined : copyOf(message, i);
}

/** Empty when it is not there, or longer than any proof. */
function secretOf(message: Message, i: number): Buffer {
  return i < 0 || message.length(i) > PROOF_BYTES ? Buffer.alloc(0) : copyOf(message, i);
}

function copyOf(message: Message, i: number): Buffer {
  return Buffer.copyBytesFrom(message.bytes(i));
}

/** Overwrites the copies that a claim holds. */
export function forget({ proof, new_password }: Claim): void {
  forgetProof(proof);
  new_password?.fill(0);
}

/** Overwrites what {@link proofOf} has copied. */
export function forgetProof(proof: LogonProof): void {
  proof.password.fill(0);
  if (proof.kind === 'raw_data') proof.raw_data.fill(0);
}

/** What stands in a wiped value: a form that every field type for secrets has. */
const STAR = 0x2a;

/** Overwrites every secret of a Logon where it was received; fields stay fields. */
export function wipeSecrets(message: Message): void {
  for (let i = 0; i < message.count; i++) {
    const tag = message.tags[i];
    if (tag === Tag.Password || tag === Tag.NewPassword || tag === Tag.RawData) {
      message.buf.fill(STAR, message.from(i), message.to(i));
    }
  }
}
