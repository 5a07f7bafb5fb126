// The small parts of the edge: settings, the lobby, the wheel, the input.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { kindOf } from '../../edge/classes.ts';
import { ConfigError, readConfig } from '../../edge/config.ts';
import { msgTypeCode } from '../../edge/fix/tags.ts';
import { Input } from '../../edge/input.ts';
import { TICK_MS } from '../../edge/limits.ts';
import { type Guest, Lobby } from '../../edge/lobby.ts';
import { Metrics } from '../../edge/metrics.ts';
import { type Sleeper, Wheel } from '../../edge/wheel.ts';

describe('settings', () => {
  const given = { FIXGATE_EDGE_ID: 'e-1' };

  test('have defaults, and are frozen', () => {
    const config = readConfig(given);
    expect(config).toMatchObject({ fix_port: 9878, venue: 'simulator', refused_logon: 'logout', bad_logon_limit: 15 });
    expect(config.session_profile).toMatchObject({ duplicate_logon: 'probe', max_latency: 120 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('of the session profile lie over the defaults', () => {
    const { session_profile } = readConfig({ ...given, FIXGATE_SESSION_PROFILE: '{"reset_on_logon":true}' });
    expect(session_profile).toMatchObject({ reset_on_logon: true, reset_on_logout: false, check_latency: true });
  });

  test.each([
    ['FIXGATE_EDGE_ID', 'a b', /is no name/],
    ['FIXGATE_FIX_PORT', '70000', /is above 65535/],
    ['FIXGATE_FIX_PORT', '-1', /is not a whole number/],
    ['FIXGATE_VENUE', 'moon', /simulator, echo/],
    ['FIXGATE_SESSION_PROFILE', '{', /is not JSON/],
    ['FIXGATE_SESSION_PROFILE', '{"reset_on_login":true}', /reset_on_login/],
    ['FIXGATE_SESSION_PROFILE', '{"heartbeat_interval":{"min":5,"max":1}}', /heartbeat_interval/],
    ['FIXGATE_STORE_AWAY', 'maybe', /continue, fail_closed/],
    ['FIXGATE_CLIENT_ADDRESSES', 'guessed', /real, shared/],
  ])('%s=%s stops the start and is named', (variable, value, why) => {
    const read = () => readConfig({ ...given, [variable]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${variable}`));
    expect(read).toThrow(why);
  });
});

test.each([
  ['D', 0],
  ['G', 0],
  ['AB', 0],
  ['E', 0],
  ['F', 2],
  ['q', 2],
  ['H', 1],
  ['V', 1],
  ['UAX9', 1],
])('%s draws on bucket %i', (type, kind) => {
  expect(kindOf(msgTypeCode(type))).toBe(kind);
});

describe('the lobby', () => {
  const guest = (address: string, gone: string[], name: string): Guest => ({ address, evict: () => gone.push(name) });

  test('pushes out the oldest of the address that holds most', () => {
    const gone: string[] = [];
    const lobby = new Lobby<Guest>(4);
    for (const [address, name] of [
      ['a', 'a1'],
      ['b', 'b1'],
      ['b', 'b2'],
      ['b', 'b3'],
      ['c', 'c1'],
      ['a', 'a2'],
    ] as const)
      lobby.enter(guest(address, gone, name));
    expect(gone).toEqual(['b1', 'b2']);
    expect(lobby.size).toBe(4);
  });

  test('counts who leaves once', () => {
    const lobby = new Lobby<Guest>(4);
    const one = guest('a', [], 'a1');
    lobby.enter(one);
    lobby.leave(one);
    lobby.leave(one);
    expect([lobby.size, [...lobby.all()]]).toEqual([0, []]);
  });
});

describe('the wheel', () => {
  test('wakes everyone within a tick or two of its time, whatever was put off or brought forward', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(60_000), later: fc.option(fc.nat(60_000)), when: fc.nat(30_000) }), {
          maxLength: 30,
        }),
        (plans) => {
          let now = 0;
          const wheel = new Wheel(0);
          const sleepers = plans.map(({ at, later, when }) => {
            const one = { at, woke: -1, wakeAt: Number.POSITIVE_INFINITY, later, when };
            const sleeper: Sleeper & typeof one = Object.assign(one, {
              nextWake: () => (one.woke >= 0 ? Number.POSITIVE_INFINITY : one.at),
              wake: () => {
                one.woke = now;
              },
            });
            wheel.schedule(sleeper);
            return sleeper;
          });
          for (; now <= 95_000; now += TICK_MS) {
            for (const one of sleepers) {
              if (one.later === null || one.woke >= 0 || now < one.when) continue;
              one.at = Math.max(one.later, now);
              one.later = null;
              wheel.schedule(one);
            }
            wheel.turn(now);
          }
          for (const one of sleepers) {
            expect(one.woke).toBeGreaterThanOrEqual(one.at);
            expect(one.woke - one.at).toBeLessThanOrEqual(2 * TICK_MS);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

test('the input gives back what was put in, however it is cut and taken', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.infiniteStream(fc.nat(400)), (chunks, takes) => {
      const input = new Input();
      const out: Buffer[] = [];
      for (const chunk of chunks) {
        input.append(Buffer.from(chunk));
        const take = Math.min(input.length, takes.next().value);
        out.push(Buffer.from(input.buf.subarray(input.start, input.start + take)));
        input.start += take;
        input.settle();
      }
      out.push(Buffer.from(input.buf.subarray(input.start, input.end)));
      expect(Buffer.concat(out)).toEqual(Buffer.concat(chunks));
    }),
  );
});

test('user labels are bounded in number', async () => {
  const metrics = new Metrics();
  for (let i = 0; i < 700; i++) metrics.limited(`u${i}`, 'order');
  const text = await metrics.registry.metrics();
  const lines = text.split('\n').filter((line) => line.startsWith('fix_rate_limit_exceeded_total{'));
  expect(lines).toHaveLength(501);
  expect(lines.at(-1)).toBe('fix_rate_limit_exceeded_total{user_id="other",type="order"} 200');
});
