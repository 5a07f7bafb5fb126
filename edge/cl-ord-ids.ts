/**
 * The ClOrdID policy of a session (profile `cl_ord_id`): which messages use a ClOrdID, and the refusal of one that was used before.
 * It applies within a session, whose counterparty must keep its ids distinct (FIX 4.4 vol. 1, ClOrdID), across connections and
 * restarts of the edge. The venue is not asked.
 */

import type { Message } from './fix/message.ts';
import type { FixSession, Instant, SessionStore } from './fix/session/ports.ts';
import { MsgType, Tag } from './fix/tags.ts';
import { CL_ORD_ID_BYTES } from './limits.ts';
import {
  ExecType,
  NONE,
  RESPONSE_TO_CANCEL,
  RESPONSE_TO_REPLACE,
  writeCancelRefusal,
  writeOrderRefusal,
} from './venue/refusals.ts';
import { Field } from './venue/tags.ts';
import { CxlRejReason, OrdRejReason, V } from './venue/versions.ts';

/** Index of the field with the ClOrdID that the message uses; -1: it uses none. */
export function usedId(message: Message): number {
  switch (message.msgType) {
    case MsgType.NewOrderSingle:
    case MsgType.OrderCancelRequest:
    case MsgType.OrderCancelReplaceRequest:
      return message.index(Tag.ClOrdID);
    default:
      return -1;
  }
}

/** Why the message is refused because of its ClOrdID. Undefined: it is not. An id too long to remember is refused: it could be used twice. */
export function problemOf(store: SessionStore, message: Message, id: number, now: Instant): IdProblem | undefined {
  if (message.length(id) > CL_ORD_ID_BYTES) return 'too_long';
  return store.knowsId(message.buf, message.from(id), message.to(id), now.epochMs) ? 'duplicate' : undefined;
}

export type IdProblem = 'duplicate' | 'too_long';

const TEXTS = { duplicate: 'Duplicate ClOrdID', too_long: `ClOrdID is longer than ${CL_ORD_ID_BYTES} bytes` } as const;

/** ExecID (17) of the refusal of a message: no venue's. In FIX.4.0 it is an int, of fewer digits than theirs. */
export const refusalId = (version: number, generation: number, msgSeqNum: number): string =>
  version === V.FIX40 ? String(generation * 1e9 + msgSeqNum) : `GW-${generation}-${msgSeqNum}`;

/**
 * Says so: ExecutionReport 150=8 39=8 103=6, or OrderCancelReject 102=6, where the version has them. Numbered and kept like
 * every report. `execId` is this refusal's alone within the session.
 */
export function refuseId(
  fix: FixSession,
  message: Message,
  version: number,
  execId: string,
  problem: IdProblem,
  now: Instant,
): void {
  const text = TEXTS[problem];
  const isKnown = problem === 'duplicate';
  if (message.msgType === MsgType.NewOrderSingle) {
    const body = fix.begin(MsgType.ExecutionReport, now).text(Field.OrderID, NONE);
    const refusal = {
      execId,
      type: ExecType.Rejected,
      reason: isKnown ? OrdRejReason.DuplicateOrder : OrdRejReason.Other,
      text,
    };
    writeOrderRefusal(body, version, message, refusal, now.epochMs);
  } else {
    const isCancel = message.msgType === MsgType.OrderCancelRequest;
    const responseTo = isCancel ? RESPONSE_TO_CANCEL : RESPONSE_TO_REPLACE;
    const refusal = {
      order: undefined,
      responseTo,
      reason: isKnown ? CxlRejReason.DuplicateClOrdId : CxlRejReason.Other,
      text,
    };
    writeCancelRefusal(fix.begin(MsgType.OrderCancelReject, now), version, message, refusal, now.epochMs);
  }
  fix.commit();
}
