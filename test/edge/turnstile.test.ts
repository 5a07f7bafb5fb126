// The line of Logons: whose turn it is, who is sent away, and how many are in at once.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CLIENT_WITHIN_MS, LOGONS_AT_FIRST, LOGONS_AT_ONCE, TURN_WITHIN_MS, UNSEEN_MS } from '../../edge/limits.ts';
import { LogonPatience } from '../../edge/logon-patience.ts';
import { LogonWidth } from '../../edge/logon-width.ts';
import { Turnstile } from '../../edge/turnstile.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const comer = (address: string) => ({ address, waits: true });

describe('whose turn it is', () => {
  /** Enters all, lets them through one by one, and says in which order they came in. */
  async function order(width: number, addresses: readonly string[]): Promise<string[]> {
    const turnstile = new Turnstile({ now: width }, { now: 1000 });
    const entered: string[] = [];
    const all = addresses.map(async (address, i) => {
      expect(await turnstile.enter(comer(address), 0, 0)).toBe('in');
      entered.push(`${address}${i}`);
    });
    for (let left = addresses.length; left > 0; left--) {
      await tick();
      expect(entered).toHaveLength(Math.min(addresses.length, addresses.length - left + width));
      turnstile.leave(0);
    }
    await Promise.all(all);
    return entered;
  }

  test('lets so many in, and one for each that leaves', async () => {
    expect(await order(2, ['a', 'a', 'a', 'a', 'a'])).toEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
    const turnstile = new Turnstile({ now: 1 }, { now: 1000 });
    await turnstile.enter(comer('a'), 0, 0);
    turnstile.leave(0);
    await turnstile.enter(comer('a'), 0, 0); // nobody waited: the place was given back
  });

  test('goes round the addresses: who comes amid a flood from another is next but one', async () => {
    const flood = ['a', 'a', 'a', 'a', 'b', 'a', 'c', 'b'];
    expect(await order(1, flood)).toEqual(['a0', 'a1', 'b4', 'c6', 'a2', 'b7', 'a3', 'a5']);
  });

  test('who has given up is passed over, who has waited too long hears so, and the next is in', async () => {
    const turnstile = new Turnstile({ now: 1 }, { now: 1000 });
    await turnstile.enter(comer('a'), 0, 0);
    const given = { address: 'a', waits: true };
    const turns = [
      turnstile.enter(given, 0, 0),
      turnstile.enter(comer('a'), 0, 0),
      turnstile.enter(comer('a'), 500, 500),
    ];
    given.waits = false;
    turnstile.leave(1001);
    expect(await Promise.all(turns)).toEqual(['gone', 'busy', 'in']);
    expect(turnstile.waiting).toBe(0);
  });

  test('its client counts from when it sent the Logon, not from when there was time to read it', async () => {
    const turnstile = new Turnstile({ now: 1 }, { now: 1000 });
    await turnstile.enter(comer('a'), 0, 0);
    const turns = [turnstile.enter(comer('a'), 100, 900), turnstile.enter(comer('a'), 900, 900)];
    turnstile.leave(1101);
    expect(await Promise.all(turns)).toEqual(['busy', 'in']);
  });

  test('who comes back from aside is before the line', async () => {
    const turnstile = new Turnstile({ now: 1 }, { now: 1000 });
    const heard: string[] = [];
    await turnstile.enter(comer('a'), 0, 0);
    void turnstile.enter(comer('b'), 0, 0).then(() => heard.push('b'));
    void turnstile.enter(comer('c'), 0, 0).then(() => heard.push('c'));
    turnstile.leave(0);
    void turnstile.again().then(() => heard.push('a'));
    turnstile.leave(0);
    await tick();
    turnstile.leave(0);
    await tick();
    expect(heard).toEqual(['b', 'a', 'c']);
  });

  test('a width that grows lets more in, one that shrinks waits until fewer are in', async () => {
    const width = { now: 1 };
    const turnstile = new Turnstile(width, { now: 1000 });
    let inside = 0;
    for (let i = 0; i < 6; i++) void turnstile.enter(comer('a'), 0, 0).then(() => inside++);
    width.now = 3;
    turnstile.leave(0);
    await tick();
    expect(inside).toBe(4); // the first is out again
    width.now = 1;
    turnstile.leave(0);
    turnstile.leave(0);
    await tick();
    expect(inside).toBe(4);
    turnstile.leave(0);
    await tick();
    expect(inside).toBe(5);
  });
});

