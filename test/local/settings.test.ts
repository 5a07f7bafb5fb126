import { describe, expect, test } from '@jest/globals';
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
