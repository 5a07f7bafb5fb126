/** Counts what the gate asks of its store, in units of DynamoDB as the store itself reckons them: what deploy/scale.ts goes by. */
import { setTimeout as pause } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTables } from '../adapters/dynamodb/create-tables.ts';
import { createDynamoAdapters } from '../adapters/dynamodb/stores.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { DynamoTokenLeases } from '../adapters/dynamodb/token-leases.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { createGate, type FixGate, memoryStores } from '../index.ts';
import { prepareDataDir } from '../local/data-dir.ts';
import { ELIGIBLE, removeDirectory, temporaryDirectory } from '../local/product.ts';
import { startStore } from '../local/store.ts';
import type { Units } from './scale.ts';

/** Orders a second of those who are watched trading: someone by hand, a desk, a machine. */
export const RATES = [0.1, 1, 10, 50] as const;
const SESSIONS = 20;
const EDGES_LISTED = 100;
const NONE: Units = { read: 0, write: 0 };

export interface Measured {
  /** Of an edge that serves nobody, a second. */
  readonly edge: Units;
  /** What a live session that does nothing adds, a second. */
  readonly idle: Units;
  /** What an order adds, by how many its user sends a second. */
  readonly order: readonly Units[];
  /** A Logon and the end of its session, without the audit. */
  readonly session: Units;
  /** The same in the audit, with what its four indexes take, and that of the provision before it. */
  readonly audit: Units;
  /** One edge's row of a list of all of them. */
  readonly row: Units;
}

type Capacity = { readonly TableName?: string; readonly CapacityUnits?: number };

class Meter {
  #units = NONE;
  #audit = NONE;
  readonly #auditTable: string;

  constructor(client: DynamoDBClient, auditTable: string) {
    this.#auditTable = auditTable;
    client.middlewareStack.add(
      (next, context) => async (args) => {
        (args.input as unknown as Record<string, unknown>).ReturnConsumedCapacity = 'TOTAL';
        const reply = await next(args);
        const isRead = /Get|Query|Scan/.test(String(context.commandName));
        const used = (reply.output as { ConsumedCapacity?: Capacity | readonly Capacity[] }).ConsumedCapacity ?? [];
        for (const one of [used].flat() as readonly Capacity[]) this.#add(one, isRead);
        return reply;
      },
      { step: 'initialize' },
    );
  }

  #add({ TableName, CapacityUnits = 0 }: Capacity, isRead: boolean): void {
    const more = isRead ? { read: CapacityUnits, write: 0 } : { read: 0, write: CapacityUnits };
    if (TableName === this.#auditTable) this.#audit = plus(this.#audit, more);
    else this.#units = plus(this.#units, more);
  }

