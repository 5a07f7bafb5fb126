// Sessions that say nothing but Heartbeats: their numbers come out of a block that is durable, and cost the store next to nothing.

import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openEstate } from '../../../edge/journal/estate.ts';
import type { Journal, JournalSession } from '../../../edge/journal/journal.ts';
import { FaultyStore, forgetRemote, HandTimers, openRemote, type RemoteOptions, shipped } from './remote.ts';
import { append, crashed, enqueue, logInto, NOW, newDirectory, openFile, promote, sent } from './support.ts';

afterEach(forgetRemote);

const BLOCK = 16;
/** Of a block that begins behind a Logon: the first number that is not in it. */
const ABOVE = 2 + BLOCK;

interface World {
  readonly store: FaultyStore;
  readonly directory: string;
  readonly timers: HandTimers;
  readonly journal: Journal;
  readonly one: JournalSession;
}

/** A session that has logged on: its first message is out. */
async function loggedOn(options: RemoteOptions = {}, store = new FaultyStore()): Promise<World> {
  const [timers, directory] = [new HandTimers(), newDirectory()];
  const journal = await openRemote(store, { directory, timers, now: () => NOW + timers.now, ...options });
  const one = journal.session('one');
  one.sendAhead(BLOCK, 'session_level');
  one.setNextIn(one.nextIn + 1);
  one.setNextOut(one.nextOut + 1);
  await shipped(journal, timers);
  return { store, directory, timers, journal, one };
}

/** A Heartbeat each way. */
function beat(journal: Journal, one: JournalSession): void {
  one.noteNextIn(one.nextIn + 1);
  one.setNextOut(one.nextOut + 1);
  journal.flush();
}

const reopened = async (store: FaultyStore, directory = newDirectory(), options: RemoteOptions = {}) =>
  (await openRemote(store, { directory, ...options })).session('one');

describe('what is committed', () => {
  test('a Heartbeat leaves at once, and nothing is written; the next block is named before this one is used up', async () => {
    const { store, timers, journal, one } = await loggedOn();
    const before = store.appends;
    for (let n = 0; n < 7; n++) {
      beat(journal, one);
      expect(one.ahead).toBe(true);
    }
    await timers.pass(60_000);
    expect([store.appends, journal.later!.waiting]).toEqual([before, 0]);
    // Half of it is used: nobody waits for the next.
    for (let n = 0; n < 3; n++) beat(journal, one);
    expect([one.ahead, journal.later!.waiting]).toEqual([true, 0]);
    await timers.pass(10_000);
    beat(journal, one);
    expect(one.ahead).toBe(true);
    await shipped(journal, timers);
    expect(store.appends).toBe(before + 1);
    for (let n = 0; n < BLOCK - 2; n++) {
      beat(journal, one);
      expect(one.ahead).toBe(true);
    }
  });

  test('sessions that need another one within ten seconds share a commit', async () => {
    const { store, timers, journal, one } = await loggedOn();
    const two = journal.session('two');
    two.sendAhead(BLOCK, 'session_level');
    two.setNextOut(2);
    await shipped(journal, timers);
    const before = store.appends;
    for (let n = 0; n < 9; n++) beat(journal, one);
    await timers.pass(9000);
    for (let n = 0; n < 9; n++) beat(journal, two);
    await timers.pass(1000);
    await shipped(journal, timers);
    expect(store.appends).toBe(before + 1);
  });

  test('what has used up its block waits for the next one, and no longer', async () => {
    const { timers, journal, one } = await loggedOn();
    while (one.ahead && one.nextOut < 3 * BLOCK) beat(journal, one);
    expect(one.nextOut).toBe(ABOVE + 1);
    await shipped(journal, timers);
    expect(one.ahead).toBe(true);
    beat(journal, one);
    expect(one.ahead).toBe(true);
  });

  test.each([
    ['said', (one: JournalSession) => append(one, 'a report')],
    [
      'that waited, said',
      (one: JournalSession) => {
        enqueue(one, 'a report');
        promote(one, 'a report');
      },
    ],
    ['heard', (one: JournalSession) => one.setNextIn(one.nextIn + 1)],
  ])(
    'an application message %s is durable with the numbers before it, and a Heartbeat behind it waits with it',
    async (_, work) => {
      const { store, timers, journal, one } = await loggedOn();
      for (let n = 0; n < 3; n++) beat(journal, one);
      work(one);
      journal.flush();
      expect(one.ahead).toBe(false);
      const { nextIn, nextOut } = one;
      beat(journal, one);
      expect(one.ahead).toBe(false);
      await shipped(journal, timers);
      expect(one.ahead).toBe(true);
      expect(await reopened(store.copy())).toMatchObject({ nextIn, nextOut: ABOVE, lostAt: 0 });
      expect(nextOut).toBeLessThan(BLOCK);
    },
  );

  test('with the store away Heartbeats go on until the block is used up', async () => {
    const { store, timers, journal, one } = await loggedOn();
    store.faults = ['refused'];
    for (let n = 0; n < BLOCK; n++) {
      beat(journal, one);
      await timers.pass(5000);
      expect([n, one.ahead]).toEqual([n, true]);
    }
    beat(journal, one);
    expect(one.ahead).toBe(false);
    store.faults = ['none'];
    await shipped(journal, timers);
    expect(one.ahead).toBe(true);
  });
});

