import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_VALIDATION,
  type DictionarySet,
  loadDictionaries,
  Reason,
  type ValidationOptions,
  Verdict,
  validate,
} from '../../../../edge/fix/dictionary/index.ts';
import { msgTypeCode } from '../../../../edge/fix/tags.ts';
import { framed, viewOf, wire } from '../wire.ts';

let dictionaries: DictionarySet;
beforeAll(async () => {
  dictionaries = await loadDictionaries();
});

const TIME = '20261121-09:00:00';
const HEADER = `34=2|49=TW44|52=${TIME}|56=ISLD|`;
const ORDER = `35=D|${HEADER}11=ID|21=1|40=1|54=1|38=002000.00|55=INTC|60=${TIME}|`;

/** What is wrong with a body from `35=` on: `reason/tag`, 'ok' when nothing is. */
function check(body: string, options: Partial<ValidationOptions> = {}, version = 'FIX.4.4', applVerId = ''): string {
  const dictionary = dictionaries.get(version, applVerId)!;
  const { message, result } = viewOf(framed(body, version));
  const verdict = new Verdict();
  const ok = validate(dictionary, message, { ...DEFAULT_VALIDATION, ...options }, verdict, result);
  expect(ok).toBe(verdict.ok);
  expect(verdict.text !== '').toBe(!ok);
  return ok ? 'ok' : `${verdict.reason}/${verdict.refTagId}`;
}

describe('good messages', () => {
  test.each([
    ['order', ORDER],
    ['header in another order', `35=D|49=TW44|34=3|56=ISLD|52=${TIME}|40=1|55=MSFT|60=${TIME}|54=1|21=3|11=id|`],
    ['trailer', `35=0|${HEADER}93=3|89=a|b|`],
    ['group', `${ORDER}386=2|336=PRE-OPEN|336=AFTER-HOURS|`],
    ['group with nested groups', `${ORDER}453=2|448=A|447=D|452=1|802=1|523=x|803=1|448=B|447=D|452=3|`],
    ['count of zero', `35=d|${HEADER}320=J|322=1|323=6|55=TBS|22=8|167=CS|336=ONE_MAIN|58=No Products|454=0|`],
    ['fraction of a second', ORDER.replaceAll(TIME, `${TIME}.123456789`)],
    ['several values in one', `${ORDER}18=1 2 A|`],
    ['header group', `35=0|${HEADER}627=1|628=HOP|630=7|`],
  ])('%s', (_, body) => expect(check(body)).toBe('ok'));

  test('a Logon takes its proof in every version', () => {
    const proof = '95=3|96=a|b|553=u|554=p|925=n|789=1|1137=9|141=Y|383=9999|384=1|372=D|385=R|';
    for (const version of ['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4', 'FIXT.1.1']) {
      expect([version, check(`35=A|${HEADER}98=0|108=30|${proof}`, {}, version)]).toEqual([version, 'ok']);
    }
    expect(check(`35=0|${HEADER}554=p|`)).toBe('2/554');
  });
});

describe('rejects by the session test cases', () => {
  test.each([
    ['14.a unknown tag', `35=0|${HEADER}999=HI|`, '0/999'],
    ['14.a tag 0', `35=0|${HEADER}0=HI|`, '0/0'],
    ['14.a negative tag', `35=0|${HEADER}-1=HI|`, '0/-1'],
    ['14.a user-defined tag', `35=0|${HEADER}5000=HI|`, '0/5000'],
    ['14.b header field missing', `35=0|34=2|49=TW44|52=${TIME}|`, '1/56'],
    ['14.b first missing in message order', `35=D|${HEADER}40=1|60=${TIME}|54=1|21=3|`, '1/11'],
    ['14.c tag of another message', `35=0|${HEADER}55=MSFT|`, '2/55'],
    ['14.d no value', `35=0|34=2|49=TW44|52=${TIME}|56=|`, '4/56'],
    ['14.e HandlInst', ORDER.replace('21=1', '21=4'), '5/21'],
    ['14.e SecurityType', `${ORDER}167=BOO|`, '5/167'],
    ['14.f leading plus', ORDER.replace('38=002000.00', '38=+200.00'), '6/38'],
    ['14.g all body tags first', `35=D|11=id|21=3|40=1|54=1|55=MSFT|60=${TIME}|${HEADER}`, '14/34'],
    ['14.g one body tag first', `35=D|55=MSFT|${HEADER}11=id|21=3|40=1|54=1|60=${TIME}|`, '14/34'],
    ['14.h repeated tag', ORDER.replace('40=1', '40=1|40=2'), '13/40'],
    ['14.i fewer entries than counted', `${ORDER}386=3|336=PRE-OPEN|336=AFTER-HOURS|`, '16/386'],
    ['2.q unknown MsgType', `35=*|${HEADER}`, '11/0'],
    ['empty routing field', `35=D|${HEADER}115=|11=ID|21=3|40=1|54=1|55=INTC|60=${TIME}|`, '4/115'],
    ['empty routing field before a bad value', ORDER.replace('11=ID', '145=|11=ID').replace('40=1', '40=w'), '4/145'],
  ])('%s', (_, body, expected) => expect(check(body)).toBe(expected));
});

