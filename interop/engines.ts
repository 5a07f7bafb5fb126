/** The FIX engines that are run: how each one's client is built, outside the repository, and started. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Client {
  readonly program: string;
  readonly args: readonly string[];
  /** Version of the engine, as its package says. */
  readonly engine: string;
}

export interface Engine {
  readonly name: string;
  readonly versions: readonly string[];
  /** Whether it can say NextExpectedMsgSeqNum (789) in its Logon: it is run once more, saying it. */
  readonly says789: boolean;
  /** Programs without which it is skipped. */
  readonly needs: readonly string[];
  /** Builds into `cache` whatever is not there yet. @throws with the tool's last words */
  build(cache: string): Promise<Client>;
}

const HERE = import.meta.dirname;
const ALL = ['FIX.4.2', 'FIX.4.4', 'FIXT.1.1'] as const;
const LAST_WORDS = 4_000;
/** Python's engine has no wheel for every system: its C++ is then compiled, which takes minutes. */
const BUILD_WITHIN_MS = 30 * 60_000;

export const ENGINES: readonly Engine[] = [
  { name: 'quickfixj', versions: ALL, says789: true, needs: ['java', 'mvn'], build: buildJava },
  { name: 'quickfixgo', versions: ALL, says789: true, needs: ['go'], build: buildGo },
  { name: 'quickfix-python', versions: ALL, says789: true, needs: ['python3', 'c++'], build: buildPython },
  { name: 'jspurefix', versions: ['FIX.4.4'], says789: false, needs: ['npm'], build: buildJspurefix },
];

/** The first program of `needs` that is not on this machine. */
export const missing = (engine: Engine): string | undefined =>
  engine.needs.find((program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error !== undefined);

/** Runs a tool to its end. @returns what it wrote @throws with its last words */
function tool(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: BUILD_WITHIN_MS });
    let out = '';
    let all = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      all += chunk;
    });
    child.stderr.on('data', (chunk) => (all += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(out.trim());
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}:\n${all.slice(-LAST_WORDS)}`));
    });
  });
}

async function buildJava(cache: string): Promise<Client> {
  const home = join(HERE, 'java');
  const cached = `-Dcache=${cache}`;
  await tool('mvn', ['-q', '-B', cached, 'compile'], home);
  const pom = readFileSync(join(home, 'pom.xml'), 'utf8');
  const engine = /<quickfixj\.version>([^<]+)</.exec(pom)?.[1] ?? 'of unknown version';
  const libraries = join(cache, `lib-${engine}`);
  if (!existsSync(libraries))
    await tool('mvn', ['-q', '-B', cached, 'dependency:copy-dependencies', `-DoutputDirectory=${libraries}`], home);
  const classes = [join(cache, 'classes'), join(libraries, '*')].join(delimiter);
  return { program: 'java', args: ['-cp', classes, 'Interop'], engine };
}

async function buildGo(cache: string): Promise<Client> {
  const home = join(HERE, 'go');
  const program = join(cache, process.platform === 'win32' ? 'interop.exe' : 'interop');
  await tool('go', ['build', '-o', program, '.'], home);
  const about = ['list', '-m', '-f', '{{.Version}} {{.Dir}}', 'github.com/quickfixgo/quickfix'];
  const [engine = '', folder = ''] = (await tool('go', about, home)).split(/ (.*)/s);
  return { program, args: ['--dictionaries', join(folder, 'spec')], engine };
}

async function buildPython(cache: string): Promise<Client> {
  const home = join(HERE, 'python');
  const venv = join(cache, 'venv');
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (!existsSync(python)) await tool('python3', ['-m', 'venv', venv], cache);
  await tool(python, ['-m', 'pip', 'install', '-q', '-r', join(home, 'requirements.txt')], home);
  const about = 'import importlib.metadata as m; print(m.version("quickfix"))';
  const engine = await tool(python, ['-c', about], home);
  return { program: python, args: [join(home, 'client.py')], engine };
}

async function buildJspurefix(cache: string): Promise<Client> {
  const version = '5.11.4';
  const installed = join(cache, 'node_modules', 'jspurefix', 'package.json');
  if (!existsSync(installed)) {
    writeFileSync(join(cache, 'package.json'), '{"private":true}\n');
    await tool('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `jspurefix@${version}`], cache);
  }
  return { program: process.execPath, args: [join(HERE, 'node/client.mjs'), cache], engine: version };
}

/** The folder for what an engine's build leaves. */
export function cacheFor(engine: Engine, root: string): string {
  const folder = join(root, engine.name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
