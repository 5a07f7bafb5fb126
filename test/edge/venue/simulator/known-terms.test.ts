// What has been read of a message is not read again of one like it: terms and refusals are what they would be without that.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_VALIDATION,
  loadDictionaries,
  Patterns,
  Verdict,
  validate,
} from '../../../../edge/fix/dictionary/index.ts';
import { FRAME_OK, Frame } from '../../../../edge/fix/framer.ts';
import { nextMessage } from '../../../../edge/fix/incoming.ts';
import { Message } from '../../../../edge/fix/message.ts';
import type { Client } from '../../../../edge/venue/simulator/client-order.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { OrderFields } from '../../../../edge/venue/simulator/fields.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { KnownTerms } from '../../../../edge/venue/simulator/known-terms.ts';
import { Markets } from '../../../../edge/venue/simulator/markets.ts';
import { NO_TERMS, type ReadTerms } from '../../../../edge/venue/simulator/order.ts';
import { Orders } from '../../../../edge/venue/simulator/orders.ts';
import { type Asked, readTerms } from '../../../../edge/venue/simulator/read.ts';
import { framed, viewOf } from '../../fix/wire.ts';
import { sessionOf, utc } from '../harness.ts';

const FIX44 = (await loadDictionaries(['FIX.4.4'])).get('FIX.4.4')!;
const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** Where time begins: a second before midnight UTC. */
const LATE = Date.UTC(2026, 0, 2, 23, 59, 59);
const SESSIONS = ['ONE', 'TWO', 'THREE'];
const LISTENER = { traded: () => {} };

/** A venue as far as orders are read. The second one's instruments are others of the same names. */
const venueOf = (tick: number) => ({
  clients: new Clients(),
  markets: new Markets(
    INSTRUMENTS.map((instrument) => ({ ...instrument, tick: instrument.tick * tick })),
    1,
    new Orders(),
    LISTENER,
  ),
});

type Values = Readonly<Record<number, string>>;
interface Order {
  readonly type: string;
  /** In this order. */
  readonly tags: readonly number[];
  readonly values: Values;
}

const bytesOf = ({ type, tags, values }: Order, session: string, number: number, time: string): Buffer =>
  framed(
    `35=${type}|34=${number}|49=${session}|52=${time}|56=FIX|${tags.map((tag) => `${tag}=${values[tag]}|`).join('')}`,
  );

/** Sessions whose messages are read by one view, each by its own patterns, as an edge does; and each message anew as well. */
class BothWays {
  now = LATE;
  /** Messages that were not read anew. */
  known = 0;
  /** Messages that were not refused. */
  taken = 0;
  /** Those that were known to ask for what one before asked for. */
  alike = 0;
  #number = 1;
  readonly #message = new Message();
  readonly #frame = new Frame();
  readonly #fields = new OrderFields();
  readonly #asked: Asked = { terms: { ...NO_TERMS, alike: Number.NaN } };
  /** What orders of the same number ask for, and whose they are. */
  readonly #alike = new Map<number, { readonly client: Client; readonly terms: ReadTerms }>();
  readonly #venues = [venueOf(1), venueOf(5)];
  readonly #patterns = SESSIONS.map(() => new Patterns());

