import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Encoder, HeaderTemplate } from '../../../../edge/fix/encoder.ts';
import { MsgType } from '../../../../edge/fix/tags.ts';
import type { TimestampDecimals } from '../../../../edge/fix/timestamp.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { BUY, INSTRUMENTS, SELL } from '../../../../edge/venue/simulator/instruments.ts';
import { NO_NAME } from '../../../../edge/venue/simulator/names.ts';
import { CANCELED, FILLED, IN_BOOK, partsOfId } from '../../../../edge/venue/simulator/order.ts';
import { ReportBody } from '../../../../edge/venue/simulator/report-body.ts';
import { V } from '../../../../edge/venue/versions.ts';
import { framed, shown } from '../../fix/wire.ts';
import { NOON, sessionOf } from '../harness.ts';
import { alikeOf } from './some-orders.ts';

const clients = new Clients();
const owner = clients.of(sessionOf('ONE'));
const few = <T>(...values: T[]) => fc.constantFrom(...values);
const name = fc.oneof(
  few('A1', 'A2', 'A10', 'A-LONGER-ONE', 'A-LONGER-TWO'),
  fc.string({ minLength: 1, maxLength: 64 }),
);
const serial = few(1, 2, 9, 10, 11, 99, 100, 99_999_999, 2 ** 31, 10 ** 14, 10 ** 14 + 1);

const report = fc.record({
  version: few(...Object.values(V)),
  decimals: few<TimestampDecimals>(0, 3, 6, 9),
  id: fc.oneof(
    few('RUN-', 'NUR-').chain((run) => serial.map((n) => `${run}${n}`)),
    few('odd', 'RUN-01'),
  ),
  name: name.map((text) => text.replace(/[^\x20-\x7b\x7d-\xff]/g, '?')),
  exec: serial,
  type: few(0x30, 0x46, 0x34, 0x35, 0x49),
  state: few(IN_BOOK, FILLED, CANCELED),
  other: few('', '', 'B1', 'B2', 'B-LONGER'),
  orig: few('', '', 'O1', 'O2', 'O-LONGER'),
  instrument: few(INSTRUMENTS[0]!, INSTRUMENTS[1]!),
  side_code: few(0x31, 0x32, 0x35),
  ord_type: few(0x31, 0x32, 0x33, 0x34),
  tif: few(0x30, 0x31, 0x36),
  account: few('', 'AC', 'ANOTHER'),
  price: few(100, 3500, 3501),
  stop_price: few(0, 99),
  qty: few(1, 100),
  cum: few(0, 1, 50),
  notional: few(0, 100, 175_000),
  quantity: few(0, 1),
  at: few(0, 3500, 3600),
  now: few(NOON, NOON + 1),
  text: few('', 'Not filled at once'),
  known: fc.boolean(),
});
type Report = typeof report extends fc.Arbitrary<infer T> ? T : never;

const encoder = new Encoder();
const header = new HeaderTemplate({ beginString: 'FIX.4.4', senderCompId: 'GW', targetCompId: 'C' });

function written(into: ReportBody, one: Report): string {
  const { instrument, side_code, ord_type, tif, account, price, stop_price, qty, cum } = one;
  const side = side_code === 0x31 ? BUY : SELL;
  const terms = {
    instrument,
    side,
    side_code,
    ord_type,
    tif,
    account,
    price,
    stop_price,
    qty,
    expires_at: NOON,
  } as const;
  const nameOf = (text: string): number => (text === '' ? NO_NAME : clients.names.ofText(text));
  const ids = { ...partsOfId(one.id), owner, name: nameOf(one.name) };
  const order = clients.orders.add(ids, terms, 1);
  const alike = one.known && ids.serial >= 0 ? alikeOf(ids.run, terms) : Number.NaN;
  Object.assign(order, { alike, state: one.state, cum, notional: one.notional, leaves: qty });
  const [other, orig] = [nameOf(one.other), nameOf(one.orig)];
  const what = { type: one.type, quantity: one.quantity, price: one.at, name: other, orig, text: one.text };
  const body = encoder.begin(header, MsgType.ExecutionReport, 1, one.now);
  encoder.decimals = one.decimals;
  into.write(body, one.version, order, what, { run: 'RUN.', serial: one.exec }, one.now, undefined);
  encoder.end();
  for (const used of [ids.name, other, orig]) clients.names.drop(used);
  clients.orders.free(order.row);
  const bytes = Buffer.from(encoder.take());
  encoder.recycle(bytes);
  const text = shown(bytes);
  expect(text).toBe(shown(framed(text.replace(/^8=[^|]*\|9=\d+\|(.*)10=\d+\|$/, '$1')))); // BodyLength and CheckSum
  return text;
}

test('a report that is written over one before is what it would be by itself', () => {
  const near = fc.tuple(
    report,
    fc.array(fc.record({ of: report, fields: fc.array(fc.nat(30), { maxLength: 3 }) }), { maxLength: 20 }),
  );
  fc.assert(
    fc.property(near, ([first, changes]) => {
      const one = new ReportBody();
      let last: Report = first;
      for (const { of, fields } of [{ of: first, fields: [] as number[] }, ...changes]) {
        // A few fields of the last one change.
        const changed = Object.entries(of).filter((_, i) => fields.includes(i));
        last = { ...last, ...Object.fromEntries(changed) };
        expect(written(one, last)).toBe(written(new ReportBody(), last));
      }
    }),
    { numRuns: 300 },
  );
});

test('a report that is as long as the one before, but for whose buffer there was no room, is the new one', () => {
  const base: Report = {
    ...{ version: V.FIX44, decimals: 3, id: 'RUN-1', name: 'A1', exec: 1, type: 0x30, state: IN_BOOK, other: '' },
    ...{ orig: '', instrument: INSTRUMENTS[0]!, side_code: 0x31, tif: 0x30, price: 3500, stop_price: 0, qty: 100 },
    ...{ cum: 0, notional: 0, quantity: 0, at: 0, now: NOON, text: '', ord_type: 0x32, account: '', known: false },
  };
  for (let length = 850; length < 1050; length++) {
    const one = new ReportBody();
    const priced = written(one, { ...base, account: 'x'.repeat(length) });
    const unpriced = { ...base, ord_type: 0x31, account: 'x'.repeat(length + '44=35.00|'.length) };
    expect(written(one, unpriced)).toBe(written(new ReportBody(), unpriced));
    expect(written(new ReportBody(), unpriced)).toHaveLength(priced.length);
  }
});
