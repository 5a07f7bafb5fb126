/**
 * The way of messages through the whole edge in one process: a socket that is none, everything else as it is. Run by way.ts in a
 * process of its own; prints what it found as JSON.
 */
import { createSecretKey, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { fixedMasterKeys } from '../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../adapters/kms/vault.ts';
import { createMemoryAdapters } from '../adapters/memory/stores.ts';
import { MemoryTokenLeases } from '../adapters/memory/token-leases.ts';
import { createWorld } from '../adapters/memory/world.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { ensureDefaults } from '../core/policy/defaults.ts';
import { putTier } from '../core/policy/tiers.ts';
import { provision } from '../core/provisioning.ts';
import { ClockWatch } from '../core/sessions/clock-watch.ts';
import { arrive } from '../edge/arrival.ts';
import { readConfig } from '../edge/config.ts';
import { startEdge } from '../edge/edge.ts';
import { openJournal } from '../edge/journal/file.ts';
import { Keystream } from '../edge/journal/keystream.ts';
import { createLogger } from '../edge/log.ts';
import { Metrics } from '../edge/metrics.ts';
import { openVenue } from '../edge/venue/index.ts';
import { encodeFix, utcTimestamp } from '../local/fix-client.ts';
import { mixedStream, type Names, orderStream, tradingStream } from './orders.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import { BENCH_TIER } from './stage.ts';

/** What one read of a busy socket brings, at most. */
const CHUNK_BYTES = 65_536;
const ACTOR = { actor: { principal: 'bench' }, reason: 'a benchmark' };
/** Of the chunks, those that count. */
const FASTEST = 0.25;
/** Of all that is sent, so that the engine has compiled what it will. */
const WARM_UP = 0.3;
/** Messages that are rendered at once. */
const ROUND = 20_000;
const NOTHING = Buffer.alloc(0);
/** Messages kept for resends where the heap is looked at. */
const KEPT = 1000;
const QUARTERS = 4;

export interface WayTask {
  readonly venue: 'echo' | 'simulator';
  /** `mixed`: of any length, for the echo; `trades`: limit orders that rest and cross, replaces, cancels. */
  readonly messages: 'rests' | 'mixed' | 'fills' | 'trades';
  readonly count: number;
  /** Each message is a read of its own, as of a client that waits for its answer before it sends the next. */
  readonly one?: boolean;
  /** What is left on the heap is told, too: sessions keep few messages for resends, so that what they keep does not count. */
  readonly heap?: boolean;
}

export interface WayResult {
  /** A message of the quarter of reads that were fastest. */
  readonly fastest_ns: number;
  /** Of the quarter in which it took the least: from a read to the write that answers it. */
  readonly answer_ns: number;
  /** A message of all, by the processor time of all threads. */
  readonly cpu_ns: number;
  readonly replies_per_message: number;
  /**
   * What each message has left on the heap, and in buffers outside it, in each quarter of those that count; undefined: was not asked for.
   * The engine makes its own things at first, and some now and then.
   */
  readonly left_bytes?: readonly number[];
}

/** The edge's end of a connection whose other end is this file; the system takes each write at once. */
class Pipe extends EventEmitter {
  readonly destroyed = false;
  readonly bytesRead = 0;
  /** What was written last. */
  last: Buffer = NOTHING;
  /** When that was, monotonic ms. */
  wroteAt = 0;
  /** The last write is not taken yet. */
  writing = false;
  /** The edge does not read for the moment. */
  paused = false;

  write(bytes: Buffer, taken: () => void): boolean {
    this.wroteAt = performance.now();
    this.last = bytes;
    this.writing = true;
    setImmediate(() => {
      this.writing = false;
      taken();
    });
    return true;
  }

  pause(): this {
    this.paused = true;
    return this;
  }

  resume(): this {
    this.paused = false;
    return this;
  }

  end(): void {}

  destroy(): this {
    throw new Error(`the edge has ended the connection: ${this.last.toString('latin1').slice(-300)}`);
  }
}

async function openHouse(directory: string, { venue, count, heap = false }: WayTask) {
  const { audit: trail, signedLogons, journals, ...stores } = createMemoryAdapters(createWorld());
  const keys = fixedMasterKeys([{ id: 'bench', key: new Uint8Array(32).fill(7) }]);
  const admin = {
    ...stores,
    trail,
    box: createRawAesSecretBox(keys),
    vault: createRawAesVault(keys),
    digests: nodeDigests,
    random: systemRandom,
    clock: systemClock,
    expressions: new CompiledExpressions(createExpressions()),
  };
  await ensureDefaults(admin, ACTOR.actor);
  await putTier(admin, ACTOR, BENCH_TIER);
  const { issued } = await provision(admin, ACTOR, {
    user_id: 'bench',
    rate_limit_tier: BENCH_TIER.name,
    facts: { account_balance: 50_000, trading_volume: 500_000, account_age_days: 400, kyc_level: 3, groups: [] },
    allowed_ips: [],
    additional_credential: false,
  });
  if (issued.proof !== 'password') throw new Error('the user has no password');
  const config = readConfig({
    FIXGATE_EDGE_ID: 'bench',
    FIXGATE_VENUE: venue,
    FIXGATE_SIMULATOR_OPEN_ORDERS: String(count),
    FIXGATE_LOG_LEVEL: 'warn',
    FIXGATE_SESSION_PROFILE: heap ? `{"resend_retention":${KEPT}}` : '',
  });
  const log = createLogger(config.log_level, config.edge_id);
  const made = { key: createSecretKey(randomBytes(32)), wrapped: new Uint8Array(400) };
  const pipe = new Pipe();
  let connect = (): void => {};
  const edge = await startEdge({
    config,
    gate: { ...admin, leases: new MemoryTokenLeases(), signedLogons, timers: systemTimers },
    clockWatch: new ClockWatch(systemClock),
    clock: systemClock,
    timers: systemTimers,
    journal: openJournal({
      directory: join(directory, 'journal'),
      now: () => systemClock.now(),
      log,
      keys: { of: () => made.key, take: () => made },
      keystream: new Keystream(log),
      inbound: venue !== 'echo',
    }),
    journals,
    venue: (sink) => {
      const warn = (problem: string): void => log.warn({}, problem);
      const { simulator_open_orders: openOrders } = config;
      const options = { sink, seed: 1, now: systemClock.now(), openOrders, directory: join(directory, 'venue'), warn };
      return openVenue(venue, options);
    },
    metrics: new Metrics(),
    log,
    ways: {
      accept: async (house, doors) => {
        connect = () => house.turns.run(() => arrive(pipe as unknown as Socket, '127.0.0.1', house, doors));
        return { port: 0, connections: () => 1, close: () => {} };
      },
      watch: async () => ({ port: 0, close: async () => {} }),
    },
  });
  const { sender_comp_id: sender, target_comp_id: target } = issued;
  return { edge, pipe, connect, names: { sender, target }, password: issued.password.reveal() };
}

async function logOn(pipe: Pipe, { sender, target }: Names, password: string): Promise<void> {
  const logon = encodeFix('FIX.4.4', [
    [35, 'A'],
    [34, 1],
    [49, sender],
    [52, utcTimestamp(new Date())],
    [56, target],
    [98, 0],
    [108, 30],
    [553, sender],
    [554, password],
  ]);
  pipe.emit('data', Buffer.from(logon, 'latin1'));
  while (pipe.last.length === 0 || pipe.writing) await nextTurn();
}

/** All that is sent, before any of it is: what the client leaves on the heap is not to be the edge's. */
async function streamOf({ messages, count }: WayTask, names: Names): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let done = 0; done < count; done += ROUND) {
    // The edge is not to take itself for dead meanwhile.
    await nextTurn();
    const [first, some] = [done + 2, Math.min(ROUND, count - done)];
    if (messages === 'trades') parts.push(tradingStream(names, first, some));
    else if (messages === 'mixed') parts.push(mixedStream(names, first, some));
    else parts.push(orderStream(names, messages, first, some, done));
  }
  return Buffer.concat(parts);
}

