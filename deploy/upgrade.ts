/**
 * What a deployment of an earlier release held is there after the upgrade: its storage stack is made from the template of
 * that release (deploy/previous/), filled by the product's own adapters, and then deployed over.
 */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamoAdapters } from '../adapters/dynamodb/stores.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { edgeChain, headAfter, link } from '../core/audit/chain.ts';
import { type AuditRecord, type ChainHead, EMPTY_CHAIN } from '../core/audit/model.ts';
import { ulid } from '../core/ids.ts';
import { ensureDefaults } from '../core/policy/defaults.ts';
import { REGION } from './emulator.ts';
import { STACKS, type World } from './world.ts';

const TEMPLATE = join(import.meta.dirname, 'previous', 'storage.template.json');
const CREATED_WITHIN_MS = 60_000;
const RECORDS = 5;
const CHAIN = edgeChain('of-the-release-before', 1);

export interface Before {
  readonly envelopeKey: string;
  readonly head: ChainHead;
  readonly policyVersion: number;
}

/** The storage of the release before, with a policy and a chain of audit records in it. */
export async function deployPrevious(world: World): Promise<Before> {
  const { report, root, cdk } = world;
  return report.step('the storage of the release before is deployed and filled', async () => {
    const TemplateBody = readFileSync(TEMPLATE, 'utf8');
    await root.query('cloudformation', '2010-05-15', 'CreateStack', { StackName: STACKS.storage, TemplateBody });
    for (const from = performance.now(); !(await cdk.isComplete(STACKS.storage)); await sleep(200))
      if (performance.now() - from > CREATED_WITHIN_MS) throw new Error('the stack is not complete');
    const { stores, close } = open(world);
    const ports = { policy: stores.policy, digests: nodeDigests, random: systemRandom, clock: systemClock };
    strictEqual(await ensureDefaults(ports, { principal: 'fixgate:before' }), 'seeded');
    const head = await fill(stores);
    const { version } = await stores.policy.read();
    close();
    return { envelopeKey: await cdk.output(STACKS.storage, ENVELOPE_EXPORT), head, policyVersion: version };
  });
}

/** Of the template: it has no output of its own for it. */
const ENVELOPE_EXPORT = 'ExportsOutputFnGetAttEnvelopeKey0499CB8DArn7B595081';

async function fill(stores: ReturnType<typeof open>['stores']): Promise<ChainHead> {
  let head: ChainHead = EMPTY_CHAIN;
  const records: AuditRecord[] = [];
  for (let i = 0; i < RECORDS; i++) {
    const at = systemClock.now();
    const actor = { principal: 'edge:of-the-release-before' };
    const entry = { id: ulid(at, systemRandom), at, type: 'logon', outcome: 'done', actor, details: {} } as const;
    const record = link(nodeDigests, CHAIN, head, entry);
    records.push(record);
    head = headAfter(record);
  }
  strictEqual(await stores.audit.append(records), 'appended');
  return head;
}

/** Nothing was replaced, and nothing seeded twice. */
export async function keptByUpgrade(world: World, before: Before): Promise<void> {
  await world.report.step('the upgrade has kept tables, keys, policy and audit of the release before', async () => {
    const { stores, close } = open(world);
    deepStrictEqual(await stores.audit.head(CHAIN), before.head);
    strictEqual((await stores.policy.read()).version, before.policyVersion);
    const { items } = await stores.audit.chain('policy', { limit: 1 });
    strictEqual('actor' in (items[0] ?? {}) && (items[0] as AuditRecord).actor.principal, 'fixgate:before');
    strictEqual(await world.cdk.output(STACKS.storage, 'EnvelopeKeyArn'), before.envelopeKey);
    close();
  });
}

function open({ emulator }: World) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ region: REGION, endpoint: emulator.endpoint, credentials });
  const tables = tableNames('fixgate-dev');
  return { stores: createDynamoAdapters({ client, tables, random: systemRandom }), close: () => client.destroy() };
}
