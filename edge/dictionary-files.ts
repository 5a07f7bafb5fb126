/**
 * The deployer's own dictionaries: the `.xml` files of a directory, QuickFIX's format, read once at start. All of their
 * mistakes are told at once.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_NAME } from '../core/sessions/profile.ts';
import { ConfigError } from './config.ts';
import { type Mistake, readDictionary } from './fix/dictionary/index.ts';
import type { DictionarySource } from './fix/dictionary/source.ts';
import { DICTIONARY_FILE_BYTES, DICTIONARY_FILES, DICTIONARY_TOTAL_BYTES } from './limits.ts';
import type { Logger } from './log.ts';

const SETTING = 'FIXGATE_DICTIONARIES (--dictionaries)';
/** Encodings besides UTF-8 in which each byte is a character, as in the messages themselves. */
const SINGLE_BYTE = /^<\?xml[^>]*\bencoding\s*=\s*["'](?:iso-8859-1|latin1|us-ascii)["']/i;

/**
 * Reads them; none without a directory.
 * @returns by the name of the file
 * @throws ConfigError with a line `file:line: what` for each mistake
 */
export async function readDictionaryFiles(
  directory: string | undefined,
  log: Logger,
): Promise<ReadonlyMap<string, DictionarySource>> {
  const found = new Map<string, DictionarySource>();
  if (directory === undefined) return found;
  const mistakes: Mistake[] = [];
  for (const name of await filesOf(directory)) {
    const file = join(directory, name);
    if (!FILE_NAME.test(name)) {
      mistakes.push({
        file,
        line: 1,
        text: 'the name has other characters than letters, digits, ., _ and -, or over 64',
      });
      continue;
    }
    const bytes = await read(file);
    const text = decoded(bytes);
    if (text === undefined) {
      mistakes.push({ file, line: 1, text: 'is neither UTF-8 nor says that it is ISO-8859-1' });
      continue;
    }
    const result = readDictionary(text, file);
    if (!result.ok) {
      mistakes.push(...result.mistakes);
      continue;
    }
    found.set(name, result.source);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    log.info({ file: name, version: result.source.version, sha256 }, 'a dictionary has been read');
  }
  if (mistakes.length > 0) throw new ConfigError(told(directory, mistakes));
  return found;
}

function told(directory: string, mistakes: readonly Mistake[]): string {
  const files = new Set(mistakes.map(({ file }) => file)).size;
  const head = `${SETTING}: ${files} of the dictionaries in ${directory} cannot be used`;
  return [head, ...mistakes.map(({ file, line, text }) => `${file}:${line}: ${text}`)].join('\n');
}

/** The names of its dictionaries, sorted. Hidden files are others' business: mounts and editors make them. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const entries = await attempt(directory, () => readdir(directory));
  const names = entries.filter((name) => /\.xml$/i.test(name) && !name.startsWith('.')).sort();
  if (names.length > DICTIONARY_FILES)
    throw new ConfigError(`${SETTING}: ${directory} has more than ${DICTIONARY_FILES} files that end in .xml`);
  let total = 0;
  for (const name of names) {
    const file = join(directory, name);
    const status = await attempt(file, () => stat(file));
    if (!status.isFile()) throw new ConfigError(`${SETTING}: ${file} is no file`);
    if (status.size > DICTIONARY_FILE_BYTES)
      throw new ConfigError(`${SETTING}: ${file} is longer than ${DICTIONARY_FILE_BYTES} bytes`);
    total += status.size;
  }
  if (total > DICTIONARY_TOTAL_BYTES)
    throw new ConfigError(
      `${SETTING}: the files in ${directory} have more than ${DICTIONARY_TOTAL_BYTES} bytes together`,
    );
  return names;
}

const read = (file: string): Promise<Buffer> => attempt(file, () => readFile(file));

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ConfigError(`${SETTING}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Undefined: neither of the encodings that are read. */
function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // TypeError: how the decoder says no
    return SINGLE_BYTE.test(bytes.toString('latin1', 0, 200)) ? bytes.toString('latin1') : undefined;
  }
}
