/** Objects by name, as a bucket has them; a folder that was copied from one serves as well. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareKeys } from './keys.ts';

export interface Objects {
  /** Names that begin so, from the one behind `after` on, in the order of their bytes. */
  list(prefix: string, after: string): AsyncIterable<string>;
  /** Undefined: there is no such object. */
  get(name: string): Promise<string | undefined>;
}

/** Files below a folder, under the names that they have in the bucket (`aws s3 sync`). */
export function folderObjects(folder: string): Objects {
  let names: readonly string[] | undefined;
  const all = (): readonly string[] => {
    names ??= readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, ''))
      .sort(compareKeys);
    return names;
  };
  return {
    async *list(prefix, after) {
      yield* all().filter((name) => name.startsWith(prefix) && compareKeys(name, after) > 0);
    },
    async get(name) {
      const file = join(folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    },
  };
}
