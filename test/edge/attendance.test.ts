// What becomes of the orders of a client that has gone: the whole edge with the simulator, over real sockets.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { killSession, killUser } from '../../core/credentials/kill.ts';
import { updateProfile } from '../../core/credentials/profile.ts';
import { lock, unlock } from '../../core/locks/locks.ts';
import type { ProfileOverrides } from '../../core/sessions/profile.ts';
import { Attendance } from '../../edge/attendance.ts';
import type { Edge } from '../../edge/edge.ts';
import { openVenue } from '../../edge/venue/index.ts';
import type { Venue, VenueSession } from '../../edge/venue/venue.ts';
import { type FixClient, utcTimestamp } from '../../local/fix-client.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';
import { sessionOf } from './venue/harness.ts';

let house: TestHouse;
let edge: Edge;
let directory: string;

/** An edge with the simulator; its orders outlive it. */
const open = async (env: Record<string, string> = {}): Promise<void> => {
  const venue = (sink: Parameters<typeof openVenue>[1]['sink']) =>
    openVenue('simulator', { sink, seed: 1, now: Date.now(), directory, warn: () => {} });
  edge = await house.open({ venue, env });
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'attendance-'));
  house = new TestHouse();
  await open();
});
afterEach(async () => {
  await house.close();
  rmSync(directory, { recursive: true, force: true });
});

const cancelling = (grace_ms: number): ProfileOverrides => ({ cancel_on_disconnect: { mode: 'session', grace_ms } });
const user = (name: string, session_profile: ProfileOverrides = {}) => house.user(name, { session_profile });
const gone = () => until('the session has ended', () => [...edge.gate.sessions()].length === 0);

async function loggedOn(account: Account, next = 1, more = {}): Promise<FixClient> {
  const client = house.client(edge, account, more);
  client.nextOut = next;
  expect((await client.logon(account.password)).type).toBe('A');
  return client;
}

/** A buy far below the market, accepted. */
async function rests(client: FixClient, id: string): Promise<void> {
  client.send('D', [
    [11, id],
    [21, 1],
    [55, 'INTC'],
    [54, 1],
    [38, 100],
    [40, 2],
    [44, '20.00'],
    [59, 1],
    [60, utcTimestamp(new Date())],
  ]);
  expect((await client.next((m) => m.type === '8' && m.get(11) === id)).get(39)).toBe('0');
}

/** What the venue says of an order now: 39. */
async function status(client: FixClient, id: string): Promise<string | undefined> {
  client.send('H', [
    [11, id],
    [55, 'INTC'],
    [54, 1],
  ]);
  return (await client.next((m) => m.type === '8' && m.get(150) === 'I' && m.get(11) === id)).get(39);
}

