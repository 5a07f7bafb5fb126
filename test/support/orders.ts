/** Orders of tests over real sockets. */
import { type Field, utcTimestamp } from '../../local/fix-client.ts';

/** NewOrderSingle: ten at 1, far below the market, good till cancelled; it rests. */
export const restingOrder = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 2],
  [44, 1],
  [59, 1],
];

/** NewOrderSingle: 100 at market. Its time is without milliseconds, as FIX.4.0 and 4.1 have it. */
export const marketOrder = (id: string): Field[] => [
  [11, id],
  [21, 1],
  [55, 'IBM'],
  [54, 1],
  [60, utcTimestamp(new Date()).slice(0, 17)],
  [38, 100],
  [40, 1],
];

/** OrderCancelRequest for one of those. */
export const cancelOf = (id: string, original: string): Field[] => [
  [11, id],
  [41, original],
  [55, 'IBM'],
  [54, 1],
  [60, utcTimestamp(new Date()).slice(0, 17)],
  [38, 100],
];
