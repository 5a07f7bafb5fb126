// Who sends ahead of what is durable, over real sockets: by the gateway's setting and the counterparty's profile.

import { afterEach, expect, test } from '@jest/globals';
import { systemTimers } from '../../adapters/node/timers.ts';
import { updateProfile } from '../../core/credentials/profile.ts';
import type { ProfileOverrides } from '../../core/sessions/profile.ts';
import type { Edge } from '../../edge/edge.ts';
import { openJournal } from '../../edge/journal/file.ts';
import { openPair } from '../../edge/journal/pair.ts';
import { Syncing } from '../../edge/journal/syncing.ts';
import { SYSTEM_SYNCS, type Syncs } from '../../edge/syncs.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { marketOrder } from '../support/orders.ts';
import { newDirectory } from './journal/support.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';

/** A disk that syncs at once, or when it is told to. */
class HeldSyncs implements Syncs {
  readonly dataNow = SYSTEM_SYNCS.dataNow;
  readonly namesNow = SYSTEM_SYNCS.namesNow;
  readonly zeros = SYSTEM_SYNCS.zeros;
  held = false;
  #waiting: ((error: null) => void)[] = [];

  data(_: number, done: (error: null) => void): void {
    if (this.held) this.#waiting.push(done);
    else setImmediate(() => done(null));
  }

  names(_: string, done: (error: null) => void): void {
    this.data(0, done);
  }

  hold(): void {
    this.held = true;
  }

  /** Resolves when something waits for it. */
  async begun(): Promise<void> {
    await until('it is asked', () => this.#waiting.length > 0);
  }

  letGo(): void {
    this.held = false;
    for (const done of this.#waiting.splice(0)) done(null);
  }
}

const log = { info() {}, warn() {}, error() {} };
let houses: TestHouse[] = [];
let disks: HeldSyncs[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) disk.letGo();
  for (const house of houses.splice(0)) await house.close();
  houses = [];
  disks = [];
});

/** An edge whose journal promises what is on the disk itself, with numbers reserved, or without. */
async function opened(env: Record<string, string>) {
  const directory = newDirectory();
  const disk = new HeldSyncs();
  const monotonic = () => performance.now();
  const mirror = new Syncing({ directory, log, monotonic, after: systemTimers.after, syncs: disk });
  const main = openJournal({ directory, now: Date.now, log, mirror, commit: 'reserve', ahead: false });
  const beside = openJournal({ directory: newDirectory(), now: Date.now, log });
  const house = new TestHouse({ journal: openPair({ main, beside, log }) });
  const edge = await house.open({ env: { FIXGATE_COMMIT: 'reserve', ...env } });
  houses.push(house);
  disks.push(disk);
  return { house, edge, disk, main, beside };
}

const order = (client: FixClient, id: string): number => client.send('D', marketOrder(id));

const echoes = (client: FixClient): number => client.received.filter((m) => m.type === 'D').length;

async function loggedOn(house: TestHouse, edge: Edge, name: string, session_profile: ProfileOverrides = {}) {
  const account: Account = await house.user(name, { session_profile });
  const client = house.client(edge, account);
  await client.logon(account.password);
  order(client, `${name} 1`);
  await client.next((m) => m.type === 'D');
  return { account, client };
}

test.each([
  ['the gateway sends ahead, one counterparty does not', {}, {}, { commit: 'before-send' }],
  [
    'the gateway does not, one counterparty does',
    { FIXGATE_SESSION_PROFILE: '{"commit":"before-send"}' },
    { commit: 'reserve' },
    {},
  ],
] as const)('%s: the one waits for the disk, the other does not', async (_, env, quick, slow) => {
  const { house, edge, disk } = await opened(env);
  const alice = await loggedOn(house, edge, 'alice', quick);
  const bob = await loggedOn(house, edge, 'bob', slow);
  disk.hold();
  order(bob.client, 'bob 2');
  for (let n = 2; n <= 20; n++) {
    order(alice.client, `alice ${n}`);
    await until('she has her answer', () => echoes(alice.client) === n);
  }
  expect(echoes(bob.client)).toBe(1);
  disk.letGo();
  await until('and so has he', () => echoes(bob.client) === 2);
});

test('a change of the profile is in force from the next Logon on', async () => {
  const { house, edge, disk } = await opened({});
  const { account, client } = await loggedOn(house, edge, 'carol');
  const dave = await loggedOn(house, edge, 'dave');
  await updateProfile(house.admin, ACTOR, account.sender_comp_id, { commit: 'before-send' });
  disk.hold();
  order(client, 'still ahead');
  await until('it has come', () => echoes(client) === 2);
  disk.letGo();
  await client.logout();
  const again = house.client(edge, account);
  again.nextOut = client.nextOut;
  await again.logon(account.password);
  disk.hold();
  order(again, 'waits');
  order(again, 'waits, too');
  order(dave.client, 'is after them, and ahead');
  await until('it has come', () => echoes(dave.client) === 2);
  expect(echoes(again)).toBe(0);
  disk.letGo();
  await until('they have come', () => echoes(again) === 2);
});

test('a counterparty whose journal is the one beside waits for no other; it moves with its numbers when its profile says so', async () => {
  const { house, edge, disk, main, beside } = await opened({});
  const erin = await loggedOn(house, edge, 'erin', { journal: 'file', commit: 'before-send' });
  const key = [...beside.keys()][0]!;
  expect([key.includes(erin.account.sender_comp_id), main.has(key)]).toEqual([true, false]);
  disk.hold();
  order(erin.client, 'at once');
  await until('it has come', () => echoes(erin.client) === 2);
  disk.letGo();
  await updateProfile(house.admin, ACTOR, erin.account.sender_comp_id, { journal: null });
  await erin.client.logout();
  const again = house.client(edge, erin.account);
  again.nextOut = erin.client.nextOut;
  const answer = await again.logon(erin.account.password);
  expect([main.has(key), beside.has(key)]).toEqual([true, false]);
  // Logon, two echoes, Logout.
  expect(answer.get(34)).toBe('5');
  again.send('2', [
    [7, 1],
    [16, 0],
  ]);
  await until('what it was sent elsewhere', () => echoes(again) === 2);
  expect(again.received.filter((m) => m.type === 'D').map((m) => [m.get(34), m.get(43)])).toEqual([
    ['2', 'Y'],
    ['3', 'Y'],
  ]);
  disk.hold();
  order(again, 'waits for the disk');
  await disk.begun();
  expect(echoes(again)).toBe(2);
});
