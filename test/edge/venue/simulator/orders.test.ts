import { describe, expect, test } from '@jest/globals';
import { msgTypeCode } from '../../../../edge/fix/tags.ts';
import { KNOWN_IDS_PER_SESSION } from '../../../../edge/venue/limits.ts';
import { Simulator } from '../../../../edge/venue/simulator/simulator.ts';
import type { VenueSession } from '../../../../edge/venue/venue.ts';
import { Client, NOON, pick, sessionOf, TestSink, utc } from '../harness.ts';

/** The reference market of INTC begins around 35.00: bids from 34.99 down, offers from 35.01 up, a hundred or more each. */
function exchange() {
  const sink = new TestSink();
  const venue = new Simulator({ sink, seed: 7, now: NOON });
  const join = (session: VenueSession) => new Client(venue, sink, session);
  return { sink, venue, join, one: join(sessionOf('ONE')), two: join(sessionOf('TWO')) };
}

const TIME = `60=${utc(NOON)}`;
const STATE = [11, 41, 150, 39, 38, 32, 31, 151, 14, 6];
const limit = (id: string, side: number, qty: string, price: string, more = '') =>
  `35=D|11=${id}|55=INTC|54=${side}|38=${qty}|40=2|44=${price}|${TIME}${more}`;
const market = (id: string, side: number, qty: string, more = '') =>
  `35=D|11=${id}|55=INTC|54=${side}|38=${qty}|40=1|${TIME}${more}`;
const cancel = (id: string, orig: string) => `35=F|11=${id}|41=${orig}|55=INTC|54=1|38=1|${TIME}`;
const replace = (id: string, orig: string, qty: string, price: string, more = '') =>
  `35=G|11=${id}|41=${orig}|55=INTC|54=1|38=${qty}|40=2|44=${price}|${TIME}${more}`;

/** Fields of a reply, whatever their order. */
const sorted = (reply: string): string => reply.split('|').sort().join('|');

