import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CANCEL_ALL, ENDED, frameOf, MASS_CANCEL, REPORT, read, STARTED } from '../../../../edge/venue/link/frames.ts';
import { Mailroom } from '../../../../edge/venue/link/mailroom.ts';

const open = (directory: string | undefined, counts: (mark: number) => boolean = () => true): Mailroom =>
  new Mailroom({ directory, newId: 'new', counts, onLost: () => {}, most: 200 });
const frame = (text: string): Buffer => frameOf(REPORT, JSON.stringify(text));
const about = (type: number, id: string): Buffer => frameOf(type, JSON.stringify({ session: { id } }));

/** All that a mailroom says of itself. */
const state = (room: Mailroom) => ({
  mark: room.mark,
  heard: [...room.heard.all()],
  owners: [...room.owners],
  boxes: [...room.boxes]
    .map(([peer, box]) => ({
      peer,
      theirLog: box.theirLog,
      received: box.received,
      next: box.next,
      due: box.due,
      bytes: box.bytes,
      waiting: [...box.after(0)].map((one) => [one.number, read(one.frame).number, read(one.frame).head]),
    }))
    .sort((a, b) => (a.peer < b.peer ? -1 : 1)),
});

function inDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'mailroom-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

type Step = (room: Mailroom) => void;
const peer = fc.constantFrom('a', 'b');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(peer, fc.string()).map(
    ([to, text]): Step =>
      (room) =>
        room.post(to, frame(text)),
  ),
  fc.tuple(peer, fc.constantFrom(STARTED, ENDED, CANCEL_ALL, MASS_CANCEL), fc.constantFrom('s', 't')).map(
    ([to, type, id]): Step =>
      (room) =>
        room.post(to, about(type, id)),
  ),
  peer.map(
    (of): Step =>
      (room) =>
        room.done(of, room.box(of).received + 1),
  ),
  fc.tuple(peer, fc.nat(20)).map(
    ([of, n]): Step =>
      (room) =>
        room.acked(of, Math.min(n, room.box(of).next - 1)),
  ),
  fc.tuple(peer, fc.constantFrom('x', 'y')).map(
    ([of, log]): Step =>
      (room) =>
        room.meet(of, log),
  ),
  fc.tuple(fc.constantFrom('s', 't'), peer, fc.nat(3)).map(
    ([id, of, n]): Step =>
      (room) =>
        room.own(id, of, n),
  ),
  fc.tuple(fc.constantFrom('s', 't'), fc.nat(2), fc.nat(9)).map(
    ([id, generation, n]): Step =>
      (room) =>
        room.have(id, generation, n),
  ),
  fc.tuple(peer, peer).map(
    ([from, to]): Step =>
      (room) =>
        void (from !== to && room.move(from, to)),
  ),
);

describe('a mailroom', () => {
  test('opened again is as it was flushed last, however often; what was not flushed has not been', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 8 }), (flushes) => {
        inDirectory((directory) => {
          let room = open(directory);
          for (const steps of flushes) {
            for (const one of steps) one(room);
            room.flush(room.mark + 1);
            const before = state(room);
            // Lost: nothing has been written of it.
            room.post('a', frame('lost'));
            room.close();
            room = open(directory);
            expect(state(room)).toEqual(before);
          }
          room.close();
        });
      }),
      { numRuns: 60 },
    );
  });

  test('with too much in it lets go of all but cancels, and who came and left: of each session the last', () => {
    const lost: number[] = [];
    const room = new Mailroom({
      directory: undefined,
      newId: 'new',
      counts: () => true,
      onLost: (_, count) => lost.push(count),
      most: 200,
    });
    const posted = [
      about(STARTED, 's'),
      frame('one'),
      about(ENDED, 's'),
      about(CANCEL_ALL, 's'),
      about(CANCEL_ALL, 't'),
      about(MASS_CANCEL, ''),
      about(STARTED, 's'),
      frame('two'),
      about(MASS_CANCEL, ''),
      about(CANCEL_ALL, 's'),
    ];
    for (const one of posted) room.post('a', one);
    for (let n = 0; n < 20; n++) room.post('a', frame(`${n}`));
    room.flush(1);
    const box = room.box('a');
    const types = [...box.after(0)].map((one) => [one.number, read(one.frame).type]);
    expect(types.slice(0, -1)).toEqual([
      [3, ENDED],
      [5, CANCEL_ALL],
      [6, MASS_CANCEL],
      [7, STARTED],
      [9, MASS_CANCEL],
      [10, CANCEL_ALL],
    ]);
    expect(types.at(-1)).toEqual([30, REPORT]);
    expect(lost).toEqual([21]);
    expect(box.bytes).toBe([...box.after(0)].reduce((sum, one) => sum + one.frame.length, 0));
    room.acked('a', 9);
    expect([box.count, box.due]).toEqual([2, 10]);
    room.acked('a', 30);
    expect([box.count, box.bytes, box.due]).toEqual([0, 0, 31]);
  });

  test('leaves out a flush that does not count, and a line that was cut off', () => {
    inDirectory((directory) => {
      const room = open(directory);
      room.post('a', frame('one'));
      room.flush(1);
      const before = state(room);
      room.post('a', frame('two'));
      room.flush(2);
      room.close();
      expect(state(open(directory, (mark) => mark < 2))).toEqual(before);
      appendFileSync(join(directory, 'link.jsonl'), '{"log":"new","mark":2,"entr');
      const again = open(directory);
      expect(state(again)).toEqual(before);
      expect(again.id).toBe('new');
      expect(readFileSync(join(directory, 'link.jsonl'), 'utf8')).not.toContain('entr"');
    });
  });

  test('that is sealed writes that and no more; so far frames may leave, and no further', () => {
    inDirectory((directory) => {
      const room = open(directory);
      const box = room.box('a');
      room.post('a', frame('one'));
      room.done('a', 1);
      const before = { ...state(room), mark: 1 };
      room.seal();
      expect([room.sealed, room.pending, box.sendable]).toEqual([true, false, 0]);
      room.post('a', frame('two'));
      room.done('a', 2);
      room.seal();
      expect([room.sealed, room.pending]).toEqual([true, true]);
      room.flush(1);
      expect([room.sealed, room.pending, box.sendable, box.acknowledgeable]).toEqual([false, true, 1, 1]);
      expect(state(open(directory))).toEqual(before);
      room.flush(2);
      expect([room.pending, box.sendable, box.acknowledgeable]).toEqual([false, 2, 2]);
    });
  });

  test('says that something is to be written when others depend on it', () => {
    const room = open(undefined);
    expect(room.pending).toBe(false);
    room.acked('a', 0);
    expect(room.pending).toBe(false);
    room.post('a', frame('one'));
    expect(room.pending).toBe(true);
    room.flush(1);
    room.done('a', 1);
    expect(room.pending).toBe(true);
    room.flush(2);
    room.own('s', 'a', 1);
    expect(room.pending).toBe(true);
    room.flush(3);
    room.own('s', 'a', 1);
    expect(room.pending).toBe(false);
  });
});
