// The edge's side of the link: what it says it has is what its disk has.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { LinkVenue } from '../../../../edge/venue/link/venue.ts';
import type { VenueSink } from '../../../../edge/venue/venue.ts';
import { until } from '../../support/desk.ts';
import { sessionOf } from '../harness.ts';

const SILENT = { info() {}, warn() {}, error() {} };

let directory: string;
let server: Server;
let socket: Socket;
/** What edges have said first. */
const hellos: { readonly received: number; readonly knows: string }[] = [];
const address = () => join(directory, 's');

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  hellos.length = 0;
  server = createServer((one) => {
    socket = one;
    const unframer = new frames.Unframer();
    one.on('error', () => {});
    one.on('data', (chunk: Buffer) => {
      for (const { type, head } of unframer.add(chunk)) {
        if (type !== frames.HELLO) continue;
        hellos.push(head as (typeof hellos)[number]);
        one.write(frames.frameOf(frames.HELLO, JSON.stringify({ version: 2, log: 'the-venue', received: 0 })));
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

test('what it has heard and not written it has not received', async () => {
  const heard: number[] = [];
  const sink = { turn: (work: () => void) => work(), due: (_: unknown, number: number) => heard.push(number) < 0 };
  const own = join(directory, 'own');
  const options = {
    sink: sink as unknown as VenueSink,
    address: address(),
    edge_id: 'e1',
    directory: own,
    log: SILENT,
  };
  const venue = await LinkVenue.open(options);
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
