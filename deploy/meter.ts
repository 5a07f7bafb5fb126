/** A proxy before the store that adds up what each call takes, in capacity units as the store reckons them, by table. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Units } from './scale.ts';

const NONE: Units = { read: 0, write: 0 };

/** What has been taken so far. */
export interface Taken {
  /** By the last part of a table's name. */
  readonly tables: Readonly<Record<string, Units>>;
  readonly calls: number;
  /** Calls whose conditions did not hold, or that met others; their units are in {@link tables}, as of rows below a kilobyte. */
  readonly refused: number;
  /** Of the journal: transactions, and bytes of the pieces in them. */
  readonly commits: number;
  readonly bytes: number;
}

export interface StoreMeter {
  readonly endpoint: string;
  taken(): Taken;
  close(): Promise<void>;
}

interface Capacity {
  readonly TableName?: string;
  readonly CapacityUnits?: number;
}

/** What is looked at of a call; each operation has some of it. */
interface Asked {
  readonly TableName?: string;
  readonly TransactItems?: readonly Readonly<
    Record<string, { TableName?: string; Item?: Record<string, { B?: string }> }>
  >[];
  ReturnConsumedCapacity?: string;
}

const REFUSED = /ConditionalCheckFailed|TransactionCanceled|TransactionConflict/;

export const plus = (a: Units, b: Units): Units => ({ read: a.read + b.read, write: a.write + b.write });
export const times = (a: Units, by: number): Units => ({ read: a.read * by, write: a.write * by });

/** @param to endpoint of the store */
export async function startMeter(to: string): Promise<StoreMeter> {
  const { hostname, port } = new URL(to);
  const agent = new Agent({ keepAlive: true });
  const tally = new Tally();
  const server = createServer((from, reply) => {
    void body(from).then((sent) => {
      const asked = JSON.parse(sent.toString()) as Asked;
      asked.ReturnConsumedCapacity = 'TOTAL';
      const onward = Buffer.from(JSON.stringify(asked));
      const headers = { ...from.headers, 'content-length': String(onward.length) };
      const call = request({ hostname, port, agent, method: 'POST', path: from.url, headers }, (answer) => {
        void body(answer).then((said) => {
          tally.note(String(from.headers['x-amz-target']).split('.')[1] ?? '', asked, answer.statusCode ?? 0, said);
          reply.writeHead(answer.statusCode ?? 502, answer.headers).end(said);
        }, broken(reply));
      });
      call.once('error', broken(reply)).end(onward);
    }, broken(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => tally.taken(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

/** Whoever asked sees a connection that ends. */
const broken = (reply: ServerResponse) => (): void => void reply.destroy();

async function body(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

class Tally {
  readonly #tables = new Map<string, Units>();
  #calls = 0;
  #refused = 0;
  #commits = 0;
  #bytes = 0;

  note(operation: string, asked: Asked, status: number, said: Buffer): void {
    this.#calls += 1;
    const items = asked.TransactItems ?? [];
    if (status === 200) {
      const { ConsumedCapacity = [] } = JSON.parse(said.toString()) as {
        ConsumedCapacity?: Capacity | readonly Capacity[];
      };
      const isRead = /Get|Query|Scan/.test(operation);
      for (const { TableName = '', CapacityUnits = 0 } of [ConsumedCapacity].flat() as readonly Capacity[])
        this.#add(TableName, isRead ? { read: CapacityUnits, write: 0 } : { read: 0, write: CapacityUnits });
      this.#journal(items);
    } else if (REFUSED.test(said.toString())) {
      this.#refused += 1;
      for (const item of items) this.#add(Object.values(item)[0]?.TableName ?? '', { read: 0, write: 2 });
      if (items.length === 0) this.#add(asked.TableName ?? '', { read: 0, write: 1 });
    }
  }

  #journal(items: NonNullable<Asked['TransactItems']>): void {
    let bytes = 0;
    for (const { Put } of items)
      if (Put?.TableName?.endsWith('journal') === true)
        for (const { B } of Object.values(Put.Item ?? {})) bytes += Buffer.byteLength(B ?? '', 'base64');
    if (bytes === 0) return;
    this.#commits += 1;
    this.#bytes += bytes;
  }

  #add(table: string, units: Units): void {
    const name = table.split('-').at(-1) ?? table;
    this.#tables.set(name, plus(this.#tables.get(name) ?? NONE, units));
  }

  taken(): Taken {
    const tables = Object.fromEntries(this.#tables);
    return { tables, calls: this.#calls, refused: this.#refused, commits: this.#commits, bytes: this.#bytes };
  }
}
