/**
 * `npm run hostile [-- OPTIONS]`: plays each attack, or some of them, against the product, which it starts by itself.
 * Meanwhile a session trades and its worst delay is kept, and beside it the edge's longest turn by processor time: what of the
 * delay can be the edge's. After it a Logon is timed, and the edge's memory is compared with before.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Product, removeDirectory, startProduct, temporaryDirectory } from '../local/product.ts';
import type { Fought, Order } from './hostile/attacker.ts';
import { ATTACKS, type Attack, type Battlefield, FLOOD, SILENT } from './hostile/attacks.ts';
import type { Told, Wish } from './hostile/bystander.ts';
import { EdgeWatch, goFirst, type Memory, watchedBy } from './hostile/edge-process.ts';
import { type Asked, asked } from './hostile/options.ts';

/** What has to hold after and during each attack. */
const WORST_DELAY_MS = 50;
const LOGON_MS = 1000;
const MEMORY_GROWTH = 1.1;

/** Attackers share the clients' address: the count of bad logons would keep all of them out. */
const SETTINGS = ['--venue', 'echo', '--bad-logon-limit', '0', '--log-level', 'warn'];
/** Sessions of the attacker's own. */
const ACCOUNTS = 20;
/** How long memory may take to be back. */
const BACK_WITHIN_MS = 10_000;
const LOOK_AGAIN_MS = 500;
/** Played once before anything is judged, as an edge in service has met all of it. */
const WARM_UP: ReadonlySet<string> = new Set([FLOOD, SILENT]);
/** Of trading alone, ahead of the first attack and at the end, to compare with. */
const IDLE_MS = 4000;

interface Outcome {
  readonly worst: number;
  readonly median: number;
  readonly own: number;
  readonly turn: number;
  readonly logon: number;
  readonly before: Memory;
  readonly after: Memory;
  /** MB resident right after, before anything was collected. */
  readonly peak: number;
  /** Seconds until memory was back. */
  readonly back: number;
}

class Child<Asked, Said> {
  readonly #process: ChildProcess;

  constructor(file: string) {
    this.#process = spawn(process.execPath, [join(import.meta.dirname, 'hostile', file)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  ask(asked: Asked & object): Promise<Said> {
    const child = this.#process;
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('a process of the harness ended'));
      child.once('exit', ended);
      child.once('message', (said) => {
        child.off('exit', ended);
        resolve(said as Said);
      });
      child.send(asked);
    });
  }

  stop(): void {
    this.#process.disconnect();
  }
}

class Harness {
  readonly #watch: EdgeWatch;
  readonly #bystander = new Child<Wish, Told>('bystander.ts');
  readonly #attacker = new Child<Order, Fought>('attacker.ts');
  readonly #field: Battlefield;
  /** Whether product and bystander go first on this machine. */
  readonly goesFirst: boolean;
  readonly #giveBack: (() => void) | undefined;

  constructor(product: Product, watchFile: string, field: Battlefield, first: boolean) {
    this.#watch = new EdgeWatch(product, watchFile);
    this.#field = field;
    this.#giveBack = first ? goFirst(product, this.#bystander.pid) : undefined;
    this.goesFirst = this.#giveBack !== undefined;
  }

  async #told<K extends Told['kind']>(wish: Wish, kind: K): Promise<Told & { kind: K }> {
    const told = await this.#bystander.ask(wish);
    if (told.kind === 'failed') throw new Error(told.why);
    if (told.kind !== kind) throw new Error(`the bystander said ${JSON.stringify(told)}`);
    return told as Told & { kind: K };
  }

  begin(wish: Wish & { kind: 'begin' }): Promise<unknown> {
    return this.#told(wish, 'begun');
  }

  /** What `work` did to the others. */
  async outcome(work: () => Promise<void>): Promise<Outcome> {
    const before = await this.#watch.memory();
    await this.#told({ kind: 'delays' }, 'delays');
    await work();
    const { worst, median, own, refused, why } = await this.#told({ kind: 'delays' }, 'delays');
    if (refused > 0) console.log(`${refused} orders of the bystander were refused: ${why}`);
    const { ms: logon } = await this.#told({ kind: 'logon' }, 'logon');
    const peak = await this.#watch.resident();
    const since = performance.now();
    let after = await this.#watch.memory();
    const { turn } = after;
    while (!isBack(before, after) && performance.now() - since < BACK_WITHIN_MS) {
      await sleep(LOOK_AGAIN_MS);
      after = await this.#watch.memory();
    }
    return { worst, median, own, turn, logon, before, after, peak, back: (performance.now() - since) / 1000 };
  }

  async play({ name }: Attack): Promise<void> {
    const { error } = await this.#attacker.ask({ attack: name, field: this.#field });
    if (error !== undefined) throw new Error(`${name}: ${error}`);
  }

  stop(): void {
    this.#giveBack?.();
    this.#bystander.stop();
    this.#attacker.stop();
  }
}

