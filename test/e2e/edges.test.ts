/** Several edges on one machine: spread over, killed one by one, locked together, and gone together. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LocalJson, localJsonFile } from '../../local/data-dir.ts';
import { type Field, utcTimestamp } from '../../local/fix-client.ts';
import {
  type Credentials,
  type Product,
  removeDirectory,
  startProduct,
  temporaryDirectory,
} from '../support/product.ts';
import { untilProcesses } from '../support/until.ts';

const EDGES = 3;

let dataDir: string;
let product: Product;

beforeEach(async () => {
  dataDir = temporaryDirectory();
  product = await startProduct(dataDir, ['--edges', String(EDGES)], {
    FIXGATE_SIMULATOR_OPEN_ORDERS: '2',
  });
}, 60_000);
afterEach(async () => {
  await product.stop();
  removeDirectory(dataDir);
}, 60_000);

const local = (): Required<LocalJson> => JSON.parse(readFileSync(localJsonFile(dataDir), 'utf8'));

async function loggedOn(credentials: Credentials, sub: string, port = product.local.fix_port) {
  const client = product.client(credentials, { sender_sub_id: sub, port });
  const answer = await client.logon(credentials.password, [[141, 'Y']]);
  if (answer.type !== 'A') throw new Error(`refused: ${answer.get(58)}`);
  return client;
}

/** Sessions by edge. */
async function spread(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { edge_id } of (await product.admin.get('sessions')).body.sessions)
    counts[edge_id] = (counts[edge_id] ?? 0) + 1;
  return counts;
}

test('one market’s worth of edges on one store', async () => {
  const ann = await product.provision('ann', { rate_limit_tier: 'premium' });
  const clients = [];
  for (let n = 0; n < 6; n++) clients.push(await loggedOn(ann, `s${n}`));
  expect(await spread()).toEqual({ 'local-1': 2, 'local-2': 2, 'local-3': 2 });

  // An edge dies: its clients are cut, the others stay, and it comes back on its ports in another process.
  const before = local();
  expect(before.fix_ports).toHaveLength(EDGES);
  expect(before.metrics_urls).toHaveLength(EDGES);
  process.kill(before.edge_pids[1]!, 'SIGKILL');
  const cut = await Promise.all(
    clients.map((client) =>
      client.closed(3000).then(
        () => true,
        () => false,
      ),
    ),
  );
  expect(cut.filter((one) => one)).toHaveLength(2);
  await untilProcesses('it is there again', () => local().edge_pids[1] !== before.edge_pids[1]);
  expect(local().fix_ports).toEqual(before.fix_ports);
  expect(local().edge_pids[0]).toBe(before.edge_pids[0]);
  const back = await loggedOn(ann, 'back', before.fix_ports[1]);
  const edges = (await product.admin.get('edges')).body.edges;
  expect(edges.map((one: { incarnation: number }) => one.incarnation)).toEqual([1, 2, 1]);

  // A lock reaches all of them.
  const live = [...clients.filter((_, n) => !cut[n]), back];
  const since = performance.now();
  await product.admin.post('lock', { everybody: true, reason: 'market halt' });
  const ends = await Promise.all(live.map((client) => client.next((message) => message.type === '5')));
  expect(ends.map((message) => message.get(58))).toEqual(live.map(() => 'Locked: market halt'));
  expect(performance.now() - since).toBeLessThan(5000);
  await expect(loggedOn(ann, 'late')).rejects.toThrow('refused: Logon refused: Locked: market halt');
}, 90_000);

test('the market is one: placed here, cancelled there, whoever dies between', async () => {
  const ann = await product.provision('ann', { rate_limit_tier: 'premium' });
  const [one, , three] = local().fix_ports as [number, number, number];
  const [a, b] = [await loggedOn(ann, 'A', one), await loggedOn(ann, 'B', three)];
  const now = (): string => utcTimestamp(new Date());
  const order = (id: string): Field[] => [
    [11, id],
    [55, 'AAPL'],
    [54, 1],
    [60, now()],
    [38, 10],
    [40, 2],
    [44, 1],
    [59, 1],
  ];
  const cancel = (id: string, of: string): Field[] => [
    [11, id],
    [41, of],
    [55, 'AAPL'],
    [54, 1],
    [60, now()],
    [38, 10],
  ];
  for (const id of ['x', 'y']) {
    a.send('D', order(id));
    await a.next((message) => message.get(11) === id);
  }
  // The venue's process has the setting too.
  a.send('D', order('more'));
  expect((await a.next((message) => message.get(11) === 'more')).get(58)).toBe('At most 2 open orders');
  b.send('F', cancel('cx', 'x'));
  expect((await a.next((message) => message.get(150) === '4')).get(11)).toBe('x');

  // The venue dies, and has forgotten nothing.
  const { venue_pid } = local();
  process.kill(venue_pid, 'SIGKILL');
  a.send('D', order('z'));
  expect((await a.next((message) => message.get(11) === 'z', 10_000)).get(39)).toBe('0');
  expect(local().venue_pid).not.toBe(venue_pid);

  // The edge of the one who placed them dies; what the other cancels meanwhile it hears when it is back.
  const { edge_pids } = local();
  process.kill(edge_pids[0]!, 'SIGKILL');
  await a.closed();
  for (const id of ['y', 'z']) b.send('F', cancel(`c${id}`, id));
  await untilProcesses('its edge is there again', () => local().edge_pids[0] !== edge_pids[0]);
  const back = product.client(ann, { sender_sub_id: 'A', port: one });
  back.nextOut = a.nextOut;
  expect((await back.logon(ann.password)).type).toBe('A');
  await back.next((message) => message.get(11) === 'z', 10_000);
  const told = back.received.filter((message) => message.type === '8');
  expect(told.map((message) => [message.get(11), message.get(150)])).toEqual([
    ['y', '4'],
    ['z', '4'],
  ]);
}, 90_000);

test('nothing of it outlives its parent', async () => {
  const { edge_pids, pid } = local();
  process.kill(pid, 'SIGKILL');
  const list = (): string[] =>
    execFileSync('ps', ['axeww', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 1 << 26 })
      .split('\n')
      .filter((line) => line.includes(dataDir) && !line.includes(' ps axeww'));
  expect(edge_pids).toHaveLength(EDGES);
  await untilProcesses('all are gone', () => list().length === 0);
}, 60_000);
