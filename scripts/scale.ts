// npm run scale: counts what edges, sessions and orders ask of the store, and reckons months from what was counted before
// (deploy/scale.ts). docs/SCALE.md says what it means.
import { Command } from 'commander';
import { MILLION, tables, type Units } from '../deploy/scale.ts';
import { measure, RATES } from '../deploy/scale-measure.ts';

const command = new Command('scale')
  .description('Counts what is asked of the store, and reckons months by what was counted before.')
  .option('--seconds <n>', 'for how long each thing is watched', Number, 20)
  .option('--no-count', 'only the tables')
  .parse();
const { seconds, count } = command.opts<{ seconds: number; count: boolean }>();
const EDGES = [1, 100, 10_000];
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const row = (what: string, { read, write }: Units): void =>
  say(`${what.padEnd(36)} ${read.toFixed(3).padStart(9)} read ${write.toFixed(3).padStart(9)} write`);

if (count) {
  const found = await measure(seconds, (text) => process.stderr.write(`${text}\n`));
  row('an edge at rest, a second', found.edge);
  row('a session at rest, a second', found.idle);
  for (const [i, rate] of RATES.entries()) row(`an order, ${rate} a second`, found.order[i] as Units);
  row('a session, from Logon to end', found.session);
  row('its audit, without indexes', found.audit);
  row('an edge in the list of all', found.row);
  say('');
}
say(tables(MILLION, EDGES));
