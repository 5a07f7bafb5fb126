/** Whether what the gateway sends stands in the dictionary of its version. */
import { expect } from '@jest/globals';
import { DEFAULT_VALIDATION, loadDictionaries, Verdict, validate } from '../../../edge/fix/dictionary/index.ts';
import { Message, tokenise } from '../../../edge/fix/message.ts';
import type { FixMessage } from '../../../local/fix-client.ts';

const dictionaries = await loadDictionaries();

/** Every version, as BeginString and DefaultApplVerID (1137). */
export const VERSIONS: readonly (readonly [beginString: string, applVerId: string])[] = [
  ['FIX.4.0', ''],
  ['FIX.4.1', ''],
  ['FIX.4.2', ''],
  ['FIX.4.3', ''],
  ['FIX.4.4', ''],
  ['FIXT.1.1', '7'],
  ['FIXT.1.1', '8'],
  ['FIXT.1.1', '9'],
];

/** Fails with reason and tag of the first mistake. */
export function expectValid({ raw }: Pick<FixMessage, 'raw'>, applVerId = ''): void {
  const bytes = Buffer.from(raw, 'latin1');
  const message = new Message();
  const tokens = tokenise(bytes, 0, bytes.length, message);
  const verdict = new Verdict();
  const dictionary = dictionaries.get(message.text(message.beginString), applVerId)!;
  validate(dictionary, message, DEFAULT_VALIDATION, verdict, tokens);
  const { reason, refTagId } = verdict;
  expect({ raw, reason, refTagId }).toEqual({ raw, reason: -1, refTagId: 0 });
}
