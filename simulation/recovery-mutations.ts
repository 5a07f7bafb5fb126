/** Defects in how a client and an edge get to the same numbers after a connection was lost. */
import { encodeFix, type Field, type FixMessage } from '../local/fix-client.ts';
import type { Mutation } from './mutation.ts';

const POSS_DUP_FLAG = 43;
const NEXT_EXPECTED_MSG_SEQ_NUM = 789;
/** Written by who encodes. */
const FRAMING = new Set([8, 9, 10]);

/** The message with its fields changed, or as it is where it has none of this tag. */
function changed({ fields, raw }: FixMessage, tag: number, change: (field: Field) => readonly Field[]): string {
  if (!fields.some(([one]) => one === tag)) return raw;
  const [, begin] = fields[0] ?? [];
  const body = fields.filter(([one]) => !FRAMING.has(one));
  return encodeFix(
    String(begin),
    body.flatMap((field) => (field[0] === tag ? change(field) : [field])),
  );
}

export const RECOVERY: readonly Mutation[] = [
  {
    name: 'poss_dup_left_out',
    what: 'what is sent again does not say so',
    breaks: 'numbers',
    wire: (message) => changed(message, POSS_DUP_FLAG, () => []),
  },
  {
    name: 'next_expected_unread',
    what: 'an edge does not see what its client says to expect next, and waits to be asked for it',
    breaks: 'reports',
    hears: (message) => changed(message, NEXT_EXPECTED_MSG_SEQ_NUM, () => []),
  },
  {
    name: 'next_expected_overstated',
    what: 'an edge says to expect one message more than it has',
    breaks: 'numbers',
    wire: (message) => changed(message, NEXT_EXPECTED_MSG_SEQ_NUM, ([tag, next]) => [[tag, Number(next) + 1]]),
  },
  {
    name: 'next_expected_understated',
    what: 'an edge that has missed messages of its client does not say so, where both say what they expect next',
    breaks: 'reports',
    wire: (message) => changed(message, NEXT_EXPECTED_MSG_SEQ_NUM, () => []),
  },
];
