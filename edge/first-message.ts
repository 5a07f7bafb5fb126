/**
 * The first message of a connection, from somebody who may be anybody: it must be a Logon in order, and says who it is
 * and how it proves it. Nothing is looked up yet.
 */

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
  | 'msg_seq_num';

/** What a Logon says of its sender; to be proved. */
export interface Claim {
  readonly begin_string: string;
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  /** '' when absent. */
  readonly sender_sub_id: string;
  /** 553; undefined when absent. */
  readonly username: string | undefined;
  /** Password (554) or RawData (96), copied; to be wiped after use. Empty when there is none. */
  readonly proof: Buffer;
  /** Whether it asks for a new password (925). */
  readonly wants_new_password: boolean;
  /** DefaultApplVerID (1137) over FIXT.1.1, '' otherwise. */
  readonly appl_ver_id: string;
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
};

const hostile = (reason: Hostile): FirstMessage => ({ kind: 'hostile', reason, text: TEXTS[reason] });

/** @param tokens what tokenise said */
export function readFirstMessage(
  message: Message,
  tokens: number,
  gateway: SessionProfile,
  dictionaries: Pick<Dictionaries, 'has'>,
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
  const username = message.index(Tag.Username);
  const claim: Claim = {
    begin_string,
    sender_comp_id: message.text(message.senderCompId),
    target_comp_id: message.text(message.targetCompId),
    sender_sub_id: message.text(message.senderSubId),
    username: username < 0 ? undefined : message.text(username),
    proof: proofOf(message),
    wants_new_password: message.index(Tag.NewPassword) >= 0,
    appl_ver_id,
    sent_at,
  };
  return { kind: 'claim', claim };
}

/** Password (554), or RawData (96) where the version has no 554; the first of them that is there. */
function proofOf(message: Message): Buffer {
  let i = message.index(Tag.Password);
  if (i < 0) i = message.index(Tag.RawData);
  if (i < 0 || message.length(i) > PROOF_BYTES) return Buffer.alloc(0);
  return Buffer.copyBytesFrom(message.buf, message.from[i], message.length(i));
}

/** What stands in a wiped value: a form that every field type for secrets has. */
const STAR = 0x2a;

/** Overwrites every secret of a Logon where it was received; fields stay fields. */
export function wipeSecrets(message: Message): void {
  for (let i = 0; i < message.count; i++) {
    const tag = message.tags[i];
    if (tag === Tag.Password || tag === Tag.NewPassword || tag === Tag.RawData) {
      message.buf.fill(STAR, message.from[i], message.to[i]);
    }
  }
}
