/** Checks a tokenised message against a dictionary: by the plan of its type, and by the rules what is not plainly fine. */

import { type Message, TOKENS_OK } from '../message.ts';
import type { Dictionary } from './dictionary.ts';
import { judge } from './judge.ts';
import { isPlainlyFine } from './plan.ts';
import { Reason, type ValidationOptions, type Verdict } from './verdict.ts';

/**
 * Validates the message that {@link tokenise} split, given what it returned.
 * @returns true when the message is fine; otherwise `verdict` has reason and tag
 */
export function validate(
  dictionary: Dictionary,
  message: Message,
  options: ValidationOptions,
  verdict: Verdict,
  tokens: number = TOKENS_OK,
): boolean {
  if (tokens === TOKENS_OK) {
    verdict.reason = Reason.None;
    verdict.refTagId = 0;
    const plan = dictionary.plan(message.msgType);
    if (plan !== undefined && isPlainlyFine(plan, dictionary, message, options, verdict)) return true;
  }
  return judge(dictionary, message, options, verdict, tokens);
}
