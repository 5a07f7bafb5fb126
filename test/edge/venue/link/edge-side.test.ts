// The edge's side of the link: what it says it has is what its disk has.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Message } from '../../../../edge/fix/message.ts';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { STANDSTILL_MS } from '../../../../edge/venue/link/limits.ts';
import { type LinkVenueOptions, systemWay } from '../../../../edge/venue/link/options.ts';
import { LinkVenue } from '../../../../edge/venue/link/venue.ts';
import type { VenueSink } from '../../../../edge/venue/venue.ts';
import { until } from '../../support/desk.ts';
import { dictionaryOf, sessionOf } from '../harness.ts';

const SILENT = { info() {}, warn() {}, error() {} };

let directory: string;
let server: Server;
let socket: Socket;
/** What edges have said first. */
const hellos: { readonly received: number; readonly knows: string }[] = [];
/** Names the venue's log. */
let theirLog: string;
const address = () => join(directory, 's');

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  hellos.length = 0;
  theirLog = 'the-venue';
  server = createServer((one) => {
    socket = one;
    const unframer = new frames.Unframer();
    one.on('error', () => {});
    one.on('data', (chunk: Buffer) => {
      for (const { type, head } of unframer.add(chunk)) {
        if (type !== frames.HELLO) continue;
        hellos.push(head as (typeof hellos)[number]);
        const said = { version: 2, log: theirLog, received: 0 };
        one.write(frames.frameOf(frames.HELLO, JSON.stringify(said)));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(address(), resolve));
});
afterEach(() => {
  socket.destroy();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const open = (more: Partial<LinkVenueOptions>): Promise<LinkVenue> =>
  LinkVenue.open({
    sink: { turn: (work: () => void) => work() } as unknown as VenueSink,
    address: address(),
    edge_id: 'e1',
    directory: join(directory, 'own'),
    log: SILENT,
    ...more,
  });

function submit(venue: LinkVenue, msg_seq_num: number): void {
  const message = new Message();
  message.buf = Buffer.from('35=D');
  message.end = message.buf.length;
  const session = sessionOf('ONE');
  venue.submit(message, {
    session,
    generation: 0,
    msg_seq_num,
    dictionary: dictionaryOf(session),
    now: 0,
    recovered: false,
  });
}

const ack = (received: number): void => void socket.write(frames.frameOf(frames.ACK, JSON.stringify({ received })));

test('what it has heard and not written it has not received', async () => {
  const heard: number[] = [];
  const sink = { turn: (work: () => void) => work(), due: (_: unknown, number: number) => heard.push(number) < 0 };
  const venue = await open({ sink: sink as unknown as VenueSink });
  const report = (number: number): void => {
    const head = JSON.stringify({ session: sessionOf('ONE'), msg_type: 56, number });
    const frame = frames.frameOf(frames.REPORT, head, Buffer.from('35=8'));
    frames.setNumber(frame, number);
    socket.write(frame);
  };
  report(1);
  await until('it is heard', () => heard.length === 1);
  venue.flush();
  report(2);
  await until('it is heard', () => heard.length === 2);
  socket.destroy();
  await until('it is back', () => hellos.length === 2);
  expect(hellos[1]).toMatchObject({ received: 1, knows: 'the-venue' });
  // What comes again is known by its number.
  report(2);
  report(3);
  await until('the new one is heard', () => heard.length === 3);
  expect(heard).toEqual([1, 2, 3]);
  await venue.close();
});

test('an edge whose machine was down begins its log anew: what it had said of it may be lost', async () => {
  const start = async (boot: string): Promise<LinkVenue> => {
    const before = hellos.length;
    const venue = await open({ boot });
    await until('it has said who it is', () => hellos.length > before);
    return venue;
  };
  const first = await start('boot 1');
  submit(first, 1);
  first.flush();
  await first.close();
  const killed = await start('boot 1');
  expect(hellos.at(-1)).toMatchObject({ knows: 'the-venue' });
  expect(killed.link.waiting).toBe(1);
  await killed.close();
  const back = await start('boot 2');
  expect(hellos.at(-1)).toMatchObject({ knows: '', received: 0 });
  expect([back.link.waiting, back.mark]).toEqual([0, 0]);
  await back.close();
});

test('a flush is had when the venue has acknowledged all that came with it, over restarts of either', async () => {
  const venue = await open({});
  const before = venue.mark;
  expect(venue.had).toBe(before);
  submit(venue, 1);
  venue.flush();
  submit(venue, 2);
  submit(venue, 3);
  venue.flush();
  expect([venue.had, venue.mark]).toEqual([before, before + 2]);
  ack(2);
  await until('the first is had', () => venue.had === before + 1);
  // A venue that has forgotten everything is sent what waits, under new numbers.
  theirLog = 'another';
  socket.destroy();
  await until('it is back', () => hellos.length === 2);
  await until('it is linked', () => venue.link.up);
  venue.flush();
  expect(venue.had).toBe(before + 1);
  ack(1);
  await until('all is had', () => venue.had === venue.mark);
  submit(venue, 4);
  venue.flush();
  const { mark } = venue;
  await venue.close();
  // Of what waits the next process does not know which flush it is of: nothing is had before all of that is.
  const next = await open({});
  expect([next.mark, next.had]).toEqual([mark, 0]);
  submit(next, 5);
  next.flush();
  ack(2);
  await until('what waited is had', () => next.had === mark);
  ack(3);
  await until('all is had', () => next.had === next.mark);
  await next.close();
});

test('orders are taken no longer when too much waits for the venue, and are again', async () => {
  const venue = await open({ most_waiting: 1000 });
  let n = 0;
  while (venue.available && n < 20) submit(venue, ++n);
  expect(n).toBeGreaterThan(1);
  expect(n).toBeLessThan(20);
  venue.flush();
  ack(n);
  await until('there is room', () => venue.available);
  await venue.close();
});

test('a venue that acknowledges nothing takes no orders after four seconds, and does so again when it goes on', async () => {
  let monoMs = 0;
  const lines: string[] = [];
  const note = (_: object, text: string) => void lines.push(text);
  const { connect } = systemWay(address());
  const venue = await open({
    log: { info: note, warn: note, error: note },
    way: { connect, monotonic: () => monoMs },
  });
  const after = (ms: number): readonly [available: boolean, up: boolean] => {
    monoMs += ms;
    venue.tick();
    return [venue.available, venue.link.up];
  };
  expect(after(60_000)).toEqual([true, true]); // nothing is asked of it
  submit(venue, 1);
  submit(venue, 2);
  venue.flush();
  after(0);
  expect(after(STANDSTILL_MS - 1)).toEqual([true, true]);
  expect(after(1)).toEqual([false, false]);
  ack(1);
  await until('it moves', () => venue.link.waiting === 1);
  expect(after(1)).toEqual([true, true]);
  expect(after(STANDSTILL_MS)).toEqual([false, false]);
  // While it is away that counts, and not what waits.
  socket.destroy();
  await until('it is away', () => after(0)[0]);
  await until('it is linked', () => hellos.length === 2 && venue.link.up);
  expect(after(STANDSTILL_MS)).toEqual([false, false]);
  ack(2);
  await until('nothing waits', () => venue.link.waiting === 0);
  expect(after(0)).toEqual([true, true]);
  expect(lines.filter((line) => line.startsWith('the venue takes'))).toEqual([
    'the venue takes nothing: orders are refused',
    'the venue takes what it is sent again',
    'the venue takes nothing: orders are refused',
    'the venue takes nothing: orders are refused',
    'the venue takes what it is sent again',
  ]);
  await venue.close();
});

test('reports that the venue had to drop are counted and told of, and those after them taken', async () => {
  const heard: number[] = [];
  const errors: unknown[][] = [];
  const sink = { turn: (work: () => void) => work(), due: (_: unknown, number: number) => heard.push(number) < 0 };
  const log = { ...SILENT, error: (...said: unknown[]) => void errors.push(said) };
  const venue = await open({ sink: sink as unknown as VenueSink, log });
  for (let number = 1; number <= 3; number++) socket.write(frames.droppedFrame(number));
  const report = frames.frameOf(
    frames.REPORT,
    JSON.stringify({ session: sessionOf('ONE'), msg_type: 56, number: 4 }),
    Buffer.from('35=8'),
  );
  frames.setNumber(report, 4);
  socket.write(report);
  await until('it is heard', () => heard.length === 1);
  expect(heard).toEqual([4]);
  expect(venue.link.dropped).toBe(3);
  expect(errors[0]?.[1]).toBe('the venue has dropped reports for this edge');
  await venue.close();
});

test('messages for a venue that stays away go when too much waits: said with their sessions, and their numbers are kept', async () => {
  const errors: unknown[][] = [];
  const log = { ...SILENT, error: (...said: unknown[]) => void errors.push(said) };
  const venue = await open({ log, most_in_all: 2000 });
  for (let n = 1; n <= 20; n++) submit(venue, n);
  const came: { readonly type: number; readonly number: number }[] = [];
  const unframer = new frames.Unframer();
  socket.on('data', (chunk: Buffer) => came.push(...unframer.add(chunk)));
  venue.flush();
  await until('all have come', () => came.at(-1)?.number === 20);
  expect(came.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  const dropped = came.filter(({ type }) => type === frames.NOTHING).length;
  expect(dropped).toBeGreaterThan(5);
  expect(errors).toEqual([[{ dropped, sessions: { ONE: dropped } }, expect.stringContaining('were dropped')]]);
  await venue.close();
});

test('cancels are not among them: each comes under its number, behind what it is about, whoever came and left before', async () => {
  const venue = await open({ most_in_all: 2000 });
  const session = sessionOf('ONE');
  submit(venue, 1);
  venue.sessionEnded(session);
  venue.cancelAll(session);
  venue.massCancel({ of: 'users', user_ids: new Set(['alice']) }, 0);
  venue.sessionStarted(session);
  for (let n = 6; n <= 30; n++) submit(venue, n);
  const came: { readonly type: number; readonly number: number; readonly head: unknown }[] = [];
  const unframer = new frames.Unframer();
  socket.on('data', (chunk: Buffer) => came.push(...unframer.add(chunk)));
  venue.flush();
  await until('all have come', () => came.at(-1)?.number === 30);
  expect(came.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(came.slice(0, 7).map(({ type }) => type)).toEqual([
    frames.NOTHING,
    frames.ENDED,
    frames.CANCEL_ALL,
    frames.MASS_CANCEL,
    frames.STARTED,
    frames.NOTHING,
    frames.NOTHING,
  ]);
  await venue.close();
});
