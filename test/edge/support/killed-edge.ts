/**
 * An edge in a process of its own, for tests that kill it: memory stores that are the same at each start, a journal and the
 * simulator on disk, or the journal in the embedded store. Kills itself at a write that it is told over IPC, or as an argument: {file, when, nth} counts from then on.
 * Its disk may also be full, or slow, until it is told otherwise. The environment says more: KILLED_COMMIT, when messages leave;
 * KILLED_BOOT, which start of the machine this is; KILLED_VENUE, where the venue is, which is another process then. With
 * `reserve` and files, what a sync has put on disk is noted in `synced` of the directory.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { createClient } from '../../../adapters/dynamodb/client.ts';
import { createDynamoAdapters } from '../../../adapters/dynamodb/stores.ts';
import type { TableNames } from '../../../adapters/dynamodb/tables.ts';
import { systemRandom } from '../../../adapters/node/random.ts';
import { systemTimers } from '../../../adapters/node/timers.ts';
import type { JournalStore } from '../../../core/sessions/journal-store.ts';
import type { EdgeParts } from '../../../edge/edge.ts';
import { Archive } from '../../../edge/journal/archive.ts';
import { openJournal } from '../../../edge/journal/file.ts';
import { openKeys, type SegmentKeys, wrappedKeys } from '../../../edge/journal/keys.ts';
import { markBoot, sameBoot, settleSegments } from '../../../edge/journal/left.ts';
import type { Commit } from '../../../edge/journal/options.ts';
import type { Segment } from '../../../edge/journal/segments.ts';
import { openStoreJournal } from '../../../edge/journal/store.ts';
import { Syncing, type Syncs } from '../../../edge/journal/syncing.ts';
import { openVenue } from '../../../edge/venue/index.ts';
import { LinkVenue } from '../../../edge/venue/link/venue.ts';
import { TestHouse } from './desk.ts';

export interface KillAt {
  readonly file: 'journal' | 'venue' | 'store';
  readonly when: 'before' | 'half' | 'after';
  readonly nth: number;
}

/** `full`: half a write, then no more. `slow`: each write takes so long. */
export type Disk = { readonly disk: 'well' | 'full' } | { readonly disk: 'slow'; readonly ms: number };

let disk: Disk = { disk: 'well' };
let armed = process.argv[3] === undefined ? undefined : (JSON.parse(process.argv[3]) as KillAt);
let seen = 0;
const files = new Map<number, string>();
const { openSync, writeSync } = fs;
const end = (): never => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('a killed process goes on');
};

fs.openSync = ((path: string, ...rest: [never]) => {
  const fd = openSync(path, ...rest);
  files.set(fd, path);
  return fd;
}) as typeof fs.openSync;
fs.writeSync = ((fd: number, bytes: Buffer, offset: number, length: number, position: number) => {
  const path = files.get(fd) ?? '';
  const file = path.endsWith('.seg') ? 'journal' : path.includes('.jsonl') ? 'venue' : 'other';
  if (file !== 'other') suffer(fd, bytes, offset, length, position);
  if (armed === undefined || file !== armed.file || ++seen < armed.nth) {
    return writeSync(fd, bytes, offset, length, position);
  }
  if (armed.when !== 'before') {
    const most = armed.when === 'half' ? length >> 1 : length;
    for (let done = 0; done < most; )
      done += writeSync(fd, bytes, (offset ?? 0) + done, most - done, position === null ? null : position + done);
  }
  return end();
}) as typeof fs.writeSync;
syncBuiltinESMExports();

/** @throws ENOSPC when the disk is full: half of the write has had room */
function suffer(fd: number, bytes: Buffer, offset: number, length: number, position: number): void {
  if (disk.disk === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, disk.ms);
  if (disk.disk !== 'full') return;
  writeSync(fd, bytes, offset, length >> 1, position);
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}

/** The same bytes at each start: the credential is the same, and so are the numbers of its session. */
function seeded(): { bytes(length: number): Uint8Array } {
  let n = 0;
  return {
    bytes(length) {
      const parts: Buffer[] = [];
      for (let have = 0; have < length; have += 32) parts.push(createHash('sha256').update(`random ${n++}`).digest());
      return Uint8Array.from(Buffer.concat(parts).subarray(0, length));
    },
  };
}

