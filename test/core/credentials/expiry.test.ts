import { beforeEach, describe, expect, test } from '@jest/globals';
import { recordExpiry } from '../../../core/credentials/expiry.ts';
import type { Credential } from '../../../core/credentials/model.ts';
import { Api, START } from '../../lambdas/support.ts';

const EDGE = { principal: 'edge:e1' };
let api: Api;
let credential: Credential;
beforeEach(async () => {
  api = await Api.create();
  const expires_at = new Date(START + 1000).toISOString();
  const { sender_comp_id } = (await api.provision('u1', { expires_at })).body.credentials;
  credential = (await api.stores.directory.credential(sender_comp_id))?.credential as Credential;
});
const expiries = async () => (await api.call('audit', { type: 'expire' })).body.records;

describe('an expiry', () => {
  test('is not recorded before its time', async () => {
    api.clock.ms = START + 999;
    await recordExpiry(api.services, EDGE, credential);
    expect(await expiries()).toEqual([]);
  });

  test('is recorded once, however many see it at the same time', async () => {
    api.clock.ms = START + 1000;
    await Promise.all(Array.from({ length: 5 }, () => recordExpiry(api.services, EDGE, credential)));
    await recordExpiry(api.services, EDGE, credential);
    expect(await expiries()).toMatchObject([{ user_id: 'u1', sender_comp_id: credential.sender_comp_id, actor: EDGE }]);
  });

  test('ends the sessions of that credential alone', async () => {
    const edge = await api.stores.edges.register('e1', '0', START);
    await api.session(edge, credential.sender_comp_id);
    api.clock.ms = START + 1000;
    await recordExpiry(api.services, EDGE, credential);
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([
      { type: 'end_user', cause: 'expired', sender_comp_id: credential.sender_comp_id, below_epoch: 2 },
    ]);
  });

  test('shows in lists', async () => {
    api.clock.ms = START + 1000;
    expect((await api.call('credentials')).body.credentials).toMatchObject([{ expired: true, status: 'active' }]);
  });
});
