/** Keys of journals in tests: sealed by the real SecretBox under a master key of the test's own. */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { fixedMasterKeys } from '../../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../../adapters/kms/secret-box.ts';
import { type KeyBox, openKeys, type SegmentKeys, wrappedKeys } from '../../../edge/journal/keys.ts';
import { type Line, logInto } from './support.ts';

export const BOX: KeyBox = createRawAesSecretBox(fixedMasterKeys([{ id: 'test', key: new Uint8Array(32).fill(7) }]));

export interface KeyOptions {
  readonly box?: KeyBox;
  readonly edgeId?: string;
  readonly encrypt?: boolean;
  readonly lines?: Line[];
}

export function keysOf(directory: string, options: KeyOptions = {}): Promise<SegmentKeys> {
  const { box = BOX, edgeId = 'edge-1', encrypt = true, lines = [] } = options;
  const after = (ms: number, work: () => void): void => void setTimeout(work, ms).unref();
  const parts = { box, edgeId, log: logInto(lines), random: () => randomBytes(32), after };
  return openKeys(parts, wrappedKeys(directory), encrypt);
}

/** Keys without a box, made at once: for tests that open a journal hundreds of times. */
export function plainKeys(): SegmentKeys {
  const known = new Map<string, KeyObject>();
  const name = (wrapped: Uint8Array): string => Buffer.from(wrapped).toString('hex');
  return {
    of: (wrapped) => known.get(name(wrapped)),
    take() {
      const made = { key: createSecretKey(randomBytes(32)), wrapped: randomBytes(60) };
      known.set(name(made.wrapped), made.key);
      return made;
    },
  };
}
