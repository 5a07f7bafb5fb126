// Loaded ahead of a process that is watched. SIGUSR2 collects its garbage, so that what is left is what it holds, and puts the
// longest that it was at work without a look at its timers since the last signal into the file: processor time, milliseconds.
// Time for which the machine let others run is not in it, as it is in every delay that is seen from outside.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
/** The product's other processes load this, too. */
const watched = process.argv[1]?.endsWith(join('edge', 'main.ts')) ?? false;
const EVERY_MS = 1;

const used = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
let last = used();
let longest = 0;
const look = () => {
  const now = used();
  longest = Math.max(longest, now - last);
  last = now;
};
if (watched) setInterval(look, EVERY_MS).unref();

process.on('SIGUSR2', () => {
  look();
  if (watched) writeFileSync(process.env.FIXGATE_HOSTILE_WATCH, longest.toFixed(1));
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  last = used();
  longest = 0;
});
