/**
 * A flame graph of a processor profile, as SVG: `node bench/flame.ts in.cpuprofile out.svg 'title' [through]`. `through` is a part
 * of a file's path: of each stack only what lies from its first function of such a file on is drawn. Others are left out, but for the
 * collector's between the first and the last of these.
 *
 *     NODE_OPTIONS='--cpu-prof --cpu-prof-dir=profiles' npm run bench -- echo
 *
 * leaves a profile of each process; the edge's is the one that has edge/connection.ts in it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const Profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export type Profile = z.infer<typeof Profile>;

/** A function in a stack, with all that it has called from there. Times in microseconds. */
export interface Frame {
  readonly name: string;
  own: number;
  total: number;
  readonly calls: Map<string, Frame>;
}

const frame = (name: string): Frame => ({ name, own: 0, total: 0, calls: new Map() });

/** Waiting is no work. */
const IDLE: ReadonlySet<string> = new Set(['(idle)', '(program)']);
const COLLECTOR = '(garbage collector)';
const OURS = /^.*\/(?=(?:adapters|core|edge|node_modules)\/)/;

function nameOf({ functionName, url }: Profile['nodes'][number]['callFrame']): string {
  const file = url.replace(/^file:\/\//, '').replace(OURS, '');
  return `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}`}`;
}

function add(root: Frame, path: readonly string[], took: number): void {
  let into = root;
  into.total += took;
  for (const name of path) {
    const next = into.calls.get(name) ?? frame(name);
    into.calls.set(name, next);
    next.total += took;
    into = next;
  }
  into.own += took;
}

/** Samples as one tree. @param through see the head of this file; '': everything is drawn */
export function treeOf({ nodes, samples, timeDeltas }: Profile, through = ''): Frame {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const stacks = samples.map((id) => {
    const stack: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) stack.unshift(names.get(at) ?? '?');
    const from = through === '' ? 1 : stack.findIndex((name) => name.includes(through));
    return from < 0 ? { passes: false, path: stack.slice(-1) } : { passes: true, path: stack.slice(from) };
  });
  const first = stacks.findIndex(({ passes }) => passes);
  const last = stacks.findLastIndex(({ passes }) => passes);
  const root = frame('all');
  for (const [i, { passes, path }] of stacks.entries()) {
    const name = path.at(-1) ?? '';
    if (IDLE.has(name) || (!passes && (name !== COLLECTOR || i < first || i > last))) continue;
    add(root, path, Math.max(0, timeDeltas[i] ?? 0));
  }
  return root;
}

const WIDTH = 1200;
const ROW = 17;
const HEAD = 40;
/** Narrower frames are left out. */
const LEAST = 1.5;
const CHARACTER = 6.6;

const COLOURS: readonly (readonly [string, string])[] = [
  ['(garbage', '#d9534f'],
  ['edge/journal', '#e8a33d'],
  ['edge/venue', '#7fb069'],
  ['edge/fix', '#5b9bd5'],
  ['edge/', '#8e9fd6'],
  ['core/', '#b58ec9'],
];
const colourOf = (name: string): string => COLOURS.find(([part]) => name.includes(part))?.[1] ?? '#c9c5bd';
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The tree from top to bottom, as wide as the time that each function took. */
export function svgOf(root: Frame, title: string): string {
  const boxes: string[] = [];
  let depth = 0;
  const draw = (one: Frame, x: number, level: number): void => {
    const width = (one.total / root.total) * WIDTH;
    if (width < LEAST) return;
    depth = Math.max(depth, level + 1);
    const y = HEAD + level * ROW;
    const share = `${((100 * one.total) / root.total).toFixed(1)} %`;
    const label = one.name.slice(0, Math.floor((width - 4) / CHARACTER));
    boxes.push(
      `<g><title>${escaped(one.name)}: ${share}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(one.name)}"/>` +
        `${label.length < 3 ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>`}</g>`,
    );
    let at = x;
    for (const call of [...one.calls.values()].sort((a, b) => b.total - a.total)) {
      draw(call, at, level + 1);
      at += (call.total / root.total) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = HEAD + depth * ROW + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="8" y="24" font-size="15">${escaped(title)}</text>
${boxes.join('\n')}
</svg>
`;
}

if (import.meta.main) {
  const [from, to, title = '', through = ''] = process.argv.slice(2);
  if (from === undefined || to === undefined) {
    process.stderr.write("usage: npm run bench:flame -- in.cpuprofile out.svg 'title' [through]\n");
    process.exit(2);
  }
  writeFileSync(to, svgOf(treeOf(Profile.parse(JSON.parse(readFileSync(from, 'utf8'))), through), title));
}
