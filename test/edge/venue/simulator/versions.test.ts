import { describe, expect, test } from '@jest/globals';
import { refusalId, refuseId } from '../../../../edge/cl-ord-ids.ts';
import type { FixSession } from '../../../../edge/fix/session/ports.ts';
import { Simulator } from '../../../../edge/venue/simulator/simulator.ts';
import { V, versionOf } from '../../../../edge/venue/versions.ts';
import { framed, viewOf } from '../../fix/wire.ts';
import { Client, NOON, sessionOf, TestSink, utc } from '../harness.ts';

const TIME = `60=${utc(NOON).slice(0, 17)}`;
const KIND = [11, 41, 20, 150, 39, 102, 103, 434, 32, 31, 151, 14, 6];

/** The same story in every version; the harness holds each message against the dictionary of its session. */
function story(beginString: string, applVerId = ''): string[] {
  const sink = new TestSink();
  const venue = new Simulator({ sink, seed: 1, now: NOON });
  const one = new Client(venue, sink, sessionOf('ONE', beginString, applVerId));
  const level = versionOf(beginString, applVerId);
  const handl = level < 44 ? '21=1|' : '';
  const time = level < 42 ? '58=none' : TIME;
  const cxl = level === 40 ? '125=F|' : '';
  const order = (id: string, more: string) => `35=D|11=${id}|${handl}55=INTC|54=1|38=100|${more}${time}`;
  return [
    ...one.ask(order('A', '40=2|44=35.00|'), KIND),
    ...one.ask(`35=D|11=S|${handl}55=INTC|54=2|38=40|40=2|44=35.00|${time}`, KIND),
    ...one.ask(`35=G|11=A2|41=A|${handl}55=INTC|54=1|38=90|40=2|44=34.00|${time}`, KIND),
    ...one.ask(`35=H|11=A2|55=INTC|54=1`, KIND),
    ...one.ask(`35=F|11=C|41=A2|${cxl}55=INTC|54=1|38=90|${time}`, KIND),
    ...one.ask(`35=F|11=C2|41=NONE|${cxl}55=INTC|54=1|38=90|${time}`, KIND),
    ...one.ask(`35=F|11=C|41=A2|${cxl}55=INTC|54=1|38=90|${time}`, KIND),
    ...one.ask(order('A', '40=1|'), KIND),
    ...one.ask(order('N', '40=1|').replace('INTC', 'NOPE'), KIND),
    ...one.ask(order('P', '40=2|44=1.001|'), KIND),
    ...one.ask('35=H|11=NOPE|55=INTC|54=1', KIND),
    ...one.ask(order('R', '40=2|44=34.00|'), KIND),
    ...one.ask(`35=G|11=R2|41=R|${handl}55=INTC|54=1|38=101|40=2|44=34.00|${time}`, KIND),
  ];
}

