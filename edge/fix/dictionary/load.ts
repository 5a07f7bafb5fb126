/** Loads the bundled dictionaries, each when it is first asked for, and gives them out by BeginString and ApplVerID. */

import { type TagTraits, TRAITS } from '../traits.ts';
import { Dictionary } from './dictionary.ts';
import { withOwnMessages } from './own-messages.ts';
import { type DictionarySource, overTransport } from './source.ts';

export type BeginString = 'FIX.4.0' | 'FIX.4.1' | 'FIX.4.2' | 'FIX.4.3' | 'FIX.4.4' | 'FIXT.1.1';

/** Values of ApplVerID (1128) and DefaultApplVerID (1137), and the version each means. */
export const APPL_VER_IDS: Readonly<Record<string, string>> = {
  '2': 'FIX.4.0',
  '3': 'FIX.4.1',
  '4': 'FIX.4.2',
  '5': 'FIX.4.3',
  '6': 'FIX.4.4',
  '7': 'FIX.5.0',
  '8': 'FIX.5.0SP1',
  '9': 'FIX.5.0SP2',
};

/** What is there to be loaded: table files by version. */
const TABLES: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  'FIX.4.0': () => import('./tables/FIX40.generated.json', { with: { type: 'json' } }),
  'FIX.4.1': () => import('./tables/FIX41.generated.json', { with: { type: 'json' } }),
  'FIX.4.2': () => import('./tables/FIX42.generated.json', { with: { type: 'json' } }),
  'FIX.4.3': () => import('./tables/FIX43.generated.json', { with: { type: 'json' } }),
  'FIX.4.4': () => import('./tables/FIX44.generated.json', { with: { type: 'json' } }),
  'FIX.5.0': () => import('./tables/FIX50.generated.json', { with: { type: 'json' } }),
  'FIX.5.0SP1': () => import('./tables/FIX50SP1.generated.json', { with: { type: 'json' } }),
  'FIX.5.0SP2': () => import('./tables/FIX50SP2.generated.json', { with: { type: 'json' } }),
  'FIXT.1.1': () => import('./tables/FIXT11.generated.json', { with: { type: 'json' } }),
};

/** Every BeginString the bundled dictionaries cover. */
export const BEGIN_STRINGS: readonly BeginString[] = [
  'FIX.4.0',
  'FIX.4.1',
  'FIX.4.2',
  'FIX.4.3',
  'FIX.4.4',
  'FIXT.1.1',
];

/** The source of a bundled version, FIX.4.0 to FIX.5.0SP2 and FIXT.1.1. */
export async function loadSource(version: string): Promise<DictionarySource> {
  const load = Object.hasOwn(TABLES, version) ? TABLES[version] : undefined;
  if (load === undefined) throw new RangeError(`no dictionary for ${version}`);
  return (await load()).default as DictionarySource;
}

/** Dictionaries ready for use; compiled when first asked for. */
export class DictionarySet {
  private readonly sources: ReadonlyMap<string, DictionarySource>;
  private readonly compiled = new Map<string, Dictionary>();

  constructor(sources: Iterable<DictionarySource>) {
    this.sources = new Map([...sources].map((source) => [source.version, source]));
  }

  /** What a dictionary is made from; undefined when it has not been loaded. */
  source(version: string): DictionarySource | undefined {
    return this.sources.get(version);
  }

  /** Which fields of a session's messages hold data: the standard's. */
  traits(_beginString: string): TagTraits {
    return TRAITS;
  }

  /** Whether sessions of `beginString` can be served. */
  has(beginString: string): boolean {
    return this.sources.has(beginString) && !beginString.startsWith('FIX.5');
  }

  /**
   * The dictionary of a session. Over FIXT.1.1 the application's version is named by ApplVerID ('7', '8', '9', or '2' to
   * '6' for the older ones); without one it is the session layer alone.
   * @returns undefined when the version is unknown or has not been loaded
   */
  get(beginString: string, applVerId = ''): Dictionary | undefined {
    const over = beginString === 'FIXT.1.1' && applVerId !== '';
    const key = over ? `FIXT.1.1/${applVerId}` : beginString;
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    const transport = this.has(beginString) ? this.sources.get(beginString) : undefined;
    if (transport === undefined) return undefined;
    let source = transport;
    if (over) {
      const version = Object.hasOwn(APPL_VER_IDS, applVerId) ? APPL_VER_IDS[applVerId]! : '';
      const application = this.sources.get(version);
      if (application === undefined) return undefined;
      source = overTransport(transport, application);
    }
    const dictionary = new Dictionary(withOwnMessages(source));
    this.compiled.set(key, dictionary);
    return dictionary;
  }
}

/**
 * Loads bundled dictionaries; all of them without an argument. FIXT.1.1 brings FIX.5.0, 5.0SP1 and 5.0SP2 with it.
 * Throws RangeError for a BeginString there is none for.
 */
export async function loadDictionaries(beginStrings: readonly string[] = BEGIN_STRINGS): Promise<DictionarySet> {
  const versions = new Set(beginStrings);
  if (versions.has('FIXT.1.1')) for (const version of ['FIX.5.0', 'FIX.5.0SP1', 'FIX.5.0SP2']) versions.add(version);
  return new DictionarySet(await Promise.all([...versions].map(loadSource)));
}
