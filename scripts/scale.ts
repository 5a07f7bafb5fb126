// npm run scale: counts what edges, sessions and orders ask of the store, and reckons months from what was counted before
// (deploy/scale.ts). docs/SCALE.md says what it means.
import { Command } from 'commander';
import { plus } from '../deploy/meter.ts';
import { MILLION, tables, type Units } from '../deploy/scale.ts';
import { measure, RATES } from '../deploy/scale-measure.ts';
import { measureEdges } from './scale-edges.ts';

const command = new Command('scale')
  .description('Counts what is asked of the store, and reckons months by what was counted before.')
  .option('--seconds <n>', 'for how long each thing is watched', Number, 20)
  .option('--commit <when>', "of the edges' journals: before-send or reserve", 'before-send')
  .option('--no-count', 'only the tables')
  .parse();
const { seconds, count, commit } = command.opts<{ seconds: number; count: boolean; commit: string }>();
const EDGES = [1, 100, 10_000];
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const NONE: Units = { read: 0, write: 0 };
const sum = (all: readonly Units[]): Units => all.reduce(plus, NONE);
const row = (what: string, { read, write }: Units): void =>
  say(`${what.padEnd(56)} ${read.toFixed(3).padStart(9)} read ${write.toFixed(3).padStart(9)} write`);

if (count) {
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const found = await measure(seconds, note);
  row('an edge at rest, a second', found.edge);
  row('a session at rest, a second', found.idle);
  for (const [i, rate] of RATES.entries()) row(`an order, ${rate} a second`, found.order[i] as Units);
  row('a session, from Logon to end', found.session);
  row('its audit, and that of the provision', found.audit);
  row('an edge in the list of all', found.row);
  say('');
  for (const { what, tables: by, refused, commits, bytes } of await measureEdges(seconds, commit, note)) {
    const { audit = NONE, journal = NONE, ...others } = by;
    row(what, sum(Object.values(others)));
    row('  audit', audit);
    row(`  journal, ${commits.toFixed(2)} commits of ${bytes.toFixed(0)} bytes`, journal);
    if (refused > 0.005) say(`  ${refused.toFixed(2)} calls whose conditions did not hold, or that met others`);
  }
  say('');
}
say(tables(MILLION, EDGES));
