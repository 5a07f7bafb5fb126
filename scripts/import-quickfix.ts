// `npm run import:quickfix -- FILE.cfg`: what a QuickFIX settings file says of its sessions, as requests of the admin API, and
// everything it says that cannot be had, with its line. With --apply the requests are sent to a running `npm start`.
// Exit code 0: done; 1: the file or a request is wrong; 2: something could not be read.

import { readFileSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AdminClient, type Reply } from '../local/admin-client.ts';
import { type LocalJson, localJsonFile } from '../local/data-dir.ts';
import { type Bodies, bodiesOf, type Facts, FactsError, readFacts } from './quickfix/bodies.ts';
import { type ClientImport, type Imported, importSettings } from './quickfix/import.ts';
import type { Side } from './quickfix/rules.ts';

/** A settings file of a thousand sessions has less than a megabyte. */
const FILE_BYTES = 16 * 1024 * 1024;

interface Options {
  readonly as?: Side;
  readonly facts?: string;
  readonly apply?: boolean;
  readonly strict?: boolean;
  readonly dataDir: string;
}

/** Something outside the file is not as it should be; the message is all the reader needs. */
class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

function read(file: string): string {
  try {
    if (statSync(file).size > FILE_BYTES) throw new Unreadable(`${file} is longer than ${FILE_BYTES} bytes`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    throw new Unreadable(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** @returns whether the import may go on */
function tellNotes(file: string, { notes }: Imported, strict: boolean): boolean {
  for (const { line, level, text } of notes) say(`${file}:${line}: ${level}: ${text}`);
  const stops = notes.filter(({ level }) => level === 'wrong' || (strict && level !== 'ignored')).length;
  if (stops > 0) say(`${stops} of these lines stop the import; nothing has been made of the file`);
  return stops === 0;
}

interface Prepared extends Bodies {
  readonly client: ClientImport;
}

function prepare(imported: Imported, facts: ReadonlyMap<string, Facts>, reason: string): Prepared[] {
  const unmet = new Set(facts.keys());
  const prepared = imported.clients.map((client) => {
    unmet.delete(client.sender_comp_id);
    return { client, ...bodiesOf(client, facts.get(client.sender_comp_id), reason) };
  });
  if (unmet.size > 0) throw new FactsError(`${[...unmet].join(', ')}: no client of the settings file`);
  return prepared;
}

function shown(imported: Imported, prepared: readonly Prepared[]): unknown {
  const { gateway } = imported;
  return {
    ...(gateway === undefined ? {} : { gateway: { FIXGATE_SESSION_PROFILE: JSON.stringify(gateway) } }),
    clients: prepared.map(({ client, provision, profile }) => ({
      sender_comp_id: client.sender_comp_id,
      target_comp_id: client.target_comp_id,
      lines: client.lines,
      ...(provision === undefined ? {} : { provision }),
      ...(profile === undefined ? {} : { 'credentials/profile': profile }),
    })),
  };
}

function runningProduct(dataDir: string): AdminClient {
  const file = localJsonFile(resolve(dataDir));
  try {
    return new AdminClient(JSON.parse(readFileSync(file, 'utf8')) as LocalJson);
  } catch {
    throw new Unreadable(`there is no ${file}: run npm start, with the same --data-dir`);
  }
}

/** One client at the running product. A user who has this very credential already gets its profile. */
async function apply(admin: AdminClient, { client, provision, profile }: Prepared): Promise<unknown> {
  const answer = { client: client.sender_comp_id };
  if (provision !== undefined) {
    const reply = await admin.post('provision', provision);
    if (reply.status === 201) return { ...answer, done: 'provision', credentials: reply.body.credentials };
    if (!isThere(reply, provision.sender_comp_id)) return failed(answer, 'provision', reply);
  }
  if (profile === undefined) return { ...answer, done: 'nothing', why: 'the file says nothing that is a setting' };
  const reply = await admin.post('credentials/profile', profile);
  return reply.status === 200
    ? { ...answer, done: 'credentials/profile' }
    : failed(answer, 'credentials/profile', reply);
}

/** A SenderCompID that another user has is no such case: that user's profile is none of this client's. */
function isThere({ body }: Reply, sender_comp_id: unknown): boolean {
  const { code, details = [] } = body.error ?? {};
  return (
    code === 'already_provisioned' &&
    details.some((one: { sender_comp_id?: unknown }) => one.sender_comp_id === sender_comp_id)
  );
}

function failed(answer: object, request: string, { status, body }: Reply): unknown {
  process.exitCode = 1;
  return { ...answer, failed: request, status, answer: body };
}

async function main(file: string, options: Options): Promise<void> {
  const text = read(file);
  const facts = options.facts === undefined ? new Map<string, Facts>() : readFacts(read(options.facts));
  const imported = importSettings(text, options.as);
  if (!tellNotes(file, imported, options.strict === true)) {
    process.exitCode = 1;
    return;
  }
  const prepared = prepare(imported, facts, `Imported from ${basename(file)}`);
  const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  if (options.apply !== true) {
    print(shown(imported, prepared));
    return;
  }
  const admin = runningProduct(options.dataDir);
  const answers: unknown[] = [];
  for (const one of prepared) answers.push(await apply(admin, one));
  print({ clients: answers });
}

const command = new Command('npm run import:quickfix --')
  .description('Reads a settings file of QuickFIX, QuickFIX/J, quickfixgo or QuickFIX/n into session profiles.')
  .argument('<file>', 'the settings file')
  .addOption(new Option('--as <side>', 'whose file it is, where it does not say').choices(['acceptor', 'initiator']))
  .option('--facts <file>', 'JSON: by CompID what provision needs besides; without it profiles alone are made')
  .option('--apply', 'send the requests to the running npm start')
  .option('--strict', 'stop at settings that cannot be had or are not known')
  .option(
    '--data-dir <dir>',
    'data directory of npm start; FIXGATE_DATA_DIR',
    process.env.FIXGATE_DATA_DIR ?? '.fixgate',
  )
  .allowExcessArguments(false)
  .parse();

try {
  await main(command.args[0]!, command.opts<Options>());
} catch (error) {
  if (!(error instanceof Unreadable) && !(error instanceof FactsError)) throw error;
  say(error instanceof FactsError ? `--facts: ${error.message}` : error.message);
  process.exitCode = error instanceof FactsError ? 1 : 2;
}
