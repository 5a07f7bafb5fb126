/** Violation counters in DynamoDB. */
import type { Violations } from '../../core/limits/model.ts';
import type { ViolationCounters } from '../../core/ports.ts';
import { key } from '../keys.ts';
import type { Database, Key } from './database.ts';

function counterKey(userId: string): Key {
  return { table: 'limits', pk: key('U', userId), sk: 'VIOL' };
}

export function createViolationCounters(database: Database): ViolationCounters {
  return {
    /** Counts once more when a reply was lost: these are figures for people, not limits. */
    async add(userId, type, count, at) {
      const update = counterKey(userId);
      const names = [type, 'version'];
      const counted = `ADD #${type} :count, #version :one`;
      const values = { ':count': count, ':one': 1 };
      const latest = await database.write({
        update,
        change: {
          text: `SET #last_at = :at, #last_type = :type ${counted}`,
          names: [...names, 'last_at', 'last_type'],
          values: { ...values, ':at': at, ':type': type },
        },
        when: { text: 'attribute_not_exists(#last_at) OR #last_at <= :at', names: ['last_at'], values: { ':at': at } },
      });
      if (!latest) await database.write({ update, change: { text: counted, names, values } });
    },

    async read(userId) {
      const row = await database.get(counterKey(userId));
      const {
        order = 0,
        cancel = 0,
        message = 0,
        version = 0,
        last_at,
        last_type,
      } = (row ?? {}) as Partial<Violations>;
      return {
        order,
        cancel,
        message,
        version,
        ...(last_at === undefined ? {} : { last_at }),
        ...(last_type === undefined ? {} : { last_type }),
      };
    },

    async reset(userId) {
      await database.write({
        update: counterKey(userId),
        change: {
          text: 'SET #order = :zero, #cancel = :zero, #message = :zero REMOVE #last_at, #last_type ADD #version :one',
          names: ['order', 'cancel', 'message', 'last_at', 'last_type', 'version'],
          values: { ':zero': 0, ':one': 1 },
        },
      });
    },
  };
}
