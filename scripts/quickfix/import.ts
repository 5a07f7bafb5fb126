/** From a QuickFIX settings file to credentials and their session profiles. Knows no file system and no network. */

import { parseAddressRule } from '../../core/addresses.ts';
import {
  changedOverrides,
  FILE_NAME,
  type ProfileChange,
  type ProfileOverrides,
  SETTINGS,
  togetherProblems,
} from '../../core/sessions/profile.ts';
import { type Note, readSettings, type Said, type Section } from './file.ts';
import { applyRule, type Side } from './rules.ts';
import { scheduleOf } from './schedule.ts';
import { fileName, type Merged } from './values.ts';

/** One client of the file: one credential. */
export interface ClientImport {
  /** The client's CompID: 49 of what it sends. */
  readonly sender_comp_id: string;
  /** The gateway's CompID. */
  readonly target_comp_id: string;
  /** Where its sessions begin in the file. */
  readonly lines: readonly number[];
  /** What the file says of it, [DEFAULT] and its own; null takes away what an earlier import may have said. */
  readonly session_profile: ProfileChange;
  /** AllowedRemoteAddresses: of `provision` alone. */
  readonly allowed_ips: readonly string[];
}

export interface Imported {
  /** What [DEFAULT] says for everybody: FIXGATE_SESSION_PROFILE. Undefined for a client's own file. */
  readonly gateway: ProfileOverrides | undefined;
  readonly clients: readonly ClientImport[];
  /** By line. */
  readonly notes: readonly Note[];
}

/** As contract/fields.ts has it. */
const COMP_ID = /^[A-Za-z0-9_.:/-]{1,64}$/;
const STANDARD = /^(?:FIX(?:4[0-4]|50|50SP1|50SP2)|FIXT11)\.xml$/i;
const VERSIONS = SETTINGS.begin_strings.fallback;
type BeginString = (typeof VERSIONS)[number];

/** @param side of files that do not say it themselves, as those of quickfixgo */
export function importSettings(text: string, side?: Side): Imported {
  const notes: Note[] = [];
  const { defaults, sessions } = readSettings(text, notes);
  const clients = new Map<string, ClientImport>();
  const sides = new Set<Side>();
  let nonStop = false;
  if (sessions.length === 0) notes.push({ line: 1, level: 'wrong', text: 'there is no [SESSION]' });
  for (const { line, own } of sessions) {
    const merged: Merged = new Map([...defaults, ...own]);
    const client = clientOf(merged, line, side, sides, notes);
    if (client === undefined) continue;
    nonStop ||= client.session_profile.start_time === null;
    const known = clients.get(client.sender_comp_id);
    clients.set(client.sender_comp_id, known === undefined ? client : together(known, client, notes));
  }
  const gateway = sides.has('acceptor') ? gatewayOf(defaults, nonStop, notes) : undefined;
  return { gateway, clients: [...clients.values()], notes: unique(notes) };
}

/** Everything but who it is for. */
function profileOf(section: Merged, side: Side, beginString: BeginString | undefined, notes: Note[]): ProfileChange {
  // Where both are said TimeStampPrecision counts, whatever the order.
  const last = 'timestampprecision';
  const said = [...section].sort(([a], [b]) => Number(a === last) - Number(b === last)).map(([, one]) => one);
  const profile: ProfileChange = Object.assign({}, ...said.map((one) => applyRule(one, side, notes)));
  return { ...profile, ...scheduleOf(section, notes), ...dictionariesOf(section, beginString, notes) };
}

/** [DEFAULT] by itself. Hours are left to the credentials where one has none: it could not take the gateway's away. */
function gatewayOf(defaults: Section, nonStop: boolean, notes: Note[]): ProfileOverrides {
  const change = profileOf(defaults, 'acceptor', undefined, notes);
  const { start_day: _, end_day: _end, start_time: _start, end_time: _to, time_zone: _zone, ...rest } = change;
  return changedOverrides({}, nonStop ? rest : change);
}

function clientOf(
  section: Merged,
  line: number,
  given: Side | undefined,
  sides: Set<Side>,
  notes: Note[],
): ClientImport | undefined {
  const wrong = (at: number, text: string): undefined => void notes.push({ line: at, level: 'wrong', text });
  const side = sideOf(section, given);
  if (side === undefined)
    return wrong(line, 'neither ConnectionType nor a socket says whose file this is: --as acceptor or --as initiator');
  sides.add(side);
  const [sender, target] = [section.get('sendercompid'), section.get('targetcompid')];
  const version = section.get('beginstring');
  for (const [name, said] of Object.entries({ SenderCompID: sender, TargetCompID: target, BeginString: version }))
    if (said === undefined) wrong(line, `the session has no ${name}`);
  if (sender === undefined || target === undefined || version === undefined) return undefined;
  const beginString = VERSIONS.find((one) => one === version.value);
  if (beginString === undefined)
    wrong(version.line, `BeginString: '${version.value}' is none of ${VERSIONS.join(', ')}`);
  const [client, gateway] = side === 'acceptor' ? [target, sender] : [sender, target];
  for (const said of [client, gateway])
    if (!COMP_ID.test(said.value))
      wrong(
        said.line,
        `${said.name}: '${said.value}' has other characters than letters, digits, _ . : / -, or over 64`,
      );
  const profile = profileOf(section, side, beginString, notes);
  const session_profile = { ...profile, ...(beginString === undefined ? {} : { begin_strings: [beginString] }) };
  for (const { path, message } of togetherProblems(changedOverrides({}, session_profile)))
    wrong(line, `${path.join('.')} ${message}`);
  const allowed_ips = side === 'acceptor' ? addressesOf(section, notes) : [];
  return { sender_comp_id: client.value, target_comp_id: gateway.value, lines: [line], session_profile, allowed_ips };
}

