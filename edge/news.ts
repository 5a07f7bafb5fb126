/** News (35=B) as each version has it: a Headline and lines of Text, by the session's own dictionary. */

import type { BodyWriter } from './fix/body-writer.ts';
import type { Dictionary } from './fix/dictionary/index.ts';
import { MsgType, Tag } from './fix/tags.ts';

/** Urgency (61). */
export const URGENCIES = { normal: '0', flash: '1', background: '2' } as const;

export interface News {
  readonly headline: string;
  /** Printable, at least one. */
  readonly lines: readonly string[];
  readonly urgency: keyof typeof URGENCIES;
  /** Epoch ms: OrigTime (42). */
  readonly at: number;
  /** NewsID (1472), where the version has it. */
  readonly id?: string;
}

/** NewsCategory (1473): technical news. */
const TECHNICAL = 3;

/** Whether a session's dictionary has News. */
export const hasNews = (dictionary: Dictionary): boolean => dictionary.knows(MsgType.News);

/**
 * Writes the body. FIX.4.0 has neither Headline nor repeated lines: all goes into one Text. NewsID and NewsCategory
 * came with FIX.5.0SP2.
 */
export function writeNews(body: BodyWriter, dictionary: Dictionary, news: News): void {
  const rules = dictionary.body(MsgType.News);
  if (rules === undefined) throw new RangeError('the dictionary has no News');
  const has = (tag: number) => rules.slot(tag) >= 0;
  if (news.id !== undefined && has(Tag.NewsID)) body.text(Tag.NewsID, news.id);
  if (has(Tag.NewsCategory)) body.uint(Tag.NewsCategory, TECHNICAL);
  if (has(Tag.OrigTime)) body.utc(Tag.OrigTime, news.at);
  if (has(Tag.Urgency)) body.text(Tag.Urgency, URGENCIES[news.urgency]);
  const headlined = has(Tag.Headline);
  if (headlined) body.text(Tag.Headline, news.headline);
  const lines = headlined ? news.lines : [`${news.headline}: ${news.lines.join(' ')}`];
  const repeats = rules.groups[rules.slot(Tag.LinesOfText)] !== undefined;
  const written = repeats ? lines : [lines.join(' ')];
  body.uint(Tag.LinesOfText, written.length);
  for (const line of written) body.text(Tag.Text, line);
}
