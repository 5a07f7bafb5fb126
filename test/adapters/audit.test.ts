import { describe, expect, test } from '@jest/globals';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { verifyChain } from '../../core/audit/chain.ts';
import { type AuditRecord, EMPTY_CHAIN } from '../../core/audit/model.ts';
import type { AuditQuery } from '../../core/ports.ts';
import { change, NOON, readAll, record, run, STORES, user } from '../support/stores.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    describe('appending', () => {
      test('keeps records whole: the chain verifies out of what is read', async () => {
        const { audit } = await make();
        const records = run('edge:e:1', 250);
        expect(await audit.append(records)).toBe('appended');
        const { items, pages } = await readAll((page) => audit.chain('edge:e:1', page), 33);
        expect(items).toEqual(records);
        expect(pages).toEqual([33, 33, 33, 33, 33, 33, 33, 19]);
        const verdict = await verifyChain(nodeDigests, 'edge:e:1', items);
        expect(verdict).toMatchObject({ whole: true, head: { seq: 250 } });
        expect(await audit.head('edge:e:1')).toEqual({ seq: 250, hash: records.at(-1)?.hash });
        expect(await audit.head('edge:e:2')).toEqual(EMPTY_CHAIN);
        expect(await audit.expectedHead('edge:e:1')).toBeUndefined();
      });

      test('repeated, in whole or with more, is harmless', async () => {
        const { audit } = await make();
        const records = run('edge:e:1', 60);
        expect(await audit.append([])).toBe('appended');
        expect(await audit.append(records.slice(0, 30))).toBe('appended');
        expect(await audit.append(records.slice(0, 30))).toBe('appended');
        expect(await audit.append(records)).toBe('appended');
        expect((await audit.chain('edge:e:1', { limit: 100 })).items).toEqual(records);
      });

      test('where another record stands is taken, and overwrites nothing', async () => {
        const { audit } = await make();
        const [first, other] = [run('edge:e:1', 3), run('edge:e:1', 3)];
        expect(await audit.append(first)).toBe('appended');
        expect(await audit.append(other)).toBe('taken');
        expect((await audit.chain('edge:e:1', { limit: 9 })).items).toEqual(first);
      });

      test('of ten writers at once on one place one has it', async () => {
        const { audit } = await make();
        const racing = Array.from({ length: 10 }, () => record('edge:e:1'));
        const results = await Promise.all(racing.map((one) => audit.append([one])));
        expect(results.filter((result) => result === 'appended')).toHaveLength(1);
        expect((await audit.chain('edge:e:1', { limit: 9 })).items).toHaveLength(1);
      });

      test('records that do not follow each other are a defect', async () => {
        const { audit } = await make();
        await expect(audit.append([record('edge:e:1'), record('edge:e:1')])).rejects.toThrow(RangeError);
        await expect(audit.append([record('edge:e:1'), record('edge:e:2')])).rejects.toThrow(RangeError);
      });
    });

    describe('a query', () => {
      const ann = { principal: 'arn:aws:iam::111122223333:user/ann' };
      const bob = { principal: 'arn:aws:iam::111122223333:role/admin#bob' };
      /** Three chains over 40 days, with a month's gap in the middle, some records at the same instant. */
      const records: readonly AuditRecord[] = [
        ...run('user:u1', 100, { user_id: 'u1', actor: ann, type: 'suspend' }, 5 * HOUR),
        ...run('edge:e:1', 100, { user_id: 'u2', actor: bob, type: 'logon', at: NOON + 60 * DAY }, 7 * HOUR),
        ...run('edge:e:2', 50, { actor: bob, type: 'edge_started', at: NOON + 60 * DAY }, 7 * HOUR),
      ];
      const newestFirst = [...records].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
      const filters: readonly AuditQuery[] = [
        {},
        { user_id: 'u1' },
        { user_id: 'u2', type: 'logon' },
        { user_id: 'u2', type: 'logoff' as 'logon' },
        { type: 'logon' },
        { type: 'edge_started', actor: bob.principal },
        { actor: ann.principal },
        { actor: bob.principal, from: NOON + 70 * DAY },
        { from: NOON + 3 * DAY, to: NOON + 65 * DAY },
        { to: NOON },
        { from: NOON, to: NOON + 1 },
        { type: 'suspend', from: NOON + 5 * HOUR, to: NOON + 10 * HOUR },
        { user_id: 'u1', from: NOON + 5 * HOUR, to: NOON + 10 * HOUR },
        { user_id: 'u1', actor: ann.principal, from: NOON + DAY },
        { from: NOON + DAY, to: NOON },
      ];

      test('finds what was asked for, newest first, in pages of any size', async () => {
        const { audit } = await make();
        for (const chain of ['user:u1', 'edge:e:1', 'edge:e:2']) {
          expect(await audit.append(records.filter((one) => one.chain === chain))).toBe('appended');
        }
        const now = NOON + 200 * DAY;
        for (const filter of filters) {
          const expected = newestFirst.filter(
            (one) =>
              (filter.user_id === undefined || one.user_id === filter.user_id) &&
              (filter.type === undefined || one.type === filter.type) &&
              (filter.actor === undefined || one.actor.principal === filter.actor) &&
              one.at >= (filter.from ?? 0) &&
              one.at < (filter.to ?? Number.POSITIVE_INFINITY),
          );
          const whole = await audit.query(filter, { limit: 1000 }, now);
          expect(whole.next).toBeUndefined();
          expect(whole.items.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          const size = expected.length > 60 ? 17 : 3;
          const paged = await readAll((page) => audit.query(filter, page, now), size);
          expect(paged.items).toEqual(expected);
          expect(paged.pages.slice(0, -1).every((count) => count === size)).toBe(true);
        }
      }, 60_000);

      test('sees what changes have written, and nothing where nothing is', async () => {
        const { audit, directory } = await make();
        expect(await audit.query({}, { limit: 5 }, NOON)).toEqual({ items: [] });
        const made = change('ann', EMPTY_CHAIN, { user: user('ann') });
        await directory.commit(made);
        expect(await audit.query({}, { limit: 5 }, NOON + 1)).toEqual({ items: [made.record] });
        expect(await audit.query({ user_id: 'ann' }, { limit: 5 }, NOON + 1)).toEqual({ items: [made.record] });
      });
    });

    test('the names of all chains are told, of those too whose records were cut off whole', async () => {
      const { audit, directory } = await make();
      await audit.append(run('edge:e:1', 3));
      await audit.append(run('refused:p', 2));
      await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann') }));
      const names: string[] = [];
      for await (const name of audit.chains()) names.push(name);
      expect(names.sort()).toEqual(['edge:e:1', 'refused:p', 'user:ann']);
    });
  });
}
