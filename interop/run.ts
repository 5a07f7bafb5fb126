/** Plays one client against the edge: starts it on a wire of its own, obeys what it asks of the wire, collects its steps. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Client } from './engines.ts';
import { Wire } from './wire.ts';

export interface Where {
  readonly host: string;
  readonly port: number;
  readonly begin: string;
  /** Whether its Logon says NextExpectedMsgSeqNum (789). */
  readonly next_expected: boolean;
  readonly sender: string;
  readonly target: string;
  readonly password: string;
  /** An empty folder for its store and logs. */
  readonly store: string;
}

export interface Step {
  readonly name: string;
  /** Undefined: passed. */
  readonly why: string | undefined;
}

type Running = ChildProcessByStdio<Writable, Readable, Readable>;

const CLIENT_WITHIN_MS = 180_000;
/** The wire's orders, by the word that a client asks with. */
const ORDERS: Readonly<Record<string, (wire: Wire, argument: number) => Promise<void> | void>> = {
  swallow: (wire) => wire.swallow(),
  cut: (wire, reports) => wire.cutAfter(reports),
  down: (wire) => wire.down(),
  up: (wire) => wire.up(),
};

/** @param told called with each step as it ends */
export async function play(client: Client, where: Where, told: (step: Step) => void): Promise<readonly Step[]> {
  const wire = await Wire.open(where.host, where.port);
  const { begin, sender, target, password, store } = where;
  const flags = { 'next-expected': where.next_expected ? 'Y' : 'N' };
  const named = { ...flags, host: '127.0.0.1', port: String(wire.port), begin, sender, target, password, store };
  const args = Object.entries(named).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(client.program, [...client.args, ...args], { cwd: store, timeout: CLIENT_WITHIN_MS });
  const steps: Step[] = [];
  const add = (step: Step): void => {
    steps.push(step);
    told(step);
  };
  try {
    const said = await followed(child, wire, add);
    writeFileSync(join(store, 'output.txt'), said.text);
    const failed = steps.some(({ why }) => why !== undefined);
    if (steps.length === 0 || (said.code !== 0 && !failed)) {
      const last = said.text.trim().split('\n').at(-1) ?? '';
      add({ name: 'end', why: `the client ended with ${said.code}: ${last}` });
    }
  } finally {
    await wire.close();
  }
  return steps;
}

async function followed(
  child: Running,
  wire: Wire,
  add: (step: Step) => void,
): Promise<{ readonly code: number | string | null; readonly text: string }> {
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  child.stdin.on('error', () => undefined); // a client that has gone reads no answer; its exit code tells
  createInterface({ input: child.stdout }).on('line', (line) => {
    text += `${line}\n`;
    const [, word, name = '', rest = ''] = /^(ok|FAIL|ask) (\S+) ?(.*)$/.exec(line) ?? [];
    if (word === 'ok') add({ name, why: undefined });
    if (word === 'FAIL') add({ name, why: rest });
    if (word === 'ask') void obey(wire, name, Number(rest)).then((answer) => child.stdin.write(`${answer}\n`));
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal, text }));
  });
}

async function obey(wire: Wire, order: string, argument: number): Promise<string> {
  try {
    const act = ORDERS[order];
    if (act === undefined) return `no such order: ${order}`;
    await act(wire, argument);
    return 'done';
  } catch (error) {
    return (error as Error).message;
  }
}