describe('cancel_on_disconnect', () => {
  test('cancels what the session has resting, and its reports wait for it', async () => {
    const alice = await user('alice', cancelling(0));
    const client = await loggedOn(alice);
    await rests(client, 'a');
    await rests(client, 'b');
    client.destroy();
    await gone();
    const back = await loggedOn(alice, 4);
    back.send('0');
    const second = await back.next((m) => m.type === '8' && m.get(11) === 'b');
    const reports = back.received.filter((m) => m.type === '8');
    expect(reports.map((m) => [m.get(11), m.get(150), m.get(39), m.get(58)])).toEqual([
      ['a', '4', '4', 'Canceled on disconnect'],
      ['b', '4', '4', 'Canceled on disconnect'],
    ]);
    expect(second.get(151)).toBe('0');
  });

  test('is off by default: orders stay', async () => {
    const bob = await user('bob');
    const client = await loggedOn(bob);
    await rests(client, 'a');
    client.destroy();
    await gone();
    expect(await status(await loggedOn(bob, 3), 'a')).toBe('0');
  });

  test('leaves orders to who is back within the grace, also by a takeover', async () => {
    const carol = await user('carol', { ...cancelling(300), duplicate_logon: 'takeover' });
    const client = await loggedOn(carol);
    await rests(client, 'a');
    client.destroy();
    await gone();
    const back = await loggedOn(carol, 3);
    const taking = await loggedOn(carol, 4);
    await back.closed();
    await new Promise((resolve) => setTimeout(resolve, 400)); // the grace passes, and nothing may come of it
    expect(await status(taking, 'a')).toBe('0');
  });

  test('counts the grace from the end, and follows a kill like any other end', async () => {
    const dave = await user('dave', cancelling(150));
    const other = await user('other', cancelling(0));
    const [client, stays] = [await loggedOn(dave), await loggedOn(other)];
    await rests(client, 'a');
    await rests(stays, 'a');
    const before = performance.now();
    await killUser(house.admin, ACTOR, 'dave');
    await client.closed();
    await until('it is cancelled', async () => (await cancelled(dave)) > 0);
    expect(performance.now() - before).toBeGreaterThan(140);
    expect(await status(stays, 'a')).toBe('0');
  });

  test('is written at once, though nobody is connected any more', async () => {
    const hal = await user('hal', cancelling(100));
    const id = `FIX.4.4|${hal.target_comp_id}|${hal.sender_comp_id}|`;
    const client = await loggedOn(hal);
    await rests(client, 'a');
    const flush = house.journal.flush.bind(house.journal);
    let written = 0;
    house.journal.flush = () => {
      flush();
      written = house.journal.session(id).pending;
    };
    client.destroy();
    await until('the report is in the journal', () => written === 1);
  });

  test('reaches orders that outlived the edge, when their client does not come back', async () => {
    const erin = await user('erin', cancelling(200));
    const frank = await user('frank');
    for (const account of [erin, frank]) await rests(await loggedOn(account), 'a');
    // One whose setting came after its orders.
    const gina = await user('gina');
    const before = await loggedOn(gina);
    await rests(before, 'a');
    await before.logout();
    await until('it is gone', () => [...edge.gate.sessions()].length === 2);
    await updateProfile(house.admin, ACTOR, gina.sender_comp_id, cancelling(100));
    await loggedOn(gina, 4);
    await edge.drain(true);
    await open();
    await until('it is cancelled', async () => (await cancelled(erin)) > 0 && (await cancelled(gina)) > 0);
    expect(await status(await loggedOn(frank, 3), 'a')).toBe('0');
  });
});

/** Reports that wait for a client that is away. */
async function cancelled(account: Account): Promise<number> {
  const id = `FIX.4.4|${account.target_comp_id}|${account.sender_comp_id}|`;
  return house.journal.session(id).pending;
}

describe('orders that an admin cancels', () => {
  test('with a kill: of the session, before its client has the Logout', async () => {
    const ann = await user('ann');
    const [one, two] = [await loggedOn(ann), await loggedOn(ann, 1, { sender_sub_id: 'B' })];
    await rests(one, 'a');
    await rests(two, 'b');
    const killed = [...edge.gate.sessions()].find(({ session }) => session.key.sender_sub_id === '')!;
    await killSession(house.admin, { ...ACTOR, cancel_orders: true }, killed.session.session_id);
    await one.closed();
    const types = one.received.slice(-2).map((message) => [message.type, message.get(150), message.get(58)]);
    expect(types).toEqual([
      ['8', '4', 'Canceled by an administrator'],
      ['5', undefined, 'a test'],
    ]);
    expect(await status(two, 'b')).toBe('0');
  });

  test('with a lock of everybody: also of clients that are away, who hear of it when they are let in again', async () => {
    const [ann, bob] = [await user('ann'), await user('bob')];
    const away = await loggedOn(bob);
    await rests(away, 'b');
    away.destroy();
    await gone();
    const client = await loggedOn(ann);
    await rests(client, 'a');
    await lock(house.admin, ACTOR, { target: { kind: 'everybody' }, reason: 'halt', cancel_orders: true });
    await client.closed();
    expect(client.received.filter((message) => message.get(150) === '4')).toHaveLength(1);
    const refused = await house.client(edge, bob).logon(bob.password);
    expect([refused.type, refused.get(58)]).toEqual(['5', 'Logon refused: Locked: halt']);
    await unlock(house.admin, ACTOR, { kind: 'everybody' });
    const back = await loggedOn(bob, away.nextOut);
    expect((await back.next((message) => message.type === '8')).get(150)).toBe('4');
  });
});

