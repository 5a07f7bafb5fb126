/** Every right that only a fault needs is needed: the fault happens, and the code of that role makes the call. */
import type { DynamoDBClient, ServiceInputTypes } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { systemTimers } from '../../adapters/node/timers.ts';
import { createCheckpointArchive } from '../../adapters/s3/archive.ts';
import { Bucket } from '../../adapters/s3/bucket.ts';
import type { Stores } from '../../adapters/stores.ts';
import { edgeChain } from '../../core/audit/chain.ts';
import { MAX_COMMANDS } from '../../core/credentials/change.ts';
import { changeOwnPassword } from '../../core/credentials/new-password.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { lockPolicy } from '../../core/locks/locks.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import type { Directory } from '../../core/ports.ts';
import { SILENT_LOG } from '../../core/sessions/api.ts';
import { EdgeAudit } from '../../core/sessions/edge-audit.ts';
import { BY_FAULT } from '../../deploy/by-fault.ts';
import { Api, aesBox, START, TestClock } from '../lambdas/support.ts';
import { KEYS, TestS3 } from '../support/s3.ts';
import { clientOf, startStore, type TestStore } from '../support/store.ts';
import { change, record, session } from '../support/stores.ts';

const EDGE = { edge_id: 'e1', incarnation: 1 };
const USER = 'u1';
const CONTEXT = { actor: { principal: 'test' }, reason: 'r' } as const;
const BOX = aesBox();
const NEW_PASSWORD = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz0123456789');

let store: TestStore;
const s3 = new TestS3();
const clients: DynamoDBClient[] = [];
beforeAll(async () => {
  [store] = await Promise.all([startStore(), s3.start()]);
}, 30_000);
afterAll(async () => {
  for (const client of clients) client.destroy();
  await store?.stop();
  await s3.stop();
});

/** `table action`, as IAM names them, of everything that the client is asked. */
function recording(client: DynamoDBClient, tables: TableNames, calls: Set<string>): DynamoDBClient {
  const short = new Map(Object.entries(tables).map(([name, full]) => [full, name]));
  const note = (table: string | undefined, action: string): void => {
    calls.add(`table ${short.get(table ?? '')} dynamodb:${action}`);
  };
  client.middlewareStack.add(
    (next, context) => (args) => {
      const action = (context.commandName as string).replace('Command', '');
      const { TableName, RequestItems, TransactItems } = args.input as ServiceInputTypes & {
        TableName?: string;
        RequestItems?: object;
        TransactItems?: readonly Readonly<Record<string, { readonly TableName?: string }>>[];
      };
      for (const item of TransactItems ?? [])
        for (const [kind, part] of Object.entries(item))
          note(part.TableName, kind === 'ConditionCheck' ? 'ConditionCheckItem' : `${kind}Item`);
      for (const table of Object.keys(RequestItems ?? {})) note(table, action);
      if (TableName !== undefined) note(TableName, action);
      return next(args);
    },
    { step: 'initialize' },
  );
  clients.push(client);
  return client;
}

interface Scene {
  readonly calls: Set<string>;
  /** What the role under test uses. */
  readonly stores: Stores;
  /** What others do meanwhile. */
  readonly others: Stores;
  /** The deployed functions over `stores`. */
  readonly api: Api;
  readonly sender: string;
}

/** An installation with a user and an edge. @param meddle is done by others before each commit of an account by `stores` */
async function scene(
  meddle: (others: Stores, change: Parameters<Directory['commit']>[0]) => Promise<void> = async () => {},
) {
  const tables = await store.tables();
  const calls = new Set<string>();
  const random = systemRandom;
  const others = createDynamoAdapters({ client: store.client, tables, random });
  const own = createDynamoAdapters({ client: recording(clientOf(store.endpoint), tables, calls), tables, random });
  const setUp = await Api.create({ stores: () => others, box: BOX });
  const sender = (await setUp.provision(USER)).body.credentials.sender_comp_id as string;
  await others.edges.register(EDGE.edge_id, '1.0.0', START);
  let left = 1;
  const commit: Directory['commit'] = async (given) => {
    if (left-- > 0) await meddle(others, given);
    return own.directory.commit(given);
  };
  const stores: Stores = { ...own, directory: { ...own.directory, commit } };
  const made: Scene = { calls, stores, others, api: new Api({ stores: () => stores, box: BOX }), sender };
  return made;
}

