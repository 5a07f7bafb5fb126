/** Edges in one process with a shared venue over the link, journals in memory, on disk or in the store, for sessions that move. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimers } from '../../../adapters/node/timers.ts';
import type { EdgeIdentity } from '../../../core/sessions/model.ts';
import type { Edge } from '../../../edge/edge.ts';
import { openEstate } from '../../../edge/journal/estate.ts';
import { openJournal } from '../../../edge/journal/file.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import type { Commit } from '../../../edge/journal/options.ts';
import { openStoreJournal } from '../../../edge/journal/store.ts';
import { openVenue, type Venue } from '../../../edge/venue/index.ts';
import { VenueHost } from '../../../edge/venue/link/host.ts';
import { Mailroom } from '../../../edge/venue/link/mailroom.ts';
import { type LinkServer, listenForEdges } from '../../../edge/venue/link/server.ts';
import { LinkVenue } from '../../../edge/venue/link/venue.ts';
import type { Simulator } from '../../../edge/venue/simulator/simulator.ts';
import type { VenueSink } from '../../../edge/venue/venue.ts';
import { type Field, type FixClient, type FixMessage, utcTimestamp } from '../../../local/fix-client.ts';
import { keysOf } from '../journal/keys.ts';
import { dictionaryOf } from '../venue/harness.ts';
import { type Account, type DeskOptions, over, TestHouse, until } from './desk.ts';

const SILENT = { info() {}, warn() {}, error() {} };
export type Kind = 'memory' | 'file' | 'store';

export class MovingHouse extends TestHouse {
  /** Of edges that are begun from now on. */
  commit: Commit = 'before-send';
  readonly #directory = mkdtempSync(join(tmpdir(), 'moves-'));
  readonly #host: VenueHost;
  #venue: Venue | undefined;
  #server: LinkServer | undefined;
  readonly #ticking: NodeJS.Timeout;

  constructor() {
    super();
    const own = join(this.#directory, 'venue');
    this.#host = new VenueHost({
      mailroom: (counts) => new Mailroom({ directory: own, newId: 'venue', counts, onLost: () => {} }),
      venue: (sink) => {
        this.#venue = openVenue('simulator', { sink, seed: 1, now: Date.now(), directory: own, warn: () => {} });
        return this.#venue;
      },
      dictionaryOf,
      now: Date.now,
      monotonic: () => performance.now(),
      log: SILENT,
    });
    this.#ticking = setInterval(() => this.#host.tick(), 20);
  }

  /** The market comes to `price`, in cents, and fills who rests there. */
  moveMarket(symbol: string, price: number): void {
    (this.#venue as Simulator).moveMarket(symbol, price, Date.now());
    this.#host.tick();
  }

  /** How many sessions have orders there. */
  get resting(): number {
    return [...(this.#venue?.resting() ?? [])].length;
  }

  /** Edges find the venue from now on. */
  async openVenue(): Promise<void> {
    this.#server = await listenForEdges(this.#host, join(this.#directory, 'venue.sock'), () => {});
  }

  closeVenue(): void {
    this.#server?.close();
  }

  /** The journal of an edge, over what one of its name has left. */
  #journalOf(
    kind: Kind,
    name: string,
    link: { readonly cut: boolean },
  ): Journal | ((edge: () => EdgeIdentity) => Promise<Journal>) {
    if (kind === 'memory') return openMemoryJournal({ now: Date.now });
    const { commit } = this;
    const directory = join(this.#directory, name, 'journal');
    const place = { directory, now: Date.now, log: SILENT, inbound: true, commit };
    if (kind === 'file') return openJournal(place);
    return (edge) =>
      openStoreJournal({
        ...place,
        store: over(this.journals, link),
        edge,
        writer: randomBytes(8).toString('hex'),
        openKeys: () => keysOf(place.directory, { edgeId: name }),
        monotonic: () => performance.now(),
        after: systemTimers.after,
        every: systemTimers.every,
        soon: (work) => void setImmediate(work),
        onLost: () => {},
      });
  }

  /** @param link of this edge to the store, and of its journal, where that is another */
  begin(
    name: string,
    kind: Kind = 'file',
    link = { cut: false },
    journalLink = link,
    bounds: NonNullable<DeskOptions['bounds']> = {},
  ): Promise<Edge> {
    return this.open({
      env: { FIXGATE_EDGE_ID: name, FIXGATE_COMMIT: this.commit },
      link,
      bounds,
      journal: this.#journalOf(kind, name, journalLink),
      openEstate: (edgeId, reading) => {
        const place = join(this.#directory, name, reading);
        const openKeys = () => keysOf(place, { edgeId });
        return openEstate({ store: this.journals, edgeId, directory: place, openKeys, log: SILENT, now: Date.now });
      },
      venue: (sink: VenueSink) =>
        LinkVenue.open({
          sink,
          address: join(this.#directory, 'venue.sock'),
          edge_id: name,
          directory: join(this.#directory, name),
          ahead: this.commit === 'reserve',
          log: SILENT,
        }),
    });
  }

  /** At this edge, with the numbers of the client before, if there was one. */
  async loggedOn(edge: Edge, account: Account, before?: FixClient, sub = ''): Promise<FixClient> {
    const client = this.client(edge, account, sub === '' ? {} : { sender_sub_id: sub });
    client.nextOut = before?.nextOut ?? 1;
    const answer = await client.logon(account.password);
    if (answer.type !== 'A') throw new Error(`refused: ${answer.get(58)}`);
    return client;
  }

  override async close(): Promise<void> {
    await super.close();
    clearInterval(this.#ticking);
    this.closeVenue();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export const order = (id: string): Field[] => [
  [11, id],
  [55, 'INTC'],
  [54, 1],
  [38, 100],
  [40, 2],
  [44, '20.00'],
  [59, 1],
  [60, utcTimestamp(new Date())],
];
export const cancel = (id: string, of: string): Field[] => [
  [11, id],
  [41, of],
  [55, 'INTC'],
  [54, 1],
  [38, 100],
  [60, utcTimestamp(new Date())],
];
export const isReport = (id: string, type?: string) => (message: FixMessage) =>
  message.type === '8' && message.get(11) === id && (type === undefined || message.get(150) === type);
export const numberOf = (message: FixMessage): number => Number(message.get(34));
export const last = (client: FixClient): number => Math.max(...client.received.map(numberOf));

export async function gone(edge: Edge): Promise<void> {
  await until('nobody is there', () => [...edge.gate.sessions()].length === 0);
}
