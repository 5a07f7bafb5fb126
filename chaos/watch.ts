/** What is read beside the clients: metrics and readiness of edges, slot rows, lists of sessions, the audit trail. */

import { createClient } from '../adapters/dynamodb/client.ts';
import { createDynamoAdapters } from '../adapters/dynamodb/stores.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import type { Stores } from '../adapters/stores.ts';
import { walkTrail } from '../core/audit/walk.ts';
import type { Ledger, Sample, SlotCount, UserPlan } from './ledger.ts';

const SAMPLE_MS = 1_000;
const ASKED_WITHIN_MS = 1_000;
const READ_AT_ONCE = 20;
/** Of more users than this some are looked at each time, in turns: the store is to be broken by faults, not by us. */
const USERS_A_LOOK = 60;
const HOST = '127.0.0.1';
/** Metrics that explain why something took long; of a histogram its sum and count. */
const TELLING =
  /^(fix_sessions|fix_connections_not_logged_on|fix_logons_waiting|fix_logon_width|fix_orders_allowed|fix_journal_waiting_bytes|fix_venue_link_waiting|process_cpu_seconds_total|nodejs_eventloop_lag_seconds|fix_logon_seconds_sum|fix_logon_seconds_count) (\S+)/gm;

const figuresOf = (metrics: string): Record<string, number> =>
  Object.fromEntries([...metrics.matchAll(TELLING)].map(([, name, value]) => [name, Number(value)]));

async function page(port: number, path: string): Promise<{ readonly ok: boolean; readonly text: string } | undefined> {
  try {
    const reply = await fetch(`http://${HOST}:${port}${path}`, { signal: AbortSignal.timeout(ASKED_WITHIN_MS) });
    return { ok: reply.ok, text: await reply.text() };
  } catch {
    return undefined; // it is down, or stands still: that is what is noted
  }
}

export class Watch {
  readonly samples: Sample[] = [];
  readonly slots: SlotCount[] = [];
  readonly #ports: readonly number[];
  readonly #users: ReadonlyMap<string, UserPlan>;
  readonly #stores: Stores;
  readonly #close: () => void;
  #timers: NodeJS.Timeout[] = [];
  #reading = false;
  /** Where the next look begins. */
  #next = 0;

  constructor(metricsPorts: readonly number[], store: string, users: ReadonlyMap<string, UserPlan>) {
    this.#ports = metricsPorts;
    this.#users = users;
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    const client = createClient({ region: 'us-east-1', endpoint: store, credentials });
    this.#stores = createDynamoAdapters({ client, tables: tableNames('fixgate'), random: systemRandom });
    this.#close = () => client.destroy();
  }

  async begin(): Promise<void> {
    await this.#sample();
    this.#timers = [
      setInterval(() => void this.#sample(), SAMPLE_MS),
      setInterval(() => void this.#count(), SAMPLE_MS),
    ];
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  close(): void {
    this.end();
    this.#close();
  }

  /** How many edges take new clients. */
  async ready(): Promise<number> {
    const all = await Promise.all(this.#ports.map((port) => page(port, '/ready')));
    return all.filter((one) => one?.ok === true).length;
  }

  async #sample(): Promise<void> {
    await Promise.all(
      this.#ports.map(async (port, i) => {
        const metrics = await page(port, '/metrics');
        const at = performance.now();
        const text = metrics?.text ?? '';
        const unleased = /^fix_unleased_total (\S+)/m.exec(text)?.[1];
        const heard = unleased === undefined ? {} : { unleased: Number(unleased), figures: figuresOf(text) };
        this.samples.push({ at, edge: i + 1, ...heard });
      }),
    );
  }

  /** The rows of all users; of one user they are one reading, so that nothing is counted twice that moves meanwhile. */
  async #count(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      let fullest: SlotCount | undefined;
      const all = [...this.#users.values()];
      const users = [...all.slice(this.#next), ...all].slice(0, Math.min(USERS_A_LOOK, all.length));
      this.#next = (this.#next + users.length) % Math.max(1, all.length);
      for (let from = 0; from < users.length; from += READ_AT_ONCE) {
        const counts = await Promise.all(users.slice(from, from + READ_AT_ONCE).map((user) => this.#countOf(user)));
        for (const one of counts)
          if (fullest === undefined || one.held - one.most > fullest.held - fullest.most) fullest = one;
      }
      if (fullest !== undefined) this.slots.push(fullest);
    } catch {
      // The store is away: nothing was read.
    }
    this.#reading = false;
  }

  async #countOf({ user, max_sessions: most }: UserPlan): Promise<SlotCount> {
    const held = (await this.#stores.slots.ofUser(user)).length;
    return { at: performance.now(), user, held, most };
  }

  /** Every live session in the store, as SenderCompID/SenderSubID. */
  async listed(): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    let after: string | undefined;
    do {
      const page = await this.#stores.slots.list({ limit: 1000, ...(after === undefined ? {} : { after }) });
      for (const { key } of page.items) names.add(`${key.sender_comp_id}/${key.sender_sub_id}`);
      after = page.next;
    } while (after !== undefined);
    return names;
  }

  async trail(): Promise<Pick<Ledger, 'audit' | 'recorded'>> {
    const recorded: Record<string, number> = {};
    const broken: string[] = [];
    let chains = 0;
    let records = 0;
    const ports = { trail: this.#stores.audit, digests: nodeDigests };
    const seen = async (record: object): Promise<void> => {
      records += 1;
      if (!('type' in record) || !('outcome' in record) || record.outcome !== 'done') return;
      recorded[String(record.type)] = (recorded[String(record.type)] ?? 0) + 1;
    };
    for await (const verdict of walkTrail(ports, undefined, seen)) {
      chains += 1;
      if (!verdict.whole) broken.push(`${verdict.chain}: record ${verdict.seq} ${verdict.text}`);
    }
    return { audit: { chains, records, broken }, recorded };
  }
}
