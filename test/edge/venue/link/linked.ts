/** The venue's side of the link for tests that speak to it in frames: its host, on a socket of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { openVenue } from '../../../../edge/venue/index.ts';
import { VenueHost } from '../../../../edge/venue/link/host.ts';
import { LINK_FILE, Mailroom } from '../../../../edge/venue/link/mailroom.ts';
import { type LinkServer, listenForEdges } from '../../../../edge/venue/link/server.ts';
import type { VenueSession } from '../../../../edge/venue/venue.ts';
import { until } from '../../support/desk.ts';
import { dictionaryOf, NOON, sessionOf } from '../harness.ts';
import { RawEdge } from './raw-edge.ts';

let directory: string;
/** Epoch ms. */
export const clock = { now: NOON };
let server: LinkServer;
let venueHost: VenueHost;
let ticking: NodeJS.Timeout;
export const edges: RawEdge[] = [];
export const logged: string[] = [];

export const rawEdge = (edge_id: string, more: object = {}): RawEdge => {
  const edge = new RawEdge(join(directory, 's'), edge_id, more);
  edges.push(edge);
  return edge;
};

export const disk = { full: false };
/** How many cancels the venue fails at from now on. */
export const fault = { cancels: 0 };
const failing = (): void => {
  if (fault.cancels <= 0) return;
  fault.cancels -= 1;
  throw new Error('the market is broken');
};
/** Of mailboxes; undefined: as in production. */
export const bound: { bytes: number | undefined } = { bytes: undefined };
/** `peer: count`, and the sessions. */
export const lost: unknown[][] = [];

export async function start(): Promise<void> {
  venueHost = new VenueHost({
    mailroom: (counts) => {
      const mailroom = new Mailroom({
        directory,
        newId: `venue-${clock.now}`,
        counts,
        onLost: (...said) => lost.push(said),
        most: bound.bytes,
      });
      const flush = mailroom.flush.bind(mailroom);
      mailroom.flush = (mark) => {
        if (disk.full) throw new Error('no space left');
        flush(mark);
      };
      return mailroom;
    },
    venue: (sink) => {
      const warn = (text: string): void => void logged.push(text);
      const venue = openVenue('simulator', { sink, seed: 1, now: clock.now, directory, warn });
      const { cancelAll, massCancel } = venue;
      venue.cancelAll = (...args) => {
        failing();
        cancelAll.apply(venue, args);
      };
      venue.massCancel = (...args) => {
        failing();
        massCancel.apply(venue, args);
      };
      return venue;
    },
    dictionaryOf,
    now: () => clock.now,
    monotonic: () => clock.now,
    log: { info() {}, warn: (_, text) => logged.push(text), error: (_, text) => logged.push(text) },
  });
  rmSync(join(directory, 's'), { force: true });
  server = await listenForEdges(venueHost, join(directory, 's'), (why) => logged.push(why));
  ticking = setInterval(() => venueHost.tick(), 10);
}

/** As by a kill: nothing is finished. */
export async function crash(): Promise<void> {
  clearInterval(ticking);
  server.close();
  for (const edge of edges) edge.die();
  await until('all are gone', () => edges.every(({ closed }) => closed));
}

/** The venue, begun again, knows its orders and nothing of its edges. */
export const forgetEdges = (): void => rmSync(join(directory, LINK_FILE));

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  clock.now = NOON;
  disk.full = false;
  fault.cancels = 0;
  bound.bytes = undefined;
  lost.length = 0;
  await start();
});
afterEach(async () => {
  await crash();
  edges.length = 0;
  logged.length = 0;
  rmSync(directory, { recursive: true, force: true });
});

export const linked = async (edge: RawEdge) => {
  await until('it is linked', () => edge.hello !== undefined);
  return edge;
};
export const at = (epoch: number, more: Partial<VenueSession> = {}): VenueSession => ({
  ...sessionOf('ONE'),
  epoch,
  ...more,
});

export const host = (): VenueHost => venueHost;
