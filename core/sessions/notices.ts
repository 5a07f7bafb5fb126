/**
 * Announcements by an admin to clients that are logged on. Edges get them as commands, tell their sessions and write down how
 * many they told. The operation waits a moment for that.
 */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { announcedChain } from '../audit/chain.ts';
import { appendForPrincipal } from '../audit/principals.ts';
import { recordRefusal } from '../audit/refusals.ts';
import { present } from '../credentials/change.ts';
import { FixgateError } from '../errors.ts';
import { ulid } from '../ids.ts';
import { tierNamed } from '../policy/assignment.ts';
import { RECEIPT_POLL_MS, RECEIPTS_WITHIN_MS } from './bounds.ts';
import { isServing, type Notice, type NoticeReceipt, type NoticeTarget } from './model.ts';

export interface Announcement extends Pick<Notice, 'headline' | 'lines' | 'urgency'> {
  readonly to: NoticeTarget;
}

export interface Announced {
  readonly notice: Notice;
  /** Reports of the edges that have answered. */
  readonly receipts: readonly NoticeReceipt[];
  /** Edges that have not answered yet. */
  readonly silent: readonly string[];
}

export interface AnnouncePorts extends AdminPorts {
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Announces something to live sessions. Clients that are not logged on are not told later. The audit record is written first,
 * so that nothing is said without a record. Refuses with user_not_found, credential_not_found, tier_not_found.
 */
export async function announce(
  ports: AnnouncePorts,
  context: ChangeContext,
  { to, headline, lines, urgency }: Announcement,
): Promise<Announced> {
  const edges = await concerned(ports, context, to);
  const at = ports.clock.now();
  const notice: Notice = { notice_id: ulid(at, ports.random), headline, lines, urgency, at };
  const { actor, reason } = context;
  await appendForPrincipal(ports, (number) => announcedChain(actor.principal, number), {
    type: 'session_notify',
    outcome: 'done',
    actor,
    ...('user_id' in to || 'sender_comp_id' in to ? to : {}),
    ...(reason === undefined ? {} : { reason }),
    details: { to, notice_id: notice.notice_id, headline, lines, urgency, edges },
  });
  const command = { type: 'announce', notice, to, at } as const;
  await ports.edges.send(edges.map((edge_id) => ({ edge_id, command: { ...command, id: ulid(at, ports.random) } })));
  const receipts = await answers(ports, notice.notice_id, edges);
  const silent = edges.filter((edge) => !receipts.some(({ edge_id }) => edge_id === edge));
  return { notice, receipts, silent };
}

/** The edges that may have such sessions. A target that does not exist is refused, and the refusal is audited. */
async function concerned(ports: AdminPorts, context: ChangeContext, to: NoticeTarget): Promise<readonly string[]> {
  try {
    if ('user_id' in to) {
      present(await ports.directory.account(to.user_id));
      return holding(ports, to.user_id);
    }
    if ('sender_comp_id' in to) {
      const found = await ports.directory.credential(to.sender_comp_id);
      if (!found) throw new FixgateError('credential_not_found');
      return holding(ports, found.user.user_id, to.sender_comp_id);
    }
    if ('tier' in to) tierNamed(await ports.policy.read(), to.tier);
  } catch (error) {
    if (!(error instanceof FixgateError)) throw error;
    await recordRefusal(ports, { ...context, ...to, type: 'session_notify', error });
    throw error;
  }
  const rows = await ports.edges.list();
  return rows.filter(isServing).map(({ edge_id }) => edge_id);
}

async function holding(ports: AdminPorts, userId: string, senderCompId?: string): Promise<readonly string[]> {
  const sessions = await ports.slots.ofUser(userId);
  const wanted = sessions.filter(({ key }) => senderCompId === undefined || key.sender_comp_id === senderCompId);
  return [...new Set(wanted.map(({ edge_id }) => edge_id))].sort();
}

/** The answers of edges: once all have answered, or when the time is over. */
async function answers(
  ports: AnnouncePorts,
  noticeId: string,
  edges: readonly string[],
): Promise<readonly NoticeReceipt[]> {
  let receipts: readonly NoticeReceipt[] = [];
  for (let waited = 0; receipts.length < edges.length && waited < RECEIPTS_WITHIN_MS; waited += RECEIPT_POLL_MS) {
    await ports.pause(RECEIPT_POLL_MS);
    receipts = await ports.edges.receipts(noticeId);
  }
  return receipts;
}
