/**
 * Validation by the bundled dictionaries, each message with several settings: an answer of the catalogue that names what
 * is in the message, the same whatever was validated before, and the right one when a valid message is broken on purpose.
 */

import {
  DEFAULT_VALIDATION,
  loadDictionaries,
  REASON_TEXT,
  Reason,
  type ValidationOptions,
  Verdict,
  validate,
} from '../../../edge/fix/dictionary/index.ts';
import { judge } from '../../../edge/fix/dictionary/judge.ts';
import { Message, TOKENS_GARBLED, tokenise } from '../../../edge/fix/message.ts';
import { dataTagOf } from '../../../edge/fix/traits.ts';
import { ALL_MESSAGES, changeMessage, newMessage, refit } from '../fix-line.ts';
import { hold, type Lines, type Target } from '../target.ts';

const dictionaries = await loadDictionaries();

const LENIENT: ValidationOptions = {
  validate_fields_out_of_order: false,
  validate_fields_have_values: false,
  validate_user_defined_fields: false,
  validate_unordered_group_fields: false,
  allow_unknown_msg_fields: true,
};
const SETTINGS: readonly ValidationOptions[] = [
  DEFAULT_VALIDATION,
  LENIENT,
  { ...DEFAULT_VALIDATION, validate_fields_out_of_order: false, validate_unordered_group_fields: false },
];

const VIEW = new Message();
const OTHER = new Message();
const VERDICT = new Verdict();
const SECOND = new Verdict();

/** The text of an answer: reason and tag, 'ok'. */
function answer(message: Message, options: ValidationOptions, tokens: number): string {
  const begin = message.text(message.beginString);
  const dictionary = dictionaries.get(begin, begin === 'FIXT.1.1' ? '9' : '') ?? dictionaries.get('FIX.4.4')!;
  const fine = validate(dictionary, message, options, VERDICT, tokens);
  hold(fine === VERDICT.ok, () => 'true and a mistake, or false and none');
  const judged = judge(dictionary, message, options, SECOND, tokens);
  hold(judged === fine && SECOND.reason === VERDICT.reason, () => `the plan says ${fine}, the rules ${judged}`);
  if (fine) return 'ok';
  hold(Object.hasOwn(REASON_TEXT, VERDICT.reason) && VERDICT.text !== '', () => `reason ${VERDICT.reason}`);
  return `${VERDICT.reason} ${VERDICT.refTagId}`;
}

function answerOf(bytes: Buffer, options: ValidationOptions = DEFAULT_VALIDATION): string {
  const tokens = tokenise(bytes, 0, bytes.length, VIEW);
  return tokens === TOKENS_GARBLED ? 'garbled' : answer(VIEW, options, tokens);
}

/** The tag that an answer names is in the message; one that is required is not, at least not everywhere. */
function proveTag(message: Message, tokens: number): void {
  if (VERDICT.ok || !VERDICT.namesTag || VERDICT.reason === Reason.RequiredTagMissing) return;
  const tag = VERDICT.refTagId;
  const named = message.index(tag) >= 0 || (tokens !== 0 && tag === message.badTag);
  hold(named, () => `reason ${VERDICT.reason} names ${tag}, which is not in the message`);
}

const text = (line: Buffer): string => line.toString('latin1');

/** What is wrong with a valid message once it has been broken so. */
function proveBroken(line: Buffer): void {
  const whole = text(line);
  const broken = (from: RegExp, to: string) => refit(Buffer.from(whole.replace(from, to), 'latin1'));
  const expect = (what: string, bytes: Buffer, right: string) => {
    const said = answerOf(bytes);
    hold(said === right, () => `${what}: ${said} in place of ${right}`);
  };
  expect('an unknown field', broken(/10=\d{3}\x01$/, '4999=x\x0110='), '0 4999');
  expect('a user-defined field', broken(/10=\d{3}\x01$/, '7999=x\x0110='), '0 7999');
  expect('a header field behind the body', broken(/10=\d{3}\x01$/, '58=x\x01129=x\x0110='), '14 129');
  const head = /^(8=[^\x01]*\x019=\d+\x0135=[^\x01]*\x01)((?:(?:34|43|49|50|52|56|57|97|122)=[^\x01]*\x01)*)/.exec(
    whole,
  );
  const header = head?.[2] ?? '';
  for (const tag of [34, 49, 52, 56]) {
    const field = new RegExp(`(?<=^|\\x01)${tag}=[^\\x01]*\\x01`).exec(header)?.[0];
    if (field === undefined) continue;
    const front = head![1]!;
    const rest = whole.slice(front.length + header.length);
    const withHeader = (changed: string) => refit(Buffer.from(front + changed + rest, 'latin1'));
    expect(`no ${tag}`, withHeader(header.replace(field, '')), `1 ${tag}`);
    expect(`${tag} twice`, withHeader(header.replace(field, field + field)), `13 ${tag}`);
    expect(`${tag} empty`, withHeader(header.replace(field, `${tag}=\x01`)), `4 ${tag}`);
  }
}

/** What strict settings let through has every field once outside groups, none empty, each known. */
function proveStrict(message: Message): void {
  for (let i = 0; i < message.count; i++) {
    const tag = message.tags[i]!;
    hold(tag > 0, () => `tag ${tag} is let through`);
    const measured = i > 0 && dataTagOf(message.tags[i - 1]!) === tag;
    hold(message.length(i) > 0 || measured || i < 3, () => `an empty ${tag} is let through`);
  }
  for (const tag of [34, 35, 49, 52, 56]) {
    let times = 0;
    for (let i = 0; i < message.count; i++) if (message.tags[i] === tag) times++;
    hold(times === 1, () => `${times} times ${tag} is let through`);
  }
}

function check(lines: Lines): void {
  for (const line of lines) {
    const tokens = tokenise(line, 0, line.length, VIEW);
    if (tokens === TOKENS_GARBLED) continue;
    const other = ALL_MESSAGES[line.length % ALL_MESSAGES.length]!;
    const otherTokens = tokenise(other, 0, other.length, OTHER);
    const said = SETTINGS.map((options) => {
      const first = answer(VIEW, options, tokens);
      proveTag(VIEW, tokens);
      answer(OTHER, options, otherTokens);
      const again = answer(VIEW, options, tokens);
      hold(first === again, () => `${first}, and then ${again}`);
      return first;
    });
    if (said[0] !== 'ok') continue;
    for (const lenient of said)
      hold(lenient === 'ok', () => `strict settings let through what others refuse: ${lenient}`);
    proveStrict(VIEW);
    const isFramed = /^8=[^\x01]*\x019=\d+\x0135=.*\x0110=\d{3}\x01$/s.test(text(line));
    const last = VIEW.tags[VIEW.count - 2]!;
    // Behind a signature, which is of the trailer, a field would be out of order.
    if (isFramed && VIEW.text(VIEW.msgTypeField) !== 'n' && last !== 89 && last !== 93) proveBroken(line);
  }
}

const FIX44 = dictionaries.get('FIX.4.4')!;

export const target: Target = {
  name: 'dictionary',
  inputs: 800,
  line: newMessage,
  mutate: changeMessage,
  check,
  work(bytes) {
    validate(FIX44, VIEW, DEFAULT_VALIDATION, VERDICT, tokenise(bytes, 0, bytes.length, VIEW));
  },
};
