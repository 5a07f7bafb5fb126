/**
 * `npm run interop [-- --engine quickfixgo --begin FIX.4.4 --keep]`: the FIX engines that people use, each in its own
 * language, against the whole product on free ports: logon, trade, lost reports, orders while away, limits, reset.
 * An engine whose tools are not on this machine is skipped. Ends with 1 when a step failed, with 2 when nothing ran.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { type Client, cacheFor, ENGINES, type Engine, missing } from '../interop/engines.ts';
import { play } from '../interop/run.ts';
import { type Product, ROOT, removeDirectory, startProduct, temporaryDirectory } from '../local/product.ts';

interface Totals {
  passed: number;
  failed: number;
}

interface Options {
  readonly engine?: readonly string[];
  readonly begin?: readonly string[];
  readonly keep?: boolean;
}

const CACHE = join(ROOT, 'node_modules', '.cache', 'interop');
const NOTHING_RAN = 2;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const {
  engine: engines,
  begin: versions,
  keep,
} = new Command('interop')
  .option('--engine <names...>', `of ${ENGINES.map(({ name }) => name).join(', ')}`)
  .option('--begin <versions...>', 'BeginStrings, for example FIX.4.4')
  .option('--keep', "leave the clients' stores and message logs, and say where")
  .parse()
  .opts<Options>();

/** Builds an engine's client. @returns undefined when it cannot run here, which has been said */
async function prepared(engine: Engine, totals: Totals): Promise<Client | undefined> {
  const lacking = missing(engine);
  if (lacking !== undefined) {
    say(`${engine.name}: skipped (no ${lacking})`);
    return undefined;
  }
  try {
    return await engine.build(cacheFor(engine, CACHE));
  } catch (error) {
    totals.failed++;
    say(`${engine.name}: FAIL build ${(error as Error).message}`);
    return undefined;
  }
}

interface Variant {
  readonly begin: string;
  readonly next_expected: boolean;
}

/** Each version, and one of them again with NextExpectedMsgSeqNum (789). */
function variantsOf(engine: Engine): readonly Variant[] {
  const plain = engine.versions.map((begin) => ({ begin, next_expected: false }));
  const all = engine.says789 ? [...plain, { begin: 'FIX.4.4', next_expected: true }] : plain;
  return all.filter(({ begin }) => versions?.includes(begin) ?? true);
}

async function played(product: Product, engine: Engine, client: Client, directory: string, totals: Totals) {
  for (const { begin, next_expected } of variantsOf(engine)) {
    const name = `${engine.name}-${begin.toLowerCase().replaceAll('.', '')}${next_expected ? '-789' : ''}`;
    const { sender_comp_id: sender, target_comp_id: target, password } = await product.provision(name);
    const store = join(directory, name);
    mkdirSync(store);
    const { fix_host: host, fix_port: port } = product.local;
    const heading = `${engine.name} ${client.engine} ${begin}${next_expected ? ' with 789' : ''}:`;
    await play(client, { host, port, begin, next_expected, sender, target, password, store }, ({ name: step, why }) => {
      if (why === undefined) totals.passed++;
      else totals.failed++;
      say(`${heading} ${why === undefined ? `ok ${step}` : `FAIL ${step} ${why}`}`);
    });
  }
}

async function main(): Promise<number> {
  const unknown = engines?.find((name) => !ENGINES.some((engine) => engine.name === name));
  if (unknown !== undefined) throw new Error(`there is no engine ${unknown}`);
  const chosen = ENGINES.filter(({ name }) => engines?.includes(name) ?? true);
  const totals: Totals = { passed: 0, failed: 0 };
  const directory = temporaryDirectory();
  let product: Product | undefined;
  try {
    for (const engine of chosen.filter((one) => variantsOf(one).length > 0)) {
      const client = await prepared(engine, totals);
      if (client === undefined) continue;
      product ??= await startProduct(join(directory, 'product'));
      await played(product, engine, client, directory, totals);
    }
  } finally {
    await product?.stop();
    if (keep) say(`stores and logs: ${directory}`);
    else removeDirectory(directory);
  }
  say(`${totals.passed} passed, ${totals.failed} failed`);
  if (totals.failed > 0) return 1;
  return totals.passed > 0 ? 0 : NOTHING_RAN;
}

process.exitCode = await main();
