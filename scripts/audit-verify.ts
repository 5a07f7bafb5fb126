// Walks every chain of the audit trail, where it is kept or in an exported file, and names the first broken record of
// each. Exit code 0: all whole; 1: something is broken or was written directly; 2: it could not be read. The tables are those of
// <data-dir>/local.json while `npm start` runs, or those of the environment that the functions have.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import type { Stores } from '../adapters/stores.ts';
import type { ChainVerdict } from '../core/audit/chain.ts';
import { type DirectWrite, findDirectWrites, StateFold } from '../core/audit/direct.ts';
import { asRecord, type StoredRecord } from '../core/audit/model.ts';
import { walkRecords, walkTrail } from '../core/audit/walk.ts';
import { changePolicy } from '../core/policy/change.ts';
import { userName } from './actor.ts';
import { type Checkpoints, readCheckpoints } from './audit-checkpoints.ts';
import { storesOf } from './stores-of.ts';

/** Characters of an export that are gathered before they are written. */
const FLUSHED_AT = 1 << 20;

interface Options {
  readonly chain?: string;
  readonly dataDir: string;
  readonly export?: string;
  readonly reason?: string;
  readonly file?: string;
  readonly checkpoints?: string;
  readonly publicKey?: string;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Counts verdicts and prints the broken ones. */
class Tally {
  chains = 0;
  records = 0;
  broken = 0;

  add(verdict: ChainVerdict): void {
    this.chains += 1;
    if (verdict.whole) {
      this.records += verdict.head.seq;
      return;
    }
    this.broken += 1;
    const id = verdict.id === undefined ? '' : ` (${verdict.id})`;
    process.stdout.write(`BROKEN ${verdict.chain}: record ${verdict.seq}${id} ${verdict.text}\n`);
  }

  /** @returns the exit code */
  end(): number {
    process.stdout.write(`${this.chains} chains, ${this.records} records whole, ${this.broken} chains broken\n`);
    return this.broken === 0 ? 0 : 1;
  }
}

async function verifyStores(stores: Stores, chain: string | undefined): Promise<number> {
  const { audit: trail, directory, policy } = stores;
  const tally = new Tally();
  const fold = new StateFold();
  const ports = { trail, digests: nodeDigests };
  for await (const verdict of walkTrail(ports, chain, async (record) => fold.see(record))) tally.add(verdict);
  const code = tally.end();
  if (chain !== undefined) return code;
  const { writes, rows, older } = await findDirectWrites({ ...ports, directory, policy }, fold);
  for (const write of writes) say(`DIRECT ${textOf(write)}`);
  say(`${rows} rows as their records left them, ${older} of an earlier release, ${writes.length} written directly`);
  return writes.length === 0 ? code : 1;
}

const FOUND: Readonly<Record<DirectWrite['found'], string>> = {
  changed: 'is not as its record left it',
  added: 'was put there by no record',
  gone: 'is gone, and no record removed it',
  strange: 'is nothing of ours',
};

function textOf({ chain, name, found, seq }: DirectWrite): string {
  return `${chain}: ${name} ${FOUND[found]}${seq === undefined ? '' : ` (record ${seq})`}`;
}

/**
 * Writes every record to `file` as a line of JSON and verifies on the way. The file gets its name only once the export
 * is on record itself: nobody has an export that the trail does not know of.
 */
async function exportRecords(stores: Stores, file: string, options: Options): Promise<number> {
  const partial = `${file}.partial`;
  if (existsSync(file)) throw new Error(`${file} exists already`);
  const output = await open(partial, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    const tally = new Tally();
    let records = 0;
    let pending = '';
    const flush = async () => {
      hash.update(pending);
      await output.appendFile(pending);
      pending = '';
    };
    const seen = async (record: StoredRecord) => {
      pending += `${JSON.stringify(record)}\n`;
      records += 1;
      if (pending.length >= FLUSHED_AT) await flush();
    };
    const ports = { trail: stores.audit, digests: nodeDigests };
    for await (const verdict of walkTrail(ports, options.chain, seen)) tally.add(verdict);
    await flush();
    await output.sync();
    const sha256 = hash.digest('hex');
    const { chains, broken } = tally;
    const only = options.chain === undefined ? {} : { chain: options.chain };
    await recordExport(stores, { file: basename(file), ...only, records, chains, broken, sha256 }, options.reason);
    // A hard link, unlike a rename, does not replace what somebody else has put there meanwhile.
    await link(partial, file);
    const code = tally.end();
    process.stdout.write(`${records} records in ${file}, SHA-256 ${sha256}\n`);
    return code;
  } finally {
    await output.close();
    await rm(partial, { force: true });
  }
}

/** On the chain of the policy, as everything that concerns no single user; its head is kept outside the trail. */
async function recordExport(stores: Stores, details: Record<string, unknown>, reason: string | undefined) {
  const ports = { policy: stores.policy, digests: nodeDigests, random: systemRandom, clock: systemClock };
  const actor = { principal: `local:${userName()}` };
  await changePolicy(ports, { actor, reason, type: 'export' }, () => ({ edits: [], details, result: undefined }));
}

/** An exported file; with checkpoints, held against what they have signed. */
async function verifyFile(file: string, checkpoints: Checkpoints | undefined): Promise<number> {
  const hash = createHash('sha256');
  const tally = new Tally();
  let strange = checkpoints?.broken ?? 0;
  const see = (record: StoredRecord): void => {
    const { chain, seq } = record;
    if (checkpoints?.signed.see(chain, seq, 'hash' in record ? record.hash : undefined) !== false) return;
    strange += 1;
    say(`BROKEN ${chain}: record ${seq} is not the one that a checkpoint has signed`);
  };
  async function* records(): AsyncGenerator<StoredRecord> {
    const input = createReadStream(file);
    input.on('data', (chunk) => hash.update(chunk));
    let line = 0;
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      const record = recordOf(text);
      if (record) {
        see(record);
        yield record;
      } else {
        strange += 1;
        process.stdout.write(`BROKEN line ${line} is no audit record\n`);
      }
    }
  }
  for (const verdict of await walkRecords(nodeDigests, records())) tally.add(verdict);
  const code = tally.end();
  for (const { chain, seq } of checkpoints?.signed.missing() ?? []) {
    strange += 1;
    say(`BROKEN ${chain}: record ${seq} was signed and is not there`);
  }
  if (checkpoints !== undefined) say(`${checkpoints.count} checkpoints, ${checkpoints.broken} broken`);
  say(`SHA-256 ${hash.digest('hex')}`);
  return strange === 0 ? code : 1;
}

