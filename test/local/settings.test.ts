import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { productEnvironment } from '../../local/environment.ts';
import { parseSettings, SETTINGS, SettingError } from '../../local/settings.ts';

const settingsOf = (argv: string[], env: Record<string, string> = {}) => {
  const parsed = parseSettings(argv, env);
  if (parsed.kind !== 'settings') throw new Error('help was shown');
  return parsed.settings;
};

describe('settings of npm start', () => {
  test('defaults are those of the README', () => {
    expect(settingsOf([])).toMatchObject({
      admin_port: 8080,
      fix_port: 9878,
      metrics_port: 9464,
      venue: 'simulator',
      journal: 'file',
      refused_logon: 'logout',
      bad_logon_limit: 15,
      fresh: false,
    });
  });

  test('a flag wins over the environment, the environment over the default', () => {
    expect(settingsOf(['--fix-port', '1'], { FIXGATE_FIX_PORT: '2', FIXGATE_ADMIN_PORT: '3' })).toMatchObject({
      fix_port: 1,
      admin_port: 3,
    });
  });

  test.each([
    [['--fix-port', '70000'], {}, '--fix-port'],
    [['--fix-port', 'abc'], {}, '--fix-port'],
    [[], { FIXGATE_METRICS_PORT: '-1' }, 'FIXGATE_METRICS_PORT'],
    [['--venue', 'nyse'], {}, '--venue'],
    [[], { FIXGATE_REFUSED_LOGON: 'maybe' }, 'FIXGATE_REFUSED_LOGON'],
    [['--bad-logon-limit', '1.5'], {}, '--bad-logon-limit'],
    [['--nonsense'], {}, '--nonsense'],
    [['--fix-tls-cert', 'a.pem'], {}, '--fix-tls-key'],
    [[], { FIXGATE_TLS_KEY: 'a.pem' }, '--fix-tls-cert'],
    [['--fix-tls-client-ca', 'a.pem'], {}, '--fix-tls-client-ca'],
  ])('%j %j is refused by the name of the setting', (argv, env, name) => {
    expect(() => parseSettings(argv, env as Record<string, string>)).toThrow(SettingError);
    expect(() => parseSettings(argv, env as Record<string, string>)).toThrow(name);
  });

  test('--help lists every setting with its variable', () => {
    const parsed = parseSettings(['--help'], {});
    if (parsed.kind !== 'help') throw new Error('no help');
    for (const { flag, env } of Object.values(SETTINGS)) {
      expect(parsed.text).toContain(flag);
      expect(parsed.text).toContain(env);
    }
  });
});

test('files of TLS are found from where npm start was called, and given to the edge', () => {
  const settings = settingsOf(['--fix-tls-cert', 'a.crt', '--fix-tls-key', '/b.key'], {
    FIXGATE_TLS_CLIENT_CA: 'ca.crt',
  });
  const env = productEnvironment(settings, 'http://127.0.0.1:1', {});
  expect(env).toMatchObject({
    FIXGATE_TLS_CERT: join(process.cwd(), 'a.crt'),
    FIXGATE_TLS_KEY: '/b.key',
    FIXGATE_TLS_CLIENT_CA: join(process.cwd(), 'ca.crt'),
  });
  expect(productEnvironment(settingsOf([]), 'http://127.0.0.1:1', {}).FIXGATE_TLS_CERT).toBe('');
});