/** Of the last message that the edge has sent. */
function lastNumber(bytes: Buffer): number {
  const text = bytes.toString('latin1', bytes.lastIndexOf('8=FIX'));
  return Number(/\x0134=(\d+)\x01/.exec(text)?.[1]);
}

/** Nanoseconds a message, read by read. */
interface Took {
  readonly turn: number[];
  /** Until its answers were written. */
  readonly answer: number[];
}

/** Where the read ends that begins at `at`. */
function endOfRead(stream: Buffer, at: number, one: boolean): number {
  const end = one ? stream.indexOf('8=FIX', at + 1) : stream.lastIndexOf('8=FIX', at + CHUNK_BYTES);
  return end < 0 || (!one && at + CHUNK_BYTES >= stream.length) ? stream.length : end;
}

/** Hands the edge one read after the other, and each time waits until its answers are written. */
async function feed(pipe: Pipe, stream: Buffer, perMessage: number, one: boolean, took: Took): Promise<void> {
  for (let at = 0; at < stream.length; ) {
    const end = endOfRead(stream, at, one);
    const chunk = Buffer.copyBytesFrom(stream, at, end - at);
    const messages = one ? 1 : (end - at) / perMessage;
    const since = performance.now();
    pipe.emit('data', chunk);
    took.turn.push(((performance.now() - since) * 1e6) / messages);
    // What waits for a lease of tokens is answered in another turn.
    if (pipe.wroteAt >= since) took.answer.push(((pipe.wroteAt - since) * 1e6) / messages);
    // Until what was written has been taken; longer while a lease of tokens is on its way.
    do await nextTurn();
    while (pipe.paused || pipe.writing);
    at = end;
  }
}

