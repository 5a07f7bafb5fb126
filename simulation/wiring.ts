/** The ports of a process of the simulation: the real adapters of DynamoDB over a simulated way to a simulated store. */
import { createExpressions } from '../adapters/cel/expressions.ts';
import { createDynamoAdapters } from '../adapters/dynamodb/stores.ts';
import { type TableNames, tableNames } from '../adapters/dynamodb/tables.ts';
import { DynamoTokenLeases } from '../adapters/dynamodb/token-leases.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import type { AdminPorts } from '../core/admin.ts';
import { canonicalJson } from '../core/audit/canonical.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { utf8 } from '../core/encoding.ts';
import type { TokenLeases } from '../core/limits/leases-port.ts';
import type { SecretVault, SignedLogons } from '../core/ports.ts';
import type { JournalStore } from '../core/sessions/journal-store.ts';
import type { Process } from './process.ts';
import type { StoreClient } from './store/client.ts';

export const TABLES: TableNames = tableNames('sim');

/** No promise is made about how secrets are kept: a box that says what it holds, and holds to its context. */
export const openBox: SecretVault = {
  seal: async (plaintext, context) => utf8(`${canonicalJson(context)}${Buffer.from(plaintext).toString('hex')}`),
  async open(ciphertext, context) {
    const text = Buffer.from(ciphertext).toString();
    const head = canonicalJson(context);
    if (!text.startsWith(head)) throw new Error('the ciphertext is of another context');
    return new Uint8Array(Buffer.from(text.slice(head.length), 'hex'));
  },
  decoy: async (context) => utf8(canonicalJson(context)),
};

const expressions = new CompiledExpressions(createExpressions());

export interface StorePorts extends AdminPorts {
  readonly signedLogons: SignedLogons;
  readonly leases: TokenLeases;
  readonly journals: JournalStore;
}

export function portsOf(process: Process, client: StoreClient): StorePorts {
  const { random, machine } = process;
  const pause = (ms: number): Promise<void> => process.sleep(ms);
  // One lane in place of two: so few ask at once here that hardly anything would be joined.
  // Edges of both kinds serve together, and one that begins anew may be of the other.
  const edgeRows = process.chance.hit(0.5) ? 'spread' : 'together';
  const options = { client, tables: TABLES, random, pause, lanes: 1, edgeRows } as const;
  const { audit: trail, ...stores } = createDynamoAdapters(options);
  return {
    ...stores,
    trail,
    leases: new DynamoTokenLeases(client, TABLES.limits),
    box: openBox,
    vault: openBox,
    digests: nodeDigests,
    random,
    clock: machine.clock,
    expressions,
  };
}
