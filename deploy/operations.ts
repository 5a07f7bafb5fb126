/**
 * Every operation of the deployed admin API, each with the ways through it that ask other things of the tables: what the
 * access matrix (deploy/access.ts) is made of. The story beside it tells what clients see; here it is what roles call.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { OPERATIONS } from '../contract/operations.ts';
import { AdminClient, type AdminTarget, type Reply } from '../local/admin-client.ts';
import { FixClient } from '../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import { client, eventually, expecting, order, outcome, type Stage } from './story.ts';

/** Of a call for which the store did not answer in time: on a machine that does other things the emulator is slow. */
const TRIES = 5;

/** Remembers which operations it was answered well. Calls again when the store did not answer, as any client would. */
export class CountingClient extends AdminClient {
  readonly #answered: Set<string>;

  constructor(target: AdminTarget, answered: Set<string>) {
    super(target);
    this.#answered = answered;
  }

  override async request(...call: Parameters<AdminClient['request']>): Promise<Reply> {
    let reply = await super.request(...call);
    for (let left = TRIES - 1; reply.status === 503 && left > 0; left--) reply = await super.request(...call);
    if (reply.status < 300) this.#answered.add(`${call[0]} /${call[1]}`);
    return reply;
  }
}

/** Operations of the contract that were never answered well. */
export const unanswered = (answered: ReadonlySet<string>): readonly string[] =>
  OPERATIONS.map(({ method, path }) => `${method} ${path}`).filter((one) => !answered.has(one));

/** @param stage its user is one that nobody else has; its client counts */
export async function playOperations(stage: Stage): Promise<void> {
  const { report: told, admin, user } = stage;
  const owner = await told.step('operations: a user with credentials of two kinds', async () => {
    const facts = { user_id: user, rate_limit_tier: 'standard', ...ELIGIBLE };
    const issued = (await expecting(201, admin.post('provision', facts))).credentials as Credentials;
    await credentialsOf(stage, issued);
    return { ...issued, password: await ownPassword(stage, issued) };
  });
  const trader = client(stage, owner);
  try {
    await told.step('operations: limits, tiers and violations of a user who trades', () =>
      limits(stage, trader, owner),
    );
    await told.step('operations: announcements to sessions, a user, a tier and everybody', () =>
      notices(stage, trader, owner),
    );
    await told.step('operations: locks of a user, a tier and everybody, with who is logged on', () =>
      locks(stage, trader, owner),
    );
  } finally {
    trader.destroy();
  }
  await told.step('operations: numbers of a session that is away', () => numbers(stage, owner));
  await told.step('operations: rules and overrides', () => rules(stage));
  await told.step('operations: every list, page by page', () => lists(stage));
  await told.step('operations: stopping clients, by user and by name', () => stopping(stage, owner));
}

const REASON = { reason: 'deploy:local' };

async function credentialsOf({ admin, user }: Stage, owner: Credentials): Promise<void> {
  const publicKey = () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const proof = { type: 'ed25519', public_key: publicKey(), key_id: 'one' };
  const request = { user_id: user, rate_limit_tier: 'standard', ...ELIGIBLE, additional_credential: true, proof };
  const { credentials } = await expecting(201, admin.post('provision', request));
  const { sender_comp_id } = credentials;
  // A name that somebody has: the store is asked whether it was this very change that took it.
  const taken = { ...request, proof: { ...proof, public_key: publicKey() }, sender_comp_id };
  strictEqual((await expecting(409, admin.post('provision', taken))).error.code, 'sender_comp_id_taken');
  await expecting(200, admin.post('credentials/keys/add', { sender_comp_id, public_key: publicKey(), key_id: 'two' }));
  await expecting(200, admin.post('credentials/keys/remove', { sender_comp_id, key_id: 'one', grace_seconds: 0 }));
  const unknown = { sender_comp_id, key_id: 'three', grace_seconds: 0 };
  strictEqual((await expecting(404, admin.post('credentials/keys/remove', unknown))).error.code, 'key_not_found');
  const session_profile = { news: { maintenance: true, recovery_complete: false } };
  await expecting(200, admin.post('credentials/profile', { sender_comp_id: owner.sender_comp_id, session_profile }));
  await expecting(200, admin.post('users/update', { user_id: user, account_balance: 30_000 }));
  // Not of the schema: on record all the same, in the caller's own chain.
  await expecting(400, admin.post('suspend', { user_id: user, unknown: 1 }));
}

