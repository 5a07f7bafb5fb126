import { describe, expect, test } from '@jest/globals';
import { Dictionary } from '../../../../edge/fix/dictionary/dictionary.ts';
import { readDictionary } from '../../../../edge/fix/dictionary/index.ts';
import { parseXml, XmlError } from '../../../../edge/fix/dictionary/xml.ts';
import { msgTypeCode } from '../../../../edge/fix/tags.ts';

const GOOD = `<?xml version="1.0"?>
<!-- a house dialect -->
<fix type="FIX" major="4" minor="4" servicepack="0">
 <header><field name="BeginString" required="Y"/></header>
 <messages>
  <message name="House" msgtype="UHOU" msgcat="app">
   <component name="Block" required="N"/>
   <group name="NoLegs" required="Y"><field name="Leg" required="Y"/></group>
  </message>
 </messages>
 <trailer/>
 <components>
  <component name="Block"><field name="Note" required="Y"/></component>
 </components>
 <fields>
  <field number="8" name="BeginString" type="STRING"/>
  <field number="9001" name="NoLegs" type="NUMINGROUP"/>
  <field number="9002" name="Leg" type="CHAR"><value enum="A" description="A &amp; B"/></field>
  <field number="100001" name="Note" type="STRING" ><value enum="x" description="x"/></field>
 </fields>
</fix>
`;

const mistakesOf = (text: string) => {
  const read = readDictionary(text, 'house.xml');
  return read.ok ? [] : read.mistakes.map((mistake) => `${mistake.file}:${mistake.line}: ${mistake.text}`);
};
/** The good file with one line (counted from 1) replaced. */
const withLine = (line: number, text: string) =>
  GOOD.split('\n')
    .map((old, i) => (i === line - 1 ? text : old))
    .join('\n');

describe('a dictionary of the deployer', () => {
  test('is read as it is written', () => {
    const read = readDictionary(GOOD, 'house.xml');
    if (!read.ok) throw new Error(mistakesOf(GOOD).join());
    expect(read.source).toEqual({
      version: 'FIX.4.4',
      fields: [
        [8, 'BeginString', 'STRING'],
        [9001, 'NoLegs', 'NUMINGROUP'],
        [9002, 'Leg', 'CHAR', ['A']],
        [100_001, 'Note', 'STRING', ['x']],
      ],
      header: [-8],
      trailer: [],
      components: { Block: [-100_001] },
      messages: [['UHOU', 'House', 'app', ['Block', [-9001, [-9002]]]]],
    });
    const dictionary = new Dictionary(read.source);
    expect(dictionary.memberTags(msgTypeCode('UHOU'))).toEqual([100_001, 9001]);
    expect(dictionary.knowsTag(100_001)).toBe(true);
    expect(dictionary.fieldName(9002)).toBe('Leg');
    expect(dictionary.knowsTag(-8) || dictionary.knowsTag(0) || dictionary.knowsTag(70_000)).toBe(false);
  });

  test.each([
    [3, '<fix type="FIX" major="four" minor="4">', '3: major and minor are to be numbers'],
    [4, ' <header><field name="Begin" required="Y"/></header>', '4: unknown field Begin'],
    [4, ' <header><field name="BeginString" required="y"/></header>', "4: required is 'y', not Y or N"],
    [
      6,
      '  <message name="House" msgtype="UHOUSE" msgcat="app">',
      "6: 'UHOUSE' is no MsgType of one to four characters",
    ],
    [7, '   <component name="Brick" required="N"/>', '7: unknown component Brick'],
    [8, '   <group name="NoLegs" required="Y"></group>', '8: group NoLegs has no fields'],
    [8, '   <filed name="Leg"/>', '8: <filed> in <message>'],
    [13, '  <component name="Block"><component name="Block"/></component>', '13: component Block contains itself'],
    [16, '  <field number="-8" name="BeginString" type="STRING"/>', "16: '-8' is no tag number"],
    [17, '  <field number="8" name="NoLegs" type="NUMINGROUP"/>', '17: tag 8 is BeginString already'],
    [17, '  <field number="9001" name="NoLegs" type="NUMBER"/>', '17: unknown type NUMBER'],
    [17, '  <field number="9001" type="INT"/>', '17: <field> without name'],
  ])('line %d: %s', (line, text, expected) => {
    expect(mistakesOf(withLine(line, text))).toContain(`house.xml:${expected}`);
  });

  test('tells every mistake, not the first only', () => {
    const text = withLine(7, '   <component name="Brick"/>').replace('type="CHAR"', 'type="CHARM"');
    expect(mistakesOf(text)).toEqual(['house.xml:18: unknown type CHARM', 'house.xml:7: unknown component Brick']);
  });
});

describe('XML', () => {
  test.each([
    ['', 'no element', 1],
    ['<a>\n<b>\n</a>', '</a> where </b> is due', 3],
    ['<a>\n', '<a> is not closed', 1],
    ['<a/>\n<b/>', 'a second root element', 2],
    ['text<a/>', 'text outside the root element', 1],
    ['<a x="1" x="2"/>', 'attribute x twice', 1],
    ['<a x=1/>', '<a> is not well formed', 1],
    ['<a x="&lol;"/>', 'unknown entity &lol;', 1],
    ['\n<!DOCTYPE a [<!ENTITY lol "lol">]><a/>', 'a DOCTYPE or CDATA section, which is not taken', 2],
    ['<a><!-- </a>', 'a comment is not closed', 1],
    ['</a>', '</a> closes nothing', 1],
    ['< a/>', 'an element without a name', 1],
    ['<a>'.repeat(100), 'elements nested more than 64 deep', 1],
  ])('%j', (text, message, line) => {
    let thrown: unknown;
    try {
      parseXml(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(XmlError);
    expect([(thrown as XmlError).message, (thrown as XmlError).line]).toEqual([message, line]);
  });

  test('attributes are decoded', () => {
    expect(parseXml(`\ufeff<a x='&lt;&#65;&#x42;"' y = "it's"/>`).attributes).toEqual({ x: '<AB"', y: "it's" });
  });
});
