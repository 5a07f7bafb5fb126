/**
 * Keystream that another thread has made ahead of need: AES-256-CTR, in a ring of memory that both see. Node's ciphers write into memory that they ask for
 * anew each time, twice, and that stays until the collector comes by; in a thread of its own it is in nobody's way.
 *
 * One ring for each segment, with its key. Positions are in units of 16 bytes of the segment's keystream, from 0, and only rise.
 */

import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { viewOf } from '../fix/words.ts';
import type { JournalLog } from './journal.ts';

/** Bytes. */
export const UNIT = 16;
/** A dozen blocks of busy turns. */
const RING_BYTES = 524_288;
const RING_UNITS = RING_BYTES / UNIT;
/** With so much left the thread is woken: once in some ten blocks, for to wake it costs as much as sealing several. */
const LOW_UNITS = RING_UNITS / 4;
/** Of one segment, in all: 16 GiB, a hundred times what fits into one; who tries again and again to write goes on without. */
const MOST_UNITS = 2 ** 30;
/** What the thread has for itself. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

const [MADE, TAKEN] = [0, 1];

/** What the thread is told of a segment (keystream-thread.mjs). */
export interface Asked {
  readonly key: KeyObject;
  /** Units made, and units taken. */
  readonly state: Int32Array;
  readonly ring: Uint8Array;
  /** Units in all. */
  readonly most: number;
}

/** The keystream of one segment. */
export class Ring {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly #bytes = new Uint8Array(new SharedArrayBuffer(RING_BYTES));
  readonly #view = viewOf(this.#bytes);
  /** Units that are gone. */
  #gone = 0;

  asked(key: KeyObject): Asked {
    return { key, state: this.#state, ring: this.#bytes, most: MOST_UNITS };
  }

  /** Whether so many bytes are there. */
  has(bytes: number): boolean {
    return Atomics.load(this.#state, MADE) - this.#gone >= Math.ceil(bytes / UNIT);
  }

  /**
   * The only place where keystream is taken: so many bytes of it, which must be there, over those of `plain` at `from`, into the same place of `into`.
   * @returns the unit at which it begins
   */
  encrypt(plain: DataView, into: DataView, from: number, bytes: number): number {
    const unit = this.#gone;
    this.#gone = unit + Math.ceil(bytes / UNIT);
    const at = (unit % RING_UNITS) * UNIT;
    const first = Math.min(bytes, RING_BYTES - at);
    xor(plain, this.#view, at, into, from, first);
    if (first < bytes) xor(plain, this.#view, 0, into, from + first, bytes - first);
    Atomics.store(this.#state, TAKEN, this.#gone);
    if (Atomics.load(this.#state, MADE) - this.#gone < LOW_UNITS) Atomics.notify(this.#state, TAKEN);
    return unit;
  }

  /** No more is made. */
  end(): void {
    Atomics.store(this.#state, TAKEN, -1);
    Atomics.notify(this.#state, TAKEN);
  }
}

/** The bytes of `plain` at `from` with those of `stream` at `at`, by the word: the engine's compiler makes no BigInt of it. */
function xor(plain: DataView, stream: DataView, at: number, into: DataView, from: number, bytes: number): void {
  let source = at | 0;
  let target = from | 0;
  const end = (target + bytes) | 0;
  for (const last = (end - 8) | 0; target <= last; target = (target + 8) | 0) {
    into.setBigInt64(target, plain.getBigInt64(target, true) ^ stream.getBigInt64(source, true), true);
    source = (source + 8) | 0;
  }
  for (; target < end; target = (target + 1) | 0) {
    into.setUint8(target, plain.getUint8(target) ^ stream.getUint8(source));
    source = (source + 1) | 0;
  }
}

type Thread = { readonly state: 'none' | 'over' } | { readonly state: 'running'; readonly worker: Worker };

/** The thread, for one journal: started with its first segment, for what it takes is to be there before clients are. */
export class Keystream {
  readonly #log: JournalLog;
  readonly #script: URL;
  #thread: Thread = { state: 'none' };
  #key: KeyObject | undefined;
  #ring: Ring | undefined;

  constructor(log: JournalLog, script = new URL('keystream-thread.mjs', import.meta.url)) {
    this.#log = log;
    this.#script = script;
  }

  /** The segment that is written to from now on. @param key for its keystream */
  begin(key: KeyObject): void {
    this.#ring?.end();
    this.#ring = undefined;
    this.#key = key;
    if (this.#thread.state === 'none') this.#start();
    if (this.#thread.state === 'running') this.#ask(this.#thread.worker, key);
  }

  /** With so many bytes of the keystream of `key`; undefined: they are not there, or it is another segment's turn, which may have failed since. */
  ring(key: KeyObject, bytes: number): Ring | undefined {
    return key === this.#key && this.#ring?.has(bytes) === true ? this.#ring : undefined;
  }

  end(): void {
    this.#ring?.end();
    this.#ring = undefined;
    if (this.#thread.state === 'running') void this.#thread.worker.terminate();
    this.#thread = { state: 'over' };
  }

  #start(): void {
    try {
      const worker = new Worker(this.#script, {
        execArgv: [],
        env: {},
        resourceLimits: LIMITS,
        name: 'keystream',
      });
      worker.unref();
      worker.on('error', (error) => this.#failed(error));
      this.#thread = { state: 'running', worker };
    } catch (error) {
      this.#failed(error);
    }
  }

  #ask(worker: Worker, key: KeyObject): void {
    const ring = new Ring();
    worker.postMessage(ring.asked(key));
    this.#ring = ring;
  }

  #failed(error: unknown): void {
    this.end();
    this.#log.warn({ error }, 'the thread that makes keystream has failed: long blocks are sealed without it');
  }
}
