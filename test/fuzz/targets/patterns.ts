/**
 * A session's messages read by patterns of those before, against framing, splitting and validating each: the lines of an input are
 * one session's, so that each is read after what came before it.
 */

import { loadDictionaries } from '../../../edge/fix/dictionary/index.ts';
import { TwoWays } from '../../edge/fix/dictionary/two-ways.ts';
import { changeMessage, newMessage } from '../fix-line.ts';
import type { Random } from '../random.ts';
import { hold, type Lines, type Target } from '../target.ts';

const FIX44 = (await loadDictionaries(['FIX.4.4'])).get('FIX.4.4')!;
const NAMES = { begin: 'FIX.4.4', sender: 'TW', target: 'ISLD' };

function check(lines: Lines): void {
  const two = new TwoWays(FIX44, NAMES);
  for (const line of lines) {
    // Twice: the first time it may be learnt.
    for (let times = 0; times < 2; times++) {
      const difference = two.read(line);
      hold(difference === undefined, () => difference ?? '');
    }
  }
}

export const target: Target = {
  name: 'patterns',
  inputs: 800,
  line: newMessage,
  mutate: (line: Buffer, random: Random) => changeMessage(line, random),
  check,
};
