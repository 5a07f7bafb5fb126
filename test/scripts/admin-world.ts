// Admin ports over fresh tables of the embedded store, with defaults, for tests of tools.
import { createExpressions } from '../../adapters/cel/expressions.ts';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { fixedMasterKeys, type MasterKeys } from '../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../adapters/kms/vault.ts';
import { systemClock } from '../../adapters/node/clock.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { AdminPorts } from '../../core/admin.ts';
import { CompiledExpressions } from '../../core/eligibility/evaluate.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import { provision } from '../../core/provisioning.ts';
import type { Tables } from './tool.ts';

export const ADMIN = { actor: { principal: 'arn:aws:iam::111122223333:user/ann' }, reason: 'a test' };
const KEYS = fixedMasterKeys([{ id: 'k', key: new Uint8Array(32).fill(7) }]);
const FACTS = { account_balance: 5000.5, trading_volume: 20_000, account_age_days: 90, kyc_level: 3, groups: ['vip'] };

export async function adminPorts({ store, tables }: Tables, keys: MasterKeys = KEYS): Promise<AdminPorts> {
  const { audit: trail, ...stores } = createDynamoAdapters({ client: store.client, tables, random: systemRandom });
  const [box, vault] = [createRawAesSecretBox(keys), createRawAesVault(keys)];
  const expressions = new CompiledExpressions(createExpressions());
  const ports = {
    ...stores,
    trail,
    box,
    vault,
    digests: nodeDigests,
    random: systemRandom,
    clock: systemClock,
    expressions,
  };
  await ensureDefaults(ports, ADMIN.actor);
  return ports;
}

/** Provisions a user with a password, or another proof. */
export async function client(ports: AdminPorts, user_id: string, type: 'password' | 'hmac_sha256' = 'password') {
  const input = {
    rate_limit_tier: 'standard',
    facts: FACTS,
    allowed_ips: [],
    additional_credential: false,
    proof: { type },
  };
  const { issued } = await provision(ports, ADMIN, { ...input, user_id });
  const secret =
    issued.proof === 'password' ? issued.password : issued.proof === 'hmac_sha256' ? issued.secret : undefined;
  return { sender_comp_id: issued.sender_comp_id, secret: secret?.reveal() ?? '' };
}