/** Somebody else's change of the same account comes first. */
const racing = () =>
  scene(async (others, { user_id, expected }) => {
    await others.directory.commit(change(user_id, expected));
  });
/** A session of the user begins after its sessions were looked for. */
const between = () =>
  scene(async (others) => {
    const taken = await others.slots.take(session(EDGE, USER), 5);
    expect(taken.result).toBe('taken');
  });

const called = async (work: Promise<Scene>, act: (scene: Scene) => Promise<unknown>): Promise<ReadonlySet<string>> => {
  const made = await work;
  await act(made);
  return made.calls;
};

const seeding = ({ stores }: Pick<Scene, 'stores'>) =>
  ensureDefaults(
    { policy: stores.policy, digests: nodeDigests, random: systemRandom, clock: new TestClock() },
    CONTEXT.actor,
  );

/** Tables as they are made. @param rival seeds them in the same moment */
async function seeded(): Promise<ReadonlySet<string>> {
  const tables = await store.tables();
  const calls = new Set<string>();
  const random = systemRandom;
  const others = createDynamoAdapters({ client: store.client, tables, random });
  const own = createDynamoAdapters({ client: recording(clientOf(store.endpoint), tables, calls), tables, random });
  const commit: Stores['policy']['commit'] = async (given) => {
    await seeding({ stores: others });
    return own.policy.commit(given);
  };
  expect(await seeding({ stores: { ...own, policy: { ...own.policy, commit } } })).toBe('present');
  return calls;
}

/** As the edge does for a Logon with NewPassword. */
async function renewed({ api, stores, sender }: Scene) {
  const found = await stores.directory.credential(sender);
  if (found === undefined) throw new Error('no credential');
  const logon = { credential: found.credential, verifier_version: 1 };
  return changeOwnPassword(api.services, { ...CONTEXT, session_id: 's' }, logon, NEW_PASSWORD);
}

/** As `npm run break-glass` does. */
const lockedEverybody = ({ policy, edges }: Pick<Stores, 'policy' | 'edges'>) =>
  lockPolicy({ policy, edges, digests: nodeDigests, random: systemRandom, clock: new TestClock() }, CONTEXT, {
    target: { kind: 'everybody' },
    reason: 'r',
    cancel_orders: false,
  });

