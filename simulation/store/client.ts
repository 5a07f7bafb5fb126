/**
 * A process's way to the store: what is asked takes time, is throttled, does not arrive, or is done and its reply lost;
 * then it is asked again, as the SDK does, and given up in the end though it may still be done.
 */
import type { Operation, Operations, Output, StoreCalls } from '../../adapters/dynamodb/calls.ts';
import type { Timer } from '../../core/time.ts';
import type { Process } from '../process.ts';
import type { Chance, Scheduler } from '../scheduler.ts';
import { cancelled, type Tables } from './tables.ts';
import type { Weather } from './weather.ts';

/** Nothing gets through while set; by name of the process. */
export interface Network {
  weather: Weather;
  /** The store is away for everybody. */
  away: boolean;
  readonly cut: Set<string>;
}

/** As adapters/dynamodb sets up the SDK: tries, the time each has, and the end of them all (ms). */
const TRIES = 3;
const TRY_WITHIN_MS = 2_000;
const CALL_WITHIN_MS = 3_000;
/** Between tries. */
const BACK_OFF_MS = 50;

/** What becomes of requests before they are done: a mutation of the store, or nothing. */
export type Tamper = (command: string, input: object) => object;

interface Call {
  readonly command: string;
  readonly input: object;
  readonly resolve: (output: object) => void;
  readonly reject: (error: Error) => void;
  /** Goes off when the call has taken too long. */
  late: Timer;
  over: boolean;
}

export interface ClientParts {
  readonly tables: Tables;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly process: Process;
  readonly tamper: Tamper;
  readonly trace: (text: () => string) => void;
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

const WRITES = new Set(['PutItemCommand', 'UpdateItemCommand', 'DeleteItemCommand']);

export class StoreClient implements StoreCalls {
  readonly #parts: ClientParts;
  readonly #tokens: string;
  #made = 0;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#tokens = Buffer.from(parts.chance.bytes(8)).toString('hex');
  }

  call<K extends Operation>(operation: K, input: Operations[K][0]): Promise<Output<K>> {
    return this.#ask(`${operation}Command`, input) as Promise<Output<K>>;
  }

  #ask(command: string, input: object): Promise<object> {
    const { process, tamper } = this.#parts;
    // It died within this event.
    if (!process.speaks) return new Promise(() => {});
    return new Promise((resolve, reject) => {
      // The SDK gives a transaction a token before its first try.
      const token = { ClientRequestToken: `${this.#tokens}.${++this.#made}` };
      const whole = command === 'TransactWriteItemsCommand' ? { ...token, ...input } : input;
      const late = process.reach(CALL_WITHIN_MS, () =>
        this.#end(call, () => reject(named('AbortError', 'Request aborted'))),
      );
      const call: Call = { command, input: tamper(command, whole), resolve, reject, late, over: false };
      this.#try(call, 1);
    });
  }

  #end(call: Call, tell: () => void): void {
    if (call.over) return;
    call.over = true;
    call.late.cancel();
    tell();
  }

  #try(call: Call, attempt: number): void {
    const { scheduler, chance, network, process } = this.#parts;
    const { weather } = network;
    let heard = false;
    const again = (error: Error): void => {
      if (heard || call.over) return;
      heard = true;
      late.cancel();
      if (attempt >= TRIES) this.#end(call, () => call.reject(error));
      else process.reach(chance.next() * BACK_OFF_MS * 2 ** attempt, () => call.over || this.#try(call, attempt + 1));
    };
    const late = process.reach(TRY_WITHIN_MS, () => again(named('TimeoutError', 'the store has not answered in time')));
    if (this.#blocked()) {
      // Half of what cannot get through is noticed at once.
      if (chance.hit(0.5)) process.reach(1, () => again(named('NetworkingError', 'connection refused')));
      return;
    }
    if (chance.hit(weather.lostRequests)) {
      if (chance.hit(0.5)) process.reach(this.#delay(), () => again(named('NetworkingError', 'connection reset')));
      return;
    }
    scheduler.after(this.#delay(), () => {
      const { answer, error, mayRepeat } = this.#do(call);
      const lost = this.#blocked() || chance.hit(weather.lostReplies);
      if (lost) {
        this.#parts.trace(() => `reply lost: ${call.command}${error === undefined ? ', done' : ''}`);
        if (chance.hit(0.5)) process.reach(this.#delay(), () => again(named('NetworkingError', 'connection reset')));
        return;
      }
      process.reach(this.#delay(), () => {
        if (heard) return;
        late.cancel();
        if (error === undefined) this.#end(call, () => call.resolve(answer));
        else if (mayRepeat) again(error);
        else this.#end(call, () => call.reject(error));
      });
    });
  }

  #do({ command, input }: Call): {
    readonly answer: object;
    readonly error?: Error;
    /** The SDK tries throttled calls again by itself. */
    readonly mayRepeat?: boolean;
  } {
    const { chance, network, tables } = this.#parts;
    const { weather } = network;
    if (chance.hit(weather.throttled))
      return { answer: {}, error: named('ThrottlingException', 'too much at once'), mayRepeat: true };
    const transaction = command === 'TransactWriteItemsCommand';
    if ((transaction || WRITES.has(command)) && chance.hit(weather.conflicts)) {
      if (transaction) return { answer: {}, error: cancelled([{ Code: 'TransactionConflict' }]) };
      return { answer: {}, error: named('TransactionConflictException', 'a transaction has this item') };
    }
    const run = tables.calls[command];
    if (run === undefined) throw new TypeError(`the store has no ${command}`);
    try {
      return { answer: run(input as never) };
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) throw error;
      return { answer: {}, error: error as Error };
    }
  }

  #blocked(): boolean {
    const { network, process } = this.#parts;
    return network.away || network.cut.has(process.name);
  }

  #delay(): number {
    const { network, chance } = this.#parts;
    const [least, most] = network.weather.delay;
    return least + (most - least) * chance.next() ** 4;
  }
}
