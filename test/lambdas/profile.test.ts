// Session profiles of credentials: said with them, changed setting by setting.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Api } from './support.ts';

let api: Api;
beforeEach(async () => {
  api = await Api.create();
});

const code = (answer: { status: number; body: { error?: { code: string } } }) => [
  answer.status,
  answer.body.error?.code,
];
const records = async (user_id: string) =>
  (await api.call('audit', { user_id })).body.records as { type: string; outcome: string }[];

describe('a session profile', () => {
  const shown = async (user_id: string) =>
    (await api.call('userCredentials', { user_id })).body.credentials[0].session_profile;

  test('comes with the credential, and is changed setting by setting, on the record', async () => {
    const { body } = await api.provision('u1', { session_profile: { reset_on_logon: true, max_latency: 30 } });
    const { sender_comp_id } = body.credentials;
    expect(await shown('u1')).toEqual({ reset_on_logon: true, max_latency: 30 });
    const answer = await api.call('updateProfile', {
      sender_comp_id,
      session_profile: { reset_on_logon: null, begin_strings: ['FIX.4.4'] },
      reason: 'asked for',
      if_version: 1,
    });
    expect(answer.status).toBe(200);
    expect(answer.body.credential).toMatchObject({
      version: 2,
      session_profile: { max_latency: 30, begin_strings: ['FIX.4.4'] },
    });
    expect(await shown('u1')).toEqual({ max_latency: 30, begin_strings: ['FIX.4.4'] });
    expect((await api.call('credentials')).body.credentials[0].session_profile).toEqual(await shown('u1'));
    expect((await records('u1'))[0]).toMatchObject({
      type: 'profile_update',
      outcome: 'done',
      sender_comp_id,
      reason: 'asked for',
      details: {
        from: { reset_on_logon: true, begin_strings: null },
        to: { reset_on_logon: null, begin_strings: ['FIX.4.4'] },
      },
    });
    await api.call('updateProfile', { sender_comp_id, session_profile: { max_latency: null, begin_strings: null } });
    expect(await shown('u1')).toEqual({});
  });

  test('takes no name that is unknown, and no half of a schedule', async () => {
    const { body } = await api.provision('u1');
    const { sender_comp_id } = body.credentials;
    const change = (session_profile: unknown) => api.call('updateProfile', { sender_comp_id, session_profile });
    const path = (answer: { body: { error: { details: { path: string }[] } } }) => answer.body.error.details[0]?.path;
    expect(path(await change({ reset_on_login: true }))).toBe('session_profile.reset_on_login');
    expect(path(await change({ start_time: '08:00:00' }))).toBe('session_profile.end_time');
    expect((await change({ start_time: '08:00:00', end_time: '17:00:00' })).status).toBe(200);
    expect(path(await change({ end_time: null }))).toBe('session_profile.end_time');
    expect(path(await api.provision('u2', { session_profile: { start_day: 'monday' } }))).toBe(
      'session_profile.end_day',
    );
    expect(path(await api.provision('u3', { session_profile: { reset_on_logon: null } }))).toBe(
      'session_profile.reset_on_logon',
    );
    expect((await records('u1')).map((one) => [one.type, one.outcome])).toContainEqual(['profile_update', 'refused']);
  });

  test('refuses an unknown credential, a revoked one and another version', async () => {
    const session_profile = { reset_on_logon: true };
    expect(code(await api.call('updateProfile', { sender_comp_id: 'NOBODY', session_profile }))).toEqual([
      404,
      'credential_not_found',
    ]);
    const { body } = await api.provision('u1');
    const { sender_comp_id } = body.credentials;
    expect(code(await api.call('updateProfile', { sender_comp_id, session_profile, if_version: 7 }))).toEqual([
      409,
      'version_conflict',
    ]);
    await api.call('revoke', { sender_comp_id, reason: 'left' });
    expect(code(await api.call('updateProfile', { sender_comp_id, session_profile }))).toEqual([409, 'wrong_status']);
  });
});
