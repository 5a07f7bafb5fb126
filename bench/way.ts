/** The way of messages through the edge without the system's share: what the edge itself costs, venue by venue. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { MALLOC, NODE_FLAGS } from '../edge/runtime.ts';
import { type Figure, figure, median } from './figures.ts';
import type { Sizes } from './sizes.ts';
import type { WayResult, WayTask } from './way-process.ts';

const WAYS = [
  { name: 'echo', venue: 'echo', messages: 'rests' },
  { name: 'echo-mixed', venue: 'echo', messages: 'mixed' },
  { name: 'simulator-rests', venue: 'simulator', messages: 'rests' },
  { name: 'simulator-fills', venue: 'simulator', messages: 'fills' },
  { name: 'simulator-mixed', venue: 'simulator', messages: 'trades' },
] as const;

/** Of the messages of the ways above, as many are reads of one: each costs several times as much. */
const ONE_OF = 4;

/** In a process that is started as the edge's is. @throws when it fails; it has said why */
export async function through(task: WayTask): Promise<WayResult> {
  const args = [...NODE_FLAGS, join(import.meta.dirname, 'way-process.ts'), JSON.stringify(task)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...MALLOC },
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the edge of a benchmark ended with ${code}`);
  // Behind what the edge may have had to warn of.
  return JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as WayResult;
}

export async function way(sizes: Sizes): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, venue, messages } of WAYS) {
    const found: WayResult[] = [];
    for (let run = 0; run < sizes.runs; run++)
      found.push(await through({ venue, messages, count: sizes.way_messages }));
    const fastest = median(found.map((one) => one.fastest_ns));
    const all = median(found.map((one) => one.cpu_ns));
    const replies = found[0]?.replies_per_message.toFixed(2);
    const settings = `${sizes.way_messages} messages, ${replies} replies to each, encrypted file journal, 64 KiB at a time, the fastest quarter of these; beside it all of them, with the collector's threads; median of ${sizes.runs}`;
    figures.push(figure(`way, ${name}`, fastest, 'ns', ['processor time of all', all], settings));
  }
  for (const { name, venue, messages } of WAYS) {
    if (messages === 'mixed' || messages === 'trades') continue;
    const found: WayResult[] = [];
    const count = Math.ceil(sizes.way_messages / ONE_OF);
    for (let run = 0; run < sizes.runs; run++) found.push(await through({ venue, messages, count, one: true }));
    const [answer, turn] = [median(found.map((one) => one.answer_ns)), median(found.map((one) => one.fastest_ns))];
    const settings = `${count} messages, each a read of its own, from it to the write that answers it; beside it the whole turn; of each the fastest quarter, median of ${sizes.runs}`;
    figures.push(figure(`way, ${name}, one a turn`, answer, 'ns', ['the turn', turn], settings));
  }
  return figures;
}
