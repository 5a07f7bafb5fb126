/** How the way between processes and the store is. */
export interface Weather {
  /** One way, ms: most are near the first, few reach the second. */
  readonly delay: readonly [number, number];
  /** Shares of calls. */
  readonly lostRequests: number;
  readonly lostReplies: number;
  readonly throttled: number;
  /** Transactions and writes that meet another one. */
  readonly conflicts: number;
}

export const CALM: Weather = { delay: [0.5, 8], lostRequests: 0, lostReplies: 0, throttled: 0, conflicts: 0 };

/** Whether calls are lost or refused in it. */
export function isRough({ lostRequests, lostReplies, throttled, conflicts }: Weather): boolean {
  return lostRequests + lostReplies + throttled + conflicts > 0;
}
