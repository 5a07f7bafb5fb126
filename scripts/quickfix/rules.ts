/**
 * What becomes of each setting. A file of an acceptor says how the gateway treats its clients, and is taken over; a file
 * of an initiator says how the client's own engine behaves, of which the gateway needs to know what both sides must agree on.
 */

import { type ProfileChange, profileProblems, type SettingName } from '../../core/sessions/profile.ts';
import type { Note, Said } from './file.ts';
import { SCHEDULE_NAMES } from './schedule.ts';
import { yesNo } from './values.ts';

export type Side = 'acceptor' | 'initiator';

/** @returns settings of the profile; what cannot be had is told in `notes` */
type Rule = (said: Said, notes: Note[]) => ProfileChange;

const NOTHING: ProfileChange = {};

function tell(said: Said, level: Note['level'], text: string, notes: Note[]): ProfileChange {
  notes.push({ line: said.line, level, text: `${said.name}: ${text}` });
  return NOTHING;
}

const flag =
  (setting: SettingName): Rule =>
  (said, notes) => {
    const value = yesNo(said, notes);
    return value === undefined ? NOTHING : ({ [setting]: value } as ProfileChange);
  };

const whole =
  (setting: SettingName): Rule =>
  (said, notes) => {
    const value = /^\d{1,9}$/.test(said.value) ? Number(said.value) : Number.NaN;
    const [problem] = profileProblems({ [setting]: value });
    if (problem !== undefined) return tell(said, 'wrong', `'${said.value}' ${problem.message}`, notes);
    return { [setting]: value } as ProfileChange;
  };

/** fixgate has one way: `way` is what the setting would have to be. */
const always =
  (way: boolean, why: string): Rule =>
  (said, notes) => {
    const value = yesNo(said, notes);
    return value === undefined || value === way ? NOTHING : tell(said, 'unsupported', why, notes);
  };

const unsupported =
  (why: string): Rule =>
  (said, notes) =>
    tell(said, 'unsupported', why, notes);

const ignored =
  (why: string): Rule =>
  (said, notes) =>
    tell(said, 'ignored', why, notes);

/** Read elsewhere: it says who, when, or by which dictionary. */
const elsewhere: Rule = () => NOTHING;

const PRECISIONS: Readonly<Record<string, ProfileChange['timestamp_precision']>> = {
  ...{ seconds: 'seconds', millis: 'millis', micros: 'micros', nanos: 'nanos' },
  ...{ second: 'seconds', millisecond: 'millis', microsecond: 'micros', nanosecond: 'nanos' },
  ...{ 0: 'seconds', 3: 'millis', 6: 'micros', 9: 'nanos' },
};

const precision: Rule = (said, notes) => {
  const name = said.value.toLowerCase();
  if (Object.hasOwn(PRECISIONS, name)) return { timestamp_precision: PRECISIONS[name]! };
  return tell(said, 'wrong', `'${said.value}' is none of SECONDS, MILLIS, MICROS, NANOS, nor 0, 3, 6 or 9`, notes);
};

const milliseconds: Rule = (said, notes) => {
  const value = yesNo(said, notes);
  return value === undefined ? NOTHING : { timestamp_precision: value ? 'millis' : 'seconds' };
};

const THEIR_CHECKS = ignored('says how the client’s engine judges what it receives');
const THEIR_WRITING = ignored('says how the client’s engine writes; fixgate reads it either way');
const VALIDATED = 'every message is validated before the venue sees it';
const JOURNAL = 'numbers and sent messages are in the edge’s journal';
const TIMING = 'fixgate has fixed times for it';

/** One rule for both sides, or the acceptor's and the initiator's. */
type Row = Rule | readonly [acceptor: Rule, initiator: Rule];

const checked = (rule: Rule): Row => [rule, THEIR_CHECKS];

