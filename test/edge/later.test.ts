// A journal that is answered later: bytes leave when their batch is durable, in order, none before and none twice.

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Reading } from '../../edge/connection-state.ts';
import { WITHHELD_BYTES } from '../../edge/limits.ts';
import { createLogger } from '../../edge/log.ts';
import { type Player, Turns } from '../../edge/turn.ts';
import { Wire } from '../../edge/wire.ts';

/** A socket that takes what it is given when it is told to. */
class SlowSocket extends EventEmitter {
  heard = '';
  ended = false;
  #taken: (() => void) | undefined;

  write(bytes: Buffer, taken: () => void): boolean {
    if (this.#taken !== undefined) throw new Error('a write is under way');
    this.heard += bytes.toString('latin1');
    this.#taken = taken;
    return true;
  }

  end(bytes?: Buffer): void {
    if (bytes !== undefined) this.heard += bytes.toString('latin1');
    this.ended = true;
  }

  take(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  destroy(): void {}
}

function put(wire: Wire, text: string): void {
  wire.encoder.bytes(1, Buffer.from(text));
  (wire.encoder as unknown as { length: number; at: number }).length = (wire.encoder as unknown as { at: number }).at;
}

const opened = () => {
  const socket = new SlowSocket();
  let drained = () => {};
  const wire = new Wire(socket as unknown as Socket, () => drained());
  return { socket, wire, onDrained: (work: () => void) => (drained = work) };
};

type Step = { readonly what: 'put'; readonly size: number } | { readonly what: 'turn' | 'batch' | 'release' | 'take' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('put' as const), size: fc.nat(3000) }),
  fc.constantFrom(...(['turn', 'batch', 'release', 'take'] as const).map((what) => ({ what }))),
);

test('whatever comes when: what the client hears is a prefix of what was said, as far as was durable and no further', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { socket, wire, onDrained } = opened();
      let said = '';
      let serial = 0;
      const leave = { ticket: 1, released: 0 };
      /** Length of all that was said by the last turn of each batch. */
      const until = new Map<number, number>([[0, 0]]);
      const turn = (): void => {
        until.set(leave.ticket, said.length);
        wire.flush(0, leave);
      };
      onDrained(turn);
      for (const one of steps) {
        if (one.what === 'put') {
          const text = `${serial++}`.padEnd(one.size + 1, '.');
          put(wire, text);
          said += `1=${text}\x01`;
          turn();
        } else if (one.what === 'batch' && leave.ticket - leave.released < 2) leave.ticket += 1;
        else if (one.what === 'release' && leave.released < leave.ticket) {
          leave.released += 1;
          turn();
        } else if (one.what === 'take') socket.take();
        else turn();
        const free = Math.max(...[...until].filter(([batch]) => batch <= leave.released).map(([, end]) => end));
        expect(socket.heard.length).toBeLessThanOrEqual(free);
        expect(said.startsWith(socket.heard)).toBe(true);
      }
      leave.released = leave.ticket;
      for (let i = 0; i < 3; i++) {
        turn();
        socket.take();
      }
      expect(socket.heard === said).toBe(true);
      expect([wire.backlog, wire.withheld]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});

test('FIN follows the last byte, not before it is durable', () => {
  const { socket, wire } = opened();
  put(wire, 'one');
  wire.flush(0, { ticket: 1, released: 0 });
  put(wire, 'two');
  wire.end(0, { ticket: 2, released: 0 });
  expect([socket.heard, socket.ended]).toEqual(['', false]);
  wire.end(0, { ticket: 2, released: 1 });
  expect([socket.heard, socket.ended]).toEqual(['1=one\x01', false]);
  socket.take();
  wire.end(0, { ticket: 2, released: 2 });
  expect([socket.heard, socket.ended]).toEqual(['1=one\x011=two\x01', true]);
});

