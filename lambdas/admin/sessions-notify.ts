import type { NoticeTarget } from '../../core/sessions/model.ts';
import { announce } from '../../core/sessions/notices.ts';
import type { RequestOf, Run } from '../services.ts';

/** POST sessions/notify */
export const notifySessions: Run<'notifySessions'> = async (services, request, actor) => {
  const { text, headline, urgency, reason } = request;
  const announcement = { to: targetOf(request), headline, lines: text.split('\n'), urgency };
  const { notice, receipts, silent } = await announce(services, { actor, reason }, announcement);
  const sum = (of: 'told' | 'not_told') => receipts.reduce((total, receipt) => total + receipt[of], 0);
  return {
    success: true,
    notice_id: notice.notice_id,
    told: sum('told'),
    not_told: sum('not_told'),
    edges: receipts.map(({ edge_id, told, not_told }) => ({ edge_id, told, not_told })),
    silent: [...silent],
  };
};

/** The contract has seen to it that exactly one is given. */
function targetOf({ user_id, sender_comp_id, tier }: RequestOf<'notifySessions'>): NoticeTarget {
  if (user_id !== undefined) return { user_id };
  if (sender_comp_id !== undefined) return { sender_comp_id };
  return tier === undefined ? { all: true } : { tier };
}