describe('what is found', () => {
  test('killed, whatever has been said: above the block, once, and nothing else is in doubt', async () => {
    const { store, directory, journal, one } = await loggedOn();
    append(one, 'a report');
    journal.flush();
    for (let n = 0; n < 5; n++) beat(journal, one);
    const copy = store.copy();
    for (const there of [crashed(directory), newDirectory()]) {
      const found = await reopened(copy.copy(), there);
      expect(found).toMatchObject({ nextOut: ABOVE, lostAt: 0 });
      expect(found.nextOut).toBeGreaterThanOrEqual(one.nextOut);
    }
    await reopened(copy);
    expect(await reopened(copy.copy())).toMatchObject({ nextOut: ABOVE });
  });

  test('closed in order: exact', async () => {
    const { store, timers, journal, one } = await loggedOn();
    for (let n = 0; n < 5; n++) beat(journal, one);
    journal.endAhead();
    await shipped(journal, timers);
    const { nextIn, nextOut } = one;
    expect(await reopened(store.copy())).toMatchObject({ nextIn, nextOut });
  });

  test('killed after its client has gone: exact ten seconds later', async () => {
    const { store, timers, journal, one } = await loggedOn();
    for (let n = 0; n < 5; n++) beat(journal, one);
    one.rest();
    const { nextIn, nextOut } = one;
    expect((await reopened(store.copy())).nextOut).toBe(ABOVE);
    await timers.pass(10_000);
    await shipped(journal, timers);
    expect(await reopened(store.copy())).toMatchObject({ nextIn, nextOut });
    // Whoever comes back waits for a block of its own.
    one.sendAhead(BLOCK, 'session_level');
    beat(journal, one);
    expect(one.ahead).toBe(false);
  });

  test('by another edge: above the block; given away by hand: exact', async () => {
    const { store, journal, one } = await loggedOn();
    for (let n = 0; n < 5; n++) beat(journal, one);
    const { nextIn, nextOut } = one;
    expect(journal.export('one')).toMatchObject({ nextIn, nextOut });
    const options = { edgeId: 'edge-1', openKeys: undefined, log: logInto([]), now: () => NOW };
    const estate = await openEstate({ ...options, store: store.copy().port, directory: newDirectory() });
    expect(estate?.export('one')).toMatchObject({ nextIn: 2, nextOut: ABOVE, lostAt: 0 });
    await estate?.close();
  });

  test('beside sessions that send everything ahead: killed with the disk left, above the block too', async () => {
    const { store, directory, journal, one } = await loggedOn({ commit: 'reserve', boot: 'boot 1' });
    const all = journal.session('all');
    all.sendAhead(BLOCK);
    for (let n = 0; n < 5; n++) beat(journal, one);
    append(all, 'a report');
    journal.flush();
    const other = await openRemote(store.copy(), { directory: crashed(directory), commit: 'reserve', boot: 'boot 1' });
    expect(other.session('one')).toMatchObject({ nextOut: ABOVE, lostAt: 0 });
    expect(other.session('all')).toMatchObject({ nextOut: 2, lostAt: 0 });
  });
});

test('in files they are written as ever', async () => {
  const directory = newDirectory();
  const journal = openFile(directory);
  const one = journal.session('one');
  one.sendAhead(BLOCK, 'session_level');
  for (let n = 0; n < 5; n++) beat(journal, one);
  const { nextIn, nextOut } = one;
  const again = openFile(crashed(directory)).session('one');
  expect(again).toMatchObject({ nextIn, nextOut });
});