  /** @param venue that it goes to: an edge has one, but not for ever */
  read(order: Order, session = 0, venue = 0): void {
    const bytes = bytesOf(order, SESSIONS[session]!, ++this.#number, utc(this.now));
    const message = this.#arrive(bytes, this.#patterns[session]!);
    const { clients, markets } = this.#venues[venue]!;
    const client = clients.of(sessionOf(SESSIONS[session]!));
    const { like } = message;
    if (like?.kept instanceof KnownTerms && like.kept.holdsFor(message, like, client, this.now)) this.known += 1;

    const asked = this.#asked;
    const found = readTerms(message, this.#fields.read(message), client, markets, this.now, asked);
    const terms = { ...asked.terms };
    const { message: plain } = viewOf(bytes);
    const other = { ...client, account: '' };
    const refusal = readTerms(plain, new OrderFields().read(plain), other, markets, this.now, asked);
    expect(found).toEqual(refusal);
    if (refusal === undefined) {
      this.taken += 1;
      expect(terms.instrument).toBe(asked.terms.instrument);
      expect(terms).toEqual({ ...asked.terms, alike: terms.alike });
      this.#checkAlike(client, terms);
    }
  }

  #checkAlike(client: Client, terms: ReadTerms): void {
    if (Number.isNaN(terms.alike)) return;
    const before = this.#alike.get(terms.alike);
    this.#alike.set(terms.alike, { client, terms });
    if (before === undefined) return;
    this.alike += 1;
    expect(client).toBe(before.client);
    expect(terms).toEqual(before.terms);
  }

  #arrive(bytes: Buffer, patterns: Patterns): Message {
    const [message, frame] = [this.#message, this.#frame];
    const stream = { buf: bytes, start: 0, end: bytes.length };
    expect(nextMessage(stream, 65_536, frame, true, message, patterns)).toBe(FRAME_OK);
    if (message.like === undefined && validate(FIX44, message, DEFAULT_VALIDATION, new Verdict(), frame.tokens))
      patterns.learn(message, FIX44);
    return message;
  }
}

const TIME = utc(LATE).slice(0, 17);
/** Of these none matters to terms: what comes behind them are fields beyond the 31st. */
const FILL: Values = {
  ...{
    15: 'USD',
    63: '0',
    64: '20260105',
    81: '0',
    70: 'A',
    114: 'N',
    120: 'USD',
    121: 'N',
    203: '0',
    210: '1',
    211: '1',
  },
  ...{ 376: 'C', 377: 'N', 423: '1', 481: '1', 494: 'D', 528: 'A', 581: '1', 582: '1', 583: 'L', 589: '0', 635: '1' },
};
const USUAL: Values = {
  ...{ ...FILL, 1: 'DESK', 11: 'A', 18: '1', 21: '1', 38: '100', 40: '2', 41: 'A', 44: '25.50', 54: '1', 55: 'INTC' },
  ...{ 58: 'text', 59: '0', 60: TIME, 99: '26.00', 110: '1', 126: utc(LATE + HOUR), 432: '20260103' },
};
const SHORT = [11, 41, 1, 21, 38, 40, 44, 54, 55, 59, 60, 99, 126, 432, 18, 110, 58];
const LONG = [11, 41, 40, 54, ...Object.keys(FILL).map(Number), 1, 21, 60, 38, 44, 55, 59, 99, 126, 432, 18, 110, 58];
const OPTIONAL = [1, 18, 44, 58, 59, 99, 110, 126, 432];

/** @param without of the fields that may be left out */
const tagsOf = (type: string, long: boolean, without: readonly number[]): readonly number[] =>
  (long ? LONG : SHORT).filter((tag) => !without.includes(tag) && (tag !== 41 || type === 'G'));

/** By tag, what is mostly taken; and what is mostly refused. */
const FINE: Readonly<Record<number, readonly string[]>> = {
  1: ['DESK', 'FUND-7'],
  11: ['A', 'B', 'CC'],
  38: ['100', '200', '7', '1000000'],
  40: ['2', '1', '3', '4'],
  44: ['25.50', '9.50', '25.5', '100.00'],
  54: ['1', '2', '5'],
  55: ['INTC', 'MSFT'],
  58: ['text', 'longer text'],
  59: ['0', '1', '6', '3'],
  60: [TIME, `${TIME}.123`],
  99: ['26.00', '27.50'],
  126: [LATE + HOUR, LATE + 30 * HOUR].map(utc),
  432: ['20260103', '20260104'],
};
const WRONG: Readonly<Record<number, readonly string[]>> = {
  1: ['Y'.repeat(65)],
  11: ['X'.repeat(65)],
  18: ['6', '1 G'],
  38: ['0', '1000001', '0.5'],
  40: ['P'],
  44: ['25.501', '0', '99999.00', '25.52'],
  54: ['7'],
  55: ['BTCUSD', 'NOPE'],
  59: ['2'],
  99: ['26.001', '0'],
  126: [LATE, LATE + SECOND].map(utc),
  432: ['20260101', '20260102'],
};
const seldom = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>, weight = 8): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: other });
const valuesOf = (all: typeof FINE, tags: readonly number[]): fc.Arbitrary<Values> =>
  fc.tuple(...tags.map((tag) => fc.constantFrom(...all[tag]!))).map((values) => {
    return Object.fromEntries(tags.map((tag, i) => [tag, values[i]!]));
  });
