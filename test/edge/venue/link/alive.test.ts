// Each side of the link says that it is there, and gives up a side that is not, though its connection is.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Alive } from '../../../../edge/venue/link/alive.ts';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { AWAY_MS, BEAT_MS, STANDSTILL_MS } from '../../../../edge/venue/link/limits.ts';
import { LinkVenue } from '../../../../edge/venue/link/venue.ts';
import { LinkWire } from '../../../../edge/venue/link/wire.ts';
import type { VenueSink } from '../../../../edge/venue/venue.ts';
import { until } from '../../support/desk.ts';
import { clock, linked, logged, rawEdge } from './linked.ts';
import type { RawEdge } from './raw-edge.ts';

const BEATS_OF_PATIENCE = STANDSTILL_MS / BEAT_MS;

test('what comes breaks a silence; a time in which this side did not run is one beat, one in which it does not read none', () => {
  const alive = new Alive();
  let now = 0;
  const after = (ms: number): boolean => {
    now += ms;
    alive.look(now);
    return alive.gone;
  };
  after(0);
  for (let beat = 1; beat < BEATS_OF_PATIENCE; beat++) expect(after(BEAT_MS)).toBe(false);
  alive.heard();
  expect(after(3_600_000)).toBe(false);
  now += 3_600_000;
  alive.skip(now);
  for (let beat = 2; beat < BEATS_OF_PATIENCE; beat++) expect(after(BEAT_MS)).toBe(false);
  expect(after(BEAT_MS)).toBe(true);
});

describe('the venue', () => {
  /** A beat later; resolves when the edge has been told of it, or is cut. */
  async function beat(edge: RawEdge): Promise<void> {
    const before = edge.beats;
    clock.now += BEAT_MS;
    await until('it is told', () => edge.beats > before || edge.closed);
  }

  test('gives up an edge that knows of beats and is silent, and no other', async () => {
    const before = await linked(rawEdge('of-before'));
    const edge = await linked(rawEdge('e1', { beats: true }));
    expect(edge.hello).toMatchObject({ beats: true });
    await until('it is told', () => edge.beats === 1);
    for (let n = 0; n < 2 * BEATS_OF_PATIENCE; n++) {
      edge.send(frames.ALIVE, 0, {});
      await beat(edge);
    }
    expect([edge.closed, logged]).toEqual([false, []]);
    let beats = 0;
    for (; !edge.closed; beats++) await beat(edge);
    expect(beats).toBeGreaterThanOrEqual(BEATS_OF_PATIENCE - 1);
    expect(beats).toBeLessThanOrEqual(BEATS_OF_PATIENCE + 1);
    await until('it is told of', () => logged.includes('an edge is gone'));
    expect([before.closed, before.beats]).toEqual([false, 0]);
  });
});

test('a side that does not read, as its disk refuses, gives up nobody for it', async () => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const gone: string[] = [];
  const wire = new LinkWire(connect(port, '127.0.0.1'), { onFrames() {}, onGone: (why) => gone.push(why) });
  let now = 0;
  const after = (beats: number): void => {
    for (let n = 0; n < beats; n++) {
      now += BEAT_MS;
      wire.look(now);
    }
  };
  wire.beat();
  wire.pause();
  after(3 * BEATS_OF_PATIENCE);
  wire.resume();
  after(BEATS_OF_PATIENCE - 1);
  expect(wire.hungMs).toBe(0);
  after(2);
  expect(wire.hungMs).toBe(STANDSTILL_MS);
  await until('it is ended', () => gone.length > 0);
  expect(gone).toEqual(['it is silent: it hangs, or nothing gets through']);
  server.close();
});

describe('the edge', () => {
  let server: Server;
  let socket: Socket;
  let monoMs: number;
  let told: number[];
  let beats: boolean | undefined;
  let turns = 0;
  const turn = (work: () => void): void => {
    turns += 1;
    work();
  };
  const lines: string[] = [];

  beforeEach(async () => {
    monoMs = 0;
    told = [];
    beats = true;
    lines.length = 0;
    server = createServer((one) => {
      socket = one;
      const unframer = new frames.Unframer();
      one.on('error', () => {});
      one.on('data', (chunk: Buffer) => {
        for (const { type } of unframer.add(chunk)) {
          told.push(type);
          const hello = { version: 2, log: 'the-venue', received: 0, beats };
          if (type === frames.HELLO) one.write(frames.frameOf(frames.HELLO, JSON.stringify(hello)));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    socket.destroy();
    server.close();
  });

  const open = (): Promise<LinkVenue> => {
    const { port } = server.address() as AddressInfo;
    const note = (_: object, text: string) => void lines.push(text);
    return LinkVenue.open({
      sink: { turn } as unknown as VenueSink,
      address: '',
      edge_id: 'e1',
      directory: undefined,
      log: { info: note, warn: note, error: note },
      way: { connect: () => connect(port, '127.0.0.1'), monotonic: () => monoMs },
    });
  };
  const look = (venue: LinkVenue, ms: number): readonly [available: boolean, up: boolean, hung: number] => {
    monoMs += ms;
    venue.tick();
    return [venue.available, venue.link.up, venue.link.hung];
  };

  test('of a venue that hangs takes no orders, however idle it is, and links anew', async () => {
    const venue = await open();
    look(venue, 0);
    for (let n = 0; n < 2 * BEATS_OF_PATIENCE; n++) {
      const before = told.length;
      expect(look(venue, BEAT_MS)).toEqual([true, true, 0]);
      await until('it says that it is there', () => told.length > before);
      const [here, ack] = [frames.frameOf(frames.ALIVE, '{}'), frames.frameOf(frames.ACK, '{"received":0}')];
      const heard = turns;
      socket.write(Buffer.concat([here, ack]));
      await until('it is heard', () => turns > heard);
    }
    for (let n = 0; n <= BEATS_OF_PATIENCE; n++) look(venue, BEAT_MS);
    await until('it is given up', () => venue.link.hung === 1);
    expect([venue.available, venue.link.up]).toEqual([false, false]);
    expect(lines).toContain('the link to the venue is gone');
    await until('it is linked anew', () => venue.link.up);
    expect([venue.available, venue.link.links]).toEqual([true, 2]);
    await venue.close();
  });

  test('says nothing to a venue of a release before, and expects nothing of it', async () => {
    beats = undefined;
    const venue = await open();
    for (let n = 0; n < 3 * BEATS_OF_PATIENCE; n++) expect(look(venue, BEAT_MS)).toEqual([true, true, 0]);
    expect(told).toEqual([frames.HELLO]);
    // One that goes is a restart: orders wait for it.
    socket.destroy();
    await until('it is away', () => !venue.link.up);
    expect(look(venue, AWAY_MS - 1)[0]).toBe(true);
    await venue.close();
  });
});
