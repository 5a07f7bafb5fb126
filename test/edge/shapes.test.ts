// What V8 has compiled for an order's way is void when the objects on it turn out to be of another shape: when a field that has held small integers
// gets a float, or when the last object of a shape has been collected. Both would show as a second or two of slow orders, in no other test.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext, runInThisContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { three } from '../../core/limits/kinds.ts';
import { Purse } from '../../core/limits/purse.ts';
import { enter } from '../../edge/fix/session/phases.ts';
import { KEEP, SUBMITTED } from '../../edge/fix/session/ports.ts';
import { AWAY, type Live, type SessionRecord } from '../../edge/fix/session/record.ts';
import { carryRun, Run, Runs } from '../../edge/journal/run.ts';
import { Tail } from '../../edge/journal/tail.ts';
import { ClientOrder } from '../../edge/venue/simulator/client-order.ts';
import { Clients } from '../../edge/venue/simulator/clients.ts';
import { append, NOW, newDirectory, openFile } from './journal/support.ts';
import { ONE, orderOf } from './venue/simulator/some-orders.ts';

setFlagsFromString('--allow-natives-syntax');
const sameShape = runInThisContext('(one, other) => %HaveSameMap(one, other)') as (
  one: object,
  other: object,
) => boolean;
sameShape({}, {}); // compiled now
setFlagsFromString('--no-allow-natives-syntax');

test('an order that is read from its row, or filled, is of the shape of a new one', () => {
  const fresh = new ClientOrder();
  const { orders } = new Clients();
  const order = orderOf(Object.assign(new Clients(), { orders }), ONE);
  expect(sameShape(order, fresh)).toBe(true);
  order.cum += 0.5 + 0.5;
  order.notional += 0.5 + 0.5;
  const { row } = order;
  orders.rest();
  expect(orders.order(row)).toMatchObject({ serial: 1, priority: 1, cum: 1 });
  expect(sameShape(orders.order(row), fresh)).toBe(true);
});

test('what has been carried forward leaves the tail as it was', () => {
  const [fresh, tail, into] = [new Tail(1e6), new Tail(1e6), new Tail(1e6)];
  const [runs, freshRuns] = [new Runs(tail), new Runs(fresh)];
  const session = { index: 0, generation: 1 };
  const buf = Buffer.from('a message that is long enough for words');
  for (let n = 1; n <= 3; n++) {
    runs.received(session, n, NOW, SUBMITTED, buf, 0, buf.length);
    runs.sent(session, n, NOW, KEEP, buf, 0, buf.length);
  }
  const at = carryRun(into, 0, new Run().of(tail.buf, runs.at), 1, 3, NOW);
  expect(new Run().of(into.buf, at).toSent(3)).toBe(true);
  expect(sameShape(into, fresh)).toBe(true);
  expect(sameShape(runs, freshRuns)).toBe(true);
});

test('a session of the journal that has forgotten messages is of the shape of one that has not', () => {
  const journal = openFile(newDirectory(), { resend_retention: 2 });
  const [one, fresh] = [journal.session('one'), journal.session('fresh')];
  for (let n = 0; n < 100; n++) append(one, 'message');
  expect(one.next(1, 100)).toMatchObject({ msgSeqNum: 99 });
  expect(sameShape(one, fresh)).toBe(true);
});

test('a purse that has given tokens up is of the shape of a new one', () => {
  const limits = { orders_per_second: 100, messages_per_second: 100, burst: 100, assignment: 0, definition: 0 };
  const pace = { boost: 1, tripMs: 1 };
  const [purse, fresh] = [new Purse(limits, pace), new Purse(limits, pace)];
  const all = (n: number) => three(() => n);
  const retryAt = three(() => 0n);
  const said = { held: all(0), wanted: all(5), returned: all(0), unleased: all(0) };
  purse.take(
    said,
    { limits, held: all(0), granted: all(5), retryAt, expires: 2_000_000_000_000_000_000n, edges: 1 },
    NOW,
    0,
  );
  purse.expire(3_000_000_000_000);
  expect(purse.wasted).toBe(15);
  expect(sameShape(purse, fresh)).toBe(true);
});

test('the connection of the session that began last is held, and no other', async () => {
  const live = () => ({}) as Live;
  const s = { phase: AWAY } as SessionRecord;
  const began = () => {
    const one = live();
    enter(s, { state: 'active', live: one });
    enter(s, { state: 'ended', live: one, cause: 'logout' });
    enter(s, AWAY);
    return new WeakRef(one);
  };
  const [before, last] = [began(), began()];
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds on to its own turn
  collect();
  expect(before.deref()).toBeUndefined();
  expect(last.deref()).toBeDefined();
});
