// The small parts of the edge: settings, the lobby, reading, the input.
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { kindOf } from '../../edge/classes.ts';
import { ConfigError, readConfig, readVenueConfig } from '../../edge/config.ts';
import { Reading } from '../../edge/connection-state.ts';
import { connectionsBy } from '../../edge/descriptors.ts';
import { msgTypeCode } from '../../edge/fix/tags.ts';
import { CLOSING_BYTES, READ_PORTION, WITHHELD_BYTES } from '../../edge/limits.ts';
import { type Guest, Lobby } from '../../edge/lobby.ts';
import { MALLOC, V8_FLAGS } from '../../edge/runtime.ts';

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
    ['FIXGATE_SIMULATOR_OPEN_ORDERS', '0', /is below 1/],
    ['FIXGATE_SIMULATOR_OPEN_ORDERS', '5000001', /is above 5000000/],
    ['FIXGATE_SIMULATOR_OPEN_ORDERS', '1e6', /is not a whole number/],
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

  test('of the venue in a process of its own are the edge’s', () => {
    const own = { FIXGATE_VENUE_ADDRESS: '/run/venue.sock' };
    expect(readVenueConfig(own)).toEqual({
      address: '/run/venue.sock',
      data_dir: '.fixgate',
      simulator_open_orders: 10_000,
      log_level: 'info',
    });
    const more = { ...own, FIXGATE_SIMULATOR_OPEN_ORDERS: '5000000' };
    expect(readVenueConfig(more).simulator_open_orders).toBe(5_000_000);
    expect(() => readVenueConfig({})).toThrow(/^FIXGATE_VENUE_ADDRESS/);
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

test('connections are no more than the process has file descriptors for', () => {
  const limits = (soft: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}                20000                files\n`;
  expect([undefined, '', limits('unlimited'), limits('65535')].map(connectionsBy)).toEqual(Array(4).fill(20_000));
  expect([limits('20000'), limits('4096'), limits('1000')].map(connectionsBy)).toEqual([18_976, 3072, 1]);
});

describe('the lobby', () => {
  const guest = (address: string, gone: string[], name: string): Guest => ({ address, evict: () => gone.push(name) });

  test('pushes out the oldest of the address that holds most', () => {
    const gone: string[] = [];
    const lobby = new Lobby<Guest>(() => 4);
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

  test('spares who has sent its Logon, and of those who all have, who has waited longest', () => {
    const gone: string[] = [];
    const lobby = new Lobby<Guest>(() => 3);
    const [a1, a2, a3, a4, b1] = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => guest(name.charAt(0), gone, name)) as [
      Guest,
      Guest,
      Guest,
      Guest,
      Guest,
    ];
    for (const one of [a1, a2, a3]) lobby.enter(one);
    lobby.spoke(a1);
    lobby.enter(a4);
    expect(gone).toEqual(['a2']);
    for (const one of [a3, a4]) lobby.spoke(one);
    lobby.enter(b1);
    expect(gone).toEqual(['a2', 'a4']);
    lobby.enter(a2); // all others of its address have spoken: it is the one
    expect(gone).toEqual(['a2', 'a4', 'a2']);
    expect([...lobby.all()]).toEqual([a1, a3, b1]);
  });

  test('whoever comes, speaks and leaves: one of the busiest address goes, and nobody else', () => {
    type One = Guest & { readonly n: number; spoken: boolean };
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('enter', 'enter', 'spoke', 'leave'),
        who: fc.nat(30),
        cap: fc.integer({ min: 1, max: 6 }),
      }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        let here: One[] = [];
        const evicted: One[] = [];
        let cap = 6;
        const lobby = new Lobby<One>(() => cap);
        for (const [n, step] of all.entries()) {
          cap = step.cap;
          if (step.what === 'enter') {
            const one: One = { n, spoken: false, address: 'abc'.charAt(step.who % 3), evict: () => evicted.push(one) };
            const held = (address: string) => here.filter((other) => other.address === address).length;
            const most = Math.max(...here.map(({ address }) => held(address)), 0);
            const full = here.length >= cap;
            const before = [...here];
            lobby.enter(one);
            here.push(one);
            expect(evicted).toHaveLength(full ? 1 : 0);
            const out = evicted.pop();
            if (out === undefined) continue;
            expect(before.filter(({ address }) => address === out.address)).toHaveLength(most);
            const peers = here.filter(({ address }) => address === out.address);
            const quiet = peers.filter(({ spoken }) => !spoken);
            expect(out).toBe(quiet.length > 0 ? quiet[0] : peers.at(-1));
            here = here.filter((other) => other !== out);
          } else {
            const one = here[step.who % Math.max(1, here.length)];
            if (one === undefined) continue;
            if (step.what === 'leave') {
              lobby.leave(one);
              here = here.filter((other) => other !== one);
            } else if (!one.spoken) {
              lobby.spoke(one);
              one.spoken = true;
              // In the order of speaking.
              here = [...here.filter((other) => other !== one), one];
            }
          }
          expect(lobby.size).toBe(here.length);
        }
        expect(new Set(lobby.all())).toEqual(new Set(here));
      }),
    );
  });

  test('counts who leaves once', () => {
    const lobby = new Lobby<Guest>(() => 4);
    const one = guest('a', [], 'a1');
    lobby.enter(one);
    lobby.leave(one);
    lobby.leave(one);
    expect([lobby.size, [...lobby.all()]]).toEqual([0, []]);
  });
});

describe('reading', () => {
  /** Bytes that a connection was handed in each turn of the loop, of so many that wait in the system. */
  async function turns(bytes: number): Promise<number[]> {
    const read: number[] = [];
    let turn = 0;
    let spinning = setImmediate(function spin() {
      turn += 1;
      spinning = setImmediate(spin);
    });
    const server = createServer((socket) => {
      const reading = new Reading(socket);
      socket.on('data', (chunk) => {
        read[turn] = (read[turn] ?? 0) + chunk.length;
        reading.took(chunk.length);
      });
      socket.on('end', () => server.close());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    connect((server.address() as AddressInfo).port, '127.0.0.1').end(Buffer.alloc(bytes));
    await new Promise<void>((resolve) => server.on('close', () => resolve()));
    clearImmediate(spinning);
    return read.filter((length) => length > 0);
  }

  test('hands over a portion, then others have their turn', async () => {
    const read = await turns(64 * READ_PORTION);
    expect(read.reduce((a, b) => a + b)).toBe(64 * READ_PORTION);
    expect(Math.max(...read)).toBeLessThan(2 * READ_PORTION);
  });

  test('does not go on with the next portion while a message waits or output is withheld', async () => {
    const socket = new PassThrough();
    const reading = new Reading(socket as unknown as Socket);
    const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    reading.took(READ_PORTION);
    reading.held = true;
    await turn();
    expect(socket.isPaused()).toBe(true);
    reading.took(READ_PORTION);
    await turn();
    expect(socket.isPaused()).toBe(true);
    reading.held = false;
    reading.choke(WITHHELD_BYTES + 1, false);
    reading.took(READ_PORTION);
    await turn();
    expect(socket.isPaused()).toBe(true);
    expect(reading.choke(0, false)).toBe(true);
    reading.took(READ_PORTION);
    await turn();
    expect(socket.isPaused()).toBe(false);
  });

  test('goes on while little has come behind a message that waits: the client may give up', () => {
    const socket = new PassThrough();
    const reading = new Reading(socket as unknown as Socket);
    reading.held = true;
    reading.behind(READ_PORTION);
    expect(socket.isPaused()).toBe(false);
    reading.behind(READ_PORTION + 1);
    expect(socket.isPaused()).toBe(true);
  });

  test('passes over so much of a connection that is being closed, and no more', () => {
    const socket = new PassThrough();
    const reading = new Reading(socket as unknown as Socket);
    reading.drop(CLOSING_BYTES);
    expect(socket.destroyed).toBe(false);
    reading.drop(1);
    expect(socket.destroyed).toBe(true);
  });
});

test('the image starts the edge as npm start does', () => {
  const image = readFileSync(join(import.meta.dirname, '..', '..', 'Dockerfile'), 'utf8');
  for (const flag of V8_FLAGS) expect(image).toContain(`"${flag}"`);
  for (const [name, value] of Object.entries(MALLOC)) expect(image).toContain(`${name}=${value}`);
});
