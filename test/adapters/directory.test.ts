import { describe, expect, test } from '@jest/globals';
import type { Stores } from '../../adapters/stores.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import type { Credential, CredentialProof, CredentialStatus } from '../../core/credentials/model.ts';
import { proofItems } from '../../core/credentials/proof.ts';
import type { Lock } from '../../core/locks/model.ts';
import { change, credential, NOON, provision, readAll, STORES, user, VERIFIER } from '../support/stores.ts';

const head = ({ record }: { readonly record: { readonly seq: number; readonly hash: string } }) => ({
  seq: record.seq,
  hash: record.hash,
});

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    describe('an account', () => {
      test('nobody is absent with an empty chain', async () => {
        const { directory } = await make();
        expect(await directory.account('nobody')).toEqual({
          user: { state: 'absent', user_id: 'nobody', chain: EMPTY_CHAIN },
          credentials: [],
        });
        expect(await directory.credential('NOBODY')).toBeUndefined();
      });

      test('comes back as it was committed, doubles and bytes exactly', async () => {
        const { directory } = await make();
        const made = change('ann', EMPTY_CHAIN, {
          user: user('ann', { max_sessions: 2, bypass: { reason: 'r', by: 'b', at: NOON } }),
          created: [credential('B', 'ann', { expires_at: NOON }), credential('A', 'ann')],
        });
        expect(await directory.commit(made)).toEqual({ result: 'committed' });
        expect(await directory.account('ann')).toEqual({
          user: { state: 'present', chain: head(made), ...made.user },
          credentials: [made.created[1], made.created[0]],
        });
        expect(await directory.credential('B')).toEqual({ credential: made.created[0], user: made.user });
      });

      test('a scan has every user and credential, and nothing of who is absent', async () => {
        const { directory } = await make();
        const created = [credential('A', 'ann'), credential('B#', 'ann', { idempotency: undefined as never })];
        await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created, lock: 'put' }));
        await directory.commit(change('bob', EMPTY_CHAIN, { user: user('bob') }));
        await directory.commit(change('absent', EMPTY_CHAIN));
        const rows = [];
        for await (const row of directory.scan()) rows.push(row);
        expect(rows).toHaveLength(4);
        for (const one of ['ann', 'bob']) expect(rows).toContainEqual({ kind: 'user', user: user(one) });
        for (const one of created) expect(rows).toContainEqual({ kind: 'credential', credential: one });
      });

      test('a proof sealed anew takes the place of the one that was read, and of no other', async () => {
        const { directory } = await make();
        const before = credential('A', 'ann');
        await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [before] }));
        const anew: CredentialProof = {
          type: 'password',
          verifiers: [{ ...VERIFIER, sealed: new Uint8Array([7, 0]) }],
        };
        expect(await directory.reseal(before, anew)).toBe(true);
        const after = { ...before, proof: anew, version: 2 };
        expect((await directory.credential('A'))?.credential).toEqual(after);
        expect(await directory.reseal(before, before.proof)).toBe(false);
        expect(await directory.reseal({ ...before, sender_comp_id: 'B' }, anew)).toBe(false);
        expect((await directory.credential('A'))?.credential).toEqual(after);
      });

      test('a refused change leaves a record and no user', async () => {
        const { directory, audit } = await make();
        const refused = change('ann', EMPTY_CHAIN);
        expect(await directory.commit(refused)).toEqual({ result: 'committed' });
        expect((await directory.account('ann')).user).toEqual({
          state: 'absent',
          user_id: 'ann',
          chain: head(refused),
        });
        expect((await audit.chain('user:ann', { limit: 10 })).items).toEqual([refused.record]);
        expect(await audit.expectedHead('user:ann')).toEqual(head(refused));
        const made = change('ann', head(refused), { user: user('ann') });
        expect(await directory.commit(made)).toEqual({ result: 'committed' });
        const again = change('ann', head(made));
        expect(await directory.commit(again)).toEqual({ result: 'committed' });
        expect((await directory.account('ann')).user).toEqual({ state: 'present', chain: head(again), ...made.user });
      });

      test('names with the separators of keys are names like any other', async () => {
        const { directory } = await make();
        for (const name of ['a#b', 'a%23b', 'META', 'ü', 'a b']) {
          const made = change(name, EMPTY_CHAIN, { user: user(name), created: [credential(`C:/${name}`, name)] });
          expect(await directory.commit(made)).toEqual({ result: 'committed' });
        }
        for (const name of ['a#b', 'a%23b', 'META', 'ü', 'a b']) {
          const found = await directory.credential(`C:/${name}`);
          expect(found?.user.user_id).toBe(name);
          expect((await directory.account(name)).credentials).toHaveLength(1);
        }
      });
    });

    describe('a commit', () => {
      test('repeated is still committed, once', async () => {
        const { directory, audit } = await make();
        const made = change('ann', EMPTY_CHAIN, { user: user('ann'), created: [credential('A', 'ann')] });
        for (let n = 0; n < 3; n++) expect(await directory.commit(made)).toEqual({ result: 'committed' });
        expect((await audit.chain('user:ann', { limit: 10 })).items).toHaveLength(1);
      });

      test('on an old head is a conflict and changes nothing', async () => {
        const { directory, edges } = await make();
        await provision({ directory } as Stores, 'ann');
        const stale = change('ann', EMPTY_CHAIN, {
          user: user('ann', { tier: 'premium' }),
          created: [credential('A', 'ann')],
          commands: [{ edge_id: 'e', command: { id: '1', at: NOON, type: 'violations_reset', user_id: 'ann' } }],
        });
        expect(await directory.commit(stale)).toEqual({ result: 'conflict' });
        expect((await directory.account('ann')).user).toMatchObject({ tier: 'basic' });
        expect(await directory.credential('A')).toBeUndefined();
        expect(await edges.commands('e', '')).toEqual([]);
        expect((await directory.account('ann')).user.chain.seq).toBe(1);
      });

      test('of a taken SenderCompID says which, and changes nothing', async () => {
        const { directory } = await make();
        const first = change('ann', EMPTY_CHAIN, { user: user('ann'), created: [credential('A', 'ann')] });
        await directory.commit(first);
        const second = change('bob', EMPTY_CHAIN, {
          user: user('bob'),
          created: [credential('B', 'bob'), credential('A', 'bob')],
        });
        expect(await directory.commit(second)).toEqual({ result: 'sender_comp_id_taken', sender_comp_id: 'A' });
        expect((await directory.account('bob')).user.state).toBe('absent');
        expect(await directory.credential('B')).toBeUndefined();
        expect((await directory.credential('A'))?.credential.user_id).toBe('ann');
      });

      test('of a credential that has changed since is a conflict', async () => {
        const { directory } = await make();
        const made = change('ann', EMPTY_CHAIN, { user: user('ann'), created: [credential('A', 'ann')] });
        await directory.commit(made);
        expect(await directory.noteLogon(credential('A', 'ann'), NOON, 1)).toBe(true);
        const suspended = credential('A', 'ann', { status: 'suspended', version: 2 });
        const changed = (expected_version: number) =>
          change('ann', head(made), { changed: [{ credential: suspended, expected_version }] });
        expect(await directory.commit(changed(1))).toEqual({ result: 'conflict' });
        expect((await directory.credential('A'))?.credential.status).toBe('active');
        expect(await directory.commit(changed(2))).toEqual({ result: 'committed' });
        expect((await directory.credential('A'))?.credential.status).toBe('suspended');
      });

      test('of ten at once on one head: one wins', async () => {
        const { directory, audit } = await make();
        const racing = Array.from({ length: 10 }, (_, n) =>
          change('ann', EMPTY_CHAIN, { user: user('ann', { tier: `t${n}` }) }),
        );
        const results = await Promise.all(racing.map((one) => directory.commit(one)));
        expect(results.filter(({ result }) => result === 'committed')).toHaveLength(1);
        expect(results.filter(({ result }) => result === 'conflict')).toHaveLength(9);
        const winner = racing[results.findIndex(({ result }) => result === 'committed')];
        expect((await directory.account('ann')).user).toMatchObject({ tier: winner?.user?.tier });
        expect((await audit.chain('user:ann', { limit: 10 })).items).toEqual([winner?.record]);
      });

      test('of one SenderCompID by ten users at once: one has it', async () => {
        const { directory } = await make();
        const results = await Promise.all(
          Array.from({ length: 10 }, (_, n) =>
            directory.commit(
              change(`u${n}`, EMPTY_CHAIN, { user: user(`u${n}`), created: [credential('SAME', `u${n}`)] }),
            ),
          ),
        );
        expect(results.filter(({ result }) => result === 'committed')).toHaveLength(1);
        expect(results.filter(({ result }) => result === 'sender_comp_id_taken')).toHaveLength(9);
      });

      test('puts its commands with it', async () => {
        const { directory, edges } = await make();
        const command = {
          id: '01',
          at: NOON,
          type: 'end_session',
          session_id: 's',
          cause: 'killed',
          reason: 'r',
        } as const;
        await directory.commit(change('ann', EMPTY_CHAIN, { commands: [{ edge_id: 'e', command }] }));
        expect(await edges.commands('e', '')).toEqual([command]);
      });

      test('puts and removes the user in the list of locks, paged by name', async () => {
        const { directory } = await make();
        const lock = (user_id: string): Lock => ({
          target: { kind: 'user', user_id },
          reason: 'r',
          by: 'b',
          locked_at: NOON,
          cancel_orders: false,
          version: 1,
        });
        const names = ['a', 'a#b', 'a.c', 'b'];
        const made = names.map((name) =>
          change(name, EMPTY_CHAIN, { user: user(name, { lock: lock(name) }), lock: 'put' }),
        );
        for (const one of made) expect((await directory.commit(one)).result).toBe('committed');
        const first = await directory.listLocks({ limit: 3 });
        const rest = await directory.listLocks({ limit: 3, after: first.next! });
        expect([...first.items, ...rest.items].map(({ target }) => target)).toEqual(
          names.map((one) => lock(one).target),
        );
        const lifted = change('a#b', made[1]!.record, { user: user('a#b'), lock: 'remove' });
        expect((await directory.commit(lifted)).result).toBe('committed');
        expect((await directory.listLocks({ limit: 10 })).items).toHaveLength(3);
      });

      test('of a record that does not follow the head is a defect', async () => {
        const { directory } = await make();
        const other = change('ann', { seq: 4, hash: 'a'.repeat(64) });
        await expect(directory.commit({ ...other, expected: EMPTY_CHAIN })).rejects.toThrow(RangeError);
      });
    });

    describe('a proof', () => {
      const secret = (version: number) => ({ version, sealed: new Uint8Array([version, 0, 255]), created_at: NOON });
      const key = (version: number) => ({ version, key_id: `k${version}`, public_key: 'AAAA', created_at: NOON });
      test.each<[CredentialProof, CredentialProof]>([
        [
          { type: 'hmac_sha256', secrets: [secret(2), { ...secret(1), retires_at: NOON + 5 }] },
          { type: 'hmac_sha256', secrets: [] },
        ],
        [
          { type: 'ed25519', keys: [key(2), { ...key(1), retires_at: NOON + 5 }] },
          { type: 'ed25519', keys: [key(2), { ...key(1), retires_at: NOON + 5 }] },
        ],
        [
          { type: 'ed25519', keys: [] },
          { type: 'ed25519', keys: [] },
        ],
      ])('of %j comes back as it went; lists show %j', async (proof, shown) => {
        const { directory } = await make();
        const made = credential('A', 'ann', { proof });
        await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [made] }));
        expect((await directory.credential('A'))?.credential).toEqual(made);
        expect((await directory.account('ann')).credentials).toEqual([made]);
        expect((await directory.listCredentials({}, { limit: 5 })).items[0]?.proof).toEqual(shown);
      });

      test('retires older secrets at a logon, and no keys', async () => {
        const { directory } = await make();
        const secrets = credential('A', 'ann', { proof: { type: 'hmac_sha256', secrets: [secret(2), secret(1)] } });
        const keys = credential('B', 'ann', { proof: { type: 'ed25519', keys: [key(2), key(1)] } });
        await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [secrets, keys] }));
        const ends = async (before: Credential) => {
          expect(await directory.noteLogon(before, NOON, 2)).toBe(true);
          const after = (await directory.credential(before.sender_comp_id))?.credential;
          return after && proofItems(after.proof).map((one) => one.retires_at);
        };
        expect([await ends(secrets), await ends(keys)]).toEqual([
          [undefined, NOON],
          [undefined, undefined],
        ]);
      });
    });

    describe('the first logon', () => {
      test('is noted, retires older passwords, and needs the version that was read', async () => {
        const { directory } = await make();
        const password = (version: number, retires_at?: number) => ({
          ...VERIFIER,
          version,
          ...(retires_at === undefined ? {} : { retires_at }),
        });
        const made = credential('A', 'ann', {
          proof: { type: 'password', verifiers: [password(3), password(2, NOON + 1000), password(1, NOON - 5)] },
        });
        await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [made] }));
        const read = async () => (await directory.credential('A'))?.credential ?? made;
        expect(await directory.noteLogon({ ...made, version: 7 }, NOON, 3)).toBe(false);
        expect(await directory.noteLogon({ ...made, sender_comp_id: 'NONE' }, NOON, 3)).toBe(false);
        expect((await directory.credential('NONE'))?.credential).toBeUndefined();
        expect(await directory.noteLogon(made, NOON, 2)).toBe(true);
        expect(await read()).toEqual({
          ...made,
          first_logon_at: NOON,
          updated_at: NOON,
          version: 2,
        });
        expect(await directory.noteLogon(await read(), NOON + 9, 3)).toBe(true);
        const after = await read();
        expect(after).toMatchObject({ first_logon_at: NOON, version: 3 });
        expect(proofItems(after.proof).map((one) => one.retires_at)).toEqual([undefined, NOON + 9, NOON - 5]);
        expect(await directory.noteLogon(after, NOON + 10, 3)).toBe(true);
        expect(await directory.noteLogon({ ...after, version: 2 }, NOON + 10, 3)).toBe(false);
        expect((await read()).version).toBe(3);
      });

      test('of ten at once: one notes it', async () => {
        const { directory } = await make();
        const made = credential('A', 'ann');
        await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [made] }));
        const noted = await Promise.all(Array.from({ length: 10 }, () => directory.noteLogon(made, NOON, 1)));
        expect(noted.filter(Boolean)).toHaveLength(1);
      });
    });

    describe('lists', () => {
      const statuses: readonly CredentialStatus[] = ['active', 'suspended', 'revoked'];
      const tiers = ['basic', 'premium', 'premium-2'];

      /** 250 users of 9 kinds, with a credential each. */
      async function fill({ directory }: Stores): Promise<void> {
        const all = Array.from({ length: 250 }, (_, n) => {
          const name = `u${String(n).padStart(3, '0')}`;
          const kind = { status: statuses[n % 3] as CredentialStatus, tier: tiers[Math.floor(n / 3) % 3] as string };
          return change(name, EMPTY_CHAIN, { user: user(name, kind), created: [credential(`C${name}`, name, kind)] });
        });
        for (let at = 0; at < all.length; at += 25) {
          await Promise.all(all.slice(at, at + 25).map((one) => directory.commit(one)));
        }
      }

      test('250 of them, whole and in order, by every filter and in pages of any size', async () => {
        const stores = await make();
        await fill(stores);
        const { directory } = stores;
        const filters = [
          {},
          ...statuses.map((status) => ({ status })),
          { tier: 'premium' },
          { status: 'active', tier: 'premium' },
        ] as const;
        for (const filter of filters) {
          const whole = await readAll((page) => directory.listCredentials(filter, page), 1000);
          const expected = Array.from({ length: 250 }, (_, n) => n).filter(
            (n) =>
              (!('status' in filter) || statuses[n % 3] === filter.status) &&
              (!('tier' in filter) || tiers[Math.floor(n / 3) % 3] === filter.tier),
          );
          expect(whole.pages).toEqual([expected.length]);
          const sorted = [...whole.items].sort(
            (a, b) =>
              (a.status < b.status ? -1 : a.status > b.status ? 1 : 0) ||
              (a.tier < b.tier ? -1 : a.tier > b.tier ? 1 : 0) ||
              (a.user_id < b.user_id ? -1 : 1),
          );
          expect(whole.items).toEqual(sorted);
          const size = expected.length > 100 ? 33 : 7;
          const paged = await readAll((page) => directory.listCredentials(filter, page), size);
          expect(paged.items).toEqual(whole.items);
          expect(paged.pages.slice(0, -1).every((count) => count === size)).toBe(true);
          const users = await readAll((page) => directory.listUsers(filter, page), size);
          expect(users.items.map(({ user_id }) => user_id)).toEqual(whole.items.map(({ user_id }) => user_id));
        }
        const counts = await directory.countUsers();
        expect(counts).toHaveLength(9);
        expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(250);
        expect(counts).toContainEqual({ status: 'suspended', tier: 'premium-2', count: 27 });
      }, 60_000);

      test('show no secret and whole users', async () => {
        const { directory } = await make();
        const made = change('ann', EMPTY_CHAIN, { user: user('ann'), created: [credential('A', 'ann')] });
        await directory.commit(made);
        const { idempotency: _, ...rest } = credential('A', 'ann');
        expect(await directory.listCredentials({}, { limit: 5 })).toEqual({
          items: [{ ...rest, proof: { type: 'password', verifiers: [] } }],
        });
        expect(await directory.listUsers({}, { limit: 5 })).toEqual({ items: [made.user] });
      });

      test('pages of one; none of no rows, of too many, of a part', async () => {
        const { directory } = await make();
        for (const name of ['a', 'b', 'c']) await provision({ directory } as Stores, name);
        const paged = await readAll((page) => directory.listUsers({}, page), 1);
        expect(paged.pages).toEqual([1, 1, 1]);
        for (const limit of [0, 1001, 1.5]) {
          await expect(directory.listUsers({}, { limit })).rejects.toThrow(RangeError);
        }
      });
    });
  });
}