/** By `role resource action`: what makes the call. */
const FAULTS: Readonly<Record<string, () => Promise<ReadonlySet<string>>>> = {
  'Functionpolicy table audit dynamodb:GetItem': () =>
    called(racing(), ({ api }) => api.call('updateRateLimit', { user_id: USER, tier: 'premium' })),
  'Functionsessions table audit dynamodb:GetItem': () =>
    called(racing(), ({ api }) => api.call('killSessions', { user_id: USER, reason: 'r' })),
  'CanaryUser table audit dynamodb:GetItem': () =>
    called(racing(), ({ api }) => changeStatus(api.services, CONTEXT, 'revoke', { user_id: USER })),
  'PreparationFunction table audit dynamodb:GetItem': () => seeded(),
  'TaskTask table audit dynamodb:GetItem': () =>
    called(racing(), async (made) => expect(await renewed(made)).toEqual({ result: 'changed' })),
  'BreakGlass table audit dynamodb:GetItem': () =>
    called(scene(), async ({ stores, others }) => {
      let left = 1;
      const commit: Stores['policy']['commit'] = async (given) => {
        if (left-- > 0) await lockedEverybody(others);
        return stores.policy.commit(given);
      };
      await lockedEverybody({ ...stores, policy: { ...stores.policy, commit } });
    }),
  'BreakGlass table sessions dynamodb:BatchWriteItem': () =>
    called(scene(), async ({ stores, others }) => {
      for (let edge = 0; edge <= MAX_COMMANDS; edge++) await others.edges.register(`more-${edge}`, '1.0.0', START);
      await lockedEverybody(stores);
    }),
  'Functioncredentials table sessions dynamodb:BatchWriteItem': () =>
    called(between(), ({ api }) => api.call('suspend', { user_id: USER, reason: 'r' })),
  'Functionpolicy table sessions dynamodb:BatchWriteItem': () =>
    called(between(), ({ api }) => api.call('lock', { user_id: USER, reason: 'r' })),
  'CanaryUser table sessions dynamodb:BatchWriteItem': () =>
    called(between(), ({ api }) => changeStatus(api.services, CONTEXT, 'revoke', { user_id: USER })),
  'TaskTask table audit dynamodb:Query': () =>
    called(scene(), async ({ stores, others }) => {
      await others.audit.append([record(edgeChain(EDGE.edge_id, EDGE.incarnation))]);
      const tools = { digests: nodeDigests, clock: new TestClock(), timers: systemTimers, random: systemRandom };
      const chain = new EdgeAudit({ ...tools, audit: stores.audit, log: SILENT_LOG }, EDGE);
      await chain.recorded({ type: 'edge_started' });
    }),
  'TaskTask table credentials dynamodb:BatchGetItem': () =>
    called(scene(), async ({ stores, others }) => {
      await others.slots.take(session(EDGE, USER), 1);
      expect((await stores.slots.take(session(EDGE, USER), 1)).result).toBe('full');
    }),
  'TaskTask table sessions dynamodb:GetItem': () =>
    called(scene(), async ({ stores, others }) => {
      expect(await others.edges.declareDead(EDGE, 0)).toBe(true);
      expect(await stores.edges.declareDead(EDGE, 0)).toBe(true);
    }),
  'TaskTask table journal dynamodb:ConditionCheckItem': () =>
    called(scene(), async ({ stores: { journals } }) => {
      await journals.claim(EDGE, 'this process');
      expect(await journals.revoke(EDGE, [{ session: 's', epoch: 2 }], START)).toBe('done');
    }),
  'TaskTask table journal dynamodb:DeleteItem': removedSegment,
  'TaskTask table journal dynamodb:BatchWriteItem': removedSegment,
  'Checkpointer bucket audit/checkpoints/* s3:GetObject': async () => {
    const calls = new Set<string>();
    class Recorded extends Bucket {
      override get(key: string): Promise<string | undefined> {
        calls.add(`bucket audit/${key.split('/')[0]}/* s3:GetObject`);
        return super.get(key);
      }
    }
    const bucket = new Recorded({
      region: 'eu-west-1',
      bucket: 'archive',
      endpoint: s3.endpoint,
      credentials: async () => KEYS,
    });
    const { keep } = createCheckpointArchive(bucket);
    const empty = {
      version: 1 as const,
      number: 1,
      previous: 'p',
      chains: 0,
      root: 'r',
      key: 'k',
      signature: 's',
      leaves: [],
    };
    await keep({ ...empty, at: 1 });
    expect(calls.size).toBe(0);
    expect((await keep({ ...empty, at: 2 })).at).toBe(1);
    return calls;
  },
};

async function removedSegment(): Promise<ReadonlySet<string>> {
  return called(scene(), async ({ stores: { journals } }) => {
    await journals.claim(EDGE, 'this process');
    await journals.append(EDGE, [{ segment: 1, offset: 0, length: 3, bytes: new Uint8Array(3) }]);
    expect(await journals.remove(EDGE, 1)).toBe('done');
  });
}

test('each right of the list has its fault, and no other', () => {
  expect(Object.keys(FAULTS).sort()).toEqual(BY_FAULT.map(({ right }) => right).sort());
});

test.each(BY_FAULT.map(({ right, when }) => [right, when] as const))('%s: %s', async (right) => {
  const [, ...call] = right.split(' ');
  expect([...((await FAULTS[right]?.()) ?? [])]).toContain(call.join(' '));
});
