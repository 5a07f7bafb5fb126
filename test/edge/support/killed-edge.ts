/**
 * An edge in a process of its own, for tests that kill it: memory stores that are the same at each start, a journal and the
 * simulator on disk. Kills itself at a write that it is told over IPC, or as an argument: {file, when, nth} counts from then on.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { Archive } from '../../../edge/journal/archive.ts';
import { openJournal } from '../../../edge/journal/file.ts';
import { openKeys, wrappedKeys } from '../../../edge/journal/keys.ts';
import { openVenue } from '../../../edge/venue/index.ts';
import { TestHouse } from './desk.ts';

export interface KillAt {
  readonly file: 'journal' | 'venue';
  readonly when: 'before' | 'half' | 'after';
  readonly nth: number;
}

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
const keys = await openKeys(
  { box: house.admin.box, edgeId: 'test-1', log, random: () => randomBytes(32), after },
  wrappedKeys(join(directory, 'journal')),
  true,
);
const journal = openJournal({
  directory: join(directory, 'journal'),
  now: Date.now,
  log,
  keys,
  archive: true,
  completed: archive.complete,
  inbound: true,
  limits: { segment_bytes: 60_000, block_bytes: 2000 },
});
const edge = await house.open({
  journal,
  venue: (sink) =>
    openVenue('simulator', {
      sink,
      seed: 1,
      now: Date.now(),
      directory: join(directory, 'venue'),
      warn: (problem) => say({ problem }, 'venue'),
    }),
});
process.on('message', (message) => {
  armed = message as KillAt;
  process.send!({ armed: true });
});
process.on('disconnect', () => process.exit(1));
process.send!({ port: edge.fixPort, ...account, lines });
