// A client that sends and does not read: what is kept for it has an end, and when it reads it has all of it in order.
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import { encodeFix, type Field, FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import { marketOrder as order } from '../support/orders.ts';
import { type Account, TestHouse, until } from './support/desk.ts';
import type { TestEcho } from './support/echo.ts';

let house: TestHouse;
let edge: Edge;
let venue: TestEcho;
beforeEach(async () => {
  house = new TestHouse();
  ({ edge, venue } = await house.openEcho());
});
afterEach(() => house.close());

/** More than the system's own buffers take: of 4,000 bytes each. */
const REPORTS = 5000;
const ORDERS = 6000;

function sender({ sender_comp_id, target_comp_id }: Account, socket: Socket, first: number) {
  let next = first;
  return (type: string, fields: readonly Field[]): void => {
    const head: Field[] = [
      [35, type],
      [34, next++],
      [49, sender_comp_id],
      [52, utcTimestamp(new Date())],
      [56, target_comp_id],
    ];
    socket.write(encodeFix('FIX.4.4', [...head, ...fields]));
  };
}

/** Texts of the application messages that come, until there are so many. */
function texts(socket: Socket, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    const found: string[] = [];
    let rest = '';
    socket.on('data', (bytes) => {
      const parts = (rest + bytes.toString('latin1')).split('8=FIX.4.4');
      rest = `8=FIX.4.4${parts.pop() ?? ''}`;
      for (const part of parts) {
        const message = new FixMessage(part);
        if (message.type === '8') found.push(message.get(58)?.split(' ')[0] ?? '');
        else if (message.type === 'D') found.push(message.get(11) ?? '');
      }
      if (found.length >= count - 1) resolve(found);
    });
  });
}

test('with messages waiting, a client that does not read is not read for long, and is owed what it has sent until then', async () => {
  const account = await house.user('dee');
  const before = house.client(edge, account);
  await before.logon(account.password);
  before.destroy();
  await until('it is away', () => [...edge.gate.sessions()].length === 0);
  const id = `FIX.4.4|${account.target_comp_id}|${account.sender_comp_id}|`;
  for (let i = 0; i < REPORTS; i++) venue.report(id, `r${i} ${'x'.repeat(4000)}`);

  const socket = connect(edge.fixPort, '127.0.0.1');
  socket.pause();
  const send = sender(account, socket, 2);
  send('A', [
    [98, 0],
    [108, 30],
    [554, account.password],
  ]);
  for (let i = 0; i < ORDERS; i++) send('D', [...order(`o${i}`), [58, 'x'.repeat(2000)]]);
  let [seen, still] = [-1, 0];
  await until('the edge reads no more', () => {
    still = venue.submitted.length === seen && seen > 0 ? still + 1 : 0;
    seen = venue.submitted.length;
    return still > 50; // a quarter of a second, at the least
  });
  expect(seen).toBeLessThan(ORDERS / 2);

  const expected = [
    ...Array.from({ length: REPORTS }, (_, i) => `r${i}`),
    ...Array.from({ length: ORDERS }, (_, i) => `o${i}`),
  ];
  const told = texts(socket, expected.length);
  socket.resume();
  expect(await told).toEqual(expected.slice(0, -1));
  socket.destroy();
}, 30_000);
