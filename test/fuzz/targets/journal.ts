/**
 * The journal on disk: steps that write, one a line, then damage to the files. What opens again is what had been flushed
 * at some moment, all sessions together; or it does not open, with an error of its own kinds.
 */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KEEP, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import { blockCrc } from '../../../edge/journal/block.ts';
import { openJournal } from '../../../edge/journal/file.ts';
import { BLOCK_BYTES, HEADER_BYTES, segmentNumber, VERSION } from '../../../edge/journal/format.ts';
import { type Journal, JournalError } from '../../../edge/journal/journal.ts';
import type { SegmentKeys } from '../../../edge/journal/keys.ts';
import { numberIn } from '../corpus.ts';
import { changeBytes, NUMBERS } from '../mutate.ts';
import type { Random } from '../random.ts';
import { Finding, hold, type Lines, type Target } from '../target.ts';

const SESSIONS = 3;
const NOW = 1_700_000_000_000;
const LIMITS = { segment_bytes: 2048, resend_retention: 20, block_bytes: 400 };
const KINDS: ReadonlySet<string> = new Set(['damaged', 'unknown_version']);
const quiet = { info: () => {}, warn: () => {}, error: () => {} };

const open = (directory: string, keys: SegmentKeys | undefined): Journal =>
  openJournal({
    directory,
    keys,
    now: () => NOW,
    log: quiet,
    limits: LIMITS,
    salt: () => 12_345,
    inbound: true,
    archive: keys === undefined,
  });

/** Keys of segments, sealed by nobody. */
function keysAtHand(): SegmentKeys {
  const known: KeyObject[] = [];
  return {
    of: (wrapped) => known[wrapped[0]!],
    take: () => ({
      key: known[known.push(createSecretKey(randomBytes(32))) - 1]!,
      wrapped: Uint8Array.of(known.length - 1),
    }),
  };
}

const session = (journal: Journal, n: number): SessionStore =>
  journal.session(`session ${n}`, n === 0 ? { ids: 10, ids_s: 60, about: '{}' } : {});

/** All that can be seen of a session. */
function seen(store: SessionStore): string {
  const sent: string[] = [];
  for (let from = 1; ; ) {
    const found = store.next(from, Number.MAX_SAFE_INTEGER);
    if (found === undefined || found === 'loading') break;
    hold(found.msgSeqNum >= from, () => `${found.msgSeqNum} is found from ${from} on`);
    sent.push(`${found.msgSeqNum}:${found.buf.toString('latin1', found.start, found.end)}`);
    from = found.msgSeqNum + 1;
  }
  const { nextIn, nextOut, generation, createdAt, pending } = store;
  const oldest = store.peek();
  const first =
    oldest === undefined || oldest === 'loading' ? '' : oldest.buf.toString('latin1', oldest.start, oldest.end);
  return JSON.stringify([nextIn, nextOut, generation, createdAt, pending, first, sent]);
}

const everything = (journal: Journal): string =>
  Array.from({ length: SESSIONS }, (_, n) => seen(session(journal, n))).join('\n');

/** @returns whether the line was a step that writes */
function write(line: string, journal: Journal): boolean {
  const [verb = '', which = '', ...rest] = line.split(' ');
  const store = session(journal, numberIn(which, 1e9) % SESSIONS);
  const body = Buffer.from(`..8=${rest.join(' ')}..`, 'latin1'); // no message is empty
  const verbs: Readonly<Record<string, () => void>> = {
    sent: () => store.append(store.nextOut, body, 2, body.length - 2, NOW, KEEP),
    pending: () => store.enqueue(body, 2, body.length - 2, NOW, 0),
    promoted: () =>
      store.pending > 0 && store.promote(store.nextOut, body, 2, body.length - 2, NOW, rest[0] === 'no' ? 0 : KEEP),
    in: () => store.setNextIn(store.nextIn + 1 + (numberIn(rest[0] ?? '', 1e9) % 1000)),
    out: () => store.setNextOut(store.nextOut + 1),
    reset: () => store.reset(NOW + store.generation),
    got: () => store.received(store.nextIn, body, 2, body.length - 2, NOW, SUBMITTED, 4, Math.min(14, body.length - 2)),
    again: () => store.resent(numberIn(rest[0] ?? '', 1e9), NOW),
  };
  if (!Object.hasOwn(verbs, verb)) return false;
  verbs[verb]!();
  return true;
}