describe('who is there', () => {
  const at = (monoMs: number) => ({ epochMs: 1_000_000 + monoMs, monoMs });
  const absent = (cancel_after_ms: number): VenueSession => ({ ...sessionOf('ONE'), cancel_after_ms });

  function told(more: Partial<Venue> = {}): { attendance: Attendance; heard: string[] } {
    const heard: string[] = [];
    const venue = {
      sessionStarted: () => heard.push('started'),
      sessionEnded: () => heard.push('ended'),
      resting: () => [absent(50), sessionOf('TWO')],
      cancelAll: ({ id }: VenueSession, now: number) => heard.push(`cancel ${id} ${now}`),
      ...more,
    } as unknown as Venue;
    return { attendance: new Attendance(venue), heard };
  }

  test('one that failed to take over is missed from then on, and gains no time by trying again', () => {
    const { attendance, heard } = told();
    attendance.ended(absent(100), 'superseded', at(0));
    attendance.tick(at(1000));
    attendance.failed(absent(100), at(1000));
    attendance.failed(absent(100), at(1060));
    attendance.tick(at(1099));
    expect(heard).toEqual(['ended']);
    attendance.tick(at(1100));
    attendance.tick(at(5000));
    expect(heard).toEqual(['ended', 'cancel ONE 1001100']);
  });

  test('one that left for another edge is missed here until that one has spoken for it, for as long as a Logon may take', () => {
    const { attendance, heard } = told({ claim: () => Promise.reject(new Error('unasked')) });
    attendance.ended(absent(100), 'superseded', at(0));
    attendance.tick(at(19_999));
    expect(heard).toEqual(['ended']);
    attendance.tick(at(20_000));
    expect(heard).toEqual(['ended', 'cancel ONE 1020000']);
    // Or it is on its way in here, and fails: that is known at once.
    attendance.ended(absent(100), 'superseded', at(30_000));
    attendance.failed(absent(100), at(31_000));
    attendance.tick(at(31_100));
    expect(heard.slice(2)).toEqual(['ended', 'cancel ONE 1031100']);
  });

  test('after a start all that rests is somebody’s who is away', () => {
    const { attendance, heard } = told();
    attendance.opened(at(0));
    attendance.tick(at(49));
    expect(heard).toEqual([]);
    attendance.tick(at(50));
    expect(heard).toEqual(['cancel ONE 1000050']);
  });

  test('a venue that fails to cancel is asked again', () => {
    let failing = true;
    const heard: number[] = [];
    const venue = {
      sessionEnded() {},
      cancelAll(_: VenueSession, now: number) {
        if (failing) throw new Error('not now');
        heard.push(now);
      },
    } as unknown as Venue;
    const attendance = new Attendance(venue);
    attendance.ended(absent(10), 'disconnect', at(0));
    expect(() => attendance.tick(at(10))).toThrow('not now');
    failing = false;
    attendance.tick(at(60));
    expect(heard).toEqual([1_000_060]);
  });

  test('one whose orders the venue fails to cancel does not keep the orders of others', () => {
    const heard: string[] = [];
    const venue = {
      sessionEnded() {},
      cancelAll({ id }: VenueSession) {
        if (id === 'ONE') throw new Error('not now');
        heard.push(id);
      },
    } as unknown as Venue;
    const attendance = new Attendance(venue);
    attendance.ended(absent(10), 'disconnect', at(0));
    attendance.ended({ ...absent(10), id: 'TWO' }, 'disconnect', at(0));
    expect(() => attendance.tick(at(10))).toThrow('not now');
    expect(() => attendance.tick(at(60))).toThrow('not now');
    expect(heard).toEqual(['TWO']);
  });
});
