import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verifyChain } from '../../../core/audit/chain.ts';
import { MAX_CREDENTIALS_PER_USER } from '../../../core/credentials/model.ts';
import { proofItems } from '../../../core/credentials/proof.ts';
import { Api } from '../../lambdas/support.ts';

type Step = (api: Api) => Promise<unknown>;

/** Whatever an admin may do to a user, sensible or not. */
const STEPS: Readonly<Record<string, Step>> = {
  provision: (api) => api.provision('u', { idempotency_key: 'k' }),
  add: (api) => api.provision('u', { additional_credential: true }),
  raise: (api) => api.provision('u', { additional_credential: true, rate_limit_tier: 'premium' }),
  poor: (api) => api.provision('u', { additional_credential: true, account_balance: 1 }),
  suspend: (api) => api.call('suspend', { user_id: 'u', reason: 'r' }),
  reactivate: (api) => api.call('reactivate', { user_id: 'u', reason: 'r' }),
  revoke: (api) => api.call('revoke', { user_id: 'u', reason: 'r' }),
  password: (api) => api.call('regeneratePassword', { user_id: 'u', grace_seconds: 60 }),
  facts: (api) => api.call('updateUser', { user_id: 'u', account_balance: 2000 }),
  tier: (api) => api.call('updateRateLimit', { user_id: 'u', tier: 'standard' }),
  kill: (api) => api.call('killSessions', { user_id: 'u', reason: 'r' }),
  rule: (api) => api.call('disableRule', { id: 'min_balance' }),
  override: (api) => api.call('setOverride', { user_id: 'u', rule_id: 'kyc_level', exempt: true, reason: 'r' }),
};

const batches = fc.array(fc.array(fc.constantFrom(...Object.keys(STEPS)), { minLength: 1, maxLength: 4 }), {
  maxLength: 8,
});

describe('any interleaving of changes', () => {
  test('leaves whole chains, at most ten credentials, and a user that agrees with them', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (plan) => {
        const api = await Api.create();
        let epoch = 0;
        for (const batch of plan) {
          await Promise.all(batch.map((name) => (STEPS[name] as Step)(api)));
          epoch = await consistent(api, epoch);
        }
        await chainsAreWhole(api);
        expect(api.logged.filter((one) => one.level === 'error')).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

/** What must hold after every step; gives the user's epoch, which never goes back. */
async function consistent(api: Api, before: number): Promise<number> {
  const { user, credentials } = await api.stores.directory.account('u');
  if (user.state === 'absent') {
    expect(credentials).toEqual([]);
    return before;
  }
  const held = credentials.filter((one) => one.status !== 'revoked');
  expect(held.length).toBeLessThanOrEqual(MAX_CREDENTIALS_PER_USER);
  const status = ['active', 'suspended', 'revoked'].find((one) =>
    credentials.some((credential) => credential.status === one),
  );
  expect(user.status).toBe(status);
  for (const one of held) expect(one.tier).toBe(user.tier);
  for (const one of credentials) {
    expect(proofItems(one.proof).length).toBeGreaterThanOrEqual(1);
    expect(proofItems(one.proof).length).toBeLessThanOrEqual(2);
  }
  expect(user.epoch).toBeGreaterThanOrEqual(before);
  return user.epoch;
}

async function chainsAreWhole(api: Api): Promise<void> {
  for await (const chain of api.stores.audit.chains()) {
    const { items } = await api.stores.audit.chain(chain, { limit: 1000 });
    const expected = await api.stores.audit.expectedHead(chain);
    expect(await verifyChain(api.services.digests, chain, items, expected)).toMatchObject({ whole: true });
  }
}
