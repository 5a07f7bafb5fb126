/** Rows beside records while changes go on: a change that is being made is none past the product. */
import { beforeEach, expect, test } from '@jest/globals';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { link } from '../../../core/audit/chain.ts';
import { findDirectWrites, StateFold } from '../../../core/audit/direct.ts';
import type { AuditRecord } from '../../../core/audit/model.ts';
import { credentialIs, credentialNote } from '../../../core/audit/state.ts';
import { walkTrail } from '../../../core/audit/walk.ts';
import { changeStatus } from '../../../core/credentials/status.ts';
import { credential, NOON, VERIFIER } from '../../support/stores.ts';
import { ADMIN, createTestWorld, type TestWorld } from '../sessions/world.ts';

let world: TestWorld;
beforeEach(async () => {
  world = await createTestWorld();
  await world.user('alice');
});

async function folded(): Promise<StateFold> {
  const fold = new StateFold();
  const { trail, digests } = world.admin;
  for await (const verdict of walkTrail({ trail, digests }, undefined, async (record) => fold.see(record)))
    expect(verdict.whole).toBe(true);
  return fold;
}

test('a change between the walk and the rows is found to be one', async () => {
  const fold = await folded();
  await changeStatus(world.admin, ADMIN, 'suspend', { user_id: 'alice' });
  await world.user('bob');
  expect((await findDirectWrites(world.admin, fold)).writes).toEqual([]);
});

test('a row that keeps changing by the product is never named, one that was changed past it always', async () => {
  const fold = await folded();
  let looks = 0;
  const { directory } = world.admin;
  const scan = async function* () {
    looks += 1;
    await changeStatus(world.admin, ADMIN, looks % 2 === 1 ? 'suspend' : 'reactivate', { user_id: 'alice' });
    yield* directory.scan();
  };
  const ports = { ...world.admin, directory: { scan } };
  expect((await findDirectWrites(ports, fold)).writes).toEqual([]);
  expect(looks).toBe(2);
  const row = world.world.users.get('alice');
  if (row?.user === undefined) throw new Error('no user');
  world.world.users.set('alice', { ...row, user: { ...row.user, tier: 'premium' } });
  expect((await findDirectWrites(world.admin, await folded())).writes).toMatchObject([
    { chain: 'user:alice', name: 'user', found: 'changed' },
  ]);
});

test('rows of a release that noted no state are counted, not named', async () => {
  const { chains } = world.world;
  const records = chains.get('user:alice') as AuditRecord[];
  let head = { seq: 0, hash: '0'.repeat(64) };
  const older = records.map(({ state: _s, chain, seq: _q, prev_hash: _p, hash: _h, ...entry }) => {
    const record = link(nodeDigests, chain, head, entry);
    head = { seq: record.seq, hash: record.hash };
    return record;
  });
  chains.set('user:alice', older);
  const row = world.world.users.get('alice');
  if (row !== undefined) world.world.users.set('alice', { ...row, chain: head });
  expect(await findDirectWrites(world.admin, await folded())).toMatchObject({ writes: [], older: 2 });
});

test('a note holds for what a logon does to a credential, and for nothing else', () => {
  const second = { ...VERIFIER, version: 2 };
  const before = credential('A', 'ann', {
    proof: { type: 'password', verifiers: [second, { ...VERIFIER, retires_at: NOON }] },
  });
  const note = credentialNote(nodeDigests, before);
  const is = (more: object) => credentialIs(nodeDigests, note, { ...before, ...more });
  const proofs = (retires_at: number | undefined, salt = VERIFIER.salt) => ({
    proof: {
      type: 'password',
      verifiers: [second, { ...VERIFIER, salt, ...(retires_at === undefined ? {} : { retires_at }) }],
    },
  });
  expect([is({}), is({ first_logon_at: 1, version: 9, updated_at: 2 }), is(proofs(NOON - 1))]).toEqual([
    true,
    true,
    true,
  ]);
  for (const more of [
    { status: 'suspended' },
    { allowed_ips: [] },
    { expires_at: 1 },
    proofs(NOON + 1),
    proofs(undefined),
    proofs(NOON, new Uint8Array([9])),
    { proof: { type: 'password', verifiers: [second] } },
  ])
    expect([more, is(more)]).toEqual([more, false]);
});
