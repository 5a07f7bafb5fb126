/**
 * Stops an edge without store and API: while there is a file `shut` in its data directory, it serves nobody. The file's first line is
 * the reason; a second line `cancel_orders` has the venue cancel resting orders.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Gate, OrdersOf } from '../core/sessions/api.ts';
import { SHUT_BYTES } from './limits.ts';
import type { Logger } from './log.ts';

export const SHUT_FILE = 'shut';
const NO_REASON = 'by whoever runs this gateway';

export interface ShutOrder {
  /** Printable ASCII: clients get it in 58. */
  readonly reason: string;
  readonly cancel_orders: boolean;
}

/** What the file says; undefined: there is none. Throws if it cannot be read. */
export function readShut(dataDir: string): ShutOrder | undefined {
  let file: number;
  try {
    file = openSync(join(dataDir, SHUT_FILE), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(SHUT_BYTES);
    const [first = '', ...rest] = bytes.toString('latin1', 0, readSync(file, bytes)).split('\n');
    const reason = first.replace(/[^ -~]/g, ' ').trim();
    return { reason: reason || NO_REASON, cancel_orders: rest.some((line) => line.trim() === 'cancel_orders') };
  } finally {
    closeSync(file);
  }
}

/** Returns what checks for the file and acts on it. A file that cannot be read changes nothing, and is logged once. */
export function watchShut(
  dataDir: string,
  gate: Pick<Gate, 'shut' | 'shutFor'>,
  cancel: (whose: OrdersOf) => void,
  log: Logger,
): () => void {
  let unreadable = false;
  return () => {
    let order: ShutOrder | undefined;
    try {
      order = readShut(dataDir);
      unreadable = false;
    } catch (error) {
      if (!unreadable) log.error({ error, file: SHUT_FILE }, 'whether this edge is to be shut cannot be read');
      unreadable = true;
      return;
    }
    const before = gate.shutFor;
    if (order?.reason === before) return;
    if (order === undefined) log.warn({}, 'the edge is open again');
    else log.warn({ ...order }, 'the edge is shut: every session ends, nobody may log on');
    gate.shut(order?.reason);
    if (order?.cancel_orders && before === undefined) cancel({ of: 'everybody' });
  };
}
