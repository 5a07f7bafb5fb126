/** What clients were told, held against what a FIX session promises. */
import type { Ledger, OrderView, Received, SessionLog, Verdict } from '../ledger.ts';
import { verdict } from './verdict.ts';

/** Each MsgSeqNum of a generation has one application content, and what comes again says so. */
export function oneContentANumber({ sessions }: Ledger): Verdict {
  const against: string[] = [];
  let numbers = 0;
  let again = 0;
  for (const { name, received } of sessions) {
    const contents = new Map<string, string>();
    for (const { generation, seq, content, poss_dup } of received) {
      const number = `${generation}/${seq}`;
      const before = contents.get(number);
      if (before === undefined) {
        contents.set(number, content);
        numbers += 1;
        continue;
      }
      again += 1;
      if (before !== content) against.push(`${name} number ${number}: ${before} and then ${content}`);
      else if (!poss_dup) against.push(`${name} number ${number} came twice, the second time without PossDupFlag`);
    }
  }
  return verdict({
    promise: 'FIX state: a number has one content',
    bound: 'no MsgSeqNum with two in a generation',
    seen: numbers,
    evidence: `${numbers} numbers of ${sessions.length} sessions, ${again} came again`,
    against,
  });
}

/** An execution is told once; what tells it again has PossDupFlag. */
export function noReportTwice({ sessions }: Ledger): Verdict {
  const against: string[] = [];
  let executions = 0;
  for (const { name, received } of sessions) {
    const told = new Set<string>();
    for (const { exec_id, poss_dup, seq, generation } of received) {
      if (exec_id === '') continue;
      if (told.has(exec_id) && !poss_dup)
        against.push(`${name}: execution ${exec_id} again as ${generation}/${seq}, without PossDupFlag`);
      if (!told.has(exec_id)) executions += 1;
      told.add(exec_id);
    }
  }
  return verdict({
    promise: 'FIX state: no report twice',
    bound: 'none without PossDupFlag',
    seen: executions,
    evidence: `${executions} executions`,
    against,
  });
}

/** The numbers of each generation came without a gap, beyond what gap fills passed over. */
function broken({ name, faults }: SessionLog): string[] {
  return faults.map((fault) => `${name}: ${fault}`);
}

function differs(name: string, { id, filled, cum, status, said }: OrderView): string[] {
  if (said === undefined) return filled === cum ? [] : [`${name}: ${id} has executions of ${filled} and CumQty ${cum}`];
  if (filled === said.cum && status === said.status) return [];
  return [`${name}: ${id} was told ${status} with ${filled} filled, the venue says ${said.status} with ${said.cum}`];
}

/** Keepers have an answer to whatever they asked, and every report of every order. */
export function noReportLost({ sessions }: Ledger): Verdict {
  const against: string[] = [];
  let asked = 0;
  let compared = 0;
  const keepers = sessions.filter(({ role }) => role === 'keeper');
  for (const session of keepers) {
    against.push(...broken(session));
    asked += session.asked.length;
    for (const one of session.asked)
      if (one.answered === undefined) against.push(`${session.name}: ${one.kind} ${one.id} was never answered`);
    for (const order of session.orders) {
      compared += order.said === undefined ? 0 : 1;
      against.push(...differs(session.name, order));
    }
  }
  return verdict({
    promise: 'FIX state: no report lost',
    bound: 'all answered; venue and client agree',
    seen: Math.min(asked, compared),
    evidence: `${asked} requests of ${keepers.length} keepers; ${compared} orders compared with the venue at the end`,
    against,
  });
}

/** Messages that came in order: for the summary. */
export const messages = ({ sessions }: Ledger): number =>
  sessions.reduce((sum, { received }: { readonly received: readonly Received[] }) => sum + received.length, 0);
