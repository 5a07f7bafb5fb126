// What Heartbeats cost that nothing follows from.
import { afterEach, expect, test } from '@jest/globals';
import { openJournal } from '../../edge/journal/file.ts';
import { crashed, newDirectory } from './journal/support.ts';
import { TestHouse, until } from './support/desk.ts';

const HEARTBEATS = 200;
const log = { info() {}, warn() {}, error() {} };

let house: TestHouse;
afterEach(() => house.close());

test('Heartbeats have no write of their own, and are on disk a moment later all the same', async () => {
  const directory = newDirectory();
  const journal = openJournal({ directory, now: Date.now, log });
  let flushes = 0;
  const flush = journal.flush.bind(journal);
  journal.flush = (depends) => {
    flushes += 1;
    flush(depends);
  };
  house = new TestHouse({ journal });
  const edge = await house.open();
  const account = await house.user('ann');
  const client = house.client(edge, account);
  await client.logon(account.password);
  const [id] = [...journal.keys()] as [string];
  const before = flushes;
  for (let n = 0; n < HEARTBEATS; n++) {
    client.send('0');
    await new Promise(setImmediate); // each is read alone
  }
  await until('all have come', () => journal.session(id).nextIn === HEARTBEATS + 2);
  // Those of the edge's ticks: as many would take five seconds.
  expect(flushes - before).toBeLessThan(HEARTBEATS / 2);
  await until('they are on disk', () => {
    const copy = openJournal({ directory: crashed(directory), now: Date.now, log });
    return copy.session(id).nextIn === HEARTBEATS + 2;
  });
  // What is answered is there before the answer.
  client.send('1', [[112, 'there']]);
  await client.next((m) => m.type === '0' && m.get(112) === 'there');
  const copy = openJournal({ directory: crashed(directory), now: Date.now, log });
  expect(copy.session(id).nextIn).toBe(HEARTBEATS + 3);
});
