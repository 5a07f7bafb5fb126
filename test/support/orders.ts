/** Orders of tests that drive the whole product. */
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
