// What a QuickFIX settings file becomes: settings by name and value, hours, dictionaries, whose file it is, and every
// line that cannot be had.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ProfileOverrides, profileProblems } from '../../../core/sessions/profile.ts';
import { type Imported, importSettings } from '../../../scripts/quickfix/import.ts';

const HEAD = ['ConnectionType=acceptor', 'BeginString=FIX.4.4', 'SenderCompID=GATEWAY', 'TargetCompID=CLIENT'];
const NO_HOURS = { start_day: null, end_day: null, start_time: null, end_time: null, time_zone: null };

const told = ({ notes }: Imported): string[] => notes.map(({ line, level, text }) => `${line} ${level}: ${text}`);
/** One session of an acceptor's file with these lines; theirs begin at 6. */
const session = (...lines: string[]): Imported => importSettings(['[SESSION]', ...HEAD, ...lines].join('\n'));
/** What the lines become besides BeginString. */
function becomes(...lines: string[]): Record<string, unknown> {
  const imported = session(...lines);
  expect(told(imported)).toEqual([]);
  const { begin_strings, ...rest } = imported.clients[0]!.session_profile;
  expect(begin_strings).toEqual(['FIX.4.4']);
  return rest;
}
const notes = (...lines: string[]): string[] => told(session(...lines));

describe('settings', () => {
  test.each<[string, ProfileOverrides]>([
    ['ResetOnLogon=Y', { reset_on_logon: true }],
    ['resetonlogout=n', { reset_on_logout: false }],
    ['  ResetOnDisconnect = Yes ', { reset_on_disconnect: true }],
    ['CheckLatency=N', { check_latency: false }],
    ['MaxLatency=5', { max_latency: 5 }],
    ['EnableNextExpectedMsgSeqNum=Y', { enable_next_expected_msg_seq_num: true }],
    ['SendNextExpectedMsgSeqNum=Y', { enable_next_expected_msg_seq_num: true }],
    ['EnableLastMsgSeqNumProcessed=Y', { enable_last_msg_seq_num_processed: true }],
    ['ResendRequestChunkSize=0', { resend_request_chunk_size: 0 }],
    ['MaxMessagesInResendRequest=20', { resend_request_chunk_size: 20 }],
    ['TimeStampPrecision=NANOS', { timestamp_precision: 'nanos' }],
    ['TimestampPrecision=6', { timestamp_precision: 'micros' }],
    ['TimeStampPrecision=Second', { timestamp_precision: 'seconds' }],
    ['MillisecondsInTimeStamp=N', { timestamp_precision: 'seconds' }],
    ['ValidateChecksum=N', { validate_checksum: false }],
    ['ValidateLengthAndChecksum=N', { validate_checksum: false }],
    ['RejectGarbledMessage=Y', { reject_garbled_message: true }],
    ['ValidateFieldsOutOfOrder=N', { validate_fields_out_of_order: false }],
    ['ValidateFieldsHaveValues=N', { validate_fields_have_values: false }],
    ['ValidateUserDefinedFields=N', { validate_user_defined_fields: false }],
    ['ValidateUnorderedGroupFields=N', { validate_unordered_group_fields: false }],
    ['AllowUnknownMsgFields=Y', { allow_unknown_msg_fields: true }],
    ['RequiresOrigSendingTime=N', { requires_orig_sending_time: false }],
    ['PersistMessages=N', { persist_messages: false }],
  ])('%s', (line, expected) => {
    expect(becomes(line)).toEqual(expected);
  });

  test('the more precise of two words on timestamps counts, in any order', () => {
    expect(becomes('TimeStampPrecision=MICROS', 'MillisecondsInTimeStamp=N')).toEqual({
      timestamp_precision: 'micros',
    });
    expect(becomes('MillisecondsInTimeStamp=N', 'TimeStampPrecision=MICROS')).toEqual({
      timestamp_precision: 'micros',
    });
  });

  test('what is always so here needs no word when it is wanted, and has one when it is not', () => {
    expect(becomes('CheckCompID=Y', 'UseDataDictionary=Y', 'ValidateSequenceNumbers=Y', 'ResetOnError=N')).toEqual({});
    expect(notes('CheckCompID=N', 'UseDataDictionary=N', 'ResetOnError=Y')).toEqual([
      '6 unsupported: CheckCompID: CompIDs are always checked',
      '7 unsupported: UseDataDictionary: every message is validated before the venue sees it',
      '8 unsupported: ResetOnError: numbers survive an error',
    ]);
  });

  test('sockets, stores and logs are passed over; what is unknown is named without its value', () => {
    expect(notes('SocketAcceptPort=1', 'JdbcURL=x', 'FileLogPath=x', 'Password=hunter2')).toEqual([
      '6 ignored: SocketAcceptPort: sockets, TLS, stores and logs are the gateway’s own',
      '7 ignored: JdbcURL: sockets, TLS, stores and logs are the gateway’s own',
      '8 ignored: FileLogPath: sockets, TLS, stores and logs are the gateway’s own',
      '9 unknown: Password: no setting of the QuickFIX family that is known here',
    ]);
  });

  test.each([
    ['ResetOnLogon=maybe', "ResetOnLogon: 'maybe' is neither Y nor N"],
    ['MaxLatency=0', "MaxLatency: '0' is no whole number from 1 to 86400"],
    ['MaxLatency=-5', "MaxLatency: '-5' is no whole number from 1 to 86400"],
    ['ResendRequestChunkSize=9999999', "ResendRequestChunkSize: '9999999' is no whole number from 0 to 1000000"],
    ['TimeStampPrecision=4', "TimeStampPrecision: '4' is none of SECONDS, MILLIS, MICROS, NANOS, nor 0, 3, 6 or 9"],
    ['StartTime=7:00:00', 'StartTime: StartTime and EndTime are told together'],
    [
      'AllowedRemoteAddresses=10.0.0.1,desk.example',
      'AllowedRemoteAddresses: desk.example is no address: names are not looked up',
    ],
    ['DataDictionary=my dialect.xml', "DataDictionary: 'my dialect.xml' is to be renamed: letters, digits, . _ and -"],
    ['CheckLatency=\u0024{latency}', 'CheckLatency has a variable in it: write out its value'],
    ['TargetCompID=CLIENT', 'TargetCompID is said in line 5 already'],
    ['nonsense', 'neither a section nor name=value'],
    ['=x', 'neither a section nor name=value'],
  ])('%s is wrong, and the line is told', (line, text) => {
    expect(notes(line)).toContain(`6 wrong: ${text}`);
  });
});

