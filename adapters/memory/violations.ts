/** Violation counters in memory. */
import type { Violations } from '../../core/limits/model.ts';
import type { ViolationCounters } from '../../core/ports.ts';
import type { MemoryWorld } from './world.ts';

const NONE: Violations = { order: 0, cancel: 0, message: 0, version: 0 };

export function createViolationCounters(world: MemoryWorld): ViolationCounters {
  const read = (userId: string) => world.violations.get(userId) ?? NONE;
  return {
    async add(userId, type, count, at) {
      const before = read(userId);
      const latest = before.last_at === undefined || at >= before.last_at;
      world.violations.set(userId, {
        ...before,
        [type]: before[type] + count,
        ...(latest ? { last_at: at, last_type: type } : {}),
        version: before.version + 1,
      });
    },

    async read(userId) {
      return { ...read(userId) };
    },

    async reset(userId) {
      world.violations.set(userId, { ...NONE, version: read(userId).version + 1 });
    },
  };
}
