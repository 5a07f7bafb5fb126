/** What the drills of the worst day share: the deployed tables as an operator of the account reaches them, tools, and clients. */
import { strictEqual } from 'node:assert';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AdminClient, type AdminTarget, type Reply } from '../../local/admin-client.ts';
import { FixClient } from '../../local/fix-client.ts';
import { type Credentials, ELIGIBLE, ROOT } from '../../local/product.ts';
import { cleanEnvironment, REGION } from '../emulator.ts';
import { run } from '../process.ts';
import type { Running } from '../variants.ts';
import type { World } from '../world.ts';

const TOOL_WITHIN_MS = 60_000;

export interface Stage {
  readonly world: World;
  readonly admin: AdminClient;
  readonly operator: AdminTarget;
  /** Names of tables and keys, as the edge's task has them. */
  readonly names: Readonly<Record<string, string>>;
}

export function stageOf(world: World, operator: AdminTarget, running: Running): Stage {
  const names = Object.entries(running.task.definition).filter(([name]) =>
    /^FIXGATE_(TABLE_|KEY_|ENVELOPE_|PROOF_)/.test(name),
  );
  return { world, admin: new AdminClient(operator), operator, names: Object.fromEntries(names) };
}

const ROOT_KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

/** Runs a script of the product, by default with the rights of the account. Rejects, with what it said, unless it ends with 0. */
export function tool(
  { world, names }: Stage,
  script: string,
  args: readonly string[],
  keys: NodeJS.ProcessEnv = ROOT_KEYS,
): Promise<string> {
  const { directory, emulator } = world;
  return run(process.execPath, [join(ROOT, 'scripts', `${script}.ts`), ...args], {
    env: {
      ...cleanEnvironment(directory),
      ...names,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL: emulator.endpoint,
      NODE_EXTRA_CA_CERTS: emulator.caFile,
      ...keys,
    },
    cwd: ROOT,
    timeoutMs: TOOL_WITHIN_MS,
    log: join(directory, 'drills.log'),
  });
}

/** The same for one that ends with something to say. @returns what it said */
export async function refusing(...args: Parameters<typeof tool>): Promise<string> {
  const said = await tool(...args).catch((error: Error) => error);
  if (said instanceof Error) return said.message;
  throw new Error(`${args[1]} ${args[2].join(' ')} ended with 0: ${said}`);
}

/** The tables, with the rights of the account. */
export function openDynamo({ world }: Stage): DynamoDBClient {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return new DynamoDBClient({ region: REGION, endpoint: world.emulator.endpoint, credentials });
}

/** Insists on a status. */
export async function expecting(status: number, reply: Promise<Reply>): Promise<Reply['body']> {
  const { status: found, body } = await reply;
  strictEqual(found, status, `answered ${found} ${JSON.stringify(body).slice(0, 500)}`);
  return body;
}

export async function provisioned({ admin }: Pick<Stage, 'admin'>, user_id: string): Promise<Credentials> {
  const reply = admin.post('provision', { user_id, rate_limit_tier: 'basic', ...ELIGIBLE });
  return (await expecting(201, reply)).credentials as Credentials;
}

export const clientAt = (
  { task }: Running,
  { sender_comp_id: sender, target_comp_id: target }: Credentials,
): FixClient => new FixClient({ host: '127.0.0.1', port: task.ready.fix_port, sender, target });
