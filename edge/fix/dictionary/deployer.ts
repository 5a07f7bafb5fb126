/** Dictionaries of a deployer in place of bundled ones, version by version. */

import type { TagTraits } from '../traits.ts';
import { traitsBy } from './data.ts';
import { Dictionary } from './dictionary.ts';
import { APPL_VER_IDS, type DictionarySet } from './load.ts';
import { withOwnMessages } from './own-messages.ts';
import { type DictionarySource, overTransport } from './source.ts';

/** What serves the sessions of one profile. */
export interface SessionDictionaries {
  /** See {@link DictionarySet.get}. */
  get(beginString: string, applVerId?: string): Dictionary | undefined;
  /** What the tokeniser has to know of its tags. */
  traits(beginString: string): TagTraits;
}

/** One of the deployer's files. */
export interface DeployerSource {
  /** What tells it from others of its version. */
  readonly name: string;
  readonly source: DictionarySource;
}

/** Each costs some megabytes once its messages have been met; sessions keep those they have. */
const MOST_COMPILED = 256;

/** Dictionaries compiled by {@link DeployerDictionaries}, shared by all that are made of the same files. */
export type CompiledDictionaries = Map<string, Dictionary>;

export class DeployerDictionaries implements SessionDictionaries {
  readonly #bundled: DictionarySet;
  readonly #compiled: CompiledDictionaries;
  /** By version. */
  readonly #data: ReadonlyMap<string, DeployerSource>;
  readonly #transport: DeployerSource | undefined;
  readonly #applications: ReadonlyMap<string, DeployerSource>;
  readonly #traits = new Map<string, TagTraits>();

  /**
   * @param data FIX.4.0 to FIX.4.4 @param transport FIXT.1.1 @param applications what FIXT.1.1 carries; one of a version at
   * most
   */
  constructor(
    bundled: DictionarySet,
    compiled: CompiledDictionaries,
    data: readonly DeployerSource[],
    transport: DeployerSource | undefined,
    applications: readonly DeployerSource[],
  ) {
    const byVersion = (sources: readonly DeployerSource[]) => new Map(sources.map((one) => [one.source.version, one]));
    this.#bundled = bundled;
    this.#compiled = compiled;
    this.#data = byVersion(data);
    this.#transport = transport;
    this.#applications = byVersion(applications);
  }

  get(beginString: string, applVerId = ''): Dictionary | undefined {
    if (!this.#bundled.has(beginString)) return undefined;
    if (beginString !== 'FIXT.1.1') {
      const own = this.#data.get(beginString);
      if (own === undefined) return this.#bundled.get(beginString);
      return this.#shared(`${beginString} ${own.name}`, () => own.source);
    }
    const version = Object.hasOwn(APPL_VER_IDS, applVerId) ? APPL_VER_IDS[applVerId]! : '';
    const transport = this.#transport;
    const application = this.#applications.get(version);
    if (transport === undefined && application === undefined) return this.#bundled.get(beginString, applVerId);
    const below = transport?.source ?? this.#bundled.source(beginString);
    const above = application?.source ?? this.#bundled.source(version);
    if (below === undefined || (above === undefined && applVerId !== '')) return undefined;
    const key = `${beginString} ${transport?.name ?? ''} ${version} ${application?.name ?? ''}`;
    return this.#shared(key, () => (above === undefined ? below : overTransport(below, above)));
  }

  traits(beginString: string): TagTraits {
    let known = this.#traits.get(beginString);
    if (known === undefined) {
      known = traitsBy(this.#sources(beginString));
      this.#traits.set(beginString, known);
    }
    return known;
  }

  /** Of all that a session of `beginString` may meet: over FIXT.1.1 each message may name its own version. */
  #sources(beginString: string): readonly DictionarySource[] {
    const own =
      beginString === 'FIXT.1.1' ? [this.#transport, ...this.#applications.values()] : [this.#data.get(beginString)];
    return own.flatMap((one) => (one === undefined ? [] : [one.source]));
  }

  #shared(key: string, source: () => DictionarySource): Dictionary {
    let dictionary = this.#compiled.get(key);
    if (dictionary === undefined) {
      dictionary = new Dictionary(withOwnMessages(source()));
      if (this.#compiled.size >= MOST_COMPILED) this.#compiled.clear();
      this.#compiled.set(key, dictionary);
    }
    return dictionary;
  }
}