function sideOf(section: Merged, given: Side | undefined): Side | undefined {
  const said = section.get('connectiontype')?.value.toLowerCase();
  if (said === 'acceptor' || said === 'initiator') return said;
  if (given !== undefined) return given;
  if (section.has('socketacceptport')) return 'acceptor';
  return section.has('socketconnecthost') ? 'initiator' : undefined;
}

/** Two sessions of one client are one credential: of several versions, or of several SenderSubIDs. */
function together(a: ClientImport, b: ClientImport, notes: Note[]): ClientImport {
  const line = b.lines[0]!;
  const wrong = (text: string): void =>
    void notes.push({
      line,
      level: 'wrong',
      text: `${a.sender_comp_id} has a session in line ${a.lines[0]} already: ${text}`,
    });
  if (a.target_comp_id !== b.target_comp_id)
    wrong(`a credential has one TargetCompID, not ${a.target_comp_id} and ${b.target_comp_id}`);
  const [one, other] = [a.session_profile, b.session_profile] as Readonly<Record<string, unknown>>[];
  const merged: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(one!), ...Object.keys(other!)])) {
    const [left, right] = [one![name], other![name]];
    if (Array.isArray(left) || Array.isArray(right)) merged[name] = [...new Set([left ?? [], right ?? []].flat())];
    else if (JSON.stringify(left ?? null) === JSON.stringify(right ?? null)) merged[name] = left;
    else wrong(`one credential has one ${name}`);
  }
  return {
    ...a,
    lines: [...a.lines, line],
    session_profile: merged as ProfileChange,
    allowed_ips: [...new Set([...a.allowed_ips, ...b.allowed_ips])],
  };
}

/** Names of dictionaries that are no standard ones. */
function dictionariesOf(section: Merged, beginString: BeginString | undefined, notes: Note[]): ProfileChange {
  const named = (keys: readonly Said[]): string[] => keys.flatMap((said) => dictionaryName(said, notes));
  const pick = (matches: (key: string) => boolean) =>
    [...section].filter(([key]) => matches(key)).map(([, said]) => said);
  const takes = (over: boolean): boolean => beginString === undefined || (beginString === 'FIXT.1.1') === over;
  const data = takes(false) ? named(pick((key) => key === 'datadictionary')) : [];
  const transport = takes(true) ? named(pick((key) => key === 'transportdatadictionary')) : [];
  const app = takes(true) ? named(pick((key) => /^appdatadictionary(?:\.|$)/.test(key))) : [];
  return {
    ...(data.length > 0 ? { data_dictionary: data } : {}),
    ...(transport.length > 0 ? { transport_data_dictionary: transport } : {}),
    ...(app.length > 0 ? { app_data_dictionary: [...new Set(app)] } : {}),
  };
}

function dictionaryName(said: Said, notes: Note[]): string[] {
  const name = fileName(said.value);
  const { line } = said;
  if (STANDARD.test(name)) {
    const text = `${said.name}: ${name} is taken for the standard’s, which is built in; one of your own needs another name`;
    notes.push({ line, level: 'ignored', text });
    return [];
  }
  if (FILE_NAME.test(name)) return [name];
  notes.push({ line, level: 'wrong', text: `${said.name}: '${name}' is to be renamed: letters, digits, . _ and -` });
  return [];
}

function addressesOf(section: Merged, notes: Note[]): string[] {
  const said = section.get('allowedremoteaddresses');
  if (said === undefined) return [];
  const all = said.value
    .split(',')
    .map((one) => one.trim().replace(/^\//, ''))
    .filter((one) => one !== '');
  const names = all.filter((one) => parseAddressRule(one) === undefined);
  if (names.length === 0) return all;
  // Without the names the others would shut the client out, and without any everybody would be let in.
  notes.push({
    line: said.line,
    level: 'wrong',
    text: `${said.name}: ${names.join(', ')} is no address: names are not looked up`,
  });
  return [];
}

/** Those of [DEFAULT] are met once a session. */
function unique(notes: readonly Note[]): Note[] {
  const byText = new Map(notes.map((note) => [`${note.line} ${note.level} ${note.text}`, note]));
  return [...byText.values()].sort((a, b) => a.line - b.line);
}
