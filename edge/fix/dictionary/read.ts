/** Reads a dictionary in QuickFIX's XML format, with every mistake at its line. */

import { msgTypeCode } from '../tags.ts';
import { lacksOf } from './complete.ts';
import { ownDataFields } from './data.ts';
import { Nesting } from './nesting.ts';
import { MAX_GROUP_DEPTH } from './rules.ts';
import type { DictionarySource, FieldSource, Member, MessageSource } from './source.ts';
import { kindOf } from './types.ts';
import { parseXml, type XmlElement, XmlError } from './xml.ts';

/** One mistake in a dictionary file. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export type ReadDictionary =
  | { readonly ok: true; readonly source: DictionarySource }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** Mistakes reported of one file, and how many more there are; more would hide the first. */
const MAX_MISTAKES = 50;
/** A field's number is kept in 16 bits; the largest dictionary published has 6,100. */
const MAX_FIELDS = 32_768;
/** A name begins neither with the `!` of a required one nor with the prefix of the transport's (source.ts). */
const COMPONENT_NAME = /^[A-Za-z_][\w .-]*$/;

/** Reads the XML in `text`; `file` is named in mistakes. */
export function readDictionary(text: string, file: string): ReadDictionary {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { ok: false, mistakes: [{ file, line: error.line, text: error.message }] };
  }
  const reader = new DictionaryReader(root, file);
  const source = reader.read();
  const { mistakes } = reader;
  if (mistakes.length === 0) return { ok: true, source };
  mistakes.sort((a, b) => a.line - b.line);
  const more = mistakes.length - MAX_MISTAKES;
  if (more <= 0) return { ok: false, mistakes };
  const told = mistakes.slice(0, MAX_MISTAKES);
  return { ok: false, mistakes: [...told, { file, line: told.at(-1)!.line, text: `and ${more} more mistakes` }] };
}

/** FIX.4.4, FIXT.1.1, FIX.5.0SP2 of `<fix type major minor servicepack>`. */
function versionOf(attributes: Readonly<Record<string, string>>): string {
  const pack = attributes.servicepack ?? '0';
  return `${attributes.type ?? 'FIX'}.${attributes.major}.${attributes.minor}${pack === '0' ? '' : `SP${pack}`}`;
}

class DictionaryReader {
  readonly mistakes: Mistake[] = [];
  private readonly root: XmlElement;
  private readonly file: string;
  private readonly tags = new Map<string, number>();
  private readonly names = new Map<number, string>();
  private readonly fieldElements = new Map<number, XmlElement>();
  private readonly componentElements = new Map<string, XmlElement>();
  private version = '';

  constructor(root: XmlElement, file: string) {
    this.root = root;
    this.file = file;
  }

  read(): DictionarySource {
    const { root } = this;
    if (root.name !== 'fix') this.mistake(root, `the root element is <${root.name}>, not <fix>`);
    const { major, minor } = root.attributes;
    if (!/^\d+$/.test(major ?? '') || !/^\d+$/.test(minor ?? '')) {
      this.mistake(root, 'major and minor are to be numbers');
    }
    this.version = versionOf(root.attributes);
    for (const child of root.children) {
      if (!['header', 'trailer', 'messages', 'components', 'fields'].includes(child.name)) {
        this.mistake(child, `<${child.name}> is not known here`);
      }
    }
    const fields = this.section('fields')
      .map((element) => this.field(element))
      .filter((field) => field !== undefined);
    if (fields.length > MAX_FIELDS) this.mistake(root, `more than ${MAX_FIELDS} fields`);
    for (const element of this.section('components')) {
      const name = this.attribute(element, 'name');
      if (this.componentElements.has(name)) this.mistake(element, `component ${name} twice`);
      if (name !== '' && !COMPONENT_NAME.test(name)) this.mistake(element, `'${name}' is no name of a component`);
      this.componentElements.set(name, element);
    }
    const nesting = new Nesting(this.componentElements, (element, text) => this.mistake(element, text));
    const header = this.part('header');
    const trailer = this.part('trailer');
    const messageElements = this.section('messages');
    for (const element of [header, trailer, ...messageElements]) if (element !== undefined) nesting.check(element);
    const types = new Set<string>();
    const source = {
      version: this.version,
      fields,
      header: header ? this.members(header, 0) : [],
      trailer: trailer ? this.members(trailer, 0) : [],
      components: Object.fromEntries(
        [...this.componentElements].map(([name, element]) => [name, this.members(element, 0)]),
      ),
      messages: messageElements.map((element) => this.message(element, types)),
    };
    // Of a file that is wrong in itself it would only repeat what has been said.
    if (this.mistakes.length > 0) return source;
    for (const { part, text } of lacksOf(source)) this.mistake(this.part(part) ?? root, text);
    for (const { tag, text } of ownDataFields(source).problems) this.mistake(this.fieldElements.get(tag) ?? root, text);
    return source;
  }

