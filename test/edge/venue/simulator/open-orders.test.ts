// How many orders may be open: of a user over all sessions, and in a book; and what happens to thousands of them at once.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readConfig } from '../../../../edge/config.ts';
import { createLogger } from '../../../../edge/log.ts';
import { openOwnVenue } from '../../../../edge/open-venue.ts';
import { openVenue } from '../../../../edge/venue/index.ts';
import { KNOWN_IDS_PER_SESSION, LOG_PIECE_BYTES } from '../../../../edge/venue/limits.ts';
import { Simulator } from '../../../../edge/venue/simulator/simulator.ts';
import type { Venue, VenueSession } from '../../../../edge/venue/venue.ts';
import { Client, NOON, sessionOf, TestSink, utc } from '../harness.ts';

function exchange(openOrders?: number) {
  const sink = new TestSink();
  const venue = new Simulator({ sink, seed: 7, now: NOON, openOrders });
  const join = (session: VenueSession) => new Client(venue, sink, session);
  return { sink, join, one: join(sessionOf('ONE')) };
}

const TIME = `60=${utc(NOON)}`;
const bid = (id: string, symbol = 'INTC') => `35=D|11=${id}|55=${symbol}|54=1|38=1|40=2|44=1.00|${TIME}`;
const cancel = (id: string, orig: string) => `35=F|11=${id}|41=${orig}|55=INTC|54=1|38=1|${TIME}`;

test('open orders of a user are bounded over all sessions; one that ends makes room', () => {
  const { one, join } = exchange(4);
  const also = join(sessionOf('ALSO', 'FIX.4.4', '', 'ONE'));
  for (let n = 0; n < 4; n++) (n % 2 ? one : also).ask(bid(`${n}`));
  one.ask(cancel('C', '99999'));
  const refused = ['35=8|39=8|103=3|58=At most 4 open orders'];
  expect(one.ask(bid('X'), [39, 103, 58])).toEqual(refused);
  also.ask(cancel('C', '0'));
  expect(one.ask(bid('X'), [39, 103])).toEqual(['35=8|39=0']);
});

test('they are 10,000 where nothing else is said', () => {
  const { one, sink } = exchange();
  sink.listening = false;
  for (let n = 0; n < 10_000; n++) one.say(bid(`${n}`));
  sink.listening = true;
  const refused = ['35=8|39=8|58=At most 10000 open orders'];
  expect(one.ask(bid('X'), [39, 58])).toEqual(refused);
});

test('a book holds as many as ten users may have; another book has room', () => {
  const { join } = exchange(2);
  const users = Array.from({ length: 11 }, (_, n) => join(sessionOf(`USER${n}`)));
  const last = users.pop()!;
  for (const user of users) for (const id of ['A', 'B']) user.ask(bid(id));
  const refused = ['35=8|39=8|103=3|58=The book of INTC is full: 20 open orders'];
  expect(last.ask(bid('A'), [39, 103, 58])).toEqual(refused);
  expect(last.ask(bid('B', 'AAPL'), [39])).toEqual(['35=8|39=0']);
  users[0]!.ask(cancel('C', 'A'));
  expect(last.ask(bid('C'), [39])).toEqual(['35=8|39=0']);
});

test('the setting is that of the edge with the simulator in it', async () => {
  const sink = new TestSink();
  const config = readConfig({ FIXGATE_SIMULATOR_OPEN_ORDERS: '1', FIXGATE_JOURNAL: 'memory' });
  const venue = (await openOwnVenue(sink, config, createLogger('error', 'e'))) as Venue;
  const one = new Client(venue, sink, sessionOf('ONE'));
  expect(one.ask(bid('A'), [39])).toEqual(['35=8|39=0']);
  expect(one.ask(bid('B'), [39, 58])).toEqual(['35=8|39=8|58=At most 1 open orders']);
});

test('what happens to thousands at once is lines that can be read, and counts whole or not at all', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'orders-'));
  const file = join(directory, 'orders.jsonl');
  const run = () => {
    const [sink, problems] = [new TestSink(), [] as string[]];
    const venue = openVenue('simulator', { sink, seed: 1, now: NOON, directory, warn: (text) => problems.push(text) });
    return { sink, venue, problems, one: new Client(venue, sink, sessionOf('ONE')) };
  };
  /** How many a mass cancel finds open. */
  const open = async (): Promise<string> => {
    const { sink, venue, problems, one } = run();
    one.say(`35=q|11=MASS|530=7|${TIME}`);
    await venue.close();
    expect(problems).toEqual([]);
    return sink.take()[0]!.fields[533]!;
  };
  try {
    const { sink, venue, one } = run();
    sink.listening = false;
    for (let n = 0; n < 5000; n++) one.say(bid(`${n}`));
    venue.flush();
    venue.massCancel({ of: 'everybody' }, NOON);
    venue.flush();
    await venue.close();
    const text = readFileSync(file, 'latin1');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(LOG_PIECE_BYTES + 1024);
    expect(await open()).toBe('0');
    // All of it but the last line, which ends the flush.
    writeFileSync(file, text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1), 'latin1');
    expect(await open()).toBe('5000');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a session may have more orders open than ids are kept of it, before a restart and after it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'orders-'));
  const count = KNOWN_IDS_PER_SESSION + 5000;
  const run = () => {
    const [sink, problems] = [new TestSink(), [] as string[]];
    const warn = (text: string) => problems.push(text);
    const venue = openVenue('simulator', { sink, seed: 1, now: NOON, directory, warn, openOrders: count });
    return { sink, venue, problems, one: new Client(venue, sink, sessionOf('ONE')) };
  };
  const refused = [`35=8|39=8|58=At most ${count} open orders`];
  try {
    const before = run();
    before.sink.listening = false;
    for (let n = 0; n < count; n++) before.one.say(bid(`${n}`));
    before.sink.listening = true;
    expect(before.one.ask(bid('X'), [39, 58])).toEqual(refused);
    before.venue.flush();
    await before.venue.close();

    const { one, sink, venue, problems } = run();
    expect(problems).toEqual([]);
    expect(one.ask(bid('X'), [39, 58])).toEqual(refused);
    expect(one.ask(cancel('C0', '0'), [39, 41])).toEqual(['35=8|41=0|39=4']); // the oldest is known by its id
    expect(one.ask(bid(`${count - 1}`), [39, 103])).toEqual(['35=8|39=8|103=6']);
    one.say(`35=q|11=MASS|530=7|${TIME}`);
    expect(sink.take()[0]!.fields[533]).toBe(`${count - 1}`);
    venue.flush();
    await venue.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