const ROWS: Readonly<Record<string, Row>> = {
  BeginString: elsewhere,
  SenderCompID: elsewhere,
  TargetCompID: elsewhere,
  ConnectionType: elsewhere,
  AllowedRemoteAddresses: elsewhere,
  SenderSubID: ignored('a SenderSubID (50) that a client sends makes a session of its own; nothing is to be set'),
  TargetSubID: ignored('a SenderSubID (50) that a client sends makes a session of its own; nothing is to be set'),
  SenderLocationID: unsupported('LocationIDs do not tell sessions apart'),
  TargetLocationID: unsupported('LocationIDs do not tell sessions apart'),
  SessionQualifier: unsupported('a qualifier tells sessions apart; fixgate has SenderSubID (50) for it'),
  DefaultApplVerID: ignored('the client says it in its Logon (1137)'),
  HeartBtInt: ignored('the client says it in its Logon (108); heartbeat_interval bounds it'),
  HeartBtIntOverride: unsupported('the client’s HeartBtInt (108) is taken'),

  ResetOnLogon: [flag('reset_on_logon'), ignored('the client says 141=Y in its Logon, which is honoured')],
  ResetOnLogout: flag('reset_on_logout'),
  ResetOnDisconnect: flag('reset_on_disconnect'),
  ResetOnError: always(false, 'numbers survive an error'),
  DisconnectOnError: always(false, 'what FIX says is done with an error'),
  RefreshOnLogon: ignored(JOURNAL),
  SendResetSeqNumFlag: THEIR_WRITING,
  EnableResetSeqTime: always(false, 'numbers are reset where a session period begins'),
  ResetSeqTime: unsupported('numbers are reset where a session period begins'),

  CheckCompID: checked(always(true, 'CompIDs are always checked')),
  CheckLatency: checked(flag('check_latency')),
  MaxLatency: checked(whole('max_latency')),
  UseDataDictionary: checked(always(true, VALIDATED)),
  ValidateIncomingMessage: checked(always(true, VALIDATED)),
  RejectInvalidMessage: checked(always(true, VALIDATED)),
  ValidateSequenceNumbers: checked(always(true, 'numbers are always checked')),
  ValidateFieldsOutOfOrder: checked(flag('validate_fields_out_of_order')),
  ValidateFieldsHaveValues: checked(flag('validate_fields_have_values')),
  ValidateUserDefinedFields: checked(flag('validate_user_defined_fields')),
  ValidateUnorderedGroupFields: checked(flag('validate_unordered_group_fields')),
  AllowUnknownMsgFields: checked(flag('allow_unknown_msg_fields')),
  RequiresOrigSendingTime: checked(flag('requires_orig_sending_time')),
  ValidateChecksum: checked(flag('validate_checksum')),
  // BodyLength delimits messages, so that only the CheckSum can be let go.
  ValidateLengthAndChecksum: checked(flag('validate_checksum')),
  RejectGarbledMessage: checked(flag('reject_garbled_message')),
  RejectMessageOnUnhandledException: ignored('it is about the application above the engine'),
  PreserveMessageFieldsOrder: ignored('fields go out in the order of the dictionary'),
  FirstFieldInGroupIsDelimiter: always(true, 'the first field of a group begins each entry'),

  TimeStampPrecision: [precision, THEIR_WRITING],
  MillisecondsInTimeStamp: [milliseconds, THEIR_WRITING],
  PersistMessages: [flag('persist_messages'), ignored('says whether the client’s engine keeps what it sends')],
  ResendRequestChunkSize: [whole('resend_request_chunk_size'), THEIR_WRITING],
  MaxMessagesInResendRequest: [whole('resend_request_chunk_size'), THEIR_WRITING],
  ClosedResendInterval: [always(false, 'a ResendRequest ends with 0, or by resend_request_chunk_size'), THEIR_WRITING],
  SendRedundantResendRequests: [always(false, 'a gap is asked for once'), THEIR_WRITING],
  IgnorePossDupResendRequests: always(false, 'every ResendRequest is served'),
  ResendSessionLevelRejects: always(false, 'session-level messages are gap-filled'),
  ForceResendWhenCorruptedStore: ignored(JOURNAL),
  // Each side waits for the other's 789: both or neither.
  EnableNextExpectedMsgSeqNum: flag('enable_next_expected_msg_seq_num'),
  SendNextExpectedMsgSeqNum: flag('enable_next_expected_msg_seq_num'),
  EnableLastMsgSeqNumProcessed: [flag('enable_last_msg_seq_num_processed'), THEIR_WRITING],

  LogonTimeout: ignored(TIMING),
  LogoutTimeout: ignored(TIMING),
  TestRequestDelayMultiplier: ignored(TIMING),
  HeartBeatTimeoutMultiplier: ignored(TIMING),
  SendLogoutBeforeDisconnectFromTimeout: ignored(TIMING),
  DisableHeartBeatCheck: always(false, 'a client that is silent for too long is disconnected'),
  ReconnectInterval: ignored('the client connects'),
  HostSelectionPolicy: ignored('the client connects'),
  DynamicSession: unsupported('every session has a credential'),
  DynamicSessions: always(false, 'every session has a credential'),
  DynamicQualifier: always(false, 'every session has a credential'),
  AcceptorTemplate: always(false, 'every session has a credential'),
  ContinueInitializationOnError: ignored('the edge starts with everything right, or not at all'),
};

const RULES: ReadonlyMap<string, Row> = new Map(Object.entries(ROWS).map(([name, row]) => [name.toLowerCase(), row]));

/** Beginnings of names that concern sockets, TLS, stores and logs of the engine that the file was for. */
const OF_THE_ENGINE =
  /^(?:socket|ssl|tls|proxy|usetcpproxy|keystore|truststore|keymanager|trustmanager|needclientauth|enabledprotocols|ciphersuites|certificat|servercertificate|clientcertificate|filestore|filelog|file|debugfile|jdbc|mysql|postgresql|odbc|mongo|sql|sleepycat|slf4j|screenlog|cachedfilestore|http|jmx|hostselectionpolicy)/;

const DICTIONARY_NAMES = /^(?:datadictionary|transportdatadictionary|appdatadictionary(?:\..*)?)$/;

/** What `said` makes of a session's profile. */
export function applyRule(said: Said, side: Side, notes: Note[]): ProfileChange {
  const key = said.name.toLowerCase();
  if (SCHEDULE_NAMES.has(key) || DICTIONARY_NAMES.test(key)) return NOTHING;
  const row = RULES.get(key);
  if (row !== undefined) return (typeof row === 'function' ? row : row[side === 'acceptor' ? 0 : 1])(said, notes);
  if (OF_THE_ENGINE.test(key))
    return tell(said, 'ignored', 'sockets, TLS, stores and logs are the gateway’s own', notes);
  // Its value may be a password: it is not repeated.
  return tell(said, 'unknown', 'no setting of the QuickFIX family that is known here', notes);
}