test('turns go on while a batch is under way, and give those that wait their turn at each answer', () => {
  const clock = { now: () => 0, nowNanos: () => 0n, monotonic: () => 0 };
  const later = { ticket: 0, released: 0, stuck: false, hurry() {} };
  let batch = 1;
  const turns = new Turns(clock, { flush: () => Object.assign(later, { ticket: batch }) }, createLogger('error', 'e'));
  turns.defer(later);
  const seen: [string, number, number][] = [];
  const player = (name: string): Player => ({
    dirty: false,
    settle() {},
    writeOut: () => void seen.push([name, turns.ticket, turns.released]),
    unwritable: () => seen.push([name, -1, -1]),
  });
  const [a, b] = [player('a'), player('b')];
  turns.run(() => turns.touch(a));
  batch = 2;
  turns.run(() => turns.touch(b));
  later.released = 1;
  turns.release();
  later.released = 2;
  turns.release();
  turns.release();
  expect(seen).toEqual([
    ['a', 1, 0],
    ['b', 2, 0],
    ['a', 2, 1],
    ['b', 2, 1],
    ['a', 2, 2],
    ['b', 2, 2],
  ]);
  expect(turns.durable).toBe(true);
  later.stuck = true;
  expect(turns.durable).toBe(false);
});

test('what the disk has kept back leaves in the order in which it was made, whoever has a turn when it takes writes again', () => {
  const clock = { now: () => 0, nowNanos: () => 0n, monotonic: () => 0 };
  const disk = { full: true };
  const flush = (): void => {
    if (disk.full) throw new Error('ENOSPC');
  };
  const turns = new Turns(clock, { flush }, createLogger('fatal', 'e'));
  const seen: string[] = [];
  const player = (name: string): Player => ({
    dirty: false,
    settle() {},
    writeOut: () => void seen.push(name),
    unwritable() {},
  });
  const [left, right] = [player('left'), player('right')];
  turns.run(() => turns.touch(left));
  turns.run(() => turns.touch(right));
  turns.run(() => turns.touch(left));
  expect(seen).toEqual([]);
  disk.full = false;
  turns.run(() => turns.touch(player('who comes last')));
  expect(seen).toEqual(['left', 'right', 'who comes last']);
});

test('a connection whose output waits is not read until half of it has left, nor while the gate holds it', () => {
  const calls: string[] = [];
  const reading = new Reading({ pause: () => calls.push('pause'), resume: () => calls.push('resume') } as never);
  expect(reading.choke(WITHHELD_BYTES, false)).toBe(false);
  expect(reading.choke(WITHHELD_BYTES + 1, false)).toBe(false);
  reading.goOn();
  expect(reading.choke(WITHHELD_BYTES / 2 + 1, false)).toBe(false);
  reading.held = true;
  expect(reading.choke(WITHHELD_BYTES / 2, false)).toBe(true);
  reading.goOn();
  reading.held = false;
  reading.goOn();
  expect(calls).toEqual(['pause', 'resume']);
});

test('nor is one whose client has much to read, until it has less', () => {
  const calls: string[] = [];
  const reading = new Reading({ pause: () => calls.push('pause'), resume: () => calls.push('resume') } as never);
  expect(reading.choke(0, true)).toBe(false);
  reading.goOn();
  expect([reading.choked, reading.choke(0, true)]).toEqual([true, false]);
  expect([reading.choke(0, false), reading.choked]).toEqual([true, false]);
  reading.goOn();
  expect(calls).toEqual(['pause', 'resume']);
});

test('what the next turn needs is made when the bytes of this one have left, and not where nothing has', () => {
  const clock = { now: () => 0, nowNanos: () => 0n, monotonic: () => 0 };
  const seen: string[] = [];
  const keeper = { flush: () => void seen.push('flush'), prepare: () => void seen.push('prepare') };
  const turns = new Turns(clock, keeper, createLogger('error', 'e'));
  const player: Player = {
    dirty: false,
    settle: () => void seen.push('settle'),
    writeOut: () => void seen.push('write'),
    unwritable() {},
  };
  turns.run(() => {});
  turns.run(() => turns.touch(player));
  expect(seen).toEqual(['settle', 'flush', 'write', 'prepare']);
});
