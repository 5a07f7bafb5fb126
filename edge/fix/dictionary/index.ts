/**
 * The one door of this folder.
 *
 *     const dictionaries = await loadDictionaries(['FIX.4.4']);   // at start; tables are read once
 *     const dictionary = dictionaries.get('FIX.4.4');              // FIXT.1.1: get('FIXT.1.1', '9')
 *     if (validate(dictionary, message, options, verdict)) …       // verdict.reason, verdict.refTagId otherwise
 */

export {
  type CompiledDictionaries,
  DeployerDictionaries,
  type DeployerSource,
  type SessionDictionaries,
} from './deployer.ts';
export type { Dictionary } from './dictionary.ts';
export { APPL_VER_IDS, BEGIN_STRINGS, type BeginString, DictionarySet, loadDictionaries, loadSource } from './load.ts';
export { Patterns } from './patterns.ts';
export { type Mistake, type ReadDictionary, readDictionary } from './read.ts';
export type { DictionarySource } from './source.ts';
export { validate } from './validate.ts';
export { DEFAULT_VALIDATION, REASON_TEXT, Reason, type ValidationOptions, Verdict } from './verdict.ts';
