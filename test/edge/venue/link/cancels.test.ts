// Orders that are to be cancelled, whatever happens on the way to the venue and in it; spoken to in frames, as an edge speaks.
import { describe, expect, test } from '@jest/globals';
import * as frames from '../../../../edge/venue/link/frames.ts';
import { until } from '../../support/desk.ts';
import { at, clock, crash, fault, forgetEdges, linked, logged, rawEdge, start } from './linked.ts';
import { kinds, type RawEdge, rests } from './raw-edge.ts';

const mine = at(1, { cancel_after_ms: 1000 });

const ticks = () => new Promise((resolve) => setTimeout(resolve, 50));

/** An edge whose client is on, with an order that rests. */
async function resting(): Promise<RawEdge> {
  const edge = await linked(rawEdge('e1'));
  edge.send(frames.STARTED, 1, { session: mine });
  edge.submit(2, mine, rests('a'));
  await edge.told(1);
  edge.ack(1);
  return edge;
}

describe('orders of a client that is away are cancelled', () => {
  test('when another process of its edge is linked before the venue has noticed the end of the one before', async () => {
    await resting();
    const next = await linked(rawEdge('e1', { boot: 'e1-2', received: 1 }));
    clock.now += 5001;
    expect(kinds(await next.told(1))).toEqual(['4']);
  });

  test('when no edge has spoken for it since the venue keeps who does', async () => {
    await resting();
    await crash();
    forgetEdges();
    await start();
    clock.now += 5001;
    await ticks();
    const edge = await linked(rawEdge('e1', { boot: 'e1-2' }));
    edge.send(frames.STARTED, 1, { session: mine });
    expect(kinds(await edge.told(1))).toEqual(['4']);
  });

  test.each(['its edge says that its grace is over', 'its edge is gone'])(
    'when the venue fails at it, as often as it does: %s',
    async (how) => {
      const edge = await resting();
      fault.cancels = 3;
      if (how === 'its edge is gone') {
        edge.die();
        await until('it is noticed', () => logged.includes('an edge is gone'));
        clock.now += 5001;
      } else {
        edge.send(frames.ENDED, 3, { session: mine });
        edge.send(frames.CANCEL_ALL, 4, { session: mine });
      }
      for (let left = 2; left >= 0; left--) {
        await until('it has failed', () => fault.cancels === left);
        clock.now += 1001;
      }
      const again = how === 'its edge is gone' ? await linked(rawEdge('e1', { boot: 'e1-2', received: 1 })) : edge;
      await until('it is done', () => kinds(again.reports).includes('4'));
    },
  );

  test('not when the venue failed at it and the client has come back', async () => {
    const edge = await resting();
    fault.cancels = 1;
    edge.send(frames.CANCEL_ALL, 3, { session: mine });
    await until('it has failed', () => fault.cancels === 0);
    edge.send(frames.STARTED, 4, { session: mine });
    await until('it is heard', () => edge.acked >= 4);
    clock.now += 5001;
    await ticks();
    expect(kinds(edge.reports)).toEqual(['0']);
  });
});

describe('a mass cancel', () => {
  const asked = (asked_at?: number) => ({ of: 'everybody', asked_at });

  test('is done again until the venue does not fail at it', async () => {
    const edge = await resting();
    fault.cancels = 2;
    edge.send(frames.MASS_CANCEL, 3, asked(clock.now));
    await until('it has failed', () => fault.cancels === 1);
    clock.now += 1001;
    await until('it has failed again', () => fault.cancels === 0);
    clock.now += 1001;
    expect(kinds(await edge.told(2))).toEqual(['0', '4']);
  });

  test('that comes late leaves alone who has logged on since, wherever it comes from, and cancels the rest', async () => {
    const asked_at = clock.now;
    const edge = await resting();
    clock.now += 11_000;
    const other = await linked(rawEdge('e2'));
    const later = { ...mine, id: 'TWO', sender_comp_id: 'TWO' };
    other.send(frames.STARTED, 1, { session: later });
    other.submit(2, later, rests('b'));
    await other.told(1);
    edge.send(frames.MASS_CANCEL, 3, asked(asked_at));
    expect(kinds(await edge.told(2))).toEqual(['0', '4']);
    expect(kinds(other.reports)).toEqual(['0']);
    other.send(frames.MASS_CANCEL, 3, asked(clock.now));
    expect(kinds(await other.told(2))).toEqual(['0', '4']);
  });

  test('of a release before, which does not say when it was asked for, is about everybody', async () => {
    const edge = await resting();
    edge.send(frames.MASS_CANCEL, 3, asked());
    expect(kinds(await edge.told(2))).toEqual(['0', '4']);
  });
});