/** By FIXT 1.1, whose Logon has NewPassword. @returns the password that counts then */
async function ownPassword({ fix }: Stage, { sender_comp_id: sender, target_comp_id: target, password }: Credentials) {
  const next = randomBytes(24).toString('base64url');
  const live = new FixClient({ ...fix, sender, target, begin_string: 'FIXT.1.1' });
  try {
    const answer = await live.logon(password, [
      [925, next],
      [141, 'Y'],
      [1137, 9],
    ]);
    strictEqual(answer.type, 'A', String(answer));
    live.send('XLQ', [[6136, 'where do limits stand']]);
    await live.next(({ type }) => type === 'XLR');
    await live.logout();
  } finally {
    live.destroy();
  }
  return next;
}

async function logonOf(trader: FixClient, { password }: Credentials): Promise<void> {
  const answer = await trader.logon(password, [[141, 'Y']]);
  strictEqual(answer.type, 'A', String(answer));
}

async function limits({ admin, user }: Stage, trader: FixClient, owner: Credentials): Promise<void> {
  await logonOf(trader, owner);
  trader.send('D', order('lease-1'));
  await trader.next(({ type }) => type === '8');
  const { rate_limits } = await expecting(200, admin.get('rate-limits', { user_id: user }));
  ok(rate_limits[0].tokens !== undefined, JSON.stringify(rate_limits[0]));
  const tier = { name: `tier-${user}`, orders_per_second: 7, messages_per_second: 70, max_sessions: 3, burst: 20 };
  await expecting(200, admin.post('rate-limits/tiers/put', tier));
  await expecting(200, admin.post('rate-limits/update', { user_id: user, tier: tier.name }));
  const stale = { user_id: user, tier: 'premium', if_version: 1 };
  strictEqual((await expecting(409, admin.post('rate-limits/update', stale))).error.code, 'version_conflict');
  const inUse = await expecting(409, admin.post('rate-limits/tiers/remove', { name: tier.name }));
  strictEqual(inUse.error.code, 'tier_in_use');
  await expecting(200, admin.post('rate-limits/reset-violations', { user_id: user }));
  await expecting(200, admin.post('rate-limits/update', { user_id: user, tier: 'standard' }));
  await eventually(
    async () => (await admin.post('rate-limits/tiers/remove', { name: tier.name })).status === 200,
    'a tier that nobody has any more',
  );
}

async function notices({ admin, user }: Stage, trader: FixClient, owner: Credentials): Promise<void> {
  const targets = [{ user_id: user }, { sender_comp_id: owner.sender_comp_id }, { tier: 'standard' }, { all: true }];
  for (const [i, target] of targets.entries()) {
    const text = `notice ${i}`;
    const { told, silent } = await expecting(200, admin.post('sessions/notify', { ...target, text }));
    deepStrictEqual([told >= 1, silent], [true, []]);
    await trader.next((message) => message.type === 'B' && message.get(58) === text);
  }
  const nobody = await expecting(404, admin.post('sessions/notify', { tier: 'no-such-tier', text: 'x' }));
  strictEqual(nobody.error.code, 'tier_not_found');
}

async function locks(stage: Stage, trader: FixClient, owner: Credentials): Promise<void> {
  const { admin, user } = stage;
  const targets = [{ user_id: user }, { tier: 'standard' }, { everybody: true }];
  for (const [i, target] of targets.entries()) {
    const live = i === 0 ? trader : client(stage, owner);
    try {
      if (i > 0) await logonOf(live, owner);
      await expecting(200, admin.post('lock', { ...target, ...REASON }));
      await live.next(({ type }) => type === '5');
      await live.closed();
      ok((await expecting(200, admin.get('locks'))).locks.length > 0);
      await expecting(200, admin.post('unlock', target));
    } finally {
      live.destroy();
    }
  }
  strictEqual((await expecting(404, admin.post('unlock', { user_id: user }))).error.code, 'lock_not_found');
}

