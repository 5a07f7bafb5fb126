/**
 * Messages of the gateway itself, in every version: LimitQuery (35=XLQ) and LimitResponse (35=XLR), laid out as Binance
 * has published them for its FIX API, with fields of ours behind theirs. They are laid over each dictionary as it is
 * compiled, so that they are checked like any other message and every other unknown MsgType is still refused.
 */

import type { DictionarySource, FieldSource, MessageSource } from './source.ts';

const FIELDS: readonly FieldSource[] = [
  [6136, 'ReqID', 'STRING'],
  [25003, 'NoLimitIndicators', 'NUMINGROUP'],
  // 1 orders, 2 messages, 3 cancels, 4 sessions: the last two are ours.
  [25004, 'LimitType', 'CHAR', ['1', '2', '3', '4']],
  [25005, 'LimitCount', 'INT'],
  [25006, 'LimitMax', 'INT'],
  [25007, 'LimitResetInterval', 'INT'],
  [25008, 'LimitResetIntervalResolution', 'CHAR', ['s', 'm', 'h', 'd']],
  [25901, 'LimitRate', 'FLOAT'],
  [25902, 'LimitNextMs', 'INT'],
  [25903, 'LimitFullMs', 'INT'],
];

const MESSAGES: readonly MessageSource[] = [
  ['XLQ', 'LimitQuery', 'app', [-6136]],
  ['XLR', 'LimitResponse', 'app', [-6136, 58, [-25003, [-25004, -25005, -25006, 25007, 25008, 25901, 25902, 25903]]]],
];

/** The source with the gateway's own messages. What it says itself of a field or a message stays. */
export function withOwnMessages(source: DictionarySource): DictionarySource {
  const tags = new Set(source.fields.map(([tag]) => tag));
  const types = new Set(source.messages.map(([type]) => type));
  return {
    ...source,
    fields: [...source.fields, ...FIELDS.filter(([tag]) => !tags.has(tag))],
    messages: [...source.messages, ...MESSAGES.filter(([type]) => !types.has(type))],
  };
}
