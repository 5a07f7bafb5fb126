import { describe, expect, test } from '@jest/globals';
import { NOON, STORES } from '../support/stores.ts';

const DIGEST = 'ab'.repeat(32);

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    const logon = (attempt: string, more: object = {}) => ({
      sender_comp_id: 'A#1',
      digest: DIGEST,
      attempt,
      until: NOON + 1000,
      now: NOON,
      ...more,
    });

    test('a signed Logon counts once, however many say it at the same moment', async () => {
      const { signedLogons } = await make();
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => signedLogons.once(logon(`try-${n}`))));
      expect(answers.filter((first) => first)).toHaveLength(1);
      expect(await signedLogons.once(logon('later', { now: NOON + 999 }))).toBe(false);
    });

    test('others are others: another name, another digest', async () => {
      const { signedLogons } = await make();
      expect(await signedLogons.once(logon('a'))).toBe(true);
      expect(await signedLogons.once(logon('b', { sender_comp_id: 'A' }))).toBe(true);
      expect(await signedLogons.once(logon('c', { digest: 'cd'.repeat(32) }))).toBe(true);
      expect(await signedLogons.once(logon('d'))).toBe(false);
    });

    test('a call that is repeated, because its reply was lost, is the same call', async () => {
      const { signedLogons } = await make();
      expect(await signedLogons.once(logon('a'))).toBe(true);
      expect(await signedLogons.once(logon('a'))).toBe(true);
      expect(await signedLogons.once(logon('b'))).toBe(false);
    });

    test('what is over counts for nothing, whether the store has removed it or not', async () => {
      const { signedLogons } = await make();
      expect(await signedLogons.once(logon('a'))).toBe(true);
      expect(await signedLogons.once(logon('b', { now: NOON + 1000, until: NOON + 2000 }))).toBe(true);
      expect(await signedLogons.once(logon('c', { now: NOON + 1001, until: NOON + 2000 }))).toBe(false);
    });
  });
}
