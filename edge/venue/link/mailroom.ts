/**
 * What is on its way over links, each way numbered from 1 without a gap: kept until the peer has it on disk, told apart
 * from what comes again by its number. On disk in JSON lines; a line is one flush, whole or not there.
 */

import type { Syncs } from '../../syncs.ts';
import { FileLog } from '../simulator/file-log.ts';
import { type LineBytes, lineOf } from '../simulator/log.ts';
import { Heard } from './heard.ts';
import type { Waiting } from './kept.ts';
import { LINK_COMPACT_BYTES, WAITING_BYTES } from './limits.ts';
import { Lost, type OnLost } from './lost.ts';
import { Mailbox } from './mailbox.ts';

/** out: a frame for a peer, about a session or none. void: one that is for somebody else by now. next: the number of the next one. in: how far a peer's frames have been done. acked: how far it has ours. dropped: those up to this number had to go but for those that stay in any case (kept.ts), and the peer is told of each as of nothing. peer: its log is this one from here on. gone: the peer's box is no more. owner: which edge a session's reports go to, once it is there. said: how many reports there have been on a session. had: the last of its messages that has been done, and what numbers before it were left out, where all is told at once. */
type Entry =
  | readonly ['out', peer: string, number: number, frame: string, session?: string]
  | readonly ['void', peer: string, number: number]
  | readonly ['next', peer: string, number: number]
  | readonly ['in', peer: string, number: number]
  | readonly ['acked', peer: string, number: number]
  | readonly ['dropped', peer: string, number: number]
  | readonly ['peer', peer: string, log: string]
  | readonly ['gone', peer: string]
  | readonly ['owner', session: string, edge: string, epoch: number, there?: 0 | 1]
  | readonly ['said', session: string, number: number]
  | readonly ['had', session: string, generation: number, msgSeqNum: number, passed?: readonly number[]];

type Line = { readonly log: string; readonly mark: number; readonly entries: readonly Entry[] };

/** In its directory. */
export const LINK_FILE = 'link.jsonl';

function outOf(peer: string, { number, frame, session }: Waiting): Entry {
  const text = frame.toString('base64');
  return session === undefined ? ['out', peer, number, text] : ['out', peer, number, text, session];
}

/** Reports on one session that there are in a millisecond at most. */
const REPORTS_A_MS = 2048;

export interface Owner {
  readonly edge: string;
  /** Only one that is not lower may speak for the session. */
  readonly epoch: number;
  /** False: it has been claimed, and its reports wait until it is started. */
  readonly there: boolean;
}

export interface MailroomOptions {
  /** Undefined: nothing outlives the process. */
  readonly directory: string | undefined;
  /** Names this log, if none is there yet. */
  readonly newId: string;
  /** Whether a flush with this mark counts; those after one that does not, do not. */
  readonly counts: (mark: number) => boolean;
  /** Told with each flush of the frames that had to go because too much waits. */
  readonly onLost: OnLost;
  /** Bytes for one peer above which the oldest go; left out: WAITING_BYTES. */
  readonly most?: number | undefined;
  /** The default is the system's. */
  readonly syncs?: Syncs | undefined;
}

export class Mailroom {
  readonly id: string;
  /** Of the last flush. */
  mark = 0;
  readonly boxes = new Map<string, Mailbox>();
  readonly owners = new Map<string, Owner>();
  /** How many reports there have been on each session, counted from when the first was made: see {@link number}. */
  readonly #said = new Map<string, number>();
  readonly heard = new Heard();
  readonly #log: FileLog | undefined;
  readonly #lost: Lost;
  readonly #most: number;
  #entries: Entry[] = [];
  #pending = false;
  #sealed: readonly Entry[] | undefined;

  constructor({ directory, syncs, newId, counts, onLost, most = WAITING_BYTES }: MailroomOptions) {
    this.#log =
      directory === undefined ? undefined : new FileLog(directory, { file: LINK_FILE, ...(syncs && { syncs }) });
    this.#lost = new Lost(onLost);
    this.#most = most;
    let id = newId;
    for (const text of this.#log?.read() ?? []) {
      const line: Line = JSON.parse(text);
      if (!counts(line.mark)) break;
      id = line.log;
      this.mark = line.mark;
      for (const entry of line.entries) this.#apply(entry);
    }
    this.id = id;
    // Also does away with what did not count.
    this.#compact();
    this.#flushed();
  }

  /** Whether something is neither written nor sealed that others depend on. */
  get pending(): boolean {
    return this.#pending;
  }

  get sealed(): boolean {
    return this.#sealed !== undefined;
  }

