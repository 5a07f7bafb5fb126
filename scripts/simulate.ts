/**
 * `npm run simulate`: edges, clients, an admin and the store in one process on a seeded scheduler. Without arguments 200
 * seeds; `-- --seed N` one, and what happened in it when something was broken. See docs/SIMULATION.md.
 */
import { parseArgs } from 'node:util';
import type { Mutation } from '../simulation/mutation.ts';
import { MUTATIONS, mutationNamed } from '../simulation/mutations.ts';
import { runSeeds } from '../simulation/pool.ts';
import { type Outcome, runSeed, SHORT_MS } from '../simulation/run.ts';

const USAGE = `npm run simulate -- [OPTIONS]
  --seed N           one seed; prints all that happened when something was broken
  --trace            prints it in any case
  --seeds N          so many seeds (200)
  --from N           beginning with this one (1)
  --minutes M        of simulated time in which things go wrong (0.25)
  --forever          until something is broken
  --threads N        (as many as there are processors)
  --mutation NAME    with a defect put in: one of
                     ${MUTATIONS.map(({ name }) => name).join(', ')}
  --mutations        each of them: the first seed that finds it, up to --seeds (500)
`;

const OPTIONS = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  from: { type: 'string' },
  minutes: { type: 'string' },
  threads: { type: 'string' },
  mutation: { type: 'string' },
  mutations: { type: 'boolean' },
  forever: { type: 'boolean' },
  trace: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const LAST_SEED = 2 ** 32 - 1;
const MOST_MINUTES = 24 * 60;
const MOST_THREADS = 256;
/** Lines of a replay that are kept: the end tells most. */
const KEPT_LINES = 2_000;

function number(name: string, text: string | undefined, or: number, most: number, least = 1): number {
  if (text === undefined) return or;
  const value = Number(text);
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} is to be a number from ${least} to ${most}, not ${text}`);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const again = (seed: number, minutes: string | undefined, mutation: string | undefined): string =>
  `npm run simulate -- --seed ${seed}${minutes ? ` --minutes ${minutes}` : ''}${mutation ? ` --mutation ${mutation}` : ''}`;

function verdict({ seed, violation, steps, admissions, registrations, fingerprint }: Outcome): string {
  const done = `${steps} steps, ${registrations} logons, ${admissions} messages admitted, ${fingerprint.toString(16)}`;
  if (violation === undefined) return `seed ${seed}: everything held (${done})`;
  const { promise, text, at } = violation;
  return `seed ${seed}: BROKEN ${promise} after ${(at / 1000).toFixed(3)} s: ${text} (${done})`;
}

async function replay(seed: number, busyMs: number, mutation: Mutation | undefined, always: boolean): Promise<number> {
  const lines: string[] = [];
  const outcome = await runSeed(seed, busyMs, mutation, (line) => {
    lines.push(line);
    if (lines.length > 2 * KEPT_LINES) lines.splice(0, KEPT_LINES);
  });
  if (always || outcome.violation !== undefined) for (const line of lines.slice(-KEPT_LINES)) say(line);
  say(verdict(outcome));
  return outcome.violation === undefined ? 0 : 1;
}

/** The first seed that finds each mutation. @returns how many are not found */
async function measure(from: number, seeds: number, busyMs: number): Promise<number> {
  let missed = 0;
  for (const { name, what } of MUTATIONS) {
    let found: Outcome | undefined;
    for (let seed = from; seed < from + seeds && found === undefined; seed++) {
      const outcome = await runSeed(seed, busyMs, mutationNamed(name));
      if (outcome.violation !== undefined) found = outcome;
    }
    if (found === undefined) missed += 1;
    const promise = found?.violation?.promise ?? '';
    say(
      `${name.padEnd(24)} ${found === undefined ? 'NOT FOUND' : `seed ${found.seed}`.padEnd(9)} ${promise.padEnd(14)} ${what}`,
    );
  }
  return missed;
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const mutation = mutationNamed(values.mutation);
  const busyMs = number('minutes', values.minutes, SHORT_MS / 60_000, MOST_MINUTES, 0.01) * 60_000;
  const from = number('from', values.from, 1, LAST_SEED);
  if (values.seed !== undefined)
    return replay(number('seed', values.seed, 1, LAST_SEED), busyMs, mutation, values.trace ?? false);
  if (values.mutations)
    return (await measure(from, number('seeds', values.seeds, 500, LAST_SEED), busyMs)) === 0 ? 0 : 1;
  const seeds = values.forever ? LAST_SEED - from : number('seeds', values.seeds, 200, LAST_SEED);
  const threads = number('threads', values.threads, 0, MOST_THREADS);
  const began = performance.now();
  let done = 0;
  const broken: Outcome[] = [];
  await runSeeds({ from, to: from + seeds, busyMs, mutation: values.mutation }, threads, (outcome) => {
    done += 1;
    if (done % 1000 === 0) say(`${done} seeds, ${((performance.now() - began) / 1000).toFixed(0)} s`);
    if (outcome.violation === undefined) return true;
    broken.push(outcome);
    say(verdict(outcome));
    say(`  ${again(outcome.seed, values.minutes, values.mutation)}`);
    return values.forever !== true;
  });
  say(`${done} seeds in ${((performance.now() - began) / 1000).toFixed(1)} s: ${broken.length} broken`);
  return broken.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