/** The mean of the quarter that is least. */
function fastestOf(took: number[]): number {
  const fastest = took.sort((a, b) => a - b).slice(0, Math.ceil(took.length * FASTEST));
  return fastest.reduce((sum, ns) => sum + ns, 0) / fastest.length;
}

/** As many messages in each, within one. */
function* partsOf(stream: Buffer, parts: number): Generator<Buffer> {
  for (let at = 0, n = 1; n <= parts; n++) {
    const end = n === parts ? stream.length : stream.lastIndexOf('8=FIX', (stream.length * n) / parts);
    yield stream.subarray(at, end);
    at = end;
  }
}

/** Bytes of what is no garbage. */
function living(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    for (let i = 0; i < 3; i++) collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
}

async function measure(task: WayTask): Promise<WayResult> {
  const { count, one = false, heap = false } = task;
  const directory = makeScratch();
  try {
    const { edge, pipe, connect, names, password } = await openHouse(directory, task);
    const stream = await streamOf(task, names);
    connect();
    await logOn(pipe, names, password);
    const perMessage = stream.length / count;
    const warm = stream.lastIndexOf('8=FIX', stream.length * WARM_UP);
    await feed(pipe, stream.subarray(0, warm), perMessage, one, { turn: [], answer: [] });
    const alive = heap ? living() : undefined;
    const before = process.cpuUsage();
    const took: Took = { turn: [], answer: [] };
    const left: number[] = [];
    let kept = alive?.() ?? 0;
    for (const part of partsOf(stream.subarray(warm), heap ? QUARTERS : 1)) {
      await feed(pipe, part, perMessage, one, took);
      const now = alive?.() ?? 0;
      left.push(((now - kept) * perMessage) / part.length);
      kept = now;
    }
    const { user, system } = process.cpuUsage(before);
    const replies = lastNumber(pipe.last) - 1;
    await edge.drain(true);
    return {
      fastest_ns: fastestOf(took.turn),
      answer_ns: fastestOf(took.answer),
      cpu_ns: ((user + system) * 1000 * perMessage) / (stream.length - warm),
      replies_per_message: replies / count,
      ...(heap ? { left_bytes: left } : {}),
    };
  } finally {
    removeScratch(directory);
  }
}

if (import.meta.main) {
  const task = JSON.parse(process.argv[2] ?? '{}') as WayTask;
  process.stdout.write(`${JSON.stringify(await measure(task))}\n`);
}
