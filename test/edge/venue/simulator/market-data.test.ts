import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MARKET_DATA_MS, SUBSCRIPTIONS_PER_SESSION } from '../../../../edge/venue/limits.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { Simulator } from '../../../../edge/venue/simulator/simulator.ts';
import { viewOf } from '../../fix/wire.ts';
import { Client, type Heard, NOON, pick, sessionOf, TestSink, utc } from '../harness.ts';

const TIME = `60=${utc(NOON)}`;

function exchange(seed = 3) {
  const sink = new TestSink();
  const venue = new Simulator({ sink, seed, now: NOON });
  const one = new Client(venue, sink, sessionOf('ONE'));
  let now = NOON;
  /** Time passes: a step of the market and a round of market data. */
  const round = () => {
    now += MARKET_DATA_MS;
    sink.now = now;
    venue.tick(now);
    return sink.take();
  };
  return { sink, venue, one, round };
}

const request = (id: string, type: number, more = '', symbols = ['INTC'], entries = [0, 1]) =>
  `35=V|262=${id}|263=${type}|264=2|${more}267=${entries.length}|${entries.map((e) => `269=${e}|`).join('')}` +
  `146=${symbols.length}|${symbols.map((symbol) => `55=${symbol}`).join('|')}`;

const group = (text: string) => text.replace(/271=\d+/g, '271=…');

