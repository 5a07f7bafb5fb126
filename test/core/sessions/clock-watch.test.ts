import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ClockWatch, isBeyond } from '../../../core/sessions/clock-watch.ts';
import type { Clock } from '../../../core/time.ts';

/** A machine whose wall clock is off by `offset`, and whose monotonic clock began at some time of its own. */
class Machine implements Clock {
  mono: number;
  offset: number;
  readonly #began: number;

  constructor(offset: number, began = 1_790_000_000_123, mono = 5_000) {
    this.offset = offset;
    this.mono = mono;
    this.#began = began - mono;
  }

  /** What the store's clock says. */
  get truth(): number {
    return this.#began + this.mono;
  }

  now(): number {
    return this.truth + this.offset;
  }

  nowNanos(): bigint {
    return BigInt(Math.round(this.now())) * 1_000_000n;
  }

  monotonic(): number {
    return this.mono;
  }

  /** One call: the store stamps its reply somewhere on the way. */
  ask(watch: ClockWatch, there: number, back: number): void {
    const sent = this.mono;
    this.mono += there;
    const date = Math.floor(this.truth / 1000) * 1000;
    this.mono += back;
    watch.note(date, sent, this.mono);
  }
}

describe('a clock', () => {
  test('is read rightly, whatever it is off by and however long calls take', () => {
    const way = fc.double({ min: 0, max: 400, noNaN: true });
    const call = fc.record({ pause: fc.double({ min: 0, max: 3000, noNaN: true }), there: way, back: way });
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.array(call, { minLength: 1, maxLength: 60 }),
        (offset, calls) => {
          const machine = new Machine(offset);
          const watch = new ClockWatch(machine);
          for (const { pause, there, back } of calls) {
            machine.mono += pause;
            machine.ask(watch, there, back);
            const { offset_ms, error_ms } = watch.reading()!;
            expect(Math.abs(offset_ms - offset)).toBeLessThanOrEqual(error_ms + 0.06);
            expect(error_ms).toBeLessThanOrEqual(1000.2);
          }
        },
      ),
    );
  });

  test('is known to some milliseconds after a minute of calls, though the store tells whole seconds', () => {
    const machine = new Machine(623);
    const watch = new ClockWatch(machine);
    for (let n = 0; n < 240; n++) {
      machine.mono += 248.7;
      machine.ask(watch, 1, 1);
    }
    const { offset_ms, error_ms } = watch.reading()!;
    expect(error_ms).toBeLessThan(110);
    expect(Math.abs(offset_ms - 623)).toBeLessThan(10);
    expect(isBeyond({ offset_ms, error_ms }, 500)).toBe(true);
    expect(isBeyond({ offset_ms, error_ms }, 530)).toBe(false);
  });

  test('that is set shows at once', () => {
    const machine = new Machine(0);
    const watch = new ClockWatch(machine);
    for (let n = 0; n < 100; n++) {
      machine.mono += 333;
      machine.ask(watch, 2, 2);
    }
    machine.offset = -7000;
    const { offset_ms, error_ms } = watch.reading()!;
    expect(Math.abs(offset_ms + 7000)).toBeLessThanOrEqual(error_ms);
    expect(error_ms).toBeLessThan(120);
  });

  test('is not known before the store has spoken, nor when it has been silent for a minute', () => {
    const machine = new Machine(5);
    const watch = new ClockWatch(machine);
    expect(watch.reading()).toBeUndefined();
    watch.note(Number.NaN, 1, 2);
    machine.mono += 5000;
    watch.note(machine.truth, 0, machine.mono);
    expect(watch.reading()).toBeUndefined();
    machine.ask(watch, 1, 1);
    machine.mono += 49_000;
    expect(watch.reading()).toBeDefined();
    machine.mono += 11_000;
    expect(watch.reading()).toBeUndefined();
  });

  test('is not taken for off by servers that send old dates, or whose clocks differ', () => {
    const machine = new Machine(0);
    const watch = new ClockWatch(machine);
    for (let n = 0; n < 200; n++) {
      machine.mono += 251.3;
      const shift = [0, -90, 0, -350, 0][n % 5]!;
      watch.note(Math.floor((machine.truth + shift) / 1000) * 1000, machine.mono - 1, machine.mono);
    }
    const { offset_ms, error_ms } = watch.reading()!;
    expect(isBeyond({ offset_ms, error_ms }, 0)).toBe(false);
    expect(Math.abs(offset_ms)).toBeLessThan(20);
    expect(error_ms).toBeLessThan(500);
  });
});