  private part(name: string): XmlElement | undefined {
    return name === 'fix' ? this.root : this.root.children.find((child) => child.name === name);
  }

  private section(name: string): readonly XmlElement[] {
    const found = this.root.children.filter((child) => child.name === name);
    if (found.length > 1) this.mistake(found[1]!, `<${name}> twice`);
    const child = { fields: 'field', components: 'component', messages: 'message' }[name]!;
    const children = found[0]?.children ?? [];
    for (const element of children) {
      if (element.name !== child) this.mistake(element, `<${element.name}> in <${name}>`);
    }
    return children.filter((element) => element.name === child);
  }

  private field(element: XmlElement): FieldSource | undefined {
    const name = this.attribute(element, 'name');
    const type = this.attribute(element, 'type');
    const number = this.attribute(element, 'number');
    if (!/^[1-9]\d{0,8}$/.test(number)) {
      this.mistake(element, `'${number}' is no tag number`);
      return undefined;
    }
    const tag = Number(number);
    if (this.tags.has(name)) this.mistake(element, `field ${name} twice`);
    const other = this.names.get(tag);
    if (other !== undefined) this.mistake(element, `tag ${tag} is ${other} already`);
    this.tags.set(name, tag);
    this.names.set(tag, name);
    this.fieldElements.set(tag, element);
    if (type !== '' && kindOf(type, this.version) === undefined) this.mistake(element, `unknown type ${type}`);
    const values = element.children.map((value) => {
      if (value.name !== 'value') this.mistake(value, `<${value.name}> in <field>`);
      return this.attribute(value, 'enum');
    });
    if (values.length === 0) return [tag, name, type];
    const unique = [...new Set(values)];
    return element.attributes.allowOtherValues?.toUpperCase() === 'Y'
      ? [tag, name, type, unique, 1]
      : [tag, name, type, unique];
  }

  private message(element: XmlElement, types: Set<string>): MessageSource {
    const name = this.attribute(element, 'name');
    const type = this.attribute(element, 'msgtype');
    if (msgTypeCode(type) === 0) this.mistake(element, `'${type}' is no MsgType of one to four characters`);
    if (types.has(type)) this.mistake(element, `MsgType ${type} twice`);
    types.add(type);
    const category = element.attributes.msgcat === 'admin' ? 'admin' : 'app';
    return [type, name, category, this.members(element, 0)];
  }

  private members(parent: XmlElement, depth: number): readonly Member[] {
    if (depth > MAX_GROUP_DEPTH) {
      this.mistake(parent, `groups nested more than ${MAX_GROUP_DEPTH} deep`);
      return [];
    }
    return parent.children.flatMap((element): Member[] => {
      const name = this.attribute(element, 'name');
      const required = this.required(element);
      if (element.name === 'component') {
        if (!this.componentElements.has(name)) this.mistake(element, `unknown component ${name}`);
        return [required ? `!${name}` : name];
      }
      if (element.name !== 'field' && element.name !== 'group') {
        this.mistake(element, `<${element.name}> in <${parent.name}>`);
        return [];
      }
      const tag = this.tags.get(name);
      if (tag === undefined) {
        this.mistake(element, `unknown field ${name}`);
        return [];
      }
      const signed = required ? -tag : tag;
      if (element.name === 'field') return [signed];
      if (element.children.length === 0) this.mistake(element, `group ${name} has no fields`);
      return [[signed, this.members(element, depth + 1)]];
    });
  }

  private required(element: XmlElement): boolean {
    const value = element.attributes.required ?? 'N';
    if (value !== 'Y' && value !== 'N') this.mistake(element, `required is '${value}', not Y or N`);
    return value === 'Y';
  }

  private attribute(element: XmlElement, name: string): string {
    const value = element.attributes[name];
    if (value === undefined || value === '') this.mistake(element, `<${element.name}> without ${name}`);
    return value ?? '';
  }

  private mistake(element: XmlElement, text: string): void {
    this.mistakes.push({ file: this.file, line: element.line, text });
  }
}