describe('reports say the same in the words of each version', () => {
  test('FIX.4.4', () => {
    expect(story('FIX.4.4')).toEqual([
      '35=8|11=A|150=0|39=0|151=100|14=0|6=0',
      '35=8|11=S|150=0|39=0|151=40|14=0|6=0',
      '35=8|11=S|150=F|39=2|32=40|31=35.00|151=0|14=40|6=35.00',
      '35=8|11=A|150=F|39=1|32=40|31=35.00|151=60|14=40|6=35.00',
      '35=8|11=A2|41=A|150=5|39=1|151=50|14=40|6=35.00',
      '35=8|11=A2|150=I|39=1|151=50|14=40|6=35.00',
      '35=8|11=C|41=A2|150=4|39=4|151=0|14=40|6=35.00',
      '35=9|11=C2|41=NONE|39=8|434=1|102=1',
      '35=9|11=C|41=A2|39=4|434=1|102=6',
      '35=8|11=A|150=8|39=8|103=6|151=0|14=0|6=0',
      '35=8|11=N|150=8|39=8|103=1|151=0|14=0|6=0',
      '35=8|11=P|150=8|39=8|103=99|151=0|14=0|6=0',
      '35=8|11=NOPE|150=I|39=8|103=5|151=0|14=0|6=0',
      '35=8|11=R|150=0|39=0|151=100|14=0|6=0',
      '35=8|11=R2|41=R|150=5|39=0|151=101|14=0|6=0',
    ]);
  });

  test('FIX.4.2: ExecTransType, ExecType 1 and 2, Replaced as a status', () => {
    expect(story('FIX.4.2')).toEqual([
      '35=8|11=A|20=0|150=0|39=0|151=100|14=0|6=0',
      '35=8|11=S|20=0|150=0|39=0|151=40|14=0|6=0',
      '35=8|11=S|20=0|150=2|39=2|32=40|31=35.00|151=0|14=40|6=35.00',
      '35=8|11=A|20=0|150=1|39=1|32=40|31=35.00|151=60|14=40|6=35.00',
      '35=8|11=A2|41=A|20=0|150=5|39=1|151=50|14=40|6=35.00',
      '35=8|11=A2|20=3|150=1|39=1|151=50|14=40|6=35.00',
      '35=8|11=C|41=A2|20=0|150=4|39=4|151=0|14=40|6=35.00',
      '35=9|11=C2|41=NONE|39=8|434=1|102=1',
      '35=9|11=C|41=A2|39=4|434=1|102=2',
      '35=8|11=A|20=0|150=8|39=8|103=6|151=0|14=0|6=0',
      '35=8|11=N|20=0|150=8|39=8|103=1|151=0|14=0|6=0',
      '35=8|11=P|20=0|150=8|39=8|103=0|151=0|14=0|6=0',
      '35=8|11=NOPE|20=3|150=8|39=8|103=5|151=0|14=0|6=0',
      '35=8|11=R|20=0|150=0|39=0|151=100|14=0|6=0',
      '35=8|11=R2|41=R|20=0|150=5|39=5|151=101|14=0|6=0',
    ]);
  });

  test('FIX.4.0: no ExecType and no LeavesQty, LastShares and LastPx in every report', () => {
    const said = story('FIX.4.0');
    expect(said.slice(0, 4)).toEqual([
      '35=8|11=A|20=0|39=0|32=0|31=0|14=0|6=0',
      '35=8|11=S|20=0|39=0|32=0|31=0|14=0|6=0',
      '35=8|11=S|20=0|39=2|32=40|31=35.00|14=40|6=35.00',
      '35=8|11=A|20=0|39=1|32=40|31=35.00|14=40|6=35.00',
    ]);
    expect(said.slice(7, 10)).toEqual([
      '35=9|11=C2|102=1',
      '35=9|11=C',
      '35=8|11=A|20=0|39=8|103=0|32=0|31=0|14=0|6=0',
    ]);
  });

  test.each([['FIX.4.1'], ['FIX.4.3'], ['FIXT.1.1', '7'], ['FIXT.1.1', '8'], ['FIXT.1.1', '9']])(
    '%s %s: every message is valid',
    (beginString, applVerId = '') => {
      const types = (lines: string[]) => lines.map((line) => line.slice(0, 4));
      expect(types(story(beginString, applVerId))).toEqual(types(story('FIX.4.4')));
    },
  );

  test('5.0SP2 names a bad price', () => {
    expect(story('FIXT.1.1', '9')).toContain('35=8|11=P|150=8|39=8|103=18|151=0|14=0|6=0');
  });
});

test.each([
  ['FIX.4.0', ''],
  ['FIX.4.1', ''],
  ['FIX.4.2', ''],
  ['FIX.4.3', ''],
  ['FIX.4.4', ''],
  ['FIXT.1.1', '7'],
  ['FIXT.1.1', '8'],
  ['FIXT.1.1', '9'],
])('a used ClOrdID is refused in the words of %s %s', (beginString, applVerId) => {
  const sink = new TestSink();
  const session = sessionOf('ONE', beginString, applVerId);
  const fix = {
    begin: (type: number) => sink.open(session, type),
    commit: () => sink.close(),
  } as unknown as FixSession;
  const version = versionOf(beginString, applVerId);
  const body = `55=INTC|54=1|38=100|60=${utc(NOON).slice(0, 17)}|`;
  for (const text of [`35=D|34=2|11=A|${body}`, `35=F|34=2|11=A|41=B|${body}`, `35=G|34=2|11=A|41=B|${body}`]) {
    const { message } = viewOf(framed(text, beginString));
    // The sink holds what it is given against the dictionary of the session.
    refuseId(fix, message, version, refusalId(version, 3, 2), 'duplicate', { epochMs: NOON, monoMs: 0 });
  }
  const [order, ...cancels] = sink.take().map(({ fields }) => fields);
  expect(order).toMatchObject({ 35: '8', 11: 'A', 37: 'NONE', 39: '8' });
  expect(order![103]).toBe(version >= V.FIX41 ? '6' : '0');
  expect(cancels.map((each) => [each[35], each[11], each[434], each[102]])).toEqual(
    ['1', '2'].map((to) => [
      '9',
      'A',
      version >= V.FIX42 ? to : undefined,
      version >= V.FIX43 ? '6' : version >= V.FIX42 ? '2' : undefined,
    ]),
  );
});
