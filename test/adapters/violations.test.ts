import { describe, expect, test } from '@jest/globals';
import { NOON, STORES } from '../support/stores.ts';

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    test('violations add up over edges, the latest is told, a reset zeroes them', async () => {
      const { violations } = await make();
      expect(await violations.read('ann')).toEqual({ order: 0, cancel: 0, message: 0, version: 0 });
      await Promise.all(Array.from({ length: 20 }, (_, n) => violations.add('ann', 'order', 2, NOON + n)));
      await violations.add('ann', 'message', 3, NOON + 5);
      await violations.add('bob', 'cancel', 1, NOON);
      expect(await violations.read('ann')).toEqual({
        order: 40,
        cancel: 0,
        message: 3,
        last_at: NOON + 19,
        last_type: 'order',
        version: 21,
      });
      await violations.reset('ann');
      expect(await violations.read('ann')).toEqual({ order: 0, cancel: 0, message: 0, version: 22 });
      await violations.add('ann', 'cancel', 1, NOON);
      expect(await violations.read('ann')).toMatchObject({ cancel: 1, last_at: NOON, last_type: 'cancel' });
      expect(await violations.read('bob')).toMatchObject({ cancel: 1 });
      await violations.reset('nobody');
      expect(await violations.read('nobody')).toMatchObject({ order: 0, cancel: 0, message: 0 });
    });
  });
}
