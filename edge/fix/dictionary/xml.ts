/**
 * A strict reader for the XML that dictionaries are written in: elements, attributes, comments. No DTD, so no entity can
 * be declared; every element keeps the line it begins at, so that a mistake can be shown.
 */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly line: number;
}

export class XmlError extends Error {
  override readonly name = 'XmlError';
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** Dictionaries nest groups in groups, about ten deep. */
const MAX_DEPTH = 64;
/** Characters; the largest dictionary published has 1.5 million. */
const MAX_LENGTH = 16_777_216;
/** The largest dictionary published has 24,000. Each is an object while the file is read. */
const MAX_ELEMENTS = 400_000;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const NAME = /[A-Za-z_:][\w:.-]*/y;
const ATTRIBUTE = /\s+([A-Za-z_:][\w:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;

/** Reads a document. Throws {@link XmlError} with the line of the first mistake. */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_LENGTH) throw new XmlError(`longer than ${MAX_LENGTH} characters`, 1);
  return new Reader(text).document();
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
}

class Reader {
  private readonly text: string;
  private at = 0;
  private line = 1;
  private elements = 0;
  private counted = 0;

  constructor(text: string) {
    this.text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  document(): XmlElement {
    const open: OpenElement[] = [];
    let root: XmlElement | undefined;
    while (this.at < this.text.length) {
      this.characters(open.length === 0);
      if (this.at >= this.text.length) break;
      if (this.skipMarkup()) continue;
      if (this.text.startsWith('</', this.at)) {
        const closed = this.endTag(open.pop());
        if (open.length === 0) root = closed;
        continue;
      }
      if (root !== undefined) throw this.error('a second root element');
      if (++this.elements > MAX_ELEMENTS) throw this.error(`more than ${MAX_ELEMENTS} elements`);
      const { element, empty } = this.startTag();
      open.at(-1)?.children.push(element);
      if (!empty) open.push(element);
      else if (open.length === 0) root = element;
      if (open.length > MAX_DEPTH) throw this.error(`elements nested more than ${MAX_DEPTH} deep`);
    }
    const unclosed = open.at(-1);
    if (unclosed !== undefined) throw new XmlError(`<${unclosed.name}> is not closed`, unclosed.line);
    if (root === undefined) throw this.error('no element');
    return root;
  }

  private startTag(): { element: OpenElement; empty: boolean } {
    const line = this.lineAt(this.at);
    this.at++;
    const name = this.match(NAME)?.[0];
    if (name === undefined) throw this.error('an element without a name');
    const attributes: Record<string, string> = Object.create(null);
    for (let found = this.match(ATTRIBUTE); found !== null; found = this.match(ATTRIBUTE)) {
      const key = found[1]!;
      if (key in attributes) throw this.error(`attribute ${key} twice`);
      attributes[key] = this.decode(found[2] ?? found[3] ?? '');
    }
    const end = this.match(TAG_END);
    if (end === null) throw this.error(`<${name}> is not well formed`);
    return { element: { name, attributes, children: [], line }, empty: end[1] === '/' };
  }

  private endTag(element: XmlElement | undefined): XmlElement {
    this.at += 2;
    const name = this.match(NAME)?.[0] ?? '';
    if (element === undefined) throw this.error(`</${name}> closes nothing`);
    if (name !== element.name) throw this.error(`</${name}> where </${element.name}> is due`);
    if (this.match(TAG_END)?.[1] !== '') throw this.error(`</${name}> is not well formed`);
    return element;
  }

  /** Passes the text before the next `<`, of which there may be none but white space outside the root. */
  private characters(outside: boolean): void {
    const next = this.text.indexOf('<', this.at);
    const end = next < 0 ? this.text.length : next;
    if (outside && this.text.slice(this.at, end).trim() !== '') throw this.error('text outside the root element');
    this.at = end;
  }

  /** Passes a comment or a processing instruction. */
  private skipMarkup(): boolean {
    if (this.text.startsWith('<!--', this.at)) return this.skipTo('-->', 'a comment');
    if (this.text.startsWith('<?', this.at)) return this.skipTo('?>', 'a processing instruction');
    if (this.text.startsWith('<!', this.at)) throw this.error('a DOCTYPE or CDATA section, which is not taken');
    return false;
  }

  private skipTo(end: string, what: string): true {
    const found = this.text.indexOf(end, this.at);
    if (found < 0) throw this.error(`${what} is not closed`);
    this.at = found + end.length;
    return true;
  }

  private decode(value: string): string {
    return value.replace(/&([^;]*);?/g, (whole, name: string) => {
      if (!whole.endsWith(';')) throw this.error('a bare &');
      const code = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
      if (code !== null) {
        const point = code[1] !== undefined ? Number.parseInt(code[1], 16) : Number(code[2]);
        if (point <= 0x10ffff) return String.fromCodePoint(point);
      } else if (Object.hasOwn(ENTITIES, name)) return ENTITIES[name]!;
      throw this.error(`unknown entity ${whole}`);
    });
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  private error(message: string): XmlError {
    return new XmlError(message, this.lineAt(this.at));
  }

  /** The line of a position; positions are asked for in rising order, so the text is counted once. */
  private lineAt(position: number): number {
    for (; this.counted < position; this.counted++) if (this.text.charCodeAt(this.counted) === 10) this.line++;
    return this.line;
  }
}
