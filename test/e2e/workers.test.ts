/** An edge of several processes on one port: all are met, one that dies is started again, figures are summed, and they end together. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LocalJson, localJsonFile } from '../../local/data-dir.ts';
import {
  type Credentials,
  type Product,
  removeDirectory,
  startProduct,
  temporaryDirectory,
} from '../support/product.ts';
import { untilProcesses } from '../support/until.ts';

const WORKERS = 3;
/** By chance alone one of three stays without any of so many once in a million. */
const SESSIONS = 36;

let dataDir: string;
let product: Product;

beforeEach(async () => {
  dataDir = temporaryDirectory();
  product = await startProduct(dataDir, ['--workers', String(WORKERS)]);
}, 60_000);
afterEach(async () => {
  await product.stop();
  removeDirectory(dataDir);
}, 60_000);

async function loggedOn(credentials: Credentials, sub: string) {
  const client = product.client(credentials, { sender_sub_id: sub });
  const answer = await client.logon(credentials.password, [[141, 'Y']]);
  if (answer.type !== 'A') throw new Error(`refused: ${answer.get(58)}`);
  return client;
}

async function spread(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { edge_id } of (await product.admin.get('sessions?limit=100')).body.sessions)
    counts[edge_id] = (counts[edge_id] ?? 0) + 1;
  return counts;
}

/** The children of the process that keeps them, the venue aside: in the order in which they were started. */
function workerPids(): number[] {
  const { edge_pids } = JSON.parse(readFileSync(localJsonFile(dataDir), 'utf8')) as Required<LocalJson>;
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(parent) === edge_pids[0] && args.endsWith('edge/main.ts') ? [Number(pid)] : [];
  });
}

const metric = async (name: string): Promise<number> => {
  const text = await (await fetch(product.local.metrics_url)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
};

const ready = async (): Promise<number> => (await fetch(product.local.metrics_url.replace('metrics', 'ready'))).status;

test('three workers on one port', async () => {
  const ann = await product.provision('ann', { rate_limit_tier: 'unlimited' });
  const clients = [];
  for (let n = 0; n < SESSIONS; n++) clients.push(await loggedOn(ann, `s${n}`));
  const before = await spread();
  expect(Object.keys(before).sort()).toEqual(['local-1', 'local-1-w2', 'local-1-w3']);
  expect(await metric('fix_sessions')).toBe(SESSIONS);
  expect(await ready()).toBe(200);

  // One market for all.
  const [first] = clients as [(typeof clients)[number]];
  await first.send('D', [
    [11, 'o1'],
    [55, 'INTC'],
    [54, 1],
    [60, new Date().toISOString().replaceAll('-', '').replace('T', '-').slice(0, 21)],
    [38, 10],
    [40, 2],
    [44, 1],
  ]);
  expect((await first.next((message) => message.type === '8')).get(150)).toBe('0');
  expect(workerPids()).toHaveLength(WORKERS);

  // One dies: the others' clients stay, and it comes back on the same port.
  const pids = workerPids();
  process.kill(pids[1]!, 'SIGKILL');
  const cut = await Promise.all(
    clients.map((client) =>
      client.closed(3000).then(
        () => true,
        () => false,
      ),
    ),
  );
  expect(cut.filter((one) => one)).toHaveLength(before['local-1-w2']!);
  const live = clients.filter((_, n) => !cut[n]);
  await untilProcesses(
    'the one that died is met again',
    async () => {
      const client = await loggedOn(ann, `again-${live.length}`);
      live.push(client);
      return ((await spread())['local-1-w2'] ?? 0) > 0 && workerPids().length === WORKERS;
    },
    30_000,
  );

  // To the admin API workers are edges; a kill reaches each.
  const { edges } = (await product.admin.get('edges')).body;
  expect(edges.map(({ edge_id }: { edge_id: string }) => edge_id).sort()).toEqual(Object.keys(before).sort());
  await product.admin.post('sessions/kill', { user_id: 'ann', reason: 'test' });
  await Promise.all(live.map((client) => client.next((message) => message.type === '5')));
});

test('a port that somebody has is told, shared or not', async () => {
  const other = temporaryDirectory();
  const settings = ['--workers', '2', '--fix-port', String(product.local.fix_port)];
  await expect(startProduct(other, settings)).rejects.toThrow(/--fix-port .*is in use by another process/);
  removeDirectory(other);
});
