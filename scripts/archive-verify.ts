// `npm run archive:verify`: holds the segments of an archive against the digests in the audit trail, and names those that are
// not as they were. Exit code 0: all are; 1: one is broken or missing; 2: it could not be read.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../adapters/node/clock.ts';
import type { AuditTrail } from '../core/ports.ts';
import { type ArchiveFile, archiveFiles, pathOf, type Seal } from '../edge/journal/archive.ts';
import { segmentName } from '../edge/journal/format.ts';
import { edgeId } from '../local/environment.ts';
import { archiveDirectories, storesOf } from './stores-of.ts';

interface Options {
  readonly dataDir: string;
  readonly edge: string;
}

const PAGE = 500;

/** What the trail has of this edge's archive, oldest first. */
async function sealsOf(trail: AuditTrail, edge: string): Promise<Seal[]> {
  const seals: Seal[] = [];
  let after: string | undefined;
  do {
    const page = await trail.query(
      { type: 'archive_sealed' },
      { limit: PAGE, ...(after === undefined ? {} : { after }) },
      systemClock.now(),
    );
    for (const record of page.items) {
      if ('unreadable' in record || record.actor.principal !== `edge:${edge}`) continue;
      seals.push(record.details as unknown as Seal);
    }
    after = page.next;
  } while (after !== undefined);
  return seals.reverse();
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const day = (ms: number): string => (ms > 0 ? new Date(ms).toISOString() : 'no message');

/** A file whose header is damaged is known by its name alone: then its digest says the rest. */
const sameAs =
  ({ number, salt, begunAt }: ArchiveFile) =>
  (seal: Seal): boolean =>
    seal.segment === segmentName(number) && (begunAt === 0 || (seal.salt === salt && seal.begun_at === begunAt));

async function run({ dataDir, edge }: Options): Promise<number> {
  const directories = archiveDirectories(dataDir, edge);
  const files = archiveFiles(directories);
  const { stores, close } = storesOf(dataDir);
  try {
    const seals = await sealsOf(stores.audit, edge);
    let whole = 0;
    let messages = 0;
    let broken = 0;
    let open = 0;
    const found = new Set<string>();
    for (const file of files) {
      const seal = seals.findLast(sameAs(file));
      if (seal === undefined) {
        open += 1;
        continue;
      }
      found.add(`${seal.segment} ${seal.salt}`);
      if ((await digestOf(pathOf(file, directories))) === seal.sha256) {
        whole += 1;
        messages += seal.messages;
        continue;
      }
      broken += 1;
      say(`BROKEN ${file.path}: is not what was sealed (${day(seal.first_at)} to ${day(seal.last_at)})`);
    }
    for (const seal of seals) {
      if (found.has(`${seal.segment} ${seal.salt}`)) continue;
      found.add(`${seal.segment} ${seal.salt}`);
      broken += 1;
      say(`MISSING ${seal.segment}: ${seal.messages} messages, ${day(seal.first_at)} to ${day(seal.last_at)}`);
    }
    say(`${whole} segments with ${messages} messages whole, ${open} not sealed yet, ${broken} broken or missing`);
    return broken === 0 ? 0 : 1;
  } finally {
    close();
  }
}

const program = new Command('archive:verify')
  .description(
    'Holds the segments of an archive against the audit trail; the first line that is printed is the oldest break.',
  )
  .option('--data-dir <directory>', 'of npm start, or of the edge itself', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
  .option('--edge <id>', 'name of the edge', process.env.FIXGATE_EDGE_ID ?? edgeId(1))
  .addHelpText(
    'after',
    '\nThe trail itself is verified by audit:verify. A segment is sealed when it is complete: at 64 MiB, or at the next start.',
  );
program.parse();

try {
  process.exitCode = await run(program.opts<Options>());
} catch (error) {
  process.stderr.write(`the archive could not be verified: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
