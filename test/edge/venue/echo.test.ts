import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { msgTypeCode } from '../../../edge/fix/tags.ts';
import { SLACK, viewOf } from '../../../edge/fix/words.ts';
import { EchoVenue } from '../../../edge/venue/echo.ts';
import { SeenIds } from '../../../edge/venue/seen-ids.ts';
import { Client, sessionOf, TestSink } from './harness.ts';

const TIME = '60=20260102-12:00:00';

function client(): { venue: EchoVenue; sink: TestSink; one: Client } {
  const sink = new TestSink();
  const venue = new EchoVenue(sink);
  return { venue, sink, one: new Client(venue, sink, sessionOf('TW')) };
}

describe('echo', () => {
  test.each([
    ['sorted by tag', `35=D|40=1|55=MSFT|${TIME}|54=1|21=3|11=id`, `35=D|11=id|21=3|40=1|54=1|55=MSFT|${TIME}`],
    [
      'values byte for byte',
      `35=D|11= a |38=002000.00|40=1|54=1|55=INTC|${TIME}`,
      `35=D|11= a |38=002000.00|40=1|54=1|55=INTC|${TIME}`,
    ],
    [
      'a count of zero',
      '35=d|320=J|322=1|323=6|55=TBS|22=8|167=CS|336=ONE_MAIN|58=No Products|454=0',
      '35=d|22=8|55=TBS|58=No Products|167=CS|320=J|322=1|323=6|336=ONE_MAIN|454=0',
    ],
    [
      'groups whole and in their order, nested ones too',
      `35=D|453=2|448=Z|447=D|452=1|802=2|523=y|803=2|523=x|803=1|448=A|447=D|452=3|11=id|40=1|54=1|55=A|${TIME}|386=2|336=PRE|336=AFTER|58=t`,
      `35=D|11=id|40=1|54=1|55=A|58=t|${TIME}|386=2|336=PRE|336=AFTER|453=2|448=Z|447=D|452=1|802=2|523=y|803=2|523=x|803=1|448=A|447=D|452=3`,
    ],
    [
      'a length and its data together',
      `35=D|354=3|355=x|y|58=t|11=id|40=1|54=1|55=A|${TIME}`,
      `35=D|11=id|40=1|54=1|55=A|58=t|${TIME}|354=3|355=x|y`,
    ],
  ])('%s', (_, sent, expected) => {
    const { one } = client();
    expect(one.ask(sent)).toEqual([expected]);
  });

  test('the order of the fields makes no difference', () => {
    const fields = ['11=id', '21=3', '38=100', '40=1', '54=1', '55=MSFT', TIME, '110=5', '354=3|355=x|y'];
    const { one } = client();
    fc.assert(
      fc.property(fc.shuffledSubarray(fields, { minLength: fields.length }), (shuffled) => {
        expect(one.ask(`35=D|${shuffled.join('|')}`)).toEqual([`35=D|${fields.join('|')}`]);
      }),
    );
  });

  test('header fields stay behind, and the group of hops with them', () => {
    const { one } = client();
    const order = `35=D|11=id|40=1|54=1|55=A|${TIME}`;
    expect(one.ask(order, undefined, '115=X|50=S|627=1|628=HOP|630=7|')).toEqual([order]);
  });

  test('many fields are sorted too', () => {
    const { one } = client();
    const tags = Array.from({ length: 200 }, (_, n) => 5000 + ((n * 37) % 200));
    const fields = (list: number[]) => list.map((tag) => `${tag}=v${tag}`).join('|');
    const replies = one.ask(`35=D|${fields(tags)}|11=id|40=1|54=1|55=A|${TIME}`);
    expect(replies).toEqual([`35=D|11=id|40=1|54=1|55=A|${TIME}|${fields([...tags].sort((a, b) => a - b))}`]);
  });

  test('PossResend: an id that was seen since the Logon is dropped, another one comes back with 97=Y', () => {
    const { one, venue } = client();
    const order = (id: string) => `35=D|11=${id}|40=1|54=1|55=A|${TIME}`;
    expect(one.ask(order('a'))).toHaveLength(1);
    expect(one.ask(order('a'), undefined, '97=Y|')).toEqual([]);
    expect(one.ask(order('b'), undefined, '97=Y|')).toEqual([`35=D|97=Y|11=b|40=1|54=1|55=A|${TIME}`]);
    expect(one.ask(order('b'), undefined, '97=Y|')).toEqual([]);
    expect(one.ask(order('a'))).toHaveLength(1); // no PossResend: taken whatever its id
    venue.sessionEnded(one.session);
    venue.sessionStarted(one.session);
    expect(one.ask(order('a'), undefined, '97=Y|')).toHaveLength(1);
  });

  test('ids of one session say nothing about another', () => {
    const { one, venue, sink } = client();
    const other = new Client(venue, sink, sessionOf('OTHER'));
    const order = `35=D|11=a|40=1|54=1|55=A|${TIME}`;
    one.ask(order);
    expect(other.ask(order, undefined, '97=Y|')).toHaveLength(1);
  });

  test('only D and d', () => {
    const { venue } = client();
    const types = ['D', 'd', 'F', 'G', '8', 'V', 'AE'].filter((type) => venue.supports(msgTypeCode(type)));
    expect(types).toEqual(['D', 'd']);
    expect(venue.tick()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('seen ids', () => {
  const add = (seen: SeenIds, id: string) => {
    const bytes = Buffer.from(`..${id}${'.'.repeat(SLACK)}`, 'latin1');
    const known = seen.has(bytes, 2, bytes.length - SLACK);
    seen.note(viewOf(bytes), 2, bytes.length - SLACK);
    return known;
  };

  test('is a set while it is not full', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 6 }), { maxLength: 300 }), (ids) => {
        const seen = new SeenIds(1000, 100_000);
        const model = new Set<string>();
        for (const id of ids.map((one) => Buffer.from(one).toString('latin1'))) {
          expect(add(seen, id)).toBe(model.has(id));
          model.add(id);
        }
      }),
    );
  });

  test('remembers at least half of its size, and forgets in the end', () => {
    const seen = new SeenIds(100, 100_000);
    for (let n = 0; n < 10_000; n++) {
      expect(add(seen, `id${n}`)).toBe(false);
    }
    expect(add(seen, 'id0')).toBe(false);
    for (let n = 9_955; n < 10_000; n++) expect(add(seen, `id${n}`)).toBe(true);
  });

  test('finds what is noted after it was asked, and what is noted often once', () => {
    const seen = new SeenIds(1000, 100_000);
    const id = Buffer.from('id');
    for (let n = 0; n < 400; n++) {
      add(seen, 'id');
      add(seen, `other${n}`);
      if (n % 97 === 0) expect(seen.has(id, 0, 2)).toBe(true);
    }
    expect(seen.has(id, 0, 1)).toBe(false);
    expect(seen.has(Buffer.from('other399'), 0, 8)).toBe(true);
  });

  test('is bounded in bytes; what is longer than the bound is not kept', () => {
    const seen = new SeenIds(1000, 2000);
    for (let n = 0; n < 100; n++) add(seen, `${n}`.padStart(100, '-'));
    expect(add(seen, '99'.padStart(100, '-'))).toBe(true);
    expect(add(seen, '0'.padStart(100, '-'))).toBe(false);
    add(seen, 'x'.repeat(5000));
    expect(add(seen, 'x'.repeat(5000))).toBe(false);
  });
});
