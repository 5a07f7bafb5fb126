import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { KNOWN_IDS_PER_SESSION } from '../../../../edge/venue/limits.ts';
import { Simulator } from '../../../../edge/venue/simulator/simulator.ts';
import { Client, NOON, sessionOf, TestSink, utc } from '../harness.ts';

const TIME = `60=${utc(NOON)}`;

/** Bytes on the heap and outside it, without what is garbage. */
function kept(): { readonly heap: number; readonly all: number } {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, all: heapUsed + external };
}

test('orders that are over are no objects, and those beyond what is remembered are nothing', () => {
  const sink = new TestSink();
  const venue = new Simulator({ sink, seed: 1, now: NOON });
  const client = new Client(venue, sink, sessionOf('ONE'));
  sink.listening = false;
  let n = 0;
  /** An order that fills, and one that is placed, replaced and cancelled: four ids. */
  const trade = (): void => {
    const id = ++n;
    client.say(`35=D|11=M${id}|1=AC|55=INTC|54=${1 + (id % 2)}|38=1|40=1|${TIME}`);
    client.say(`35=D|11=L${id}|55=INTC|54=1|38=10|40=2|44=20.00|${TIME}`);
    client.say(`35=G|11=G${id}|41=L${id}|55=INTC|54=1|38=5|40=2|44=20.01|${TIME}`);
    client.say(`35=F|11=F${id}|41=G${id}|55=INTC|54=1|38=5|${TIME}`);
  };
  const remembered = KNOWN_IDS_PER_SESSION / 4;
  for (let i = 0; i < 500; i++) trade();
  const before = kept();
  while (n < remembered + 500) trade();
  const full = kept();
  // A reference or two each, and what the engine's tables of them take: 48 to 53 bytes. With an object an order it was 236.
  expect((full.heap - before.heap) / (KNOWN_IDS_PER_SESSION - 2000)).toBeLessThan(100);
  while (n < 3 * remembered) trade();
  expect((kept().all - full.all) / (2 * KNOWN_IDS_PER_SESSION)).toBeLessThan(8);
}, 60_000);
