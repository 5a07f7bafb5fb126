// Sessions of one moment are seated in one turn, and none of them feels what becomes of another.
import { expect, test } from '@jest/globals';
import { Seating } from '../../edge/seating.ts';

/** Says in which turn each thing was done. */
function scene() {
  const done: string[] = [];
  let turn = 0;
  const seating = new Seating({
    run: (work) => {
      turn += 1;
      work();
    },
  });
  const seat = (name: string) => seating.run(() => void done.push(`${turn} ${name}`));
  return { seating, seat, done };
}

test('what comes in one moment is one turn, in the order in which it came', async () => {
  const { seat, done } = scene();
  // As the answers of one call of the store come: each is heard in a microtask of its own.
  await Promise.all(['a', 'b', 'c'].map(async (name) => seat(name)));
  expect(done).toEqual(['1 a', '1 b', '1 c']);
  await seat('d');
  expect(done.at(-1)).toBe('2 d');
});

test('what comes while a turn runs is another turn', async () => {
  const { seating, seat, done } = scene();
  let inner: Promise<void> | undefined;
  await seating.run(() => {
    inner = seat('inner');
    done.push('outer');
  });
  await inner;
  expect(done).toEqual(['outer', '2 inner']);
});

test('what fails is told to its caller alone', async () => {
  const { seating, seat, done } = scene();
  const fails = seating.run(() => {
    throw new Error('of one');
  });
  const told = [seat('a'), expect(fails).rejects.toThrow('of one'), seat('b')];
  await Promise.all(told);
  expect(done).toEqual(['1 a', '1 b']);
});
