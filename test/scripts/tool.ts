// A script of the product as an operator runs it: a process of its own over tables of the embedded store.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';
import { startStore, type TestStore } from '../support/store.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The tables that tools of a test file run over, and where they run. */
export interface Tables {
  readonly folder: string;
  readonly store: TestStore;
  /** Fresh for each test. */
  readonly tables: TableNames;
  /** @param name of the file in scripts/, without its ending */
  run(name: string, ...args: readonly string[]): Promise<Ended>;
}

/** A store for the file that calls it; `each` fills the tables of each test. */
export function overTables(each: (over: Tables) => Promise<void> = async () => {}): Tables {
  const folder = temporaryDirectory();
  const over: { -readonly [K in keyof Tables]: Tables[K] } = {
    folder,
    store: undefined as never,
    tables: undefined as never,
    run: (name, ...args) => runTool(name, args, environmentOf(over), folder),
  };
  beforeAll(async () => {
    over.store = await startStore();
  }, 30_000);
  afterAll(async () => {
    await over.store?.stop();
    removeDirectory(folder);
  });
  beforeEach(async () => {
    over.tables = await over.store.tables();
    await each(over);
  }, 30_000);
  return over;
}

/** The environment that names these tables. */
function environmentOf({ store, tables }: Tables): Record<string, string> {
  return {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    FIXGATE_DYNAMODB_ENDPOINT: store.endpoint,
    ...Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [`FIXGATE_TABLE_${name.toUpperCase()}`, table]),
    ),
  };
}

/** In an environment of the test's own. */
export function runTool(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Ended> {
  return new Promise((resolve) => {
    const script = [join(ROOT, 'scripts', `${name}.ts`), ...args];
    execFile(process.execPath, script, { env: { ...process.env, ...env }, cwd }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