describe('orders', () => {
  test('a market order: New, then the fill, whole reports', () => {
    const { one } = exchange();
    const replies = one.ask(market('A', 1, '100', '|1=ACC'));
    const stamp = NOON.toString(36).toUpperCase();
    expect(replies).toEqual([
      `35=8|37=${stamp}-1|11=A|17=${stamp}.1|150=0|39=0|1=ACC|55=INTC|54=1|38=100|40=1|59=0|151=100|14=0|6=0|${TIME}`,
      `35=8|37=${stamp}-1|11=A|17=${stamp}.2|150=F|39=2|1=ACC|55=INTC|54=1|38=100|40=1|59=0|32=100|31=35.01|151=0|14=100|6=35.01|${TIME}`,
    ]);
  });

  test('a large market order walks the book and is filled whole, whatever its size', () => {
    const { one, sink } = exchange();
    one.say(market('A', 2, '1000000'));
    const reports = sink.take();
    expect(reports[0]!.fields).toMatchObject({ 150: '0', 151: '1000000' });
    const fills = reports.slice(1).map((report) => report.fields);
    expect(fills.length).toBeGreaterThan(5);
    let cum = 0;
    let paid = 0;
    let price = 99;
    for (const fill of fills) {
      cum += Number(fill[32]);
      paid += Number(fill[32]) * Number(fill[31]);
      expect(Number(fill[31])).toBeLessThanOrEqual(price);
      price = Number(fill[31]);
      expect(Number(fill[14])).toBe(cum);
      expect(Number(fill[151])).toBe(1_000_000 - cum);
      expect(Number(fill[6])).toBeCloseTo(paid / cum, 5);
      expect(fill[39]).toBe(cum === 1_000_000 ? '2' : '1');
    }
    expect(cum).toBe(1_000_000);
  });

  test('a resting order: one New, then it fills when the market comes to it', () => {
    const { one, sink, venue } = exchange();
    expect(one.ask(limit('A', 1, '50', '34.50'), STATE)).toEqual(['35=8|11=A|150=0|39=0|38=50|151=50|14=0|6=0']);
    venue.moveMarket('INTC', 3445, NOON);
    expect(sink.take().map((one) => pick(one, STATE))).toEqual([
      '35=8|11=A|150=F|39=2|38=50|32=50|31=34.50|151=0|14=50|6=34.50',
    ]);
  });

  test('another client fills it, in part and then whole; price first, then time', () => {
    const { one, two } = exchange();
    one.ask(limit('A', 1, '100', '35.00'));
    two.ask(limit('B', 1, '100', '35.00'));
    const replies = two.ask(limit('S', 2, '130', '35'), STATE);
    expect(replies).toEqual([
      '35=8|11=S|150=0|39=0|38=130|151=130|14=0|6=0',
      '35=8|11=S|150=F|39=1|38=130|32=100|31=35.00|151=30|14=100|6=35.00',
      '35=8|11=A|150=F|39=2|38=100|32=100|31=35.00|151=0|14=100|6=35.00',
      '35=8|11=S|150=F|39=2|38=130|32=30|31=35.00|151=0|14=130|6=35.00',
      '35=8|11=B|150=F|39=1|38=100|32=30|31=35.00|151=70|14=30|6=35.00',
    ]);
  });

  test('IOC: the rest is canceled; FOK: all or nothing', () => {
    const { one } = exchange();
    const bids = one.ask(limit('A', 1, '5000', '35.01', '|59=3'), STATE);
    expect(bids).toHaveLength(3);
    expect(bids[1]).toMatch(/\|150=F\|39=1\|/);
    expect(bids[2]).toMatch(/\|150=4\|39=4\|38=5000\|151=0\|14=\d+\|6=35.01$/);
    expect(one.ask(limit('B', 1, '5000', '35.02', '|59=4'), STATE)).toEqual([
      '35=8|11=B|150=0|39=0|38=5000|151=5000|14=0|6=0',
      '35=8|11=B|150=4|39=4|38=5000|151=0|14=0|6=0',
    ]);
    const whole = one.ask(limit('C', 1, '5000', '36', '|59=4'), STATE);
    expect(whole.at(-1)).toMatch(/\|150=F\|39=2\|38=5000\|.*\|151=0\|14=5000\|/);
  });

  test('stop orders wait for their price', () => {
    const { one, sink, venue } = exchange();
    expect(one.ask(`35=D|11=A|55=INTC|54=1|38=10|40=3|99=35.50|${TIME}`, STATE)).toHaveLength(1);
    expect(one.ask(`35=D|11=B|55=INTC|54=1|38=10|40=4|99=35.50|44=35.40|${TIME}`, STATE)).toHaveLength(1);
    venue.moveMarket('INTC', 3549, NOON);
    expect(sink.take()).toEqual([]);
    venue.moveMarket('INTC', 3550, NOON);
    expect(sink.take().map((one) => pick(one, [11, 39, 31, 99]))).toEqual(['35=8|11=A|39=2|99=35.50|31=35.51']);
    venue.moveMarket('INTC', 3530, NOON); // the limit of B is now marketable
    expect(sink.take().map((one) => pick(one, [11, 39, 31, 99]))).toEqual(['35=8|11=B|39=2|99=35.50|31=35.40']);
  });

  test('a stop that was set off is not held again by a replacement', () => {
    const { one, sink, venue } = exchange();
    one.ask(`35=D|11=A|55=INTC|54=1|38=10|40=4|99=35.50|44=35.40|${TIME}`);
    venue.moveMarket('INTC', 3550, NOON);
    venue.moveMarket('INTC', 3541, NOON);
    expect(sink.take()).toEqual([]);
    const other = `35=G|11=B|41=A|55=INTC|54=1|38=10|40=4|99=35.60|44=35.42|${TIME}`;
    expect(one.ask(other, [58])).toEqual(['35=9|58=StopPx has been reached']);
    expect(one.ask(other.replace('35.60', '35.50'), STATE)).toEqual([
      '35=8|11=B|41=A|150=5|39=0|38=10|151=10|14=0|6=0',
      '35=8|11=B|150=F|39=2|38=10|32=10|31=35.42|151=0|14=10|6=35.42',
    ]);
  });

  test('day orders end at midnight UTC, GTD at its time, GTC never', () => {
    const { one, sink, venue } = exchange();
    one.ask(limit('DAY', 1, '10', '1.00'));
    one.ask(limit('GTC', 1, '10', '1.00', '|59=1'));
    const soon = NOON + 3_600_000;
    expect(one.ask(limit('GTD', 1, '10', '1.00', `|59=6|126=${utc(soon)}`), [59, 126])).toEqual([
      `35=8|59=6|126=${utc(soon)}`,
    ]);
    venue.tick(soon - 1);
    expect(sink.take()).toEqual([]);
    venue.tick(soon);
    expect(sink.take().map((one) => pick(one, STATE))).toEqual(['35=8|11=GTD|150=C|39=C|38=10|151=0|14=0|6=0']);
    venue.tick(NOON + 43_200_000);
    expect(sink.take().map((one) => pick(one, [11, 150]))).toEqual(['35=8|11=DAY|150=C']);
  });
});

