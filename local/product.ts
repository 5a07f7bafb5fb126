/** The whole product as a newcomer starts it, in a process tree of its own on free ports, for end-to-end tests and benchmarks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AdminClient } from './admin-client.ts';
import type { LocalJson } from './data-dir.ts';
import { FixClient, type FixClientOptions } from './fix-client.ts';

const START_WITHIN_MS = 60_000;
export const ROOT = resolve(import.meta.dirname, '..');

export interface Credentials {
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  /** Absent, and one of the others there, when it proves itself otherwise. */
  readonly password: string;
  readonly secret?: string;
  readonly key_id?: string;
}

/** Facts that meet the default rules. */
export const ELIGIBLE = {
  account_balance: 25_000,
  trading_volume: 250_000,
  account_age_days: 400,
  kyc_level: 2,
} as const;

export class Product {
  readonly local: LocalJson;
  readonly admin: AdminClient;
  readonly process: ChildProcess;
  readonly output: () => string;

  constructor(local: LocalJson, process: ChildProcess, output: () => string) {
    this.local = local;
    this.admin = new AdminClient(local);
    this.process = process;
    this.output = output;
  }

  /** Provisions an eligible user. */
  async provision(user: string, more: Readonly<Record<string, unknown>> = {}): Promise<Credentials> {
    const reply = await this.admin.post('provision', { user_id: user, rate_limit_tier: 'basic', ...ELIGIBLE, ...more });
    if (reply.status !== 201) throw new Error(`provision answered ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body.credentials as Credentials;
  }

  client(
    credentials: Pick<Credentials, 'sender_comp_id' | 'target_comp_id'>,
    more: Partial<FixClientOptions> = {},
  ): FixClient {
    return new FixClient({
      host: this.local.fix_host,
      port: this.local.fix_port,
      ca_file: this.local.ca_file,
      sender: credentials.sender_comp_id,
      target: credentials.target_comp_id,
      ...more,
    });
  }

  /** Ctrl-C; answers the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const gone = new Promise<number | null>((done) => this.process.once('exit', (code) => done(code)));
    this.process.kill(signal);
    return gone;
  }
}

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'fixgate-'));

export const removeDirectory = (path: string): void => rmSync(path, { recursive: true, force: true });

/** Spawns `scripts/start.ts` as `npm start` does. */
export function spawnStart(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'start.ts'), ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

/** Starts the product and waits for `fixgate ready`. */
export async function startProduct(
  dataDir: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Product> {
  const ports = ['--admin-port', '0', '--fix-port', '0', '--metrics-port', '0'].filter(
    (_, i, all) => !args.includes(all[i - (i % 2)] as string),
  );
  const { child, output } = spawnStart(['--data-dir', dataDir, ...ports, ...args], env);
  await new Promise<void>((done, fail) => {
    const late = setTimeout(() => {
      child.kill('SIGTERM');
      fail(new Error(`not ready within ${START_WITHIN_MS} ms:\n${output()}`));
    }, START_WITHIN_MS);
    const look = (): void => {
      if (!output().includes('\nfixgate ready\n')) return;
      clearTimeout(late);
      done();
    };
    child.stdout?.on('data', look);
    child.once('exit', (code) => {
      clearTimeout(late);
      fail(new Error(`npm start ended with ${code}:\n${output()}`));
    });
  });
  return new Product(JSON.parse(readFileSync(join(dataDir, 'local.json'), 'utf8')) as LocalJson, child, output);
}
