// Installs what the next script needs, and nothing when that is there already.
//
//   node scripts/install.mjs prod    what running needs
//   node scripts/install.mjs full    that, and the CDK, test and build tools
//
// Plain JavaScript that runs on Node 20: it is what fetches Node 24. A stamp in node_modules names the lock
// file, the platform and the kind of install; npm runs only when the stamp says something else. A full install
// stays full when `prod` is asked for, and grows from prod to full without touching what is there, so that
// `npm test` pulls nothing away from under a running `npm start`.

import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const NODE_NEEDED = 24;
const LOCK_BEAT_MS = 2_000;
/** A lock whose holder has not touched it for this long has no holder. */
const LOCK_STALE_MS = 20_000;
const LOCK_POLL_MS = 250;
/** How long an npm that outlived its starter is waited for. */
const ORPHAN_MS = 600_000;
/** How long npm may take to undo its work after a signal. */
const NPM_STOP_MS = 5_000;
const REASON_LINES = 12;
const OUTPUT_KEPT = 8_000;

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.fixgate-install.json');
const lockFile = join(root, '.install.lock');
const ownNode = join(modules, '.bin', 'node');

const say = (text) => process.stderr.write(`fixgate: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

/** What an install depends on, as one digest. */
function fingerprint() {
  const hash = createHash('sha256');
  try {
    hash.update(fs.readFileSync(join(root, 'package-lock.json')));
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      fs.readFileSync(join(root, 'package.json'), 'utf8'),
    );
    hash.update(JSON.stringify([dependencies, devDependencies, optionalDependencies]));
  } catch (error) {
    fail(`cannot read package.json and package-lock.json: ${error.message}`);
  }
  const libc = process.platform === 'linux' && fs.existsSync('/etc/alpine-release') ? 'musl' : 'any';
  return hash.update(`${process.platform} ${process.arch} ${libc}`).digest('hex');
}

function readStamp() {
  try {
    return JSON.parse(fs.readFileSync(stampFile, 'utf8'));
  } catch {
    return { hash: '', kind: 'none' };
  }
}

const serves = (stamp, hash, kind) => stamp.hash === hash && (stamp.kind === 'full' || stamp.kind === kind);

/** PATH without any node_modules/.bin: npm must not run on the binary it is about to replace. */
function outerPath() {
  const path = process.env.PATH ?? '';
  return path
    .split(delimiter)
    .filter((part) => !/node_modules[\\/]\.bin[\\/]?$/.test(part))
    .join(delimiter);
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readLock(path) {
  try {
    const { mtimeMs } = fs.statSync(path);
    return { mtimeMs, ...JSON.parse(fs.readFileSync(path, 'utf8')) };
  } catch (error) {
    // Gone, or its writer is between creating and filling it.
    return error.code === 'ENOENT' ? undefined : { mtimeMs: Date.now() };
  }
}

/** Its holder is gone, and so is the npm that it started: an npm goes on when only its starter is killed. */
function stale(held) {
  const silent = Date.now() - held.mtimeMs;
  const here = held.host === hostname();
  if (here && held.npm !== undefined && alive(held.npm) && silent < ORPHAN_MS) return false;
  return silent > LOCK_STALE_MS || (here && !alive(held.pid));
}

/** Takes a stale lock away. By rename, so that only one of several gets it, and only the one that was judged stale. */
function removeStale(held) {
  const aside = `${lockFile}.${randomUUID()}`;
  try {
    fs.renameSync(lockFile, aside);
    if (readLock(aside)?.id !== held.id) fs.linkSync(aside, lockFile);
  } catch {
    // Somebody else was faster.
  }
  fs.rmSync(aside, { force: true });
}

/** Waits for the lock of this checkout; resolves to what names the npm that works under it, and what lets it go. */
async function takeLock() {
  const id = randomUUID();
  const content = (npm) => JSON.stringify({ id, pid: process.pid, host: hostname(), npm });
  let told = false;
  for (;;) {
    try {
      fs.writeFileSync(lockFile, content(), { flag: 'wx' });
      await sleep(50);
      if (readLock(lockFile)?.id === id) break;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`cannot write ${lockFile}: ${error.message}`);
    }
    const held = readLock(lockFile);
    if (held !== undefined && stale(held)) removeStale(held);
    else if (held !== undefined) {
      if (!told) say(`waiting for another install${held.pid ? ` (process ${held.pid})` : ''}`);
      told = true;
      await sleep(LOCK_POLL_MS);
    }
  }
  const beat = setInterval(() => fs.utimes(lockFile, new Date(), new Date(), () => {}), LOCK_BEAT_MS);
  return {
    names: (pid) => fs.writeFileSync(lockFile, content(pid)),
    release: () => {
      clearInterval(beat);
      if (readLock(lockFile)?.id === id) fs.rmSync(lockFile, { force: true });
    },
  };
}

/** Shows that something goes on: one line rewritten on a terminal, else a line every ten seconds. */
function progress(text) {
  const begun = Date.now();
  const seconds = () => Math.round((Date.now() - begun) / 1000);
  const terminal = process.stderr.isTTY === true;
  if (!terminal) say(`${text} …`);
  const draw = () =>
    terminal ? process.stderr.write(`\rfixgate: ${text} … ${seconds()} s `) : say(`${text} … ${seconds()} s`);
  const timer = setInterval(draw, terminal ? 200 : 10_000);
  return (result) => {
    clearInterval(timer);
    if (terminal) process.stderr.write('\r\x1b[K');
    say(`${text}: ${result} after ${seconds()} s`);
  };
}

let stoppedBy;

/** Runs npm to its end; resolves to its exit code and the end of what it printed. */
function npm(args, lock) {
  return new Promise((resolve) => {
    const child = spawn('npm', args, {
      cwd: root,
      env: { ...process.env, PATH: outerPath() },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    if (child.pid !== undefined) lock.names(child.pid);
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const stop = (signal) => {
      stoppedBy = signal;
      child.kill(signal);
      setTimeout(() => child.kill('SIGKILL'), NPM_STOP_MS).unref();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    child.once('error', (error) => resolve({ code: 127, output: `npm could not be started: ${error.message}` }));
    child.once('close', (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve({ code: code ?? 1, output });
    });
  });
}

function explain(output) {
  if (stoppedBy !== undefined) return say(`stopped by ${stoppedBy}; the next command installs anew`);
  const lines = output.split('\n').filter((line) => line.replace('npm error', '').trim() !== '');
  const logs = lines.slice(REASON_LINES).filter((line) => /complete log/.test(line));
  say(`npm said:\n\n${[...lines.slice(0, REASON_LINES), ...logs].join('\n')}\n`);
  say('nothing was started. Is the registry reachable? Are package.json and package-lock.json of one commit?');
}

async function install(hash, kind, stamp, lock) {
  const grow = stamp.hash === hash && kind === 'full';
  fs.rmSync(stampFile, { force: true });
  const scope = kind === 'full' ? ['--include=dev'] : ['--omit=dev'];
  const flags = [...scope, '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const done = progress(kind === 'full' ? 'installing everything' : 'installing what running needs');
  const result = await npm([...(grow ? ['install', '--no-save'] : ['ci']), ...flags], lock);
  done(result.code === 0 ? 'done' : 'FAILED');
  if (result.code !== 0) {
    explain(result.output);
    // npm undoes what it adds to a tree when it fails; what was there still runs.
    if (grow && stoppedBy === undefined) writeStamp(stamp);
    return false;
  }
  dropForeignNode();
  writeStamp({ hash, kind });
  return true;
}

function writeStamp(stamp) {
  fs.writeFileSync(`${stampFile}.new`, JSON.stringify(stamp));
  fs.renameSync(`${stampFile}.new`, stampFile);
}

/** A packaged Node that does not run here (another libc) would hide the machine's own from npm scripts. */
function dropForeignNode() {
  if (!fs.existsSync(ownNode)) return;
  const tried = spawnSync(ownNode, ['--version'], { encoding: 'utf8' });
  if (tried.status !== 0) fs.rmSync(ownNode, { force: true });
}

/** Scripts run under node_modules/.bin/node or, where there is none, under the Node that runs this. */
function checkNode() {
  if (fs.existsSync(ownNode) || fs.existsSync(`${ownNode}.cmd`)) return;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE_NEEDED) return;
  fail(
    `needs Node ${NODE_NEEDED} or newer and there is no packaged one for ${process.platform} ${process.arch}; ` +
      `this machine's is ${process.version}. Install Node ${NODE_NEEDED} and run the command again.`,
  );
}

async function main() {
  const wanted = process.argv[2];
  if (wanted !== 'prod' && wanted !== 'full') fail('usage: node scripts/install.mjs prod|full');
  const hash = fingerprint();
  if (!serves(readStamp(), hash, wanted)) {
    const lock = await takeLock();
    try {
      const stamp = readStamp();
      if (!serves(stamp, hash, wanted)) {
        const kind = stamp.kind === 'full' ? 'full' : wanted;
        if (!(await install(hash, kind, stamp, lock))) process.exitCode = 1;
      }
    } finally {
      lock.release();
    }
    if (process.exitCode === 1) return;
  }
  checkNode();
}

await main();