describe('forms of values', () => {
  test.each([
    ['38=1e3', '6/38'],
    ['38=.', '6/38'],
    ['38=-', '6/38'],
    ['54=12', '6/54'],
    ['114=y', '6/114'],
    ['126=20261121', '6/126'],
    ['126=20261321-00:00:00', '6/126'],
    ['432=20260230', '6/432'],
    ['200=202613', '6/200'],
    ['90=-1', '14/90'],
    ['354=x|355=a', '6/354'],
    ['354=-1|355=a', '6/354'],
    ['354=9|355=a', '6/354'],
    ['18=1  2', '5/18'],
    ['18=1 ?', '5/18'],
    ['18=1 ', '5/18'],
    ['453=-1', '16/453'],
    ['453=1000000000', '16/453'],
    ['453=99999999999999999999', '6/453'],
    ['453=x', '6/453'],
  ])('%s', (field, expected) => {
    const tag = field.slice(0, field.indexOf('=') + 1);
    const without = ORDER.replace(new RegExp(`\\|${tag}[^|]*`), '');
    expect(check(`${without}${field}|`)).toBe(expected);
  });

  test('a char was a string before FIX.4.2', () => {
    const body = `35=D|${HEADER}11=ID|21=1|40=1|54=1|38=100|55=INTC|`;
    expect(check(body, {}, 'FIX.4.0')).toBe('ok');
    expect(check(`${body}58=many words|`, {}, 'FIX.4.0')).toBe('ok');
    expect(check(`${body.replace('54=1', '54=12')}60=${TIME}|`, {}, 'FIX.4.2')).toBe('6/54');
  });
});

describe('groups', () => {
  const parties = (text: string, options = {}) => check(`${ORDER}${text}`, options);

  test('begin every entry with their first field', () => {
    expect(parties('453=1|447=D|448=A|452=1|')).toBe('15/447');
    expect(parties('453=1|447=D|448=A|452=1|', { validate_unordered_group_fields: false })).toBe('15/447');
    expect(parties('453=0|447=D|')).toBe('2/447');
    expect(parties('453=1|')).toBe('16/453');
    expect(parties('453=1|448=A|448=B|')).toBe('16/453');
  });

  test('keep their order, unless the session does not mind', () => {
    expect(parties('453=1|448=A|452=1|447=D|')).toBe('15/447');
    expect(parties('453=1|448=A|452=1|447=D|', { validate_unordered_group_fields: false })).toBe('ok');
    expect(parties('453=1|448=A|447=D|447=D|', { validate_unordered_group_fields: false })).toBe('13/447');
  });

  test('count nested entries', () => {
    expect(parties('453=1|448=A|447=D|452=1|802=2|523=x|803=1|')).toBe('16/802');
    expect(parties('453=2|448=A|447=D|452=1|802=1|523=x|803=1|')).toBe('16/453');
  });

  test('check values inside', () => {
    expect(parties('453=1|448=A|447=D|452=x|')).toBe('6/452');
    expect(parties('453=1|448=|447=D|452=1|')).toBe('4/448');
  });

  test('have required fields of their own', () => {
    const list = `35=E|${HEADER}66=L|394=1|68=1|73=1|`;
    expect(check(`${list}11=a|67=1|55=X|54=1|38=1|`)).toBe('ok');
    expect(check(`${list}11=a|67=1|55=X|38=1|`)).toBe('1/54');
  });

  test('may not be used without their count', () => expect(check(`${ORDER}336=PRE-OPEN|523=x|`)).toBe('2/336'));
});

describe('settings', () => {
  test.each<[keyof ValidationOptions, string, string]>([
    ['validate_fields_out_of_order', `35=D|55=MSFT|${HEADER}11=id|21=3|40=1|54=1|60=${TIME}|`, '14/34'],
    ['validate_fields_have_values', `${ORDER}58=|`, '4/58'],
    ['validate_user_defined_fields', `${ORDER}5000=x|`, '0/5000'],
  ])('%s', (setting, body, expected) => {
    expect(check(body)).toBe(expected);
    expect(check(body, { [setting]: false })).toBe('ok');
  });

  test('allow_unknown_msg_fields lets through what a message does not have, not user-defined fields', () => {
    const options = { allow_unknown_msg_fields: true };
    expect(check(`35=0|${HEADER}55=MSFT|999=x|`, options)).toBe('ok');
    expect(check(`35=0|${HEADER}5000=x|`, options)).toBe('0/5000');
  });
});