  /** What there is is for the next flush, and no more: see Venue. */
  seal(): void {
    if (this.#sealed !== undefined || !this.#pending) return;
    this.#sealed = this.#entries;
    this.#entries = [];
    this.#pending = false;
    for (const box of this.boxes.values()) box.seal();
  }

  box(peer: string): Mailbox {
    let box = this.boxes.get(peer);
    if (box === undefined) {
      box = new Mailbox();
      this.boxes.set(peer, box);
    }
    return box;
  }

  /** Puts a frame into a peer's box; it may leave after the next flush. */
  post(peer: string, frame: Buffer, session?: string): void {
    const box = this.box(peer);
    const number = box.add(frame, session);
    this.#note(outOf(peer, { number, frame, session }));
    if (box.bytes <= this.#most || box.others === 1) return;
    while (box.bytes > this.#most && box.others > 1) this.#lost.note(peer, box.drop());
    this.#note(['dropped', peer, box.first - 1]);
  }

  /** The peer's frame of this number has been done; {@link flush} before saying so. */
  done(peer: string, number: number): void {
    this.box(peer).received = number;
    this.#note(['in', peer, number]);
  }

  acked(peer: string, number: number): void {
    this.box(peer).acked(number);
    // Others do not depend on it: forgotten, the frames are sent once more and known by their numbers.
    this.#entries.push(['acked', peer, number]);
  }

  /** The peer keeps this log: when it is another one than before, both begin at 1. */
  meet(peer: string, theirLog: string): void {
    const box = this.box(peer);
    if (box.theirLog === theirLog) return;
    box.begin(theirLog);
    this.#note(['peer', peer, theirLog]);
  }

  own(session: string, edge: string, epoch: number, there = true): void {
    const known = this.owners.get(session);
    if (known?.edge === edge && known.epoch === epoch && known.there === there) return;
    this.owners.set(session, { edge, epoch, there });
    this.#note(['owner', session, edge, epoch, there ? 1 : 0]);
  }

  /**
   * The number of the next report on a session. They rise for good: a log that begins anew, knowing of none, begins above
   * all that there can have been.
   * @param now epoch ms
   */
  number(session: string, now: number): number {
    const number = (this.#said.get(session) ?? now * REPORTS_A_MS) + 1;
    this.#said.set(session, number);
    this.#note(['said', session, number]);
    return number;
  }

  /** A message of a session has been done. */
  have(session: string, generation: number, msg_seq_num: number): void {
    this.heard.note(session, generation, msg_seq_num);
    this.#note(['had', session, generation, msg_seq_num]);
  }

  /** What waits about a session in one box goes to another. */
  part(session: string, from: string, to: string): void {
    const box = this.boxes.get(from);
    if (box === undefined || from === to) return;
    for (const { number, session: about } of [...box.after(0)]) {
      if (about !== session) continue;
      const was = box.void(number);
      if (was === undefined) continue;
      this.#note(['void', from, number]);
      this.post(to, Buffer.from(was.frame), session);
    }
  }

  /** What waits in one box goes to another: its peer has turned out to be that one. */
  move(from: string, to: string): void {
    const box = this.boxes.get(from);
    if (box === undefined) return;
    for (const { frame, session } of [...box.after(0)]) this.post(to, frame, session);
    this.boxes.delete(from);
    this.#note(['gone', from]);
  }

  /** Writes all of it or none. Throws when the disk refuses; it is kept, and the next call tries again. */
  flush(mark: number): void {
    const entries = this.#sealed ?? this.#entries;
    this.#log?.flush(lineOf(JSON.stringify({ log: this.id, mark, entries } satisfies Line)));
    this.mark = mark;
    this.#lost.tell();
    if (this.#sealed !== undefined) {
      this.#sealed = undefined;
      for (const box of this.boxes.values()) box.flushed();
      return;
    }
    this.#entries = [];
    this.#pending = false;
    this.#flushed();
    const log = this.#log;
    if (log !== undefined && log.appended > LINK_COMPACT_BYTES && log.appended > log.base) this.#compact();
  }

  #flushed(): void {
    for (const box of this.boxes.values()) {
      box.seal();
      box.flushed();
    }
  }

  close(): void {
    this.#log?.close();
  }

  #note(entry: Entry): void {
    this.#entries.push(entry);
    this.#pending = true;
  }

  #apply(entry: Entry): void {
    switch (entry[0]) {
      case 'out': {
        this.box(entry[1]).restore(entry[2], Buffer.from(entry[3], 'base64'), entry[4]);
        return;
      }
      case 'void':
        this.box(entry[1]).void(entry[2]);
        return;
      case 'next':
        this.box(entry[1]).next = entry[2];
        return;
      case 'in':
        this.box(entry[1]).received = entry[2];
        return;
      case 'acked':
        this.box(entry[1]).acked(entry[2]);
        return;
      case 'dropped':
        this.box(entry[1]).dropTo(entry[2]);
        return;
      case 'peer':
        this.box(entry[1]).begin(entry[2]);
        return;
      case 'gone':
        this.boxes.delete(entry[1]);
        return;
      case 'owner':
        this.owners.set(entry[1], { edge: entry[2], epoch: entry[3], there: entry[4] !== 0 });
        return;
      case 'said':
        this.#said.set(entry[1], entry[2]);
        return;
      case 'had':
        if (entry[4] === undefined) this.heard.note(entry[1], entry[2], entry[3]);
        else this.heard.restore(entry[1], entry[2], entry[3], entry[4]);
    }
  }

  /** Everything there is in one line a box. */
  #compact(): void {
    this.#log?.replace(this.#lines());
  }

  *#lines(): Generator<LineBytes> {
    const { id: log, mark } = this;
    const line = (entries: readonly Entry[]): LineBytes =>
      lineOf(JSON.stringify({ log, mark, entries } satisfies Line));
    yield line(
      [...this.owners].map(([id, { edge, epoch, there }]): Entry => ['owner', id, edge, epoch, there ? 1 : 0]),
    );
    yield line([...this.#said].map(([session, number]): Entry => ['said', session, number]));
    yield line([...this.heard.all()].map((one): Entry => ['had', ...one]));
    for (const [peer, box] of this.boxes) {
      yield line([
        ['peer', peer, box.theirLog],
        ['in', peer, box.received],
      ]);
      for (const waiting of box.after(0)) yield line([outOf(peer, waiting)]);
      yield line([
        ['next', peer, box.next],
        ['acked', peer, box.due - 1],
      ]);
    }
  }
}
