// The keys under which passwords and secrets are sealed: what is sealed under which, sealing anew after a rotation, and new
// passwords for everybody when a key is lost. Shows what it would do, and does it with --yes. Exit code 0: done, or nothing to
// do; 1: there is something to do, or something that could not be done; 2: it could not be read.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { Command } from 'commander';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { rotateBranchKey } from '../adapters/kms/branch-key.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { regeneratePassword } from '../core/credentials/regenerate.ts';
import { type Resealed, resealAll, whyClosed } from '../core/credentials/reseal.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { FixgateError } from '../core/errors.ts';
import { changePolicy } from '../core/policy/change.ts';
import { rotateMasterKey } from '../local/secrets.ts';
import { userName } from './actor.ts';
import { keysOf, storesOf } from './stores-of.ts';

/** Names that a record or the terminal has of those that do not open. */
const NAMED = 20;
const DRY = 'nothing was changed: add --yes to do it';

interface Options {
  readonly dataDir: string;
  readonly reason?: string;
  readonly out?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const actor = { principal: `keys:${userName()}` };

function opened(dataDir: string) {
  const { stores, close } = storesOf(dataDir);
  const { audit: trail, ...rest } = stores;
  const expressions = new CompiledExpressions(createExpressions());
  const parts = { digests: nodeDigests, random: systemRandom, clock: systemClock, expressions };
  return { ports: { ...rest, trail, ...keysOf(dataDir), ...parts }, close };
}

type Ports = ReturnType<typeof opened>['ports'];

async function withPorts({ dataDir }: Options, work: (ports: Ports) => Promise<number>): Promise<number> {
  const { ports, close } = opened(dataDir);
  try {
    return await work(ports);
  } finally {
    close();
  }
}

function tell({ credentials, current, resealed, closed, busy }: Resealed, done: boolean): void {
  for (const { sender_comp_id, user_id, why } of closed.slice(0, NAMED))
    say(`CLOSED ${sender_comp_id} of ${user_id}: ${why}`);
  const anew = done ? `${resealed} sealed anew` : `${resealed} under an older key`;
  say(
    `${credentials} credentials: ${current} under the current key, ${anew}, ${closed.length} do not open, ${busy.length} busy`,
  );
}

const check = (options: Options): Promise<number> =>
  withPorts(options, async (ports) => {
    const found = await resealAll(ports, false);
    tell(found, false);
    return found.current === found.credentials ? 0 : 1;
  });

const reseal = (options: Options): Promise<number> =>
  withPorts(options, async (ports) => {
    const { reason, yes = false } = options;
    const done = await resealAll(ports, yes);
    tell(done, yes);
    if (!yes) {
      if (done.resealed > 0) say(DRY);
      return done.current === done.credentials ? 0 : 1;
    }
    const { closed, busy, ...counts } = done;
    const names = closed.slice(0, NAMED).map(({ sender_comp_id }) => sender_comp_id);
    const details = { ...counts, closed: closed.length, busy: busy.length, closed_names: names };
    if (done.resealed > 0)
      await changePolicy(ports, { actor, reason, type: 'resealed' }, () => ({ edits: [], details, result: undefined }));
    return closed.length + busy.length === 0 ? 0 : 1;
  });

/** A line a credential, before and after: who ends in between has one whose password nobody knows, and reads which. */
class Report {
  readonly #file: number;
  constructor(path: string) {
    this.#file = openSync(path, 'wx', 0o600);
  }
  write(line: object): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#file);
  }
  close(): void {
    closeSync(this.#file);
  }
}

interface Wanted {
  readonly sender_comp_id: string;
  readonly user_id: string;
}

/** Credentials that have a password or a secret: all, or those whose newest does not open. */
async function wantedOf(ports: Ports, all: boolean): Promise<{ wanted: readonly Wanted[]; opening: number }> {
  const wanted: Wanted[] = [];
  let opening = 0;
  for await (const row of ports.directory.scan()) {
    if (row.kind !== 'credential' || row.credential.status === 'revoked') continue;
    const { credential } = row;
    if (credential.proof.type === 'ed25519') continue;
    const why = all ? 'asked for' : await whyClosed(ports, credential);
    if (why === undefined) opening += 1;
    else {
      if (wanted.length < NAMED) say(`would issue anew ${credential.sender_comp_id} of ${credential.user_id}: ${why}`);
      wanted.push({ sender_comp_id: credential.sender_comp_id, user_id: credential.user_id });
    }
  }
  return { wanted, opening };
}

const reissue = (options: Options): Promise<number> =>
  withPorts(options, async (ports) => {
    const { all = false, yes = false, out = '', reason } = options;
    const { wanted, opening } = await wantedOf(ports, all);
    say(`${wanted.length} credentials to issue anew, ${opening} open and stay`);
    if (wanted.length === 0) return 0;
    if (!all && opening === 0)
      say('not one opens: is it the keys that are gone, or your right to use them? --all issues anew without looking');
    if (!all && opening === 0) return 1;
    if (!yes) {
      say(DRY);
      return 1;
    }
    const report = new Report(resolve(out));
    let failed = 0;
    try {
      for (const one of wanted) {
        report.write({ ...one, begun: true });
        const { issued } = await regeneratePassword(
          ports,
          { actor, reason },
          { sender_comp_id: one.sender_comp_id },
          0,
        ).catch((error: unknown) => {
          if (!(error instanceof FixgateError)) throw error;
          failed += 1;
          report.write({ ...one, failed: error.code });
          return { issued: undefined };
        });
        if (issued?.proof === 'password') report.write({ ...one, ...issued, password: issued.password.reveal() });
        else if (issued?.proof === 'hmac_sha256') report.write({ ...one, ...issued, secret: issued.secret.reveal() });
      }
    } finally {
      report.close();
    }
    say(
      `${wanted.length - failed} issued anew, ${failed} failed; passwords are in ${out} (mode 0600): hand them out, then destroy it`,
    );
    return failed === 0 ? 0 : 1;
  });

async function rotateMaster({ dataDir, yes }: Options): Promise<number> {
  if (yes !== true) {
    say(`would give secrets.json of ${dataDir} a new master key; the old one stays in it and opens what it sealed`);
    say(DRY);
    return 1;
  }
  const { before, after } = rotateMasterKey(dataDir);
  say(`master key ${after} takes the place of ${before}, which stays and opens what it sealed`);
  say('now start the product anew, then: npm run keys -- reseal --reason "…" --yes');
  return 0;
}

async function rotateBranch({ dataDir, yes }: Options): Promise<number> {
  const { FIXGATE_TABLE_BRANCH_KEYS: table, FIXGATE_ENVELOPE_KEY_ARN: kmsKeyArn, AWS_REGION: region } = process.env;
  const { FIXGATE_BRANCH_KEY_ID: branchKeyId = 'fixgate' } = process.env;
  if (table === undefined || kmsKeyArn === undefined || region === undefined)
    throw new Error('FIXGATE_TABLE_BRANCH_KEYS, FIXGATE_ENVELOPE_KEY_ARN and AWS_REGION say which branch key');
  if (yes !== true) {
    say(`would give branch key ${branchKeyId} of ${table} a new version; older ones stay and open what they sealed`);
    say(DRY);
    return 1;
  }
  const { client: dynamodb, close } = storesOf(dataDir);
  try {
    const place = { dynamodb, tableName: table, logicalName: table, kmsKeyArn, branchKeyId };
    const { result } = await rotateBranchKey({ ...place, kms: new KMSClient({ region }) }, 0, Date.now());
    say(`branch key ${branchKeyId}: ${result}; processes take up the new version within ten minutes`);
    say('then: npm run keys -- reseal --reason "…" --yes');
    return result === 'rotated' ? 0 : 1;
  } finally {
    close();
  }
}

const HELP = `
Keys are those of <data-dir>/secrets.json, or of the environment where FIXGATE_KEY_PROVIDER names a provider. Secrets of HMAC
under KMS are not sealed anew: KMS rotates their key by itself. In AWS reseal needs to read, write and scan the table credentials,
to write policy and audit, and to use the branch keys' table and kms:Decrypt of the envelope key, as an edge does.`;

const program = new Command('keys')
  .description('Keys of passwords and secrets, and their loss.')
  .addHelpText('after', HELP);
const ended = async (code: Promise<number>): Promise<void> => {
  process.exitCode = await code;
};
const command = (name: string, description: string, run: (options: Options) => Promise<number>): Command =>
  program
    .command(name)
    .description(description)
    .allowExcessArguments(false)
    .option('--data-dir <directory>', 'of a local installation', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
    .action((options: Options) => ended(run(options)));
const YES = ['--yes', 'do it; otherwise it is shown'] as const;
const REASON = ['--reason <text>', 'for the record'] as const;

command('check', 'how much is sealed under the current key, and what does not open', check);
command('reseal', 'seals anew what is sealed under an older key', reseal)
  .requiredOption(...REASON)
  .option(...YES);
command('reissue', 'issues passwords and secrets anew where what is stored does not open', reissue)
  .requiredOption('--out <file>', 'gets the new passwords, a line of JSON each; must not be there')
  .requiredOption(...REASON)
  .option('--all', 'of everybody, without looking')
  .option(...YES);
command('rotate-master', 'a new master key for a local installation', rotateMaster).option(...YES);
command('rotate-branch', 'a new version of the branch key, now', rotateBranch).option(...YES);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`not done: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