  /** What `work` takes: in the audit's table, and in the others. */
  async of(
    work: () => Promise<unknown>,
  ): Promise<{ readonly units: Units; readonly audit: Units; readonly seconds: number }> {
    const [units, audit] = [this.#units, this.#audit];
    const begun = performance.now();
    await work();
    const seconds = (performance.now() - begun) / 1000;
    return { units: minus(this.#units, units), audit: minus(this.#audit, audit), seconds };
  }
}

const plus = (a: Units, b: Units): Units => ({ read: a.read + b.read, write: a.write + b.write });
const times = (a: Units, by: number): Units => ({ read: a.read * by, write: a.write * by });
/** Never below nothing: what is measured beside noise. */
const minus = (a: Units, b: Units): Units => ({
  read: Math.max(0, a.read - b.read),
  write: Math.max(0, a.write - b.write),
});

interface On {
  readonly user: string;
  readonly session: string;
}

async function logOn(gate: FixGate, user: string, tier: string): Promise<On> {
  const { account_balance, trading_volume, account_age_days, kyc_level } = ELIGIBLE;
  const facts = { account_balance, trading_volume, account_age_days, kyc_level };
  const input = { user_id: user, rate_limit_tier: tier, facts, allowed_ips: [], additional_credential: false };
  const { issued } = await gate.provision(input, 'scale');
  if (!('password' in issued)) throw new Error('no password');
  return again(gate, user, issued.sender_comp_id, issued.password.reveal());
}

async function again(gate: FixGate, user: string, sender: string, password: string): Promise<On> {
  const logon = await gate.validateLogon(sender, password, '127.0.0.1');
  if (logon.result !== 'accepted') throw new Error(`the logon was ${logon.result}`);
  const registered = await gate.registerSession(logon, () => {});
  if (registered.result !== 'registered') throw new Error(`the session was ${registered.result}`);
  return { user, session: registered.session.session.session_id };
}

async function trade(gate: FixGate, { user, session }: On, rate: number, seconds: number): Promise<number> {
  const begun = performance.now();
  let sent = 0;
  while (performance.now() - begun < seconds * 1000) {
    await gate.trackMessage(user, session, 'order');
    sent += 1;
    await pause(Math.max(0, begun + (sent * 1000) / rate - performance.now()));
  }
  return sent;
}

/** @param seconds for how long each thing is watched */
export async function measure(seconds: number, say: (text: string) => void): Promise<Measured> {
  const directory = temporaryDirectory();
  prepareDataDir(directory);
  const store = await startStore(directory, () => {});
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: store.endpoint, credentials });
  const tables = tableNames('scale');
  await createTables(client, tables);
  const meter = new Meter(client, tables.audit);
  const stores = createDynamoAdapters({ client, tables, random: systemRandom });
  const leases = new DynamoTokenLeases(client, tables.limits);
  const gate = await createGate({ edge_id: 'scale', version: '1', stores: { ...memoryStores(), stores, leases } });
  try {
    const perSecond = async (work: () => Promise<unknown>): Promise<Units> => {
      const { units, seconds: took } = await meter.of(work);
      return times(units, 1 / took);
    };
    say('an edge at rest');
    const edge = await perSecond(() => pause(seconds * 1000));
    say('sessions');
    const all: On[] = [];
    const begun = await meter.of(async () => {
      for (let i = 0; i < SESSIONS; i++) all.push(await logOn(gate, `idle-${i}`, 'basic'));
      await pause(1000);
    });
    const idle = times(minus(await perSecond(() => pause(seconds * 1000)), edge), 1 / SESSIONS);
    const provisioned = await meter.of(async () => {
      for (const { session } of all) await gate.unregisterSession(session);
      await pause(1000);
    });
    // The provision of each is in it, and is taken off by what it is known to take: five rows in a transaction, and reads.
    const both = minus(plus(begun.units, provisioned.units), times(edge, begun.seconds + provisioned.seconds));
    const session = minus(times(both, 1 / SESSIONS), await provisions(gate, meter, edge));
    const audit = times(plus(begun.audit, provisioned.audit), 1 / SESSIONS);
    const order: Units[] = [];
    for (const rate of RATES) {
      say(`${rate} orders a second`);
      const trader = await logOn(gate, `trader-${order.length}`, 'premium');
      await pause(1000);
      const watched = Math.max(seconds, 5 / rate);
      let sent = 0;
      const { units, seconds: took } = await meter.of(async () => {
        sent = await trade(gate, trader, rate, watched);
      });
      order.push(times(minus(units, times(plus(edge, idle), took)), 1 / sent));
      await gate.unregisterSession(trader.session);
    }
    say('a list of edges');
    for (let i = 0; i < EDGES_LISTED; i++) await stores.edges.register(`other-${i}`, '1', Date.now());
    const { units } = await meter.of(() => stores.edges.list());
    return { edge, idle, order, session, audit, row: times(units, 1 / EDGES_LISTED) };
  } finally {
    await gate.stop();
    client.destroy();
    await store.stop();
    removeDirectory(directory);
  }
}

/** What a provision alone takes. */
async function provisions(gate: FixGate, meter: Meter, edge: Units): Promise<Units> {
  const { account_balance, trading_volume, account_age_days, kyc_level } = ELIGIBLE;
  const facts = { account_balance, trading_volume, account_age_days, kyc_level };
  const { units, seconds } = await meter.of(async () => {
    for (let i = 0; i < SESSIONS; i++) {
      const user = {
        user_id: `new-${i}`,
        rate_limit_tier: 'basic',
        facts,
        allowed_ips: [],
        additional_credential: false,
      };
      await gate.provision(user, 'scale');
    }
  });
  return times(minus(units, times(edge, seconds)), 1 / SESSIONS);
}