describe('hours', () => {
  const hours = { start_day: null, end_day: null, start_time: '07:00:00', end_time: '18:00:00', time_zone: 'UTC' };

  test.each<[string[], Record<string, unknown>]>([
    [['StartTime=07:00:00', 'EndTime=18:00:00'], hours],
    [['StartTime=07:00:00', 'EndTime=18:00:00', 'TimeZone=Asia/Tokyo'], { ...hours, time_zone: 'Asia/Tokyo' }],
    [['StartTime=07:00:00 US/Central', 'EndTime=18:00:00 US/Central'], { ...hours, time_zone: 'US/Central' }],
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00 Europe/Paris', 'TimeZone=Europe/Paris'],
      { ...hours, time_zone: 'Europe/Paris' },
    ],
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00', 'StartDay=Sunday', 'EndDay=fri'],
      { ...hours, start_day: 'sunday', end_day: 'friday' },
    ],
    [['StartTime=07:00:00', 'EndTime=18:00:00', 'Weekdays=Mon,Tue,Wed,Thu,Fri,Sat,Sun'], hours],
    [['StartTime=07:00:00', 'EndTime=18:00:00', 'UseLocalTime=N', 'NonStopSession=N'], hours],
    [['NonStopSession=Y'], NO_HOURS],
  ])('%j', (lines, expected) => {
    expect(becomes(...lines)).toEqual(expected);
  });

  test.each<[string[], string]>([
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00', 'Weekdays=Mon,Tue'],
      '8 unsupported: Weekdays: hours on some days of the week only; those of every day are imported',
    ],
    [
      ['StartTime=07:00:00 Asia/Tokyo', 'EndTime=18:00:00'],
      '7 unsupported: EndTime: a session has one time zone: StartTime is in Asia/Tokyo, EndTime in UTC',
    ],
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00', 'UseLocalTime=Y'],
      '8 unsupported: UseLocalTime: the local time of a machine; say the zone by TimeZone',
    ],
    [
      ['StartTime=07:00:00', 'EndTime=24:00:00'],
      "7 wrong: EndTime: '24:00:00' is no time HH:MM:SS with or without a time zone behind it",
    ],
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00', 'TimeZone=Mars/Olympus'],
      "8 wrong: TimeZone: 'Mars/Olympus' is no time zone of the IANA database",
    ],
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00', 'StartDay=Monday'],
      '8 wrong: StartDay: StartDay and EndDay are told together',
    ],
    [
      ['StartTime=07:00:00', 'EndTime=18:00:00', 'StartDay=lundi', 'EndDay=vendredi'],
      "8 wrong: StartDay: 'lundi' is no day of the week in English",
    ],
    [['LogonTime=07:00:00'], '6 unsupported: LogonTime: a client may log on whenever its session is open'],
    [
      ['NonStopSession=Y', 'StartTime=07:00:00', 'EndTime=18:00:00'],
      '7 ignored: StartTime: NonStopSession=Y in line 6',
    ],
  ])('%j: %s', (lines, text) => {
    expect(notes(...lines)).toContain(text);
  });
});

