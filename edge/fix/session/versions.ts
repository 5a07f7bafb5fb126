/** What differs between versions of the session layer. */

import type { TimestampDecimals } from '../timestamp.ts';
import type { TimestampPrecision } from './profile.ts';

/** FIX.4.0 and FIX.4.1: Reject has 45 and 58 only, no BusinessMessageReject, seconds only. */
export const isBefore42 = (beginString: string): boolean => beginString === 'FIX.4.0' || beginString === 'FIX.4.1';

export const isFixt = (beginString: string): boolean => beginString === 'FIXT.1.1';

/** OnBehalfOfLocationID (144) and DeliverToLocationID (145) came with FIX.4.1; a client of 4.0 would reject our Reject. */
export const hasLocationIds = (beginString: string): boolean => beginString !== 'FIX.4.0';

/** NextExpectedMsgSeqNum (789) came with FIX.4.4. */
export const hasNextExpected = (beginString: string): boolean => beginString === 'FIX.4.4' || isFixt(beginString);

/** EndSeqNo that means "to the last": 0 since FIX.4.2, 999999 before. */
export const openEnd = (beginString: string): number => (isBefore42(beginString) ? 999_999 : 0);

/** Both ways of saying it are understood where both have been in use (up to FIX.4.2). */
export const isOpenEnd = (beginString: string, endSeqNo: number): boolean =>
  endSeqNo === 0 || (endSeqNo === 999_999 && (isBefore42(beginString) || beginString === 'FIX.4.2'));

/** Whether SessionRejectReason (373) has the value: none before FIX.4.2, 0 to 11 in FIX.4.2, later all. */
export const hasRejectReason = (beginString: string, reason: number): boolean =>
  reason >= 0 && !isBefore42(beginString) && (beginString !== 'FIX.4.2' || reason <= 11);

/** BusinessRejectReason (380): 0 to 5 in FIX.4.2, 0 to 7 in FIX.4.3 and 4.4; beyond that 0 (other) is said. */
export const businessReason = (beginString: string, reason: number): number => {
  const last = beginString === 'FIX.4.2' ? 5 : isFixt(beginString) ? Number.POSITIVE_INFINITY : 7;
  return reason <= last ? reason : 0;
};

const DECIMALS: Readonly<Record<TimestampPrecision, TimestampDecimals>> = {
  seconds: 0,
  millis: 3,
  micros: 6,
  nanos: 9,
};

/** Decimals of the timestamps we write; fractions of a second came with FIX.4.2. */
export const decimalsFor = (beginString: string, precision: TimestampPrecision): TimestampDecimals =>
  isBefore42(beginString) ? 0 : DECIMALS[precision];
