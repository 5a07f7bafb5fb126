/** The release before this one, as it was: its tree from the history, its stacks, its functions, its edge. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../local/product.ts';
import type { startTask } from './edge-task.ts';

/** Set anew with each release. */
export const RELEASE_BEFORE = '29356a4a8821e68df44d8bd9890c61ca04098aca';

const git = (...args: string[]): Buffer =>
  execFileSync('git', ['-C', ROOT, ...args], { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 256 * 1024 * 1024 });

/** Unpacks it. Undefined: this copy of the project has no history that reaches back so far. */
export function unpackReleaseBefore(directory: string): string | undefined {
  let archive: Buffer;
  try {
    archive = git('archive', '--format=tar', RELEASE_BEFORE);
  } catch {
    return undefined;
  }
  const tree = join(directory, 'release-before');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  execFileSync('tar', ['-x', '-C', tree], { input: archive, stdio: ['pipe', 'ignore', 'inherit'] });
  // It runs on the libraries of this one.
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  addClientNode(join(tree, 'adapters', 'node_modules', '@aws-crypto', 'client-node'));
  return tree;
}

/**
 * The one package that only its adapters import: an index of others, which this release imports one by one. As a dependency
 * for development it would have npm leave those out of the list of what the image installs.
 */
function addClientNode(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const description = { name: '@aws-crypto/client-node', version: '5.0.2', type: 'module', main: 'index.js' };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(description));
  const parts = ['encrypt', 'decrypt', 'material-management', 'kms-keyring', 'raw-aes-keyring', 'branch-keystore'];
  writeFileSync(
    join(directory, 'index.js'),
    `${parts.map((part) => `export * from '@aws-crypto/${part}-node';\n`).join('')}
import { buildEncrypt } from '@aws-crypto/encrypt-node';
import { buildDecrypt } from '@aws-crypto/decrypt-node';
export const buildClient = (policy) => ({ ...buildEncrypt(policy), ...buildDecrypt(policy) });
`,
  );
}

/** What starts its edge. */
export async function edgeOf(tree: string): Promise<typeof startTask> {
  const module = (await import(join(tree, 'deploy', 'edge-task.ts'))) as { readonly startTask: typeof startTask };
  return module.startTask;
}
