import { describe, expect, test } from '@jest/globals';
import { traitsBy } from '../../../../edge/fix/dictionary/data.ts';
import { Dictionary } from '../../../../edge/fix/dictionary/dictionary.ts';
import { BEGIN_STRINGS, loadSource, readDictionary } from '../../../../edge/fix/dictionary/index.ts';
import { parseXml, XmlError } from '../../../../edge/fix/dictionary/xml.ts';
import { msgTypeCode } from '../../../../edge/fix/tags.ts';
import { dataTagOf, TRAITS } from '../../../../edge/fix/traits.ts';
import { houseXml, xmlOf } from '../../support/dictionaries.ts';

const GOOD = `<?xml version="1.0"?>
<!-- a house dialect -->
<fix type="FIX" major="5" minor="0" servicepack="2">
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
      version: 'FIX.5.0SP2',
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
    expect(mistakesOf(text)).toEqual(['house.xml:7: unknown component Brick', 'house.xml:18: unknown type CHARM']);
  });
});

describe('a dictionary that sessions are to be kept by', () => {
  test.each([...BEGIN_STRINGS, 'FIX.5.0', 'FIX.5.0SP1', 'FIX.5.0SP2'])(
    '%s as XML is read back whole',
    async (version) => {
      const source = await loadSource(version);
      expect(readDictionary(xmlOf(source), 'x.xml')).toEqual({ ok: true, source });
    },
  );

  test.each<[string, (xml: string) => string, string[]]>([
    ['an unknown version', (xml) => xml.replace('minor="4"', 'minor="9"'), ['FIX.4.9 is none of FIX.4.0, ']],
    ['no MsgSeqNum', (xml) => xml.replace(/<field name="MsgSeqNum".*\n/, ''), ['the header has no MsgSeqNum (34)']],
    ['no trailer', (xml) => xml.replace(/<trailer>[\s\S]*<\/trailer>/, ''), ['the trailer has no CheckSum (10)']],
    [
      'session messages that are none',
      (xml) => xml.replace('msgtype="0"', 'msgtype="UH"').replace(/<field name="NewSeqNo".*\n/, ''),
      ['there is no message Heartbeat (35=0)', 'SequenceReset (35=4) has no field 36'],
    ],
  ])('%s is a mistake of the file, not of the first Logon', async (_what, change, expected) => {
    const said = mistakesOf(change(await houseXml('FIX.4.4')));
    expect(said).toHaveLength(expected.length);
    for (const [i, text] of expected.entries()) expect(said[i]).toContain(text);
  });

  test('what FIXT.1.1 carries needs no session layer', () => {
    expect(mistakesOf(GOOD)).toEqual([]);
    expect(mistakesOf(GOOD.replace(/<messages>[\s\S]*<\/messages>/, '<messages/>'))).toEqual([
      'house.xml:5: there is no message',
    ]);
  });
});

describe('what would be too much', () => {
  const bomb = (depth: number, each: string) =>
    withLine(
      13,
      Array.from(
        { length: depth },
        (_, i) => `<component name="C${i}">${each.replace(/NEXT/g, `C${i + 1}`)}</component>`,
      )
        .concat(`<component name="C${depth}"><field name="Note"/></component><component name="Block"/>`)
        .join('\n'),
    ).replace('<component name="Block" required="N"/>', '<component name="C0"/>');

  test('components that double each other are counted, not written out', () => {
    const twice = '<component name="NEXT"/><component name="NEXT"/>';
    expect(mistakesOf(bomb(8, twice))).toEqual([]);
    expect(mistakesOf(bomb(28, twice))[0]).toMatch(/ has more than 20000 fields with its components written out$/);
  });

  test('nesting is bounded', () => {
    expect(mistakesOf(bomb(30, '<component name="NEXT"/>'))).toEqual([]);
    expect(mistakesOf(bomb(40, '<component name="NEXT"/>'))[0]).toMatch(/: components nested more than 32 deep$/);
    const groups = '<group name="NoLegs"><field name="Leg"/><component name="NEXT"/></group>';
    expect(mistakesOf(bomb(12, groups))).toEqual([]);
    expect(mistakesOf(bomb(20, groups))[0]).toMatch(/: groups nested more than 16 deep$/);
  });

  test('a chain of thousands is not followed on the stack', () => {
    expect(mistakesOf(bomb(20_000, '<component name="NEXT"/>')).join()).toMatch(/components nested more than 32 deep/);
  });

  test('a component in a circle of three', () => {
    const text = bomb(2, '<component name="NEXT"/>').replace('<field name="Note"/>', '<component name="C0"/>');
    expect(mistakesOf(text)).toEqual([expect.stringMatching(/component C0 contains itself/)]);
  });

  test('elements without end', () => {
    const said = mistakesOf(withLine(11, '<trailer/>'.repeat(400_001)));
    expect(said).toEqual(['house.xml:11: more than 400000 elements']);
  });

  test('more than fifty mistakes are counted', () => {
    const text = withLine(8, '   <field name="Nothing"/>\n'.repeat(70));
    const said = mistakesOf(text);
    expect(said).toHaveLength(51);
    expect([said[0], said[50]]).toEqual(['house.xml:8: unknown field Nothing', 'house.xml:57: and 20 more mistakes']);
  });
});

describe('data fields of the deployer’s own', () => {
  const withFields = (fields: string, members: string) =>
    GOOD.replace('<component name="Block" required="N"/>', members).replace('</fields>', `${fields}</fields>`);
  const pairsOf = (text: string) => {
    const read = readDictionary(text, 'house.xml');
    if (!read.ok) throw new Error(mistakesOf(text).join());
    const traits = traitsBy([read.source]);
    return [...traits.keys()]
      .map((tag) => [tag, dataTagOf(tag, traits)])
      .filter(([tag, data]) => data !== dataTagOf(tag!));
  };

  test('are measured by the length before them', () => {
    const fields = '<field number="7001" name="Size" type="LENGTH"/><field number="6001" name="Blob" type="DATA"/>';
    expect(pairsOf(withFields(fields, '<field name="Size"/><field name="Blob"/>'))).toEqual([[7001, 6001]]);
  });

  test('or by the number before theirs', () => {
    const fields = '<field number="7001" name="Size" type="LENGTH"/><field number="7002" name="Blob" type="XMLDATA"/>';
    expect(pairsOf(withFields(fields, '<field name="Blob"/>'))).toEqual([[7001, 7002]]);
  });

  test('without a length nobody could tell where they end', () => {
    const fields = '<field number="7001" name="Size" type="INT"/>\n<field number="7002" name="Blob" type="DATA"/>';
    expect(mistakesOf(withFields(fields, '<field name="Size"/><field name="Blob"/>'))).toEqual([
      'house.xml:21: data field Blob (7002) has no field of type LENGTH before it',
    ]);
  });

  test('beyond what is looked up', () => {
    const fields = '<field number="70001" name="Size" type="LENGTH"/><field number="70002" name="Blob" type="DATA"/>';
    expect(mistakesOf(withFields(fields, ''))).toEqual([expect.stringMatching(/are to be below 65536$/)]);
  });

  test('the standard’s are the standard’s', async () => {
    expect(traitsBy([await loadSource('FIX.4.4')])).toBe(TRAITS);
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