describe('refusals', () => {
  test.each([
    ['unknown symbol', `35=D|11=A|55=NOPE|54=1|38=1|40=1|${TIME}`, 1, 'Unknown symbol'],
    ['a side it does not do', `35=D|11=A|55=INTC|54=8|38=1|40=1|${TIME}`, 11, 'Side must be 1, 2, 5 or 6'],
    ['an OrdType it does not do', `35=D|11=A|55=INTC|54=1|38=1|40=P|${TIME}`, 11, 'OrdType must be 1, 2, 3 or 4'],
    ['a TimeInForce it does not do', market('A', 1, '1', '|59=7'), 11, 'TimeInForce must be 0, 1, 3, 4 or 6'],
    ['a fraction of a share', market('A', 1, '1.5'), 13, 'OrderQty of INTC is a multiple of 1 up to 1000000'],
    ['no quantity', `35=D|11=A|55=INTC|54=1|40=1|${TIME}`, 13, 'OrderQty of INTC is a multiple of 1 up to 1000000'],
    ['too much', market('A', 1, '1000001'), 13, 'OrderQty of INTC is a multiple of 1 up to 1000000'],
    ['nothing', market('A', 1, '0'), 13, 'OrderQty of INTC is a multiple of 1 up to 1000000'],
    ['no price', `35=D|11=A|55=INTC|54=1|38=1|40=2|${TIME}`, 99, 'Price (44) is required'],
    ['a price off its ticks', limit('A', 1, '1', '35.005'), 99, 'Price (44) must be a multiple of 0.01'],
    ['a price far away', limit('A', 1, '1', '350.01'), 99, 'Price (44) must be above 0 and at most 350'],
    ['a negative price', limit('A', 1, '1', '-1'), 99, 'Price (44) must be above 0 and at most 350'],
    ['no stop price', `35=D|11=A|55=INTC|54=1|38=1|40=3|${TIME}`, 99, 'StopPx (99) is required'],
    [
      'GTD without a time',
      limit('A', 1, '1', '35', '|59=6'),
      99,
      'ExpireTime or ExpireDate in the future is required with TimeInForce 6',
    ],
    ['MinQty', limit('A', 1, '1', '35', '|110=1'), 11, 'MinQty and MaxFloor are not supported'],
    ['all or none', limit('A', 1, '1', '35', '|18=1 G'), 11, 'ExecInst 6 and G are not supported'],
    ['a long ClOrdID', market('A'.repeat(65), 1, '1'), 99, 'ClOrdID has 1 to 64 characters'],
  ])('%s', (_, order, reason, text) => {
    const { one } = exchange();
    const [reply, ...more] = one.ask(order, [150, 39, 103, 151, 14, 6, 58]);
    expect(reply).toBe(`35=8|150=8|39=8|103=${reason}|151=0|14=0|6=0|58=${text}`);
    expect(more).toEqual([]);
  });

  test('a refusal repeats what was sent, byte for byte', () => {
    const { one } = exchange();
    const [reply] = one.ask(`35=D|11=A|1=ACC|55=NOPE|54=1|38=0010.0|40=2|44=1.50|59=1|${TIME}`);
    expect(reply).toContain('|1=ACC|55=NOPE|54=1|38=0010.0|40=2|44=1.50|59=1|');
  });

  test('a ClOrdID is taken once in a session, in others again', () => {
    const { one, two } = exchange();
    one.ask(market('A', 1, '1'));
    expect(one.ask(market('A', 1, '1'), [11, 39, 103])).toEqual(['35=8|11=A|39=8|103=6']);
    expect(two.ask(market('A', 1, '1'), [39])).toEqual(['35=8|39=0', '35=8|39=2']);
  });

  test('the oldest ids are forgotten, but none that an open order goes by', () => {
    const { one, sink } = exchange();
    sink.listening = false;
    one.say(limit('OPEN', 1, '1', '1.00'));
    for (let n = 0; n <= KNOWN_IDS_PER_SESSION; n++) one.say(limit(`${n}`, 1, '1', '1.00', '|59=3'));
    sink.listening = true;
    const taken = (id: string) => one.ask(limit(id, 1, '1', '1.00', '|59=3'), [39])[0] === '35=8|39=0';
    expect([taken(`${KNOWN_IDS_PER_SESSION - 1}`), taken('100'), taken('OPEN'), taken('0')]).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  test('an order that takes the place of a forgotten one has nothing of it', () => {
    const { one, two, sink } = exchange();
    sink.listening = false;
    for (let n = 0; n < KNOWN_IDS_PER_SESSION + 3; n++) one.say(limit(`${n}`, 1, '1', '1.00', '|1=OLD|59=3'));
    sink.listening = true;
    const all = [1, 39, 59, 54, 38, 40, 44, 99, 151, 14, 6];
    const rests = '35=8|39=0|38=7|40=2|44=40.00|54=2|59=1|151=7|14=0|6=0';
    const told = one.ask(limit('NEW', 2, '7', '40.00', '|59=1'), all);
    const status = (who: typeof one, id: string) => who.ask(`35=H|11=${id}|55=INTC|54=1`, all);
    expect(told.map(sorted)).toEqual([sorted(rests)]);
    expect(status(one, 'NEW').map(sorted)).toEqual([sorted(rests)]);
    const old = '35=8|1=OLD|39=4|38=1|40=2|44=1.00|54=1|59=3|151=0|14=0|6=0';
    for (const n of [4, 100, KNOWN_IDS_PER_SESSION + 2]) expect(status(one, `${n}`).map(sorted)).toEqual([sorted(old)]);
    expect(status(two, 'NEW').map(sorted)).toEqual([sorted('35=8|39=8|54=1|151=0|14=0|6=0')]);
  });

  test('PossResend of a known order is answered with its status', () => {
    const { one } = exchange();
    one.ask(limit('A', 1, '10', '34.00'));
    expect(one.ask(limit('A', 1, '10', '34.00'), [11, 150, 39], '97=Y|')).toEqual(['35=8|11=A|150=I|39=0']);
    expect(one.ask(limit('B', 1, '10', '34.00'), [11, 150, 39], '97=Y|')).toEqual(['35=8|11=B|150=0|39=0']);
  });
});

describe('cancel', () => {
  test('Canceled, with what was filled', () => {
    const { one, two } = exchange();
    one.ask(limit('A', 1, '100', '35.00'));
    two.ask(limit('S', 2, '40', '35.00'));
    expect(one.ask(cancel('C', 'A'), STATE)).toEqual(['35=8|11=C|41=A|150=4|39=4|38=100|151=0|14=40|6=35.00']);
    expect(two.ask(market('M', 2, '10'), [31])).toEqual(['35=8', '35=8|31=34.99']);
  });

  test('refused: unknown, too late, id used before', () => {
    const { one, two } = exchange();
    const fields = [37, 11, 41, 39, 434, 102];
    expect(one.ask(cancel('C', 'A'), fields)).toEqual(['35=9|37=NONE|11=C|41=A|39=8|434=1|102=1']);
    const [filled] = one.ask(market('A', 1, '1'), [37]);
    expect(one.ask(cancel('C', 'A'), fields)).toEqual([
      `${filled!.replace('35=8', '35=9')}|11=C|41=A|39=2|434=1|102=0`,
    ]);
    one.ask(limit('B', 1, '1', '34'));
    expect(one.ask(cancel('A', 'B'), [39, 434, 102])).toEqual(['35=9|39=0|434=1|102=6']);
    expect(two.ask(cancel('C', 'B'), [37, 39, 102])).toEqual(['35=9|37=NONE|39=8|102=1']);
    one.ask(cancel('D', 'B'));
    expect(one.ask(cancel('E', 'B'), [39, 434, 102])).toEqual(['35=9|39=4|434=1|102=0']);
  });

  test('by another session of the user: both hear of it', () => {
    const { one, join, sink } = exchange();
    const also = join(sessionOf('ALSO', 'FIX.4.4', '', 'ONE'));
    one.ask(limit('A', 1, '1', '34'));
    also.say(cancel('C', 'A'));
    expect(sink.take().map((heard) => `${heard.to} ${pick(heard, [11, 41, 39])}`)).toEqual([
      'ALSO 35=8|11=C|41=A|39=4',
      'ONE 35=8|11=A|39=4',
    ]);
  });

  test('mass cancel: all of the user, of one symbol, of one side', () => {
    const { one, join, sink } = exchange();
    const also = join(sessionOf('ALSO', 'FIX.4.4', '', 'ONE'));
    one.ask(limit('A', 1, '1', '34'));
    also.ask(limit('B', 2, '1', '36'));
    one.ask(`35=D|11=I|55=IBM|54=1|38=1|40=2|44=100|${TIME}`);
    expect(one.ask(`35=q|11=Q0|530=3|${TIME}`, [11, 530, 531, 532])).toEqual(['35=r|11=Q0|530=3|531=0|532=0']);
    expect(one.ask(`35=q|11=Q1|530=1|55=INTC|54=1|${TIME}`, [11, 531, 533, 39])).toEqual([
      '35=r|11=Q1|531=1|533=1',
      '35=8|11=A|39=4',
    ]);
    one.say(`35=q|11=Q2|530=7|${TIME}`);
    expect(sink.take().map((heard) => `${heard.to} ${pick(heard, [11, 533, 39])}`)).toEqual([
      'ONE 35=r|11=Q2|533=2',
      'ONE 35=8|11=I|39=4',
      'ALSO 35=8|11=B|39=4',
    ]);
  });
});

describe('replace', () => {
  test('less quantity keeps the place in the queue, more or another price loses it', () => {
    for (const [qty, price, first] of [
      ['60', '35.00', 'A2'],
      ['120', '35.00', 'B'],
    ] as const) {
      const { one, two, join } = exchange();
      one.ask(limit('A', 1, '100', '35.00'));
      two.ask(limit('B', 1, '100', '35.00'));
      const [reply] = one.ask(replace('A2', 'A', qty, price), STATE);
      expect(reply).toBe(`35=8|11=A2|41=A|150=5|39=0|38=${qty}|151=${qty}|14=0|6=0`);
      const three = join(sessionOf('THREE'));
      expect(three.ask(limit('S', 2, '10', '35.00'), [11, 32]).at(-1)).toBe(`35=8|11=${first}|32=10`);
    }
  });

  test('a better price trades at once; quantity is of the whole order', () => {
    const { one, two } = exchange();
    one.ask(limit('A', 1, '100', '35.00'));
    two.ask(limit('S', 2, '40', '35.00'));
    expect(one.ask(replace('A2', 'A', '70', '35.01'), STATE)).toEqual([
      '35=8|11=A2|41=A|150=5|39=1|38=70|151=30|14=40|6=35.00',
      '35=8|11=A2|150=F|39=2|38=70|32=30|31=35.01|151=0|14=70|6=35.004286',
    ]);
  });

  test('down to what is filled: the order is done; below it: refused', () => {
    const { one, two } = exchange();
    one.ask(limit('A', 1, '100', '35.00'));
    two.ask(limit('S', 2, '40', '35.00'));
    expect(one.ask(replace('A2', 'A', '39', '35.00'), [39, 434, 102, 58])).toEqual([
      '35=9|39=1|434=2|102=99|58=OrderQty is below CumQty',
    ]);
    expect(one.ask(replace('A3', 'A', '40', '35.00'), STATE)).toEqual([
      '35=8|11=A3|41=A|150=5|39=2|38=40|151=0|14=40|6=35.00',
    ]);
    expect(one.ask(cancel('C', 'A3'), [39, 102])).toEqual(['35=9|39=2|102=0']);
  });

  test('refused: unknown, other symbol, other side, other type, bad price, an id that was replaced', () => {
    const { one } = exchange();
    const said = [434, 102, 58];
    expect(one.ask(replace('X', 'A', '1', '35'), [37, 39, ...said])).toEqual([
      '35=9|37=NONE|39=8|434=2|102=1|58=Unknown order',
    ]);
    one.ask(limit('A', 1, '10', '34'));
    const good = replace('A2', 'A', '9', '34');
    const refused = (order: string) => one.ask(order, said)[0];
    expect(refused(good.replace('INTC', 'IBM'))).toMatch('434=2|102=99|58=Symbol cannot be replaced');
    expect(refused(good.replace('54=1', '54=2'))).toMatch('434=2|102=99|58=Side cannot be replaced');
    expect(refused(good.replace('40=2', '40=1'))).toMatch('434=2|102=99|58=OrdType cannot be replaced');
    expect(refused(good.replace('44=34', '44=34.001'))).toMatch('434=2|102=99|58=Price (44) must be a multiple');
    expect(one.ask(good, [39])).toEqual(['35=8|39=0']);
    expect(one.ask(cancel('C', 'A'), said)).toEqual([
      '35=9|434=1|102=1|58=Unknown order: OrigClOrdID has been replaced by A2',
    ]);
    expect(one.ask(cancel('C', 'A2'), [11, 41, 39])).toEqual(['35=8|11=C|41=A2|39=4']);
  });
});

test('status: of an open order, of a closed one, of none', () => {
  const { one } = exchange();
  const status = (id: string) => `35=H|11=${id}|55=INTC|54=1|790=R1`;
  one.ask(limit('A', 1, '10', '34'));
  one.ask(market('B', 1, '10'));
  expect(one.ask(status('A'), [11, 790, ...STATE])).toEqual(['35=8|11=A|790=R1|150=I|39=0|38=10|151=10|14=0|6=0']);
  expect(one.ask(status('B'), STATE)).toEqual(['35=8|11=B|150=I|39=2|38=10|151=0|14=10|6=35.01']);
  expect(one.ask(status('C'), [37, 11, 150, 39, 103])).toEqual(['35=8|37=NONE|11=C|150=I|39=8|103=5']);
});

test('a client that is away still gets its fills', () => {
  const { one, sink, venue } = exchange();
  one.ask(limit('A', 1, '10', '34'));
  sink.away.add('ONE');
  venue.sessionEnded(one.session, NOON);
  venue.moveMarket('INTC', 3300, NOON);
  expect(sink.take().map((heard) => `${heard.to} ${pick(heard, [11, 39])}`)).toEqual(['ONE 35=8|11=A|39=2']);
});

test('the same seed gives the same day, another one another', () => {
  const day = (seed: number) => {
    const sink = new TestSink();
    const venue = new Simulator({ sink, seed, now: NOON });
    const one = new Client(venue, sink, sessionOf('ONE'));
    one.say(limit('A', 1, '10', '34.98'));
    one.say(limit('B', 2, '10', '35.02'));
    for (let n = 1; n < 100; n++) venue.tick(NOON + n * 250);
    one.say(market('C', 1, '5000'));
    return sink.take().map((heard) => heard.text);
  };
  expect(day(1)).toEqual(day(1));
  expect(day(1)).not.toEqual(day(2));
});

test('what it does', () => {
  const { venue } = exchange();
  expect(['D', 'F', 'G', 'H', 'q', 'V', 'x'].every((type) => venue.supports(msgTypeCode(type)))).toBe(true);
  expect(['E', '8', 'd', 'AE', 'R', 'c'].some((type) => venue.supports(msgTypeCode(type)))).toBe(false);
});