async function numbers(stage: Stage, owner: Credentials): Promise<void> {
  const { admin } = stage;
  // By FIXT 1.1 it has been there, too: one of several.
  const session = { sender_comp_id: owner.sender_comp_id, begin_string: 'FIX.4.4' };
  const shown = async () => (await expecting(200, admin.get('sessions/sequence', session))).sequences;
  await eventually(async () => (await shown())[0]?.live === false, 'numbers of a session that is away');
  const set = await expecting(200, admin.post('sessions/sequence/set', { ...session, next_in: 41, next_out: 42 }));
  deepStrictEqual([set.pending, set.sequence.next_in, set.sequence.next_out], [false, 41, 42]);
  const reset = await expecting(200, admin.post('sessions/sequence/reset', session));
  deepStrictEqual([reset.pending, reset.sequence.next_in, reset.sequence.next_out], [false, 1, 1]);
}

async function rules({ admin, user }: Stage): Promise<void> {
  const id = `minimum-${user}`;
  const rule = { id, name: 'A minimum', type: 'min_balance', parameters: { minimum: 1 }, message: 'No.' };
  await expecting(200, admin.post('rules/add', rule));
  await expecting(200, admin.post('rules/disable', { id }));
  await expecting(200, admin.post('rules/enable', { id }));
  await expecting(200, admin.post('rules/override', { user_id: user, rule_id: id, threshold: 2, ...REASON }));
  await expecting(200, admin.get('rules/evaluate', { user_id: user }));
  await expecting(200, admin.post('rules/override/remove', { user_id: user, rule_id: id }));
  await expecting(200, admin.post('rules/remove', { id }));
  strictEqual((await expecting(404, admin.post('rules/remove', { id }))).error.code, 'rule_not_found');
  await expecting(400, admin.post('rules/remove', { unknown: 1 }));
}

async function lists({ admin, user }: Stage): Promise<void> {
  const filters = [{}, { status: 'active' }, { tier: 'standard' }, { status: 'active', tier: 'standard' }];
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const { records } = await expecting(200, admin.get('audit', { user_id: user, limit: 1 }));
  const actor = records[0].actor.principal as string;
  const asked: readonly (readonly [string, Readonly<Record<string, string | undefined>>])[] = [
    ...filters.flatMap((filter) => [['credentials', filter] as const, ['rate-limits', filter] as const]),
    ['credentials/user', { user_id: user }],
    ['sessions', {}],
    ['sessions/user', { user_id: user }],
    ['locks', {}],
    ['edges', {}],
    ['rules', {}],
    ['rate-limits/tiers', {}],
    ['stats', {}],
    ...[{}, { user_id: user }, { actor }, { type: 'provision' }, { from }].map((one) => ['audit', one] as const),
  ];
  for (const [path, query] of asked) {
    const limited = path === 'stats' ? query : { ...query, limit: '1' };
    const page = await expecting(200, admin.get(path, limited));
    // A cursor is signed by the key that the functions share.
    if (page.next_cursor !== undefined)
      await expecting(200, admin.get(path, { ...limited, cursor: page.next_cursor as string }));
  }
}

async function stopping(stage: Stage, owner: Credentials): Promise<void> {
  const { admin, user } = stage;
  const { sender_comp_id } = owner;
  const ways: readonly (readonly [string, object])[] = [
    ['sessions/kill', { user_id: user, ...REASON }],
    ['suspend', { sender_comp_id, ...REASON }],
    ['suspend', { user_id: user, ...REASON }],
  ];
  for (const [path, body] of ways) {
    const live = client(stage, owner);
    try {
      await logonOf(live, owner);
      await expecting(200, admin.post(path, body));
      await live.next(({ type }) => type === '5');
      await live.closed();
    } finally {
      live.destroy();
    }
    if (path === 'suspend') await expecting(200, admin.post('reactivate', body));
  }
  const gone = await expecting(404, admin.post('sessions/kill', { session_id: 'no.1.1', ...REASON }));
  strictEqual(gone.error.code, 'session_not_found');
  const renewed = await expecting(200, admin.post('regenerate-password', { sender_comp_id }));
  strictEqual(await outcome(stage, renewed.credentials as Credentials), 'A');
  const other = await expecting(409, admin.post('reactivate', { user_id: user, ...REASON }));
  strictEqual(other.error.code, 'wrong_status');
  await expecting(200, admin.post('revoke', { user_id: user, ...REASON }));
}