const isBack = (before: Memory, after: Memory): boolean =>
  after.resident <= before.resident * MEMORY_GROWTH && after.held <= before.held * MEMORY_GROWTH;

const holds = ({ worst, logon, before, after }: Outcome): boolean =>
  worst <= WORST_DELAY_MS && logon <= LOGON_MS && isBack(before, after);

const COLUMNS = [52, 8, 8, 8, 8, 8, 14, 14, 6, 6];
const row = (cells: readonly string[]): void => {
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[0]!) : cell.padStart(COLUMNS[i] ?? 0))).join(' '));
};

function tell(
  name: string,
  { median, worst, own, turn, logon, before, after, peak, back }: Outcome,
  verdict: string,
): void {
  const change = (from: number, to: number) => `${from.toFixed(1)}>${to.toFixed(1)}`;
  const ms = (value: number) => value.toFixed(1);
  const resident = change(before.resident, after.resident);
  const memory = [change(before.held, after.held), resident, peak.toFixed(0), back.toFixed(1)];
  row([name, ms(median), ms(worst), ms(own), ms(turn), ms(logon), ...memory, verdict]);
}

/** Delays on a machine that does other things are of the machine too: `--tries` lets the best of so many count, and says so. */
async function tried(harness: Harness, attack: Attack, tries: number): Promise<boolean> {
  for (let n = 1; n <= tries; n++) {
    const outcome = await harness.outcome(() => harness.play(attack));
    const good = holds(outcome);
    tell(attack.name, outcome, good ? (n === 1 ? 'held' : `held at try ${n}`) : n < tries ? 'again' : 'MISSED');
    if (good) return true;
  }
  return false;
}

async function war(product: Product, watchFile: string, { attacks, tries, precedence }: Asked): Promise<number> {
  const account = (name: string) => product.provision(name, { rate_limit_tier: 'unlimited' });
  const accounts = await Promise.all(Array.from({ length: ACCOUNTS }, (_, i) => account(`mallory-${i}`)));
  const field = { port: product.local.fix_port, accounts };
  const harness = new Harness(product, watchFile, field, precedence);
  try {
    await harness.begin({
      kind: 'begin',
      port: field.port,
      resident: await account('alice'),
      visitor: await account('bob'),
    });
    row(['attack', 'median', 'worst', 'own', 'turn', 'logon', 'held MB', 'resident MB', 'peak', 'back']);
    row(['', 'ms', 'ms', 'ms', 'ms', 'ms', '', '', 'MB', 's']);
    row([
      'at most',
      '',
      String(WORST_DELAY_MS),
      '',
      '',
      String(LOGON_MS),
      '+10 %',
      '+10 %',
      '',
      String(BACK_WITHIN_MS / 1000),
    ]);
    if (!harness.goesFirst)
      console.log(
        'without precedence (--no-precedence, or not the superuser): delays of the machine are in the figures',
      );
    const idle = () => harness.outcome(() => sleep(IDLE_MS));
    // What is compiled and cached at first is no growth.
    for (const attack of ATTACKS.filter(({ name }) => WARM_UP.has(name))) await harness.play(attack);
    await idle();
    tell('nothing', await idle(), '');
    const missed: string[] = [];
    for (const attack of attacks) if (!(await tried(harness, attack, tries))) missed.push(attack.name);
    tell('nothing', await idle(), '');
    for (const name of missed) console.log(`missed: ${name}`);
    console.log(
      `${attacks.length - missed.length} of ${attacks.length} held, load average ${loadavg()[0]?.toFixed(1)}`,
    );
    return missed.length === 0 ? 0 : 1;
  } finally {
    harness.stop();
  }
}

async function main(): Promise<number> {
  const wanted = asked(process.argv.slice(2));
  const directory = temporaryDirectory();
  let product: Product | undefined;
  try {
    const watchFile = join(directory, 'hostile-watch');
    product = await startProduct(directory, SETTINGS, watchedBy(watchFile));
    return await war(product, watchFile, wanted);
  } finally {
    await product?.stop();
    removeDirectory(directory);
  }
}

process.exitCode = await main();
