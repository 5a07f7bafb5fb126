/** What a run of chaos found, for people. */
import type { Ledger, Verdict } from './ledger.ts';

/** Of what speaks against a promise so much is shown. */
const SHOWN = 10;

const lines = ({ promise, bound, held, evidence, against }: Verdict): string[] => {
  const verdict = held ? 'held' : against.length === 0 ? 'NOT TRIED' : 'BROKEN';
  return [
    `${verdict.padEnd(10)}${promise}: ${bound}`,
    `          ${evidence}`,
    ...against.slice(0, SHOWN).map((text) => `        ! ${text}`),
    ...(against.length > SHOWN ? [`        ! and ${against.length - SHOWN} more`] : []),
  ];
};

export function report(ledger: Ledger, verdicts: readonly Verdict[]): string {
  const count = (of: (session: Ledger['sessions'][number]) => number) =>
    ledger.sessions.reduce((sum, session) => sum + of(session), 0);
  const logons = count(({ attempts }) => attempts.length);
  const heading = [
    `${ledger.faults.length} faults, ${ledger.acts.length} acts of an operator, ${logons} Logons,`,
    `${count(({ asked }) => asked.length)} requests, ${count(({ received }) => received.length)} application messages from the gateway`,
  ];
  return ['', heading.join(' '), '', ...verdicts.flatMap(lines)].join('\n');
}
