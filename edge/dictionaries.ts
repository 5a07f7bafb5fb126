/** Chooses the dictionaries of a session: the bundled ones, or the deployer's own that its profile names. */

import { ConfigError, type EdgeConfig } from './config.ts';
import { readDictionaryFiles } from './dictionary-files.ts';
import {
  APPL_VER_IDS,
  type CompiledDictionaries,
  DeployerDictionaries,
  type DeployerSource,
  type DictionarySet,
  loadDictionaries,
  type SessionDictionaries,
} from './fix/dictionary/index.ts';
import type { DictionarySource } from './fix/dictionary/source.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import type { Logger } from './log.ts';

/** The settings of a profile that name files. */
type Named = Pick<SessionProfile, 'data_dictionary' | 'transport_data_dictionary' | 'app_data_dictionary'>;

export type Chosen =
  | { readonly known: true; readonly dictionaries: SessionDictionaries }
  /** Which setting names a file that is missing or unsuitable. */
  | { readonly known: false; readonly problem: string };

const SETTINGS = ['data_dictionary', 'transport_data_dictionary', 'app_data_dictionary'] as const;

/** What the files of a setting may be. */
const VERSIONS: Readonly<Record<(typeof SETTINGS)[number], readonly string[]>> = {
  data_dictionary: ['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4'],
  transport_data_dictionary: ['FIXT.1.1'],
  app_data_dictionary: Object.values(APPL_VER_IDS),
};

/** Number of choices kept in memory; a firm's credentials name a handful. Others are made again. */
const KEPT = 1000;

export class Dictionaries {
  readonly #bundled: DictionarySet;
  readonly #own: ReadonlyMap<string, DictionarySource>;
  readonly #chosen = new Map<string, Chosen>();
  /** As many as there are files, and pairs of them over FIXT.1.1. */
  readonly #compiled: CompiledDictionaries = new Map();

  /** @param own the deployer's dictionaries, by file name */
  constructor(bundled: DictionarySet, own: ReadonlyMap<string, DictionarySource> = new Map()) {
    this.#bundled = bundled;
    this.#own = own;
  }

  /** Whether sessions of `beginString` can be served. */
  has(beginString: string): boolean {
    return this.#bundled.has(beginString);
  }

  /** The dictionaries of a session's profile. */
  of(profile: Named): Chosen {
    if (SETTINGS.every((setting) => profile[setting].length === 0)) return { known: true, dictionaries: this.#bundled };
    const key = JSON.stringify(SETTINGS.map((setting) => profile[setting]));
    let chosen = this.#chosen.get(key);
    if (chosen === undefined) {
      chosen = this.#choose(profile);
      if (this.#chosen.size >= KEPT) this.#chosen.clear();
      this.#chosen.set(key, chosen);
    }
    return chosen;
  }

  #choose(profile: Named): Chosen {
    const sources: Record<string, DeployerSource[]> = {};
    for (const setting of SETTINGS) {
      const named: DeployerSource[] = [];
      for (const name of profile[setting]) {
        const source = this.#own.get(name);
        if (source === undefined)
          return unknown(`${setting} names ${name}, which is not among the files of this gateway`);
        const { version } = source;
        if (!VERSIONS[setting].includes(version))
          return unknown(`${setting} names ${name}, which is of ${version}, not of ${VERSIONS[setting].join(', ')}`);
        const same = named.find((one) => one.source.version === version);
        if (same !== undefined) return unknown(`${setting} names ${same.name} and ${name}, both of ${version}`);
        named.push({ name, source });
      }
      sources[setting] = named;
    }
    const { data_dictionary = [], transport_data_dictionary: [transport] = [], app_data_dictionary = [] } = sources;
    return {
      known: true,
      dictionaries: new DeployerDictionaries(
        this.#bundled,
        this.#compiled,
        data_dictionary,
        transport,
        app_data_dictionary,
      ),
    };
  }
}

const unknown = (problem: string): Chosen => ({ known: false, problem });

/**
 * Reads the deployer's dictionaries and checks the gateway's profile against them.
 * @throws ConfigError for mistakes in the files, and if the profile names a file that is missing
 */
export async function openDictionaries(
  { dictionaries: directory, session_profile }: Pick<EdgeConfig, 'dictionaries' | 'session_profile'>,
  log: Logger,
): Promise<Dictionaries> {
  const own = await readDictionaryFiles(directory, log);
  const dictionaries = new Dictionaries(await loadDictionaries(session_profile.begin_strings), own);
  const chosen = dictionaries.of(session_profile);
  if (chosen.known) return dictionaries;
  const none = directory === undefined ? '; FIXGATE_DICTIONARIES (--dictionaries) names the directory they are in' : '';
  throw new ConfigError(`FIXGATE_SESSION_PROFILE: ${chosen.problem}${none}`);
}
