// Checkpoints of the archive as files of a folder, for audit:verify: read, verified by the public key, needing neither
// store nor AWS.

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDigests } from '../adapters/node/digests.ts';
import { asCheckpointFile, type CheckpointLeaf, CheckpointWalk, SignedRecords } from '../core/audit/checkpoint.ts';

export interface Checkpoints {
  readonly signed: SignedRecords;
  readonly count: number;
  /** How many are not what they should be; each was told of. */
  readonly broken: number;
}

/** @param say is told of each checkpoint that is broken @throws when folder or key cannot be read */
export function readCheckpoints(folder: string, publicKeyFile: string, say: (line: string) => void): Checkpoints {
  const key = publicKey(publicKeyFile);
  const walk = new CheckpointWalk(nodeDigests, (text, signature) =>
    verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64')),
  );
  const names = readdirSync(folder).filter((name) => /^\d{16}\.json$/.test(name));
  if (names.length === 0) throw new Error(`there are no checkpoints in ${folder}`);
  const leaves: CheckpointLeaf[] = [];
  let broken = 0;
  for (const name of names.sort()) {
    const file = parsed(join(folder, name));
    const fault = file === undefined ? 'is no checkpoint' : walk.next(file);
    if (fault !== undefined) {
      broken += 1;
      say(`BROKEN checkpoint ${name} ${fault}`);
    } else leaves.push(...(file?.leaves ?? []));
  }
  return { signed: new SignedRecords(leaves), count: names.length, broken };
}

/** PEM, or DER as `aws kms get-public-key` gives it. */
function publicKey(file: string): KeyObject {
  const bytes = readFileSync(file);
  if (bytes.includes('-----BEGIN')) return createPublicKey(bytes);
  return createPublicKey({ key: bytes, format: 'der', type: 'spki' });
}

function parsed(file: string) {
  try {
    return asCheckpointFile(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
