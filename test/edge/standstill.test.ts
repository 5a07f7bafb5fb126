// A process that was stopped for longer than its lease: it says nothing before it knows that it still counts.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../adapters/node/clock.ts';
import type { Clock } from '../../core/time.ts';
import type { Edge } from '../../edge/edge.ts';
import { openMemoryJournal } from '../../edge/journal/memory.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { TestHouse, until } from './support/desk.ts';

/** Longer than the lease, and than others wait. */
const STOPPED_MS = 8_000;

/** For the edge it is as if all that is between two turns of its event loop had not been run. */
class JumpingClock implements Clock {
  #aheadMs = 0;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  nowNanos(): bigint {
    return systemClock.nowNanos() + BigInt(this.#aheadMs) * 1_000_000n;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#aheadMs;
  }

  jump(ms: number): void {
    this.#aheadMs += ms;
  }
}

let house: TestHouse;
let clock: JumpingClock;
let edge: Edge;
let client: FixClient;
const link = { cut: false };

beforeEach(async () => {
  link.cut = false;
  house = new TestHouse();
  clock = new JumpingClock();
  edge = await house.open({ clock, link, journal: openMemoryJournal({ now: () => clock.now() }) });
  const ann = await house.user('ann');
  client = house.client(edge, ann);
  expect((await client.logon(ann.password)).type).toBe('A');
});
afterEach(() => house.close());

const asked = (id: string): void => void client.send('1', [[112, id]]);
const answered = (id: string) => client.next((message) => message.type === '0' && message.get(112) === id, 10_000);

describe('after a standstill that others may have taken for its death', () => {
  test('an edge that was declared dead says not a byte more', async () => {
    const row = (await house.admin.edges.list())[0]!;
    expect(await house.admin.edges.declareDead(edge.gate.identity, row.heartbeat)).toBe(true);
    const heard = client.received.length;
    clock.jump(STOPPED_MS);
    asked('is it you');
    await client.closed(10_000);
    expect(client.received).toHaveLength(heard);
    expect(house.records('session_ended').map(({ details }) => details.cause)).toEqual(['fenced']);
  }, 20_000);

  test('one that was not says what it has to once it knows', async () => {
    const { heartbeat } = (await house.admin.edges.list())[0]!;
    clock.jump(STOPPED_MS);
    asked('is it you');
    await answered('is it you');
    expect((await house.admin.edges.list())[0]!.heartbeat).toBeGreaterThan(heartbeat);
    expect(edge.gate.state).toBe('running');
  }, 20_000);

  test('one that cannot ask goes on as who is cut off does', async () => {
    link.cut = true;
    clock.jump(STOPPED_MS);
    asked('is it you');
    await answered('is it you');
    expect(edge.gate.mayPlaceOrders).toBe(false);
  }, 20_000);
});

test('a standstill that is shorter than the lease silences nobody', async () => {
  link.cut = true;
  clock.jump(3_000);
  asked('quickly');
  await answered('quickly');
  expect(edge.gate.mayPlaceOrders).toBe(true);
  link.cut = false;
  await until('it is renewed', () => edge.gate.mayPlaceOrders);
}, 20_000);
