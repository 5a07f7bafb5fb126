/** Parse, encode, admit, journal: each part of the hot path alone, in this process, beside the least that could be done. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryTokenLeases } from '../adapters/memory/token-leases.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import { ADMITTED, type Decision, type UserAdmissions } from '../core/limits/admission.ts';
import { ORDER } from '../core/limits/kinds.ts';
import { Limiter } from '../core/limits/limiter.ts';
import { KEEP, SUBMITTED } from '../edge/fix/session/ports.ts';
import { openJournal } from '../edge/journal/file.ts';
import type { Journal } from '../edge/journal/journal.ts';
import type { SegmentKeys } from '../edge/journal/keys.ts';
import type { FileJournalOptions } from '../edge/journal/options.ts';
import { type Figure, figure } from './figures.ts';
import { OrderReader, ReportWriter } from './fix-path.ts';
import { addUp, compare, compareFastest, sink } from './loops.ts';
import { ORDER_BYTES } from './orders.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Sizes } from './sizes.ts';

const MOST = 1e9;
const LIMITS = { orders_per_second: MOST, messages_per_second: MOST, burst: MOST, assignment: 1, definition: 1 };
/** Messages that one read of a busy socket brings: the clock is read and the journal written once for them. */
const BATCH = 64;
/** Between them the limiter's calls are answered, as they are between two reads of a socket. */
const SLICE = 8_192;

/** frame + tokenise + validate one order, beside adding up its bytes. */
export async function parse(sizes: Sizes): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const flow of ['rests', 'mixed'] as const) {
    const reader = await OrderReader.open(flow);
    const one = reader.bytes.subarray(0, ORDER_BYTES);
    const { ns, besideNs } = await compareFastest(
      sizes,
      (count) => {
        for (let i = 0; i < count; i++) sink.value += reader.next().count;
      },
      (count) => {
        for (let i = 0; i < count; i++) sink.value += addUp(one);
      },
    );
    const [name, what] =
      flow === 'rests'
        ? ['parse', `${ORDER_BYTES}-byte NewOrderSingle`]
        : ['parse, mixed', 'two types, five shapes, values of any length'];
    const settings = `${what}, FIX44, all checks on, the fastest of slices`;
    figures.push(figure(name, ns, 'ns', ['sum of its bytes', besideNs], settings, { of: 'value', most: 250 }));
  }
  return figures;
}

/** One ExecutionReport into the output buffer, beside adding up as many bytes. */
export async function encode(sizes: Sizes): Promise<Figure[]> {
  const writer = new ReportWriter();
  const { encoder } = writer;
  const nowMs = systemClock.now();
  writer.write(20_000, nowMs);
  const one = Buffer.from(encoder.buf.subarray(0, encoder.length));
  const { ns, besideNs } = await compareFastest(
    sizes,
    (count) => {
      for (let i = 0; i < count; i++) {
        if (i % BATCH === 0) encoder.clear();
        sink.value += writer.write(20_000 + (i & 0xffff), nowMs + (i >> 6));
      }
    },
    (count) => {
      for (let i = 0; i < count; i++) sink.value += addUp(one);
    },
  );
  const settings = `${one.length}-byte ExecutionReport of 19 fields, the fastest of slices`;
  return [figure('encode', ns, 'ns', ['sum of its bytes', besideNs], settings, { of: 'value', most: 200 })];
}

/** Draws for one order; waits for a lease where there is none, as the edge does. @throws when it is refused */
export async function granted(user: UserAdmissions): Promise<void> {
  // Nothing else keeps the process: the limiter's timers do not, and its call may wait for a turn.
  const stay = setInterval(() => {}, 1000);
  const decision = await new Promise<Decision>((resolve) => user.onGrant(ORDER, resolve));
  clearInterval(stay);
  if (decision !== ADMITTED) throw new Error(`an order of the benchmark is refused: ${decision}`);
}

/** The limiter of an edge, on, for a user who is never refused. */
export function openLimiter(): { readonly user: UserAdmissions; close(): Promise<void> } {
  const limiter = new Limiter({
    leases: new MemoryTokenLeases(),
    clock: systemClock,
    timers: systemTimers,
    edgeKey: 'bench.1',
    report: (error) => {
      throw error;
    },
  });
  const user = limiter.attach('bench', LIMITS);
  return { user, close: () => limiter.close() };
}

