/** What is done to an edge from within its process: its end at a write that is named, a disk that is full or slow, a store that fails. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join, sep } from 'node:path';
import { StoreUnavailable } from '../../core/errors.ts';
import type { JournalStore } from '../../core/sessions/journal-store.ts';
import { Carrier } from '../../edge/journal/carry.ts';
import { FileSession } from '../../edge/journal/session.ts';

/**
 * `journal`, `beside`: a write of segments on disk, of the one that there is, or of the one beside; `venue`: of the simulator's log.
 * `begin`: of a new segment, its header or its snapshot; `carry`: of what is carried forward; `reserve`: one with the end of a
 * block of numbers. `sync`: of a segment to the disk. `delete`: of a segment, or its file is put aside to be used again.
 * `over`: header or snapshot in such a file; `name`: it becomes a segment. `store`, `remove`: a commit there; a segment that is taken away there.
 */
export type Point =
  | 'journal'
  | 'beside'
  | 'venue'
  | 'begin'
  | 'carry'
  | 'reserve'
  | 'sync'
  | 'delete'
  | 'over'
  | 'name'
  | 'store'
  | 'remove';

export interface KillAt {
  readonly at: Point;
  readonly when: 'before' | 'half' | 'after';
  /** Counted from when it is told. */
  readonly nth: number;
}

/** `full`: half a write, then no more. `slow`: each write takes so long. */
export type Disk = { readonly disk: 'well' | 'full' } | { readonly disk: 'slow'; readonly ms: number };

/** What becomes of commits. `away`: refused. `throttled`: two of three are. `deaf`: done, and their answer is lost. */
export type Store =
  | { readonly store: 'well' | 'away' | 'throttled' | 'deaf' }
  | { readonly store: 'slow'; readonly ms: number };

/** A write at which it died, whole. */
export interface Died {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

export type Injury = KillAt | Disk | Store;

let disk: Disk = { disk: 'well' };
let store: Store = { store: 'well' };
let armed: KillAt | undefined;
let seen = 0;
let commits = 0;

export function injure(injury: Injury): void {
  if ('disk' in injury) disk = injury;
  else if ('store' in injury) store = injury;
  else {
    armed = injury;
    seen = 0;
  }
}

const end = (): never => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('a killed process goes on');
};

/** Whether this is where it is to die. */
const met = (at: Point): boolean => armed?.at === at && ++seen >= armed.nth;

/** Of a step that cannot be done by half. */
function around<T>(at: Point, work: () => T): T {
  if (!met(at)) return work();
  if (armed!.when === 'before') return end();
  work();
  return end();
}

let carrying = false;
let reserving = false;
const files = new Map<number, string>();
const { openSync, closeSync, writeSync, unlinkSync, renameSync, fdatasync, fdatasyncSync, readFileSync } = fs;

/** Which points a write is at. */
function pointsOf(path: string, position: number | null): readonly Point[] {
  if (path.includes('.jsonl')) return ['venue'];
  if (!/\.seg(\.spare)?$/.test(path)) return [];
  // Where there are two journals, the one in the store has its copy in a folder of its own.
  const beside = besides && path.includes(`${sep}journal${sep}`);
  const points: Point[] = [beside ? 'beside' : 'journal'];
  if (position === 0) fresh.add(path);
  else if (fresh.delete(path)) points.push('begin');
  if (position === 0) points.push('begin');
  if (path.endsWith('.spare')) points.push('over');
  if (carrying) points.push('carry');
  if (reserving) points.push('reserve');
  return points;
}

/** Segments that have their header and nothing else. */
const fresh = new Set<string>();
let besides = false;

