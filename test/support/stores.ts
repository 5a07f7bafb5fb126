// Every store that a suite runs over, and makers of the values that stores keep.
import { afterAll, beforeAll } from '@jest/globals';
import type { StoreClient } from '../../adapters/dynamodb/calls.ts';
import type { EdgeLayout } from '../../adapters/dynamodb/edge-rows.ts';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { createMemoryAdapters } from '../../adapters/memory/stores.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { Stores } from '../../adapters/stores.ts';
import { link } from '../../core/audit/chain.ts';
import { type AuditEntry, type AuditRecord, type ChainHead, EMPTY_CHAIN } from '../../core/audit/model.ts';
import { accountNotes } from '../../core/audit/state.ts';
import type { Credential, PasswordVerifier, User } from '../../core/credentials/model.ts';
import { ulid } from '../../core/ids.ts';
import type { AccountChange, Page, PageRequest } from '../../core/ports.ts';
import type { EdgeFigures, LiveSession } from '../../core/sessions/model.ts';
import { directOf, patienceOf, startStore, type TestStore } from './store.ts';

/** Ahead of every clock: a store that removes rows whose time is over (DynamoDB Local does, within seconds) leaves these alone. */
export const NOON = Date.UTC(2096, 0, 15, 12);

/** Makes empty stores, each time others. */
type Make = () => Promise<Stores>;

/** Every store, for `describe`: `open` is called inside of it and starts what the store needs. */
export const STORES: readonly (readonly [name: string, open: () => Make])[] = [
  ['memory', () => async () => createMemoryAdapters()],
  ['DynamoDB', () => openDynamo(({ client }) => client)],
  ['DynamoDB without the SDK', () => openDynamo(({ endpoint }) => directOf(endpoint))],
];

/** For suites about edges: the last has their rows in many partitions. */
export const EDGE_STORES: typeof STORES = [
  ...STORES,
  ['DynamoDB with the rows of edges spread', () => openDynamo(({ client }) => client, 'spread')],
];

function openDynamo(carrier: (store: TestStore) => StoreClient, edgeRows: EdgeLayout = 'together'): Make {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore();
  }, 30_000);
  afterAll(() => store?.stop());
  return async () =>
    createDynamoAdapters({
      client: carrier(store),
      tables: await store.tables(),
      random: systemRandom,
      edgeRows,
      ...patienceOf(store.endpoint),
    });
}

export function entry(more: Partial<AuditEntry> = {}): AuditEntry {
  const at = more.at ?? NOON;
  return {
    id: ulid(at, systemRandom),
    at,
    type: 'user_update',
    outcome: 'done',
    actor: { principal: 'arn:aws:iam::111122223333:user/ann' },
    details: { n: 0.1 + 0.2, text: 'ü', nested: { list: [1, null] } },
    ...more,
  };
}

export function record(chain: string, head: ChainHead = EMPTY_CHAIN, more: Partial<AuditEntry> = {}): AuditRecord {
  return link(nodeDigests, chain, head, entry(more));
}

/** `count` records that follow each other; the n-th is `step` ms later than the one before. */
export function run(chain: string, count: number, more: Partial<AuditEntry> = {}, step = 1): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  for (let n = 0; n < count; n++) {
    const before = records.at(-1);
    records.push(record(chain, before, { ...more, at: (more.at ?? NOON) + n * step }));
  }
  return records;
}

export function user(userId: string, more: Partial<User> = {}): User {
  return {
    user_id: userId,
    facts: {
      account_balance: 1.1e17,
      trading_volume: 0.1 + 0.2,
      account_age_days: 40,
      kyc_level: 2,
      groups: ['vip', 'Zürich'],
    },
    tier: 'basic',
    tier_assignment: 1,
    epoch: 1,
    status: 'active',
    created_at: NOON,
    updated_at: NOON,
    version: 1,
    ...more,
  };
}

export const VERIFIER: PasswordVerifier = {
  version: 1,
  salt: new Uint8Array([1, 2, 255]),
  sealed: new Uint8Array([9, 0, 200]),
  created_at: NOON,
};

export function credential(senderCompId: string, userId: string, more: Partial<Credential> = {}): Credential {
  return {
    sender_comp_id: senderCompId,
    target_comp_id: 'GATEWAY',
    user_id: userId,
    status: 'active',
    proof: { type: 'password', verifiers: [VERIFIER] },
    allowed_ips: ['10.0.0.0/8'],
    certificate_fingerprints: ['ab'.repeat(32)],
    session_profile: { reset_on_logon: true, heartbeat_interval: { min: 5, max: 60 }, begin_strings: ['FIX.4.4'] },
    idempotency: { key: 'k', principal: 'p', digest: 'd', until: NOON + 1 },
    tier: 'basic',
    created_at: NOON,
    updated_at: NOON,
    version: 1,
    ...more,
  };
}

/** A change that provisions `user` with these credentials; `more` replaces parts of it. */
export function change(userId: string, head: ChainHead, more: Partial<AccountChange> = {}): AccountChange {
  const state = accountNotes(nodeDigests, more.user, more.created ?? []);
  return {
    user_id: userId,
    expected: head,
    created: [],
    changed: [],
    commands: [],
    record: record(`user:${userId}`, head, { user_id: userId, ...(state ? { state } : {}) }),
    ...more,
  };
}

/** Commits a new user, so that slots have an epoch to stand on. */
export async function provision(stores: Stores, userId: string, more: Partial<User> = {}): Promise<void> {
  const made = await stores.directory.commit(change(userId, EMPTY_CHAIN, { user: user(userId, more) }));
  if (made.result !== 'committed') throw new Error(`provisioning ${userId}: ${made.result}`);
}

export const FIGURES: EdgeFigures = {
  sessions: 3,
  sessions_by_tier: { basic: 3 },
  sessions_peak: 4,
  logons_accepted: 5,
  logons_refused: { wrong_password: 2 },
  messages: 6,
  orders: 7,
  violations: 8,
};

let sessions = 0;

/** A session of this edge that was not there before. */
export function session(
  edge: { edge_id: string; incarnation: number },
  userId: string,
  sub = '',
): Omit<LiveSession, 'slot'> {
  const n = ++sessions;
  return {
    session_id: `${edge.edge_id}.${edge.incarnation}.${n}`,
    user_id: userId,
    key: {
      begin_string: 'FIX.4.4',
      sender_comp_id: `S-${userId}`,
      sender_sub_id: sub || `sub#${n}`,
      target_comp_id: 'GATEWAY',
    },
    ...edge,
    address: '10.0.0.1',
    started_at: NOON,
    epoch: 1,
  };
}

/** Everything of a list, page by page, with how many each page had. */
export async function readAll<T>(
  list: (page: PageRequest) => Promise<Page<T>>,
  limit: number,
): Promise<{ readonly items: readonly T[]; readonly pages: readonly number[] }> {
  const items: T[] = [];
  const pages: number[] = [];
  let after: string | undefined;
  do {
    const page = await list(after === undefined ? { limit } : { limit, after });
    items.push(...page.items);
    pages.push(page.items.length);
    after = page.next;
  } while (after !== undefined);
  return { items, pages };
}
