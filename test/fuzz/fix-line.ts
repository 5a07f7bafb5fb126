/** Changes to a line of FIX: fields, tags and values rather than bytes. */

import { DATA_FIELDS } from '../../edge/fix/data-fields.ts';
import { byteSum } from '../../edge/fix/integers.ts';
import { changeBytes, NUMBERS } from './mutate.ts';
import type { Random } from './random.ts';

const TAGS: readonly string[] = [
  ...'1 6 7 8 9 10 11 14 16 17 34 35 36 38 39 40 43 44 45 49 50 52 54 55 56 57 58 60 78 79 80 89 90 91 93 95 96 97 98'.split(
    ' ',
  ),
  ...'108 112 115 116 122 123 128 129 141 142 144 145 146 148 150 151 167 268 269 270 369 371 372 373 380 383 384'.split(
    ' ',
  ),
  ...'385 447 448 452 453 539 553 554 789 802 925 1128 1137 4999 5000 5001 40000 65535 65536 999999999'.split(' '),
  ...['', '0', '-1', '007', '1000000000', '1'.repeat(1000), 'x'],
];

const VALUES: readonly string[] = [
  ...NUMBERS,
  ...'Y N A D 8 2 @ @+1 @+2 @-1 @+5000 # #-1 #+1 ~ ~-130000 ~+119000'.split(' '),
  '20260102-12:00:00',
  '20260102-12:00:00.123456789',
  '20260102-25:61:61',
  '20260230-00:00:00',
  'TW',
  'ISLD',
  'a b',
  '\0',
  '\xff\xfe',
  'x'.repeat(600),
];

const MSG_TYPES: readonly string[] = [
  ...'0 1 2 3 4 5 A D F G V W X 8 9 B j AE BE CG UU'.split(' '),
  '',
  '\x02',
  'ABCDE',
];

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function setValue(field: string, value: string): string {
  const equals = field.indexOf('=');
  return equals < 0 ? `${field}=${value}` : `${field.slice(0, equals)}=${value}`;
}

/** A line whose fields end in SOH, changed in one place. */
export function changeFix(line: Buffer, random: Random): Buffer {
  const fields = line.toString('latin1').split('\x01');
  const open = fields.at(-1) === '' ? fields.pop() : undefined;
  const at = random.below(fields.length);
  const field = fields[at] ?? '';
  switch (random.below(12)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.splice(random.below(fields.length + 1), 0, field);
      break;
    case 2:
      fields.splice(random.below(fields.length), 0, ...fields.splice(at, 1));
      break;
    case 3:
      fields[at] = `${random.pick(TAGS)}=${field.slice(field.indexOf('=') + 1)}`;
      break;
    case 4:
      fields.splice(at, 0, `${random.pick(TAGS)}=${random.pick(VALUES)}`);
      break;
    case 5: {
      const again = fields.slice(at, at + 1 + random.below(4));
      for (let times = random.below(30); times >= 0; times--) fields.splice(at, 0, ...again);
      break;
    }
    case 6: {
      const [length, data] = random.pick(DATA_FIELDS);
      const value = random.pick(['a\x01b', '\x01\x01', '', '\x0110=000\x018=FIX.4.4', 'x', '\0\xff']);
      const said = random.chance(3) ? random.pick(VALUES) : String(value.length);
      fields.splice(at, 0, `${length}=${said}`, `${data}=${value}`);
      break;
    }
    case 7:
      fields[at] = setValue(field, random.pick(MSG_TYPES));
      break;
    case 8:
      return changeBytes(line, random);
    default:
      fields[at] = setValue(field, random.pick(VALUES));
  }
  return latin1(fields.join('\x01') + (open === undefined ? '' : '\x01'));
}

/** The line with BodyLength and CheckSum made right, where it has the fields for it at their places. */
export function refit(line: Buffer): Buffer {
  const text = line.toString('latin1');
  const parts = /^(8=[^\x01]*\x01)(?:9=[^\x01]*\x01)?(.*?)(?:10=[^\x01]*\x01?)?$/s.exec(text);
  return parts === null ? line : framed(parts[1]!, parts[2]!);
}

/** `8=…SOH` and what lies between BodyLength and CheckSum, as a whole message. */
export function framed(begin: string, body: string): Buffer {
  const closed = body.endsWith('\x01') || body === '' ? body : `${body}\x01`;
  const head = latin1(`${begin}9=${closed.length}\x01${closed}`);
  return Buffer.concat([head, latin1(`10=${String(byteSum(head, 0, head.length) & 0xff).padStart(3, '0')}\x01`)]);
}

/** Most changed messages are to get past the framer. */
export function changeMessage(line: Buffer, random: Random): Buffer {
  const changed = changeFix(line, random);
  return random.chance(4) ? changed : refit(changed);
}

/** Messages that are right, from which others are made; `|` for SOH, without 9 and 10. */
const HEADER = '49=TW|34=2|52=20260102-12:00:00.000|56=ISLD|';
const MESSAGES: readonly (readonly [version: string, type: string, body: string])[] = [
  ['FIX.4.4', 'A', '98=0|108=30|95=4|96=a\x01b=|553=u|554=p|'],
  ['FIX.4.4', '0', ''],
  ['FIX.4.4', '1', '112=hello|'],
  ['FIX.4.4', '2', '7=1|16=0|'],
  ['FIX.4.4', '4', '123=Y|36=9|'],
  [
    'FIX.4.4',
    'D',
    '11=id|453=2|448=a|447=D|452=1|448=b|447=D|452=3|802=1|523=s|803=1|55=INTC|54=1|60=20260102-12:00:00|38=100|40=2|44=10.25|',
  ],
  ['FIX.4.2', 'D', '11=id|21=1|55=INTC|54=1|60=20260102-12:00:00|38=100|40=1|'],
  ['FIX.4.4', 'V', '262=r|263=1|264=0|267=2|269=0|269=1|146=1|55=INTC|'],
  ['FIX.4.4', 'B', '148=news|33=2|58=a|58=b|354=3|355=x\x01y|'],
  ['FIXT.1.1', 'A', '98=0|108=30|1137=9|'],
  ['FIXT.1.1', 'D', '11=id|55=INTC|54=1|60=20260102-12:00:00|38=100|40=1|'],
];

/** A whole message of one of the versions above. */
export function newMessage(random: Random): Buffer {
  const [version, type, body] = random.pick(MESSAGES);
  return framed(`8=${version}\x01`, `35=${type}|${HEADER}${body}`.replaceAll('|', '\x01'));
}

export const ALL_MESSAGES: readonly Buffer[] = MESSAGES.map(([version, type, body]) =>
  framed(`8=${version}\x01`, `35=${type}|${HEADER}${body}`.replaceAll('|', '\x01')),
);
