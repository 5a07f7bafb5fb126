import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sessionProfile, sessionProfileChange } from '../../../contract/profile.ts';
import {
  changedOverrides,
  overridden,
  type ProfileOverrides,
  profileProblems,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type SettingShape,
  togetherProblems,
} from '../../../core/sessions/profile.ts';
import { BEGIN_STRINGS } from '../../../edge/fix/dictionary/index.ts';
import { DEFAULT_PROFILE } from '../../../edge/fix/session/profile.ts';

const fallbacks = Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].fallback]));
const paths = (value: unknown) => profileProblems(value).map(({ path }) => path.join('.'));

test('names, defaults and versions are those of the session layer', () => {
  expect(fallbacks).toEqual(DEFAULT_PROFILE);
  expect(Object.keys(DEFAULT_PROFILE).sort()).toEqual([...SETTING_NAMES].sort());
  expect([...SETTINGS.begin_strings.fallback]).toEqual([...BEGIN_STRINGS]);
});

describe('what is wrong', () => {
  test.each<[unknown, string[]]>([
    [{}, []],
    [[], ['']],
    [null, ['']],
    [{ reset_on_login: true }, ['reset_on_login']],
    [{ toString: true }, ['toString']],
    [{ reset_on_logon: 'Y' }, ['reset_on_logon']],
    [{ max_latency: 0 }, ['max_latency']],
    [{ max_latency: 1.5 }, ['max_latency']],
    [{ max_latency: Number.NaN }, ['max_latency']],
    [{ heartbeat_interval: { min: 5 } }, ['heartbeat_interval.max']],
    [{ heartbeat_interval: { min: 5, max: 6, avg: 5 } }, ['heartbeat_interval.avg']],
    [{ heartbeat_interval: { min: 5, max: 4 } }, ['heartbeat_interval']],
    [{ begin_strings: [] }, ['begin_strings']],
    [{ begin_strings: ['FIX.4.4', 'FIX.5.0'] }, ['begin_strings']],
    [{ cancel_on_disconnect: { mode: 'session', grace_ms: 0 } }, []],
    [
      { cancel_on_disconnect: { mode: 'all', grace_ms: -1 } },
      ['cancel_on_disconnect.mode', 'cancel_on_disconnect.grace_ms'],
    ],
    [{ time_zone: 'Europe/London' }, []],
    [{ time_zone: 'Europe/Londinium' }, ['time_zone']],
    [{ time_zone: '+01:00' }, ['time_zone']],
    [{ start_time: '24:00:00', end_time: '1:00:00' }, ['start_time', 'end_time']],
    [{ start_time: '08:00:00' }, ['end_time']],
    [{ end_time: '08:00:00' }, ['start_time']],
    [{ start_day: 'monday', end_day: 'friday' }, ['start_time']],
    [{ start_day: 'monday', start_time: '08:00:00', end_time: '09:00:00' }, ['end_day']],
    [{ start_time: '08:00:00', end_time: '08:00:00' }, []],
    [{ data_dictionary: ['FIX44-house.xml', 'FIX42.xml'], transport_data_dictionary: [] }, []],
    [{ data_dictionary: 'FIX44.xml' }, ['data_dictionary']],
    [
      { data_dictionary: ['../FIX44.xml'], app_data_dictionary: ['/FIX50.xml'] },
      ['data_dictionary', 'app_data_dictionary'],
    ],
    [{ transport_data_dictionary: ['a.xml', 'b.xml'] }, ['transport_data_dictionary']],
  ])('with %j: %j', (value, wrong) => {
    expect(paths(value)).toEqual(wrong);
  });

  test('the contract and the domain say the same', () => {
    fc.assert(
      fc.property(anyProfile, (value) => {
        const fits = sessionProfile.safeParse(value);
        const right = fits.success && togetherProblems(fits.data).length === 0;
        expect([value, profileProblems(value).length === 0]).toEqual([value, right]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a change', () => {
  test('sets, takes away and leaves', () => {
    const before: ProfileOverrides = { reset_on_logon: true, max_latency: 5 };
    expect(changedOverrides(before, { max_latency: null, check_latency: false })).toEqual({
      reset_on_logon: true,
      check_latency: false,
    });
  });

  test('names something, and nothing unknown', () => {
    expect(sessionProfileChange.safeParse({}).success).toBe(false);
    expect(sessionProfileChange.safeParse({ reset_on_login: null }).success).toBe(false);
    expect(sessionProfileChange.safeParse({ reset_on_logon: null, start_day: null }).success).toBe(true);
    expect(sessionProfile.safeParse({ reset_on_logon: null }).success).toBe(false);
  });
});

test('a credential that tells of a schedule has none of the gateway’s', () => {
  const gateway = overridden(DEFAULT_PROFILE, {
    start_day: 'sunday',
    end_day: 'friday',
    start_time: '18:00:00',
    end_time: '17:00:00',
    max_latency: 5,
  });
  expect(overridden(gateway, { max_latency: 7 })).toMatchObject({ start_day: 'sunday', max_latency: 7 });
  expect(overridden(gateway, { start_time: '08:00:00', end_time: '09:00:00' })).toMatchObject({
    start_day: undefined,
    end_day: undefined,
    start_time: '08:00:00',
    max_latency: 5,
  });
});

function someOf(shape: SettingShape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'flag':
      return fc.boolean();
    case 'whole':
      return fc.constantFrom(shape.min - 1, shape.min, shape.max, shape.max + 1, shape.min + 0.5);
    case 'one_of':
      return fc.constantFrom(...shape.values, 'nothing of the kind');
    case 'some_of':
      return fc.array(fc.constantFrom(...shape.values, 'nothing'), { maxLength: shape.values.length + 1 });
    case 'time_of_day':
      return fc.constantFrom('00:00:00', '23:59:59', '24:00:00', '8:00:00', '08:00', '08:00:00\n');
    case 'time_zone':
      return fc.constantFrom('UTC', 'Europe/London', 'America/Nowhere', '', '../etc/passwd', 'GMT');
    case 'file_names':
      return fc.array(fc.constantFrom('FIX44.xml', 'a', '../a', '/etc/passwd', '.hidden', '', 'a/b', 'a\n', 7), {
        maxLength: shape.most + 1,
      });
    case 'fields':
      return fc.record(Object.fromEntries(Object.entries(shape.fields).map(([name, one]) => [name, someOf(one)])), {
        requiredKeys: [],
      });
  }
}

const anyProfile = fc
  .uniqueArray(fc.constantFrom(...SETTING_NAMES), { maxLength: 4 })
  .chain((names) =>
    fc.record(
      Object.fromEntries(
        names.map((name: SettingName) => [
          name,
          fc.oneof({ weight: 8, arbitrary: someOf(SETTINGS[name].shape) }, fc.constantFrom<unknown>(null, 'x', 7, [])),
        ]),
      ),
    ),
  );