const someOf = (all: typeof FINE): fc.Arbitrary<Values> =>
  fc.subarray(Object.keys(all).map(Number), { minLength: 1, maxLength: 2 }).chain((tags) => valuesOf(all, tags));

const without = seldom(
  fc.subarray(OPTIONAL).map((tags) => [...tags, 110]),
  fc.constant<number[]>([]),
);
const usual = valuesOf(FINE, [1, 40, 54, 55, 59, 126, 432]);
/** Of the same type, as a client's are: where two differ is in which fields they have, and what they have usually. */
const kinds = fc
  .tuple(fc.constantFrom('D', 'G'), fc.boolean(), fc.array(fc.tuple(without, usual), { minLength: 3, maxLength: 3 }))
  .map(([type, long, all]) => [
    ...all.map(([left, values]) => ({ type, tags: tagsOf(type, long, left), values })),
    // The other type, which differs from the first one in that alone.
    { type: type === 'D' ? 'G' : 'D', tags: tagsOf(type === 'D' ? 'G' : 'D', long, all[0]![0]), values: all[0]![1] },
  ]);
const step = fc.record({
  kind: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) }),
  session: seldom(fc.constant(0), fc.nat(2)),
  venue: seldom(fc.constant(0), fc.constant(1)),
  values: fc.oneof(
    { weight: 4, arbitrary: valuesOf(FINE, [11]) },
    { weight: 4, arbitrary: valuesOf(FINE, [11, 38, 44]) },
    { weight: 2, arbitrary: someOf(FINE) },
    { weight: 1, arbitrary: someOf(WRONG) },
  ),
  later: seldom(fc.constantFrom(0, 1), fc.constantFrom(SECOND, HOUR, 23 * HOUR, -SECOND, -24 * HOUR), 16),
});

test('a message that differs from one before in a single field, whichever it is', () => {
  const stop = { 40: '4', 59: '6' };
  const bases = [{}, { 40: '1' }, { 40: '3' }, stop].flatMap((values) => [
    { tags: tagsOf('D', false, [110]), values },
    { tags: tagsOf('D', true, [110]), values },
    { tags: tagsOf('D', false, [110, 126]), values },
  ]);
  for (const { tags, values } of bases) {
    const both = new BothWays();
    const say = (other: Values = {}): void => both.read({ type: 'D', tags, values: { ...USUAL, ...values, ...other } });
    for (const [all, tag] of [FINE, WRONG].flatMap((all) => Object.keys(all).map((tag) => [all, Number(tag)] as const)))
      for (const value of all[tag]!) for (const other of [{}, {}, { [tag]: value }, {}]) say(other);
    expect(both.known).toBeGreaterThan(100);
  }
});

test('a message that is like the last one up to where another is', () => {
  const both = new BothWays();
  const say = (without: readonly number[], values: Values): void =>
    both.read({ type: 'D', tags: tagsOf('D', false, [110, ...without]), values: { ...USUAL, ...values } });
  const tags = [1, 18, 38, 40, 44, 54, 55, 59, 99, 126];
  for (let n = 0; n < 3; n++) {
    for (const tag of tags) {
      for (const value of [...(FINE[tag] ?? []), ...(WRONG[tag] ?? [])]) {
        for (let k = 0; k < 3; k++) say([58], {});
        say([], { [tag]: value });
        // What the last one has there, and not what the one has that it is like.
        say([58], { [tag]: value });
      }
    }
  }
  expect(both.known).toBeGreaterThan(100);
});

test('terms and refusals are those of a message that is like none', () => {
  let [known, taken, alike] = [0, 0, 0];
  fc.assert(
    fc.property(kinds, fc.array(step, { minLength: 40, maxLength: 100 }), (orders, steps) => {
      const both = new BothWays();
      for (const { kind, session, venue, values, later } of steps) {
        const { type, tags, values: usual } = orders[kind]!;
        both.now += later;
        both.read({ type, tags, values: { ...USUAL, ...usual, ...values } }, session, venue);
      }
      known += both.known;
      taken += both.taken;
      alike += both.alike;
    }),
    { numRuns: 400 },
  );
  expect(known).toBeGreaterThan(1_500);
  expect(taken).toBeGreaterThan(5_000);
  expect(alike).toBeGreaterThan(300);
});
