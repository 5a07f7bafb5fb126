/**
 * Compiles dictionaries from QuickFIX's XML into the tables under edge/fix/dictionary/tables.
 *
 *     pip download quickfix==1.16.0 --no-deps --no-binary :all: && tar xzf quickfix-1.16.0.tar.gz
 *     npm run dictionaries -- quickfix-1.16.0/spec
 *
 * The tables are committed; this runs when a new edition of the XML is taken.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Dictionary } from '../edge/fix/dictionary/dictionary.ts';
import { readDictionary } from '../edge/fix/dictionary/read.ts';
import type { DictionarySource } from '../edge/fix/dictionary/source.ts';

const VERSIONS = ['FIX40', 'FIX41', 'FIX42', 'FIX43', 'FIX44', 'FIX50', 'FIX50SP1', 'FIX50SP2', 'FIXT11'];
const TABLES = join(import.meta.dirname, '..', 'edge', 'fix', 'dictionary', 'tables');

/** One line an entry: a new edition shows in a diff what it changed. */
function render(source: DictionarySource): string {
  const lines = (entries: readonly unknown[]) => entries.map((entry) => `\n${JSON.stringify(entry)}`).join(',');
  const components = Object.entries(source.components)
    .map(([name, members]) => `\n${JSON.stringify(name)}:${JSON.stringify(members)}`)
    .join(',');
  return (
    `{"version":${JSON.stringify(source.version)},\n"fields":[${lines(source.fields)}],\n` +
    `"header":${JSON.stringify(source.header)},\n"trailer":${JSON.stringify(source.trailer)},\n` +
    `"components":{${components}},\n"messages":[${lines(source.messages)}]}\n`
  );
}

async function main(folder: string | undefined): Promise<number> {
  if (folder === undefined) {
    console.error('usage: npm run dictionaries -- FOLDER   (with FIX40.xml to FIX50SP2.xml and FIXT11.xml)');
    return 2;
  }
  let failed = 0;
  for (const version of VERSIONS) {
    const file = join(folder, `${version}.xml`);
    const read = readDictionary(await readFile(file, 'utf8'), file);
    if (!read.ok) {
      for (const mistake of read.mistakes) console.error(`${mistake.file}:${mistake.line}: ${mistake.text}`);
      failed++;
      continue;
    }
    const dictionary = new Dictionary(read.source);
    for (const type of dictionary.messageTypes()) dictionary.body(type);
    const text = render(read.source);
    await writeFile(join(TABLES, `${version}.generated.json`), text);
    console.log(
      `${version}: ${read.source.fields.length} fields, ${read.source.messages.length} messages, ${text.length} bytes`,
    );
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv[2]);
