/** The orders that benchmarks send. */
import { encodeFix, type Field, utcTimestamp } from '../local/fix-client.ts';

export const ORDER_BYTES = 158;

export interface Names {
  readonly sender: string;
  readonly target: string;
}

/** `rests`: a limit order far from the market. `fills`: a market order for one share, bought and sold in turns. */
export type OrderKind = 'rests' | 'fills';

const resting = (id: number, now: Date): readonly Field[] => [
  [11, `ORD${String(id).padStart(9, '0')}`],
  [21, 1],
  [38, 100],
  [40, 2],
  [44, '25.50'],
  [54, 1],
  [55, 'INTC'],
  [59, 0],
  [60, utcTimestamp(now).slice(0, 17)],
];

const filling = (id: number, now: Date): readonly Field[] => [
  [11, `ORD${String(id).padStart(9, '0')}`],
  [21, 1],
  [38, 1],
  [40, 1],
  [54, 1 + (id % 2)],
  [55, 'INTC'],
  [59, 3],
  [60, utcTimestamp(now).slice(0, 17)],
];

const BODIES = { rests: resting, fills: filling } as const;

/** One whole NewOrderSingle of FIX.4.4. */
function orderBytes({ sender, target }: Names, kind: OrderKind, msgSeqNum: number, id: number, now: Date): Buffer {
  const header: readonly Field[] = [
    [35, 'D'],
    [34, msgSeqNum],
    [49, sender],
    [52, utcTimestamp(now)],
    [56, target],
  ];
  return Buffer.from(encodeFix('FIX.4.4', [...header, ...BODIES[kind](id, now)]), 'latin1');
}

/** `count` orders, one after the other in one buffer, numbered from `first` on. */
export function orderStream(names: Names, kind: OrderKind, first: number, count: number): Buffer {
  const now = new Date();
  const one = (i: number): Buffer => orderBytes(names, kind, first + i, i, now);
  return Buffer.concat(Array.from({ length: count }, (_, i) => one(i)));
}

/** Names that make a resting order with a MsgSeqNum of five digits {@link ORDER_BYTES} long. */
export const MICRO_NAMES: Names = { sender: 'USER', target: 'FIX' };
