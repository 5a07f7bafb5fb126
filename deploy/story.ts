/** The life of one client through the deployed API and the edge: every step through the doors that users have. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminClient, AdminTarget, Reply } from '../local/admin-client.ts';
import { type Field, FixClient, type FixMessage, utcTimestamp } from '../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import type { Report } from './report.ts';

export interface Stage {
  readonly report: Report;
  readonly admin: AdminClient;
  readonly target: AdminTarget;
  readonly fix: { readonly host: string; readonly port: number; readonly ca_file?: string | undefined };
  /** Unlike those of every other run against these tables. */
  readonly user: string;
}

const WITHIN_MS = 5_000;
/** Replies wait for the store, too. */
const ANSWERED_WITHIN_MS = 15_000;
const AGAIN_MS = 100;

export const order = (id: string, price?: number): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  ...((price === undefined
    ? [[40, 1]]
    : [
        [40, 2],
        [44, price],
      ]) as Field[]),
];
const answerTo = (id: string) => (message: FixMessage) =>
  (message.type === '8' && message.get(11) === id) || (message.type === 'j' && message.get(379) === id);
const report = (id: string, status: string) => (message: FixMessage) =>
  message.type === '8' && message.get(11) === id && message.get(39) === status;

export const client = (stage: Stage, { sender_comp_id: sender, target_comp_id: target }: Credentials): FixClient =>
  new FixClient({ ...stage.fix, sender, target });

/** Insists on a status. */
export async function expecting(status: number, reply: Promise<Reply>): Promise<Reply['body']> {
  const { status: found, body } = await reply;
  strictEqual(found, status, `answered ${found} ${JSON.stringify(body).slice(0, 500)}`);
  return body;
}

/** Asks again until it holds: what is told in batches is there within a second or two. */
export async function eventually(holds: () => Promise<boolean>, what: string, withinMs = WITHIN_MS): Promise<void> {
  for (const from = performance.now(); !(await holds()); await sleep(AGAIN_MS))
    if (performance.now() - from > withinMs) throw new Error(`${what}: not within ${withinMs} ms`);
}

/** Plays it from provisioning to the audit. @returns the credentials that work at its end */
export async function play(stage: Stage): Promise<Credentials> {
  const { report: told, admin, user } = stage;
  const credentials = await told.step('a client below the rules is refused, an eligible one provisioned', async () => {
    const facts = { user_id: user, rate_limit_tier: 'basic', ...ELIGIBLE };
    const refused = await expecting(422, admin.post('provision', { ...facts, account_balance: 400 }));
    strictEqual(refused.error.code, 'not_eligible');
    return (await expecting(201, admin.post('provision', facts))).credentials as Credentials;
  });
  const trader = client(stage, credentials);
  try {
    await told.step('a wrong password is refused, the right one logs on', async () => {
      const stranger = client(stage, credentials);
      strictEqual((await stranger.logon('wrong')).type, '5');
      await stranger.closed();
      const answer = await trader.logon(credentials.password);
      strictEqual(answer.type, 'A', String(answer));
    });
    await trade(stage, trader);
    await watchAndStop(stage, trader, credentials);
  } finally {
    trader.destroy();
  }
  const renewed = await told.step('a new password takes the place of the old one', async () => {
    const reply = await expecting(200, admin.post('regenerate-password', { user_id: user }));
    const next = reply.credentials as Credentials;
    strictEqual(await outcome(stage, credentials), '5');
    strictEqual(await outcome(stage, next), 'A');
    return next;
  });
  await signing(stage);
  await policy(stage);
  await trail(stage);
  return renewed;
}

/** Logs on, and off again: the type of the answer. */
export async function outcome(stage: Stage, credentials: Credentials): Promise<string> {
  const attempt = client(stage, credentials);
  try {
    const answer = await attempt.logon(credentials.password, [[141, 'Y']]);
    if (answer.type === 'A') await attempt.logout();
    else await attempt.closed();
    return answer.type;
  } finally {
    attempt.destroy();
  }
}

/** The secret of an HMAC is sealed by the function's role and opened by the edge's, each by KMS under its condition. */
async function signing({ report: told, admin, fix, user }: Stage): Promise<void> {
  await told.step('a client that signs logs on, once by each signature', async () => {
    const request = {
      user_id: user,
      rate_limit_tier: 'basic',
      ...ELIGIBLE,
      additional_credential: true,
      proof: { type: 'hmac_sha256' },
    };
    const { credentials } = await expecting(201, admin.post('provision', request));
    const { sender_comp_id: sender, target_comp_id: target, secret } = credentials;
    const sent: string[] = [];
    const signer = new FixClient({
      ...fix,
      sender,
      target,
      onMessage: (way, raw) => void (way === '>' && sent.push(raw)),
    });
    const copier = new FixClient({ ...fix, sender, target });
    try {
      const answer = await signer.logon({ type: 'hmac_sha256', secret }, [[141, 'Y']]);
      strictEqual(answer.type, 'A', String(answer));
      await signer.logout();
      await copier.connect();
      copier.sendRaw(sent[0] as string);
      match((await copier.next(() => true)).get(58) ?? '', /not accepted/);
    } finally {
      signer.destroy();
      copier.destroy();
    }
  });
}

/** An edge refuses orders while its journal does not get to the store, which on a busy machine may be a moment: it says so. */
const AWAY = /not accepted for the moment, try again/;
const AWAY_TRIES = 10;

