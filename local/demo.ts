/** `npm run demo`: against a running `npm start`, the life of one client as a readable transcript. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AdminClient, type Reply } from './admin-client.ts';
import { type LocalJson, localJsonFile } from './data-dir.ts';
import { type Field, FixClient, readable, utcTimestamp } from './fix-client.ts';

const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const chapter = (title: string): void => say(`\n── ${title} ${'─'.repeat(Math.max(0, 76 - title.length))}`);

class DemoFailed extends Error {}

interface Stage {
  readonly local: LocalJson;
  readonly admin: AdminClient;
  readonly user: string;
}

interface Credentials {
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly password: string;
}

/** Plays the story; answers the exit code. */
export async function demo(dataDir: string): Promise<number> {
  const local = readLocal(dataDir);
  if (local === undefined) return 1;
  const stage: Stage = { local, admin: new AdminClient(local), user: `demo-${Date.now().toString(36)}` };
  try {
    const credentials = await provision(stage);
    const client = await trade(stage, credentials);
    await beyondTheLimit(stage, client);
    await seenAndStopped(stage, client, credentials);
    await proof(stage);
    return 0;
  } catch (error) {
    say(`\nThe demo stopped: ${(error as Error).message}`);
    return 1;
  }
}

function readLocal(dataDir: string): LocalJson | undefined {
  const file = localJsonFile(resolve(dataDir));
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LocalJson;
  } catch {
    say(`There is no ${file}: run npm start in another terminal first (with the same --data-dir or FIXGATE_DATA_DIR).`);
    return undefined;
  }
}

/** Posts, prints both sides (passwords masked) and insists on the status. */
async function post(
  stage: Stage,
  path: string,
  body: Readonly<Record<string, unknown>>,
  status: number,
): Promise<Reply> {
  say(`POST /admin/fix/${path} ${JSON.stringify(body)}`);
  const reply = await stage.admin.post(path, body);
  say(`  ${reply.status} ${JSON.stringify(reply.body, (key, value) => (key === 'password' ? '********' : value))}`);
  if (reply.status !== status) throw new DemoFailed(`${path} answered ${reply.status} instead of ${status}`);
  return reply;
}

async function provision(stage: Stage): Promise<Credentials> {
  chapter('A client that does not meet the rules');
  const facts = {
    user_id: stage.user,
    rate_limit_tier: 'basic',
    account_balance: 400,
    trading_volume: 250_000,
    account_age_days: 400,
    kyc_level: 2,
  };
  await post(stage, 'provision', facts, 422);
  chapter('The same client, with enough balance');
  const reply = await post(stage, 'provision', { ...facts, account_balance: 25_000 }, 201);
  return reply.body.credentials as Credentials;
}

function session(stage: Stage, credentials: Credentials): FixClient {
  return new FixClient({
    host: stage.local.fix_host,
    port: stage.local.fix_port,
    ca_file: stage.local.ca_file,
    sender: credentials.sender_comp_id,
    target: credentials.target_comp_id,
    onMessage: (direction, raw) => say(`${direction === '>' ? 'client →' : 'fixgate ←'} ${readable(raw)}`),
  });
}

const order = (id: string, side: 1 | 2, quantity: number, price?: number): readonly Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, side],
  [60, utcTimestamp(new Date())],
  [38, quantity],
  ...(price === undefined
    ? ([[40, 1]] as const)
    : ([
        [40, 2],
        [44, price],
      ] as const)),
  [59, price === undefined ? 3 : 0],
];

async function trade(stage: Stage, credentials: Credentials): Promise<FixClient> {
  chapter('It logs on over FIX and trades');
  const client = session(stage, credentials);
  const answer = await client.logon(credentials.password, [[141, 'Y']]);
  if (answer.type !== 'A') throw new DemoFailed(`the Logon was refused: ${answer.get(58) ?? ''}`);
  client.send('D', order('buy-1', 1, 100));
  await client.next((message) => message.type === '8' && message.get(11) === 'buy-1' && message.get(39) === '2');
  client.send('D', order('rest-1', 1, 100, 1));
  await client.next((message) => message.type === '8' && message.get(11) === 'rest-1' && message.get(39) === '0');
  return client;
}

async function beyondTheLimit(stage: Stage, client: FixClient): Promise<void> {
  chapter('Twenty orders at once: the burst of the basic tier is 10');
  for (let i = 1; i <= 20; i++) client.send('D', order(`burst-${i}`, 1, 1, 1));
  const refused = await client.next((message) => message.type === 'j');
  say(`\n(refused beyond the limit: ${refused.get(58) ?? ''})`);
  chapter('A cancel still passes');
  client.send('F', [
    [41, 'rest-1'],
    [11, 'cancel-1'],
    [55, 'AAPL'],
    [54, 1],
    [60, utcTimestamp(new Date())],
    [38, 100],
  ]);
  await client.next((message) => message.type === '8' && message.get(11) === 'cancel-1');
  chapter('A higher tier reaches the live session');
  await post(stage, 'rate-limits/update', { user_id: stage.user, tier: 'premium' }, 200);
}

async function seenAndStopped(stage: Stage, client: FixClient, credentials: Credentials): Promise<void> {
  chapter('An admin sees the session and stops it');
  const sessions = await stage.admin.get('sessions/user', { user_id: stage.user });
  say(`GET /admin/fix/sessions/user?user_id=${stage.user}\n  ${sessions.status} ${JSON.stringify(sessions.body)}`);
  await post(stage, 'sessions/kill', { user_id: stage.user, reason: 'demonstration' }, 200);
  await client.closed();
  chapter('Suspended, it may not come back');
  await post(stage, 'suspend', { user_id: stage.user, reason: 'under review' }, 200);
  const refused = session(stage, credentials);
  await refused.logon(credentials.password);
  await refused.closed();
}

async function proof(stage: Stage): Promise<void> {
  chapter('Every step is in the audit trail (newest first)');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const audit = await stage.admin.get('audit', { user_id: stage.user, limit: 100 });
  if (audit.status !== 200) throw new DemoFailed(`audit answered ${audit.status}`);
  for (const record of audit.body.records)
    say(
      `  ${record.at}  ${String(record.type).padEnd(22)} ${String(record.outcome).padEnd(8)} ${record.chain}#${record.seq}  ${record.reason ?? ''}`,
    );
  say('\nnpm run audit:verify proves that no record was altered.');
}
