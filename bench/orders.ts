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

/** `count` orders, one after the other in one buffer, numbered from `first` on; their ids count from `firstId`. */
export function orderStream(names: Names, kind: OrderKind, first: number, count: number, firstId = 0): Buffer {
  const now = new Date();
  const one = (i: number): Buffer => orderBytes(names, kind, first + i, firstId + i, now);
  return Buffer.concat(Array.from({ length: count }, (_, i) => one(i)));
}

/** Of INTC, which the reference market keeps between 31.50 and 38.50: what crosses it whatever it does, and what never does. */
const CROSSES = '31.50';
const RESTS_BELOW = 2000;
const RESTS_ABOVE = 5000;
const LEVELS = 100;

const priceText = (cents: number): string => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;

/** What a client does with ten ids, step by step: MsgType and what follows ClOrdID. One bid in eight is left to rest. */
function tradingSteps(cycle: number): readonly (readonly [type: string, fields: readonly Field[]])[] {
  const id = (n: number): string => `T${String(cycle * 10 + n).padStart(9, '0')}`;
  const level = cycle % LEVELS;
  const bid = priceText(RESTS_BELOW - level);
  const ask = (by: number): string => priceText(RESTS_ABOVE + level + by);
  const order = (side: number, qty: number, tif: number, price?: string): readonly Field[] => [
    [38, qty],
    [40, price === undefined ? 1 : 2],
    ...(price === undefined ? [] : ([[44, price]] as const)),
    [54, side],
    [55, 'INTC'],
    [59, tif],
  ];
  const of = (n: number, side: number): readonly Field[] => [
    [41, id(n)],
    [54, side],
    [55, 'INTC'],
  ];
  const replaced = (n: number, side: number, qty: number, price: string): readonly Field[] => [
    [41, id(n)],
    ...order(side, qty, 1, price),
  ];
  return [
    ['D', order(1, 100, 1, bid)],
    ['D', order(2, 10, 3, CROSSES)],
    ['G', replaced(0, 1, 50, bid)],
    ['D', order(2, 30, 1, ask(0))],
    ['G', replaced(3, 2, 30, ask(1))],
    ['F', of(cycle % 8 === 0 ? 9 : 2, 1)],
    ['D', order(1, 1, 3)],
    ['F', of(4, 2)],
    ['D', order(2, 20, 0, CROSSES)],
    ['F', of(9, 1)],
  ].map(([type, fields], n) => [type as string, [[11, id(n)], ...(fields as readonly Field[])]]);
}

/** `count` messages of a client that trades: orders that rest and that cross, replaces, cancels, and some that come too late. */
export function tradingStream({ sender, target }: Names, first: number, count: number): Buffer {
  const now = new Date();
  const time = utcTimestamp(now);
  const messages: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const [type, fields] = tradingSteps(Math.floor((first + i) / 10))[(first + i) % 10]!;
    const header: readonly Field[] = [
      [35, type],
      [34, first + i],
      [49, sender],
      [52, time],
      [56, target],
    ];
    messages.push(Buffer.from(encodeFix('FIX.4.4', [...header, ...fields, [60, time]]), 'latin1'));
  }
  return Buffer.concat(messages);
}

const SYMBOLS = ['F', 'VW', 'IBM', 'INTC', 'GOOGL', 'BRK.A', 'BTCUSDT'] as const;
const ACCOUNTS = ['A1', 'DESK-7', 'FUND-00391', 'X'] as const;

/**
 * Orders of which no two are alike: five shapes of two message types, ids of 1 to 20 characters, symbols, prices and quantities of
 * any length. One in eight is a SecurityDefinition, the other type that the echo venue knows.
 */
function mixedFields(id: number, time: string): readonly Field[] {
  const r = Math.imul(id + 1, 0x9e3779b1) >>> 8;
  const symbol: Field = [55, SYMBOLS[r % SYMBOLS.length]!];
  if (r % 8 === 7) return [[320, `R${id}`], [322, `S${r}`], [323, r % 16 === 7 ? 5 : 6], symbol];
  const decimals = r % 4;
  const price: Field = [44, ((r % 1_000_000) / 10 ** decimals).toFixed(decimals)];
  return [
    ...(r % 3 === 0 ? [[1, ACCOUNTS[r % ACCOUNTS.length]!] as const] : []),
    [11, `${r}-${id}-ABCDEFGH`.slice(0, 1 + ((r >> 4) % 20))],
    [21, 1],
    [38, 1 + (r % 100_000)],
    ...(r % 5 === 0 ? [[40, 1] as const] : [[40, 2] as const, price]),
    [54, 1 + (r % 2)],
    symbol,
    [59, r % 2 === 0 ? 0 : 3],
    [60, r % 4 === 0 ? time : time.slice(0, 17)],
  ];
}

/** `count` messages of any length, no two alike, for the echo venue. */
export function mixedStream({ sender, target }: Names, first: number, count: number): Buffer {
  const time = utcTimestamp(new Date());
  const messages: Buffer[] = [];
  for (let n = first; n < first + count; n++) {
    const fields = mixedFields(n, time);
    const header: readonly Field[] = [
      [35, fields[0]![0] === 320 ? 'd' : 'D'],
      [34, n],
      [49, sender],
      [52, time],
      [56, target],
    ];
    messages.push(Buffer.from(encodeFix('FIX.4.4', [...header, ...fields]), 'latin1'));
  }
  return Buffer.concat(messages);
}

/** Names that make a resting order with a MsgSeqNum of five digits {@link ORDER_BYTES} long. */
export const MICRO_NAMES: Names = { sender: 'USER', target: 'FIX' };
