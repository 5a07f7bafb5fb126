/** Dictionaries as a deployer writes them: the bundled ones as XML, with what a test changes in them. */
import { loadSource } from '../../../edge/fix/dictionary/index.ts';
import type { DictionarySource, FieldSource, Member, MessageSource } from '../../../edge/fix/dictionary/source.ts';

export interface Additions {
  readonly fields?: readonly FieldSource[];
  readonly messages?: readonly MessageSource[];
  /** Members added to messages, by MsgType. */
  readonly members?: Readonly<Record<string, readonly Member[]>>;
  /** Members added to the header. */
  readonly header?: readonly Member[];
  /** Values added to fields, by tag. */
  readonly values?: Readonly<Record<number, readonly string[]>>;
}

/** A bundled dictionary with `more` in it. */
export async function houseSource(version: string, more: Additions = {}): Promise<DictionarySource> {
  const source = await loadSource(version);
  const { fields = [], messages = [], members = {}, header = [], values = {} } = more;
  return {
    ...source,
    header: [...source.header, ...header],
    fields: [
      ...source.fields.map(([tag, name, type, known, open]): FieldSource => {
        const all = [...(known ?? []), ...(values[tag] ?? [])];
        return all.length === 0 ? [tag, name, type] : open ? [tag, name, type, all, open] : [tag, name, type, all];
      }),
      ...fields,
    ],
    messages: [
      ...source.messages.map(
        ([type, name, category, own]): MessageSource => [type, name, category, [...own, ...(members[type] ?? [])]],
      ),
      ...messages,
    ],
  };
}

export const houseXml = async (version: string, more?: Additions): Promise<string> =>
  xmlOf(await houseSource(version, more));

/** One element a line. */
export function xmlOf(source: DictionarySource): string {
  const names = new Map(source.fields.map((field) => [field[0], field[1]]));
  const attribute = (name: string, value: string | number) =>
    ` ${name}="${String(value).replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;')}"`;
  const members = (list: readonly Member[]): string => list.map(memberOf).join('');
  const memberOf = (member: Member): string => {
    const [name, required] =
      typeof member === 'string'
        ? [member.replace(/^!/, ''), member.startsWith('!')]
        : [
            names.get(Math.abs(typeof member === 'number' ? member : member[0]))!,
            typeof member === 'number' ? member < 0 : member[0] < 0,
          ];
    const about = `${attribute('name', name)}${attribute('required', required ? 'Y' : 'N')}`;
    if (typeof member === 'string') return `<component${about}/>\n`;
    return typeof member === 'number' ? `<field${about}/>\n` : `<group${about}>\n${members(member[1])}</group>\n`;
  };
  const [, type = '', major = '', minor = '', pack = '0'] =
    /^(FIXT?)\.(\d)\.(\d)(?:SP(\d))?$/.exec(source.version) ?? [];
  const version = [
    ['type', type],
    ['major', major],
    ['minor', minor],
    ['servicepack', pack],
  ] as const;
  const values = (field: FieldSource) =>
    (field[3] ?? []).map((value) => `<value${attribute('enum', value)}/>`).join('');
  return [
    `<fix${version.map(([name, value]) => attribute(name, value)).join('')}>\n`,
    `<header>\n${members(source.header)}</header>\n`,
    '<messages>\n',
    ...source.messages.map(
      ([msgtype, name, msgcat, own]) =>
        `<message${attribute('name', name)}${attribute('msgtype', msgtype)}${attribute('msgcat', msgcat)}>\n${members(own)}</message>\n`,
    ),
    '</messages>\n',
    `<trailer>\n${members(source.trailer)}</trailer>\n`,
    '<components>\n',
    ...Object.entries(source.components).map(
      ([name, own]) => `<component${attribute('name', name)}>\n${members(own)}</component>\n`,
    ),
    '</components>\n<fields>\n',
    ...source.fields.map(
      (field) =>
        `<field${attribute('number', field[0])}${attribute('name', field[1])}${attribute('type', field[2])}${field[4] ? attribute('allowOtherValues', 'Y') : ''}>${values(field)}</field>\n`,
    ),
    '</fields>\n</fix>\n',
  ].join('');
}
