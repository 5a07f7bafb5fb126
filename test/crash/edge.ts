/**
 * An edge in a process of its own, for tests that kill it: memory stores that are the same at each start, the journal that its
 * settings ask for, opened as the product opens it, and the simulator on disk or elsewhere. Told over IPC, or as an argument, it kills
 * itself at a write, or its disk or store suffers (injury.ts). What has been synced is noted in `synced` of the directory.
 */
import { createHash } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { DirectCalls } from '../../adapters/dynamodb/direct.ts';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { JournalStore } from '../../core/sessions/journal-store.ts';
import { readConfig } from '../../edge/config.ts';
import { Archive } from '../../edge/journal/archive.ts';
import { JOURNAL_LIMITS, type JournalLimits } from '../../edge/journal/limits.ts';
import { createLogger } from '../../edge/log.ts';
import { journalOf } from '../../edge/open-journal.ts';
import { openOwnVenue } from '../../edge/open-venue.ts';
import { LinkVenue } from '../../edge/venue/link/venue.ts';
import { type Account, TestHouse } from '../edge/support/desk.ts';
import { type Injury, injure, injured, suffer } from './injury.ts';

/** What a test says of it, as JSON in the environment. */
export interface EdgeTask {
  /** Of the edge: FIXGATE_… */
  readonly env: Readonly<Record<string, string>>;
  /** Of this start of the machine. */
  readonly boot: string;
  readonly limits: Partial<JournalLimits>;
  /** Numbers of a reserved block. */
  readonly numbers: number;
  /** Clients, and what their profiles say. */
  readonly users: readonly { readonly name: string; readonly profile: object }[];
  /** Of the venue, where that is a process of its own. */
  readonly venue?: string;
  readonly store?: { readonly endpoint: string; readonly tables: TableNames };
}

/** Said over IPC once it listens. */
export interface EdgeReady {
  readonly port: number;
  readonly metricsPort: number;
  readonly accounts: readonly Account[];
  /** Of its log. */
  readonly lines: readonly string[];
}

/**
 * The same bytes at each start: credentials are the same, and so are the numbers of their sessions. What is asked for at the same time
 * comes in any order, and is of other lengths.
 */
function seeded(name: string): { bytes(length: number): Uint8Array } {
  const asked = new Map<number, number>();
  return {
    bytes(length) {
      const nth = (asked.get(length) ?? 0) + 1;
      asked.set(length, nth);
      const parts: Buffer[] = [];
      for (let have = 0; have < length; have += 32)
        parts.push(createHash('sha256').update(`${name} ${length} ${nth} ${have}`).digest());
      return Uint8Array.from(Buffer.concat(parts).subarray(0, length));
    },
  };
}

const directory = process.argv[2]!;
const task = JSON.parse(process.env.CRASH_TASK!) as EdgeTask;
if (process.argv[3] !== undefined) injure(JSON.parse(process.argv[3]) as Injury);
suffer(directory, task.boot);
Object.assign(JOURNAL_LIMITS, task.limits);

const house = new TestHouse();
const accounts: Account[] = [];
for (const { name, profile } of task.users) {
  Object.assign(house.admin, { random: seeded(name) });
  accounts.push(await house.user(name, { session_profile: profile }));
}

/** Slots are in memory, and ask there whether the edge is alive; the journal's fence is in the store. */
function stored(): JournalStore {
  if (task.store === undefined) return house.journals;
  const { endpoint, tables } = task.store;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DirectCalls({ region: 'us-east-1', endpoint, credentials }, systemRandom);
  const { edges, journals } = createDynamoAdapters({ client, tables, random: systemRandom });
  const register: typeof edges.register = async (edgeId, ...rest) => {
    const identity = await edges.register(edgeId, ...rest);
    const row = (await edges.list()).find((one) => one.edge_id === edgeId)!;
    house.world.edges.set(edgeId, row);
    return identity;
  };
  Object.assign(house.admin, { edges: { ...edges, register } });
  return injured(journals);
}

const env: Readonly<Record<string, string>> = {
  FIXGATE_EDGE_ID: 'test-1',
  FIXGATE_VENUE: 'simulator',
  FIXGATE_DATA_DIR: directory,
  ...task.env,
};
const lines: string[] = [];
const say = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
const log = Object.assign(createLogger('error', 'test-1'), { info: say, warn: say, error: say });
const config = readConfig(env);
const journal = await journalOf({
  config,
  box: house.admin.box,
  store: stored(),
  archive: new Archive({ directory: join(directory, 'archive'), log }),
  log,
  onLost: (error) => {
    throw error;
  },
});
const edge = await house.open({
  journal,
  env,
  bounds: { reserved_numbers: task.numbers },
  venue: (sink) => {
    const link = {
      edge_id: 'test-1',
      directory: join(directory, 'link'),
      ahead: env.FIXGATE_COMMIT === 'reserve',
      log,
    };
    if (task.venue !== undefined) return LinkVenue.open({ sink, address: task.venue, ...link });
    return openOwnVenue(sink, config, log);
  },
});
process.on('message', (message: Injury | { readonly drain: Injury | null }) => {
  const injury = 'drain' in message ? message.drain : message;
  if (injury !== null) injure(injury);
  if ('drain' in message) void edge.drain(false).then(() => process.exit(0));
  process.send!({ heard: true });
});
process.on('disconnect', () => process.exit(1));
// It will be killed, and the next one is to find what has been compiled.
flushCompileCache();
process.send!({ port: edge.fixPort, metricsPort: edge.metricsPort, accounts, lines } satisfies EdgeReady);
