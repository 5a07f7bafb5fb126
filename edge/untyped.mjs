/**
 * Loaded before a program of the edge (NODE_FLAGS in runtime.ts): has the types taken out of its modules by a process that ends then.
 *
 * Node would do it in this one, by a WebAssembly module whose memory grows. V8 takes that for a sign that buffers may be taken away under those who
 * look into them (protectors.h, ArrayBufferDetaching), and from then on each look into a typed array or DataView asks first whether its buffer is
 * still there: an order's way took 7 % longer. Nothing of the edge may take a buffer away either: no `transfer`, no list of what is
 * to be transferred.
 *
 * And it has each module hold in constants of its own what it imports from others of the product, and what it exports. V8 puts the value of a
 * constant of the module into the machine code. What is imported or exported it fetches each time from a cell that all modules share, and asks
 * whether it is there yet and what it is: 5 % of an order's way. So nothing that is exported is assigned again, and no module imports one
 * that imports it.
 *
 * Plain JavaScript, for nobody has taken types out of it.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The modules of the product and their types, many times over. */
const MOST_BYTES = 256 * 1024 * 1024;
/** What a module names in an import or export, as a path. */
const NAMES = /\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"\n]+\.ts)['"]/g;

/** Declarations of imports from modules of the product, and of what a module exports; both begin a line. */
const IMPORTS = /^import \{([^}]*)\} from '\.{1,2}\/[^'\n]+\.ts';/gm;
const EXPORTS = /^export +(?=(?:const|class|function|async function) +(\w+))/gm;

/** Imports under other names, for constants that have the right ones. */
function importHeld(declaration, list) {
  const constants = [];
  const renamed = list.replace(/(\w+)(?: as (\w+))?/g, (_, name, local = name) => {
    constants.push(`${local} = $in_${local}`);
    return `${name} as $in_${local}`;
  });
  if (constants.length === 0) return declaration;
  return `${declaration.replace(list, () => renamed)} const ${constants.join(', ')};`;
}

/** The source of a module with such constants; each line stays where it is. */
function hold(source) {
  const names = Array.from(source.matchAll(EXPORTS), ([, name]) => name);
  const held = source.replace(IMPORTS, importHeld).replace(EXPORTS, '');
  if (names.length === 0) return held;
  const constants = names.map((name) => `$out_${name} = ${name}`);
  const exported = names.map((name) => `$out_${name} as ${name}`);
  return `${held}const ${constants.join(', ')}; export { ${exported.join(', ')} };\n`;
}

/** Prints as JSON, by URL, the sources of a script and all that it imports, directly or not, without types and with such constants. */
function printUntyped(script) {
  const sources = {};
  const left = [pathToFileURL(realpathSync(script)).href];
  for (let url = left.pop(); url !== undefined; url = left.pop()) {
    if (url in sources) continue;
    let source;
    try {
      source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'));
    } catch {
      continue; // not there, or not right: who imports it is told by Node
    }
    sources[url] = hold(source);
    for (const [, name] of source.matchAll(NAMES)) left.push(new URL(name, url).href);
  }
  process.stdout.write(JSON.stringify(sources));
}

function useUntyped(script) {
  const asked = ['--disable-warning=ExperimentalWarning', import.meta.filename, script];
  const printed = execFileSync(process.execPath, asked, {
    maxBuffer: MOST_BYTES,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const sources = new Map(Object.entries(JSON.parse(printed.toString())));
  registerHooks({
    load(url, context, next) {
      const source = sources.get(url);
      if (source === undefined) return next(url, context);
      sources.delete(url);
      return { format: 'module', source, shortCircuit: true };
    },
  });
}

if (process.argv[1] === import.meta.filename) printUntyped(process.argv[2]);
else if (process.argv[1]?.endsWith('.ts')) {
  try {
    useUntyped(process.argv[1]);
  } catch (error) {
    process.emitWarning(`types are taken out by Node, which makes the edge slower: ${error.message}`);
  }
}
