/**
 * A deployer's dictionary, XML line by line: a file has mistakes, each at a line of it, or it compiles whole, so that no
 * message can find later what the start did not.
 */

import { traitsBy } from '../../../edge/fix/dictionary/data.ts';
import { Dictionary } from '../../../edge/fix/dictionary/dictionary.ts';
import { readDictionary } from '../../../edge/fix/dictionary/index.ts';
import { loadSource } from '../../../edge/fix/dictionary/load.ts';
import { type DictionarySource, overTransport } from '../../../edge/fix/dictionary/source.ts';
import { changeBytes, NUMBERS } from '../mutate.ts';
import type { Random } from '../random.ts';
import { hold, type Lines, type Target } from '../target.ts';

const TRANSPORT = await loadSource('FIXT.1.1');

const NAMES = 'BeginString MsgSeqNum NoLegs Leg Note Block Inner House Size Blob CheckSum MsgType'.split(' ');
const TYPES = 'STRING CHAR INT NUMINGROUP LENGTH DATA XMLDATA BOOLEAN UTCTIMESTAMP string NOTHING'.split(' ');
const ELEMENTS = 'field group component message value header trailer fields components messages fix x'.split(' ');
const ATTRIBUTES = 'name number type required msgtype msgcat enum major minor servicepack allowOtherValues'.split(' ');

function oneFor(attribute: string, random: Random): string {
  const odd = ['', '&amp;', '&lol;', '&', '<', '!x', '__proto__', 'T:Block', 'x'.repeat(300), ...NUMBERS];
  if (random.below(6) === 0) return random.pick(odd) ?? '';
  if (attribute === 'type') return random.pick(TYPES) ?? '';
  if (attribute === 'required') return random.pick(['Y', 'N', 'y']) ?? '';
  if (attribute === 'number') return String(random.below(12) === 0 ? 70_000 : 7000 + random.below(20));
  if (attribute === 'msgtype') return random.pick(['A', '0', 'UH', 'UHOUS', 'D']) ?? '';
  return random.pick(NAMES) ?? '';
}

function element(random: Random): string {
  const name = random.pick(ELEMENTS) ?? 'x';
  const attributes = Array.from({ length: random.below(4) }, () => random.pick(ATTRIBUTES) ?? 'name').map(
    (attribute) => ` ${attribute}="${oneFor(attribute, random)}"`,
  );
  return `${random.below(5) === 0 ? '</' : '<'}${name}${attributes.join('')}${random.pick(['/>', '>', '']) ?? ''}`;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** One attribute has another value, or the line is another element. */
function changeLine(line: Buffer, random: Random): Buffer {
  const text = line.toString('latin1');
  switch (random.below(5)) {
    case 0:
      return latin1(element(random));
    case 1:
      return latin1(text + element(random));
    case 2:
      return changeBytes(line, random);
    default:
      return latin1(
        text.replace(/(\w+)="[^"]*"/g, (whole, name: string) =>
          random.below(2) === 0 ? whole : `${name}="${oneFor(name, random)}"`,
        ),
      );
  }
}

function prove(source: DictionarySource): void {
  const compiled = [source, overTransport(TRANSPORT, source)].map((one) => new Dictionary(one));
  for (const dictionary of compiled)
    for (const type of dictionary.messageTypes()) {
      hold(dictionary.plan(type) !== undefined, () => `message ${type} has no plan`);
      const tags = dictionary.memberTags(type);
      hold(new Set(tags).size === tags.length, () => `message ${type} has a tag twice`);
    }
  traitsBy([source]);
}

function check(lines: Lines): void {
  const text = lines.map((line) => line.toString('latin1')).join('\n');
  const read = readDictionary(text, 'house.xml');
  if (read.ok) {
    prove(read.source);
    return;
  }
  const { mistakes } = read;
  const last = text.split('\n').length;
  hold(mistakes.length > 0 && mistakes.length <= 51, () => `${mistakes.length} mistakes`);
  let before = 1;
  for (const { line, text: what } of mistakes) {
    hold(line >= before && line <= last && what !== '', () => `line ${line} of ${last}: ${what}`);
    before = line;
  }
}

export const target: Target = {
  name: 'dialect',
  inputs: 800,
  line: (random) => latin1(element(random)),
  mutate: changeLine,
  check,
  work(bytes) {
    readDictionary(bytes.toString('latin1'), 'house.xml');
  },
};
