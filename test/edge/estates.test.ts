// Many sessions are taken at once from an edge that does not answer: its journal is read once for all that wait by then.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { systemClock } from '../../adapters/node/clock.ts';
import { systemTimers } from '../../adapters/node/timers.ts';
import { openEstate } from '../../edge/journal/estate.ts';
import { SESSION_LEVEL_NUMBERS } from '../../edge/journal/limits.ts';
import { createLogger } from '../../edge/log.ts';
import { Estates } from '../../edge/takeover/estates.ts';
import { keysOf } from './journal/keys.ts';
import { isReport, MovingHouse, order } from './support/moving.ts';

const house = new MovingHouse();
const directory = mkdtempSync(join(tmpdir(), 'estates-'));
afterEach(async () => {
  await house.close();
  rmSync(directory, { recursive: true, force: true });
});

test('two hundred and fifty that wait are fenced together, and read with two readings', async () => {
  await house.openVenue();
  const one = await house.begin('e-1', 'store');
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  const log = createLogger('error', 'e-2');
  const readings: string[] = [];
  const estates = new Estates({
    open(edgeId, name) {
      readings.push(name);
      const place = join(directory, name);
      const openKeys = () => keysOf(place, { edgeId });
      return openEstate({ store: house.journals, edgeId, directory: place, openKeys, log, now: Date.now });
    },
    store: house.journals,
    clock: systemClock,
    timers: systemTimers,
    log,
  });
  const session = `FIX.4.4|${ann.target_comp_id}|${ann.sender_comp_id}|`;
  const { identity } = one.gate;
  const names = Array.from({ length: 249 }, (_, n) => `${session}${n}`);
  const found = await Promise.all(
    [session, ...names].map((name) =>
      estates.wrest(identity, { session: name, epoch: 9 }, (wrested) =>
        typeof wrested === 'object' ? wrested.estate.export(name)?.nextOut : wrested,
      ),
    ),
  );
  // Above what it may have said meanwhile.
  expect(found[0]).toBe(2 + SESSION_LEVEL_NUMBERS);
  expect(new Set(found.slice(1))).toEqual(new Set([undefined]));
  expect(readings).toHaveLength(2);
  const { revocations } = await house.journals.revoked(identity, 0);
  expect(revocations.map((one) => one.session)).toEqual([session, ...names]);
  // Who had it hears of it, and it is no more there.
  a.send('D', order('y'));
  await a.closed(10_000);
  expect(a.received.some(isReport('y'))).toBe(false);
}, 30_000);