describe('how long a turn is waited for', () => {
  /** Of a Logon's pace, beside the mean. */
  const SLOWEST = 1.3;
  /** Even the slowest can be answered by who waits the least. */
  const reachable = {
    min: CLIENT_WITHIN_MS - UNSEEN_MS - TURN_WITHIN_MS.most,
    max: Math.floor((CLIENT_WITHIN_MS - TURN_WITHIN_MS.least) / SLOWEST),
  };

  test('as long as its client can still be answered, whatever Logons lately take', () => {
    fc.assert(
      fc.property(
        fc.integer(reachable),
        fc.integer({ min: 5, max: 4_000 }),
        fc.array(fc.double({ min: 0.7, max: SLOWEST, noNaN: true }), { minLength: 20, maxLength: 20 }),
        (took, before, pace) => {
          const patience = new LogonPatience();
          for (let i = 0; i < 100; i++) patience.took(before, i * 100);
          for (let i = 0; i < 60; i++) patience.took(took * (pace[i % pace.length] ?? 1), 10_000 + i * 100);
          const answered = pace.filter((one) => patience.now + took * one <= CLIENT_WITHIN_MS);
          expect(answered.length).toBeGreaterThanOrEqual(pace.length / 2);
          // And nobody is sent away who had time left for twice that.
          expect(patience.now).toBeGreaterThanOrEqual(
            Math.max(TURN_WITHIN_MS.least, CLIENT_WITHIN_MS - UNSEEN_MS - 2 * took),
          );
        },
      ),
    );
  });

  test('within its bounds: not so long that no answer could come in time, not so short that they come each second', () => {
    const patience = new LogonPatience();
    for (let i = 0; i < 100; i++) patience.took(0, i * 100);
    expect(patience.now).toBe(TURN_WITHIN_MS.most);
    for (let i = 0; i < 100; i++) patience.took(14_000, 10_000 + i * 100);
    expect(patience.now).toBe(TURN_WITHIN_MS.least);
  });

  test('those that have waited for one and the same thing send nobody away who comes after them', () => {
    const patience = new LogonPatience();
    for (let i = 0; i < 200; i++) patience.took(5_000, 7_000 + i / 10);
    expect(patience.now).toBeGreaterThan(7_000);
    for (let i = 0; i < 30; i++) patience.took(300, 7_100 + i * 100);
    expect(patience.now).toBeGreaterThan(8_500);
  });
});

/** What a store is like: so many calls at once it answers as fast as alone; more share what it has. */
interface Store {
  readonly base_ms: number;
  readonly parallel: number;
  /** It gives no answer after this, and has worked for nothing. */
  readonly deadline_ms: number;
}

/** Logons that ask such a store all the time, a round at a time: as many as may, answered together. */
function rounds(
  width: LogonWidth,
  store: Store,
  count: number,
  from = 0,
): { readonly now: number; readonly good: number } {
  let now = from;
  let good = 0;
  for (let i = 0; i < count; i++) {
    const asking = width.now;
    const took = store.base_ms * Math.max(1, asking / store.parallel);
    const begun = now;
    const late = took > store.deadline_ms;
    now += Math.min(took, store.deadline_ms);
    for (let one = 0; one < asking; one++) width.heard(late ? 'unanswered' : 'went_on', begun, now, true);
    if (!late) good += asking;
  }
  return { now, good };
}