type Step = 'beat' | 'report' | 'order' | 'reset' | 'rest' | 'come' | 'pass' | 'wait' | 'machine' | 'killed' | 'ended';

/** A session over the deaths of its edges, and all that has left of it. */
class Life {
  #world: World;
  /** By generation and number; 'admin' for session-level messages. */
  readonly #left = new Map<string, string>();
  /** Made, and not left yet. */
  #made: [string, string][] = [];
  /** The next number as of the last order that is durable. */
  #heard: number;
  #serial = 0;

  constructor(world: World) {
    this.#world = world;
    this.#heard = world.one.nextIn;
  }

  async step(what: Step): Promise<void> {
    const { one, journal, timers } = this.#world;
    if (what === 'beat') {
      one.noteNextIn(one.nextIn + 1);
      this.#say('admin');
    } else if (what === 'report') this.#say(`report ${this.#serial++}`);
    else if (what === 'order') {
      one.setNextIn(one.nextIn + 1);
      await shipped(journal, timers);
      this.#heard = one.nextIn;
      this.#leave();
    } else if (what === 'reset') {
      one.reset(this.#serial++);
      this.#heard = 1;
    } else if (what === 'rest') one.rest();
    else if (what === 'come') one.sendAhead(BLOCK, 'session_level');
    else if (what === 'pass' || what === 'wait') {
      await timers.pass(what === 'pass' ? 20 : 10_000);
      this.#leave();
    } else await this.#die(what);
  }

  #say(said: string): void {
    const { one, journal } = this.#world;
    this.#made.push([`${one.generation}/${one.nextOut}`, said]);
    if (said === 'admin') one.setNextOut(one.nextOut + 1);
    else append(one, said);
    journal.flush();
    this.#leave();
  }

  #leave(): void {
    if (!this.#world.one.ahead) return;
    for (const [number, said] of this.#made.splice(0)) {
      expect([number, this.#left.get(number) ?? said]).toEqual([number, said]);
      this.#left.set(number, said);
    }
  }

  async #die(how: 'machine' | 'killed' | 'ended'): Promise<void> {
    const { store, directory, journal, timers, one } = this.#world;
    const { nextIn, nextOut, generation } = one;
    if (how === 'ended') {
      journal.endAhead();
      await shipped(journal, timers);
      this.#leave();
    }
    this.#made = [];
    const clock = new HandTimers();
    const copy = how === 'killed' ? crashed(directory) : newDirectory();
    const again = { store: store.copy(), directory: copy, timers: clock };
    const opened = await openRemote(again.store, { ...again, now: () => NOW + clock.now });
    this.#world = { ...again, journal: opened, one: opened.session('one') };
    const found = this.#world.one;
    if (how === 'ended') expect(found).toMatchObject({ nextIn, nextOut, generation });
    this.#check(generation);
    found.sendAhead(BLOCK, 'session_level');
  }

  /** What is there of it, against what has left. @param generation of before: a reset may be lost of which nobody has heard */
  #check(generation: number): void {
    const { one } = this.#world;
    expect(one.generation).toBeLessThanOrEqual(generation);
    if (one.generation === generation) expect(one.nextIn).toBeGreaterThanOrEqual(this.#heard);
    else this.#heard = one.nextIn;
    const kept = new Map(sent(one).map(([number, said]) => [`${one.generation}/${number}`, said]));
    for (const [key, said] of this.#left) {
      const [of, number] = key.split('/').map(Number);
      expect(of).toBeLessThanOrEqual(one.generation);
      if (of !== one.generation) continue;
      expect(number).toBeLessThan(one.nextOut);
      if (said !== 'admin') expect(kept.get(key)).toBe(said);
    }
  }
}

test('whatever happens when, no number that has left comes again with another content, and each report that left is there', () => {
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Step>('beat') },
    { weight: 4, arbitrary: fc.constant<Step>('report') },
    { weight: 2, arbitrary: fc.constant<Step>('order') },
    { weight: 5, arbitrary: fc.constant<Step>('pass') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('reset', 'rest', 'come', 'wait') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('machine', 'killed', 'ended') },
  );
  const run = async (steps: readonly Step[]): Promise<void> => {
    const life = new Life(await loggedOn());
    for (const what of steps) await life.step(what);
  };
  return fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), run), {
    numRuns: Number(process.env.FIXGATE_PROPERTY_RUNS ?? 25),
    interruptAfterTimeLimit: 40_000,
  });
}, 120_000);
