/**
 * What a dictionary must have for a session to be kept by it: found when the file is read, not by the first client whose
 * Logon fails.
 */

import type { DictionarySource, Member } from './source.ts';

/** Versions that are served: those with a session layer, and the application versions over FIXT.1.1. */
const SESSION_VERSIONS: readonly string[] = ['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4', 'FIXT.1.1'];
const APPLICATION_VERSIONS: readonly string[] = ['FIX.5.0', 'FIX.5.0SP1', 'FIX.5.0SP2'];
export const VERSIONS: readonly string[] = [...SESSION_VERSIONS, ...APPLICATION_VERSIONS];

/** Fields of the header that the session layer itself reads or writes, by tag. */
const HEADER: readonly (readonly [tag: number, name: string])[] = [
  [8, 'BeginString'],
  [9, 'BodyLength'],
  [35, 'MsgType'],
  [49, 'SenderCompID'],
  [56, 'TargetCompID'],
  [34, 'MsgSeqNum'],
  [43, 'PossDupFlag'],
  [52, 'SendingTime'],
  [122, 'OrigSendingTime'],
];

/** Messages of the session layer, and the fields it reads in each. */
const MESSAGES: readonly (readonly [msgType: string, name: string, tags: readonly number[]])[] = [
  ['0', 'Heartbeat', [112]],
  ['1', 'TestRequest', [112]],
  ['2', 'ResendRequest', [7, 16]],
  ['3', 'Reject', [45]],
  ['4', 'SequenceReset', [36, 123]],
  ['5', 'Logout', []],
  ['A', 'Logon', [98, 108]],
];

/** What is missing, and in which part of the file. */
export interface Lack {
  readonly part: 'fix' | 'header' | 'trailer' | 'messages';
  readonly text: string;
}

/** What `source` lacks; nothing: sessions can be kept by it. */
export function lacksOf(source: DictionarySource): readonly Lack[] {
  if (!VERSIONS.includes(source.version))
    return [{ part: 'fix', text: `${source.version} is none of ${VERSIONS.join(', ')}` }];
  // Header, trailer and session messages of an application version are the transport's.
  if (APPLICATION_VERSIONS.includes(source.version))
    return source.messages.length > 0 ? [] : [{ part: 'messages', text: 'there is no message' }];
  const lacks: Lack[] = [];
  const header = tagsOf(source, source.header);
  for (const [tag, name] of HEADER)
    if (!header.has(tag)) lacks.push({ part: 'header', text: `the header has no ${name} (${tag})` });
  if (!tagsOf(source, source.trailer).has(10))
    lacks.push({ part: 'trailer', text: 'the trailer has no CheckSum (10)' });
  for (const [type, name, tags] of MESSAGES) {
    const message = source.messages.find((one) => one[0] === type);
    if (message === undefined) {
      lacks.push({ part: 'messages', text: `there is no message ${name} (35=${type})` });
      continue;
    }
    const has = tagsOf(source, message[3]);
    for (const tag of tags)
      if (!has.has(tag)) lacks.push({ part: 'messages', text: `${message[1]} (35=${type}) has no field ${tag}` });
  }
  return lacks;
}

/** Tags of fields and counts outside of groups. Components are known not to contain themselves. */
function tagsOf(source: DictionarySource, members: readonly Member[]): ReadonlySet<number> {
  const tags = new Set<number>();
  const seen = new Set<string>();
  const walk = (list: readonly Member[]): void => {
    for (const member of list) {
      if (typeof member === 'number') tags.add(Math.abs(member));
      else if (typeof member !== 'string') tags.add(Math.abs(member[0]));
      else {
        const name = member.startsWith('!') ? member.slice(1) : member;
        if (seen.has(name)) continue;
        seen.add(name);
        walk(source.components[name] ?? []);
      }
    }
  };
  walk(members);
  return tags;
}
