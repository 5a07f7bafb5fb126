/**
 * The settings of a FIX session that may differ from counterparty to counterparty: names, types, bounds and defaults.
 * Names are QuickFIX's own in snake case; the last eleven, and enable_session_status, are ours. What they do is said in edge/fix/session/profile.ts,
 * whose list and defaults equal these by test.
 */

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const BEGIN_STRINGS = ['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4', 'FIXT.1.1'] as const;
const PRECISIONS = ['seconds', 'millis', 'micros', 'nanos'] as const;
const DUPLICATES = ['probe', 'refuse', 'takeover'] as const;
const CANCEL_MODES = ['off', 'session'] as const;
const CL_ORD_ID_POLICIES = ['off', 'reject'] as const;
const COMMITS = ['before-send', 'reserve'] as const;
const JOURNALS = ['store', 'file'] as const;

type Day = (typeof DAYS)[number];

export interface SessionSettings {
  readonly reset_on_logon: boolean;
  readonly reset_on_logout: boolean;
  readonly reset_on_disconnect: boolean;
  readonly check_latency: boolean;
  readonly max_latency: number;
  readonly heartbeat_interval: { readonly min: number; readonly max: number };
  readonly enable_next_expected_msg_seq_num: boolean;
  readonly enable_last_msg_seq_num_processed: boolean;
  readonly enable_session_status: boolean;
  readonly resend_request_chunk_size: number;
  readonly timestamp_precision: (typeof PRECISIONS)[number];
  readonly validate_checksum: boolean;
  readonly reject_garbled_message: boolean;
  readonly validate_fields_out_of_order: boolean;
  readonly validate_fields_have_values: boolean;
  readonly validate_user_defined_fields: boolean;
  readonly validate_unordered_group_fields: boolean;
  readonly allow_unknown_msg_fields: boolean;
  readonly requires_orig_sending_time: boolean;
  readonly data_dictionary: readonly string[];
  readonly transport_data_dictionary: readonly string[];
  readonly app_data_dictionary: readonly string[];
  readonly start_day: Day | undefined;
  readonly end_day: Day | undefined;
  readonly start_time: string | undefined;
  readonly end_time: string | undefined;
  readonly time_zone: string;
  readonly persist_messages: boolean;
  readonly begin_strings: readonly (typeof BEGIN_STRINGS)[number][];
  readonly duplicate_logon: (typeof DUPLICATES)[number];
  readonly cancel_on_disconnect: { readonly mode: (typeof CANCEL_MODES)[number]; readonly grace_ms: number };
  readonly resend_retention: number;
  readonly resend_retention_s: number;
  readonly cl_ord_id: {
    readonly policy: (typeof CL_ORD_ID_POLICIES)[number];
    readonly window: number;
    readonly window_s: number;
  };
  readonly max_message_bytes: number;
  readonly news: { readonly maintenance: boolean; readonly recovery_complete: boolean };
  readonly limit_warning_percent: number;
  readonly commit: (typeof COMMITS)[number] | undefined;
  readonly journal: (typeof JOURNALS)[number] | undefined;
}

export type SettingName = keyof SessionSettings;

/** What one counterparty has otherwise than the gateway's default. */
export type ProfileOverrides = { readonly [K in SettingName]?: Exclude<SessionSettings[K], undefined> };

/** A change of them: null takes an override away. */
export type ProfileChange = { readonly [K in SettingName]?: Exclude<SessionSettings[K], undefined> | null };

/** What a value may be. Both the contract's schemas and {@link profileProblems} go by it. */
export type SettingShape =
  | { readonly kind: 'flag' }
  | { readonly kind: 'whole'; readonly min: number; readonly max: number }
  | { readonly kind: 'one_of'; readonly values: readonly [string, ...string[]] }
  /** At least one of the values. */
  | { readonly kind: 'some_of'; readonly values: readonly [string, ...string[]] }
  /** HH:MM:SS */
  | { readonly kind: 'time_of_day' }
  /** A name of the IANA time zone database. */
  | { readonly kind: 'time_zone' }
  /** Names of files in a directory that the edge knows; never paths. None: no file. */
  | { readonly kind: 'file_names'; readonly most: number }
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, SettingShape>> };

export interface Setting<T> {
  readonly shape: SettingShape;
  /** Where neither the gateway nor the credential says otherwise; undefined: none. */
  readonly fallback: T;
}

