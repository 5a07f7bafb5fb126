// An edge among edges: drained by an admin, its clock against the store's, and what it tells of both.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../adapters/node/clock.ts';
import { ClockWatch } from '../../core/sessions/clock-watch.ts';
import { drainEdge } from '../../core/sessions/edges.ts';
import { ACTOR, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

const ready = async (port: number) =>
  (await (await fetch(`http://127.0.0.1:${port}/ready`)).json()) as { status: string; reason?: string };
const metric = async (port: number, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
};

test('an admin drains it: nobody new, and whoever keeps the process ends it; another boot goes on', async () => {
  const edge = await house.open();
  const account = await house.user('ann');
  const client = house.client(edge, account);
  await client.logon(account.password);
  await drainEdge(house.admin, { ...ACTOR, reason: 'new kernel' }, 'test-1');
  expect(await edge.drainAsked).toBe('new kernel');
  expect(await ready(edge.metricsPort)).toEqual({ status: 'not_ready', reason: 'draining' });
  const late = await house.client(edge, account, { sender_sub_id: 'B' }).logon(account.password);
  expect([late.type, late.get(58)]).toEqual(['5', 'Gateway is going down, log on again']);
  expect(await metric(edge.metricsPort, 'fix_command_age_seconds_count{type="drain"}')).toBe(1);
  await edge.drain(true);
  // The command was to the incarnation that has ended: this one must not end by it.
  await house.admin.edges.send([
    {
      edge_id: 'test-1',
      command: { id: '0', at: Date.now(), type: 'drain', incarnation: edge.gate.identity.incarnation, reason: 'late' },
    },
  ]);
  const next = await house.open();
  await until('the command was taken', async () => (await house.admin.edges.commands('test-1', '')).length === 0);
  expect(next.gate.state).toBe('running');
});

describe('a clock', () => {
  /** The store's replies say that our clock is ahead by so much. */
  const aheadBy = (ms: number): ClockWatch => {
    const watch = new ClockWatch(systemClock);
    const mono = systemClock.monotonic();
    for (let at = mono - 5000; at < mono; at += 10) {
      watch.note(Math.floor((systemClock.now() - mono + at - ms) / 1000) * 1000, at, at + 1);
    }
    return watch;
  };

  test('that is off beyond the bound makes an edge unready, and its sessions stay', async () => {
    const edge = await house.open({ clockWatch: aheadBy(3000) });
    const account = await house.user('ann');
    const client = house.client(edge, account);
    expect((await client.logon(account.password)).type).toBe('A');
    await until('it has looked', async () => (await ready(edge.metricsPort)).reason === 'clock', 5000);
    expect(await metric(edge.metricsPort, 'fix_clock_offset_seconds')).toBeCloseTo(3, 1);
    expect(await metric(edge.metricsPort, 'fix_clock_error_seconds')).toBeLessThan(0.12);
    client.send('1', [[112, 'there']]);
    await client.next((message) => message.get(112) === 'there');
    await until('it is told', async () => (await house.admin.edges.list())[0]?.figures.vitals?.clock !== undefined);
    const { clock } = (await house.admin.edges.list())[0]!.figures.vitals!;
    expect(clock?.offset_ms).toBeGreaterThan(2900);
  });

  test('that is off within the bound, or beyond one that nobody set, does not', async () => {
    const within = await house.open({ clockWatch: aheadBy(-300) });
    const unbounded = await house.open({
      clockWatch: aheadBy(9000),
      env: { FIXGATE_EDGE_ID: 'test-2', FIXGATE_CLOCK_BOUND_MS: '0' },
    });
    await new Promise((resolve) => setTimeout(resolve, 1100)); // one look of each
    expect(await ready(within.metricsPort)).toEqual({ status: 'ready' });
    expect(await ready(unbounded.metricsPort)).toEqual({ status: 'ready' });
  });
});
