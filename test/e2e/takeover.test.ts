/** A client that comes back at another edge than the one that died or hangs: as processes, on one store and one venue. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type LocalJson, localJsonFile } from '../../local/data-dir.ts';
import { type Field, type FixClient, type FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import { expectBehind } from '../support/numbers.ts';
import { restingOrder as order } from '../support/orders.ts';
import {
  type Credentials,
  type Product,
  removeDirectory,
  startProduct,
  temporaryDirectory,
} from '../support/product.ts';

let dataDir: string;
let product: Product;

const started = async (journal: string): Promise<void> => {
  dataDir = temporaryDirectory();
  product = await startProduct(dataDir, ['--edges', '3', '--journal', journal]);
};
afterEach(async () => {
  await product.stop();
  removeDirectory(dataDir);
}, 60_000);

const local = (): Required<LocalJson> => JSON.parse(readFileSync(localJsonFile(dataDir), 'utf8'));

/** An edge that was killed is started again: how soon is the machine's affair. */
const STARTED_WITHIN_MS = 20_000;

const ELSEWHERE = /another gateway still has this session, try again/;

/** At this edge, from 1, with the numbers of the client before. */
async function loggedOn(at: number, ann: Credentials, sub: string, before?: FixClient): Promise<FixClient> {
  const late = performance.now() + STARTED_WITHIN_MS;
  const tried = async (): Promise<[FixClient, FixMessage]> => {
    const client = product.client(ann, { sender_sub_id: sub, port: local().fix_ports[at - 1]! });
    client.nextOut = before?.nextOut ?? 1;
    try {
      const answer = await client.logon(ann.password, [], 20_000);
      // What an edge has on its disk is there when it is: clients are told to try again until then.
      if (!ELSEWHERE.test(answer.get(58) ?? '') || performance.now() > late) return [client, answer];
      return tried();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || performance.now() > late) throw error;
      await pause(100);
      return tried();
    }
  };
  const [client, answer] = await tried();
  if (answer.type !== 'A') throw new Error(`refused: ${answer.get(58)}`);
  return client;
}

const cancel = (id: string, of: string): Field[] => [
  [11, id],
  [41, of],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
];
const reports = (client: FixClient) => client.received.filter(({ type }) => type === '8');
const told = (message: FixMessage) => [message.get(11), message.get(150)];
const numberOf = (message: FixMessage): number => Number(message.get(34));
const lastOf = (client: FixClient): number => Math.max(...client.received.map(numberOf));
const isReport = (id: string, type: string) => (message: FixMessage) =>
  message.type === '8' && message.get(11) === id && message.get(150) === type;

/** Of the first message of a session that goes on behind this number. */
function wentOn(client: FixClient, heard: number, hasBlock: boolean): number {
  const first = numberOf(client.received[0]!);
  expectBehind(heard, first, hasBlock);
  return first;
}

/** Everything once more, as the first connection heard it and what has come since. */
async function resent(client: FixClient, last: (message: FixMessage) => boolean): Promise<FixMessage[]> {
  client.send('2', [
    [7, 1],
    [16, 0],
  ]);
  await client.next((message) => message.get(43) === 'Y' && last(message), 10_000);
  return reports(client).filter((message) => message.get(43) === 'Y');
}

describe.each(['store', 'file'])('with the journal of edges in: %s', (journal) => {
  test('one is killed, and its client goes on at another, and back', async () => {
    await started(journal);
    const ann = await product.provision('ann', { rate_limit_tier: 'premium' });
    const a = await loggedOn(1, ann, 'A');
    const helper = await loggedOn(3, ann, 'H');
    for (const id of ['x', 'y', 'z']) a.send('D', order(id));
    await a.next(isReport('z', '0'));
    const heard = lastOf(a);
    process.kill(local().edge_pids[0]!, 'SIGKILL');
    await a.closed();
    for (const id of ['x', 'y']) helper.send('F', cancel(`c${id}`, id));
    await helper.next(isReport('cy', '4'));

    const b = await loggedOn(2, ann, 'A', a);
    const first = wentOn(b, heard, journal === 'store');
    await b.next(isReport('y', '4'), 10_000);
    expect(reports(b).map((message) => [...told(message), message.get(43), numberOf(message)])).toEqual([
      ['x', '4', undefined, first + 1],
      ['y', '4', undefined, first + 2],
    ]);
    expect((await resent(b, isReport('y', '4'))).map(told)).toEqual([
      ['x', '0'],
      ['y', '0'],
      ['z', '0'],
      ['x', '4'],
      ['y', '4'],
    ]);
    b.send('F', cancel('cz', 'z'));
    await b.next(isReport('cz', '4'));
    b.send('D', order('w'));
    await b.next(isReport('w', '0'));

    // Its first edge is there again, and has what came meanwhile when it comes back.
    const upTo = lastOf(b);
    process.kill(local().edge_pids[1]!, 'SIGKILL');
    await b.closed();
    const c = await loggedOn(1, ann, 'A', b);
    wentOn(c, upTo, journal === 'store');
    c.send('F', cancel('cw', 'w'));
    await c.next(isReport('cw', '4'));
    expect((await resent(c, isReport('cw', '4'))).map(told).at(-3)).toEqual(['cz', '4']);
  }, 90_000);
});

test('one hangs with a live client: the session is taken, and what it does when it wakes up counts for nothing', async () => {
  await started('store');
  const ann = await product.provision('ann', { rate_limit_tier: 'premium' });
  const a = await loggedOn(1, ann, 'A');
  a.send('D', order('x'));
  await a.next(isReport('x', '0'));
  const heard = lastOf(a);
  const hung = local().edge_pids[0]!;
  process.kill(hung, 'SIGSTOP');
  // It is in the kernel's buffers, and the edge will read it when it wakes up.
  a.send('D', order('late'));
  // Its sender, too, takes it for lost, and gives the number to its next message.
  a.nextOut -= 1;
  const b = await loggedOn(2, ann, 'A', a);
  wentOn(b, heard, true);
  process.kill(hung, 'SIGCONT');
  await a.closed(20_000);
  expect(reports(a).map(told)).toEqual([['x', '0']]);
  b.send('F', cancel('cx', 'x'));
  await b.next(isReport('cx', '4'));
  const all = await resent(b, isReport('cx', '4'));
  expect(all.map(told)).toEqual([
    ['x', '0'],
    ['cx', '4'],
  ]);
  const edges = (await product.admin.get('edges')).body.edges as { edge_id: string; state: string }[];
  expect(edges.find(({ edge_id }) => edge_id === 'local-1')?.state).toBe('alive');
}, 90_000);
