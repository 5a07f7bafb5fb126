/**
 * Sequence numbers of FIX sessions as admins see and set them. The numbers themselves are in the journal of the edge that had
 * the session last. That edge reports them soon after each Logon, at the end of a session and after each change.
 */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { changeAccount, ownerOf, present } from '../credentials/change.ts';
import { FixgateError } from '../errors.ts';
import { RECEIPT_POLL_MS, RECEIPTS_WITHIN_MS } from './bounds.ts';
import type { FixSessionKey, SessionNumbers } from './model.ts';
import type { AnnouncePorts } from './notices.ts';

/** Which FIX sessions: those that agree with every field that is given. */
export interface NumbersTarget {
  readonly sender_comp_id: string;
  readonly begin_string?: string | undefined;
  readonly sender_sub_id?: string | undefined;
  readonly target_comp_id?: string | undefined;
}

/** `set`: the numbers to go on with; an undefined one is left as it is. `reset`: both begin at 1, and sent messages are forgotten. */
export type NumbersChange =
  | { readonly kind: 'set'; readonly next_in?: number | undefined; readonly next_out?: number | undefined }
  | { readonly kind: 'reset' };

export interface NumbersShown extends SessionNumbers {
  readonly live: boolean;
}

/** The numbers of the sessions that the target names, as last reported. Refuses with credential_not_found. */
export async function sessionNumbers(ports: AdminPorts, target: NumbersTarget): Promise<readonly NumbersShown[]> {
  const found = await ports.directory.credential(target.sender_comp_id);
  if (!found) throw new FixgateError('credential_not_found');
  return shown(ports, found.user.user_id, target);
}

export interface NumbersAnswer {
  /** As the edge reports them after the change. While `pending`: as they were before. */
  readonly numbers: NumbersShown;
  /** Whether the edge has not answered yet. */
  readonly pending: boolean;
}

/**
 * Has the edge that has the session's journal change its numbers, and waits a moment for its report. If the client logs on
 * before the edge reads the command, the numbers stay as they are. Refuses with credential_not_found, numbers_not_found,
 * session_live, edge_not_running, invalid_request (several sessions).
 */
export async function changeNumbers(
  ports: AnnouncePorts,
  context: ChangeContext,
  target: NumbersTarget,
  change: NumbersChange,
): Promise<NumbersAnswer> {
  const { sender_comp_id } = target;
  const type = change.kind === 'set' ? ('sequence_set' as const) : ('sequence_reset' as const);
  const request = { ...context, type, sender_comp_id };
  const user_id = await ownerOf(ports, request);
  const to = change.kind === 'set' ? withoutAbsent(change) : { next_in: 1, next_out: 1 };
  const before = await changeAccount<NumbersShown>(ports, { ...request, user_id }, async (account) => {
    present(account);
    const one = theOne(await shown(ports, user_id, target));
    if (one.live) throw new FixgateError('session_live', undefined, [{ ...one.key }]);
    const edge = await ports.edges.find(one.edge_id);
    if (edge?.state !== 'alive') throw new FixgateError('edge_not_running', undefined, [{ edge_id: one.edge_id }]);
    const { key, edge_id, next_in, next_out } = one;
    return {
      sender_comp_id,
      details: { ...key, edge_id, from: { next_in, next_out }, to },
      reach: { kind: 'numbers', edge_id, key, ...to, reset: change.kind === 'reset' },
      result: () => one,
    };
  });
  return answer(ports, user_id, before, to);
}

/**
 * For use after a restore, or when a journal is lost: all FIX sessions of a user go on with outbound numbers above any that
 * were used. A client then sees a gap and asks for it. The edge that had a session last gets a command, which it also applies
 * when it starts, before any Logon. A live session keeps its numbers: its client has just agreed to them. Each session is one
 * audited change.
 * @param beyond by how much to raise the numbers: more than the session has sent since the restored copy was made
 * @returns how many sessions were changed. Refuses with user_not_found
 */