const flag = (fallback: boolean): Setting<boolean> => ({ shape: { kind: 'flag' }, fallback });
const whole = (min: number, max: number, fallback: number): Setting<number> => ({
  shape: { kind: 'whole', min, max },
  fallback,
});
const files = (most: number): Setting<readonly string[]> => ({ shape: { kind: 'file_names', most }, fallback: [] });
const SECONDS: SettingShape = { kind: 'whole', min: 0, max: 86_400 };
const DAY: Setting<undefined> = { shape: { kind: 'one_of', values: DAYS }, fallback: undefined };
const TIME: Setting<undefined> = { shape: { kind: 'time_of_day' }, fallback: undefined };

/** docs/SETTINGS.md has each. */
export const SETTINGS: { readonly [K in SettingName]: Setting<SessionSettings[K]> } = {
  reset_on_logon: flag(false),
  reset_on_logout: flag(false),
  reset_on_disconnect: flag(false),
  check_latency: flag(true),
  max_latency: whole(1, 86_400, 120),
  heartbeat_interval: {
    shape: { kind: 'fields', fields: { min: SECONDS, max: SECONDS } },
    fallback: { min: 1, max: 86_400 },
  },
  enable_next_expected_msg_seq_num: flag(false),
  enable_last_msg_seq_num_processed: flag(false),
  enable_session_status: flag(false),
  resend_request_chunk_size: whole(0, 1_000_000, 0),
  timestamp_precision: { shape: { kind: 'one_of', values: PRECISIONS }, fallback: 'millis' },
  validate_checksum: flag(true),
  reject_garbled_message: flag(false),
  validate_fields_out_of_order: flag(true),
  validate_fields_have_values: flag(true),
  validate_user_defined_fields: flag(true),
  validate_unordered_group_fields: flag(true),
  allow_unknown_msg_fields: flag(false),
  requires_orig_sending_time: flag(true),
  // One for each version: FIX.4.0 to FIX.4.4; FIXT.1.1; what FIXT.1.1 carries.
  data_dictionary: files(5),
  transport_data_dictionary: files(1),
  app_data_dictionary: files(8),
  start_day: DAY,
  end_day: DAY,
  start_time: TIME,
  end_time: TIME,
  time_zone: { shape: { kind: 'time_zone' }, fallback: 'UTC' },
  persist_messages: flag(true),
  begin_strings: { shape: { kind: 'some_of', values: BEGIN_STRINGS }, fallback: BEGIN_STRINGS },
  duplicate_logon: { shape: { kind: 'one_of', values: DUPLICATES }, fallback: 'probe' },
  cancel_on_disconnect: {
    shape: {
      kind: 'fields',
      fields: { mode: { kind: 'one_of', values: CANCEL_MODES }, grace_ms: { kind: 'whole', min: 0, max: 3_600_000 } },
    },
    fallback: { mode: 'off', grace_ms: 0 },
  },
  resend_retention: whole(0, 10_000_000, 100_000),
  resend_retention_s: whole(0, 31_536_000, 0),
  cl_ord_id: {
    shape: {
      kind: 'fields',
      fields: {
        policy: { kind: 'one_of', values: CL_ORD_ID_POLICIES },
        // About 50 bytes of the edge's memory for each.
        window: { kind: 'whole', min: 1, max: 1_000_000 },
        window_s: { kind: 'whole', min: 1, max: 604_800 },
      },
    },
    fallback: { policy: 'off', window: 100_000, window_s: 86_400 },
  },
  // The edge's output buffer holds its queue and the longest message (edge/limits.ts).
  max_message_bytes: whole(4096, 1_048_576, 65_536),
  news: {
    shape: { kind: 'fields', fields: { maintenance: { kind: 'flag' }, recovery_complete: { kind: 'flag' } } },
    fallback: { maintenance: false, recovery_complete: false },
  },
  limit_warning_percent: whole(0, 100, 0),
  commit: { shape: { kind: 'one_of', values: COMMITS }, fallback: undefined },
  journal: { shape: { kind: 'one_of', values: JOURNALS }, fallback: undefined },
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The settings of a schedule: they are told together, or not at all. */
const SCHEDULE = ['start_day', 'end_day', 'start_time', 'end_time'] as const;

export const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]{0,31}(?:\/[A-Za-z0-9_+-]{1,32}){0,2}$/;

/** Letters, digits, `.`, `_` and `-`, beginning with a letter or digit: no path, no hidden file. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether this is the name of a time zone that is known here. */
export function isTimeZone(name: string): boolean {
  if (!ZONE_NAME.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false; // RangeError: how Intl says no
  }
}

