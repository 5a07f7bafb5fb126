import { describe, expect, test } from '@jest/globals';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { noteOf, policyNotes } from '../../core/audit/state.ts';
import type { Override, Rule } from '../../core/eligibility/model.ts';
import { ulid } from '../../core/ids.ts';
import { DEFAULT_TIERS, type Tier } from '../../core/limits/model.ts';
import type { Lock, LockTarget } from '../../core/locks/model.ts';
import type { PolicyEdit } from '../../core/ports.ts';
import type { EdgeCommand } from '../../core/sessions/model.ts';
import { NOON, record, STORES } from '../support/stores.ts';

const rule = (id: string, minimum = 0.1 + 0.2): Rule => ({
  id,
  name: id,
  message: 'm',
  enabled: true,
  added: 0,
  version: 1,
  type: 'min_balance',
  parameters: { minimum },
});
const override = (user_id: string, rule_id: string): Override => ({
  user_id,
  rule_id,
  reason: 'r',
  by: 'b',
  created_at: NOON,
  version: 1,
  exempt: false,
  threshold: 1.5,
});
const change = (edits: readonly PolicyEdit[], expected = EMPTY_CHAIN, expected_version = 0) => ({
  expected,
  expected_version,
  edits,
  record: record('policy', expected, { type: 'rule_add' }),
});
const head = (one: { readonly record: { readonly seq: number; readonly hash: string } }) => ({
  seq: one.record.seq,
  hash: one.record.hash,
});

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    describe('the policy', () => {
      test('of an empty store is nothing, of version 0', async () => {
        const { policy, audit } = await make();
        expect(await policy.read()).toEqual({ version: 0, chain: EMPTY_CHAIN, rules: [], tiers: [], locks: [] });
        expect(await policy.version()).toBe(0);
        expect(await policy.overrides('ann')).toEqual([]);
        expect(await audit.expectedHead('policy')).toEqual(EMPTY_CHAIN);
      });

      test('is scanned under the names that its records note', async () => {
        const { policy } = await make();
        const everybody: Lock = {
          target: { kind: 'everybody' },
          reason: 'r',
          by: 'b',
          locked_at: NOON,
          cancel_orders: false,
          version: 1,
        };
        const edits: PolicyEdit[] = [
          { put_rule: rule('a') },
          { put_tier: DEFAULT_TIERS[0] as Tier },
          { put_lock: everybody },
          { put_override: override('a#b', 'c:d') },
        ];
        await policy.commit(change(edits));
        const rows = [];
        for await (const { name, value } of policy.scan()) rows.push([name, noteOf(nodeDigests, value)]);
        expect(Object.fromEntries(rows)).toEqual(policyNotes(nodeDigests, edits));
        expect(rows).toHaveLength(4);
      });

      test('is what was put, by one transaction with its record', async () => {
        const { policy, audit } = await make();
        const first = change([
          { put_rule: rule('b') },
          { put_rule: rule('a') },
          ...DEFAULT_TIERS.map((tier) => ({ put_tier: tier })),
          { put_override: override('ann', 'a') },
          { put_override: override('a#n', 'a') },
        ]);
        expect(await policy.commit(first)).toBe('committed');
        const tiers = [...DEFAULT_TIERS].sort((a, b) => (a.name < b.name ? -1 : 1));
        expect(await policy.read()).toEqual({
          version: 1,
          chain: head(first),
          rules: [rule('a'), rule('b')],
          tiers,
          locks: [],
        });
        expect(await policy.version()).toBe(1);
        expect(await policy.overrides('ann')).toEqual([override('ann', 'a')]);
        expect(await audit.expectedHead('policy')).toEqual(head(first));
        expect((await audit.chain('policy', { limit: 9 })).items).toEqual([first.record]);

        const second = change(
          [
            { remove_rule: 'b' },
            { put_rule: rule('a', 7) },
            { remove_tier: 'basic' },
            { remove_override: { user_id: 'ann', rule_id: 'a' } },
          ],
          head(first),
          1,
        );
        expect(await policy.commit(second)).toBe('committed');
        expect(await policy.read()).toMatchObject({ version: 2, rules: [rule('a', 7)], tiers: { length: 3 } });
        expect(await policy.overrides('ann')).toEqual([]);
        expect(await policy.overrides('a#n')).toHaveLength(1);
      });

      test('says what is decided about some rules: of those nothing is missing, however many they are', async () => {
        const { policy } = await make();
        const ids = Array.from({ length: 9 }, (_, i) => `rule-${i}`);
        const given = [override('ann', 'rule-1'), override('ann', 'rule-8'), override('a#n', 'rule-0')];
        await policy.commit(change(given.map((one) => ({ put_override: one }))));
        for (const asked of [
          ids,
          ['rule-8', 'rule-0', 'rule-1'],
          ['rule-1', 'gone', 'rule-8'],
          ['rule-1'],
          ['gone'],
          [],
        ]) {
          const found = (await policy.overrides('ann', asked)).filter(({ rule_id }) => asked.includes(rule_id));
          expect(found.sort((a, b) => (a.rule_id < b.rule_id ? -1 : 1))).toEqual(
            given.slice(0, 2).filter(({ rule_id }) => asked.includes(rule_id)),
          );
        }
        expect(await policy.overrides('a#n', ['rule-0'])).toEqual([override('a#n', 'rule-0')]);
      });

      test('has locks, and tells edges in the same transaction', async () => {
        const { policy, edges } = await make();
        const lock = (target: LockTarget): Lock => ({
          target,
          reason: 'r',
          by: 'b',
          locked_at: NOON,
          expires_at: NOON + 1,
          cancel_orders: true,
          version: 1,
        });
        const [tier, all] = [lock({ kind: 'tier', tier: 'a#b' }), lock({ kind: 'everybody' })];
        const command: EdgeCommand = { id: ulid(NOON, systemRandom), at: NOON, type: 'policy_changed', version: 1 };
        const first = { ...change([{ put_lock: tier }, { put_lock: all }]), commands: [{ edge_id: 'e', command }] };
        expect(await policy.commit(first)).toBe('committed');
        expect((await policy.read()).locks).toEqual([all, tier]);
        expect(await edges.commands('e', '')).toEqual([command]);
        const stale = change([{ remove_lock: all.target }]);
        expect(await policy.commit({ ...stale, commands: [{ edge_id: 'f', command }] })).toBe('conflict');
        expect(await edges.commands('f', '')).toEqual([]);
        expect(await policy.commit(change([{ remove_lock: all.target }], head(first), 1))).toBe('committed');
        expect((await policy.read()).locks).toEqual([tier]);
      });

      test('a record alone moves the chain, not the version', async () => {
        const { policy } = await make();
        const refused = change([]);
        expect(await policy.commit(refused)).toBe('committed');
        expect(await policy.read()).toMatchObject({ version: 0, chain: head(refused) });
        const next = change([{ put_rule: rule('a') }], head(refused), 0);
        expect(await policy.commit(next)).toBe('committed');
        expect(await policy.version()).toBe(1);
      });

      test('repeated is committed once; on an old head or version it is a conflict', async () => {
        const { policy } = await make();
        const first = change([{ put_rule: rule('a') }]);
        for (let n = 0; n < 3; n++) expect(await policy.commit(first)).toBe('committed');
        expect(await policy.version()).toBe(1);
        expect(await policy.commit(change([{ put_rule: rule('x') }]))).toBe('conflict');
        expect(await policy.commit(change([{ put_rule: rule('x') }], head(first), 7))).toBe('conflict');
        expect((await policy.read()).rules).toEqual([rule('a')]);
      });

      test('of ten changes at once one wins, and a reader never sees half of one', async () => {
        const { policy } = await make();
        const tier = (n: number): Tier => ({ ...DEFAULT_TIERS[0]!, name: 't', version: n });
        const racing = Array.from({ length: 10 }, (_, n) =>
          change([{ put_rule: rule('r', n) }, { put_tier: tier(n) }]),
        );
        const reading = (async () => {
          for (let n = 0; n < 20; n++) {
            const { rules, tiers, version } = await policy.read();
            const [found] = rules;
            if (version > 0) {
              expect(found?.type === 'min_balance' && found.parameters.minimum).toBe(tiers[0]?.version);
            } else expect(rules).toEqual([]);
          }
        })();
        const results = await Promise.all(racing.map((one) => policy.commit(one)));
        await reading;
        expect(results.filter((result) => result === 'committed')).toHaveLength(1);
        expect(await policy.version()).toBe(1);
      });
    });
  });
}