/** One admission with tokens in hand, beside one subtraction. */
export async function limiter(sizes: Sizes): Promise<Figure[]> {
  const { user, close } = openLimiter();
  const tokens = new Float64Array([Number.MAX_SAFE_INTEGER]);
  let waited = 0;
  let nowMs = systemClock.now();
  const { ns, besideNs } = await compare(
    sizes,
    async (count) => {
      for (let done = 0; done < count; done += SLICE) {
        const end = Math.min(count, done + SLICE);
        for (let i = done; i < end; i++) {
          if (i % BATCH === 0) nowMs = systemClock.now();
          if (user.admit(ORDER, nowMs) === ADMITTED) continue;
          waited++;
          await granted(user);
        }
        await nextTurn();
      }
    },
    (count) => {
      for (let i = 0; i < count; i++) {
        tokens[0]! -= 1;
        sink.value += tokens[0]! < 1 ? 1 : 0;
      }
    },
  );
  await close();
  const settings = `rates of 1e9, clock read once per ${BATCH}, ${waited} waited for a lease`;
  return [figure('limiter', ns, 'ns', ['one subtraction', besideNs], settings, { of: 'value', most: 50 })];
}

/** Keys that no box seals: what is measured is the journal. */
function keysOfOne(): SegmentKeys {
  const made = { key: createSecretKey(randomBytes(32)), wrapped: new Uint8Array(400) };
  return { of: () => made.key, take: () => made };
}

export function temporaryJournal(directory: string, options: Partial<FileJournalOptions> = {}): Journal {
  const log = {
    info: () => {},
    warn: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  };
  return openJournal({ directory, now: () => systemClock.now(), log, keys: keysOfOne(), ...options });
}

/** What the journal is asked to do beside keeping reports. */
const JOURNALS = [
  { name: 'journal, in the clear', encrypt: false, inbound: false, batch: BATCH },
  { name: 'journal', encrypt: true, inbound: false, batch: BATCH },
  { name: 'journal, orders too', encrypt: true, inbound: true, batch: BATCH },
  { name: 'journal, one by one', encrypt: true, inbound: false, batch: 1 },
] as const;

/** One report appended, and its share of a flush, beside a bare write of the same bytes. */
export async function journal(sizes: Sizes): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of JOURNALS) figures.push(await journalled(kind, sizes));
  return figures;
}

async function journalled(
  { name, encrypt, inbound, batch: every }: (typeof JOURNALS)[number],
  sizes: Sizes,
): Promise<Figure> {
  const directory = makeScratch();
  const bare = openSync(join(directory, 'bare'), 'w');
  try {
    const kept = temporaryJournal(join(directory, 'journal'), { encrypt, inbound });
    const store = kept.session('bench');
    const writer = new ReportWriter();
    writer.write(20_000, systemClock.now());
    const { buf, length: end } = writer.encoder;
    const batch = Buffer.alloc(every * end);
    let next = store.nextOut;
    const nowMs = systemClock.now();
    const { ns, besideNs } = await compare(
      every > 1 ? sizes : { ...sizes, operations: Math.ceil(sizes.operations / 20) },
      (count) => {
        for (let i = 1; i <= count; i++) {
          if (inbound) store.received(next, buf, 0, ORDER_BYTES, nowMs, SUBMITTED, 0, 0);
          store.setNextIn(next);
          store.append(next++, buf, 0, end, nowMs, KEEP);
          if (i % every === 0 || i === count) kept.flush();
        }
      },
      (count) => {
        for (let i = every; i <= count; i += every) sink.value += writeSync(bare, batch);
      },
    );
    await kept.close();
    const orders = inbound ? `, ${ORDER_BYTES}-byte orders` : '';
    const how = encrypt ? 'AES-256-GCM' : 'in the clear';
    const settings = `file journal, ${how}, ${end}-byte reports${orders}, a flush per ${every}`;
    return figure(name, ns, 'ns', ['bare writeSync of them', besideNs], settings);
  } finally {
    closeSync(bare);
    removeScratch(directory);
  }
}