/** Sends all at once, and all of them again where one was told to try again: a burst that is spread is none. */
async function placed(trader: FixClient, names: readonly string[]): Promise<readonly FixMessage[]> {
  for (let tries = AWAY_TRIES; ; tries--) {
    const ids = names.map((name) => `${name}-${tries}`);
    for (const id of ids) trader.send('D', order(id, 1));
    const heard = await Promise.all(ids.map((id) => trader.next(answerTo(id), ANSWERED_WITHIN_MS)));
    if (tries === 0 || !heard.some((one) => AWAY.test(one.get(58) ?? ''))) return heard;
    await sleep(1000);
  }
}

async function trade({ report: told, admin, user }: Stage, trader: FixClient): Promise<void> {
  await told.step('orders fill', async () => {
    for (const id of ['fill-1', 'fill-2', 'fill-3']) {
      trader.send('D', order(id));
      const filled = await trader.next(report(id, '2'));
      deepStrictEqual([filled.get(14), filled.get(151)], ['10', '0']);
    }
  });
  await told.step('forty orders at once meet the limit of the basic tier, and a cancel still passes', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `burst-${i}`);
    const answers = await placed(trader, ids);
    const refused = answers.filter(({ type }) => type === 'j');
    ok(refused.length >= 20 && refused.length < 40, `${refused.length} of 40 were refused`);
    for (const one of refused) match(one.get(58) ?? '', /\d+ ?ms/);
    const resting = answers.find(({ type }) => type === '8')?.get(11) ?? '';
    trader.send('F', [
      [41, resting],
      [11, 'cancel-1'],
      [55, 'AAPL'],
      [54, 1],
      [60, utcTimestamp(new Date())],
      [38, 10],
    ]);
    await trader.next(report('cancel-1', '4'));
  });
  await told.step('the refusals are counted', () =>
    eventually(async () => {
      const { rate_limits } = await expecting(200, admin.get('rate-limits', { user_id: user }));
      return rate_limits[0].violations.order >= 20;
    }, 'twenty violations'),
  );
  await told.step('a higher tier reaches the live session', async () => {
    await expecting(200, admin.post('rate-limits/update', { user_id: user, tier: 'premium' }));
    await sleep(1000); // what is promised: within a second
    const ids = Array.from({ length: 60 }, (_, i) => `raised-${i}`);
    const answers = await placed(trader, ids);
    strictEqual(answers.filter(({ type }) => type === 'j').length, 0);
  });
}

async function watchAndStop(stage: Stage, trader: FixClient, credentials: Credentials): Promise<void> {
  const { report: told, admin, user } = stage;
  await told.step('the session is seen, and killed with its reason', async () => {
    const { sessions } = await expecting(200, admin.get('sessions/user', { user_id: user }));
    strictEqual(sessions.length, 1);
    const { session_id } = sessions[0];
    await expecting(200, admin.post('sessions/kill', { session_id, reason: 'margin call 42' }));
    const logout = await trader.next(({ type }) => type === '5');
    match(logout.get(58) ?? '', /margin call 42/);
    await trader.closed();
    deepStrictEqual((await expecting(200, admin.get('sessions/user', { user_id: user }))).sessions, []);
  });
  await told.step('a suspended client is told so, a reactivated one gets in', async () => {
    await expecting(200, admin.post('suspend', { user_id: user, reason: 'under review' }));
    const refused = client(stage, credentials);
    const logout = await refused.logon(credentials.password, [[141, 'Y']]);
    deepStrictEqual([logout.type, /suspended/i.test(logout.get(58) ?? '')], ['5', true]);
    await refused.closed();
    await expecting(200, admin.post('reactivate', { user_id: user, reason: 'cleared' }));
    strictEqual(await outcome(stage, credentials), 'A');
  });
}

async function policy({ report: told, admin, user }: Stage): Promise<void> {
  await told.step('a rule in CEL is added, evaluated, overridden and removed', async () => {
    const rule_id = `rule-${user}`;
    const expression = 'user.account_balance > 2000000.0';
    const eligible = async () =>
      (await expecting(200, admin.get('rules/evaluate', { user_id: user }))).evaluation.eligible;
    await expecting(
      200,
      admin.post('rules/add', { id: rule_id, name: 'Two million', type: 'custom', expression, message: 'No.' }),
    );
    strictEqual(await eligible(), false);
    await expecting(200, admin.post('rules/override', { user_id: user, rule_id, exempt: true, reason: 'known' }));
    strictEqual(await eligible(), true);
    await expecting(200, admin.post('rules/remove', { id: rule_id }));
  });
}

async function trail({ report: told, admin, user }: Stage): Promise<void> {
  await told.step('the audit has every step', async () => {
    const wanted = [
      'provision',
      'logon',
      'logon_refused',
      'session_started',
      'rate_limit_violation',
      'tier_update',
      'session_killed',
      'session_ended',
      'suspend',
      'reactivate',
      'regenerate_password',
      'override_set',
    ];
    let missing: readonly string[] = wanted;
    await eventually(async () => {
      const { records } = await expecting(200, admin.get('audit', { user_id: user, limit: 1000 }));
      const types = new Set((records as { type: string }[]).map(({ type }) => type));
      missing = wanted.filter((type) => !types.has(type));
      return missing.length === 0;
    }, 'a record of each step').catch((error: Error) => {
      throw new Error(`${error.message}; missing: ${missing.join(', ')}`);
    });
  });
}
