/** The data fields that a deployer's dictionary has besides the standard's, and the length fields that measure them. */

import { DATA_FIELDS } from '../data-fields.ts';
import { LOOKUP, type TagTraits, traitsWith } from '../traits.ts';
import type { DictionarySource, Member } from './source.ts';

const STANDARD: ReadonlySet<number> = new Set(DATA_FIELDS.map(([, data]) => data));

export interface OwnDataFields {
  readonly pairs: readonly (readonly [lengthTag: number, dataTag: number])[];
  /** Data fields whose end could not be told. */
  readonly problems: readonly { readonly tag: number; readonly text: string }[];
}

/**
 * The length field of a data field is the one of type LENGTH that stands right before it wherever it is used, or has the
 * number before its own.
 */
export function ownDataFields(source: DictionarySource): OwnDataFields {
  const types = new Map(source.fields.map((field) => [field[0], field[2].toUpperCase()]));
  const own = source.fields.filter(([tag, , type]) => /^(?:XML)?DATA$/i.test(type) && !STANDARD.has(tag));
  if (own.length === 0) return { pairs: [], problems: [] };
  const isLength = (tag: number): boolean => types.get(tag) === 'LENGTH';
  const before = precedents(source);
  const pairs: (readonly [number, number])[] = [];
  const problems: { tag: number; text: string }[] = [];
  for (const [tag, name] of own) {
    const length = [...(before.get(tag) ?? []), tag - 1].find(isLength);
    if (length === undefined)
      problems.push({ tag, text: `data field ${name} (${tag}) has no field of type LENGTH before it` });
    else if (tag >= LOOKUP || length >= LOOKUP)
      problems.push({ tag, text: `data field ${name} (${tag}) and its length (${length}) are to be below ${LOOKUP}` });
    else pairs.push([length, tag]);
  }
  return { pairs, problems };
}

/** What {@link tokenise} needs to read messages by these dictionaries. */
export const traitsBy = (sources: Iterable<DictionarySource>): TagTraits =>
  traitsWith([...sources].flatMap((source) => ownDataFields(source).pairs));

/** The tags that stand right before each tag. */
function precedents(source: DictionarySource): ReadonlyMap<number, ReadonlySet<number>> {
  const before = new Map<number, Set<number>>();
  const walk = (members: readonly Member[]): void => {
    let last = 0;
    for (const member of members) {
      if (typeof member === 'string') {
        last = 0;
        continue;
      }
      const tag = Math.abs(typeof member === 'number' ? member : member[0]);
      if (last !== 0) before.set(tag, (before.get(tag) ?? new Set()).add(last));
      last = tag;
      if (typeof member !== 'number') walk(member[1]);
    }
  };
  for (const members of [source.header, source.trailer, ...Object.values(source.components)]) walk(members);
  for (const message of source.messages) walk(message[3]);
  return before;
}
