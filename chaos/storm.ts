/** How the sessions of an edge that is gone came back, by their own connections. */
import type { Attempt, SessionLog, Storm } from './ledger.ts';

/** What an operator has killed, locked and suspended hears this, on its way in as well. */
export const REASON = 'chaos';
const KEPT_OUT = new RegExp(`^((Logon refused: )?Locked|Logon refused: credential suspended|${REASON}$)`);

/** A session that was on, and the connection by which it was. */
export interface Connected {
  readonly log: SessionLog;
  readonly attempt: Attempt;
}

/**
 * Of those whose connection ended with the edge, and who may go anywhere and have their slot for themselves. Whom an operator keeps
 * out comes again until that is over: neither those Logons nor that time is the edge's doing.
 * @param until their connections ended by then @returns undefined: there were none
 */
export function stormOf(
  gone: Pick<Storm, 'edge' | 'at' | 'why'>,
  until: number,
  before: readonly Connected[],
): Storm | undefined {
  const hit = before.filter(
    ({ log, attempt: { through, ended } }) =>
      through === 0 && log.role !== 'crowd' && ended !== undefined && ended.at <= until,
  );
  if (hit.length === 0) return undefined;
  const returns = hit.map(returnOf);
  const logons = returns.map(({ sent }) => sent);
  const slowest = hit[logons.indexOf(Math.max(...logons))]?.log.name ?? '';
  const storm = { ...gone, sessions: hit.length, logons, slowest };
  if (returns.some(({ back }) => back === undefined)) return storm;
  return { ...storm, back: Math.max(gone.at, ...returns.map(({ back = gone.at, kept }) => (kept ? gone.at : back))) };
}

interface Return {
  /** Logons that it sent, but for those while an operator kept it out. */
  readonly sent: number;
  readonly kept: boolean;
  /** Undefined: it is not. */
  readonly back: number | undefined;
}

function returnOf({ log: { attempts }, attempt }: Connected): Return {
  const later = attempts.slice(attempts.indexOf(attempt) + 1);
  const success = later.findIndex(({ answered }) => answered?.accepted === true);
  const needed = success < 0 ? later : later.slice(0, success + 1);
  const sent = needed.filter(({ answered }) => !KEPT_OUT.test(answered?.text ?? '')).length;
  return { sent, kept: sent < needed.length, back: later[success]?.answered?.at };
}