describe('dictionaries', () => {
  test('by their names, whatever the path; the standard’s are built in', () => {
    expect(becomes('DataDictionary=C:\\fix\\FIX44-house.xml')).toEqual({ data_dictionary: ['FIX44-house.xml'] });
    expect(becomes('DataDictionary=https://intra/fix/house.xml')).toEqual({ data_dictionary: ['house.xml'] });
    expect(notes('DataDictionary=spec/FIX44.xml')).toEqual([
      '6 ignored: DataDictionary: FIX44.xml is taken for the standard’s, which is built in; one of your own needs another name',
    ]);
  });

  test('of FIXT.1.1 are the transport’s and one for each version it carries', () => {
    const lines = [
      'TransportDataDictionary=t.xml',
      'AppDataDictionary=a.xml',
      'AppDataDictionary.FIX.4.4=b.xml',
      'DataDictionary=FIX44-house.xml',
    ];
    const [client] = importSettings(
      ['[SESSION]', ...HEAD, ...lines].join('\n').replace('=FIX.4.4', '=FIXT.1.1'),
    ).clients;
    expect(client?.session_profile).toEqual({
      transport_data_dictionary: ['t.xml'],
      app_data_dictionary: ['a.xml', 'b.xml'],
      begin_strings: ['FIXT.1.1'],
    });
    expect(becomes(...lines)).toEqual({ data_dictionary: ['FIX44-house.xml'] });
  });
});