describe('market data', () => {
  test('a snapshot: best prices first, down to the depth asked for', () => {
    const { one, round } = exchange();
    expect(one.ask(request('R', 0)).map(group)).toEqual([
      '35=W|262=R|55=INTC|268=4|269=0|270=34.99|271=…|269=0|270=34.98|271=…|269=1|270=35.01|271=…|269=1|270=35.02|271=…',
    ]);
    expect(round()).toEqual([]);
  });

  test('the last trade', () => {
    const { one } = exchange();
    expect(one.ask(request('R', 0, '', ['INTC'], [2]))).toEqual(['35=W|262=R|55=INTC|268=0']);
    one.ask(`35=D|11=A|55=INTC|54=1|38=10|40=1|${TIME}`);
    expect(one.ask(request('R', 0, '', ['INTC'], [2]))).toEqual(['35=W|262=R|55=INTC|268=1|269=2|270=35.01|271=10']);
  });

  test('a subscription: one snapshot a symbol, then updates in rounds, until it ends', () => {
    const { one, round, sink } = exchange();
    expect(one.ask(request('R', 1, '265=1|', ['INTC', 'IBM']), [262, 55])).toEqual([
      '35=W|262=R|55=INTC',
      '35=W|262=R|55=IBM',
    ]);
    expect(sink.take()).toEqual([]);
    const updates = round();
    expect(updates.map((heard) => heard.text.slice(0, 9))).toEqual(['35=X|262=', '35=X|262=']);
    expect(updates[0]!.text).toMatch(
      /^35=X\|262=R\|268=\d+\|279=[012]\|269=[01]\|278=[BO]\d+\|55=INTC\|270=[\d.]+\|271=\d+/,
    );
    expect(one.ask('35=V|262=R|263=2|264=0|267=1|269=0|146=1|55=INTC')).toEqual([]);
    expect(round()).toEqual([]);
  });

  test('full refresh is a snapshot each time', () => {
    const { one, round } = exchange();
    one.ask(request('R', 1, '265=0|'));
    expect(round().map((heard) => pick(heard, [262, 55]))).toEqual(['35=W|262=R|55=INTC']);
  });

  test('dies with the connection, and waits for who does not read', () => {
    const { one, round, sink, venue } = exchange();
    one.ask(request('R', 1, '265=1|'));
    sink.away.add('ONE');
    expect(round()).toEqual([]);
    sink.away.clear();
    expect(round()).toHaveLength(1);
    venue.sessionEnded(one.session, sink.now);
    venue.sessionStarted(one.session, sink.now);
    expect(round()).toEqual([]);
    expect(one.ask(request('R', 1), [281])).toEqual(['35=W']);
  });

  test.each([
    ['unknown symbol', request('R', 1, '', ['INTC', 'NOPE']), '35=Y|262=R|281=0|58=Unknown symbol NOPE'],
    ['entry type', request('R', 1, '', ['INTC'], [0, 4]), '35=Y|262=R|281=8|58=MDEntryType must be 0, 1 or 2'],
    ['unknown id', request('R', 2), '35=Y|262=R|58=Unknown MDReqID'],
    [
      'a negative depth',
      request('R', 0).replace('264=2', '264=-1'),
      '35=Y|262=R|281=5|58=MarketDepth must be 0 or more',
    ],
  ])('rejects %s', (_, message, expected) => {
    const { one } = exchange();
    expect(one.ask(message)).toEqual([expected]);
  });

  test('rejects an id in use and one subscription too many', () => {
    const { one } = exchange();
    one.ask(request('0', 1));
    expect(one.ask(request('0', 1), [281])).toEqual(['35=Y|281=1']);
    for (let n = 1; n < SUBSCRIPTIONS_PER_SESSION; n++) expect(one.ask(request(`${n}`, 1), [281])).toEqual(['35=W']);
    expect(one.ask(request('X', 1), [281])).toEqual(['35=Y|281=2']);
    expect(one.ask(request('X', 0), [281])).toEqual(['35=W']);
  });

  test('who applies all updates sees what a new snapshot says', () => {
    const orders = fc.array(
      fc.record({
        side: fc.constantFrom(1, 2),
        price: fc.integer({ min: 3490, max: 3510 }),
        qty: fc.integer({ min: 1, max: 2000 }),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(orders, { maxLength: 6 }),
        fc.integer({ min: 0, max: 30 }),
        (seed, rounds, depth) => {
          const { one, round } = exchange(seed);
          const sub = request('S', 1, '265=1|').replace('264=2', `264=${depth}`);
          const book = new Map<string, string>();
          one.say(sub);
          let n = 0;
          const hear = (list: Heard[]) => {
            for (const heard of list)
              if ('WX'.includes(heard.text[3]!) && heard.fields[262] === 'S') apply(book, heard);
          };
          hear(round());
          for (const list of rounds) {
            for (const { side, price, qty } of list) {
              one.say(`35=D|11=${++n}|55=INTC|54=${side}|38=${qty}|40=2|44=${price / 100}|${TIME}`);
            }
            hear(round());
          }
          const fresh = new Map<string, string>();
          const [now] = one.ask(sub.replace('262=S', '262=T').replace('263=1', '263=0'));
          for (const [key, size] of levels(now!)) fresh.set(key, size);
          expect([...book].sort()).toEqual([...fresh].sort());
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** `side price` → size of a snapshot. */
function levels(text: string): [string, string][] {
  return [...text.matchAll(/269=(\d)\|(?:278=\w+\|)?(?:55=\w+\|)?270=([\d.]+)\|271=(\d+)/g)].map((m) => [
    `${m[1]} ${m[2]}`,
    m[3]!,
  ]);
}

function apply(book: Map<string, string>, { text, bytes }: Heard): void {
  expect(viewOf(bytes).result).toBe(0);
  if (text.startsWith('35=W')) {
    for (const [key, size] of levels(text)) book.set(key, size);
    return;
  }
  for (const entry of text.split('|279=').slice(1)) {
    const [[key, size]] = levels(entry) as [[string, string]];
    const known = book.has(key);
    expect([entry[0], known]).toEqual([entry[0], entry[0] !== '0']);
    if (entry[0] === '2') book.delete(key);
    else book.set(key, size);
  }
}

describe('securities', () => {
  test('all of them', () => {
    const { one } = exchange();
    const [reply, ...more] = one.ask('35=x|320=R|559=4');
    expect(more).toEqual([]);
    expect(reply).toMatch(
      /^35=y\|320=R\|322=[^|]+\|560=0\|393=10\|146=10\|55=AAPL\|107=Apple Inc\.\|15=USD\|55=AMZN\|/,
    );
    expect(reply!.match(/\|55=/g)).toHaveLength(INSTRUMENTS.length);
  });

  test('one, none, and a kind of list it does not do', () => {
    const { one } = exchange();
    expect(one.ask('35=x|320=R|559=0|55=IBM', [560, 393, 55])).toEqual(['35=y|560=0|393=1|55=IBM']);
    expect(one.ask('35=x|320=R|559=0|55=NOPE', [560, 393])).toEqual(['35=y|560=2']);
    expect(one.ask('35=x|320=R|559=2|460=5', [560, 393])).toEqual(['35=y|560=1']);
  });
});

test.each([['FIX.4.2'], ['FIX.4.3'], ['FIXT.1.1', '7'], ['FIXT.1.1', '9']])(
  'valid in %s %s',
  (beginString, applVerId = '') => {
    const { venue, sink, round } = exchange();
    const two = new Client(venue, sink, sessionOf('TWO', beginString, applVerId));
    two.say(request('R', 1, '265=1|', ['INTC'], [0, 1, 2]));
    two.say(`35=D|11=A|${beginString < 'FIX.4.4' ? '21=1|' : ''}55=INTC|54=1|38=10|40=1|${TIME}`);
    const heard = sink.take();
    expect(heard.map(({ text }) => text[3]).join('')).toBe('W88');
    expect(round().map(({ text }) => text[3])).toEqual(['X']);
    if (beginString !== 'FIX.4.2') expect(two.ask('35=x|320=R|559=4', [560])).toEqual(['35=y|560=0']);
  },
);