/** A line of an export; undefined when it is none. */
function recordOf(text: string): StoredRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const record = asRecord(value);
  if (record !== undefined || typeof value !== 'object' || value === null) return record;
  const { chain, seq, id, unreadable } = value as Record<string, unknown>;
  if (typeof chain !== 'string' || typeof unreadable !== 'string') return undefined;
  return { chain, seq: Number(seq), ...(typeof id === 'string' ? { id } : {}), unreadable };
}

async function run(options: Options): Promise<number> {
  if (options.file !== undefined) {
    const { checkpoints: folder, publicKey = '' } = options;
    return verifyFile(options.file, folder === undefined ? undefined : readCheckpoints(folder, publicKey, say));
  }
  const { stores, close } = storesOf(options.dataDir);
  try {
    return await (options.export === undefined
      ? verifyStores(stores, options.chain)
      : exportRecords(stores, options.export, options));
  } finally {
    close();
  }
}

const HELP = `
An export is one record a line, as it was hashed: the hash of a record is SHA-256 over the canonical JSON (RFC 8785) of
everything in it but "hash". Making one needs the right to write to the policy and audit tables, since it is recorded
itself: type export, principal local:<user of this machine>, with the numbers of records and chains and the SHA-256 of
the file. Verifying a file needs no store; compare the SHA-256 that it prints with the record of the export.

Records say by digests which rows they left behind: rows of accounts and policy that are otherwise, that no record has
made, or that are gone are named by DIRECT lines. Somebody wrote the tables past the product, or restored them.

Checkpoints are the objects below checkpoints/ of the archive's bucket. They say of every chain which record stood at its
end when they were signed: with them a file cannot have lost the end of a chain, nor the tables have been written anew.

Exit code 0: all chains are whole; 1: something is broken; 2: it could not be read.`;

const program = new Command('audit:verify')
  .description('Walks the hash chains of the audit trail and names the first broken record of each.')
  .option('--chain <name>', 'only this chain, for example policy or user:alice')
  .option('--data-dir <directory>', 'of a running npm start', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
  .option('--export <file>', 'write all records to this new file too, as JSON lines')
  .option('--reason <text>', 'why, for the record of the export')
  .option('--file <file>', 'verify this exported file instead of the store')
  .option('--checkpoints <folder>', 'with --file: hold it against these checkpoints of the archive')
  .option('--public-key <file>', 'of the key that signed them, PEM or DER')
  .addHelpText('after', HELP);
program.parse();
const options = program.opts<Options>();
if ((options.checkpoints === undefined) !== (options.publicKey === undefined))
  program.error('--checkpoints and --public-key go together', { exitCode: 2 });
if (options.checkpoints !== undefined && options.file === undefined)
  program.error('--checkpoints needs --file', { exitCode: 2 });
if (options.file !== undefined && (options.export !== undefined || options.chain !== undefined)) {
  program.error('--file verifies a whole file: it goes with no other option', { exitCode: 2 });
}

try {
  process.exitCode = await run(options);
} catch (error) {
  process.stderr.write(`the audit trail could not be verified: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