export interface ProfileProblem {
  /** Where in the profile. */
  readonly path: readonly string[];
  readonly message: string;
}

/** What is wrong with a profile that came from outside; nothing: it is a {@link ProfileOverrides}. */
export function profileProblems(value: unknown): readonly ProfileProblem[] {
  if (!isObject(value)) return [{ path: [], message: 'is no object' }];
  const problems = Object.entries(value).flatMap(([name, given]) =>
    Object.hasOwn(SETTINGS, name)
      ? wrong(SETTINGS[name as SettingName].shape, given, [name])
      : [{ path: [name], message: 'is no setting of a session' }],
  );
  return problems.length > 0 ? problems : togetherProblems(value);
}

/** What is wrong between settings that are right one by one. */
export function togetherProblems(given: ProfileOverrides): readonly ProfileProblem[] {
  const problems: ProfileProblem[] = [];
  const { heartbeat_interval } = given;
  if (heartbeat_interval !== undefined && heartbeat_interval.min > heartbeat_interval.max)
    problems.push({ path: ['heartbeat_interval'], message: 'has a min above its max' });
  const missing = (name: (typeof SCHEDULE)[number], beside: (typeof SCHEDULE)[number]) => {
    if (given[beside] !== undefined && given[name] === undefined)
      problems.push({ path: [name], message: `is required beside ${beside}` });
  };
  missing('end_time', 'start_time');
  missing('start_time', 'end_time');
  missing('end_day', 'start_day');
  missing('start_day', 'end_day');
  if (given.start_day !== undefined && given.start_time === undefined)
    problems.push({ path: ['start_time'], message: 'is required beside start_day' });
  return problems;
}

/** Overrides after a change. */
export function changedOverrides(before: ProfileOverrides, change: ProfileChange): ProfileOverrides {
  const after = Object.entries({ ...before, ...change }).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(after) as ProfileOverrides;
}

/**
 * The gateway's settings with a credential's over them. A schedule is one thing: a credential that tells any of it has
 * none of the gateway's.
 */
export function overridden(gateway: SessionSettings, own: ProfileOverrides): SessionSettings {
  const schedule = SCHEDULE.some((name) => own[name] !== undefined)
    ? Object.fromEntries(SCHEDULE.map((name) => [name, undefined]))
    : {};
  return Object.freeze<SessionSettings>({ ...gateway, ...schedule, ...own });
}

function wrong(shape: SettingShape, value: unknown, path: readonly string[]): readonly ProfileProblem[] {
  const unless = (right: boolean, message: string) => (right ? [] : [{ path, message }]);
  switch (shape.kind) {
    case 'flag':
      return unless(typeof value === 'boolean', 'is neither true nor false');
    case 'whole': {
      const { min, max } = shape;
      const right = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
      return unless(right, `is no whole number from ${min} to ${max}`);
    }
    case 'one_of':
      return unless(shape.values.includes(value as string), `is none of ${shape.values.join(', ')}`);
    case 'some_of': {
      const known = Array.isArray(value) && value.every((one) => shape.values.includes(one));
      const right = known && value.length > 0 && value.length <= shape.values.length;
      return unless(right, `is no list of ${shape.values.join(', ')}`);
    }
    case 'time_of_day':
      return unless(typeof value === 'string' && TIME_OF_DAY.test(value), 'is no time HH:MM:SS');
    case 'time_zone':
      return unless(typeof value === 'string' && isTimeZone(value), 'is no time zone of the IANA database');
    case 'file_names': {
      const { most } = shape;
      const named = Array.isArray(value) && value.every((one) => typeof one === 'string' && FILE_NAME.test(one));
      return unless(
        named && value.length <= most,
        `is no list of at most ${most} ${most === 1 ? 'name' : 'names'} of files`,
      );
    }
    case 'fields':
      return isObject(value) ? wrongFields(shape.fields, value, path) : unless(false, 'is no object');
  }
}

function wrongFields(
  fields: Readonly<Record<string, SettingShape>>,
  value: Readonly<Record<string, unknown>>,
  path: readonly string[],
): readonly ProfileProblem[] {
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(fields, name));
  return [
    ...Object.entries(fields).flatMap(([name, shape]) => wrong(shape, value[name], [...path, name])),
    ...unknown.map((name) => ({ path: [...path, name], message: 'is not known here' })),
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