/** From now on the process suffers what it is told. @param boot what it takes for the start of the machine */
export function suffer(directory: string, boot: string): void {
  besides = process.env.CRASH_TASK!.includes('FIXGATE_JOURNAL_BESIDE');
  fs.openSync = ((path: string, ...rest: [never]) => {
    const fd = openSync(path, ...rest);
    files.set(fd, path);
    return fd;
  }) as typeof fs.openSync;
  fs.closeSync = (fd) => {
    files.delete(fd);
    closeSync(fd);
  };
  fs.writeSync = ((fd: number, bytes: Buffer, offset: number, length: number, position: number | null) => {
    const points = pointsOf(files.get(fd) ?? '', position);
    if (points.length > 0) ache(fd, bytes, offset, length, position);
    if (!points.some(met)) return writeSync(fd, bytes, offset, length, position);
    const most = armed!.when === 'before' ? 0 : armed!.when === 'half' ? length >> 1 : length;
    for (let done = 0; done < most; )
      done += writeSync(fd, bytes, (offset ?? 0) + done, most - done, position === null ? null : position + done);
    const died: Died = { path: files.get(fd)!, from: position ?? 0, to: (position ?? 0) + length };
    fs.writeFileSync(join(directory, 'died'), JSON.stringify(died));
    return end();
  }) as typeof fs.writeSync;
  const segment = (path: fs.PathLike): boolean => String(path).endsWith('.seg');
  fs.unlinkSync = (path) => (segment(path) ? around('delete', () => unlinkSync(path)) : unlinkSync(path));
  fs.renameSync = (from, to) => {
    const rename = (): void => {
      renameSync(from, to);
      for (const [fd, path] of files) if (path === from) files.set(fd, String(to));
    };
    if (segment(to) && String(from).endsWith('.spare')) around('name', rename);
    else if (segment(from) && !String(to).includes('left')) around('delete', rename);
    else rename();
  };
  fs.readFileSync = ((path: fs.PathLike, ...rest: [never]) =>
    String(path).endsWith('/boot_id') ? boot : readFileSync(path, ...rest)) as typeof fs.readFileSync;
  noteSyncs(directory);
  syncBuiltinESMExports();
  const { step } = Carrier.prototype;
  Carrier.prototype.step = function (...args) {
    carrying = true;
    try {
      return step.apply(this, args);
    } finally {
      carrying = false;
    }
  };
  const { writeReserved, reservedWritten } = FileSession.prototype;
  FileSession.prototype.writeReserved = function () {
    reserving = true;
    writeReserved.call(this);
  };
  FileSession.prototype.reservedWritten = function () {
    reserving = false;
    reservedWritten.call(this);
  };
}

/** @throws ENOSPC when the disk is full: half of the write has had room */
function ache(fd: number, bytes: Buffer, offset: number, length: number, position: number | null): void {
  if (disk.disk === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, disk.ms);
  if (disk.disk !== 'full') return;
  writeSync(fd, bytes, offset, length >> 1, position);
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}

/** So much of each segment, and of the venue's log, is on the disk, were the machine to die. */
function noteSyncs(directory: string): void {
  const onDisk: Record<string, number> = {};
  const written = (): void => {
    fs.writeFileSync(join(directory, 'synced.new'), JSON.stringify(onDisk));
    renameSync(join(directory, 'synced.new'), join(directory, 'synced'));
  };
  const note = (fd: number, size: number): void => {
    const path = files.get(fd);
    if (path === undefined || !/\.seg$|\.jsonl/.test(path)) return;
    onDisk[path] = Math.max(onDisk[path] ?? 0, size);
    written();
  };
  // The venue's log is another file then; what was on the disk of the one before is no matter.
  const { renameSync: renamed } = fs;
  fs.renameSync = (from, to) => {
    const isLog = String(to).endsWith('.jsonl');
    if (isLog) for (const [fd, path] of files) if (path === to) files.delete(fd);
    renamed(from, to);
    if (!isLog) return;
    onDisk[String(to)] = onDisk[String(from)] ?? 0;
    delete onDisk[String(from)];
    written();
  };
  fs.fdatasyncSync = (fd) => {
    const { size } = fs.fstatSync(fd);
    around('sync', () => fdatasyncSync(fd));
    note(fd, size);
  };
  fs.fdatasync = ((fd: number, done: (error: Error | null) => void) => {
    const { size } = fs.fstatSync(fd);
    if (met('sync') && armed!.when === 'before') end();
    fdatasync(fd, (error) => {
      if (armed?.at === 'sync' && seen >= armed.nth) end();
      note(fd, size);
      done(error);
    });
  }) as typeof fs.fdatasync;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** The store, as this process finds it. */
export const injured = (journals: JournalStore): JournalStore => ({
  ...journals,
  append: (...args) => append(() => journals.append(...args)),
  remove: async (...args) => {
    if (!met('remove')) return journals.remove(...args);
    if (armed!.when !== 'before') await journals.remove(...args);
    return end();
  },
});

/** Dies before a commit, while it is on its way, or when it has been answered. */
async function append(work: () => ReturnType<JournalStore['append']>): ReturnType<JournalStore['append']> {
  commits += 1;
  if (store.store === 'slow') await pause(store.ms);
  if (store.store === 'away' || (store.store === 'throttled' && commits % 3 > 0))
    throw new StoreUnavailable(`the test has the store ${store.store}`);
  if (!met('store')) {
    const answer = await work();
    if (store.store === 'deaf' && commits % 2 > 0) throw new StoreUnavailable('the test has lost the answer');
    return answer;
  }
  if (armed!.when === 'before') return end();
  const answer = work();
  if (armed!.when === 'half') setTimeout(end, Math.random() * 5);
  await answer;
  return end();
}
