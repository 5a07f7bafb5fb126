/** MiniStack, an emulator of AWS that runs without Docker: installed once in a virtual environment of its own, started per run. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { freePort } from '../local/free-port.ts';
import { ROOT } from '../local/product.ts';
import { makeAuthority } from './certificates.ts';
import { guarded, isThere, run } from './process.ts';

const CACHE = join(ROOT, 'node_modules', '.cache', 'emulator');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const INSTALL_WITHIN_MS = 4 * 60_000;
const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 5_000;
const NEEDS = ['python3', 'openssl'] as const;

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

/** The emulator cannot be had here: no fault of what was to be tried. */
export class NoEmulator extends Error {}

export interface Emulator {
  readonly endpoint: string;
  /** Whoever speaks to the endpoint trusts this authority. */
  readonly caFile: string;
  /** Calls that IAM decided on, a line of JSON each. */
  readonly callsFile: string;
  stop(): Promise<void>;
}

/** Installs it unless it is there. @returns the Python to start it with @throws NoEmulator */
export async function installEmulator(log: string): Promise<string> {
  const lacking = NEEDS.find((program) => !isThere(program));
  if (lacking !== undefined) throw new NoEmulator(`there is no ${lacking} on this machine`);
  const venv = join(CACHE, 'venv');
  const stamp = join(CACHE, 'stamp');
  const python = join(venv, 'bin', 'python');
  const wanted = readFileSync(REQUIREMENTS, 'utf8');
  if (readOr(stamp) === wanted) return python;
  mkdirSync(CACHE, { recursive: true });
  const options = { env: process.env, cwd: CACHE, timeoutMs: INSTALL_WITHIN_MS, log };
  try {
    await run('python3', ['-m', 'venv', '--clear', venv], options);
    await run(python, ['-m', 'pip', 'install', '-q', '--retries', '1', '-r', REQUIREMENTS], options);
  } catch (error) {
    throw new NoEmulator(`it cannot be installed from PyPI: ${(error as Error).message}`);
  }
  writeFileSync(stamp, wanted);
  return python;
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Only what a program needs to run: no address, key or certificate of another AWS. */
export function cleanEnvironment(directory: string): NodeJS.ProcessEnv {
  const home = join(directory, 'home');
  const tmp = join(directory, 'tmp');
  for (const one of [home, tmp]) mkdirSync(one, { recursive: true, mode: 0o700 });
  // What the emulator runs there is CommonJS; without this a folder inside the project would make modules of it.
  writeFileSync(join(tmp, 'package.json'), '{"type":"commonjs"}\n');
  const bin = join(ROOT, 'node_modules', '.bin');
  return { PATH: `${bin}:${process.env.PATH ?? ''}`, HOME: home, TMPDIR: tmp, LANG: 'C.UTF-8' };
}

/** Starts it on a free port of the loopback, empty, with signatures and policies enforced. This process trusts it from then on. */
export async function startEmulator(python: string, directory: string): Promise<Emulator> {
  const port = await freePort();
  const endpoint = `https://127.0.0.1:${port}`;
  const { ca, cert, key } = await makeAuthority(directory);
  const env = cleanEnvironment(directory);
  const callsFile = join(directory, 'calls.jsonl');
  const log = join(directory, 'emulator.log');
  const child = guarded(python, [join(import.meta.dirname, 'emulator.py')], {
    cwd: directory,
    log,
    env: {
      ...env,
      AUTH: 'true',
      USE_SSL: '1',
      MINISTACK_SSL_CERT: cert,
      MINISTACK_SSL_KEY: key,
      NODE_EXTRA_CA_CERTS: ca,
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      MINISTACK_ACCOUNT_ID: ACCOUNT,
      MINISTACK_REGION: REGION,
      IOT_MTLS_ENABLED: '0',
      STATE_DIR: join(directory, 'state'),
      S3_DATA_DIR: join(directory, 's3'),
      LAMBDA_STRICT: '0',
      FIXGATE_EMULATOR_CALLS: callsFile,
    },
  });
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(ca, 'utf8')]);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await Promise.race([gone, sleep(END_WITHIN_MS)]);
  };
  try {
    await answering(endpoint, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw new Error(`the emulator does not start (${(error as Error).message}); see ${log}`);
  }
  return { endpoint, caFile: ca, callsFile, stop };
}

async function answering(endpoint: string, ended: () => boolean): Promise<void> {
  for (const from = performance.now(); ; await sleep(100)) {
    if (ended()) throw new Error('it ended');
    const answer = await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(1000) }).catch(
      () => undefined,
    );
    if (answer !== undefined) return;
    if (performance.now() - from > READY_WITHIN_MS) throw new Error(`no answer within ${READY_WITHIN_MS / 1000} s`);
  }
}