export async function raiseNumbers(
  ports: AdminPorts,
  context: ChangeContext,
  userId: string,
  beyond: number,
): Promise<number> {
  const known = await knownSessions(ports, userId);
  for (const { key, edge_id, numbers } of known) {
    const from = numbers === undefined ? {} : { next_in: numbers.next_in, next_out: numbers.next_out };
    const { sender_comp_id } = key;
    const request = { ...context, type: 'sequence_set' as const, user_id: userId, sender_comp_id };
    await changeAccount(ports, request, (account) => {
      present(account);
      const details = { ...key, edge_id, from, beyond };
      const reach = { kind: 'numbers' as const, edge_id, key, ...from, reset: false, beyond };
      return { sender_comp_id, details, reach, result: () => undefined };
    });
    // That edge may never start again. Another one that gets the session then begins above the reserved numbers.
    await ports.slots.passNumbers(userId, key, beyond);
  }
  return known.length;
}

/** A FIX session, the edge whose journal has it, and its numbers as last reported: undefined if its edge died before it reported any. */
export interface KnownSession {
  readonly key: FixSessionKey;
  readonly edge_id: string;
  readonly numbers: SessionNumbers | undefined;
}

/** All FIX sessions that a user ever had under its credentials. */
export async function knownSessions(
  { directory, edges, slots }: Pick<AdminPorts, 'directory' | 'edges' | 'slots'>,
  userId: string,
): Promise<readonly KnownSession[]> {
  const { credentials } = await directory.account(userId);
  const names = credentials.map((one) => one.sender_comp_id);
  const [told, homes] = await Promise.all([
    Promise.all(names.map((name) => edges.numbers(name))),
    slots.homes(userId, names),
  ]);
  const known: KnownSession[] = told.flat().map((numbers) => ({ key: numbers.key, edge_id: numbers.edge_id, numbers }));
  const untold = homes.filter((one) => !known.some(({ key }) => same(key, one.key)));
  return [...known, ...untold.map((one) => ({ ...one, numbers: undefined }))];
}

/** What the edge has reported since: the numbers asked for, or others if the client logged on first. */
async function answer(
  ports: AnnouncePorts,
  userId: string,
  before: NumbersShown,
  { next_in, next_out }: Partial<Pick<NumbersShown, 'next_in' | 'next_out'>>,
): Promise<NumbersAnswer> {
  const answers = (now: NumbersShown) =>
    now.at !== before.at &&
    (now.live || ((next_in ?? now.next_in) === now.next_in && (next_out ?? now.next_out) === now.next_out));
  for (let waited = 0; waited < RECEIPTS_WITHIN_MS; waited += RECEIPT_POLL_MS) {
    await ports.pause(RECEIPT_POLL_MS);
    const [now] = await shown(ports, userId, before.key);
    if (now !== undefined && answers(now)) return { numbers: now, pending: false };
  }
  return { numbers: before, pending: true };
}

function withoutAbsent({ next_in, next_out }: Extract<NumbersChange, { kind: 'set' }>) {
  return { ...(next_in === undefined ? {} : { next_in }), ...(next_out === undefined ? {} : { next_out }) };
}

async function shown(ports: AdminPorts, userId: string, target: NumbersTarget): Promise<readonly NumbersShown[]> {
  const [rows, live] = await Promise.all([ports.edges.numbers(target.sender_comp_id), ports.slots.ofUser(userId)]);
  const wanted = ({ key }: SessionNumbers) =>
    (target.begin_string ?? key.begin_string) === key.begin_string &&
    (target.sender_sub_id ?? key.sender_sub_id) === key.sender_sub_id &&
    (target.target_comp_id ?? key.target_comp_id) === key.target_comp_id;
  return rows.filter(wanted).map((row) => ({ ...row, live: live.some((session) => same(session.key, row.key)) }));
}

function theOne(found: readonly NumbersShown[]): NumbersShown {
  const [first] = found;
  if (first === undefined) throw new FixgateError('numbers_not_found');
  if (found.length === 1) return first;
  throw new FixgateError(
    'invalid_request',
    'The SenderCompID has several FIX sessions: name one by begin_string, sender_sub_id and target_comp_id.',
    found.slice(0, 20).map(({ key }) => ({ ...key })),
  );
}

function same(a: FixSessionKey, b: FixSessionKey): boolean {
  return (
    a.begin_string === b.begin_string &&
    a.sender_comp_id === b.sender_comp_id &&
    a.sender_sub_id === b.sender_sub_id &&
    a.target_comp_id === b.target_comp_id
  );
}
