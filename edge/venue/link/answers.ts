/** What the venue's side of the link writes itself: the headers of reports, and refusals of what came too late. */

import type { BodyWriter } from '../../fix/body-writer.ts';
import { HeaderTemplate } from '../../fix/encoder.ts';
import type { Message } from '../../fix/message.ts';
import { decimalsFor } from '../../fix/session/versions.ts';
import { msgTypeCode, Tag } from '../../fix/tags.ts';

/** BusinessMessageReject, and its reason: application not available. */
export const BUSINESS_REJECT = msgTypeCode('j');
const NOT_AVAILABLE = 4;

/** Of each BeginString one. */
export class Templates {
  readonly #made = new Map<string, HeaderTemplate>();

  of(begin_string: string): HeaderTemplate {
    let template = this.#made.get(begin_string);
    if (template === undefined) {
      const ids = { beginString: begin_string, senderCompId: 'VENUE', targetCompId: 'EDGE' };
      template = new HeaderTemplate(ids, decimalsFor(begin_string, 'millis'));
      this.#made.set(begin_string, template);
    }
    return template;
  }
}

/** @param repeated whether its client may have heard of it already */
export function writeRefusal(body: BodyWriter, message: Message, text: string, repeated: boolean): void {
  if (repeated) body.flag(Tag.PossResend, true);
  body.uint(Tag.RefSeqNum, Math.max(0, message.uint(message.msgSeqNum))).text(Tag.Text, text);
  body.copy(message, message.msgTypeField, Tag.RefMsgType);
  const id = message.index(Tag.ClOrdID);
  if (id >= 0) body.copy(message, id, Tag.BusinessRejectRefID);
  body.uint(Tag.BusinessRejectReason, NOT_AVAILABLE);
}
