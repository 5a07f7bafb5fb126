/** What differs between versions in the messages of a venue, held against the dictionaries by test. */

/** Versions in order, so that they compare: 40 is FIX.4.0, 50 FIX.5.0, 52 FIX.5.0SP2. */
export const V = {
  FIX40: 40,
  FIX41: 41,
  FIX42: 42,
  FIX43: 43,
  FIX44: 44,
  FIX50: 50,
  FIX50SP1: 51,
  FIX50SP2: 52,
} as const;

const BY_BEGIN_STRING: Readonly<Record<string, number>> = {
  'FIX.4.0': V.FIX40,
  'FIX.4.1': V.FIX41,
  'FIX.4.2': V.FIX42,
  'FIX.4.3': V.FIX43,
  'FIX.4.4': V.FIX44,
};

/** By ApplVerID (1128). */
const BY_APPL_VER_ID: Readonly<Record<string, number>> = {
  2: V.FIX40,
  3: V.FIX41,
  4: V.FIX42,
  5: V.FIX43,
  6: V.FIX44,
  7: V.FIX50,
  8: V.FIX50SP1,
  9: V.FIX50SP2,
};

/** The version of a session's application messages; the last one for what is not known. */
export function versionOf(beginString: string, applVerId: string): number {
  return BY_BEGIN_STRING[beginString] ?? BY_APPL_VER_ID[applVerId] ?? V.FIX50SP2;
}

export const OrdRejReason = {
  BrokerOption: 0,
  UnknownSymbol: 1,
  ExceedsLimit: 3,
  UnknownOrder: 5,
  DuplicateOrder: 6,
  Unsupported: 11,
  IncorrectQuantity: 13,
  PriceBand: 16,
  PriceIncrement: 18,
  Other: 99,
} as const;

/** The version in which a value of OrdRejReason (103) came; the general value is used before. */
const ORD_REJ_SINCE: Readonly<Record<number, number>> = {
  [OrdRejReason.UnknownOrder]: V.FIX41,
  [OrdRejReason.DuplicateOrder]: V.FIX41,
  [OrdRejReason.Unsupported]: V.FIX43,
  [OrdRejReason.IncorrectQuantity]: V.FIX44,
  [OrdRejReason.PriceBand]: V.FIX50SP2,
  [OrdRejReason.PriceIncrement]: V.FIX50,
  [OrdRejReason.Other]: V.FIX44,
};

/** OrdRejReason (103) as `version` can say it. */
export function ordRejReason(version: number, reason: number): number {
  if (version >= (ORD_REJ_SINCE[reason] ?? V.FIX40)) return reason;
  return version >= V.FIX44 ? OrdRejReason.Other : OrdRejReason.BrokerOption;
}

export const CxlRejReason = { TooLate: 0, UnknownOrder: 1, BrokerOption: 2, DuplicateClOrdId: 6, Other: 99 } as const;

/** CxlRejReason (102) as `version` can say it; -1: not at all. */
export function cxlRejReason(version: number, reason: number): number {
  if (reason <= CxlRejReason.UnknownOrder) return reason;
  if (version < V.FIX42) return -1;
  if (reason === CxlRejReason.DuplicateClOrdId) return version >= V.FIX43 ? reason : CxlRejReason.BrokerOption;
  if (reason === CxlRejReason.Other) return version >= V.FIX44 ? reason : CxlRejReason.BrokerOption;
  return reason;
}
