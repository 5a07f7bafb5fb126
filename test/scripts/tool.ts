// A script of the product as an operator runs it: a process of its own over tables of the embedded store.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import type { TestStore } from '../support/store.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The environment that names these tables. */
export function environmentOf(store: Pick<TestStore, 'endpoint'>, tables: TableNames): Record<string, string> {
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

/** @param name of the file in scripts/, without its ending */
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