describe('how many at once', () => {
  const DEADLINE = 3000;

  test('settles where any store that can serve four answers in time, and stays within its bounds', () => {
    fc.assert(
      fc.property(
        fc.record({
          base_ms: fc.double({ min: 1, max: 1500, noNaN: true }),
          parallel: fc.integer({ min: LOGONS_AT_ONCE.least, max: 500 }),
          deadline_ms: fc.constant(DEADLINE),
        }),
        (store) => {
          const width = new LogonWidth();
          const { now } = rounds(width, store, 100);
          let answered = 0;
          let at = now;
          for (let i = 0; i < 100; i++) {
            const before = width.now;
            const { good, now: then } = rounds(width, store, 1, at);
            at = then;
            if (good > 0) answered++;
            expect(before).toBeGreaterThanOrEqual(LOGONS_AT_ONCE.least);
            expect(before).toBeLessThanOrEqual(LOGONS_AT_ONCE.most);
          }
          // It may try one more now and then; nearly all rounds are served.
          expect(answered).toBeGreaterThanOrEqual(90);
        },
      ),
    );
  });

  test('a store that was away is asked by as many as before once it is back', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 400, noNaN: true }), fc.integer({ min: 1, max: 50 }), (base_ms, outage) => {
        const width = new LogonWidth();
        const away = rounds(width, { base_ms: 10_000, parallel: 1, deadline_ms: DEADLINE }, outage);
        expect(away.good).toBe(0);
        rounds(width, { base_ms, parallel: 1000, deadline_ms: DEADLINE }, 30, away.now);
        expect(width.now).toBeGreaterThanOrEqual(LOGONS_AT_FIRST);
      }),
    );
  });

  test('a store or a machine that is slow whoever asks is asked by as many as before, whatever single answers took', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 300, max: 900, noNaN: true }),
        fc.array(fc.double({ min: 0.5, max: 1.3, noNaN: true }), { minLength: 40, maxLength: 40 }),
        (base_ms, pace) => {
          const width = new LogonWidth();
          // It was quick until a moment ago, and has been asked by few since.
          rounds(width, { base_ms: 20, parallel: 4, deadline_ms: DEADLINE }, 20);
          width.heard('unanswered', 1e6, 1e6, true);
          width.heard('unanswered', 1e6 + 1, 1e6 + 1, true);
          width.heard('unanswered', 1e6 + 2, 1e6 + 2, true);
          let now = 2e6;
          for (let round = 0; round < 120; round++) {
            const asking = width.now;
            for (let one = 0; one < asking; one++) {
              // One of ten takes three times as long as the others.
              const took = base_ms * (pace[(round * 7 + one) % pace.length] ?? 1) * (one % 10 === 9 ? 3 : 1);
              width.heard('went_on', now, now + took, true);
            }
            now += base_ms;
          }
          expect(width.now).toBeGreaterThanOrEqual(LOGONS_AT_FIRST);
        },
      ),
    );
  });

  test('a store that has become slow is not asked by fewer for longer than it takes to see that they are not answered sooner', () => {
    fc.assert(
      fc.property(fc.double({ min: 1_550, max: 2_450, noNaN: true }), (base_ms) => {
        const width = new LogonWidth();
        const { now } = rounds(width, { base_ms: 20, parallel: 1000, deadline_ms: DEADLINE }, 5);
        const before = width.now;
        const slow = rounds(width, { base_ms, parallel: 1000, deadline_ms: DEADLINE }, 20, now);
        expect(width.now).toBe(Math.floor(before / 2));
        // And well again: as many as may be.
        rounds(width, { base_ms: 20, parallel: 1000, deadline_ms: DEADLINE }, 100, slow.now);
        expect(width.now).toBe(LOGONS_AT_ONCE.most);
      }),
    );
  });

  test('a store whose answers take longer the more ask is not asked by so many that they are late', () => {
    fc.assert(
      fc.property(fc.double({ min: 130, max: 600, noNaN: true }), (each_ms) => {
        const width = new LogonWidth();
        const store = { base_ms: each_ms, parallel: 1, deadline_ms: 10_000 };
        const { now } = rounds(width, store, 200);
        let [late, at] = [0, now];
        for (let i = 0; i < 100; i++) {
          if (width.now * each_ms > 2_500) late += 1;
          at = rounds(width, store, 1, at).now;
        }
        expect(late).toBeLessThanOrEqual(10);
      }),
    );
  });

  test('one late round is one step down, however many were in it', () => {
    const width = new LogonWidth();
    for (let i = 0; i < 16; i++) width.heard('unanswered', 0, 2000 + i, true);
    expect(width.now).toBe(LOGONS_AT_FIRST / 2);
    width.heard('unanswered', 2500, 4000, true);
    expect(width.now).toBe(LOGONS_AT_FIRST / 4);
  });

  test('grows beyond where it began only by those who got in, fast, while all places were taken', () => {
    const width = new LogonWidth();
    for (let i = 0; i < 10_000; i++) {
      width.heard('refused', 0, 1, true);
      width.heard('went_on', 0, 1, false);
      width.heard('went_on', 0, 400, true);
    }
    expect(width.now).toBe(LOGONS_AT_FIRST);
    for (let i = 0; i < 10_000; i++) width.heard('went_on', 0, 50, true);
    expect(width.now).toBe(LOGONS_AT_ONCE.most);
  });
});

test('nobody is forgotten, whoever comes, gives up and leaves at whatever pace', async () => {
  const step = fc.record({
    comes: fc.integer({ min: 0, max: 40 }),
    address: fc.constantFrom('a', 'b', 'c'),
    givesUp: fc.double({ min: 0, max: 1, noNaN: true }),
    ms: fc.integer({ min: 0, max: 2000 }),
    width: fc.integer({ min: 1, max: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const width = { now: 4 };
      const patience = { now: TURN_WITHIN_MS.most };
      const turnstile = new Turnstile(width, patience);
      let now = 0;
      let inside = 0;
      let came = 0;
      let told = 0;
      const leaveOne = (): void => {
        inside -= 1;
        turnstile.leave(now);
      };
      for (const { comes, address, givesUp, ms, width: wide } of steps) {
        for (let i = 0; i < comes; i++) {
          const one = { address, waits: true };
          const since = now;
          came++;
          void turnstile.enter(one, since, now).then((turn) => {
            told++;
            if (turn === 'in') {
              inside++;
              expect(now - since).toBeLessThanOrEqual(patience.now);
            }
          });
          one.waits = i >= comes * givesUp;
        }
        await tick();
        now += ms;
        width.now = wide;
        if (inside > 0) leaveOne();
        await tick();
      }
      while (inside > 0) {
        leaveOne();
        await tick();
      }
      expect([told, turnstile.waiting]).toEqual([came, 0]);
    }),
    { numRuns: 40 },
  );
});
