/** Every promise with what checks it, in the order of the report. */
import type { Ledger, Verdict } from '../ledger.ts';
import { noReportLost, noReportTwice, oneContentANumber } from './fix-state.ts';
import { limiterBound, sessionCount } from './limits.ts';
import * as operation from './operation.ts';

const CHECKS: readonly ((ledger: Ledger, patience: operation.Patience) => Verdict)[] = [
  limiterBound,
  sessionCount,
  operation.slotsOfTheDead,
  operation.reached,
  operation.limitsReached,
  operation.keptOut,
  operation.takenOver,
  oneContentANumber,
  noReportTwice,
  noReportLost,
  operation.storeAway,
  operation.healed,
  operation.drained,
  operation.storms,
  operation.trail,
];

export const verdicts = (ledger: Ledger, patience: operation.Patience): readonly Verdict[] =>
  CHECKS.map((check) => check(ledger, patience));
