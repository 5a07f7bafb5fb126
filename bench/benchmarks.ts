/** Every benchmark by name, in the order of running. */
import { kill, provision } from './admin.ts';
import { coldStart } from './cold-start.ts';
import { echo, logon, simulator, simulatorFills } from './edge.ts';
import { effect } from './effect.ts';
import type { Figure } from './figures.ts';
import { heap } from './heap.ts';
import { journalModes } from './journal-modes.ts';
import { limitsOverStore } from './limits.ts';
import { encode, journal, limiter, parse } from './micro.ts';
import { death, drain } from './outage.ts';
import type { Sizes } from './sizes.ts';
import { start } from './start.ts';
import { idleSessions, stormInMemory, stormOfLogons } from './storm.ts';
import { way } from './way.ts';
import { scaling } from './workers.ts';

export interface Benchmark {
  readonly name: string;
  /** Names that choose it together with others. */
  readonly group: 'micro' | 'admin' | 'edge';
  readonly says: string;
  readonly run: (sizes: Sizes) => Promise<Figure[]>;
}

export const BENCHMARKS: readonly Benchmark[] = [
  { name: 'parse', group: 'micro', says: 'frame, tokenise, validate an order', run: parse },
  { name: 'encode', group: 'micro', says: 'encode an ExecutionReport', run: encode },
  { name: 'limiter', group: 'micro', says: 'admit an order', run: limiter },
  { name: 'journal', group: 'micro', says: 'journal a report; what each kind of journal costs', run: journals },
  { name: 'heap', group: 'micro', says: 'what an order leaves on the heap', run: heap },
  { name: 'way', group: 'micro', says: 'messages through the whole edge, without sockets', run: way },
  { name: 'start', group: 'admin', says: 'npm start to ready', run: start },
  { name: 'cold-start', group: 'admin', says: 'bundle and init of each function', run: coldStart },
  { name: 'limits', group: 'admin', says: 'leases of tokens beside a write a message', run: limitsOverStore },
  { name: 'provision', group: 'admin', says: 'a provision over HTTP', run: provision },
  { name: 'kill', group: 'admin', says: 'a kill until the client has its Logout', run: kill },
  { name: 'effect', group: 'admin', says: 'kill, lock, suspend and limits until every edge goes by them', run: effect },
  { name: 'logon', group: 'edge', says: 'connect to Logon', run: logon },
  { name: 'storm', group: 'edge', says: 'sessions that log on at once', run: stormOfLogons },
  { name: 'storm-memory', group: 'edge', says: 'the same over a store in memory', run: stormInMemory },
  { name: 'idle', group: 'edge', says: 'what a session costs that does nothing', run: idleSessions },
  { name: 'drain', group: 'edge', says: 'an edge with many sessions is ended', run: drain },
  { name: 'death', group: 'edge', says: 'an edge with many sessions dies', run: death },
  { name: 'echo', group: 'edge', says: 'orders against the echo venue', run: echo },
  { name: 'simulator', group: 'edge', says: 'orders that rest at the simulator', run: simulator },
  { name: 'simulator-fills', group: 'edge', says: 'orders that the simulator fills', run: simulatorFills },
  { name: 'workers', group: 'edge', says: 'orders against several processes on one port', run: scaling },
];

async function journals(sizes: Sizes): Promise<Figure[]> {
  return [...(await journal(sizes)), ...(await journalModes(sizes))];
}

/** Those of the given names and groups; all without any. @throws RangeError for a name that is none */
export function chosen(names: readonly string[]): readonly Benchmark[] {
  const known = new Set(BENCHMARKS.flatMap(({ name, group }) => [name, group]));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new RangeError(`no benchmark ${unknown.join(', ')}; there are ${[...known].join(', ')}`);
  if (names.length === 0) return BENCHMARKS;
  return BENCHMARKS.filter(({ name, group }) => names.includes(name) || names.includes(group));
}