describe('fields that nobody knows, in the middle of an entry', () => {
  const entry = (tag: string) => `${ORDER}453=2|448=A|${tag}=x|447=D|452=1|${tag}=y|448=B|447=D|452=1|`;

  test.each<[string, Partial<ValidationOptions>]>([
    ['5001', { validate_user_defined_fields: false }],
    ['4999', { allow_unknown_msg_fields: true }],
  ])('%s end it by no means when they are let through', (tag, options) => {
    expect(check(entry(tag))).toBe('16/453');
    expect(check(entry(tag).replace('453=2', '453=1'))).toBe(`0/${tag}`);
    expect(check(entry(tag), options)).toBe('ok');
    expect(check(entry(tag).replace('453=2', '453=3'), options)).toBe('16/453');
    expect(check(`${ORDER}453=1|${tag}=x|448=A|447=D|452=1|`, options)).toBe('16/453');
    expect(check(`${ORDER}453=1|448=A|${tag}=|447=D|452=1|`, options)).toBe(`4/${tag}`);
    const nested = `${ORDER}453=1|448=A|447=D|452=1|802=1|523=x|${tag}=x|803=1|58=text|`;
    expect(check(nested, options)).toBe('ok');
  });
});

describe('precedence', () => {
  test('a missing field goes before a bad one, a field out of its section before both', () => {
    expect(check(`35=D|${HEADER}21=9|40=1|54=1|60=${TIME}|`)).toBe('1/11');
    expect(check(`35=D|${HEADER}21=9|34=2|`)).toBe('14/34');
    expect(check(`35=0|-1=x|${HEADER}`)).toBe('14/34');
  });

  test('too many fields name no tag', () => {
    const verdict = new Verdict();
    const { message, result } = viewOf(framed(`35=0|${HEADER}${'58=x|'.repeat(3000)}`));
    expect(validate(dictionaries.get('FIX.4.4')!, message, DEFAULT_VALIDATION, verdict, result)).toBe(false);
    expect([verdict.reason, verdict.namesTag]).toEqual([Reason.Other, false]);
  });
});

describe('versions', () => {
  test.each(['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4', 'FIXT.1.1'])(
    '%s has its session messages',
    (version) => {
      const dictionary = dictionaries.get(version)!;
      for (const type of ['0', '1', '2', '3', '4', '5', 'A']) expect(dictionary.knows(msgTypeCode(type))).toBe(true);
      expect(check(`35=1|${HEADER}112=T|`, {}, version)).toBe('ok');
      expect(check(`35=1|${HEADER}`, {}, version)).toBe('1/112');
    },
  );

  test('FIXT.1.1 carries the messages of the version named', () => {
    const order = `35=D|${HEADER}1128=9|11=ID|40=1|54=1|38=100|55=INTC|60=${TIME}|`;
    for (const id of ['7', '8', '9'])
      expect([id, check(order.replace('1128=9', `1128=${id}`), {}, 'FIXT.1.1', id)]).toEqual([id, 'ok']);
    expect(check(order, {}, 'FIXT.1.1')).toBe('11/0');
    // LegUnitOfMeasure is a field of the application's version, not of the session layer.
    for (const id of ['7', '8', '9']) expect(check(`35=0|${HEADER}999=HI|`, {}, 'FIXT.1.1', id)).toBe('0/999');
    expect(check(`35=0|${HEADER}372=D|`, {}, 'FIXT.1.1', '9')).toBe('2/372');
    expect(check(order.replace('55=INTC', '55=INTC|999=1'), {}, 'FIXT.1.1', '9')).toBe('2/999');
    expect(check(`35=A|${HEADER}98=0|108=30|`, {}, 'FIXT.1.1', '9')).toBe('1/1137');
    expect(dictionaries.get('FIXT.1.1', '1')).toBeUndefined();
    expect(dictionaries.get('FIX.5.0SP2')).toBeUndefined();
    expect(dictionaries.get('FIX.9.9')).toBeUndefined();
  });

  test('every message of every version compiles, and its own fields are known', () => {
    for (const [version, id] of [['FIX.4.0'], ['FIX.4.4'], ['FIXT.1.1', '7'], ['FIXT.1.1', '8'], ['FIXT.1.1', '9']]) {
      const dictionary = dictionaries.get(version!, id)!;
      for (const type of dictionary.messageTypes()) {
        expect(dictionary.messageName(type)).not.toBe('');
        for (const tag of dictionary.memberTags(type)) expect(dictionary.knowsTag(tag)).toBe(true);
      }
    }
  });
});

test('random fields never throw, always end, and leave nothing behind', () => {
  const tag = fc.oneof(
    fc.constantFrom(453, 448, 447, 452, 802, 523, 386, 336, 38, 354, 355, 34, 10, 9, 58),
    fc.nat(6000),
  );
  const value = fc.oneof(
    fc.constantFrom('1', '2', '', 'A', '-1', 'x y', '99999999999999999999'),
    fc.string({ maxLength: 6 }),
  );
  const fields = fc.array(fc.tuple(tag, value), { maxLength: 40 });
  fc.assert(
    fc.property(fields, fc.constantFrom('D', '8', 'A', 'E', '0', 'AE'), (list, type) => {
      const verdict = new Verdict();
      const bytes = wire(`8=FIX.4.4|9=1|35=${type}|${list.map(([t, v]) => `${t}=${v}|`).join('')}`);
      const { message, result } = viewOf(bytes);
      validate(dictionaries.get('FIX.4.4')!, message, DEFAULT_VALIDATION, verdict, result);
      expect(check(ORDER)).toBe('ok');
    }),
    { numRuns: 1000 },
  );
});