describe('whose file it is', () => {
  const clientOf = (text: string, side?: 'acceptor' | 'initiator') => importSettings(text, side).clients[0];
  const both = '[SESSION]\nBeginString=FIX.4.4\nSenderCompID=S\nTargetCompID=T\n';

  test('an acceptor’s TargetCompID is the client, an initiator’s SenderCompID', () => {
    expect(clientOf(`${both}ConnectionType=acceptor`)).toMatchObject({ sender_comp_id: 'T', target_comp_id: 'S' });
    expect(clientOf(`${both}ConnectionType=initiator`)).toMatchObject({ sender_comp_id: 'S', target_comp_id: 'T' });
  });

  test('is told by its sockets, or by whoever imports it, where it does not say', () => {
    expect(clientOf(`${both}SocketAcceptPort=1`)?.sender_comp_id).toBe('T');
    expect(clientOf(`${both}SocketConnectHost=a`)?.sender_comp_id).toBe('S');
    expect(clientOf(both, 'initiator')?.sender_comp_id).toBe('S');
    expect(told(importSettings(both))).toEqual([
      '1 wrong: neither ConnectionType nor a socket says whose file this is: --as acceptor or --as initiator',
    ]);
  });

  test('of a client’s engine only what both sides must agree on is taken', () => {
    const imported = importSettings(
      `${both}ConnectionType=initiator\nHeartBtInt=30\nResetOnLogon=Y\nResetOnLogout=Y\nCheckLatency=N\nTimeStampPrecision=MICROS\nStartTime=07:00:00\nEndTime=18:00:00\nDataDictionary=house.xml\nEnableNextExpectedMsgSeqNum=Y`,
    );
    expect(imported.gateway).toBeUndefined();
    expect(imported.clients[0]?.session_profile).toEqual({
      reset_on_logout: true,
      enable_next_expected_msg_seq_num: true,
      start_day: null,
      end_day: null,
      start_time: '07:00:00',
      end_time: '18:00:00',
      time_zone: 'UTC',
      data_dictionary: ['house.xml'],
      begin_strings: ['FIX.4.4'],
    });
    expect(told(imported).map((one) => one.split(':')[1]?.trim())).toEqual([
      'HeartBtInt',
      'ResetOnLogon',
      'CheckLatency',
      'TimeStampPrecision',
    ]);
  });
});

describe('sections', () => {
  test('[DEFAULT] is in each session, which may say otherwise; for everybody it is the gateway’s profile', () => {
    const imported = importSettings(
      `\ufeff# a firm\r\n[default]\r\n${HEAD.slice(0, 3).join('\r\n')}\r\nMaxLatency=9\r\nCheckLatency=N\r\n[Session]\r\nTargetCompID=A\r\n[SESSION]\r\nTargetCompID=B\r\nMaxLatency=7\r\n`,
    );
    expect(told(imported)).toEqual([]);
    expect(imported.gateway).toEqual({ max_latency: 9, check_latency: false });
    expect(
      imported.clients.map(({ sender_comp_id, lines, session_profile }) => [sender_comp_id, lines, session_profile]),
    ).toEqual([
      ['A', [8], { max_latency: 9, check_latency: false, begin_strings: ['FIX.4.4'] }],
      ['B', [10], { max_latency: 7, check_latency: false, begin_strings: ['FIX.4.4'] }],
    ]);
  });

  test('hours are no gateway’s when one of its clients has none', () => {
    const text = (more: string) =>
      `[DEFAULT]\n${HEAD.join('\n')}\nStartTime=07:00:00\nEndTime=18:00:00\nMaxLatency=9\n[SESSION]\n${more}`;
    expect(importSettings(text('')).gateway).toEqual({
      start_time: '07:00:00',
      end_time: '18:00:00',
      time_zone: 'UTC',
      max_latency: 9,
    });
    const imported = importSettings(text('NonStopSession=Y'));
    expect(imported.gateway).toEqual({ max_latency: 9 });
    expect(imported.clients[0]?.session_profile).toMatchObject(NO_HOURS);
  });

  test('sessions of one client are one credential', () => {
    const text = (second: string) =>
      `[DEFAULT]\n${HEAD.join('\n')}\n[SESSION]\nDataDictionary=a.xml\n[SESSION]\nBeginString=FIX.4.2\nDataDictionary=b.xml\n${second}`;
    const [client, ...others] = importSettings(text('')).clients;
    expect(others).toEqual([]);
    expect(client).toMatchObject({
      lines: [6, 8],
      session_profile: { begin_strings: ['FIX.4.4', 'FIX.4.2'], data_dictionary: ['a.xml', 'b.xml'] },
    });
    expect(told(importSettings(text('MaxLatency=3')))).toEqual([
      '8 wrong: CLIENT has a session in line 6 already: one credential has one max_latency',
    ]);
    expect(told(importSettings(text('SenderCompID=OTHER')))).toEqual([
      '8 wrong: CLIENT has a session in line 6 already: a credential has one TargetCompID, not GATEWAY and OTHER',
    ]);
  });

  test.each([
    ['', '1 wrong: there is no [SESSION]'],
    ['ResetOnLogon=Y\n[SESSION]', '1 wrong: ResetOnLogon stands before any section'],
    ['[SESSION]\nConnectionType=acceptor', '1 wrong: the session has no BeginString'],
    ['[DEFAULT]\n[SESSION]\n[DEFAULT]', '3 wrong: a second [DEFAULT]: QuickFIX reads the first one only'],
    ['[OTHER]\nx=y\n[SESSION]', '1 unknown: [OTHER] is neither DEFAULT nor SESSION: its lines are passed over'],
    [
      `[SESSION]\n${HEAD.join('\n').replace('FIX.4.4', 'FIX.5.0')}`,
      "3 wrong: BeginString: 'FIX.5.0' is none of FIX.4.0, FIX.4.1, FIX.4.2, FIX.4.3, FIX.4.4, FIXT.1.1",
    ],
    [
      `[SESSION]\n${HEAD.join('\n').replace('=CLIENT', '=A B')}`,
      "5 wrong: TargetCompID: 'A B' has other characters than letters, digits, _ . : / -, or over 64",
    ],
  ])('%j: %s', (text, expected) => {
    expect(told(importSettings(text))).toContain(expected);
  });
});