const directory = process.argv[2]!;
const house = new TestHouse();
Object.assign(house.admin, { random: seeded() });
const account = await house.user('trader');
const lines: string[] = [];
const say = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
const log = { info: say, warn: say, error: say };
const archive = new Archive({ directory: join(directory, 'archive'), log });
const after = (ms: number, work: () => void): void => void setTimeout(work, ms).unref();
const keysIn = (home: string): Promise<SegmentKeys> => {
  const parts = { box: house.admin.box, edgeId: 'test-1', log, random: () => randomBytes(32), after };
  return openKeys(parts, wrappedKeys(home), true);
};
const commit = (process.env.KILLED_COMMIT ?? 'before-send') as Commit;
const boot = process.env.KILLED_BOOT ?? 'this start of the machine';
const shared = {
  commit,
  now: Date.now,
  log,
  archive: true,
  completed: archive.complete,
  archiveDirectory: archive.directory,
  inbound: true,
  limits: { segment_bytes: 60_000, block_bytes: 2000 },
};

/** So much of each segment is on the disk, were the machine to die; nothing stands for a disk that has been given less. */
const onDisk: Record<string, number> = {};
const noted: Syncs = {
  data(fd, done) {
    const { size } = fs.fstatSync(fd);
    fs.fdatasync(fd, (error) => {
      note(fd, size);
      done(error);
    });
  },
  names: (_, done) => void setImmediate(() => done(null)),
};

const note = (fd: number, size: number): void => {
  const path = files.get(fd)!;
  onDisk[path] = Math.max(onDisk[path] ?? 0, size);
  fs.writeFileSync(join(directory, 'synced.new'), JSON.stringify(onDisk));
  fs.renameSync(join(directory, 'synced.new'), join(directory, 'synced'));
};

class NotedSyncing extends Syncing {
  override ended(segment: Segment): void {
    super.ended(segment);
    note(segment.fd, segment.size);
  }
}

/** In files, or in the embedded store when the environment says where that is. */
async function journalOf(): Promise<EdgeParts['journal']> {
  const given = process.env.KILLED_STORE;
  if (given === undefined) {
    const home = join(directory, 'journal');
    fs.mkdirSync(home, { recursive: true });
    const parts = { directory: home, log, monotonic: () => performance.now(), after: systemTimers.after, syncs: noted };
    const mirror = commit === 'reserve' ? new NotedSyncing(parts) : undefined;
    const whole = sameBoot(home, boot);
    if (commit === 'reserve') settleSegments(home);
    const journal = openJournal({ ...shared, directory: home, keys: await keysIn(home), mirror, ahead: true, whole });
    markBoot(home, commit === 'reserve' ? boot : undefined);
    return journal;
  }
  const { endpoint, tables } = JSON.parse(given) as { endpoint: string; tables: TableNames };
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = createClient({ region: 'us-east-1', endpoint, credentials });
  const { edges, journals } = createDynamoAdapters({ client, tables, random: systemRandom });
  // Slots are in memory, and ask there whether the edge is alive.
  const register: typeof edges.register = async (edgeId, ...rest) => {
    const identity = await edges.register(edgeId, ...rest);
    const row = (await edges.list()).find((one) => one.edge_id === edgeId)!;
    house.world.edges.set(edgeId, row);
    return identity;
  };
  Object.assign(house.admin, { edges: { ...edges, register } });
  const copy = join(directory, 'copy');
  return (edge) =>
    openStoreJournal({
      ...shared,
      boot,
      directory: copy,
      store: { ...journals, append: (...args) => append(() => journals.append(...args)) },
      edge,
      writer: randomBytes(8).toString('hex'),
      openKeys: () => keysIn(copy),
      monotonic: () => performance.now(),
      after: systemTimers.after,
      every: systemTimers.every,
      soon: (work) => void setImmediate(work),
      onLost: (error) => {
        throw error;
      },
    });
}

/** Dies before a commit, while it is on its way, or when it has been answered. */
async function append(work: () => ReturnType<JournalStore['append']>): ReturnType<JournalStore['append']> {
  if (armed?.file !== 'store' || ++seen < armed.nth) return work();
  if (armed.when === 'before') return end();
  const answer = work();
  if (armed.when === 'half') setTimeout(end, Math.random() * 5);
  await answer;
  return end();
}

const journal = await journalOf();
const edge = await house.open({
  journal,
  env: { FIXGATE_COMMIT: commit },
  venue: (sink) => {
    const address = process.env.KILLED_VENUE;
    if (address !== undefined) {
      const link = join(directory, 'link');
      return LinkVenue.open({ sink, address, edge_id: 'test-1', directory: link, ahead: commit === 'reserve', log });
    }
    return openVenue('simulator', {
      sink,
      seed: 1,
      now: Date.now(),
      directory: join(directory, 'venue'),
      warn: (problem) => say({ problem }, 'venue'),
    });
  },
});
process.on('message', (message: KillAt | Disk) => {
  if ('disk' in message) disk = message;
  else armed = message;
  process.send!({ armed: true });
});
process.on('disconnect', () => process.exit(1));
process.send!({ port: edge.fixPort, ...account, lines });
