// Three edges as processes, with journals in files, on one store and one venue: one dies and is not started again, one stands
// still, one is cut off and goes on talking. No number that a client hears has two contents.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Addresses } from '../../chaos/world.ts';
import { openWorld, type WorldHandle } from '../../chaos/world-handle.ts';
import { AdminClient } from '../../local/admin-client.ts';
import { encodeFix, type Field, FixClient, type FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../../local/product.ts';
import { restingOrder as order } from '../support/orders.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';

const FACTS = { rate_limit_tier: 'basic', ...ELIGIBLE };
/** As edge/limits.ts has it. */
const BLOCK = 1_048_576;
/** Declared dead, and had elsewhere, on a busy machine. */
const DEAD_WITHIN_MS = 60_000;
const RETRY_MS = 500;

let dataDir: string;
let world: WorldHandle;
let addresses: Addresses;
let ann: Credentials;
const clients: FixClient[] = [];

beforeAll(async () => {
  dataDir = temporaryDirectory();
  world = openWorld();
  addresses = await world.begin(dataDir, 3, 'file');
}, 120_000);
let users = 0;
beforeEach(async () => {
  const { status, body } = await new AdminClient(addresses.admin).post('provision', {
    ...FACTS,
    user_id: `user-${users++}`,
  });
  if (status >= 300) throw new Error(`provision answered ${status}`);
  ann = (body as { credentials: Credentials }).credentials;
}, 60_000);
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});
afterAll(async () => {
  await world.end();
  removeDirectory(dataDir);
}, 120_000);

/** At this edge, from 1; it tries until it is let in. */
async function loggedOn(at: number, before?: FixClient): Promise<FixClient> {
  for (const since = performance.now(); ; ) {
    const client = new FixClient({
      host: '127.0.0.1',
      port: addresses.fix_ports[at - 1] as number,
      sender: ann.sender_comp_id,
      target: ann.target_comp_id,
    });
    clients.push(client);
    client.nextOut = before?.nextOut ?? 1;
    const answer = await client.logon(ann.password, [], 20_000);
    if (answer.type === 'A') return client;
    if (performance.now() - since > DEAD_WITHIN_MS) throw new Error(`refused: ${answer.get(58)}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** What the edge that is gone had, and the venue has not, the next one asks for: there was nothing in it to be sent again. */
async function answers(client: FixClient): Promise<void> {
  const asked = await client.next(({ type }) => type === '2', 20_000);
  const fields: Field[] = [
    [35, '4'],
    [34, asked.get(7) as string],
    [43, 'Y'],
    [49, ann.sender_comp_id],
    [52, utcTimestamp(new Date())],
    [56, ann.target_comp_id],
    [122, utcTimestamp(new Date())],
    [123, 'Y'],
    [36, client.nextOut],
  ];
  client.sendRaw(encodeFix('FIX.4.4', fields));
}

const numberOf = (message: FixMessage): number => Number(message.get(34));
const isReport = (id: string) => (message: FixMessage) => message.type === '8' && message.get(11) === id;

/** Orders, and what the session level answers. */
async function talks(client: FixClient, name: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) client.send('1', [[112, `${name}-${n}`]]);
  await client.next((message) => message.get(112) === `${name}-${count - 1}`, 20_000);
}

/** Numbers that came with two contents, resent or not: a resend says what was said before, and when (122). */
function twice(): number[] {
  const heard = new Map<number, Set<string>>();
  // A Logout that refuses a Logon, for whatever reason, has a number of no session.
  const letIn = clients.filter(({ received: [first] }) => first?.type === 'A');
  for (const message of letIn.flatMap(({ received }) => received)) {
    // A gap fill says nothing.
    if (message.type === '4') continue;
    const said = [message.type, message.get(122) ?? message.get(52), message.get(17), message.get(112)].join('|');
    const under = heard.get(numberOf(message)) ?? new Set();
    heard.set(numberOf(message), under.add(said));
  }
  return [...heard].filter(([, { size }]) => size > 1).map(([number]) => number);
}

async function resent(client: FixClient): Promise<void> {
  client.send('2', [
    [7, 1],
    [16, 0],
  ]);
  await client.next((message) => message.type === '4' && message.get(123) === 'Y', 20_000);
}

test('cut off from the store, it talks to one client while another edge talks to the next', async () => {
  const a = await loggedOn(1);
  a.send('D', order('x'));
  await a.next(isReport('x'), 20_000);
  await world.line(1, { type: 'stall' });
  const b = await loggedOn(2, a);
  for (let n = 0; n < 20; n++) {
    await talks(a, `a-${n}`, 5);
    await talks(b, `b-${n}`, 5);
  }
  b.send('D', order('y'));
  await b.next(isReport('y'), 20_000);
  expect(Math.max(...a.received.map(numberOf))).toBeGreaterThan(100);
  await world.line(1, { type: 'none' });
  await a.closed(60_000);
  await resent(b);
  expect(twice()).toEqual([]);
}, 240_000);

test('stopped, declared dead, and woken: it says nothing that the other has said', async () => {
  const a = await loggedOn(1);
  await talks(a, 'a', 20);
  await world.signalEdge(1, 'SIGSTOP');
  // Read when it wakes.
  for (let n = 0; n < 20; n++) a.send('1', [[112, `late-${n}`]]);
  const b = await loggedOn(2, a);
  await answers(b);
  expect(numberOf(b.received[0] as FixMessage)).toBe(1 + BLOCK);
  await talks(b, 'b', 20);
  await world.signalEdge(1, 'SIGCONT');
  await a.closed(60_000);
  await talks(b, 'again', 20);
  await resent(b);
  expect(twice()).toEqual([]);
}, 240_000);

test('killed and not started again: its client goes on above what that edge may have used', async () => {
  const a = await loggedOn(1);
  a.send('D', order('x'));
  await a.next(isReport('x'), 20_000);
  await talks(a, 'a', 20);
  await world.signalEdge(1, 'SIGKILL');
  const b = await loggedOn(2, a);
  await answers(b);
  const [first] = b.received;
  expect(numberOf(first as FixMessage)).toBe(1 + BLOCK);
  b.send('D', order('y'));
  await b.next(isReport('y'), 20_000);
  await resent(b);
  // The next one dies, too, and the third goes on above both.
  await world.signalEdge(2, 'SIGKILL');
  const c = await loggedOn(3, b);
  await answers(c);
  expect(numberOf(c.received[0] as FixMessage)).toBe(1 + BLOCK + BLOCK);
  await talks(c, 'c', 20);
  await resent(c);
  expect(twice()).toEqual([]);
}, 240_000);
