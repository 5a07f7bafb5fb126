// `npm run archive:export`: the application messages of an archive as JSON lines, oldest first, as they were sent and
// received. Reads beside a running edge. Exit code 0: all was read; 1: a segment is damaged; 2: it could not be read.

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { archiveFiles, pathOf } from '../edge/journal/archive.ts';
import { readHeader } from '../edge/journal/format.ts';
import { JournalError } from '../edge/journal/journal.ts';
import { unwrap } from '../edge/journal/keys.ts';
import { type ArchivedEvent, type ArchivedSession, eventsOf } from '../edge/journal/messages.ts';
import type { About } from '../edge/sessions.ts';
import { edgeId } from '../local/environment.ts';
import { archiveDirectories, secretBoxFor } from './stores-of.ts';

interface Options {
  readonly dataDir: string;
  readonly edge: string;
  readonly session?: string;
  readonly user?: string;
  readonly from?: string;
  readonly to?: string;
  readonly raw: 'pipe' | 'base64';
}

const SOH = '\x01';
/** Characters that are gathered before they are written. */
const FLUSHED_AT = 1 << 16;

/** @throws Error when it is no date */
function timeOf(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`${option}: "${text}" is no date, as 2026-11-25 or 2026-11-25T09:30:00Z are`);
  return time;
}

const users = new Map<string, string>();

/** Whose session it was when this was written; '' when it was not told. */
function userOf({ about }: ArchivedSession): string {
  let user = users.get(about);
  if (user === undefined) {
    user = about === '' ? '' : (JSON.parse(about) as About).venue.user_id;
    users.set(about, user);
  }
  return user;
}

function lineOf(event: ArchivedEvent, raw: Options['raw']): string {
  const { kind, at, session, msgSeqNum } = event;
  const bytes = 'raw' in event ? event.raw : undefined;
  const text = raw === 'base64' ? bytes?.toString('base64') : bytes?.toString('latin1').replaceAll(SOH, '|');
  return `${JSON.stringify({
    time: new Date(at).toISOString(),
    direction: kind,
    session: session.key,
    user_id: userOf(session),
    seq: msgSeqNum,
    ...(kind === 'in' ? { fate: event.fate } : {}),
    ...(text === undefined ? {} : { raw: text }),
  })}\n`;
}

async function run(options: Options): Promise<number> {
  const from = timeOf('--from', options.from, Number.NEGATIVE_INFINITY);
  const to = timeOf('--to', options.to, Number.POSITIVE_INFINITY);
  const wanted = (event: ArchivedEvent): boolean =>
    event.at >= from &&
    event.at < to &&
    (options.session === undefined || event.session.key === options.session) &&
    (options.user === undefined || userOf(event.session) === options.user);
  const directories = archiveDirectories(options.dataDir, options.edge);
  const files = archiveFiles(directories);
  if (files.length === 0) throw new Error(`there is no archive below ${options.dataDir}`);
  const box = files.some(({ encrypted }) => encrypted) ? secretBoxFor(options.dataDir) : undefined;
  let code = 0;
  let pending = '';
  for (const file of files) {
    const { number } = file;
    const path = pathOf(file, directories);
    try {
      const bytes = readFileSync(path);
      const header = readHeader(bytes, number);
      if (!header.ok)
        throw new JournalError('damaged', `${path} ${header.short ? 'has no whole header' : header.wrong}`);
      const { wrapped } = header;
      const key = wrapped === undefined ? undefined : await unwrap(box!, options.edge, number, wrapped);
      const newest = file === files.at(-1);
      for (const event of eventsOf({ ...header, key, path, bytes, headerBytes: header.bytes, newest })) {
        if (!wanted(event)) continue;
        pending += lineOf(event, options.raw);
        if (pending.length > FLUSHED_AT) pending = await written(pending);
      }
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      process.stderr.write(`${error.message}\n`);
      code = 1;
    }
  }
  await written(pending);
  return code;
}

/** Waits where the reader is slower. */
async function written(text: string): Promise<string> {
  if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  return '';
}

const HELP = `
A line is {time, direction, session, user_id, seq, fate, raw}. direction is in or out; resent: the message of this number was sent
again; void: the message of this number was recorded and never left, for the edge died first. fate of what came in: submitted
(to the venue), answered (by the gateway), refused (a limit, a duplicate), invalid. raw has | for SOH, or is base64.
Session-level messages (Logon, Heartbeat, Reject, …) are no part of the archive.`;

const program = new Command('archive:export')
  .description('Writes the application messages of an archive to standard output, as JSON lines.')
  .option('--data-dir <directory>', 'of npm start, or of the edge itself', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
  .option(
    '--edge <id>',
    'name of the edge, under which its segments are encrypted',
    process.env.FIXGATE_EDGE_ID ?? edgeId(1),
  )
  .option('--session <key>', 'only this session: BeginString|TargetCompID|SenderCompID|SenderSubID of the client')
  .option('--user <user_id>', 'only sessions of this user')
  .option('--from <time>', 'not before (ISO 8601)')
  .option('--to <time>', 'before (ISO 8601)')
  .addOption(new Option('--raw <how>', 'how messages are written').choices(['pipe', 'base64']).default('pipe'))
  .addHelpText('after', HELP);
program.parse();

try {
  process.exitCode = await run(program.opts<Options>());
} catch (error) {
  process.stderr.write(`the archive could not be exported: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