/** What `damage`, `forge` and the like do to the files. @returns whether CRCs were made to fit */
function damage(line: string, directory: string): boolean {
  const [verb = '', where = '', ...rest] = line.split(' ');
  const files = readdirSync(directory)
    .filter((name) => segmentNumber(name) > 0)
    .sort();
  if (files.length === 0) return false;
  const number = numberIn(where, 1e9);
  // From the end, where damage is told from a write that was broken off.
  const file = join(directory, files.at(-1 - (Math.floor(number / 100_000) % files.length))!);
  const bytes = readFileSync(file);
  const at = bytes.length === 0 ? 0 : Math.floor(number % 100_000) % bytes.length;
  const what = Buffer.from(rest.join(' '), 'latin1');
  switch (verb) {
    case 'cut':
      writeFileSync(file, bytes.subarray(0, at));
      return false;
    case 'flip':
      if (bytes.length > 0) bytes[at] = bytes[at]! ^ (1 << ((what[0] ?? 0) % 8));
      writeFileSync(file, bytes);
      return false;
    case 'put':
      what.copy(bytes, at);
      writeFileSync(file, bytes);
      return false;
    case 'more':
      writeFileSync(file, Buffer.concat([bytes, what]));
      return false;
    case 'lose':
      unlinkSync(file);
      return true; // a journal that begins later is a journal
    case 'forge':
      what.copy(bytes, at);
      writeFileSync(file, sealed(bytes));
      return true;
    default:
      return false;
  }
}

/** CRCs of the blocks as they would be, had it been written so. */
function sealed(bytes: Buffer): Buffer {
  if (bytes.length < HEADER_BYTES) return bytes;
  const home = { version: VERSION, number: 1, salt: bytes.readUInt32LE(8), key: undefined };
  for (let at = HEADER_BYTES; at + BLOCK_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    if (length < BLOCK_BYTES || at + length > bytes.length) break;
    bytes.writeUInt32LE(blockCrc(home, bytes, at, length), at);
    at += length;
  }
  return bytes;
}

async function check(lines: Lines): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fixgate-fuzz-'));
  try {
    await play(
      lines.map((line) => line.toString('latin1')),
      directory,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function play(lines: readonly string[], directory: string): Promise<void> {
  const keys = lines.includes('sealed') ? keysAtHand() : undefined;
  let journal = open(directory, keys);
  const moments = new Set([everything(journal)]); // before all, when the sessions are new
  let forged = false;
  let damaged = false;
  for (const line of lines) {
    if (line === 'flush') {
      journal.flush();
      moments.add(everything(journal));
    } else if (line === 'open') {
      const before = everything(journal);
      await journal.close();
      journal = open(directory, keys);
      hold(everything(journal) === before, () => 'closed and opened again it is another');
      moments.add(before);
    } else write(line, journal);
  }
  moments.add(everything(journal));
  await journal.close();
  for (const line of lines) {
    if (!/^(?:cut|flip|put|more|lose|forge) /.test(line)) continue;
    damaged = true;
    forged = damage(line, directory) || forged;
  }
  if (damaged) await proveOpening(directory, keys, moments, forged);
}

async function proveOpening(
  directory: string,
  keys: SegmentKeys | undefined,
  moments: ReadonlySet<string>,
  forged: boolean,
): Promise<void> {
  let journal: Journal | undefined;
  try {
    journal = open(directory, keys);
    const found = everything(journal);
    if (!forged) hold(moments.has(found), () => `what opens was never flushed: ${found.slice(0, 300)}`);
  } catch (error) {
    if (error instanceof Finding || !(error instanceof JournalError) || !KINDS.has(error.code)) throw error;
  } finally {
    await journal?.close();
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function step(random: Random): string {
  const n = random.below(SESSIONS);
  switch (random.below(11)) {
    case 9:
      return `got ${n} ${random.below(30)} ${'y'.repeat(random.below(100))}`;
    case 10:
      return `again ${n} ${random.below(30)}`;
    case 0:
      return `pending ${n} waits ${random.below(1000)}`;
    case 1:
      return `promoted ${n} ${random.chance(4) ? 'no' : `goes ${random.below(1000)}`}`;
    case 2:
      return `in ${n} ${random.below(5)}`;
    case 3:
      return random.chance(4) ? 'sealed' : `out ${n}`;
    case 4:
      return random.chance(4) ? `reset ${n}` : 'flush';
    case 5:
      return random.chance(4) ? 'open' : 'flush';
    case 6:
      return `${random.pick(['cut', 'flip', 'flip', 'put', 'more', 'lose', 'forge'])} ${random.below(300_000)} ${random.bytes(random.below(24)).toString('latin1')}`;
    default:
      return `sent ${n} ${'x'.repeat(random.below(300))}`;
  }
}

export const target: Target = {
  name: 'journal',
  inputs: 150,
  line: (random) => latin1(step(random)),
  mutate(line, random) {
    const words = line.toString('latin1').split(' ');
    if (random.chance(3)) return changeBytes(line, random);
    if (words.length > 1) words[1] = random.chance(3) ? random.pick(NUMBERS) : String(random.below(300_000));
    return latin1(words.join(' '));
  },
  check,
};
