// Requests of the admin API for imported clients: whole and valid before anything is sent, and nothing made up.
import { describe, expect, test } from '@jest/globals';
import { bodiesOf, FactsError, readFacts } from '../../../scripts/quickfix/bodies.ts';
import { importSettings } from '../../../scripts/quickfix/import.ts';

const NO_HOURS = { start_day: null, end_day: null, start_time: null, end_time: null, time_zone: null };
const SESSION = [
  '[SESSION]',
  'ConnectionType=acceptor',
  'BeginString=FIX.4.4',
  'SenderCompID=GATEWAY',
  'TargetCompID=CLIENT',
  'NonStopSession=Y',
  'ResetOnLogon=Y',
  'AllowedRemoteAddresses=10.0.0.1, 10.1.0.0/16',
];

describe('requests', () => {
  const [client] = importSettings(SESSION.join('\n')).clients;
  const facts = {
    user_id: 'alice',
    rate_limit_tier: 'basic',
    account_balance: 1,
    trading_volume: 2,
    account_age_days: 3,
    kyc_level: 1,
  };

  test('without facts nobody is provisioned: nothing is made up', () => {
    expect(bodiesOf(client!, undefined, 'Imported')).toEqual({
      provision: undefined,
      profile: {
        sender_comp_id: 'CLIENT',
        session_profile: { reset_on_logon: true, begin_strings: ['FIX.4.4'], ...NO_HOURS },
        reason: 'Imported',
      },
    });
  });

  test('with them provision is whole', () => {
    expect(bodiesOf(client!, facts, 'Imported').provision).toEqual({
      sender_comp_id: 'CLIENT',
      target_comp_id: 'GATEWAY',
      allowed_ips: ['10.0.0.1', '10.1.0.0/16'],
      session_profile: { reset_on_logon: true, begin_strings: ['FIX.4.4'] },
      reason: 'Imported',
      ...facts,
    });
  });

  test('facts may name the credential otherwise than the file does', () => {
    const { provision, profile } = bodiesOf(client!, { sender_comp_id: 'USER_1' }, 'Imported');
    expect([provision, profile?.sender_comp_id]).toEqual([undefined, 'USER_1']);
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ user_id: 'alice' }, /^CLIENT: .*account_balance: /],
    [{ ...facts, kyc: 1 }, /^CLIENT: .*kyc/],
    [{ sender_comp_id: 'A B' }, /^CLIENT: sender_comp_id: /],
  ])('%j is refused before anything is sent', (given, message) => {
    expect(() => bodiesOf(client!, given, 'Imported')).toThrow(FactsError);
    expect(() => bodiesOf(client!, given, 'Imported')).toThrow(message);
  });

  test.each(['[]', 'x', '{"A": 1}', '{"A": []}'])('%s is no file of facts', (text) => {
    expect(() => readFacts(text)).toThrow(FactsError);
  });
});