describe('whatever the file', () => {
  const names =
    'StartTime EndTime StartDay EndDay TimeZone NonStopSession Weekdays ResetOnLogon MaxLatency CheckLatency DataDictionary AppDataDictionary.FIX.4.4 TimeStampPrecision HeartBtInt ConnectionType BeginString SenderCompID TargetCompID SocketAcceptPort AllowedRemoteAddresses X'.split(
      ' ',
    );
  const values = [
    'Y',
    'N',
    '',
    '7',
    '07:00:00',
    '18:00:00 US/Central',
    'mon',
    'UTC',
    'FIX.4.4',
    'FIXT.1.1',
    'acceptor',
    'initiator',
    'A',
    'a.xml',
    '10.0.0.1',
    '\u0024{x}',
    '\u0000',
    'é=é',
  ];
  const line = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values)).map((pair) => pair.join('=')),
    },
    fc.constantFrom('[SESSION]', '[DEFAULT]', '[', '# x', '', '[session] '),
    fc.string({ maxLength: 20 }),
  );

  test('every note has a line of it, and what is imported without one that is wrong is a profile', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const text = lines.join('\n');
        const imported = importSettings(text, 'acceptor');
        for (const note of imported.notes) expect(note.line).toBeLessThanOrEqual(text.split(/\r\n|\n|\r/).length);
        if (imported.notes.some(({ level }) => level === 'wrong')) return;
        expect(profileProblems(imported.gateway)).toEqual([]);
        for (const { session_profile } of imported.clients) {
          const set = Object.fromEntries(Object.entries(session_profile).filter(([, value]) => value !== null));
          expect(profileProblems(set)).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('flags and numbers come over as they were written', () => {
    const settings = {
      reset_on_logon: 'ResetOnLogon',
      check_latency: 'CheckLatency',
      validate_fields_out_of_order: 'ValidateFieldsOutOfOrder',
      allow_unknown_msg_fields: 'AllowUnknownMsgFields',
      reject_garbled_message: 'RejectGarbledMessage',
      persist_messages: 'PersistMessages',
    };
    const profile = fc.record(
      {
        ...Object.fromEntries(Object.keys(settings).map((name) => [name, fc.boolean()])),
        max_latency: fc.integer({ min: 1, max: 86_400 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(profile, (given) => {
        const lines = Object.entries(given).map(([name, value]) =>
          name === 'max_latency'
            ? `MaxLatency=${value}`
            : `${settings[name as keyof typeof settings]}=${value ? 'Y' : 'N'}`,
        );
        expect(becomes(...lines)).toEqual(given);
      }),
    );
  });
});
